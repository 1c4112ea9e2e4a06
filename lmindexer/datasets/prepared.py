"""A prepared data set: a folder that every command reads, written row by row.

corpus.parquet         doc_id, title, text, category_1 … [and what the source calls the document, as "asin"]
queries.parquet        query_id, text, doc_id, kind, split, score     (where there are queries)
interactions.parquet   user_id, doc_id, position                      (where there are users)
dataset.json           name, source, licence, options, counts, what was left out
"""

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from lmindexer.common.errors import CorpusError
from lmindexer.common.jsonfiles import read_json, write_json
from lmindexer.corpus.checks import shorten
from lmindexer.corpus.corpus import ROW_GROUP, Corpus, Interactions, Queries
from lmindexer.datasets.raw_files import Reading
from lmindexer.datasets.source import Source

ABOUT = "dataset.json"
MOST_TEXT = 64 * 2**20  # characters kept before they are written
_TEXT = pa.string()


class _Rows:
    """A Parquet file that is written in row groups while its rows come in."""

    def __init__(self, path: Path, schema: Mapping[str, pa.DataType]):
        self.schema = pa.schema(list(schema.items()))
        self.file = pa.parquet.ParquetWriter(path, self.schema)
        self.kept: list[tuple] = []
        self.size = self.rows = 0

    def add(self, row: tuple, size: int = 0) -> None:
        self.kept.append(row)
        self.rows += 1
        self.size += size
        if len(self.kept) >= ROW_GROUP or self.size >= MOST_TEXT:
            self.flush()

    def flush(self) -> None:
        columns = zip(*self.kept, strict=True) if self.kept else [()] * len(self.schema)
        arrays = [pa.array(values, kind) for values, kind in zip(columns, self.schema.types, strict=True)]
        self.file.write_table(pa.table(arrays, schema=self.schema))
        self.kept, self.size = [], 0

    def close(self) -> None:
        if self.kept or not self.rows:
            self.flush()
        self.file.close()


def check_free(out: Path) -> None:
    """Raise CorpusError when a folder cannot be made there because something is there already."""
    if out.is_file() or (out.is_dir() and any(out.iterdir())):
        raise CorpusError(f"{out}: it is there already and not empty. Choose another folder.")


class PreparedFolder:
    """Writes a prepared data set aside and puts it in place at the end of the `with` block; nothing is left on failure.

    out:    the folder to make; it must not be there, or be empty.
    levels: category columns.
    extra:  further columns of corpus.parquet.

    Documents come first; rows about documents that are not there are counted and left out.

    Raises CorpusError when `out` is taken or cannot be written, and for bad rows (see `Reading`).
    """

    def __init__(self, out: str | Path, source: Source, reading: Reading, levels: int = 0, extra: Sequence[str] = ()):
        self.out, self.source, self.reading = Path(out), source, reading
        self.levels, self.extra = levels, tuple(extra)
        self.ids: set[str] = set()
        self.counts: Counter[str] = Counter()
        self.name, self.options, self.slides, self.note = source.name, {}, dict(source.slides), source.note
        self._aside = self.out.with_name(f".{self.out.name}.{os.getpid()}.part")
        self._pairs: set[tuple[str, str]] = set()
        self._asked: dict[str, str] = {}
        self._tables: dict[str, _Rows] = {}

    def __enter__(self) -> "PreparedFolder":
        check_free(self.out)
        try:
            self._aside.mkdir(parents=True)
        except OSError as error:
            raise CorpusError(f"{self.out}: it cannot be made ({error.strerror}). Choose another folder.") from None
        categories = [f"category_{level}" for level in range(1, self.levels + 1)]
        self._open("corpus", dict.fromkeys(["doc_id", "title", "text", *categories, *self.extra], _TEXT))
        return self

    def _open(self, name: str, schema: Mapping[str, pa.DataType]) -> _Rows:
        if name not in self._tables:
            self._tables[name] = _Rows(self._aside / f"{name}.parquet", schema)
        return self._tables[name]

    # ------------------------------------------------------------------------------------------------- adding

    def document(
        self, place: str, doc_id: str, title: str, text: str, categories: Sequence[str] = (), extra: Sequence[str] = ()
    ) -> bool:
        """Add a document; False when it has no text, or cannot be used. An id given twice is a bad row."""
        title, text = title.strip(), text.strip()
        if not title and not text:
            self.reading.left_out["documents without any text"] += 1
            return False
        if doc_id in self.ids:
            self.reading.bad(place, "documents given twice", f"the document {shorten(doc_id)} was given before")
            return False
        if not self.reading.readable(place, doc_id, title, text, *categories, *extra):
            return False
        self.ids.add(doc_id)
        path = [*categories, *[None] * (self.levels - len(categories))]
        self._tables["corpus"].add((doc_id, title, text, *path, *extra), len(title) + len(text))
        self.counts["documents"] += 1
        return True

    def query(
        self, place: str, query_id: str, text: str, doc_id: str, split: str, kind: str = "", score: float = 1.0
    ) -> bool:
        """Add a query with one document that is right for it; False when it is left out."""
        kinds, text = self.reading.left_out, text.strip()
        if doc_id not in self.ids:
            kinds["judgements of documents that are not there"] += 1
        elif not text:
            kinds["judgements of queries without any text"] += 1
        elif (query_id, doc_id) in self._pairs:
            kinds["judgements given twice"] += 1
        elif self._asked.get(query_id, text) != text:
            what = f"the query {shorten(query_id)} has another text than before"
            self.reading.bad(place, "queries with two texts", what)
        elif self.reading.readable(place, query_id, text):
            row = {"query_id": query_id, "text": text, "doc_id": doc_id, "kind": kind, "split": split}
            row = {name: value for name, value in row.items() if value or name != "kind"}
            self._pairs.add((query_id, doc_id))
            table = self._open("queries", dict.fromkeys(row, _TEXT) | {"score": pa.float64()})
            table.add((*row.values(), score), len(text))
            self.counts[f"labels, {split}"] += 1
            self.counts[f"queries, {split}"] += query_id not in self._asked
            self._asked[query_id] = text
            return True
        return False

    def interaction(self, user_id: str, doc_id: str, position: int) -> None:
        """Add one use of a document that is there."""
        schema = {"user_id": _TEXT, "doc_id": _TEXT, "position": pa.int64()}
        self._open("interactions", schema).add((user_id, doc_id, position))
        self.counts["interactions"] += 1

    # ------------------------------------------------------------------------------------------------ finishing

    def __exit__(self, kind, error, trace) -> None:
        try:
            for table in self._tables.values():
                table.close()
            if kind is None:
                self._finish()
        except OSError as problem:
            raise CorpusError(f"{self.out}: it cannot be written ({problem.strerror}). Free space.") from None
        finally:
            shutil.rmtree(self._aside, ignore_errors=True)

    def _finish(self) -> None:
        if not self.counts["documents"]:
            raise CorpusError(f"{self.out}: no document is left to write. Check the raw files.")
        write_json(self._aside / ABOUT, self.about())
        if self.out.is_dir():
            self.out.rmdir()
        os.replace(self._aside, self.out)

    def about(self) -> dict:
        """What dataset.json holds."""
        return {
            "name": self.name,
            "source": self.source.name,
            "what": self.source.what,
            "where": self.source.where,
            "licence": self.source.licence,
            "options": self.options,
            "counts": dict(self.counts),
            "slides": self.slides,
            "note": self.note,
            "left_out": dict(self.reading.left_out),
            "examples": self.reading.examples,
        }


def is_prepared(folder: Path) -> bool:
    """Whether a folder is one that `PreparedFolder` wrote."""
    return (folder / ABOUT).is_file() and (folder / "corpus.parquet").is_file()


def load_prepared(folder: str | Path) -> Corpus:
    """The corpus of a prepared folder, with its queries, interactions and licence.

    Raises CorpusError when the folder is none, or a file in it is damaged.
    """
    folder = Path(folder)
    try:
        about = read_json(folder / ABOUT)
        name, licence = str(about["name"]), str(about["licence"])
    except (OSError, ValueError, KeyError, TypeError):
        remedy = "Make the folder again: lmindexer data prepare."
        raise CorpusError(f"{folder}: its {ABOUT} is missing or damaged. {remedy}") from None
    corpus = Corpus.from_parquet(folder / "corpus.parquet", name=name, licence=licence, missing="keep")
    if (folder / "queries.parquet").is_file():
        corpus.queries = Queries.from_file(folder / "queries.parquet", missing="keep")
    if (folder / "interactions.parquet").is_file():
        corpus.interactions = Interactions.from_file(folder / "interactions.parquet")
    return corpus


def counts_in_words(about: Mapping) -> str:
    """The counts of a dataset.json beside the slides' numbers, and what was left out, as lines to print."""
    counts, slides = about["counts"], about["slides"]
    names = [*counts, *(name for name in slides if name not in counts)]
    width = max(map(len, names))
    lines = [f"{'':<{width}}  {'here':>12}  {'slides':>12}"] if slides else []
    for name in names:
        beside = f"  {slides[name]:>12,}" if name in slides else ""
        lines.append(f"{name:<{width}}  {counts.get(name, 0):>12,}{beside}")
    lines += [f"Left out: {number:,} {kind}" for kind, number in about["left_out"].items()]
    lines += [f"  {shorten(example, 300)[1:-1]}" for example in about["examples"]]
    return "\n".join([*lines, *([about["note"]] if about["note"] else [])])
