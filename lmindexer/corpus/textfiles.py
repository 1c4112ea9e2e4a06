"""Text files: their encoding, checked and guessed; opened with every line as it is."""

import codecs
import contextlib
import functools
import gzip
import io
import re
import zlib
from collections.abc import Callable, Iterator

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.checks import ENCODING_REMEDY
from lmindexer.corpus.filetypes import is_gzipped

SAMPLE = 1 << 18  # bytes that a guess looks at
_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
_WESTERN = ("cp1252", "cp1250", "cp1254", "cp1257")  # one byte a letter, Latin letters; Excel's own come first


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
        found = guess_encoding(_sample(path))
    except (OSError, EOFError, zlib.error):
        found = None
    if found is None:
        return ENCODING_REMEDY
    if found == "utf-8":
        return "The file looks like UTF-8: leave encoding out."
    return f"The file looks like {found}: pass encoding={found!r}, or save it as UTF-8."


def guess_encoding(data: bytes) -> str | None:
    """The encoding that bytes look like, as a name that Python takes, or None.

    >>> guess_encoding("Säge für Möbel, grün".encode("cp1252"))
    'cp1252'
    >>> guess_encoding("Пила режет дерево быстро и чисто".encode("cp1251"))
    'cp1251'
    """
    from charset_normalizer import from_bytes  # only where something is wrong

    if _decodes(data, "utf-8"):
        return "utf-8"
    found = from_bytes(data).best()
    name = None if found is None else found.encoding
    if _is_latin(data) and _letters(data, "cp1252") >= 0:  # among one-byte encodings of Latin letters it often errs
        return max(_WESTERN, key=lambda other: _letters(data, other))
    return "gb18030" if name in ("gb2312", "gbk") else name


def _is_latin(data: bytes) -> bool:
    """Whether words that hold bytes above 127 consist of ASCII letters mostly: "für", and not a word of Cyrillic."""
    words = [word for word in _WORD.findall(data) if not word.isascii()]
    plain = sum(byte < 128 for word in words for byte in word)
    return plain * 2 >= sum(map(len, words))


def _letters(data: bytes, encoding: str) -> float:
    """The share of bytes above 127 that are small or capital letters beside a letter; -1 where some cannot be read."""
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        return -1.0
    high = [place for place, letter in enumerate(text) if not letter.isascii()]
    return sum(_fits(text, place) for place in high) / max(len(high), 1)


def _fits(text: str, place: int) -> bool:
    """A letter in a word of its own case: "ü" in "für", not "¼" and no capital in the middle of small letters."""
    before, letter = text[place - 1 : place], text[place]
    if not letter.isalpha():
        return not before.isalpha() and not text[place + 1 : place + 2].isalpha()
    return letter.islower() or not before.islower()


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
