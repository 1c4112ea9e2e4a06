"""Files and frames → tables of raw cells, each record with the row number a person sees.

Every reader takes `choose`, a function (names that are there, place for messages, hint) → names wanted. It
raises for a missing column before the bulk is read, and columns that nobody asked for (embeddings, say) are
never loaded.
"""

import codecs
import contextlib
import csv
import gzip
import io
import itertools
import json
import sys
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.checks import ENCODING_REMEDY, SKIP_REMEDY, Problem, Table, shorten
from lmindexer.corpus.filetypes import check_content, is_gzipped, kind_of, stem

__all__ = ["kind_of", "read_table", "split_options", "stem", "table_of_frame", "table_of_records"]

Choose = Callable[..., list]

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
FROM_ZERO = " (counted from 0)"
QUOTE_REMEDY = "Close or double it, or pass quote=None if quotation marks are ordinary characters here."


def read_table(path, kind: str, choose: Choose, *, encoding="utf-8-sig", delimiter=None, quote='"') -> Table:
    """Read a file of the given kind ("csv", "tsv", "jsonl", "parquet") into a Table of the columns chosen.

    delimiter: one character; None is the kind's own. quote: one character, or None for no quoting.
    Raises CorpusError when the file is missing, a folder, empty, not of this kind or damaged as a whole; what
    is wrong with single rows is noted in the table. Raises SettingsError for an unknown encoding.
    """
    encoding = _check_settings(encoding, delimiter, quote)
    with _own_errors(path):
        check_content(path, kind, wide=encoding.startswith(("utf-16", "utf-32")))
        if kind == "parquet":
            return _read_parquet(path, choose)
        with _open_text(path, encoding) as stream:
            if kind == "jsonl":
                return _read_jsonl(stream, str(path), choose)
            delimiter = delimiter or ("\t" if kind == "tsv" else ",")
            return _read_delimited(stream, str(path), choose, delimiter, quote)


def split_options(options: dict) -> tuple[dict, dict]:
    """Keywords → (those of `read_table`, all others)."""
    form = {name: options[name] for name in ("encoding", "delimiter", "quote") if name in options}
    return form, {name: value for name, value in options.items() if name not in form}


def table_of_frame(frame: pd.DataFrame, choose: Choose) -> Table:
    """A pandas frame as a Table; a named index counts as a column. Rows count from 0, as `iloc` does."""
    if not isinstance(frame, pd.DataFrame):
        given = type(frame).__name__
        raise CorpusError(f"frame: a pandas DataFrame is expected, not {given}. Use from_records for dicts.")
    if frame.index.name is not None and frame.index.name not in frame.columns:
        frame = frame.reset_index()
    names = choose(list(frame.columns), "frame")
    columns = {name: frame[name].to_numpy(dtype=object) for name in names}
    return Table(columns, np.arange(len(frame)), "frame", FROM_ZERO)


def table_of_records(records: Sequence[dict], choose: Choose) -> Table:
    """A list of dicts as a Table, rows counted from 0."""
    if not isinstance(records, (list, tuple)):
        raise CorpusError(f"records: a list of dicts is expected, not {type(records).__name__}. Pass a list.")
    for row, record in enumerate(records):
        if not isinstance(record, dict):
            what = f"a dict is expected, not {type(record).__name__}"
            raise CorpusError(f"records, row {row}{FROM_ZERO}: {what}. Pass a list of dicts.")
    return _table_of_dicts(records, range(len(records)), "records", choose, FROM_ZERO, [])


def _table_of_dicts(records, rows, source: str, choose: Choose, counting: str, problems: list) -> Table:
    names = list(dict.fromkeys(itertools.chain.from_iterable(records)))
    # without any record there are no names to choose from: the empty table says so later
    wanted = choose(names, source) if records else []
    columns = {name: [record.get(name) for record in records] for name in wanted}
    return Table(columns, np.array(rows, dtype=np.int64), source, counting, problems)


# --------------------------------------------------------------------------------------------- opening a file


def _check_settings(encoding: str, delimiter: str | None, quote: str | None) -> str:
    """The encoding's plain name. Raises SettingsError for settings that cannot be."""
    try:
        name = codecs.lookup(encoding).name
        "".encode(encoding)  # refuses codecs that are no text encodings, such as base64
    except (LookupError, TypeError):
        raise SettingsError(f'encoding {encoding!r} is not known; "utf-8" and "cp1252" are common.') from None
    for setting, value in (("delimiter", delimiter), ("quote", quote)):
        if value is not None and (not isinstance(value, str) or len(value) != 1 or value in "\r\n"):
            raise SettingsError(f"{setting} is {value!r}; it must be one character or None.")
    if quote is not None and quote == delimiter:
        raise SettingsError(f"delimiter and quote are both {quote!r}; they must differ.")
    return (
        "utf-8-sig" if name == "utf-8" else name
    )  # a byte-order mark is never part of the first column's name


@contextlib.contextmanager
def _own_errors(path):
    """Turn what the operating system, gzip and codecs raise into one sentence about the file."""
    try:
        yield
    except (EOFError, gzip.BadGzipFile, zlib.error):
        raise CorpusError(f"{path}: the gzip data is damaged or cut short. Fetch or make it again.") from None
    except OSError as error:
        reason = error.strerror or "the system refused"
        raise CorpusError(
            f"{path}: it cannot be read ({reason}). Check the path and its permissions."
        ) from None
    except UnicodeError:
        raise CorpusError(
            f"{path}: the text is not in the encoding that was named. {ENCODING_REMEDY}"
        ) from None


@contextlib.contextmanager
def _open_text(path, encoding: str) -> Iterator[io.TextIOBase]:
    """A text file, gzipped or not, with its line ends as they are.

    A byte that cannot be decoded is kept as a lone surrogate: the check of the cells names its row and
    column.
    """
    with gzip.open(path) if is_gzipped(path) else open(path, "rb") as raw:
        yield io.TextIOWrapper(raw, encoding=encoding, errors="surrogateescape", newline="")


# -------------------------------------------------------------------------------------------------------- CSV


@contextlib.contextmanager
def _long_fields():
    """Lift the csv module's limit of 131,072 characters a field while reading."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


class _Records:
    """Iterates (row, fields, "") over a CSV stream's records, or (row, None, what is wrong) for a broken one.

    A record's row is the line it starts on. A record that breaks after its first line (a quotation mark that
    is not closed swallows the lines that follow) costs only that line: the others are read again.
    """

    def __init__(self, stream, delimiter: str, quote: str | None):
        self.stream = stream
        self.form = {"delimiter": delimiter, "strict": True}
        self.form |= {"quoting": csv.QUOTE_NONE} if quote is None else {"quotechar": quote}
        self.again: deque[str] = deque()  # lines to read once more
        self.held: list[str] = []  # the lines of the record being read

    def _lines(self) -> Iterator[str]:
        while True:
            line = self.again.popleft() if self.again else next(self.stream, None)
            if line is None:
                return
            self.held.append(line)
            yield line

    def __iter__(self) -> Iterator[tuple[int, list[str] | None, str]]:
        reader, row = csv.reader(self._lines(), **self.form), 1
        while True:
            self.held.clear()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                unclosed = "unexpected end of data" in str(error)
                wrong = "is never closed" if unclosed else "does not end where its field does"
                yield row, None, f"a quotation mark that opens here {wrong}"
                self.again.extendleft(reversed(self.held[1:]))
                reader, row = csv.reader(self._lines(), **self.form), row + 1
                continue
            if any(
                map(str.strip, fields)
            ):  # a blank line, or a spreadsheet's row of empty cells, is no record
                yield row, fields, ""
            row += len(self.held)


def _read_delimited(stream, source: str, choose: Choose, delimiter: str, quote: str | None) -> Table:
    with _long_fields():
        records = iter(_Records(stream, delimiter, quote))
        header_row, header, wrong = next(records, (0, [], ""))
        if header == []:
            raise CorpusError(f"{source}: the file is empty. Give a file with at least one row.")
        place = f"{source}, row {header_row}"
        names = _header_names(header, place, wrong)
        wanted = choose(names, place, _other_delimiter(names, delimiter))
        places = [names.index(name) for name in wanted]
        rows, problems = [], []
        kept: list[list[str]] = [[] for _ in wanted]
        for row, fields, wrong in records:
            if fields is None:
                problems.append(Problem(row, "", "quotation mark", wrong, QUOTE_REMEDY))
            elif len(fields) != len(names):
                problems.append(_ragged(row, len(fields), len(names)))
            else:
                rows.append(row)
                for column, index in zip(kept, places, strict=True):
                    column.append(fields[index])
    columns = dict(zip(wanted, kept, strict=True))
    return Table(columns, np.array(rows, dtype=np.int64), source, problems=problems)


def _header_names(header: list[str] | None, place: str, wrong: str) -> list[str]:
    if header is None:
        raise CorpusError(f"{place}: {wrong}. This row must hold the column names.")
    names = [name.strip() for name in header]
    if any("\udc80" <= letter <= "\udcff" for name in names for letter in name):
        raise CorpusError(f"{place}: a column name is not valid in this encoding. {ENCODING_REMEDY}")
    return names


def _ragged(row: int, found: int, expected: int) -> Problem:
    what = f"there {'is 1 field' if found == 1 else f'are {found} fields'} where the header names {expected}"
    advice = (
        "Put quotation marks around a field that holds the separator" if found > expected else "Add the rest"
    )
    return Problem(row, "", "wrong number of fields", what, f"{advice}. {SKIP_REMEDY}")


def _other_delimiter(names: list[str], delimiter: str) -> str:
    """The remedy when the header is one field that another separator would split, else ""."""
    counts = {other: names[0].count(other) for other in DELIMITERS if other != delimiter}
    best = max(counts, key=lambda other: counts[other])
    if len(names) != 1 or counts[best] == 0:
        return ""
    found = f"The header is one field, {shorten(names[0], 60)}, and looks separated by {DELIMITERS[best]}"
    return f"{found}: pass delimiter={best!r}."


# ------------------------------------------------------------------------------------ JSON lines and Parquet


def _read_jsonl(stream, source: str, choose: Choose) -> Table:
    rows, records, problems = [], [], []
    for row, line in enumerate(stream, start=1):
        if line.isspace():
            continue
        record, wrong = _parse_json(line)
        if wrong:
            remedy = f"Write one JSON object on each line. {SKIP_REMEDY}"
            problems.append(Problem(row, "", "broken JSON", wrong, remedy))
        else:
            rows.append(row)
            records.append(record)
    return _table_of_dicts(records, rows, source, choose, "", problems)


def _parse_json(line: str) -> tuple[dict, str]:
    """A line → (its object, "" or what is wrong with the line)."""
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        return {}, f"this line is not valid JSON ({error.msg.lower()}, at character {error.pos + 1})"
    except (ValueError, RecursionError):
        return {}, "this line cannot be read as JSON (a number is too long, or it is nested too deeply)"
    if not isinstance(record, dict):
        return {}, f"this line is valid JSON but no object: {shorten(record)}"
    return record, ""


def _read_parquet(path, choose: Choose) -> Table:
    """Rows of a Parquet file count from 1."""
    try:
        with pa.parquet.ParquetFile(path) as file:
            wanted = choose(file.schema_arrow.names, str(path))
            table = file.read(columns=wanted)
            columns = {name: _values(table.column(name)) for name in wanted}
    except (pa.ArrowException, OSError, ValueError):
        raise CorpusError(f"{path}: the Parquet file is damaged or cut short. Make it again.") from None
    return Table(columns, np.arange(1, table.num_rows + 1), str(path))


def _values(column: pa.ChunkedArray) -> Sequence:
    """Arrow's values as Python's; bytes that are no UTF-8 are kept as the text files' are."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column.to_pylist()
    try:
        return column.to_numpy()
    except pa.ArrowException:
        values = column.cast(pa.large_binary()).to_pylist()
        return [None if value is None else value.decode("utf-8", "surrogateescape") for value in values]
