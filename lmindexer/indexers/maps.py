"""A map of the documents: UMAP of their states in two dimensions. Near is near by the model; far says little."""

import numpy as np
import pandas as pd

LARGE = 100_000  # above, the map is learned on a sample and the rest is laid into it


def umap_map(states: np.ndarray, doc_ids: np.ndarray, seed: int = 0, progress: bool = True) -> pd.DataFrame:
    """doc_id, x, y for states [N, d]: UMAP (McInnes et al. 2018) under cosine distance, 15 neighbours.

    Fewer than five documents are laid on a line, for which no neighbourhoods are needed.
    """
    import warnings

    import torch

    states = np.asarray(states, dtype=np.float32)
    if len(states) < 5:
        points = np.column_stack([np.arange(len(states)), np.zeros(len(states))])
    else:
        from umap import UMAP

        if progress:
            print("map of the documents (UMAP) …", flush=True)
        reducer = UMAP(n_neighbors=min(15, len(states) - 1), metric="cosine", random_state=seed, n_jobs=1)
        if len(states) <= 2 * len(states[:15]):
            reducer.init = "random"  # spectral initialisation needs more points than dimensions
        threads = torch.get_num_threads()
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                if len(states) <= LARGE:
                    points = reducer.fit_transform(states)
                else:
                    sample = np.random.default_rng(seed).choice(len(states), LARGE, replace=False)
                    points = reducer.fit(states[sample]).transform(states)
        finally:
            torch.set_num_threads(threads)  # numba leaves OpenMP, and so torch, at one thread a core
    x, y = np.asarray(points, dtype=np.float32).T
    return pd.DataFrame({"doc_id": doc_ids, "x": x, "y": y})
