"""Edges: all ways on from some prefixes, as a grid where they are of similar number and as a flat list where not.

The children of a node are consecutive nodes, so a row is two numbers: its first child and how many there are. A
**grid** gives every row as many edges as the largest row has; those that do not exist (`missing`) repeat the row's
last child and have the probability 0. Softmax, sums and the choice of the best are then one operation on a
table, which is several times as fast as on rows of unequal length. A **list** holds what exists and no more: so one
prefix with ten thousand documents costs the others nothing.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

SMALL_GRID = 1 << 16  # cells that a grid may have in any case
SPARSE = 4  # a larger grid may have so many cells for each edge that exists


@dataclass(frozen=True, eq=False)
class Edges:
    """All ways on from R rows (a row is a kept prefix of a query); the E edges of one row lie together.

    Attributes:
        level: of the children, counted from 1 (the first code) to the tree's depth.
        codes: [nodes] int32, the tree's.
        parent: [R] int64, the node of each row.
        query: [R] int64, the query of each row, ascending.
        first: [R] int64, the first child of each row's node.
        counts: [R] int64, how many children it has.
        width: edges of every row in a grid, the missing ones included; None for a list.
    """

    level: int
    codes: Tensor
    parent: Tensor
    query: Tensor
    first: Tensor
    counts: Tensor
    width: int | None

    @classmethod
    def of(cls, level, codes: Tensor, parent: Tensor, query: Tensor, first: Tensor, counts: Tensor, grid: bool):
        """A list; or, with `grid`, a grid unless most of it would be missing."""
        width = None
        if grid:
            width = int(counts.max()) if counts.shape[0] else 0
            cells = width * counts.shape[0]
            if cells > SMALL_GRID and cells > SPARSE * int(counts.sum()):
                width = None
        return cls(level, codes, parent, query, first, counts, width)

    def take(self, rows: Tensor) -> "Edges":
        """The edges of some rows [r], ascending, laid out alike."""
        parts = (part.index_select(0, rows) for part in (self.parent, self.query, self.first, self.counts))
        return Edges(self.level, self.codes, *parts, self.width)

    def __len__(self) -> int:
        """E."""
        return int(self.counts.sum()) if self.width is None else self.counts.shape[0] * self.width

    @cached_property
    def offsets(self) -> Tensor:
        """[R + 1] int64; the edges of row r are offsets[r] … offsets[r + 1] - 1, those that exist first."""
        if self.width is not None:
            return torch.arange(self.counts.shape[0] + 1, device=self.counts.device) * self.width
        offsets = self.counts.new_zeros(self.counts.shape[0] + 1)
        torch.cumsum(self.counts, 0, out=offsets[1:])
        return offsets

    @cached_property
    def row(self) -> Tensor:
        """[E] int64, the row an edge leaves."""
        if self.width is None:
            return torch.repeat_interleave(self.counts)
        return torch.arange(self.counts.shape[0], device=self.counts.device).repeat_interleave(self.width)

    @cached_property
    def missing(self) -> Tensor | None:
        """[R, width] bool, which cells of a grid stand for no edge; None where every edge exists."""
        if self.width is None or not self.counts.shape[0] or int(self.counts.min()) == self.width:
            return None
        return self._places >= self.counts[:, None]

    @cached_property
    def node(self) -> Tensor:
        """[E] int64, the child an edge leads to."""
        if self.width is None:
            steps = torch.arange(len(self.row), device=self.row.device)
            return steps + (self.first - self.offsets[:-1]).index_select(0, self.row)
        places = self._places
        if self.missing is not None:
            places = torch.minimum(places, self.counts[:, None] - 1)
        return (self.first[:, None] + places).flatten()

    @cached_property
    def code(self) -> Tensor:
        """[E] int64, its code, or the suffix at the last level; -1 says that the ID has ended."""
        return self.codes.index_select(0, self.node).long()

    def ends(self, edges: Tensor) -> tuple[Tensor, Tensor]:
        """The row and the child of some edges [n], all of which exist."""
        if self.width is None:
            return self.row.index_select(0, edges), self.node.index_select(0, edges)
        row = edges.div(self.width, rounding_mode="floor")
        return row, self.first.index_select(0, row) + edges.remainder(self.width)

    def masked(self, values: Tensor) -> Tensor:
        """values [E] with -inf for edges that are missing."""
        if self.missing is None:
            return values
        return values.view(-1, self.width).masked_fill(self.missing, -torch.inf).flatten()

    @property
    def existing(self) -> Tensor:
        """Places of the edges that exist, ascending."""
        if self.missing is None:
            return torch.arange(len(self), device=self.counts.device)
        return torch.nonzero(~self.missing.flatten())[:, 0]

    @cached_property
    def _places(self) -> Tensor:
        return torch.arange(self.width, device=self.counts.device)
