"""Official raw files row by row: JSON lines, Python literals, tables parted by tabs or spaces, Parquet.

No file is ever in memory as a whole. A row that cannot be used stops the reading with one sentence that names file and
row, or is counted and left out (on_error="skip").
"""

import ast
import csv
import gzip
import json
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
from tqdm.auto import tqdm

from lmindexer.common.errors import CorpusError
from lmindexer.corpus.checks import SKIP_REMEDY, check_choices, shorten, shorten_name, unreadable

BATCH = 10_000  # rows of Parquet in memory
SHOWN = 20  # rows that were left out, kept in words


class Reading:
    """One pass over raw files: what was left out on the way, and a bar over the bytes read.

    on_error: "raise" stops at the first bad row; "skip" counts it.
    show:     draw the bars.

    Attributes:
        left_out: Counter, kind of problem → rows.
        examples: the first of them in words.
    """

    def __init__(self, on_error: str = "raise", show: bool = False):
        check_choices(on_error=on_error)
        self.on_error, self.show = on_error, show
        self.left_out: Counter[str] = Counter()
        self.examples: list[str] = []

    def bad(self, place: str, kind: str, what: str, remedy: str = "Fetch the file again, or mend the row.") -> None:
        """Raise CorpusError for the row at `place`, or count it."""
        if self.on_error == "raise":
            raise CorpusError(f"{place}: {what}. {remedy} {SKIP_REMEDY}")
        self.left_out[kind] += 1
        if len(self.examples) < SHOWN:
            self.examples.append(f"{place}: {what}")

    def lines(self, path: Path) -> Iterator[tuple[int, str]]:
        """(row from 1, its text without the line end) of a UTF-8 file, gzipped or not; blank rows are passed over.

        Raises CorpusError when the file cannot be read or its gzip data is damaged.
        """
        try:
            size = path.stat().st_size
            with (
                path.open("rb") as raw,
                tqdm(total=size, desc=path.name, unit="B", unit_scale=True, disable=not self.show) as bar,
                gzip.GzipFile(fileobj=raw) if path.suffix.lower() == ".gz" else raw as stream,
            ):
                for row, line in enumerate(stream, start=1):
                    if row % 1000 == 0:
                        bar.update(raw.tell() - bar.n)
                    try:
                        text = line.decode("utf-8-sig" if row == 1 else "utf-8").rstrip("\r\n")
                    except UnicodeDecodeError as error:
                        what = f"the byte 0x{line[error.start]:02X} is not valid UTF-8"
                        self.bad(f"{path}, row {row}", "rows that are not UTF-8", what)
                        continue
                    if text and not text.isspace():
                        yield row, text
                bar.update(size - bar.n)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise CorpusError(f"{path}: the gzip data is damaged or cut short. Fetch it again.") from None
        except OSError as error:
            reason = error.strerror or "the system refused"
            raise CorpusError(f"{path}: it cannot be read ({reason}). Check the path and its permissions.") from None

    # ---------------------------------------------------------------------------------------------- JSON lines

    def objects(self, path: Path, needed: Sequence[str] = (), texts: Sequence[str] = ()) -> Iterator[tuple[str, dict]]:
        """(place of the row, its object) of a file with one JSON object a line.

        needed: keys that must have a value. texts: keys that may have one. Values of both are texts or whole numbers.
        """
        for row, text in self.lines(path):
            place = f"{path}, row {row}"
            record = self.object(place, text)
            if record is None:
                continue
            missing = next((name for name in needed if record.get(name) in (None, "")), None)
            if missing is not None:
                there = ", ".join(map(shorten_name, list(record)[:12])) or "no key"
                self.bad(place, f"rows without {missing!r}", f"there is no {missing!r} (there is {there})")
                continue
            wrong = next((name for name in (*needed, *texts) if not is_plain(record.get(name))), None)
            if wrong is None:
                yield place, record
            else:
                what = f"{wrong!r} is {shorten(record[wrong])}, neither a text nor a whole number"
                self.bad(place, "rows with a value of the wrong type", what)

    def object(self, place: str, text: str, literal: bool = False) -> dict | None:
        """One line → its JSON object; with `literal` also what Python writes for a dict, read without running it."""
        try:
            record = json.loads(text)
        except (ValueError, RecursionError) as error:
            record, what = None, f"this line is not valid JSON ({getattr(error, 'msg', 'nested too deeply').lower()})"
            if literal:
                record, what = _literal(text)
        else:
            what = f"this line is valid JSON but no object: {shorten(record)}"
        if isinstance(record, dict):
            return record
        self.bad(place, "broken rows", what)
        return None

    # --------------------------------------------------------------------------------------------------- tables

    def fields(
        self, path: Path, counts: Sequence[int], separator: str | None = "\t"
    ) -> Iterator[tuple[str, list[str]]]:
        """(place, fields) of a table without quoting; separator=None parts at any white space.

        counts: how many fields a row may have.
        """
        for row, text in self.lines(path):
            found = [field.strip() for field in text.split(separator)]
            place = f"{path}, row {row}"
            if len(found) not in counts:
                wanted = " or ".join(map(str, counts))
                said = f"there {'is 1 field' if len(found) == 1 else f'are {len(found)} fields'} where {wanted} belong"
                self.bad(place, "rows with a wrong number of fields", said)
            else:
                yield place, found

    def csv_records(self, path: Path) -> Iterator[tuple[str, dict]]:
        """(place, row by column) of a file with commas and a header, quoted as `csv` reads it, one line a row."""
        header = None
        for row, text in self.lines(path):
            (found,) = csv.reader([text])
            if header is None:
                header = found
            elif len(found) != len(header):
                what = f"there are {len(found)} fields where the header names {len(header)}"
                self.bad(f"{path}, row {row}", "rows with a wrong number of fields", what)
            else:
                yield f"{path}, row {row}", dict(zip(header, found, strict=True))

    def number(self, place: str, text: object, what: str) -> float | None:
        """A finite number that fits into 64 bits, or None for a bad row."""
        try:
            value = float(text)
        except (TypeError, ValueError, OverflowError):
            value = float("nan")
        if abs(value) < 2**63:
            return value
        self.bad(place, f"rows whose {what} is no number", f"the {what} {shorten(text)} is no number that can be kept")
        return None

    def one_text_each(self, rows: Iterable[tuple[str, str, str]]) -> dict[str, str]:
        """{query id: text} of (place, query id, text); an id that comes again with another text is a bad row."""
        found: dict[str, str] = {}
        for place, query, text in rows:
            if found.setdefault(query, text) != text:
                self.bad(place, "queries with two texts", f"the query {shorten(query)} has another text than before")
        return found

    def readable(self, place: str, *texts: str) -> bool:
        """Whether all texts can be stored; a bad row otherwise."""
        wrong = next((wrong for wrong in map(unreadable, texts) if wrong), "")
        if wrong:
            self.bad(place, "rows with unreadable characters", f"a text {wrong}")
        return not wrong

    # -------------------------------------------------------------------------------------------------- Parquet

    def parquet(self, path: Path, columns: Sequence[str]) -> Iterator[tuple[str, dict]]:
        """(place, row as a dict) of a Parquet file, rows counted from 1; values are texts, whole numbers or None.

        Raises CorpusError for a missing column and for a damaged file.
        """
        try:
            with (
                pa.parquet.ParquetFile(path) as file,
                tqdm(total=file.metadata.num_rows, desc=path.name, unit=" rows", disable=not self.show) as bar,
            ):
                missing = next((name for name in columns if name not in file.schema_arrow.names), None)
                if missing is not None:
                    there = ", ".join(map(shorten_name, file.schema_arrow.names[:12]))
                    raise CorpusError(f"{path}: there is no column {missing!r}. The columns are: {there}.")
                row = 0
                for batch in file.iter_batches(batch_size=BATCH, columns=list(columns)):
                    for record in batch.to_pylist():
                        row += 1
                        wrong = next((name for name, value in record.items() if not is_plain(value)), None)
                        if wrong is None:
                            yield f"{path}, row {row}", record
                            continue
                        what = f"{wrong!r} is {shorten(record[wrong])}, neither a text nor a whole number"
                        self.bad(f"{path}, row {row}", "rows with a value of the wrong type", what)
                    bar.update(batch.num_rows)
        except (pa.ArrowException, OSError, UnicodeDecodeError):
            raise CorpusError(f"{path}: the Parquet file is damaged or cut short. Fetch it again.") from None


def is_plain(value: object) -> bool:
    """Whether a value is a text, a whole number or nothing."""
    return value is None or (isinstance(value, str | int) and not isinstance(value, bool))


def _literal(text: str) -> tuple[object, str]:
    """A Python literal's value, or None and what is wrong. `ast.literal_eval` runs no code."""
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError, RecursionError, MemoryError, TypeError):
        return None, "this line is neither a JSON object nor a Python dict"
    return value, f"this line is a Python {type(value).__name__} and no dict"
