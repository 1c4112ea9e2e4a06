"""RunBrowser: one run in DuckDB, codes and categories in memory, text left in its Parquet file."""

import functools
import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import cached_property

import duckdb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

from lmindexer.common.arguments import codes_of
from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.common.kinds import kind_of, takes
from lmindexer.corpus.corpus import PATH_SEPARATOR, Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.runs.bundle import Bundle
from lmindexer.runs.folder import read_part

MEMORY_LIMIT = "1GB"
EVALUATE_UP_TO = 50_000  # documents; a larger run without metrics.json is asked to be evaluated on the shell

ANSWERS = 96  # kept for each run

Prefix = Sequence[int]


def remembered(ask: Callable) -> Callable:
    """Keep a question's latest answers with the run, so that going back to a page costs nothing.

    `ask(run, …)` takes hashable arguments (lists are taken as tuples). Frames are answered as copies.
    """

    @functools.wraps(ask)
    def answer(run: "RunBrowser", *args, **named):
        args = tuple(tuple(one) if isinstance(one, list) else one for one in args)
        key = (ask.__module__, ask.__qualname__, args, tuple(sorted(named.items())))
        with run.lock:
            if key in run.answers:
                run.answers.move_to_end(key)
            else:
                run.answers[key] = ask(run, *args, **named)
                while len(run.answers) > ANSWERS:
                    run.answers.popitem(last=False)
            found = run.answers[key]
        return found.copy() if isinstance(found, pd.DataFrame) else found

    return answer


BUNDLE = kind_of(Bundle, "a Bundle", "Open one with lmindexer.Bundle.open(folder).")
IDS = kind_of(SemanticIDs, "SemanticIDs", "Give an indexer's ids_, or make them with SemanticIDs.from_codes.")
CORPUS = kind_of(Corpus, "a Corpus", "Make one with Corpus.from_records, from_frame or from_file.")


class RunBrowser:
    """One run, open for questions. Safe to share between threads: every question has its own cursor.

    Tables in the connection:
        docs        row (place in the corpus), c1 … cT, suffix, g1 … gn (rank of the document's category at each
                    level, 0 = the most frequent; -1 = none)
        category_k  rank, label, documents; for each level k
        texts       row, doc_id, title, text: a view of the Parquet file (or of a frame)

    Attributes:
        name, documents (N), positions (T), codebook_sizes, levels (n).

    Raises:
        BundleError: when the bundle's files do not fit together.
    """

    def __init__(self, name: str, connection, codebook_sizes: Sequence[int], levels: int):
        self.name = name
        self.connection = connection
        self.codebook_sizes = tuple(codebook_sizes)
        self.positions = len(self.codebook_sizes)
        self.levels = levels
        self.bundle: Bundle | None = None
        self._parts: tuple[SemanticIDs, Corpus] | None = None
        self.lock = threading.RLock()
        self.reading, self.prepared = threading.Lock(), threading.Event()  # of `words.prepare`
        self.names: tuple | None = None  # what `names` has read
        self.answers: OrderedDict = OrderedDict()  # the latest ones, see `remembered`
        self.documents = self.value("SELECT count(*) FROM docs")

    @classmethod
    @takes(bundle=BUNDLE)
    def from_bundle(cls, bundle: Bundle) -> "RunBrowser":
        """Open a bundle; reads codes and categories, no text."""
        corpus, ids = bundle.path / "corpus.parquet", bundle.path / "ids.parquet"
        try:
            corpus_names = pq.read_schema(corpus).names
            code_names = [name for name in pq.read_schema(ids).names if name[1:].isdigit() and name[0] == "c"]
            sizes = _codebook_sizes(bundle, len(code_names))
            con = _connection()
            con.execute(
                "CREATE VIEW texts AS SELECT file_row_number AS row, doc_id, title, text "
                f"FROM read_parquet({_quoted(corpus)}, file_row_number=true)"
            )
            levels = sum(name.startswith("category_") for name in corpus_names)
            _load(con, _numbered(corpus), _numbered(ids), levels, len(sizes))
            browser = cls(bundle.name, con, sizes, levels)
        except (duckdb.Error, OSError, ValueError) as error:
            raise BundleError(f"{bundle.path} cannot be read ({error}); copy the folder again.") from error
        browser.bundle = bundle
        return browser

    @classmethod
    @takes(ids=IDS, corpus=CORPUS)
    def from_parts(cls, ids: SemanticIDs, corpus: Corpus, name: str | None = None) -> "RunBrowser":
        """The same over IDs and a corpus in memory, for notebooks and figures without a bundle."""
        frame = corpus.frame.iloc[ids.rows_in(corpus)].reset_index(drop=True).astype(object)
        frame.insert(0, "row", np.arange(len(frame)))
        codes = ids.to_frame().drop(columns=["id", "doc_id"])
        codes.insert(0, "row", np.arange(len(codes)))
        con = _connection()
        con.register("corpus_frame", frame)
        con.register("ids_frame", codes)
        con.execute("CREATE TABLE texts AS SELECT row, doc_id, title, text FROM corpus_frame")
        _load(con, "corpus_frame", "ids_frame", corpus.levels, ids.positions)
        con.unregister("corpus_frame")
        con.unregister("ids_frame")
        browser = cls(name or corpus.name, con, ids.codebook_sizes, corpus.levels)
        browser._parts = (ids, corpus)
        return browser

    def __repr__(self) -> str:
        return f"RunBrowser({self.name!r}, {self.documents:,} documents, codebook sizes {self.codebook_sizes})"

    # -- asking --------------------------------------------------------------------------------------------

    def frame(self, sql: str, values: Sequence | dict = ()) -> pd.DataFrame:
        """The answer to a question as a frame; `values` by place, or by name for "$name" in the question.

        Raises:
            BundleError: when a file of the run was taken away or changed meanwhile.
        """
        return self._asked(sql, values, lambda answer: answer.df())

    def value(self, sql: str, values: Sequence = ()):
        """The single value that a question asks for; raises as `frame` does."""
        return self._asked(sql, values, lambda answer: answer.fetchone()[0])

    def _asked(self, sql: str, values: Sequence | dict, read: Callable):
        try:
            return read(self.connection.cursor().execute(sql, values if isinstance(values, dict) else list(values)))
        except (duckdb.IOException, duckdb.InvalidInputException) as error:
            raise BundleError(
                f"A file of the run {self.name} can no longer be read ({str(error).splitlines()[0][:160]}); put it "
                "back, or copy the run's folder again."
            ) from error

    def where(self, prefix: Prefix = (), category: tuple[int, int] | None = None) -> str:
        """A condition on `docs`: the codes begin with `prefix`, and the category (level, rank) if one is given."""
        prefix = self.checked(prefix)
        parts = [f"c{position} = {code}" for position, code in enumerate(prefix, start=1)]
        if category is not None:
            parts.append(f"g{self.checked_level(category[0])} = {int(category[1])}")
        return " AND ".join(parts) or "TRUE"

    def checked(self, prefix: Prefix) -> tuple[int, ...]:
        """The prefix as integers that these IDs can have.

        Raises:
            LMIndexerError: when it is too long or a code is outside its codebook.
        """
        prefix = codes_of(prefix)
        if len(prefix) > self.positions:
            raise LMIndexerError(f"A prefix of {len(prefix)} codes does not fit {self.positions} positions.")
        for position, (code, size) in enumerate(zip(prefix, self.codebook_sizes, strict=False), start=1):
            if not -1 <= code < size:
                raise LMIndexerError(f"Code {code} at position {position} is outside its codebook of {size}.")
        return prefix

    def checked_level(self, level: int) -> int:
        """The category level, if the corpus has it."""
        if not 1 <= level <= self.levels:
            raise LMIndexerError(f"There is no category level {level}; the corpus has {self.levels}.")
        return int(level)

    # -- what is in it -------------------------------------------------------------------------------------

    def count(self, prefix: Prefix = (), category: tuple[int, int] | None = None) -> int:
        """Number of documents under a prefix (and with a category)."""
        return self.value(f"SELECT count(*) FROM docs WHERE {self.where(prefix, category)}")

    def categories(self, level: int) -> pd.DataFrame:
        """rank, label ("a > b"), documents of every category of a level, the most frequent first."""
        return self.frame(f"SELECT * FROM category_{self.checked_level(level)} ORDER BY rank")

    def labels_of(self, level: int, ranks) -> dict[int, str]:
        """{rank: label} for some ranks of a level; -1 is "(no category)"."""
        wanted = sorted({int(rank) for rank in ranks if rank >= 0})
        listed = ", ".join(map(str, wanted)) or "-2"
        table = f"category_{self.checked_level(level)}"
        found = self.frame(f"SELECT rank, label FROM {table} WHERE rank IN ({listed})")
        return {-1: "(no category)", **dict(zip(found["rank"].tolist(), found["label"].tolist(), strict=True))}

    @cached_property
    def distinct_prefixes(self) -> list[int]:
        """Distinct prefixes c_1 … c_t for t = 1 … T."""
        return [
            self.value(f"SELECT count(*) FROM (SELECT DISTINCT {self.codes(t)} FROM docs)")
            for t in range(1, self.positions + 1)
        ]

    def codes(self, length: int) -> str:
        """The column list c1, …, c_length."""
        return ", ".join(f"c{position}" for position in range(1, length + 1))

    @cached_property
    def unique_share(self) -> float:
        """Share of documents whose codes no other document has."""
        columns = self.codes(self.positions)
        alone = self.value(f"SELECT count(*) FROM (SELECT 1 FROM docs GROUP BY {columns} HAVING count(*) = 1)")
        return alone / max(self.documents, 1)

    @cached_property
    def quality(self):
        """The run's `IDQuality`: that of the bundle, or measured now where that is quick, or None."""
        from lmindexer.quality import IDQuality, evaluate_ids  # scikit-learn takes a second to load

        if self.bundle is not None and self.bundle.metrics is not None:
            return read_part(self.bundle.path / "metrics.json", lambda: IDQuality.from_dict(self.bundle.metrics))
        if self.documents > EVALUATE_UP_TO or not self.documents:
            return None
        return evaluate_ids(*self.parts)

    @property
    def parts(self) -> tuple[SemanticIDs, Corpus]:
        """(ids, corpus) in memory, read when first asked for; only for runs that are not large."""
        with self.lock:
            if self._parts is None:
                self._parts = (self.bundle.ids, self.bundle.corpus)
        return self._parts


def _connection() -> duckdb.DuckDBPyConnection:
    con = duckdb.connect(config={"autoinstall_known_extensions": "false", "allow_community_extensions": "false"})
    con.execute(f"SET memory_limit = '{MEMORY_LIMIT}'")
    return con


def _quoted(path) -> str:
    """A path as an SQL string; brackets and stars in it are file names, not patterns, to read_parquet."""
    text = str(path).replace("'", "''")
    for sign in "[*?":
        text = text.replace(sign, f"[{sign}]")
    return f"'{text}'"


def _numbered(path) -> str:
    """A Parquet file with each row's place in it as the column `row`."""
    return f"(SELECT *, file_row_number AS row FROM read_parquet({_quoted(path)}, file_row_number=true))"


def _codebook_sizes(bundle: Bundle, positions: int) -> tuple[int, ...]:
    metadata = pq.read_schema(bundle.path / "ids.parquet").metadata or {}
    sizes = json.loads(metadata.get(b"lmindexer.codebook_sizes", b"[]"))
    if len(sizes) != positions or not positions:
        raise BundleError(f"{bundle.path / 'ids.parquet'} lacks its codebook sizes; write the run again.")
    return tuple(int(size) for size in sizes)


def _marked(column: str) -> str:
    """A label as `corpus.paths.join_path` writes it: in quotation marks where it could be read as two."""
    unclear = f"contains(concat(' ', {column}, ' '), '{PATH_SEPARATOR}') OR starts_with({column}, '\"')"
    return f"""CASE WHEN {unclear} THEN concat('"', replace({column}, '"', '""'), '"') ELSE {column} END"""


def _load(con, corpus: str, ids: str, levels: int, positions: int) -> None:
    """Make `docs` and the category tables.

    Labels are put together once for each distinct path, not for each document.
    """
    names = [f"category_{level}" for level in range(1, levels + 1)]
    columns = ", ".join(names)
    con.execute(f"CREATE TEMP TABLE documents AS SELECT {', '.join(['row', *names])} FROM {corpus}")
    if levels:
        con.execute(f"CREATE TEMP TABLE paths AS SELECT {columns}, count(*) AS documents FROM documents GROUP BY ALL")
    for level in range(1, levels + 1):
        label = f"concat_ws('{PATH_SEPARATOR}', {', '.join(map(_marked, names[:level]))})"
        con.execute(
            f"CREATE TABLE category_{level} AS SELECT (row_number() OVER (ORDER BY documents DESC, label) - 1)"
            f"::INTEGER AS rank, label, documents FROM (SELECT {label} AS label, sum(documents)::BIGINT AS documents "
            f"FROM paths GROUP BY ALL HAVING label <> '')"
        )
        con.execute(f"ALTER TABLE paths ADD COLUMN g{level} INTEGER DEFAULT -1")
        con.execute(f"UPDATE paths SET g{level} = rank FROM category_{level} k WHERE k.label = {label}")
    codes = ", ".join(f"c{t}::INTEGER AS c{t}" for t in range(1, positions + 1))
    ranks = "".join(f", g{level}" for level in range(1, levels + 1))
    same = " AND ".join(f"d.{name} IS NOT DISTINCT FROM p.{name}" for name in names)
    con.execute(
        f"CREATE TABLE docs AS SELECT i.row::INTEGER AS row, {codes}, suffix{ranks} FROM {ids} i "
        f"JOIN documents d USING (row){f' JOIN paths p ON {same}' if levels else ''} ORDER BY i.row"
    )
    con.execute(f"DROP TABLE documents{'; DROP TABLE paths' if levels else ''}")
