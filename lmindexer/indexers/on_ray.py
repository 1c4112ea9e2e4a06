"""`encode` of Parquet files on a Ray cluster, for corpora that outgrow one machine (pip install "lmindexer[ray]").

Each worker loads the run and encodes the batches of rows that Ray Data gives it; a worker that dies is started again
and its batch done anew. Ids and codes come together where the call was made, which numbers the suffixes: so the IDs
are those of `Indexer.encode` on all rows at once, however many workers there are.
"""

from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.common.errors import CorpusError, LMIndexerError, SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.indexers import load_indexer
from lmindexer.indexers.base import Encoded


def encode_on_ray(
    run: str | Path,
    files: str | Path | list[str],
    *,
    workers: int = 2,
    batch_size: int = 2048,
    gpus: float = 0,
    on_change: str = "keep",
    **columns,
) -> Encoded:
    """Semantic IDs of the documents in Parquet files, in the order of the files and their rows.

    Args:
        run: a finished run, on a path that every machine of the cluster sees.
        files: a Parquet file, a folder of them, or several; whatever ray.data.read_parquet reads.
        workers: processes that encode.
        batch_size: rows that a worker encodes at a time.
        gpus: of each worker.
        on_change: as for `Indexer.encode`.
        columns: as for `Corpus.from_parquet`: id=, title=, text=, category=; an id is needed.

    Returns what `encode(…, details=True)` gives, without states (None).

    Raises SettingsError without Ray or without an id column, CorpusError for rows that cannot be used or ids that come
    twice.

    >>> found = encode_on_ray("runs/products", "new/", id="sku", text="title")         # doctest: +SKIP
    >>> found.ids.to_parquet("new_ids.parquet")                                        # doctest: +SKIP
    """
    try:
        import ray.data
    except ImportError as error:
        raise SettingsError('Ray is not installed; install it with: pip install "lmindexer[ray]"') from error
    if not columns.get("id"):
        raise SettingsError('encode_on_ray needs the column of document ids; give id="…".')
    indexer = load_indexer(run)
    with _rows_in_order(ray.data.DataContext.get_current()):
        rows = ray.data.read_parquet(files if isinstance(files, list) else str(files)).map_batches(
            _Worker,
            fn_constructor_kwargs={"run": str(Path(run).absolute()), "columns": columns, "on_change": on_change},
            batch_size=batch_size,
            batch_format="pandas",
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_gpus=gpus or None,
        )
        found = pd.concat(rows.iter_batches(batch_size=None, batch_format="pandas"), ignore_index=True)
    return _together(indexer, found)


class _Worker:
    """What runs in each process: rows of a table to ids, codes, their probabilities, and whether a text has changed;
    or why they cannot be used (an error would come back as Ray's own, with a traceback)."""

    def __init__(self, run: str, columns: dict, on_change: str):
        self.indexer, self.columns, self.on_change = load_indexer(run), columns, on_change

    def __call__(self, rows: pd.DataFrame) -> pd.DataFrame:
        try:
            documents = Corpus.from_frame(rows, **self.columns)
            found = self.indexer.encode(documents, details=True, on_change=self.on_change)
        except LMIndexerError as error:
            return pd.DataFrame({"refused": [str(error)]})
        table = pd.DataFrame({"doc_id": found.ids.doc_ids.astype(str)})
        table["changed"] = np.isin(np.arange(len(table)), found.changed)
        for position in range(found.ids.positions):
            table[f"c{position}"] = found.ids.codes[:, position]
            table[f"p{position}"] = found.probabilities[:, position]
        return table


def _together(indexer, found: pd.DataFrame) -> Encoded:
    """The workers' rows as one answer, suffixes numbered in their order."""
    if "refused" in found:
        raise CorpusError(found["refused"].dropna().iloc[0])
    again = found["doc_id"].duplicated()
    if again.any():
        first = found["doc_id"][again].iloc[0]
        raise CorpusError(f"The id {first!r} comes twice in the Parquet files; give each document an id of its own.")
    positions = range(indexer.ids_.positions)
    codes = found[[f"c{position}" for position in positions]].to_numpy(np.int32)
    numbered = indexer.corpus_ is not None and indexer.corpus_.numbered_in is not None
    known = np.full(len(found), -1) if numbered else None  # a row's number is no document's name elsewhere
    ids, collisions = indexer.ids_.extend(found["doc_id"].to_numpy(), codes, known)
    probabilities = found[[f"p{position}" for position in positions]].to_numpy()
    return Encoded(ids, probabilities, None, collisions, np.flatnonzero(found["changed"]))


@contextmanager
def _rows_in_order(context):
    """Blocks come out of Ray Data in the order in which they went in."""
    before = context.execution_options.preserve_order
    context.execution_options.preserve_order = True
    try:
        yield
    finally:
        context.execution_options.preserve_order = before
