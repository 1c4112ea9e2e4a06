"""PathScorer: a `PathHead` and a batch of states, as decoding asks them."""

import torch
from torch import Tensor

from lmindexer.tasks.decoding.edges import Edges
from lmindexer.tasks.decoding.scorer import segment_logsumexp
from lmindexer.tasks.generative.head import PathHead
from lmindexer.tasks.generative.history import HistoryPaths


class PathScorer:
    """What `tasks.decoding` asks of a model: states [B, d] of the inputs, read by a `PathHead`.

    With the head's output="nodes" whole levels can be asked for at once (`level_scores`), which makes the exact scores
    of all documents cheap.
    """

    grids = True

    def __init__(self, head: PathHead, states: Tensor, history: HistoryPaths | None = None):
        self.head, self.states, self.history = head, states, history
        self.queries, self.normalised = len(states), head.normalise == "tree"
        if head.output == "nodes":
            self.level_scores = self._level_scores

    def begin(self) -> Tensor:
        return self.states

    def advance(self, state: Tensor, rows: Tensor, nodes: Tensor, level: int) -> Tensor:
        return self.head.advance(state.index_select(0, rows), nodes, level)

    def score(self, state: Tensor, edges: Edges) -> Tensor:
        return self.head.edge_log_softmax(self.head.state(state, edges.level), edges, self.history)

    def _level_scores(self, level: int) -> Tensor:
        """log P of all nodes of a level after their parents: [B, nodes of the level]."""
        logits = self.head.level_logits(self.states, level, self.history)
        if level == 1:
            return logits.log_softmax(1)
        tree = self.head.tree
        start, end = tree.level_start[level : level + 2]
        parent = tree.parent[start:end].long() - tree.level_start[level - 1]
        parents = tree.size(level - 1)
        row = (torch.arange(len(logits), device=logits.device)[:, None] * parents + parent).flatten()
        total = segment_logsumexp(logits.flatten(), row, len(logits) * parents).view(len(logits), parents)
        return logits - total.index_select(1, parent)
