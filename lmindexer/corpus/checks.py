"""Tables of raw cells → clean strings, every problem noted with its row.

What corpora, queries and interactions share, whatever file or frame they come from.
"""

import difflib
import inspect
import re
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.common.kinds import Kind, kind_of, taken

LONGEST_ID = 512  # characters; a longer "id" is a text column taken for the id column
SKIP_REMEDY = 'Pass on_error="skip" to leave such rows out.'
ENCODING_REMEDY = 'Save the file as UTF-8, or name its encoding, as in encoding="cp1252" for an older Excel export.'

# cells that programs write where there is nothing: "nan" is what pandas' missing value becomes as text
MISSING_WORDS = frozenset(
    {"null", "nan", "none", "nat", "\\n", "<na>", "<nan>", "<null>", "<none>", "(null)", "[null]"}
    | {"n/a", "#n/a", "#null!", "#value!", "#ref!"}
)
# these may be words of their own: Namibia, sodium; of capitals NA alone, for "na" is a word of many languages
UNSURE_WORDS = frozenset({"NA", "N.A.", "n.a.", "-", "--", "---", "–", "—", "?", ".", "nil", "Nil", "NIL", "undefined"})

_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True)
class Problem:
    """What is wrong with one row; `kind` groups problems in a count, `what` and `remedy` are sentences."""

    row: int
    column: str
    kind: str
    what: str
    remedy: str


@dataclass
class Table:
    """Raw columns of a file or frame, the row number a person knows each record by, and the problems so far.

    columns:  name → one raw value per record (str from CSV; any JSON or Arrow value otherwise).
    rows:     [records] int, e.g. 2 for the first record of a CSV file (its header is row 1).
    source:   the file as the person named it, or "frame".
    counting: a note after the row number where it does not count from 1.
    numbers:  [records] int, each record's place in the source from 0, whatever was skipped or blank before it.
    remarks:  sentences about what was read in another way than it stands there.
    encoding_remedy: what to do about bytes that cannot be decoded.
    own:      what `Corpus.to_parquet` noted in the file, or None for anybody else's.
    """

    columns: dict[str, Sequence]
    rows: np.ndarray
    source: str
    counting: str = ""
    problems: list[Problem] = field(default_factory=list)
    numbers: np.ndarray | None = None
    remarks: list[str] = field(default_factory=list)
    encoding_remedy: Callable[[], str] = lambda: ENCODING_REMEDY
    own: dict | None = None

    def __post_init__(self):
        if self.numbers is None:
            self.numbers = self.rows
        self.bad = np.zeros(len(self.rows), dtype=bool)

    def __len__(self) -> int:
        return len(self.rows)

    def note(self, index: int, column: str, kind: str, what: str, remedy: str) -> None:
        """Record a problem of the record at `index` (0-based)."""
        self.bad[index] = True
        self.problems.append(Problem(int(self.rows[index]), str(column), kind, what, remedy))

    def remark(self, index: int, what: str, then: str) -> None:
        """Say what was found, first in the record at `index`, and what was done about it."""
        self.remarks.append(f"{what} (row {self.rows[index]}{self.counting}): {then}.")

    def settle(self, on_error: str) -> tuple[np.ndarray, pd.DataFrame]:
        """Raise the first problem, or (on_error="skip") give the good records' indices and what was skipped.

        A row with several problems counts once, by the first one found.
        """
        first_of_row: dict[int, Problem] = {}
        for problem in sorted(self.problems, key=lambda p: p.row):
            first_of_row.setdefault(problem.row, problem)
        problems = list(first_of_row.values())
        good = np.flatnonzero(~self.bad)
        if problems and on_error == "raise":
            more = len(problems) - 1
            also = f" ({more:,} more {'row has' if more == 1 else 'rows have'} problems.)" if more else ""
            raise CorpusError(f"{self.source}, {self._sentence(problems[0])}{also}")
        if len(good) == 0 and problems:
            first = self._sentence(problems[0])
            raise CorpusError(f"{self.source}: no usable row is left of {len(problems):,}; the first, {first}")
        if len(good) == 0:
            raise CorpusError(f"{self.source}: there are no rows. Give at least one.")
        if problems:
            counts = Counter(problem.kind for problem in problems).most_common()
            kinds = ", ".join(f"{count:,} × {kind}" for kind, count in counts)
            rows = "row" if len(problems) == 1 else "rows"
            left_out = f"left out {len(problems):,} {rows} and kept {len(good):,} ({kinds})"
            warn_caller(f"{self.source}: {left_out}. See `.skipped` for each.")
            self._remark_skipped(problems)
        return good, skipped_frame((problem.row, problem.column, problem.what) for problem in problems)

    def _remark_skipped(self, problems: list[Problem]) -> None:
        """What to do about each kind of row that was left out, other than leaving it out."""
        first = {problem.kind: problem for problem in reversed(problems)}
        for kind, problem in reversed(first.items()):
            remedy = problem.remedy.replace(SKIP_REMEDY, "").strip()
            if remedy:
                self.remarks.append(f"{kind} (row {problem.row}{self.counting}): {remedy}")

    def _sentence(self, problem: Problem) -> str:
        return f"row {problem.row}{self.counting}: {problem.what}. {problem.remedy}"


def skipped_frame(rows: Iterable[tuple[int, str, str]] = ()) -> pd.DataFrame:
    """The frame of left-out rows: row, column ("" for the whole row), problem."""
    return pd.DataFrame(list(rows), columns=["row", "column", "problem"])


def warn_caller(message: str) -> None:
    """Warn at the line outside this package that led here."""
    package, level, frame = Path(__file__).parents[1], 1, sys._getframe()
    while frame.f_back is not None and Path(frame.f_code.co_filename).is_relative_to(package):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, stacklevel=level)


# ------------------------------------------------------------------------------------- settings and columns

CHOICES = {"on_error": ("raise", "skip"), "missing": ("empty", "keep"), "html": ("keep", "strip")}


def check_choices(**given: str) -> None:
    """Raise SettingsError for a keyword of `CHOICES` with another value than these.

    >>> check_choices(on_error="stop")
    Traceback (most recent call last):
    ...
    lmindexer.common.errors.SettingsError: on_error is 'stop'; it can be "raise" or "skip".
    """
    for name, value in given.items():
        if not isinstance(value, str) or value not in CHOICES[name]:
            can_be = " or ".join(f'"{choice}"' for choice in CHOICES[name])
            raise SettingsError(f"{name} is {value!r}; it can be {can_be}.")


COLUMN = kind_of((str, int), "the name of a column", 'Give such as "title".')
COLUMNS = Kind(
    "the name of a column or a list of them", 'Give such as "title" or ["title", "body"].',
    lambda value: value if (isinstance(value, list | tuple) and all(map(COLUMN.take, value))) else COLUMN.take(value),
)  # fmt: skip


def check_kinds(kind: Kind, **given) -> None:
    """Raise LMIndexerError for a keyword that is neither None nor of that kind."""
    for name, value in given.items():
        taken(name, kind._replace(none=True), value)


def check_options(options: Mapping, *functions: Callable) -> None:
    """Raise SettingsError, with the nearest name, for a keyword that none of the functions takes."""
    known = [
        name
        for function in functions
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.kind is inspect.Parameter.KEYWORD_ONLY
    ]
    for name in options:
        if name not in known:
            close = nearest(name, known)
            guess = f"did you mean {close!r}? " if close else ""
            raise SettingsError(f"{name!r} is no setting here; {guess}The settings are: {', '.join(known)}.")


def nearest(name: object, known: Iterable[object]) -> str | None:
    """The known name most like `name`, or None; case, spaces, hyphens and underscores do not count."""

    def plain(word: object) -> str:
        return re.sub(r"[\s_\-]+", "", str(word)).casefold()

    by_plain = {plain(word): str(word) for word in known}
    found = difflib.get_close_matches(plain(name), by_plain, n=1, cutoff=0.6)
    return by_plain[found[0]] if found else None


def require_columns(
    wanted: Sequence, names: Sequence, place: str, advice: Mapping | None = None, hint: Callable | None = None
) -> None:
    """Raise CorpusError for the first wanted column that is missing or there twice, with the nearest name.

    advice: column → what else to do when it is missing. hint: names wanted → the remedy when any is (a wrong
            delimiter, say), or "".
    """
    for name in wanted:
        count = sum(1 for known in names if known == name)
        if count > 1:
            raise CorpusError(f"{place}: the column {name!r} is there {count} times. Give each its own name.")
        remedy = hint(wanted) if count == 0 and hint else ""
        if remedy:
            raise CorpusError(f"{place}: there is no column {name!r}. {remedy}")
        if count == 0:
            close = nearest(name, names)
            guess = f"Did you mean {close!r}? " if close else ""
            other = f"{advice[name]} " if advice and name in advice else ""
            shown = ", ".join(shorten_name(known) for known in names[:12]) + (", …" if len(names) > 12 else "")
            raise CorpusError(f"{place}: there is no column {name!r}. {guess}{other}The columns are: {shown}.")


def shorten_name(name: object) -> str:
    """A column name as a message shows it."""
    shown = str(name) if str(name).isprintable() else repr(name)
    return shown if len(shown) <= 40 else shown[:39] + "…"


def shorten(value: object, length: int = 40) -> str:
    """`repr` of a value, cut to fit a message."""
    shown = repr(value.item() if isinstance(value, np.generic) else value)
    return shown if len(shown) <= length else shown[: length - 1] + "…"


# ------------------------------------------------------------------------------------------------------ cells


def is_missing(value: object) -> bool:
    """True of None, NaN, pandas' NA and NaT."""
    if value is None or value is pd.NA or value is pd.NaT:
        return True
    return isinstance(value, (float, np.floating)) and bool(value != value)


def number_as_string(value: object) -> str | None:
    """A whole number as its digits, any other value as None.

    12.0 gives "12": pandas turns a column of integers with a gap into floats.
    """
    if isinstance(value, (bool, np.bool_)):
        return None
    if isinstance(value, (int, np.integer)):
        return str(int(value))
    if isinstance(value, (float, np.floating)) and float(value).is_integer() and abs(value) < 2**53:
        return str(int(value))
    return None


def clean_cell(value: object, numbers: bool) -> tuple[str | None, str]:
    """One raw value → (stripped string, None if missing or wrong; what is wrong with it, else "")."""
    if isinstance(value, str):
        text = str(value).strip()
        return (text or None), unreadable(text)
    if is_missing(value):
        return None, ""
    number = number_as_string(value) if numbers else None
    if number is not None:
        return number, ""
    plain_number = isinstance(value, (int, float, np.number)) and not isinstance(value, bool)
    kind = "the number" if plain_number else f"of type {type(value).__name__},"
    return None, f"is {kind} {shorten(value)} and not text"


def unreadable(text: str) -> str:
    """What keeps a string from being stored as text, or ""."""
    if "\0" in text:
        return "holds a NUL character: the data is damaged there, or is not text"
    bad = None if text.isascii() else _SURROGATE.search(text)
    if bad is None:
        return ""
    code = ord(bad.group())
    if 0xDC80 <= code <= 0xDCFF:  # how the readers keep a byte they could not decode (surrogateescape)
        return f"holds the byte 0x{code - 0xDC00:02X}, which is not valid in this encoding"
    return f"holds half a character (the lone surrogate \\u{code:04x})"


def clean_column(table: Table, column: str, numbers: bool = False, missing: str = "keep") -> list[str | None]:
    """A raw column → stripped strings, None where nothing is given; wrong values are noted as problems.

    numbers: accept whole numbers as their digits (ids, categories). A number where a text belongs is a
    problem: it is nearly always the wrong column.
    missing: "empty" takes NULL, nan and the other `MISSING_WORDS` as nothing, and remarks on it.
    """
    values = table.columns[column]
    if set(map(type, values)) <= {str}:
        cleaned: list[str | None] = [value.strip() or None for value in values]
        wrong = [
            (index, unreadable(text))
            for index, text in enumerate(cleaned)
            if text is not None and ("\0" in text or not text.isascii()) and unreadable(text)
        ]
    else:
        pairs = [clean_cell(value, numbers) for value in values]
        cleaned = [text for text, _ in pairs]
        wrong = [(index, what) for index, (_, what) in enumerate(pairs) if what]
    for index, what in wrong:
        note_wrong_cell(table, index, column, what)
    if missing == "empty":
        stand_ins = [index for index, text in enumerate(cleaned) if text is not None and is_missing_word(text)]
        remark_missing(table, column, [(index, cleaned[index]) for index in stand_ins])
        for index in stand_ins:
            cleaned[index] = None
        remark_unsure(table, column, [(index, text) for index, text in enumerate(cleaned) if text in UNSURE_WORDS])
    return cleaned


def is_missing_word(text: str) -> bool:
    """Whether a cell's text is one of `MISSING_WORDS`, in any case."""
    return len(text) <= 7 and text.casefold() in MISSING_WORDS


def remark_missing(table: Table, column: str, found: Sequence[tuple[int, str]]) -> None:
    """Say which words of a column were taken as nothing: pairs of a record's index and its word."""
    if found:
        words = " and ".join(list(dict.fromkeys(word for _, word in found))[:3])
        cells = "1 cell" if len(found) == 1 else f"{len(found):,} cells"
        table.remark(found[0][0], f"{cells} of {column!r} {'is' if len(found) == 1 else 'are'} {words}",
                     'taken as empty. Pass missing="keep" to read such words as they stand')  # fmt: skip


def remark_unsure(table: Table, column: str, found: Sequence[tuple[int, str]]) -> None:
    """Say which cells may stand for nothing and were kept: pairs of a record's index and its word."""
    if found:
        words = " and ".join(list(dict.fromkeys(word for _, word in found))[:3])
        cells = "1 cell" if len(found) == 1 else f"{len(found):,} cells"
        table.remark(found[0][0], f"{cells} of {column!r} {'is' if len(found) == 1 else 'are'} {words}",
                     "kept as it stands, for it may be a name. Empty such cells where nothing is meant")  # fmt: skip


def note_wrong_cell(table: Table, index: int, column: str, what: str) -> None:
    """Note what `clean_cell` found, with the remedy that belongs to it."""
    if what.startswith("holds the byte"):
        kind, remedy = "wrong encoding", table.encoding_remedy()
    elif what.startswith("holds"):
        kind, remedy = "unreadable character", f"Remove it. {SKIP_REMEDY}"
    else:
        kind, remedy = "wrong type", "Turn the value into a string, or choose another column."
    table.note(index, column, kind, f"{column!r} {what}", remedy)


def clean_ids(table: Table, column: str | None, what: str, missing: str = "keep") -> list[str]:
    """An id column → strings; missing and overlong ones are noted. None gives each record's number in its source.

    missing: "empty" takes NULL, nan and the other `MISSING_WORDS` as no id.
    """
    if column is None:
        return [str(number) for number in table.numbers]
    ids = clean_column(table, column, numbers=True)
    for index, value in enumerate(ids):
        if value is not None and missing == "empty" and is_missing_word(value):
            remedy = f'Pass missing="keep" if it is one. {SKIP_REMEDY}'
            table.note(index, column, "missing id", f"the {what} in {column!r} is {value}, which is no id", remedy)
        elif value is None and not table.bad[index]:
            remedy = f"Give every row its {what}. {SKIP_REMEDY}"
            table.note(index, column, "missing id", f"the {what} in {column!r} is empty", remedy)
        elif value is not None and len(value) > LONGEST_ID:
            remedy = f"Name another column if {column!r} does not hold ids."
            table.note(index, column, "overlong id", f"the {what} is {len(value):,} characters long", remedy)
    return [value or "" for value in ids]


def note_repeats(table: Table, keys: Sequence, column: str, kind: str, words: Callable, remedy: str) -> None:
    """Note every good record whose key came before; words(key, first row) says so."""
    good = np.flatnonzero(~table.bad)
    series = pd.Series([keys[index] for index in good], dtype=object)
    repeated = np.flatnonzero(series.duplicated().to_numpy())
    if len(repeated) == 0:
        return
    first_rows: dict = {}
    for key, index in zip(series, good, strict=True):
        first_rows.setdefault(key, int(table.rows[index]))
    for place in repeated:
        key = series.iloc[place]
        table.note(good[place], column, kind, words(key, first_rows[key]), remedy)
