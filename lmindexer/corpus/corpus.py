"""`Corpus`: documents with ids and category paths, from CSV, TSV, JSON lines, Parquet, a frame or dicts."""

import hashlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus import readers
from lmindexer.corpus.checks import check_on_error, check_options, skipped_frame
from lmindexer.corpus.layout import Layout, frame_of_table
from lmindexer.corpus.relations import Interactions, Queries

__all__ = ["Corpus", "Interactions", "Queries"]

PATH_SEPARATOR = " > "  # between levels in labels(); also the default for reading a path column
ROW_GROUP = 50_000  # documents in a row group: a reader of a few rows or of one search skips or shares the others


class Corpus:
    """Documents in a fixed order: an id, a title, a text and a category path each.

    Make one with `from_csv`, `from_tsv`, `from_jsonl`, `from_parquet`, `from_frame`, `from_records` or
    `from_file` (which goes by the extension). They share these keywords:

    id:        column of the ids: strings or whole numbers, each once; None numbers the rows "0", "1", ….
               Left out, "doc_id".
    title:     column of the titles, or None.
    text:      one column or several; several are joined with ". " where not empty, and without `title` the
               first of them is the title. Left out, title, text and categories are taken from the columns
               that `to_frame` gives: "title", "text", "category_1", ….
    category:  None; one column that holds a path ("Tools > Saws", split at `separator`, or a list of labels
               in JSON lines and Parquet); or a list of columns, coarse to fine. A path may be shorter than
               others; a gap within it is an error.
    separator: what parts the levels of a path column; None takes the cell as one level.
    name:      the corpus's name; left out, the file's name without its extension.
    licence:   a word about the terms of the data, or None.
    on_error:  "raise" stops at the first bad row; "skip" leaves bad rows out, warns once with counts and
               lists them in `skipped`.
    encoding, delimiter, quote: how text files are written. quote=None takes quotation marks as ordinary
               characters.

    Outer white space is removed from every value. A document needs a title or a text. Rows in messages count
    as a text editor does (a CSV file's header is row 1; a record that spans lines goes by its first); rows of
    Parquet count from 1, of frames and dicts from 0.

    Attributes: `name`, `licence`, `frame` (doc_id, title, text, category_1 … category_n; None where a path
    ends; not to be changed in place), `doc_ids` ([N] str array), `titles`, `texts` (lists), `levels` (n),
    `skipped` (frame: row, column, problem), `queries`, `interactions` (None, or checked when set).

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
        self, frame: pd.DataFrame, *, name: str = "corpus", licence: str | None = None, skipped=None
    ):
        """Wrap a frame that is checked and in the corpus's own layout; `from_frame` takes any other."""
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
        self._queries: Queries | None = None
        self._interactions: Interactions | None = None

    # ------------------------------------------------------------------------------------------------ reading

    @classmethod
    def from_file(cls, path, **options) -> "Corpus":
        """Read .csv, .tsv, .jsonl (each also .gz) or .parquet; the keywords are the class's.

        >>> Corpus.from_file("no_such.csv")
        Traceback (most recent call last):
        ...
        lmindexer.common.errors.CorpusError: no_such.csv: there is no such file. Check the path.
        """
        return cls._read(path, readers.kind_of(path), options)

    @classmethod
    def from_csv(cls, path, **options) -> "Corpus":
        """Read a CSV file with a header; the keywords are the class's."""
        return cls._read(path, "csv", options)

    @classmethod
    def from_tsv(cls, path, **options) -> "Corpus":
        """Read a tab-separated file with a header; the keywords are the class's."""
        return cls._read(path, "tsv", options)

    @classmethod
    def from_jsonl(cls, path, **options) -> "Corpus":
        """Read a file with one JSON object a line (.jsonl or .jsonl.gz); the keywords are the class's."""
        return cls._read(path, "jsonl", options)

    @classmethod
    def from_parquet(cls, path, **options) -> "Corpus":
        """Read a Parquet file; only the columns named are loaded. The keywords are the class's."""
        return cls._read(path, "parquet", options)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, **options) -> "Corpus":
        """Take a pandas frame; a named index counts as a column. The keywords are the class's."""
        check_options(options, cls._make)
        return cls._make(lambda choose: readers.table_of_frame(frame, choose), "corpus", **options)

    @classmethod
    def from_records(cls, records: Sequence[dict], **options) -> "Corpus":
        """Take a list of dicts; the keywords are the class's."""
        check_options(options, cls._make)
        return cls._make(lambda choose: readers.table_of_records(records, choose), "corpus", **options)

    @classmethod
    def _read(cls, path, kind: str, options: dict) -> "Corpus":
        check_options(options, cls._make, readers.read_table)
        form, options = readers.split_options(options)
        return cls._make(
            lambda choose: readers.read_table(path, kind, choose, **form), readers.stem(path), **options
        )

    @classmethod
    def _make(
        cls, read, default_name: str, *, id="doc_id", title=None, text=None, category=None,
        separator=PATH_SEPARATOR, name=None, licence=None, on_error="raise",
    ) -> "Corpus":  # fmt: skip
        check_on_error(on_error)
        layout = Layout(id, title, text, category, separator)
        frame, skipped = frame_of_table(read(layout.choose), layout, on_error)
        return cls(frame, name=name or default_name, licence=licence, skipped=skipped)

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

    def labels(self, level: int | None = None) -> np.ndarray:
        """[N] category labels as whole paths, "a > b > c", cut after `level` levels (1 is the coarsest).

        level=None gives each document's whole path. A document whose path is shorter keeps its whole path;
        one without category gets "". Raises SettingsError for a level the corpus does not have.
        """
        if level is not None and not 1 <= level <= self.levels:
            has = f"has levels 1 to {self.levels}" if self.levels else "has no categories"
            raise SettingsError(f"level is {level}; the corpus {self.name!r} {has}.")
        joined = {path: PATH_SEPARATOR.join(path[:level]) for path in set(self._paths)}
        return np.array([joined[path] for path in self._paths], dtype=object)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over ids, documents and category paths in their order; the name does not count."""
        digest = hashlib.sha256()
        depth = max((len(path) for path in self._paths), default=0)
        levels = [
            [path[level] if level < len(path) else "" for path in self._paths] for level in range(depth)
        ]
        for column in (self.frame["doc_id"].tolist(), self._documents, *levels):
            parts = [value.encode() for value in column]
            # the lengths come first, so that a character moved from one value to the next is seen
            digest.update(np.array([len(column), *map(len, parts)], dtype="<i8").tobytes())
            digest.update(b"".join(parts))
        return digest.hexdigest()

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
            raise CorpusError(
                f"{self.name}: documents are taken by a list of whole numbers or a mask. Give one."
            )
        if indices.size and not -size <= indices.min() <= indices.max() < size:
            raise CorpusError(f"{self.name}: an index is out of range. There are {size:,} documents.")
        indices = indices.astype(np.int64) % max(size, 1)
        if len(np.unique(indices)) < len(indices):
            raise CorpusError(f"{self.name}: a document is taken twice. Give every index once.")
        part = Corpus(self.frame.iloc[indices].reset_index(drop=True), name=self.name, licence=self.licence)
        part._queries = None if self._queries is None else self._queries.within(part)
        part._interactions = None if self._interactions is None else self._interactions.within(part)
        return part

    def to_frame(self) -> pd.DataFrame:
        """A copy of the frame: doc_id, title, text, category_1 … category_n."""
        return self.frame.copy()

    def to_parquet(self, path) -> None:
        """Write the frame, aside and then renamed; `Corpus.from_parquet(path)` reads the same corpus back."""
        names, path = list(self.frame.columns), Path(path)
        columns = [pa.array(self.frame[name].tolist(), pa.string()) for name in names]
        aside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        try:
            pa.parquet.write_table(pa.table(columns, names=names), aside, row_group_size=ROW_GROUP)
            os.replace(aside, path)
        except OSError as error:
            reason = error.strerror or "the disk refused"
            raise CorpusError(f"{path}: it cannot be written ({reason}). Check the folder.") from None
        finally:
            aside.unlink(missing_ok=True)


def _document(title: str, text: str) -> str:
    if not title or not text:
        return title or text
    # "Saw" starts "Saw, fine" and not "Sawdust"
    starts = text.startswith(title) and not text[len(title) : len(title) + 1].isalnum()
    return text if starts else f"{title}. {text}"
