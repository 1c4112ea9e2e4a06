"""Which branches of the ID tree a history has been in, and how long ago."""

from dataclasses import dataclass

import torch
from torch import Tensor

from lmindexer.tasks.decoding.edges import Edges
from lmindexer.tasks.decoding.tree import DecodingTree


@dataclass(frozen=True, eq=False)
class HistoryPaths:
    """For each of B queries its L earlier documents: paths [B, L, depth + 1] (nodes from the root), age [B, L].

    The newest document's age is 0; a place without a document has the age -1.
    """

    paths: Tensor
    age: Tensor

    @classmethod
    def of(cls, tree: DecodingTree, documents: Tensor, lengths: Tensor, oldest: int) -> "HistoryPaths":
        """From documents [B, L], oldest first, of which the first `lengths` [B] are real; ages stop at oldest - 1."""
        place = torch.arange(documents.shape[1], device=documents.device)
        age = lengths[:, None] - 1 - place[None]
        known = (age >= 0) & (documents < len(tree.documents))
        paths = tree.paths(torch.where(known, documents, 0))
        return cls(paths, torch.where(known, age.clamp(max=oldest - 1), -1))

    def take(self, rows: Tensor) -> "HistoryPaths":
        """Those of some queries."""
        return HistoryPaths(self.paths[rows], self.age[rows])

    def add_to_edges(self, logits: Tensor, tree: DecodingTree, edges: Edges, weight: Tensor) -> Tensor:
        """logits [E] + Σ weight[age] over the history's documents below each edge's child; weight [oldest]."""
        mine = self.paths[:, :, edges.level - 1].index_select(0, edges.query)  # [R, L]
        known = self.age.index_select(0, edges.query)
        row, place = torch.nonzero((mine == edges.parent[:, None]) & (known >= 0), as_tuple=True)
        child = self.paths[edges.query[row], place, edges.level]
        edge = edges.offsets[row] + child - tree.first_child[edges.parent[row]].long()
        return logits.index_add(0, edge, weight[known[row, place]])

    def add_to_level(self, logits: Tensor, tree: DecodingTree, level: int, weight: Tensor) -> Tensor:
        """The same for all nodes of a level: logits [B, nodes of the level]."""
        node = self.paths[:, :, level] - tree.level_start[level]
        value = torch.where(self.age >= 0, weight[self.age.clamp(min=0)], 0.0)
        return logits.scatter_add(1, node, value.to(logits.dtype))
