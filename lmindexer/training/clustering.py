"""k-means: scikit-learn's up to 50,000 rows, faiss's above, in cells where the codes are many; the nearest centres."""

import warnings
from collections.abc import Iterator

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from lmindexer.training.many_codes import kmeans_in_cells

LARGE = 50_000
MANY = 4096  # codes above which rows are not compared with every centre: `kmeans_in_cells`
AT_ONCE = 1 << 25  # distances that are held together, 256 MiB


def kmeans_rows(rows: np.ndarray, clusters: int, seed: int = 0, restarts: int = 3) -> np.ndarray:
    """Centres [K, d] float32 of the best of several k-means runs on rows [N, d]; N ≥ K. Of one run above `MANY` codes.

    With fewer than K distinct rows some centres are alike.

    >>> kmeans_rows(np.array([[0., 0.], [0., 1.], [9., 0.], [9., 1.]]), 2).round(1)[:, 1].tolist()
    [0.5, 0.5]
    """
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    if clusters > MANY:
        return kmeans_in_cells(rows, clusters, seed)
    if len(rows) <= LARGE:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # equal rows: the stage's perplexity tells
            return KMeans(clusters, n_init=restarts, random_state=seed).fit(rows).cluster_centers_.astype(np.float32)
    import faiss

    how = {"niter": 50, "nredo": restarts, "max_points_per_centroid": 1024}
    found = faiss.Kmeans(rows.shape[1], clusters, seed=seed, **how)
    found.train(rows)
    return found.centroids.copy()


def distances(rows: np.ndarray, centres: np.ndarray, batch: int | None = None) -> Iterator[tuple[slice, np.ndarray]]:
    """Squared distances of rows [N, d] to centres [K, d], batch by batch: (which rows, [B, K] float64).

    In double precision, so that a row's nearest centre does not depend on which rows are with it in a batch.

    >>> [part.tolist() for _, part in distances(np.array([[0., 0.], [3., 4.]]), np.array([[0., 0.]]))]
    [[[0.0], [25.0]]]
    """
    centres = np.asarray(centres, dtype=np.float64)
    batch = batch or max(1, min(4096, AT_ONCE // max(1, len(centres))))
    norms, minus_twice = (centres**2).sum(1), -2 * centres.T
    for first in range(0, len(rows), batch):
        some = np.asarray(rows[first : first + batch], dtype=np.float64)
        squared = some @ minus_twice  # then in place: with many centres the memory is what is waited for
        squared += (some**2).sum(1)[:, None]
        squared += norms
        yield slice(first, first + len(some)), np.maximum(squared, 0, out=squared)


def nearest(rows: np.ndarray, centres: np.ndarray) -> np.ndarray:
    """The nearest centre of each row, [N] int32; the first of several that are equally near.

    >>> nearest(np.array([[0., 0.], [3., 4.]]), np.array([[0., 1.], [3., 3.]])).tolist()
    [0, 1]
    """
    found = np.empty(len(rows), np.int32)
    for some, squared in distances(rows, centres):
        found[some] = squared.argmin(1)
    return found


def margin(rows: np.ndarray, centres: np.ndarray) -> float:
    """Mean over rows of (squared distance to the second nearest centre) - (to the nearest); 1 with one centre.

    The unit in which distances become probabilities: exp(-distance²/margin) gives a document with a typical margin
    e : 1 for its own code against the next best.

    >>> margin(np.array([[0.], [4.]]), np.array([[0.], [4.]]))
    16.0
    """
    if len(centres) < 2 or not len(rows):
        return 1.0
    gaps = []
    for _, squared in distances(rows, centres):
        best = np.partition(squared, 1, axis=1)
        gaps.append(best[:, 1] - best[:, 0])
    return float(np.concatenate(gaps).mean()) or 1.0
