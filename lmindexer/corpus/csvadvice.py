"""What a CSV file that cannot be read probably is: other ways to read it are tried, and the one that works is named."""

import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from lmindexer.corpus.checks import SKIP_REMEDY, shorten
from lmindexer.corpus.csvrecords import Form, Records, first_record

DELIMITERS = {
    ",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars", "^": "carets", "~": "tildes",
    "¦": "broken bars", "\x01": r"signs \x01", "\x1f": r"signs \x1f",
    ":": "colons", "#": "number signs", " ": "spaces",
}  # fmt: skip
_WORDS = ":# "  # these stand in headers of one field as well: only columns that are asked for tell
QUOTE_REMEDY = "Close or double it, or pass quote=None if quotation marks are ordinary characters here."
_AHEAD = 20  # rows that are looked through for the header
_TRIED = 200  # lines of a broken record that are tried another way
_CURLY = re.compile("[“”„«»]")
_WHOLE = "the whole row stands in quotation marks, as one field"
_WHOLE_REMEDY = "Save the file again with quotation marks around single fields, or without any."


# ------------------------------------------------------------------------------------------------ the header


def about_header(records: Records, rows: Iterator, names: Sequence[str], wanted: Iterable) -> str:
    """The remedy where the header does not name the columns that are wanted: another delimiter, a later row; or "".

    records, rows: just after the header; the next rows are looked at.
    """
    form, wanted = records.form, set(wanted)
    if len(names) == 1 and wanted & set(_parts(names[0], form)):
        return f"Here {_WHOLE}. {_WHOLE_REMEDY}"
    found = other_delimiter(records.held, form, names, wanted)
    if found:
        return found
    for row, _, fields, _ in itertools.islice(rows, _AHEAD):
        if fields and wanted <= {field.strip() for field in fields}:
            return f"Row {row} holds the names of the columns: take the rows above it out of the file."
    if any(name.isdigit() for name in names) and not wanted & set(names):
        return f"The first row must hold the names of the columns; its fields are {_shown(names)}."
    return ""


def about_broken_header(lines: list[str], form: Form) -> str:
    """The remedy where the header breaks at a quotation mark: another delimiter, other marks, or what must be there."""
    other = _delimiter(lines, form, [], set())
    if other is not None:
        return f"The header looks separated by {DELIMITERS[other]}: pass delimiter={other!r}."
    for tried, _, remedy in _other_marks(lines[:_TRIED], form):
        if len(first_record(lines[:_TRIED], tried) or []) > 1:
            return remedy
    return "This row must hold the column names."


def other_delimiter(lines: list[str], form: Form, names: Sequence[str], wanted: Iterable = ()) -> str:
    """The remedy where another delimiter gives the columns that are wanted, or parts a header of one field; or "".

    >>> other_delimiter(["sku;title\\n"], Form(), ["sku;title"])
    "The header is one field, 'sku;title', and looks separated by semicolons: pass delimiter=';'."
    """
    other = _delimiter(lines, form, names, set(wanted))
    if other is None:
        return ""
    one = f"is one field, {shorten(names[0], 60)}, and " if len(names) == 1 else ""
    return f"The header {one}looks separated by {DELIMITERS[other]}: pass delimiter={other!r}."


def delimiter_within(names: Sequence[str], delimiter: str | None = ",") -> str | None:
    """The other delimiter that would split a header of one field, or None."""
    return _delimiter([names[0]], Form(delimiter or ","), names, set()) if len(names) == 1 else None


def _delimiter(lines: list[str], form: Form, names: Sequence[str], wanted: set) -> str | None:
    """The delimiter that shows more of the wanted columns, or else parts a header of at most one field most."""
    headers: dict[str, set[str]] = {}
    for other in DELIMITERS:
        if other not in (form.delimiter, form.quote, form.escape):
            fields = {field.strip() for field in first_record(lines[:_TRIED], replace(form, delimiter=other)) or ()}
            # words hold these signs, too: only where each column that is asked for is there does one count
            if len(fields) > 1 and (other not in _WORDS or len(wanted & fields) == len(wanted) > 1):
                headers[other] = fields
    best = max(headers, key=lambda other: len(wanted & headers[other]), default=None)
    if best is not None and len(wanted & headers[best]) > len(wanted & set(names)):
        return best
    return max(headers, key=lambda other: len(headers[other]), default=None) if len(names) < 2 else None


def _parts(field: str, form: Form) -> list[str]:
    return [part.strip() for part in first_record([field], form) or []]


def _shown(names: Sequence[str]) -> str:
    return ", ".join(shorten(name, 20) for name in names[:3]) + (", …" if len(names) > 3 else "")


# -------------------------------------------------------------------------------------------------- the rows


def about_broken(lines: list[str], form: Form, expected: range, wrong: str) -> tuple[str, str]:
    """What is wrong with a record that breaks at a quotation mark, and the remedy.

    lines: the record's and those it has swallowed. expected: how many fields a row has, as a range.
    """
    lines = lines[:_TRIED]
    for other, what, remedy in _other_marks(lines, form):
        if _fits(first_record(lines, other), expected):
            return what, remedy
    return wrong, QUOTE_REMEDY


def about_ragged(lines: list[str], form: Form, found: int, expected: range) -> tuple[str, str]:
    """What is wrong with a row of another number of fields than the header names, and the remedy."""
    lines, names = lines[:_TRIED], expected[-1]
    what = f"there {'is 1 field' if found == 1 else f'are {found} fields'} where the header names {names}"
    for other, why, remedy in _other_marks(lines, form):
        if _fits(first_record(lines, other), expected):
            return f"{what}, and {why}", remedy
    only = first_record(lines, form) or []
    if len(only) == 1 and _fits(_parts(only[0], form), expected):
        return _WHOLE, f"{_WHOLE_REMEDY} {SKIP_REMEDY}"
    advice = "Put quotation marks around a field that holds the separator" if found > names else "Add the rest"
    if found > names and _CURLY.search("".join(lines)):
        advice = 'Write the plain mark " in place of “ and ” around a field that holds the separator'
    return what, f"{advice}. {SKIP_REMEDY}"


def _other_marks(lines: list[str], form: Form) -> Iterator[tuple[Form, str, str]]:
    """Other ways to mark what is no delimiter, of those whose signs occur: the form, what is there, the remedy."""
    whole, quote, delimiter = "".join(lines), form.quote or '"', form.delimiter or ","
    escaped = {
        rf"\{quote}": f"a quotation mark within the text is written \\{quote}",
        rf"\{delimiter}": f"a separator within the text is written \\{delimiter}",
        "\\\n": "a line end within the text stands after \\",
    }
    for sign, what in escaped.items():
        if form.escape is None and sign in whole.replace("\r", ""):
            yield replace(form, escape="\\"), what, r"Pass escape='\\' to read it so."
    for mark in "'`":
        if mark not in (quote, delimiter) and re.search(rf"(?m)(?:^|{re.escape(delimiter)}) *{mark}", whole):
            what, remedy = f"fields stand between the marks {mark}", f"Pass quote={mark!r} to read them so."
            yield replace(form, quote=mark), what, remedy
            yield (
                replace(form, quote=mark, escape="\\"),
                what,
                f"Pass quote={mark!r} and escape='\\\\' to read them so.",
            )


def _fits(fields: list[str] | None, expected: range) -> bool:
    """Whether a row has as many fields as the header has names, with a spare delimiter at its end or not."""
    return fields is not None and len(fields) >= expected[0] and not any(map(str.strip, fields[expected[-1] :]))


def remarks_on(name: str, cells: Sequence[str], form: Form) -> Iterator[tuple[int, str, str]]:
    """Marks of a column that were read as ordinary characters: the first record's index, what is there, what then."""
    given = [(index, cell.strip()) for index, cell in enumerate(cells) if cell.strip()]
    for mark in "'`":
        between = [index for index, cell in given if len(cell) > 1 and cell[0] == cell[-1] == mark]
        if mark != form.quote and len(between) * 2 > len(given):
            what = f"{_cells(len(between), 'stand')} between the marks {mark} in {name!r}"
            yield between[0], what, f"the marks are kept. Pass quote={mark!r} if they are no part of the text"
    sign = f"\\{form.quote}"
    escaped = [index for index, cell in given if form.escape is None and form.quote and sign in cell]
    if escaped:
        what = f"{_cells(len(escaped), 'hold')} {sign} in {name!r}"
        yield escaped[0], what, r"it is read as it stands. Pass escape='\\' if the mark alone is meant"


def _cells(count: int, verb: str) -> str:
    return f"1 cell {verb}s" if count == 1 else f"{count:,} cells {verb}"
