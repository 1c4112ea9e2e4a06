"""`Asked`: what a document was asked for in training, as further vectors that stand for it beside its text's own.

The weight of document d for a query state h is then

    log( exp(τ h · d + b_d) + w Σ_q exp(τ h · q) )        q: the training queries that d answers

so a question in a person's own words finds what was found with such words before. It is to vectors what appending the
training queries to their documents is to bm25. A query must not find its document by itself while it is learned from:
each loss leaves a query's own vector out.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import scipy.sparse
import torch

from lmindexer.tasks.base import Task
from lmindexer.tasks.metrics import Rankings
from lmindexer.tasks.search.base import mean_ndcg, top_of

SCALE = 20.0  # τ before anything is trained
NEVER = -1e4  # in place of a dot product: exp(τ · NEVER) is 0
WEIGHTS = (0.1, 0.0, 0.03, 0.3)  # that are tried; the first without validation queries
KEPT = ("vectors", "query", "document")
BATCH = 256  # queries that are compared with everything together


@dataclass(frozen=True)
class Asked:
    """Vectors of training queries [A, d], and pairs that say which documents each one asks for.

    vectors: [A, d]. query, document: [P] places of pairs. weight: w of a query beside the 1 of a document's own text.

    >>> asked = Asked(np.ones((2, 3), np.float32), np.array([0, 1, 1]), np.array([5, 4, 5]), 0.1)
    >>> [queries.tolist() for queries in asked.by_place(np.array([5, 4, 3]))]   # of documents 5, 4 and 3
    [[0, 1], [1], []]
    """

    vectors: np.ndarray
    query: np.ndarray
    document: np.ndarray
    weight: float

    @classmethod
    def of_task(
        cls, task: Task, queries: dict[str, np.ndarray], documents: np.ndarray, weight: float | None
    ) -> "Asked | None":
        """Of a task's training queries; None with a weight of 0 or without queries.

        queries: vectors [Q, d] of the splits "train" and "validation". weight: None has it chosen on validation.
        """
        judged, rated = task.judgements("train"), task.judgements("validation")
        if weight == 0 or not judged.queries:
            return None
        asked = cls(queries["train"], np.asarray(judged.query), np.asarray(judged.document), weight or WEIGHTS[0])
        if weight is None:
            asked = asked.with_chosen_weight(queries["validation"], documents, lambda found: mean_ndcg(found, rated))
        return asked if asked.weight else None

    def by_place(self, documents: np.ndarray) -> list[np.ndarray]:
        """The queries of each of some documents, in their order."""
        order = np.argsort(self.document, kind="stable")
        starts = np.searchsorted(self.document[order], documents)
        ends = np.searchsorted(self.document[order], documents, side="right")
        queries = self.query[order]
        return [queries[start:end] for start, end in zip(starts.tolist(), ends.tolist(), strict=True)]

    @cached_property
    def _of_queries(self) -> scipy.sparse.csr_array:
        """[A, N]: 1 where a query asks for a document."""
        shape = len(self.vectors), int(self.document.max()) + 1
        return scipy.sparse.csr_array((np.ones(len(self.query)), (self.query, self.document)), shape=shape)

    def scores(self, states: np.ndarray, documents: np.ndarray, scale: float) -> np.ndarray:
        """log( exp(τ h · d) + w Σ_q exp(τ h · q) ) of states [B, d] and all documents [N, d]: [B, N]."""
        own = scale * (states @ documents.T).astype(np.float64)
        if self.weight == 0:
            return own
        before = scale * (states @ self.vectors.T).astype(np.float64)
        top = np.maximum(own.max(1, keepdims=True), before.max(1, keepdims=True))
        total = np.exp(own - top)
        found = np.exp(before - top) @ self._of_queries
        total[:, : found.shape[1]] += self.weight * found
        return np.log(np.maximum(total, np.finfo(float).tiny)) + top

    def nearest(
        self, states: np.ndarray, documents: np.ndarray, scale: float, depth: int, allow: np.ndarray | None = None
    ) -> Rankings:
        """The `depth` documents of the highest scores for each state [Q, d], exactly; allow: [N] bool."""
        parts = []
        for at in range(0, max(1, len(states)), BATCH):
            scores = self.scores(states[at : at + BATCH], documents, scale)
            parts.append(top_of(scores if allow is None else np.where(allow, scores, -np.inf), depth))
        return Rankings(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("documents", "scores")))

    def with_chosen_weight(
        self, queries: np.ndarray, documents: np.ndarray, quality: Callable[[Rankings], float]
    ) -> "Asked":
        """With the weight of `WEIGHTS` that ranks validation queries [Q, d] best before anything is trained."""
        if not len(queries):
            return replace(self, weight=WEIGHTS[0])
        tried = [replace(self, weight=weight) for weight in WEIGHTS]
        found = [quality(one.nearest(queries, documents, SCALE, 50)) for one in tried]
        return tried[int(np.argmax(found))]

    # ---- on disk -------------------------------------------------------------------------------------------------

    def tensors(self) -> dict[str, torch.Tensor]:
        """What a model's folder keeps of it, but for the weight."""
        return {f"asked.{name}": torch.from_numpy(getattr(self, name).copy()) for name in KEPT}

    @classmethod
    def from_tensors(cls, tensors: dict[str, torch.Tensor], weight: float | None) -> "Asked | None":
        """What was kept, or None."""
        if weight is None:
            return None
        return cls(*(tensors[f"asked.{name}"].numpy() for name in KEPT), float(weight))
