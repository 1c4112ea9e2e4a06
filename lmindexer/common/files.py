"""Files that are whole or not there: written aside, then renamed; a disk that refuses is one sentence."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from safetensors import SafetensorError

from lmindexer.common.errors import LMIndexerError


@contextmanager
def written_aside(
    path: str | Path,
    error: type[LMIndexerError] = LMIndexerError,
    remedy: str = "free space, or choose another folder",
) -> Iterator[Path]:
    """A place beside `path` to write to, with the same ending; when the block ends well it takes `path`'s place.

    Whatever goes wrong, what was at `path` before stays as it was, and nothing lies about.

    Raises `error`, one sentence with `remedy`, where the disk is full, read-only, or refuses otherwise.

    >>> with written_aside("ids.json") as aside:                                  # doctest: +SKIP
    ...     aside.write_text("{}", encoding="utf-8")
    """
    path = Path(path)
    aside = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield aside
        os.replace(aside, path)
    except (OSError, SafetensorError) as why:
        reason = (getattr(why, "strerror", None) or str(why)).rstrip(".")
        raise error(f"{path} cannot be written ({reason}); {remedy}.") from why
    finally:
        with suppress(OSError):
            aside.unlink(missing_ok=True)
