"""DecodingTree: the tree of IDs as flat tensors, for decoding on CPU and GPU.

Nodes are numbered level by level as in `IDTrie`, so the children of a node are consecutive nodes, and so are the
documents below it. Two kinds of look-up:

- **dense**, for the first levels (STATIC, arXiv 2602.22647): a table [nodes of the level, codes] with the child under
  each code. It costs the same however many IDs there are.
- **compressed rows**, below: `first_child` says where a node's children begin.

`edges` gives all children of many nodes at once: see `edges.py`.
"""

from collections.abc import Callable
from itertools import takewhile

import numpy as np
import torch
from torch import nn

from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.ids.trie import NO_NODE, IDTrie
from lmindexer.tasks.decoding.edges import Edges

DENSE_CELLS = 1 << 20  # a level gets a dense table while nodes × codes stay below this (4 MiB)


class DecodingTree:
    """The IDs that exist, level by level; a leaf holds the documents whose whole path is the same.

    Attributes:
        depth: levels below the root; with the suffix as the last level, T + 1, and every leaf is one document.
        level_start: depth + 2 integers; the nodes of level l are level_start[l] … level_start[l + 1] - 1.
        code, parent, first_leaf, last_leaf: [nodes] int32; first_child: [nodes + 1] int32.
        documents: [N] int32, the documents in the order of their paths.
        leaf: [N] int32, the leaf node of each document.
        branching: [nodes] bool, whether more than one leaf lies below the node.

    >>> ids = SemanticIDs.from_codes(["a", "b", "c"], [[3, 1], [3, 1], [0, 2]], codebook_sizes=(4, 4))
    >>> tree = DecodingTree.from_ids(ids)
    >>> tree.depth, tree.level_start, tree.paths(torch.tensor([1])).tolist()
    (3, [0, 1, 3, 5, 8], [[0, 2, 4, 7]])
    """

    def __init__(self, trie: IDTrie):
        starts = [0, 1]
        while len(starts) < trie.depth + 2:  # the children of a level are the next one
            starts.append(int(trie.first_child[starts[-1]]))
        self.depth, self.level_start = trie.depth, starts
        for name in ("code", "parent", "first_child", "first_leaf", "last_leaf"):
            setattr(self, name, torch.from_numpy(getattr(trie, name).astype(np.int32)))
        self.documents = torch.from_numpy(trie.order.astype(np.int32))
        leaves = torch.arange(starts[-2], starts[-1], dtype=torch.int32)
        counts = (self.last_leaf - self.first_leaf)[starts[-2] :]
        self.leaf = torch.empty(len(trie.order), dtype=torch.int32)
        self.leaf[self.documents.long()] = torch.repeat_interleave(leaves, counts)
        first, last = self.documents[self.first_leaf.long()], self.documents[self.last_leaf.long() - 1]
        self.branching = self.leaf[first.long()] != self.leaf[last.long()]
        self.dense = list(takewhile(lambda table: table is not None, map(self._dense_table, range(trie.depth))))

    @classmethod
    def from_ids(cls, ids: SemanticIDs, suffix: bool = True) -> "DecodingTree":
        """The tree of the documents' codes, followed (unless `suffix=False`) by the suffix as the last level."""
        return cls(IDTrie.from_ids(ids, suffix=suffix))

    def __len__(self) -> int:
        """Number of nodes, the root included."""
        return len(self.code)

    def __repr__(self) -> str:
        return f"DecodingTree({len(self.documents)} documents, depth {self.depth}, {len(self)} nodes)"

    @property
    def nbytes(self) -> int:
        """Bytes of all tensors."""
        return sum(t.numel() * t.element_size() for t in self._tensors().values()) + sum(
            t.numel() * t.element_size() for t in self.dense
        )

    def to(self, device) -> "DecodingTree":
        """The same tree with its tensors on a device."""
        return self.mapped(lambda tensor: tensor.to(device))

    def mapped(self, move: Callable[[torch.Tensor], torch.Tensor]) -> "DecodingTree":
        """The same tree with `move` of each tensor."""
        moved = object.__new__(DecodingTree)
        moved.depth, moved.level_start = self.depth, self.level_start
        for name, tensor in self._tensors().items():
            setattr(moved, name, move(tensor))
        moved.dense = [move(table) for table in self.dense]
        return moved

    # ---- walking ---------------------------------------------------------------------------------------------

    def size(self, level: int) -> int:
        """Number of nodes of a level (0 is the root's)."""
        return self.level_start[level + 1] - self.level_start[level]

    def children(self, nodes: torch.Tensor) -> torch.Tensor:
        """[R] number of children of each node."""
        return self.first_child[nodes + 1].long() - self.first_child[nodes].long()

    def edges(self, parent: torch.Tensor, query: torch.Tensor, level: int, grid: bool = False) -> Edges:
        """All children, at `level`, of the nodes `parent` [R] that belong to the queries `query` [R], ascending.

        grid: as a grid, unless most of it would be missing; a list holds what exists and no more.
        """
        first = self.first_child.index_select(0, parent)
        counts = self.first_child.index_select(0, parent + 1) - first
        return Edges.of(level, self.code, parent, query, first.long(), counts.long(), grid)

    def step(self, nodes: torch.Tensor, codes: torch.Tensor, level: int) -> torch.Tensor:
        """The child, at `level`, of each node under its code, or -1: by the dense table or by bisection."""
        if level <= len(self.dense):
            table = self.dense[level - 1]
            known = (nodes >= 0) & (codes >= -1) & (codes < table.shape[1] - 1)
            place = (nodes - self.level_start[level - 1]).clamp(min=0)
            return torch.where(known, table[place, torch.where(known, codes, -1) + 1].long(), NO_NODE)
        at = nodes.clamp(min=0)
        low, high = self.first_child[at].long(), self.first_child[at + 1].long()
        last = high
        for _ in range(int((high - low).max()).bit_length() if len(nodes) else 0):
            middle = (low + high) // 2
            less = self.code[middle.clamp(max=len(self) - 1)] < codes
            open_ = low < high
            low, high = torch.where(open_ & less, middle + 1, low), torch.where(open_ & ~less, middle, high)
        found = (nodes >= 0) & (low < last) & (self.code[low.clamp(max=len(self) - 1)] == codes)
        return torch.where(found, low, NO_NODE)

    def node_of(self, codes: torch.Tensor) -> torch.Tensor:
        """The node of each row of prefixes [R, l] (l levels, 0 ≤ l ≤ depth), or -1 where there is none."""
        node = torch.zeros(len(codes), dtype=torch.long, device=self.code.device)
        for level in range(1, codes.shape[1] + 1):
            node = self.step(node, codes[:, level - 1], level)
        return node

    def paths(self, documents: torch.Tensor) -> torch.Tensor:
        """Nodes from the root to the leaf of each document: [..., depth + 1] int64."""
        node = self.leaf[documents].long()
        path = [node]
        for _ in range(self.depth):
            node = self.parent[node].long()
            path.append(node)
        return torch.stack(path[::-1], dim=-1)

    def codes_of(self, nodes: torch.Tensor, level: int) -> torch.Tensor:
        """The codes that lead to nodes of a level: [R, level] int64."""
        codes = []
        for _ in range(level):
            codes.append(self.code[nodes].long())
            nodes = self.parent[nodes].long()
        return torch.stack(codes[::-1], dim=1) if codes else nodes.new_zeros(len(nodes), 0)

    # ---- building --------------------------------------------------------------------------------------------

    def _tensors(self) -> dict[str, torch.Tensor]:
        names = ("code", "parent", "first_child", "first_leaf", "last_leaf", "documents", "leaf", "branching")
        return {name: getattr(self, name) for name in names}

    def _dense_table(self, level: int) -> torch.Tensor | None:
        """[nodes of the level, 1 + codes of the next] int32: the child under each code (-1 stands first), or -1."""
        start, end = self.level_start[level], self.level_start[level + 1]
        children = slice(end, self.level_start[level + 2])
        width = int(self.code[children].max()) + 2
        if (end - start) * width > DENSE_CELLS:
            return None
        table = torch.full((end - start, width), NO_NODE, dtype=torch.int32)
        table[self.parent[children].long() - start, self.code[children].long() + 1] = torch.arange(
            children.start, children.stop, dtype=torch.int32
        )
        return table


class TreeModule(nn.Module):
    """A module with a `tree` that goes wherever its parameters go."""

    tree: DecodingTree

    def _apply(self, fn, recurse=True):
        super()._apply(fn, recurse)
        self.tree = self.tree.mapped(fn)
        return self
