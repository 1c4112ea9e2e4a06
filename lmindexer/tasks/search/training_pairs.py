"""What search models learn from: every epoch each training query once, with one of its right documents."""

import numpy as np
import torch

from lmindexer.tasks.metrics import Judgements


class TrainingPairs:
    """Pairs (text, document) for training: queries, and further texts that stand for a document.

    Each epoch takes every training query once; of several right documents one is drawn in proportion to its gain, so
    a query with a hundred judgements weighs no more than one with a single answer. `extra` texts (titles, spans,
    generated queries, …: `pseudo_queries`) stand for one document each; `share` of them is drawn anew each epoch.

    Attributes: `vectors` [P, d] of queries and then extra texts; `queries`, how many of them are real.

    >>> judged = Judgements.of_targets([4, 2])
    >>> pairs = TrainingPairs(judged, np.zeros((3, 8), np.float32), extra_documents=[1])
    >>> [sorted(part.tolist()) for part in pairs.epoch(0, seed=0)]
    [[0, 1, 2], [1, 2, 4]]
    """

    def __init__(
        self,
        judged: Judgements,
        vectors: np.ndarray,
        extra_documents=(),
        share: float = 1.0,
    ):
        self.judged, self.vectors, self.share = judged, vectors, share
        self.extra_documents = np.asarray(extra_documents, dtype=np.int64)
        self.queries = judged.queries
        self._starts = np.searchsorted(judged.query, np.arange(judged.queries))
        self._sums = np.cumsum(judged.gain)

    def epoch(self, epoch: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """(rows of `vectors`, documents), shuffled; the same for the same epoch and seed."""
        random = np.random.default_rng((seed, epoch))
        documents = self.judged.document[self._drawn(random)]
        wanted = round(self.share * len(self.extra_documents))
        extra = np.sort(random.permutation(len(self.extra_documents))[:wanted])
        rows = np.concatenate([np.arange(self.queries), self.queries + extra])
        documents = np.concatenate([documents, self.extra_documents[extra]])
        order = random.permutation(len(rows))
        return rows[order], documents[order]

    def gather(self, batch: tuple[np.ndarray, np.ndarray]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Of rows and documents [B]: vectors [B, d], documents, and which query each is (-1: none), as a loss takes
        them."""
        rows, documents = batch
        own = np.where(rows < self.queries, rows, -1)
        return torch.from_numpy(self.vectors[rows]), torch.from_numpy(documents), torch.from_numpy(own)

    def _drawn(self, random) -> np.ndarray:
        """One judgement a query, by gain."""
        if not self.queries:
            return np.zeros(0, np.int64)
        below = self._sums[self._starts] - self.judged.gain[self._starts]
        ends = np.append(self._starts[1:], len(self._sums)) - 1
        place = below + random.random(self.queries) * (self._sums[ends] - below)
        return np.clip(np.searchsorted(self._sums, place, side="right"), self._starts, ends)


def batches_of(rows: np.ndarray, documents: np.ndarray, size: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The pairs in batches of `size`, the last one shorter."""
    return [(rows[at : at + size], documents[at : at + size]) for at in range(0, len(rows), size)]
