"""Arguments of another type than meant: one sentence where they come in, no traceback from far below."""

import os
from pathlib import Path

from lmindexer.common.errors import LMIndexerError, SettingsError


def expect(value, kind: type | tuple[type, ...], what: str, remedy: str) -> None:
    """Raise LMIndexerError unless `value` is of that type.

    >>> expect([1], dict, "a dict of shares", "Give {name: share}.")
    Traceback (most recent call last):
    ...
    lmindexer.common.errors.LMIndexerError: Wanted a dict of shares, not list. Give {name: share}.
    """
    if not isinstance(value, kind):
        raise LMIndexerError(f"Wanted {what}, not {type(value).__name__}. {remedy}")


def expect_path(value) -> None:
    """Raise LMIndexerError unless `value` can be a path."""
    expect(value, (str, os.PathLike), "a path", "Give a string, or a pathlib.Path.")


def path_of(value) -> Path | None:
    """A path as `Path`, None as None. Raises LMIndexerError for what can be no path."""
    if value is not None:
        expect_path(value)
    return None if value is None else Path(value)


def resolved(path: str | os.PathLike) -> Path:
    """The path from the root with links followed; a link that leads to itself stays (`Path.resolve` raises there)."""
    return Path(os.path.realpath(path))


def codes_of(prefix) -> tuple[int, ...]:
    """A prefix as a tuple of whole numbers.

    Raises LMIndexerError for a bare number, a string or anything else that is no sequence of them.

    >>> codes_of([3, 1]), codes_of(())
    ((3, 1), ())
    """
    try:
        if isinstance(prefix, str | bytes):
            raise TypeError
        codes = tuple(prefix)
        whole = tuple(int(code) for code in codes)
    except (TypeError, ValueError):
        codes, whole = None, ()
    if codes is None or any(code != number for code, number in zip(codes, whole, strict=True)):
        raise LMIndexerError(f"Wanted a prefix, a tuple of codes such as (3,) or (3, 17), not {prefix!r}.")
    return whole


def device_named(name: str):
    """torch's device of that name; "auto" takes a GPU where there is one.

    Raises SettingsError for one that torch does not know or this machine does not have.
    """
    import torch

    if isinstance(name, str) and name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, TypeError, AssertionError, NotImplementedError, ValueError):
        remedy = 'give "auto", "cpu", or "cuda" with a GPU'
        raise SettingsError(f"device is {name!r}, which is not here; {remedy}.") from None
    return device
