"""The records of delimited text, one by one: a broken one costs its own line, and is given with what is wrong."""

import csv
import itertools
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from lmindexer.common.errors import SettingsError

# what an escaped character is while its record is parsed; no file can hold these
_QUOTE, _DELIMITER, _LINE_END = "\ud800", "\ud801", "\ud802"
_LINE = re.compile(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+")  # as a file gives them; str.splitlines knows more line ends


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


class Records:
    """Iterates (row, number, fields, "") over a CSV stream's records, or (row, number, None, what is wrong).

    row: the line a record starts on, from 1. number: how many records and blank lines stand before it. A record that
    breaks after its first line (a quotation mark that is not closed swallows the lines that follow) costs only that
    line: the others are read again. Spaces between a closing quotation mark and the next delimiter are left out.
    An escape makes the quotation mark, the delimiter, the line end or the escape after it an ordinary character.

    held: the lines of the record that was given last.
    """

    def __init__(self, stream, form: Form, row: int = 1):
        self.stream, self.form, self.row = stream, form, row
        # a space after the delimiter says nothing, and hides a quotation mark that follows it
        self.how = {"delimiter": form.delimiter, "strict": True, "skipinitialspace": form.delimiter != " "}
        self.how |= {"quoting": csv.QUOTE_NONE} if form.quote is None else {"quotechar": form.quote}
        self.again: deque[str] = deque()  # lines to read once more
        self.held: list[str] = []
        quote, delimiter = re.escape(form.quote or ""), re.escape(form.delimiter or ",")
        escape = re.escape(form.escape or "")
        inside = rf"[^{quote}{escape}]|{quote}{quote}" + (f"|{escape}." if escape else "")
        field = rf"((?:^|{delimiter})[ \t]*{quote}(?:{inside})*{quote})"
        self.spaced = re.compile(rf"(?s){field}[ \t]*(?={delimiter}|[\r\n]|$)") if form.quote else None
        self.escaped = re.compile(rf"{escape}(\r\n|[{escape}{quote}{delimiter}\r\n])") if form.escape else None

    def following(self, count: int) -> list[str]:
        """The lines of the record that was given last and up to `count` that come after it, which are read later."""
        self.again.extend(itertools.islice(self.stream, max(count - len(self.again), 0)))
        return self.held + list(itertools.islice(self.again, count))

    def _lines(self) -> Iterator[str]:
        while True:
            line = self._next()
            if line is None:
                return
            while line.endswith(_LINE_END):
                more = self._next()
                if more is None:
                    break
                line += more
            yield line

    def _next(self) -> str | None:
        line = self.again.popleft() if self.again else next(self.stream, None)
        if line is None:
            return None
        self.held.append(line)
        return line if self.escaped is None else self.escaped.sub(self._hide, line)

    def _hide(self, found: re.Match) -> str:
        sign = found.group(1)
        hidden = {self.form.quote: _QUOTE, self.form.delimiter: _DELIMITER, self.form.escape: sign}
        return hidden.get(sign, _LINE_END)

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
                ends = (
                    "is never closed" if "unexpected end of data" in str(error) else "does not end where its field does"
                )
                yield row, number, None, f"a quotation mark that opens here {ends}"
                self.again.extendleft(reversed(self.held[1:]))
                reader, row, number = csv.reader(self._lines(), **self.how), row + 1, number + 1
                continue
            if any(map(str.strip, fields)):  # a blank line, or a spreadsheet's row of empty cells, is no record
                yield row, number, self._shown(fields), ""
            row, number = row + len(self.held), number + 1

    def _closed_up(self) -> bool:
        """Whether spaces after closing quotation marks were what broke the record; then its lines are read again."""
        whole = "".join(self.held)
        mended = whole if self.spaced is None else self.spaced.sub(r"\1", whole)
        if mended == whole:
            return False
        self.again.extendleft(reversed(_LINE.findall(mended)))
        return True

    def _shown(self, fields: list[str]) -> list[str]:
        if self.escaped is None:
            return fields
        shown = str.maketrans({_QUOTE: self.form.quote or "", _DELIMITER: self.form.delimiter, _LINE_END: "\n"})
        return [field.translate(shown) for field in fields]


def first_record(lines: list[str], form: Form) -> list[str] | None:
    """The fields of the first record that lines hold in that form, or None where it cannot be read so.

    >>> first_record(["1;'a;b'\\n"], Form(";", "'"))
    ['1', 'a;b']
    """
    _, _, fields, _ = next(iter(Records(iter(lines), form)), (0, 0, None, ""))
    return fields
