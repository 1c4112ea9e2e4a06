"""CSV and TSV as people's programs write them: the columns of a file with a header, and what is wrong with its rows."""

import contextlib
import csv
import re
import sys
from collections.abc import Callable, Iterator

import numpy as np

from lmindexer.common.errors import CorpusError
from lmindexer.corpus import csvadvice
from lmindexer.corpus.checks import Problem, Table
from lmindexer.corpus.csvrecords import Form, Records
from lmindexer.corpus.textfiles import encoding_remedy

_SEPARATOR_LINE = re.compile(r'"? *sep *= *(.)"?[,;\t]*\s*', re.IGNORECASE)
_LOOKED_INTO = 50  # bad rows of a file whose cause is looked for; more have the same one, mostly
_AHEAD = 20  # lines after a bad row that may belong to it


def read_delimited(stream, source: str, choose: Callable[..., list], form: Form, usual: str = ",") -> Table:
    """The columns that `choose` names of delimited text with a header.

    usual: the delimiter where neither the form nor the file names one.
    Read as meant: a first line "sep=;" (Excel's), a delimiter too many at a row's end, a header that ends in one.
    Blank lines and rows of empty cells are passed over, and counted in the records' numbers.
    """
    with _long_fields():
        records = _start(stream, form, usual)
        rows = iter(records)
        header_row, first, header, wrong = next(rows, (0, 0, [], ""))
        if header == []:
            raise CorpusError(f"{source}: the file is empty. Give a file with at least one row.")
        place = f"{source}, row {header_row}"
        names = _header_names(header, place, wrong, source, records)
        wanted = choose(names, place, lambda wanted: csvadvice.about_header(records, rows, names, wanted))
        table = _table_of(records, rows, names, wanted, source)
    table.numbers -= first + 1
    return table


def _start(stream, form: Form, usual: str) -> Records:
    """The records after a first line "sep=…" (Excel's), which names the delimiter where none was given."""
    line = stream.readline().lstrip("\ufeff")  # programs that add a mark to a file add one more now and then
    mark = _SEPARATOR_LINE.fullmatch(line)
    delimiter = form.delimiter or (mark.group(1) if mark else usual)
    records = Records(stream, Form(delimiter, form.quote, form.escape), row=2 if mark else 1)
    if line and not mark:
        records.again.append(line)
    return records


def _table_of(records: Records, rows: Iterator, names: list[str], wanted: list[str], source: str) -> Table:
    places = [names.index(name) for name in wanted]
    named = max((place for place, name in enumerate(names) if name), default=0) + 1
    lengths = range(named, len(names) + 1)  # of a row, spare delimiters at its end left aside
    starts, numbers, problems, spare = [], [], [], 0
    kept: list[list[str]] = [[] for _ in wanted]
    for row, number, fields, wrong in rows:
        if fields is None or len(fields) < named or any(map(str.strip, fields[len(names) :])):
            lines = records.following(_AHEAD) if len(problems) < _LOOKED_INTO else []
            problems.append(_problem(row, lines, records.form, fields, lengths, wrong))
            continue
        spare += len(fields) > len(names)
        starts.append(row)
        numbers.append(number)
        for column, index in zip(kept, places, strict=True):
            column.append(fields[index] if index < len(fields) else "")
    table = Table(dict(zip(wanted, kept, strict=True)), np.array(starts, dtype=np.int64), source, problems=problems)
    table.numbers = np.array(numbers, dtype=np.int64)
    table.encoding_remedy = lambda: encoding_remedy(source)
    if spare:
        table.remarks.append(
            f"{spare:,} {'row ends' if spare == 1 else 'rows end'} in a delimiter too many; the empty last field was "
            "left out."
        )
    for name, cells in zip(wanted, kept, strict=True):
        for index, what, then in csvadvice.remarks_on(name, cells, records.form):
            table.remark(index, what, then)
    return table


def _problem(row: int, lines: list[str], form: Form, fields: list[str] | None, lengths: range, wrong: str) -> Problem:
    if fields is None:
        return Problem(row, "", "quotation mark", *csvadvice.about_broken(lines, form, lengths, wrong))
    what, remedy = csvadvice.about_ragged(lines, form, len(fields), lengths)
    return Problem(row, "", "wrong number of fields", what, remedy)


@contextlib.contextmanager
def _long_fields():
    """Lift the csv module's limit of 131,072 characters a field while reading."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _header_names(header: list[str] | None, place: str, wrong: str, source: str, records: Records) -> list[str]:
    if header is None:
        remedy = csvadvice.about_broken_header(records.following(_AHEAD), records.form)
        raise CorpusError(f"{place}: {wrong}. {remedy}")
    names = [name.strip() for name in header]
    if any("\udc80" <= letter <= "\udcff" for name in names for letter in name):
        raise CorpusError(f"{place}: a column name is not valid in this encoding. {encoding_remedy(source)}")
    return names
