"""k-means for tens of thousands of codes: about √K cells first, then codes within each, then all moved together.

An iteration of k-means compares every row with every centre. With a centre for 20 rows that grows as N²: a million rows
of 64 numbers and 51,200 centres are 6.6·10¹² products. A row's nearest centre lies in its own cell or in one nearby, so
comparing it with the centres of the nearest cells gives nearly the same centres for a fourteenth of that
(docs/results/speed_and_scale.md has both).
"""

import numpy as np
from scipy.sparse import csr_array

NEAR = 16  # cells whose centres a row is compared with, its own among them
ROUNDS = 10  # in which all centres move
COARSE, FINE = 20, 10  # iterations that make the cells, and the codes within one


def kmeans_in_cells(rows: np.ndarray, clusters: int, seed: int = 0) -> np.ndarray:
    """Centres [K, d] float32 of rows [N, d] float32, N ≥ K.

    >>> sorted(kmeans_in_cells(np.float32([[0], [1], [8], [9]]), 2)[:, 0].tolist())
    [0.5, 8.5]
    """
    coarse = _kmeans(rows, max(1, round(clusters**0.5)), seed, COARSE)
    cell = _nearest(rows, coarse)[:, 0]
    sizes = np.bincount(cell, minlength=len(coarse))
    members = np.split(np.argsort(cell, kind="stable"), sizes.cumsum()[:-1])
    shares = shared_out(clusters, sizes)
    centres = np.concatenate([_kmeans(rows[m], k, seed, FINE) for m, k in zip(members, shares, strict=True) if k])
    candidates = _of_near_cells(coarse, shares)
    for _ in range(ROUNDS):
        centres = _moved(rows, centres, members, candidates)
    return centres


def shared_out(clusters: int, sizes: np.ndarray) -> np.ndarray:
    """How many of K codes each cell gets, about in proportion to its rows and never more than these (seats by the
    method of Sainte-Laguë).

    >>> shared_out(5, np.array([60, 39, 1])).tolist()
    [3, 2, 0]
    """
    cell = np.repeat(np.arange(len(sizes)), sizes)
    place = np.arange(len(cell)) - np.repeat(sizes.cumsum() - sizes, sizes)  # 0, 1, 2, … within a cell
    winners = np.argsort(-sizes[cell] / (place + 0.5), kind="stable")[:clusters]
    return np.bincount(cell[winners], minlength=len(sizes))


def _of_near_cells(coarse: np.ndarray, shares: np.ndarray) -> list[np.ndarray]:
    """For each cell the numbers of the centres in the cells nearest to it; a cell may have no centre of its own."""
    first, having = shares.cumsum() - shares, np.flatnonzero(shares)
    near = having[_nearest(coarse, coarse[having], min(NEAR, len(having)))]  # [cells, NEAR]
    return [np.concatenate([np.arange(first[c], first[c] + shares[c]) for c in cells]) for cells in near]


def _moved(
    rows: np.ndarray, centres: np.ndarray, members: list[np.ndarray], candidates: list[np.ndarray]
) -> np.ndarray:
    """Each centre at the mean of the rows that choose it among their candidates; where it was if none does."""
    chosen = np.empty(len(rows), np.int64)
    for some, may in zip(members, candidates, strict=True):
        if len(some):
            chosen[some] = may[_nearest(rows[some], centres[may])[:, 0]]
    counts = np.bincount(chosen, minlength=len(centres))[:, None]
    ones = np.ones(len(rows), np.float32)
    sums = csr_array((ones, (chosen, np.arange(len(rows)))), (len(centres), len(rows))) @ rows
    return np.where(counts > 0, sums / np.maximum(counts, 1), centres).astype(np.float32)


def _kmeans(rows: np.ndarray, clusters: int, seed: int, iterations: int) -> np.ndarray:
    import faiss

    found = faiss.Kmeans(rows.shape[1], int(clusters), niter=iterations, seed=seed, min_points_per_centroid=1)
    found.train(rows)
    return found.centroids.copy()


def _nearest(rows: np.ndarray, centres: np.ndarray, number: int = 1) -> np.ndarray:
    """The `number` nearest centres of each row, nearest first, [N, number]."""
    import faiss

    index = faiss.IndexFlatL2(centres.shape[1])
    index.add(centres)
    return index.search(rows, number)[1]
