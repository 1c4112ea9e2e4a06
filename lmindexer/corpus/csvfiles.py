"""CSV and TSV as people's programs write them: records with their rows, and what is wrong with a broken one."""

import contextlib
import csv
import itertools
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.checks import SKIP_REMEDY, Problem, Table, shorten
from lmindexer.corpus.textfiles import encoding_remedy

DELIMITERS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
QUOTE_REMEDY = "Close or double it, or pass quote=None if quotation marks are ordinary characters here."
_SEPARATOR_LINE = re.compile(r'\ufeff?"?sep=(.)"?[,;\t]*\s*', re.IGNORECASE)
_ESCAPED = "\ud800"  # stands for an escaped quotation mark while a record is parsed; no file can hold it


@dataclass(frozen=True)
class Form:
    """How a file of delimited text is written: each one character, or None for what it does without or does not say."""

    delimiter: str | None = ","
    quote: str | None = '"'
    escape: str | None = None

    def __post_init__(self):
        for setting in ("delimiter", "quote", "escape"):
            value = getattr(self, setting)
            if value is not None and (not isinstance(value, str) or len(value) != 1 or value in "\r\n"):
                raise SettingsError(f"{setting} is {value!r}; it must be one character or None.")
        for one, other in itertools.combinations(("delimiter", "quote", "escape"), 2):
            if getattr(self, one) is not None and getattr(self, one) == getattr(self, other):
                raise SettingsError(f"{one} and {other} are both {getattr(self, one)!r}; they must differ.")


class _Records:
    """Iterates (row, number, fields, "") over a CSV stream's records, or (row, number, None, what is wrong).

    row: the line a record starts on, from 1. number: how many records and blank lines stand before it. A record that
    breaks after its first line (a quotation mark that is not closed swallows the lines that follow) costs only that
    line: the others are read again. Spaces between a closing quotation mark and the next delimiter are left out.
    """

    def __init__(self, stream, form: Form, row: int = 1):
        self.stream, self.form, self.row = stream, form, row
        # a space after the delimiter says nothing, and hides a quotation mark that follows it
        self.how = {"delimiter": form.delimiter, "strict": True, "skipinitialspace": form.delimiter != " "}
        self.how |= {"quoting": csv.QUOTE_NONE} if form.quote is None else {"quotechar": form.quote}
        self.again: deque[str] = deque()  # lines to read once more
        self.held: list[str] = []  # the lines of the record being read
        signs = "".join(map(re.escape, filter(None, (form.escape, form.quote))))
        quote, delimiter = re.escape(form.quote or ""), re.escape(form.delimiter or ",")
        field = rf"((?:^|{delimiter})[ \t]*{quote}(?:[^{quote}]|{quote}{quote})*{quote})"
        self.spaced = re.compile(rf"{field}[ \t]*(?={delimiter}|[\r\n]|$)") if form.quote else None
        self.escaped = re.compile(f"{re.escape(form.escape)}([{signs}])") if form.escape else None

    def _lines(self) -> Iterator[str]:
        while True:
            line = self.again.popleft() if self.again else next(self.stream, None)
            if line is None:
                return
            self.held.append(line)
            yield line if self.escaped is None else self.escaped.sub(self._hide, line)

    def _hide(self, found: re.Match) -> str:
        return _ESCAPED if found.group(1) == self.form.quote else found.group(1)

    def __iter__(self) -> Iterator[tuple[int, int, list[str] | None, str]]:
        reader, row, number = csv.reader(self._lines(), **self.how), self.row, 0
        while True:
            self.held.clear()
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if self._closed_up():
                    reader = csv.reader(self._lines(), **self.how)
                    continue
                yield row, number, None, self._wrong(str(error))
                self.again.extendleft(reversed(self.held[1:]))
                reader, row, number = csv.reader(self._lines(), **self.how), row + 1, number + 1
                continue
            if any(map(str.strip, fields)):  # a blank line, or a spreadsheet's row of empty cells, is no record
                yield row, number, self._shown(fields), ""
            row, number = row + len(self.held), number + 1

    def _closed_up(self) -> bool:
        """Whether spaces after closing quotation marks were what broke the record; then its lines are read again."""
        whole = "".join(self.held)
        mended = whole if self.spaced is None or self.escaped else self.spaced.sub(r"\1", whole)
        if mended == whole:
            return False
        self.again.extendleft(reversed(mended.splitlines(keepends=True)))
        return True

    def _shown(self, fields: list[str]) -> list[str]:
        return fields if self.escaped is None else [field.replace(_ESCAPED, self.form.quote or "") for field in fields]

    def _wrong(self, error: str) -> str:
        quote, first = self.form.quote or "", self.held[0]
        if self.form.escape is None and f"\\{quote}" in first:
            return f"a quotation mark within the text is written \\{quote}"
        if re.search(rf"{re.escape(quote)}[ \t]+(?:{re.escape(self.form.delimiter)}|\r?\n?$)", first):
            return "a space stands between the quotation mark that ends a field and the next delimiter"
        wrong = "is never closed" if "unexpected end of data" in error else "does not end where its field does"
        return f"a quotation mark that opens here {wrong}"


def _remedy(wrong: str) -> str:
    if "is written \\" in wrong:
        return r"Pass escape='\\' to read it so."
    if wrong.startswith("a space"):
        return f"Remove it. {SKIP_REMEDY}"
    return QUOTE_REMEDY


def read_delimited(stream, source: str, choose: Callable[..., list], form: Form) -> Table:
    """The columns that `choose` names of delimited text with a header.

    Read as meant: a first line "sep=;" (Excel's), a delimiter too many at a row's end, a header that ends in one.
    Blank lines and rows of empty cells are passed over, and counted in the records' numbers.
    """
    with _long_fields():
        records, form = _start(stream, form)
        header_row, first, header, wrong = next(records, (0, 0, [], ""))
        if header == []:
            raise CorpusError(f"{source}: the file is empty. Give a file with at least one row.")
        place = f"{source}, row {header_row}"
        names = _header_names(header, place, wrong, source)
        wanted = choose(names, place, other_delimiter(names, form.delimiter))
        table = _table_of(records, names, wanted, source, form)
    table.numbers -= first + 1
    return table


def _start(stream, form: Form) -> tuple[Iterator, Form]:
    """The records, and the form with the delimiter that a first line "sep=…" names where none was given."""
    line = stream.readline()
    mark = _SEPARATOR_LINE.fullmatch(line)
    if mark:
        return iter(_Records(stream, _with_delimiter(form, mark.group(1)), row=2)), form
    records = _Records(stream, _with_delimiter(form, ","))
    if line:
        records.again.append(line)
    return iter(records), records.form


def _table_of(records, names: list[str], wanted: list[str], source: str, form: Form) -> Table:
    places = [names.index(name) for name in wanted]
    named = max((place for place, name in enumerate(names) if name), default=0) + 1
    rows, numbers, problems, spare = [], [], [], 0
    kept: list[list[str]] = [[] for _ in wanted]
    for row, number, fields, wrong in records:
        if fields is None:
            problems.append(Problem(row, "", "quotation mark", wrong, _remedy(wrong)))
        elif len(fields) < named or any(map(str.strip, fields[len(names) :])):
            problems.append(_ragged(row, len(fields), named if len(fields) < named else len(names)))
        else:
            spare += len(fields) > len(names)
            rows.append(row)
            numbers.append(number)
            for column, index in zip(kept, places, strict=True):
                column.append(fields[index] if index < len(fields) else "")
    table = Table(dict(zip(wanted, kept, strict=True)), np.array(rows, dtype=np.int64), source, problems=problems)
    table.numbers = np.array(numbers, dtype=np.int64)
    table.encoding_remedy = lambda: encoding_remedy(source)
    if spare:
        table.remarks.append(
            f"{spare:,} {'row ends' if spare == 1 else 'rows end'} in a delimiter too many; the empty last field was "
            "left out."
        )
    return table


def _with_delimiter(form: Form, delimiter: str) -> Form:
    return form if form.delimiter else Form(delimiter, form.quote, form.escape)


@contextlib.contextmanager
def _long_fields():
    """Lift the csv module's limit of 131,072 characters a field while reading."""
    before = csv.field_size_limit(sys.maxsize)
    try:
        yield
    finally:
        csv.field_size_limit(before)


def _header_names(header: list[str] | None, place: str, wrong: str, source: str) -> list[str]:
    if header is None:
        remedy = _remedy(wrong) if "is written" in wrong else "This row must hold the column names."
        raise CorpusError(f"{place}: {wrong}. {remedy}")
    names = [name.strip() for name in header]
    if any("\udc80" <= letter <= "\udcff" for name in names for letter in name):
        raise CorpusError(f"{place}: a column name is not valid in this encoding. {encoding_remedy(source)}")
    return names


def _ragged(row: int, found: int, expected: int) -> Problem:
    what = f"there {'is 1 field' if found == 1 else f'are {found} fields'} where the header names {expected}"
    advice = "Put quotation marks around a field that holds the separator" if found > expected else "Add the rest"
    return Problem(row, "", "wrong number of fields", what, f"{advice}. {SKIP_REMEDY}")


def other_delimiter(names: list[str], delimiter: str) -> str:
    """The remedy when the header is one field that another delimiter would split, else "".

    >>> other_delimiter(["sku;title"], ",")
    "The header is one field, 'sku;title', and looks separated by semicolons: pass delimiter=';'."
    """
    other = delimiter_within(names, delimiter)
    if other is None:
        return ""
    found = f"The header is one field, {shorten(names[0], 60)}, and looks separated by {DELIMITERS[other]}"
    return f"{found}: pass delimiter={other!r}."


def delimiter_within(names: list[str], delimiter: str | None = ",") -> str | None:
    """The other delimiter that would split a header of one field, or None."""
    counts = {other: names[0].count(other) for other in DELIMITERS if other != delimiter} if len(names) == 1 else {}
    best = max(counts, key=lambda other: counts[other]) if counts else None
    return best if best and counts[best] else None
