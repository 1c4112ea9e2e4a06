"""What a file is: by its name, by its first bytes, and one sentence when the two differ."""

import codecs
import gzip
import unicodedata
import zipfile
from pathlib import Path

from lmindexer.common.errors import CorpusError
from lmindexer.corpus.checks import nearest

EXTENSIONS = {
    ".csv": "csv", ".tsv": "tsv", ".tab": "tsv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".json": "jsonl",
    ".parquet": "parquet", ".pq": "parquet",
}  # fmt: skip
WORDS = {"csv": "CSV text", "tsv": "TSV text", "jsonl": "JSON lines", "parquet": "a Parquet file"}
SIGNATURES = (
    (b"PAR1", "a Parquet file", "Read it with from_parquet, or rename it to .parquet."),
    (b"\x1f\x8b", "gzip-compressed", "Rename it so that it ends in .gz, or unpack it."),
    (b"PK\x03\x04", "a zip archive", "Unpack it and give the file inside."),
    (b"\xd0\xcf\x11\xe0", "an old Excel workbook", "Save it as CSV (UTF-8) from Excel."),
    (b"BZh", "bzip2-compressed", "Unpack it first."),
    (b"\xfd7zXZ\x00", "xz-compressed", "Unpack it first."),
    (b"\x28\xb5\x2f\xfd", "zstd-compressed", "Unpack it first."),
    (b"%PDF", "a PDF document", "Give a file of rows."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV or Parquet."),
    (b"ARROW1", "an Arrow (Feather) file", "Write it as Parquet."),
    (b"version https://git-lfs", "a Git LFS pointer", "Fetch the data itself with `git lfs pull`."),
)
WIDE_MARKS = {  # byte-order marks; UTF-32's first, for UTF-16's is its beginning
    b"\xff\xfe\0\0": "utf-32", b"\0\0\xfe\xff": "utf-32", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16",
}  # fmt: skip
BLANK = b"\xef\xbb\xbf \t\r\n"
HEAD = 4096  # bytes looked at


def kind_of(path: str | Path) -> str:
    """"csv", "tsv", "jsonl" or "parquet" by the file's extension, ".gz" left aside.

    Raises CorpusError for any other extension and for a folder.

    >>> kind_of("items.jsonl.gz")
    'jsonl'
    """  # fmt: skip
    place = Path(path)
    if place.is_dir():
        raise CorpusError(f"{path}: this is a folder. Give one file in it.")
    zipped = place.suffix.lower() == ".gz"
    extension = (place.with_suffix("") if zipped else place).suffix.lower()
    kind = EXTENSIONS.get(extension)
    if kind is None or (zipped and kind == "parquet"):
        remedy = "Use .csv, .tsv, .jsonl (each also with .gz) or .parquet."
        if extension in (".xlsx", ".xls", ".ods"):
            remedy = "Save the sheet as CSV (UTF-8)."
        raise CorpusError(f"{path}: the extension {extension or '(none)'} is not known. {remedy}")
    return kind


def stem(path: str | Path) -> str:
    """The file's name without its extensions: "items" for "data/items.jsonl.gz"."""
    place = Path(path)
    if place.suffix.lower() == ".gz":
        place = place.with_suffix("")
    return place.stem if place.suffix.lower() in EXTENSIONS else place.name


def is_gzipped(path: str | Path) -> bool:
    """Whether the name says that the file is gzip-compressed."""
    return Path(path).suffix.lower() == ".gz"


def check_content(path: str | Path, kind: str, wide: bool = False) -> None:
    """Raise CorpusError unless the file is there and its first bytes can be of this kind.

    wide: the caller named an encoding whose bytes look like no text (UTF-16, UTF-32, ISO-2022).
    """
    place = Path(path)
    _check_place(path, place)
    head = _head(path, place)
    if not head.strip(BLANK) and len(head) < HEAD:
        raise CorpusError(f"{path}: the file is empty. Give a file with at least one row.")
    if kind == "parquet" and head.startswith(b"PAR1"):
        return
    found = _describe(place, head, wide)
    if kind == "parquet":
        raise CorpusError(f"{path}: it is not a Parquet file but {found or _describe_text(head)}")
    if found:
        raise CorpusError(f"{path}: it is not {WORDS[kind]} but {found}")
    if not wide:
        _check_text(path, head, kind)


def _check_place(path: str | Path, place: Path) -> None:
    if place.is_dir():
        raise CorpusError(f"{path}: this is a folder. Give one file in it.")
    if not place.exists():
        siblings = [other.name for other in place.parent.iterdir()] if place.parent.is_dir() else []
        close = nearest(place.name, siblings)
        guess = f"Did you mean {close!r}?" if close else "Check the path."
        raise CorpusError(f"{path}: there is no such file. {guess}")
    if not place.is_file():
        raise CorpusError(f"{path}: this is no ordinary file. Save the data to one first.")


def _head(path: str | Path, place: Path) -> bytes:
    """The first bytes, unpacked where the name ends in .gz."""
    with open(place, "rb") as stream:
        head = stream.read(HEAD)
    if not is_gzipped(place) or not head:
        return head
    if not head.startswith(b"\x1f\x8b"):
        raise CorpusError(f"{path}: it ends in .gz but is not gzip-compressed. Take .gz off its name.")
    with gzip.open(place) as stream:
        return stream.read(HEAD)


def _describe(place: Path, head: bytes, wide: bool) -> str:
    """What the bytes say the file is when it is no plain text, with the remedy; "" for text."""
    for signature, what, remedy in SIGNATURES:
        if head.startswith(signature):
            if what == "a zip archive" and not is_gzipped(place) and _is_workbook(place):
                return "an Excel workbook. Save the sheet as CSV (UTF-8) from Excel."
            return f"{what}. {remedy}"
    if wide:
        return ""
    encoding = _wide_encoding(head)
    if encoding:
        return f'{encoding.upper()[:6]} text. Pass encoding="{encoding}", or save it as UTF-8.'
    if b"\x1b$" in head or b"\x1b(J" in head:
        return 'text in ISO-2022-JP. Pass encoding="iso2022_jp", or save it as UTF-8.'
    start = head.lstrip(BLANK)[:9].lower()
    if start.startswith((b"<!doctype", b"<html")):
        return "a web page. The download went wrong: fetch the file again."
    first_line = head.splitlines()[0] if head else b""
    if b"\0" in first_line or (b"\0" in head and not _is_utf8(first_line)):
        return "a binary file. Give CSV, TSV, JSON lines or Parquet."
    return ""


def _wide_encoding(head: bytes) -> str | None:
    """The encoding of text with two or four bytes a letter: by its mark, or by what makes its first line a line."""
    for mark, encoding in WIDE_MARKS.items():
        if head.startswith(mark):
            return encoding
    if b"\0" not in head:
        return None
    for encoding in ("utf-32-le", "utf-32-be", "utf-16-le", "utf-16-be"):
        text = codecs.getincrementaldecoder(encoding)("replace").decode(head)
        signs = [letter for letter in text if not letter.isspace()]
        letters = sum(unicodedata.category(letter)[0] in "LMNPSZ" for letter in signs)
        # of bytes in the other order hardly any is a plain sign
        plain = sum(letter.isascii() and letter.isprintable() for letter in text)
        if signs and letters >= 0.98 * len(signs) and plain * 20 >= len(text) and "\ufffd" not in text:
            return encoding
    return None


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_workbook(place: Path) -> bool:
    try:
        with zipfile.ZipFile(place) as archive:
            return any(name.startswith("xl/") for name in archive.namelist())
    except zipfile.BadZipFile:
        return False


def _describe_text(head: bytes) -> str:
    if head.lstrip(BLANK).startswith((b"{", b"[")):
        return "JSON text. Read it with from_jsonl."
    return "plain text. Read it with from_csv, from_tsv or from_jsonl."


def _check_text(path: str | Path, head: bytes, kind: str) -> None:
    """Tell JSON and plain text apart."""
    start = head.lstrip(BLANK)
    if kind != "jsonl":
        if start.startswith((b'{"', b'[{"')):
            raise CorpusError(f"{path}: it is not {WORDS[kind]} but {_describe_text(head)}")
        return
    if start.startswith(b"["):
        return  # one array of objects
    if not any(line.lstrip(BLANK).startswith(b"{") for line in head.splitlines()):
        raise CorpusError(f"{path}: it is not JSON lines but {_describe_text(head)}")
