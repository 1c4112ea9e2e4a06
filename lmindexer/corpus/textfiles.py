"""Text files: their encoding, checked and guessed; opened with every line as it is."""

import codecs
import contextlib
import functools
import gzip
import io
import zlib
from collections.abc import Callable, Iterator

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.checks import ENCODING_REMEDY
from lmindexer.corpus.encodings import likely_encodings
from lmindexer.corpus.filetypes import is_gzipped

SAMPLE = 1 << 18  # bytes that a guess looks at


def check_encoding(encoding: str) -> str:
    """The encoding's plain name. Raises SettingsError for one that is not known.

    >>> check_encoding("UTF8")
    'utf-8-sig'
    """
    try:
        name = codecs.lookup(encoding).name
        "".encode(encoding)  # refuses codecs that are no text encodings, such as base64
    except (LookupError, TypeError):
        raise SettingsError(f'encoding {encoding!r} is not known; "utf-8" and "cp1252" are common.') from None
    # a byte-order mark is never part of the first column's name
    return "utf-8-sig" if name == "utf-8" else name


@contextlib.contextmanager
def own_errors(path):
    """Turn what the operating system, gzip and codecs raise into one sentence about the file."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise CorpusError(f"{path}: the gzip data is damaged or cut short. Fetch or make it again.") from None
    except OSError as error:
        reason = error.strerror or "the system refused"
        raise CorpusError(f"{path}: it cannot be read ({reason}). Check the path and its permissions.") from None
    except UnicodeError:
        remedy = encoding_remedy(path)
        raise CorpusError(f"{path}: the text is not in the encoding that was named. {remedy}") from None


@contextlib.contextmanager
def open_text(path, encoding: str) -> Iterator[io.TextIOBase]:
    """A text file, gzipped or not, with its line ends as they are.

    A byte that cannot be decoded is kept as a lone surrogate: the check of the cells names its row and column.
    """
    with gzip.open(path) if is_gzipped(path) else open(path, "rb") as raw:
        yield io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")


def check_not_utf8(path, encoding: str) -> None:
    """Raise CorpusError where a one-byte encoding is named and the file is UTF-8: each "é" would be read as "Ã©"."""
    if len("é".encode(encoding, "ignore")) > 1 or encoding.startswith("utf"):
        return
    head = _sample(path)
    if not head.isascii() and _decodes(head, "utf-8"):
        raise CorpusError(f"{path}: the text is UTF-8 and not {encoding}. Leave encoding={encoding!r} out.")


def encoding_remedy(path) -> str:
    """What to do about bytes that are no UTF-8, with the encoding that they look like where one is found."""
    return _remedy(str(path))


@functools.lru_cache(maxsize=8)
def _remedy(path: str) -> str:
    try:
        found = likely_encodings(_sample(path))
    except (OSError, EOFError, zlib.error):
        found = []
    if not found:
        return ENCODING_REMEDY
    first, *others = found
    if first == "utf-8":
        return "The file looks like UTF-8: leave encoding out."
    looks = f"The file looks like {first}: pass encoding={first!r}"
    if others:
        looks += f" (or, where letters then come out wrong, one of {', '.join(others)}: there are few to go by)"
    return f"{looks}, or save it as UTF-8."


def _decodes(data: bytes, encoding: str) -> bool:
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)  # the sample may end within a letter
    except UnicodeDecodeError:
        return False
    return True


def _sample(path) -> bytes:
    """The first bytes and, where these are plain ASCII, the first chunk that is not."""
    with gzip.open(path) if is_gzipped(path) else open(path, "rb") as raw:
        read: Callable[[], bytes] = functools.partial(raw.read, SAMPLE)
        for chunk in iter(read, b""):
            if not chunk.isascii():
                return chunk
    return b""
