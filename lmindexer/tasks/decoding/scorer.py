"""What decoding asks of a model, and softmax over each prefix's children."""

from typing import Any, Protocol

import numpy as np
import torch

from lmindexer.tasks.decoding.edges import Edges


class Scorer(Protocol):
    """A model that has looked at its inputs and can now be asked for the next code after any prefix.

    Attributes:
        queries: B, the number of inputs.
        normalised: the probabilities of every prefix's children sum to one, so decoding takes an only child's
            log P = 0 without asking.
        grids: may be left out; True says that `score` can be given a grid, which is quicker. Its missing edges must
            get -inf and have no part in a softmax over a prefix's children: see `segment_log_softmax`.
    """

    queries: int
    normalised: bool

    def begin(self) -> Any:
        """The state before the first code: row b belongs to query b. A state is the model's own affair."""

    def advance(self, state: Any, rows: torch.Tensor, nodes: torch.Tensor, level: int) -> Any:
        """Row i of the answer: row rows[i] of `state`, gone on to nodes[i], which lie at `level`. Caches live here."""

    def score(self, state: Any, edges: Edges) -> torch.Tensor:
        """[E] log P(child | its prefix, input) of every edge; `edges.row` says which row of the state it leaves."""


def counts_of(query: torch.Tensor, queries: int) -> tuple[torch.Tensor, torch.Tensor]:
    """How many entries each query has, and where they begin: query [E], ascending -> [queries] twice.

    >>> [part.tolist() for part in counts_of(torch.tensor([0, 0, 2]), 3)]
    [[2, 0, 1], [0, 2, 2]]
    """
    bounds = torch.searchsorted(query, torch.arange(queries + 1, device=query.device))
    return bounds[1:] - bounds[:-1], bounds[:-1]


def segment_logsumexp(logits: torch.Tensor, row: torch.Tensor, rows: int) -> torch.Tensor:
    """log Σ exp over the entries of each row: logits [E], row [E] in [0, rows) -> [rows]; -inf where there are none.

    >>> segment_logsumexp(torch.zeros(3), torch.tensor([0, 0, 1]), 2).exp().tolist()
    [2.0, 1.0]
    """
    top = torch.full((rows,), -torch.inf, dtype=logits.dtype, device=logits.device)
    top = top.scatter_reduce(0, row, logits.detach(), "amax")
    safe = top.clamp(min=torch.finfo(logits.dtype).min)
    total = torch.zeros_like(top).index_add(0, row, (logits - safe.index_select(0, row)).exp())
    return total.log() + safe


def segment_log_softmax(logits: torch.Tensor, edges: Edges) -> torch.Tensor:
    """Softmax over the children of each row's prefix, as logarithms: [E] -> [E].

    This is the normalisation over the codes that exist under a prefix. The missing edges of a grid get -inf.
    """
    if edges.width is not None:
        return edges.masked(logits).view(-1, edges.width).log_softmax(1).flatten() if logits.numel() else logits
    return logits - segment_logsumexp(logits, edges.row, len(edges.parent)).index_select(0, edges.row)


class PrefixScorer:
    """A model that answers `log_probabilities(prefixes [R, t]) -> [R, K]` for one input, as a `Scorer`.

    This is what indexers give (`indexer.scorer(text)`). The end of a shorter ID (code -1) is no word of theirs and has
    log P = 0: the score of a shorter ID has fewer terms. The same holds for levels behind their last position.
    """

    queries, normalised = 1, False

    def __init__(self, model, tree, batch: int = 1024):
        self.model, self.tree, self.batch = model, tree, batch

    def begin(self) -> None:
        return None

    def advance(self, state, rows, nodes, level) -> None:
        return None

    def score(self, state, edges: Edges) -> torch.Tensor:
        answer = torch.zeros(len(edges.node), dtype=torch.float64)
        real = edges.code >= 0
        asked = torch.unique(edges.row[real])
        prefixes = self.tree.codes_of(edges.parent[asked], edges.level - 1).numpy()
        for start in range(0, len(asked), self.batch):
            some = asked[start : start + self.batch]
            table = np.asarray(self.model.log_probabilities(prefixes[start : start + self.batch]), dtype=np.float64)
            mine = torch.nonzero(real & (edges.row >= some[0]) & (edges.row <= some[-1]))[:, 0]
            place = torch.searchsorted(some, edges.row[mine])
            answer[mine] = torch.from_numpy(table)[place, edges.code[mine]]
        return answer
