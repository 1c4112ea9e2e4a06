"""Do near documents share codes? The share of a document's nearest neighbours that have its prefix."""

import numpy as np

from lmindexer.common.errors import LMIndexerError


def neighbour_preservation(neighbours: np.ndarray, codes: np.ndarray) -> float | None:
    """Share of the documents' nearest neighbours whose codes are all equal to the document's own.

    Args:
        neighbours: [N, k] numbers of each document's nearest documents by some embedding
            (`lmindexer.training.neighbours.nearest_neighbours`).
        codes: [N] or [N, t]: a code, or a prefix c1 … ct.

    Returns:
        The mean over documents, in [0, 1]; None without documents or neighbours. One code for all gives 1, so
        read it beside the perplexity. It asks for the geometry of that embedding, which a method that clusters
        this very embedding has for nothing.

    >>> neighbour_preservation(np.array([[1], [0], [1]]), np.array([4, 4, 5]))  # 1, 1, 0
    0.6666666666666666
    """
    neighbours, codes = np.asarray(neighbours), np.asarray(codes)
    codes = codes[:, None] if codes.ndim == 1 else codes
    if len(neighbours) != len(codes):
        raise LMIndexerError(f"Neighbours of {len(neighbours)} documents do not fit the codes of {len(codes)}.")
    if not neighbours.size:
        return None
    return float((codes[neighbours] == codes[:, None]).all(-1).mean())
