"""k-means: scikit-learn's up to 50,000 rows, faiss's above (a million rows in minutes)."""

import warnings

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

LARGE = 50_000


def kmeans_rows(rows: np.ndarray, clusters: int, seed: int = 0, restarts: int = 3) -> np.ndarray:
    """Centres [K, d] float32 of the best of several k-means runs on rows [N, d]; N ≥ K.

    With fewer than K distinct rows some centres are alike.

    >>> kmeans_rows(np.array([[0., 0.], [0., 1.], [9., 0.], [9., 1.]]), 2).round(1)[:, 1].tolist()
    [0.5, 0.5]
    """
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    if len(rows) <= LARGE:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # equal rows: the stage's perplexity tells
            return KMeans(clusters, n_init=restarts, random_state=seed).fit(rows).cluster_centers_.astype(np.float32)
    import faiss

    found = faiss.Kmeans(rows.shape[1], clusters, niter=50, nredo=restarts, seed=seed, max_points_per_centroid=1024)
    found.train(rows)
    return found.centroids.copy()
