"""Nearest neighbours of documents by dot product: exact up to 100,000 documents, an inverted file above."""

import numpy as np

EXACT = 100_000


def nearest_neighbours(rows: np.ndarray, neighbours: int) -> np.ndarray:
    """The `neighbours` nearest other rows of each row of [N, d], best first: [N, k], k = min(neighbours, N - 1).

    >>> nearest_neighbours(np.array([[1., 0.], [.9, .1], [0., 1.]], dtype=np.float32), 1).ravel().tolist()
    [1, 0, 1]
    """
    import faiss

    rows = np.ascontiguousarray(rows, dtype=np.float32)
    count = min(neighbours, len(rows) - 1)
    index = faiss.IndexFlatIP(rows.shape[1])
    if len(rows) > EXACT:
        lists = int(4 * len(rows) ** 0.5)
        index = faiss.IndexIVFFlat(index, rows.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
        index.train(rows[:: max(1, len(rows) // (40 * lists))])
        index.nprobe = 16
    index.add(rows)
    found = index.search(rows, count + 1)[1]  # [N, k+1], usually the row itself first
    itself = found == np.arange(len(rows))[:, None]
    itself[~itself.any(1), -1] = True  # a tie pushed the row out of its own list: drop the farthest instead
    kept = found[~itself].reshape(len(rows), count)
    return np.where(kept < 0, kept[:, :1].clip(0), kept)  # an inverted file may find fewer: repeat the nearest
