"""`Corpus`: documents with ids and category paths, from CSV, TSV, JSON lines, Parquet, a frame or dicts."""

import hashlib
import json
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.common.files import written_aside
from lmindexer.common.kinds import COUNT, ONE_TRUTH, PATH, TEXT, takes
from lmindexer.corpus.checks import COLUMN, COLUMNS, check_choices, check_kinds, skipped_frame
from lmindexer.corpus.layout import Layout, frame_of_table
from lmindexer.corpus.paths import PATH_SEPARATOR, join_path
from lmindexer.corpus.readers import FROM_ZERO, OWN
from lmindexer.corpus.relations import Interactions, Queries
from lmindexer.corpus.sources import FromSources

__all__ = ["PATH_SEPARATOR", "Corpus", "Interactions", "Queries", "Rows"]

ROW_GROUP = 50_000  # documents in a row group: a reader of a few rows or of one search skips or shares the others


@dataclass(frozen=True, eq=False)
class Rows:
    """Where documents stand in their source: numbers [N] as a message counts them, the source, a note on counting."""

    numbers: np.ndarray
    source: str
    counting: str = ""

    def take(self, indices) -> "Rows":
        """The rows of the documents at these places."""
        return Rows(self.numbers[indices], self.source, self.counting)


class Corpus(FromSources):
    """Documents in a fixed order: an id, a title, a text and a category path each.

    Make one with `from_csv`, `from_tsv`, `from_jsonl`, `from_parquet`, `from_frame`, `from_records` or
    `from_file` (which goes by the extension). They share these keywords:

    id:        column of the ids: strings or whole numbers, each once; None numbers the source's rows "0", "1",
               …, those that are blank or left out included. Left out, "doc_id".
    title:     column of the titles, or None.
    text:      one column or several; several are joined with ". " where not empty, and without `title` the
               first of them is the title. Left out, title, text and categories are taken from the columns
               that `to_frame` gives: "title", "text", "category_1", ….
    category:  None; one column that holds a path ("Tools > Saws", split at `separator`, or a list of labels, or
               a list of paths, of which the first counts); or a list of columns, coarse to fine. A path may be
               shorter than others; a gap within it is an error.
    separator: what parts the levels of a path column; None takes the cell as one level.
    name:      the corpus's name; left out, the file's name without its extension.
    licence:   a word about the terms of the data, or None.
    on_error:  "raise" stops at the first bad row; "skip" leaves bad rows out, warns once with counts and
               lists them in `skipped`.
    missing:   "empty" takes texts and labels such as NULL, nan, None and \\N as nothing; "keep" as they stand.
    html:      "strip" takes HTML tags and entities out of titles and texts; "keep" leaves them.
    encoding, delimiter, quote, escape: how text files are written. quote=None takes quotation marks as ordinary
               characters; escape="\\\\" reads \\" within a field as a quotation mark.

    Outer white space is removed from every value. A document needs a title or a text. Rows in messages count
    as a text editor does (a CSV file's header is row 1; a record that spans lines goes by its first); rows of
    Parquet count from 1, of frames and dicts from 0.

    Attributes: `name`, `licence`, `frame` (doc_id, title, text, category_1 … category_n; None where a path
    ends; not to be changed in place), `doc_ids` ([N] str array), `titles`, `texts` (lists), `levels` (n),
    `skipped` (frame: row, column, problem), `remarks` (sentences about what may not be meant as it was read),
    `rows` (each document's row in its source), `queries`, `interactions` (None, or checked when set).

    Raises CorpusError, one sentence that names the file, the row and a remedy; SettingsError for a keyword
    that is not known.

    >>> corpus = Corpus.from_records(
    ...     [{"sku": 1, "name": "Jig saw", "use": "Cuts curves", "path": "Tools > Saws"},
    ...      {"sku": 2, "name": "Mallet", "use": "", "path": "Tools"}],
    ...     id="sku", text=["name", "use"], category="path")
    >>> corpus
    Corpus('corpus', 2 documents, 2 category levels: 1 / 2 classes)
    >>> corpus.documents()
    ['Jig saw. Cuts curves', 'Mallet']
    >>> corpus.labels().tolist()
    ['Tools > Saws', 'Tools']
    """

    def __init__(
        self, frame: pd.DataFrame, *, name: str = "corpus", licence: str | None = None, skipped=None, remarks=(),
        rows: "Rows | None" = None, numbered: bool | str = False,
    ):  # fmt: skip
        """Wrap a frame that is checked and in the corpus's own layout; `from_frame` takes any other.

        numbered: whether the ids only number this corpus's rows; or the fingerprint of the corpus that they number.
        """
        if not isinstance(frame, pd.DataFrame):
            raise CorpusError(f"A frame is expected, not {type(frame).__name__}. Use Corpus.from_records for dicts.")
        expected = ["doc_id", "title", "text"]
        expected += [f"category_{level}" for level in range(1, len(frame.columns) - 2)]
        if list(frame.columns) != expected:
            found = ", ".join(map(str, frame.columns))
            wanted = ", ".join(expected)
            raise CorpusError(f"frame: the columns are {found} and not {wanted}. Use Corpus.from_frame.")
        self.frame = frame
        self.name = name
        self.licence = licence
        self.skipped = skipped_frame() if skipped is None else skipped
        self.remarks = tuple(remarks)
        self.rows = Rows(np.arange(len(frame)), "corpus", FROM_ZERO) if rows is None else rows
        self._numbered = numbered
        self._queries: Queries | None = None
        self._interactions: Interactions | None = None

    # ------------------------------------------------------------------------------------------------ reading

    @classmethod
    def _make(
        cls, read, default_name: str | None, *, id="doc_id", title=None, text=None, category=None,
        separator=PATH_SEPARATOR, missing="empty", html="keep", name=None, licence=None, on_error="raise",
    ) -> "Corpus":  # fmt: skip
        check_choices(on_error=on_error, missing=missing, html=html)
        check_kinds(COLUMN, id=id, title=title)
        check_kinds(COLUMNS, text=text, category=category)
        check_kinds(TEXT, separator=separator, name=name, licence=licence)
        layout = Layout(id, title, text, category, separator, missing, html)
        table = read(layout.choose)
        numbered = id is None
        if table.own is not None:  # written by a corpus: each word in it was meant
            layout = replace(layout, missing="keep")
            numbered = numbered or (id == "doc_id" and table.own.get("numbered_in")) or False
        frame, rows, skipped = frame_of_table(table, layout, on_error)
        return cls(
            frame, name=name or default_name or "corpus", licence=licence, skipped=skipped, remarks=table.remarks,
            rows=Rows(rows, table.source, table.counting), numbered=numbered,
        )  # fmt: skip

    # ------------------------------------------------------------------------------------------ what is in it

    def __len__(self) -> int:
        return len(self.frame)

    def __repr__(self) -> str:
        classes = [f"{len(set(self.labels(level)) - {''}):,}" for level in range(1, self.levels + 1)]
        counts = f": {' / '.join(classes)} classes" if classes else ""
        return f"Corpus({self.name!r}, {len(self):,} documents, {self.levels} category levels{counts})"

    @property
    def levels(self) -> int:
        """Number of category levels, 0 without categories."""
        return len(self.frame.columns) - 3

    @cached_property
    def doc_ids(self) -> np.ndarray:
        """[N] array of str."""
        return np.array(self.frame["doc_id"].tolist(), dtype=str)

    @cached_property
    def titles(self) -> list[str]:
        """The titles, "" where there is none."""
        return self.frame["title"].tolist()

    @cached_property
    def texts(self) -> list[str]:
        """The texts as read, without titles that are not among the text columns."""
        return self.frame["text"].tolist()

    @takes(category_text=ONE_TRUTH)
    def documents(self, category_text: bool = False) -> list[str]:
        """What a model reads: "title. text", the title left out where the text already starts with it.

        category_text: add " category: a, b, c" to each document that has a category (the slides' setting).
        """
        if not category_text:
            return list(self._documents)
        return [
            f"{document} category: {', '.join(path)}" if path else document
            for document, path in zip(self._documents, self._paths, strict=True)
        ]

    @cached_property
    def _documents(self) -> list[str]:
        return [_document(title, text) for title, text in zip(self.titles, self.texts, strict=True)]

    @cached_property
    def _paths(self) -> list[tuple[str, ...]]:
        """Each document's category path, () without one."""
        if self.levels == 0:
            return [()] * len(self)
        rows = list(zip(*(self.frame[name] for name in self.frame.columns[3:]), strict=True))
        short = {row: tuple(label for label in row if label is not None) for row in set(rows)}
        return [short[row] for row in rows]

    @takes(level=COUNT)
    def labels(self, level: int | None = None) -> np.ndarray:
        """[N] category labels as whole paths, "a > b > c", cut after `level` levels (1 is the coarsest).

        level=None gives each document's whole path. A document whose path is shorter keeps its whole path;
        one without category gets "". A label that holds " > " itself stands in quotation marks, so that different
        paths are different classes. Raises SettingsError for a level the corpus does not have.
        """
        if level is not None and not 1 <= level <= self.levels:
            has = f"has levels 1 to {self.levels}" if self.levels else "has no categories"
            raise SettingsError(f"level is {level}; the corpus {self.name!r} {has}.")
        joined = {path: join_path(path[:level]) for path in set(self._paths)}
        return np.array([joined[path] for path in self._paths], dtype=object)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over ids, documents and category paths in their order; the name does not count."""
        digest = hashlib.sha256()
        depth = max((len(path) for path in self._paths), default=0)
        levels = [[path[level] if level < len(path) else "" for path in self._paths] for level in range(depth)]
        for column in (self.frame["doc_id"].tolist(), self._documents, *levels):
            parts = [value.encode() for value in column]
            # the lengths come first, so that a character moved from one value to the next is seen
            digest.update(np.array([len(column), *map(len, parts)], dtype="<i8").tobytes())
            digest.update(b"".join(parts))
        return digest.hexdigest()

    @property
    def numbered_in(self) -> str | None:
        """The fingerprint of the corpus whose rows the ids number (id=None), or None where ids are the data's own.

        A row's number names a document within its own source alone: what has other `numbered_in` is about others.
        """
        return self.fingerprint if self._numbered is True else self._numbered or None

    # -------------------------------------------------------------------------------------- what goes with it

    @property
    def queries(self) -> Queries | None:
        """Queries with a right document each; setting them checks that every document is in the corpus."""
        return self._queries

    @queries.setter
    def queries(self, queries: Queries | None) -> None:
        self._queries = self._checked(queries, Queries)

    @property
    def interactions(self) -> Interactions | None:
        """Users' documents in order; setting them checks that every document is in the corpus."""
        return self._interactions

    @interactions.setter
    def interactions(self, interactions: Interactions | None) -> None:
        self._interactions = self._checked(interactions, Interactions)

    def _checked(self, relation, kind: type):
        if relation is None:
            return None
        if not isinstance(relation, kind):
            raise CorpusError(
                f"{self.name}: {kind.__name__} are expected, not {type(relation).__name__}. "
                f"Make them with {kind.__name__}.from_frame or .from_file."
            )
        relation.check_against(self)
        return relation

    # ---------------------------------------------------------------------------------------- parts and files

    def take(self, indices) -> "Corpus":
        """The documents at `indices` (ints, or one bool per document) in that order, as a corpus of its own.

        Queries and interactions about them come along. Raises CorpusError for an index out of range or given
        twice.
        """
        indices, size = np.asarray(indices), len(self)
        if indices.dtype == bool:
            if indices.shape != (size,):
                raise CorpusError(f"{self.name}: the mask has {indices.size:,} values. Give {size:,}.")
            indices = np.flatnonzero(indices)
        if indices.size and (indices.dtype.kind not in "iu" or indices.ndim != 1):
            raise CorpusError(f"{self.name}: documents are taken by a list of whole numbers or a mask. Give one.")
        if indices.size and not -size <= indices.min() <= indices.max() < size:
            raise CorpusError(f"{self.name}: an index is out of range. There are {size:,} documents.")
        indices = indices.astype(np.int64) % max(size, 1)
        if len(np.unique(indices)) < len(indices):
            raise CorpusError(f"{self.name}: a document is taken twice. Give every index once.")
        part = Corpus(
            self.frame.iloc[indices].reset_index(drop=True), name=self.name, licence=self.licence,
            rows=self.rows.take(indices), numbered=self.numbered_in or False,
        )  # fmt: skip
        part._queries = None if self._queries is None else self._queries.within(part)
        part._interactions = None if self._interactions is None else self._interactions.within(part)
        return part

    def to_frame(self) -> pd.DataFrame:
        """A copy of the frame: doc_id, title, text, category_1 … category_n."""
        return self.frame.copy()

    @takes(path=PATH)
    def to_parquet(self, path) -> None:
        """Write the frame, aside and then renamed; `Corpus.from_parquet(path)` reads the same corpus back."""
        names, path = list(self.frame.columns), Path(path)
        columns = [pa.array(self.frame[name].tolist(), pa.string()) for name in names]
        own = {OWN: json.dumps({"numbered_in": self.numbered_in}).encode()}
        table = pa.table(columns, names=names).replace_schema_metadata(own)
        with written_aside(path, CorpusError) as aside:
            pa.parquet.write_table(table, aside, row_group_size=ROW_GROUP)


def expect_corpus(value) -> None:
    """Raise CorpusError, one sentence, unless `value` is a Corpus."""
    if not isinstance(value, Corpus):
        how = "from_frame" if isinstance(value, pd.DataFrame) else "from_records, from_frame or from_file"
        raise CorpusError(f"Wanted a Corpus, not {type(value).__name__}. Make one with Corpus.{how}.")


def _document(title: str, text: str) -> str:
    if not title or not text:
        return title or text
    # "Saw" starts "Saw, fine" and not "Sawdust"
    starts = text.startswith(title) and not text[len(title) : len(title) + 1].isalnum()
    return text if starts else f"{title}. {text}"
