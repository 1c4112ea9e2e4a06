"""What a code stands for: its key words with weights, its categories, its central documents, the codes like it."""

import numpy as np
import pandas as pd

from lmindexer.browse import words
from lmindexer.browse.documents import fetch
from lmindexer.browse.neighbours import cosines, states
from lmindexer.browse.run import Prefix, RunBrowser, remembered

LOOKED_AT = 20_000  # documents that a middle is taken over


def keyword_weights(run: RunBrowser, prefix: Prefix, top: int = 12) -> pd.DataFrame:
    """word, weight (class-based TF-IDF, see `words.keywords`) of a prefix, the heaviest first."""
    prefix = run.checked(prefix)
    found = words.weighed(run, prefix[:-1], top).get(prefix[-1], []) if prefix else []
    return pd.DataFrame(found, columns=["word", "weight"])


@remembered
def make_up(run: RunBrowser, prefix: Prefix, level: int = 1, top: int = 12) -> pd.DataFrame:
    """The categories under a prefix: category, documents, share, corpus_share, lift = share / corpus_share.

    Shares are of the documents that have a category at this level.
    """
    group = f"g{run.checked_level(level)}"
    cells = run.frame(
        f"SELECT {group} AS rank, count(*) AS documents FROM docs WHERE {run.where(prefix)} AND {group} >= 0 "
        f"GROUP BY 1 ORDER BY documents DESC, rank"
    )
    sizes = run.frame(f"SELECT rank, documents FROM category_{level}").set_index("rank")["documents"]
    cells["share"] = cells["documents"] / max(cells["documents"].sum(), 1)
    cells["corpus_share"] = cells["rank"].map(sizes) / max(sizes.sum(), 1)
    cells["lift"] = cells["share"] / cells["corpus_share"]
    cells = cells.head(top).reset_index(drop=True)
    cells.insert(0, "category", cells["rank"].map(run.labels_of(level, cells["rank"])))
    return cells


@remembered
def central(run: RunBrowser, prefix: Prefix, limit: int = 10) -> pd.DataFrame:
    """Documents under a prefix that are nearest to the middle of their states, with `cosine`; none without states."""
    matrix = states(run)
    if matrix is None:
        return fetch(run, []).assign(cosine=[])
    rows = _sampled(run, run.where(prefix))["row"].to_numpy()
    inside = np.asarray(matrix[rows], dtype=np.float32)
    near = cosines(inside, _unit(inside).mean(axis=0))
    best = np.lexsort((rows, -near))[:limit]
    return fetch(run, rows[best].tolist()).assign(cosine=near[best])


@remembered
def similar(run: RunBrowser, prefix: Prefix, limit: int = 6) -> pd.DataFrame:
    """Codes beside the last code of a prefix whose middles are nearest to its own: code, cosine, documents."""
    prefix, matrix = run.checked(prefix), states(run)
    if matrix is None or not prefix:
        return pd.DataFrame(columns=["code", "cosine", "documents"])
    column = f"c{len(prefix)}"
    found = _sampled(run, run.where(prefix[:-1]), column)
    codes, place = np.unique(found["code"].to_numpy(), return_inverse=True)
    middles = np.zeros((len(codes), matrix.shape[1]), dtype=np.float32)
    np.add.at(middles, place, _unit(np.asarray(matrix[found["row"].to_numpy()], dtype=np.float32)))
    own = np.flatnonzero(codes == prefix[-1])
    if not len(own):
        return pd.DataFrame(columns=["code", "cosine", "documents"])
    near = cosines(middles, middles[own[0]])
    near[own[0]] = -np.inf
    best = np.lexsort((codes, -near))[: min(limit, len(codes) - 1)]
    best = best[codes[best] >= 0]
    counts = [run.count((*prefix[:-1], int(code))) for code in codes[best]]
    return pd.DataFrame({"code": codes[best], "cosine": near[best], "documents": counts})


def _sampled(run: RunBrowser, condition: str, column: str = "c1") -> pd.DataFrame:
    """row, code of the documents under a condition, at most 20,000 of them, in the corpus's order."""
    return run.frame(
        f"SELECT row, code FROM (SELECT row, {column} AS code FROM docs WHERE {condition} ORDER BY hash(row) "
        f"LIMIT {LOOKED_AT}) ORDER BY row"
    )


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
