"""Nearest documents by the last hidden state h, read from the states file piece by piece."""

import numpy as np
import pandas as pd

from lmindexer.browse.documents import fetch
from lmindexer.browse.run import Prefix, RunBrowser, remembered

PIECE = 16_384  # documents converted to float32 at once
EXACT_UP_TO = 150_000  # documents; above it only those under the nearest first codes are looked at
PROBED = 30_000  # documents looked at then
SAMPLE = 2_500  # documents that the centres of the first codes are estimated on


def states(run: RunBrowser) -> np.ndarray | None:
    """[N, d] float16 mapped from disk, or None when the run has none."""
    return run.bundle.states if run.bundle is not None else None


def nearest(
    run: RunBrowser, vector: np.ndarray, limit: int = 10, exclude_prefix: Prefix = (), skip: int | None = None
) -> pd.DataFrame:
    """Documents with the highest cosine of their h with `vector`, as `fetch` gives them, with `cosine`.

    Exact up to 150,000 documents. Above that, at least 30,000 documents under the nearest first codes are looked at,
    as an inverted file does: IDs are groups of near states, so few neighbours are missed.

    Args:
        vector: [d].
        exclude_prefix: documents under this prefix are left out ("near by h, yet another branch"); () leaves
            none out.
        skip: the place of a document to leave out (itself).
    """
    matrix = states(run)
    rows = _candidates(run, matrix, vector, tuple(exclude_prefix), skip)
    cosine = cosines(matrix, vector) if rows is None else cosines(matrix[rows], vector)
    if rows is None:
        rows = np.arange(len(matrix))
        if exclude_prefix:
            cosine[run.frame(f"SELECT row FROM docs WHERE {run.where(exclude_prefix)}")["row"].to_numpy()] = -np.inf
        if skip is not None:
            cosine[skip] = -np.inf
    best = np.argpartition(-cosine, min(limit, len(cosine) - 1))[:limit] if len(cosine) else np.zeros(0, dtype=int)
    best = best[np.lexsort((rows[best], -cosine[best]))]
    best = best[np.isfinite(cosine[best])]
    cosine, best = cosine[best], rows[best]
    found = fetch(run, best.tolist())
    found.insert(1, "cosine", cosine)
    return found


def _candidates(run: RunBrowser, matrix, vector, exclude_prefix, skip) -> np.ndarray | None:
    """Documents worth a look in a large run: those under the first codes whose centres are nearest, 30,000 or more.

    None stands for all documents.
    """
    if len(matrix) <= EXACT_UP_TO:
        return None
    codes, centres, sizes = _centres(run)
    order = np.argsort(-cosines(centres, vector), kind="stable")
    order = order[codes[order] != exclude_prefix[0]] if len(exclude_prefix) == 1 else order
    enough = int(np.searchsorted(np.cumsum(sizes[order]), PROBED)) + 1
    probed = ", ".join(map(str, codes[order[:enough]].tolist()))
    without = f" AND NOT ({run.where(exclude_prefix)})" if exclude_prefix else ""
    without += "" if skip is None else f" AND row <> {int(skip)}"
    return run.frame(f"SELECT row FROM docs WHERE c1 IN ({probed}){without} ORDER BY hash(row) LIMIT {2 * PROBED}")[
        "row"
    ].to_numpy()


@remembered
def _centres(run: RunBrowser) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(first codes, mean state under each from a sample, documents under each)."""
    sample = run.frame(f"SELECT row, c1 FROM docs ORDER BY hash(row) LIMIT {SAMPLE}").sort_values("row")
    codes, place = np.unique(sample["c1"].to_numpy(), return_inverse=True)
    total = np.zeros((len(codes), states(run).shape[1]), dtype=np.float32)
    np.add.at(total, place, states(run)[sample["row"].to_numpy()].astype(np.float32))
    counted = run.frame("SELECT c1, count(*) AS n FROM docs GROUP BY c1").set_index("c1")["n"]
    return codes, total / np.bincount(place)[:, None], counted.reindex(codes).to_numpy()


def is_exact(run: RunBrowser) -> bool:
    """Whether `nearest` looks at every document."""
    return run.documents <= EXACT_UP_TO


def cosines(matrix: np.ndarray, vector: np.ndarray) -> np.ndarray:
    """[N] cosine of every row with `vector`; a row of zeros has 0."""
    vector = np.asarray(vector, dtype=np.float32)
    vector = vector / max(float(np.linalg.norm(vector)), 1e-12)
    answer = np.empty(len(matrix), dtype=np.float32)
    for start in range(0, len(matrix), PIECE):
        piece = matrix[start : start + PIECE].astype(np.float32)
        norms = np.sqrt(np.einsum("nd,nd->n", piece, piece))
        answer[start : start + PIECE] = piece @ vector / np.maximum(norms, 1e-12)
    return answer
