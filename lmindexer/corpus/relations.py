"""`Queries` and `Interactions`: what people asked for and what they used, each row about one document."""

import datetime
from typing import Self

import numpy as np
import pandas as pd

from lmindexer.common.errors import CorpusError
from lmindexer.common.kinds import having, taken, takes
from lmindexer.corpus.checks import (
    COLUMN,
    SKIP_REMEDY,
    Table,
    check_choices,
    check_kinds,
    clean_column,
    clean_ids,
    is_missing,
    nearest,
    note_repeats,
    require_columns,
    shorten,
    skipped_frame,
)
from lmindexer.corpus.sources import FromSources

MOST_COMPARED = 20_000  # documents; finding the nearest id in a larger corpus takes too long for a message


_CORPUS = having("a Corpus", "Make one with Corpus.from_file.", "frame", "name")


class _Relation(FromSources):
    """A checked frame about documents; it remembers the rows it was read from, so that messages name them.

    What these take as a corpus is anything with `frame` (a column "doc_id") and `name`.
    """

    what = "rows"

    def __init__(self, frame: pd.DataFrame, *, source="frame", rows=None, counting="", skipped=None, remarks=()):
        """Wrap a frame that is checked; `from_frame` takes any other."""
        if not isinstance(frame, pd.DataFrame):
            name = type(self).__name__
            raise CorpusError(f"{name}: a frame is expected, not {type(frame).__name__}. Use {name}.from_records.")
        self.frame = frame
        self.source = source
        self.rows = np.arange(len(frame)) if rows is None else rows
        self.counting = counting
        self.skipped = skipped_frame() if skipped is None else skipped
        self.remarks = tuple(remarks)

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        documents = self.frame["doc_id"].nunique()
        return f"{type(self).__name__}({len(self):,} {self.what} about {documents:,} documents)"

    @classmethod
    def _from_table(cls, table: Table, columns: dict, on_error: str) -> Self:
        good, skipped = table.settle(on_error)
        frame = pd.DataFrame(
            {
                name: values if isinstance(values, np.ndarray) else pd.Series(values, dtype=object)
                for name, values in columns.items()
            }
        )
        frame = cls._in_order(frame.iloc[good])
        rows = table.rows[frame.index.to_numpy()]
        frame = frame.reset_index(drop=True)
        about = {"source": table.source, "counting": table.counting, "remarks": table.remarks}
        return cls(frame, rows=rows, skipped=skipped, **about)

    @staticmethod
    def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
        """The rows in the relation's own order, their index kept."""
        return frame

    @takes(corpus=_CORPUS)
    def check_against(self, corpus) -> None:
        """Raise CorpusError naming the first row whose document is not in the corpus."""
        known = pd.Index(corpus.frame["doc_id"])
        unknown = np.flatnonzero(~self.frame["doc_id"].isin(known).to_numpy())
        if len(unknown) == 0:
            return
        first = unknown[np.argmin(self.rows[unknown])]
        doc_id = self.frame["doc_id"].iloc[first]
        close = nearest(doc_id, known) if len(known) <= MOST_COMPARED else None
        guess = f"Did you mean {close!r}? " if close else ""
        what = f"the document {doc_id!r} is not in the corpus {corpus.name!r}"
        count = f"{len(unknown):,} of {len(self):,} rows are about unknown ones"
        raise CorpusError(
            f"{self.source}, row {self.rows[first]}{self.counting}: {what} ({count}). "
            f"{guess}Correct the id, or keep what is about known documents with .within(corpus)."
        )

    @takes(corpus=_CORPUS)
    def within(self, corpus) -> Self:
        """The rows that are about documents of `corpus`, in their order."""
        keep = self.frame["doc_id"].isin(pd.Index(corpus.frame["doc_id"])).to_numpy()
        frame = self._in_order(self.frame[keep]).reset_index(drop=True)
        return type(self)(frame, source=self.source, rows=self.rows[keep], counting=self.counting, skipped=self.skipped)


class Queries(_Relation):
    """Queries with a right document each; a query with several right documents has several rows.

    `from_file`, `from_csv`, …, `from_frame` and `from_records` take the keywords query_id, text and doc_id (the
    source's columns; query_id=None numbers the source's rows), missing (as for `Corpus`) and on_error ("raise" or
    "skip", which lists the rows left out in `skipped`). The columns kind, split (strings) and score (a number, higher
    is more relevant) come along where they are there. `corpus.queries = queries` checks that every document is known.

    `frame`: query_id, text, doc_id [, kind, split, score].

    Raises CorpusError naming the row: an empty text, a missing id, a pair given twice, one id with two texts.

    >>> Queries.from_records([{"query_id": "q1", "text": "curved cut", "doc_id": 1}])
    Queries(1 rows about 1 documents)
    """

    @classmethod
    def _make(
        cls, read, name, *, query_id="query_id", text="text", doc_id="doc_id", missing="empty", on_error="raise"
    ) -> Self:
        check_choices(on_error=on_error, missing=missing)
        check_kinds(COLUMN, query_id=query_id)
        taken("text", COLUMN, text)
        taken("doc_id", COLUMN, doc_id)
        needed = [name for name in (query_id, text, doc_id) if name is not None]

        def choose(names, place, hint=None):
            advice = {"query_id": "Name it with query_id=…, or pass query_id=None to number the rows."}
            require_columns(needed, names, place, advice, hint)
            return needed + [name for name in _EXTRAS if name in names and name not in needed]

        table = read(choose)
        if len(table) == 0:
            table.settle(on_error)
        columns: dict = {
            "query_id": clean_ids(table, query_id, "query id", missing),
            "text": clean_column(table, text, missing=missing),
        }
        for index, value in enumerate(columns["text"]):
            if value is None and not table.bad[index]:
                remedy = f"Give every query some text. {SKIP_REMEDY}"
                table.note(index, text, "empty text", f"there is no text in {text!r}", remedy)
        columns["doc_id"] = clean_ids(table, doc_id, "document id", missing)
        for name in table.columns:
            if name in _EXTRAS and name not in needed:
                columns[name] = _EXTRAS[name](table, name)
        if query_id is not None:
            _check_pairs(table, columns, query_id)
        return cls._from_table(table, columns, on_error)

    @property
    def texts(self) -> list[str]:
        """The query texts, one a row."""
        return self.frame["text"].tolist()


def _check_pairs(table: Table, columns: dict, query_id: str) -> None:
    """Note pairs given twice, and query ids that have another text than before."""
    note_repeats(
        table,
        list(zip(columns["query_id"], columns["doc_id"], strict=True)),
        query_id,
        "repeated pair",
        lambda pair, row: f"the query {pair[0]!r} already has the document {pair[1]!r}, in row {row}",
        f"Give each pair once. {SKIP_REMEDY}",
    )
    first: dict[str, tuple[str, int]] = {}
    for index in np.flatnonzero(~table.bad):
        query, text = columns["query_id"][index], columns["text"][index]
        first_text, row = first.setdefault(query, (text, table.rows[index]))
        if first_text != text:
            what = f"the query {query!r} has another text than in row {row}"
            table.note(index, query_id, "two texts", what, "Give each text its own query id.")


def _words(table: Table, column: str) -> list[str | None]:
    return clean_column(table, column, numbers=True)


def _numbers(table: Table, column: str) -> np.ndarray:
    """A column of numbers as float64, NaN where nothing is given; what is no finite number is noted.

    Dates become seconds.
    """
    values = table.columns[column]
    numbers = np.array([_number(value) for value in values], dtype=float)
    for index in np.flatnonzero(~np.isfinite(numbers)):
        value = values[index]
        if not (is_missing(value) or (isinstance(value, str) and not value.strip())):
            what = f"{column!r} is {shorten(value)} and not a finite number"
            table.note(index, column, "no number", what, f"Write a number. {SKIP_REMEDY}")
    return numbers


def _number(value: object) -> float:
    if hasattr(value, "timestamp") and value is not pd.NaT:
        return value.timestamp()
    try:
        return np.nan if isinstance(value, (bool, np.bool_)) else float(value)
    except (TypeError, ValueError, OverflowError):
        return _seconds(value)


def _seconds(value: object) -> float:
    """A date in words, as ISO 8601 has it, in seconds; NaN for anything else."""
    try:
        found = datetime.datetime.fromisoformat(str(value).strip())
    except ValueError:
        return np.nan
    return (found if found.tzinfo else found.replace(tzinfo=datetime.UTC)).timestamp()


_EXTRAS = {"kind": _words, "split": _words, "score": _numbers}


class Interactions(_Relation):
    """Which user used which documents, in order.

    `from_file`, `from_frame` and `from_records` take the keywords user_id, doc_id and position (the source's
    columns), missing and on_error, as `Queries` does. `position` may hold any number or date
    (2024-05-31, 2024-05-31T10:15:00Z) to sort by; equal ones keep the rows' order, and position=None, or no column
    "position" (which `remarks` says), takes the rows' order.
    `corpus.interactions = interactions` checks that every document is known.

    `frame`: user_id, doc_id, position (0, 1, 2, … within the user); users in the order of their first row.

    Raises CorpusError naming the row: a missing id, a position that is no number.

    >>> rows = [{"user_id": "u", "doc_id": "b", "position": 2},
    ...         {"user_id": "u", "doc_id": "a", "position": 1}]
    >>> Interactions.from_records(rows).sequences()
    {'u': ['a', 'b']}
    """

    @classmethod
    def _make(
        cls, read, name, *, user_id="user_id", doc_id="doc_id", position="position", missing="empty", on_error="raise"
    ) -> Self:
        check_choices(on_error=on_error, missing=missing)
        check_kinds(COLUMN, position=position)
        taken("user_id", COLUMN, user_id)
        taken("doc_id", COLUMN, doc_id)

        def choose(names, place, hint=None):
            absent = position is None or (position == "position" and position not in names)
            needed = [user_id, doc_id] if absent else [user_id, doc_id, position]
            require_columns(needed, names, place, hint=hint)
            return needed

        table = read(choose)
        if len(table) == 0:
            table.settle(on_error)
        columns: dict = {
            "user_id": clean_ids(table, user_id, "user id", missing),
            "doc_id": clean_ids(table, doc_id, "document id", missing),
        }
        given = position in table.columns
        if not given and position is not None:
            table.remarks.append(
                "there is no column 'position', so each user's rows count in the order of the file. Pass position=… "
                "to sort by a column, such as one of times."
            )
        columns["position"] = _numbers(table, position) if given else np.arange(len(table), dtype=float)
        for index in np.flatnonzero(np.isnan(columns["position"]) & ~table.bad):
            remedy = f"Number the user's rows. {SKIP_REMEDY}"
            table.note(index, position, "missing position", f"{position!r} is empty", remedy)
        return cls._from_table(table, columns, on_error)

    @staticmethod
    def _in_order(frame: pd.DataFrame) -> pd.DataFrame:
        """Users in the order of their first row, each one's rows by position, counted again from 0."""
        users, _ = pd.factorize(frame["user_id"])
        order = np.lexsort((np.arange(len(users)), frame["position"].to_numpy(), users))
        frame = frame.iloc[order]
        positions = frame.groupby("user_id", sort=False).cumcount().to_numpy(dtype=np.int64)
        return frame.assign(position=positions)

    def sequences(self) -> dict[str, list[str]]:
        """user_id → the user's doc_ids in order."""
        users, names = pd.factorize(self.frame["user_id"])
        documents = self.frame["doc_id"].tolist()
        ends = np.cumsum(np.bincount(users, minlength=len(names))).tolist()
        return {user: documents[start:end] for user, start, end in zip(names, [0, *ends], ends, strict=False)}
