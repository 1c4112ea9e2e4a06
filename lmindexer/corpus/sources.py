"""The ways in that corpora, queries and interactions share: files of each kind, frames, lists of dicts."""

from collections.abc import Callable, Sequence
from typing import Self

import pandas as pd

from lmindexer.corpus import readers
from lmindexer.corpus.checks import Table, check_options


class FromSources:
    """Gives a class its `from_…` methods; the class has `_make(read, name, *, …)`, whose keywords they take.

    `read(choose)` gives the `Table` of the columns that `choose` names; `name` is the source's own.
    """

    @classmethod
    def from_file(cls, path, **options) -> Self:
        """Read .csv, .tsv, .jsonl, .json (each also .gz) or .parquet; the keywords are the class's.

        >>> Corpus.from_file("no_such.csv")                                            # doctest: +SKIP
        Traceback (most recent call last):
        ...
        lmindexer.common.errors.CorpusError: no_such.csv: there is no such file. Check the path.
        """
        return cls._read(path, None, options)

    @classmethod
    def from_csv(cls, path, **options) -> Self:
        """Read a CSV file with a header; the keywords are the class's."""
        return cls._read(path, "csv", options)

    @classmethod
    def from_tsv(cls, path, **options) -> Self:
        """Read a tab-separated file with a header; the keywords are the class's."""
        return cls._read(path, "tsv", options)

    @classmethod
    def from_jsonl(cls, path, **options) -> Self:
        """Read a file with one JSON object a line, or one array of objects; the keywords are the class's."""
        return cls._read(path, "jsonl", options)

    @classmethod
    def from_parquet(cls, path, **options) -> Self:
        """Read a Parquet file; only the columns named are loaded. The keywords are the class's."""
        return cls._read(path, "parquet", options)

    @classmethod
    def from_frame(cls, frame: pd.DataFrame, **options) -> Self:
        """Take a pandas frame; a named index counts as a column. The keywords are the class's."""
        check_options(options, cls._make)
        return cls._make(lambda choose: readers.table_of_frame(frame, choose), None, **options)

    @classmethod
    def from_records(cls, records: Sequence[dict], **options) -> Self:
        """Take a list of dicts; the keywords are the class's."""
        check_options(options, cls._make)
        return cls._make(lambda choose: readers.table_of_records(records, choose), None, **options)

    @classmethod
    def _read(cls, path, kind: str | None, options: dict) -> Self:
        check_options(options, cls._make, readers.read_table)
        readers.check_path(path)
        form, options = readers.split_options(options)
        return cls._make(lambda choose: readers.read_table(path, kind, choose, **form), readers.stem(path), **options)

    @classmethod
    def _make(cls, read: Callable[[Callable], Table], name: str | None, **options) -> Self:
        raise NotImplementedError
