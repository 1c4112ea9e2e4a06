"""The other rankings of one search: documents that tie in the order of their vectors, and path score + λ · dense."""

import numpy as np

from lmindexer.tasks.metrics import Rankings


def rescored(rankings: Rankings, dense: np.ndarray, weight: float) -> Rankings:
    """Path score + weight · dense over the documents of each ranking; weight 0 leaves it as it is.

    >>> rescored(Rankings(np.array([[4, 2]]), np.array([[-1.0, -2.0]])), np.array([[0.0, 9.0]]), 1.0).documents.tolist()
    [[2, 4]]
    """
    if weight == 0:
        return rankings
    scores = np.where(rankings.documents >= 0, rankings.scores + weight * dense, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")
    return Rankings(np.take_along_axis(rankings.documents, order, 1), np.take_along_axis(scores, order, 1))


def ties_by(rankings: Rankings, dense: np.ndarray) -> Rankings:
    """Documents of equal scores in the order of `dense`; scores are lowered by steps that change no other order."""
    dense = np.where(rankings.documents >= 0, dense, -np.inf)
    order = np.lexsort((-dense, -rankings.scores), axis=1)
    documents, scores = (np.take_along_axis(part, order, 1) for part in (rankings.documents, rankings.scores))
    sizes = np.where(np.isfinite(scores), np.maximum(1, np.abs(scores)), 0)
    steps = np.arange(scores.shape[1]) * 1e-9 * sizes
    return Rankings(documents, scores - steps)


def cut(rankings: Rankings, depth: int) -> Rankings:
    """The first `depth` places."""
    return Rankings(rankings.documents[:, :depth], rankings.scores[:, :depth])
