"""Files and frames → tables of raw cells, each record with the row number a person sees.

Every reader takes `choose`, a function (names that are there, place for messages, hint) → names wanted. It
raises for a missing column before the bulk is read, and columns that nobody asked for (embeddings, say) are
never loaded. hint, where a reader has one: names wanted → the remedy when one of them is missing, or "".
"""

import itertools
import json
import os
from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from lmindexer.common.errors import CorpusError
from lmindexer.corpus.checks import SKIP_REMEDY, Problem, Table, shorten
from lmindexer.corpus.csvfiles import read_delimited
from lmindexer.corpus.csvrecords import Form
from lmindexer.corpus.filetypes import check_content, kind_of, stem
from lmindexer.corpus.textfiles import check_encoding, check_not_utf8, encoding_remedy, open_text, own_errors

__all__ = ["FORM", "kind_of", "read_table", "split_options", "stem", "table_of_frame", "table_of_records"]

Choose = Callable[..., list]

FORM = ("encoding", "delimiter", "quote", "escape")  # keywords that say how a text file is written
OWN = b"lmindexer.corpus"  # the key in a Parquet file's metadata that says a corpus has written it
FROM_ZERO = " (counted from 0)"


def read_table(
    path, kind: str | None, choose: Choose, *, encoding="utf-8-sig", delimiter=None, quote='"', escape=None
) -> Table:
    """Read a file of the given kind ("csv", "tsv", "jsonl", "parquet") into a Table of the columns chosen.

    kind:      None goes by the extension.
    delimiter: one character; None is the kind's own. quote: one character, or None for no quoting. escape: the
               character before a quotation mark within a quoted field, where it is not doubled; "\\" mostly.
    Raises CorpusError when the file is missing, a folder, empty, not of this kind or damaged as a whole; what
    is wrong with single rows is noted in the table. Raises SettingsError for an unknown encoding.
    """
    check_path(path)
    kind = kind or kind_of(path)
    encoding = check_encoding(encoding)
    form = Form(None if isinstance(delimiter, str) and not delimiter else delimiter, quote, escape)
    with own_errors(path):
        check_content(path, kind, wide=encoding.startswith(("utf-16", "utf-32", "iso2022")))
        if kind == "parquet":
            return _read_parquet(path, choose)
        check_not_utf8(path, encoding)
        with open_text(path, encoding) as stream:
            if kind == "jsonl":
                return _read_json(stream, str(path), choose)
            return read_delimited(stream, str(path), choose, form, "\t" if kind == "tsv" else ",")


def check_path(path) -> None:
    """Raise CorpusError for what is no path: an open file, a frame, bytes."""
    if not isinstance(path, (str, os.PathLike)):
        given = type(path).__name__
        raise CorpusError(
            f"A path is expected, not {given}. Save the data to a file and give its path, or read it with pandas and "
            "use from_frame."
        )


def split_options(options: dict) -> tuple[dict, dict]:
    """Keywords → (those of `read_table`, all others)."""
    form = {name: options[name] for name in FORM if name in options}
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
    table = Table(columns, np.array(rows, dtype=np.int64), source, counting, problems)
    if not counting:
        table.numbers = table.rows - 1
        table.encoding_remedy = lambda: encoding_remedy(source)
    return table


def _read_json(stream, source: str, choose: Choose) -> Table:
    """JSON lines, or one JSON array of objects, which count from 1."""
    start = stream.read(1)
    while start.isspace() or start == "\ufeff":
        start = stream.read(1)
    stream.seek(0)
    return (_read_array if start == "[" else _read_lines)(stream, source, choose)


def _read_array(stream, source: str, choose: Choose) -> Table:
    try:
        found = json.load(stream)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, character {error.colno}"
        raise CorpusError(f"{source}: it is not valid JSON ({error.msg.lower()}, at {where}). Mend it there.") from None
    except (ValueError, RecursionError):
        wrong = "a number is too long, or it is nested too deeply"
        raise CorpusError(f"{source}: it cannot be read as JSON ({wrong}). Write one object a line.") from None
    rows, records, problems = [], [], []
    for row, record in enumerate(found, start=1):
        if isinstance(record, dict):
            rows.append(row)
            records.append(record)
        else:
            what = f"this element of the array is no object: {shorten(record)}"
            problems.append(Problem(row, "", "no object", what, f"Write an object for each row. {SKIP_REMEDY}"))
    return _table_of_dicts(records, rows, source, choose, "", problems)


LITERAL = "this line is a Python literal and no JSON, as in Amazon's files of 2014"
AMAZON_REMEDY = (
    "Read it with lmindexer.load_amazon, or make a folder of it that every command takes: "
    "`lmindexer data prepare amazon --raw FOLDER --out FOLDER`."
)


def _read_lines(stream, source: str, choose: Choose) -> Table:
    rows, records, problems = [], [], []
    for row, line in enumerate(stream, start=1):
        line = line.lstrip("\ufeff")
        if line.isspace():
            continue
        record, wrong = _parse_json(line)
        if wrong:
            remedy = AMAZON_REMEDY if wrong == LITERAL else f"Write one JSON object on each line. {SKIP_REMEDY}"
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
        if line.lstrip()[:2] in ("{'", "{u"):
            return {}, LITERAL
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
            own = json.loads((file.schema_arrow.metadata or {}).get(OWN, b"null"))
    except (pa.ArrowException, OSError, ValueError):
        raise CorpusError(f"{path}: the Parquet file is damaged or cut short. Make it again.") from None
    rows = np.arange(1, table.num_rows + 1)
    return Table(columns, rows, str(path), numbers=rows - 1, own=own)


def _values(column: pa.ChunkedArray) -> Sequence:
    """Arrow's values as Python's; bytes that are no UTF-8 are kept as the text files' are."""
    if not (pa.types.is_string(column.type) or pa.types.is_large_string(column.type)):
        return column.to_pylist()
    try:
        return column.to_numpy()
    except pa.ArrowException:
        values = column.cast(pa.large_binary()).to_pylist()
        return [None if value is None else value.decode("utf-8", "surrogateescape") for value in values]
