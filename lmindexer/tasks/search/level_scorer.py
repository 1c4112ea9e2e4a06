"""Heads that weigh whole levels of the ID tree at once: what decoding asks of them, and their loss.

P(child v | prefix, h) = softmax over the prefix's children of a weight s_v(h), which knows the prefix through v itself.
So nothing has to be remembered of a prefix, and all documents are scored exactly by one product a level.
"""

from abc import abstractmethod
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from lmindexer.tasks.decoding import DecodingTree, Edges, path_log_probabilities
from lmindexer.tasks.decoding.scorer import segment_log_softmax

MOST_DOCUMENTS = 1 << 16  # a loss over all documents costs too much above; then only the path's own is used
_FEWEST = -1e30


class LevelScorer:
    """States [B, d] of queries, as `tasks.decoding` asks them. A subclass gives `weights` and `weights_of`."""

    normalised = True

    def __init__(self, tree: DecodingTree, states: Tensor):
        self.tree, self.states, self.queries = tree, states, len(states)

    @abstractmethod
    def weights(self, level: int, queries: Tensor | None = None) -> Tensor:
        """s_v of all nodes of a level, [B, nodes of the level]; only for some of the queries [R] if given."""

    @abstractmethod
    def weights_of(self, state: Tensor, edges: Edges) -> Tensor:
        """s_v of the nodes of some edges, [E]; `state` [R] says which query each row belongs to."""

    def begin(self) -> Tensor:
        return torch.arange(self.queries, device=self.states.device)

    def advance(self, state: Tensor, rows: Tensor, nodes: Tensor, level: int) -> Tensor:
        return state.index_select(0, rows)

    def score(self, state: Tensor, edges: Edges) -> Tensor:
        if len(edges.node) == len(state) * self.tree.size(edges.level):  # every row asks for the whole level
            logits = self.weights(edges.level, state).flatten()
        else:
            logits = self.weights_of(state, edges)
        return segment_log_softmax(logits, edges)

    def level_scores(self, level: int) -> Tensor:
        """log P of all nodes of a level after their parents, [B, nodes of the level]."""
        logits, tree = self.weights(level), self.tree
        if level == 1:
            return logits.log_softmax(1)
        parent = tree.parent[tree.level_start[level] : tree.level_start[level + 1]].long() - tree.level_start[level - 1]
        total = grouped(logits, parent, tree.size(level - 1))
        return logits - total.index_select(1, parent)

    def leaf_scores(self) -> Tensor:
        """log P of all leaves, [B, leaves] in the tree's order."""
        tree, total = self.tree, self.level_scores(1)
        for level in range(2, tree.depth + 1):
            above = tree.parent[tree.level_start[level] : tree.level_start[level + 1]].long()
            total = total.index_select(1, above - tree.level_start[level - 1]) + self.level_scores(level)
        return total


def gathering_pays(states: Tensor, rows: int, wanted: int) -> bool:
    """Whether `wanted` products of single rows hold fewer numbers when rows are gathered than when all are multiplied.

    A beam over a large level asks for millions of rows, some thousand times the same ones.
    """
    return wanted * states.shape[1] <= len(states) * rows


def distilled_loss(scorer: LevelScorer, tree: DecodingTree, documents: Tensor, dense: Callable[[], Tensor]) -> Tensor:
    """Mean over queries of three parts, for right documents [B] (corpus places):

        -log P(leaf of d | h)                  the path's own likelihood
        -log p(d | h)                          p = softmax of `dense()` [B, N] over documents in the tree's order
        KL(p over leaves ‖ P(· | h))           nodes learn to weigh as much as the documents below them

    Over more than 65,536 documents only the first.
    """
    if len(tree.documents) > MOST_DOCUMENTS:
        return -path_log_probabilities(scorer, tree, tree.paths(documents)).sum(1).mean()
    log_p, flat = scorer.leaf_scores(), F.log_softmax(dense(), 1)
    leaf = tree.leaf[documents].long() - tree.level_start[tree.depth]
    place = torch.empty_like(tree.documents, dtype=torch.long)
    place[tree.documents.long()] = torch.arange(len(place), device=place.device)
    right = F.nll_loss(flat, place[documents])
    target = flat.detach()
    if log_p.shape[1] != flat.shape[1]:  # documents that share a leaf count together
        owner = torch.repeat_interleave((tree.last_leaf - tree.first_leaf)[tree.level_start[tree.depth] :].long())
        target = grouped(target, owner, log_p.shape[1])
    return F.nll_loss(log_p, leaf) + right + F.kl_div(log_p, target, log_target=True, reduction="batchmean")


def grouped(logits: Tensor, group: Tensor, groups: int) -> Tensor:
    """log Σ exp within groups of columns: logits [B, S], group [S] -> [B, groups].

    >>> grouped(torch.zeros(1, 3), torch.tensor([0, 0, 1]), 2).exp().tolist()
    [[2.0, 1.0]]
    """
    wide = group.expand(len(logits), -1)
    top = logits.new_full((len(logits), groups), _FEWEST).scatter_reduce(1, wide, logits.detach(), "amax")
    total = torch.zeros_like(top).index_add(1, group, (logits - top.index_select(1, group)).exp())
    return total.log() + top
