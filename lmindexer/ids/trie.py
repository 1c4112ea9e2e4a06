"""IDTrie: which code may follow a prefix, in flat arrays, for decoding that only spells IDs that exist."""

from collections.abc import Iterator, Sequence

import numpy as np

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.grouping import row_keys
from lmindexer.ids.semantic_ids import SemanticIDs, expect_ids

NO_NODE = -1


class IDTrie:
    """A trie over the rows of an integer array, in compressed sparse rows; a million rows take seconds.

    Nodes are numbered level by level, the root is 0, and within a level they lie in lexicographic order. So
    node v's children are the consecutive nodes `first_child[v]` … `first_child[v + 1] - 1`, and the
    documents below v are the consecutive places `first_leaf[v]` … `last_leaf[v] - 1` of `order`.

    A code of -1 ("no code here", IDs of variable depth) is an edge like any other: it says that the ID has
    ended. All paths therefore have the same length `depth`, and a path is exactly a row of the array.

    Attributes:
        depth: length of every path.
        code: [nodes] int64, the code on the edge into each node (root: -2).
        parent: [nodes] int64 (root: -1).
        first_child: [nodes + 1] int64.
        first_leaf, last_leaf: [nodes] int64, places in `order`.
        order: [N] int64, documents sorted by path (equal paths in corpus order).

    >>> trie = IDTrie(np.array([[3, 1], [0, 2], [3, 0], [3, 1]]))
    >>> trie.children(0)[0].tolist(), trie.leaves(trie.walk([3])).tolist(), trie.walk([1]) is None
    ([0, 3], [2, 0, 3], True)
    """

    def __init__(self, paths: np.ndarray):
        """Build from `paths` [N, depth] of integers ≥ -1, N ≥ 1; equal rows share a leaf node."""
        paths = np.asarray(paths)
        if paths.ndim != 2 or 0 in paths.shape or paths.dtype.kind not in "iu" or paths.min() < -1:
            raise LMIndexerError("A trie needs at least one ID, as integers ≥ -1 of the shape [documents, positions].")
        paths = paths.astype(np.int64)
        self.depth = paths.shape[1]
        self.order = np.argsort(row_keys(paths), kind="stable")
        self._build(paths[self.order])

    @classmethod
    def from_ids(cls, ids: SemanticIDs, suffix: bool = True) -> "IDTrie":
        """The trie of the documents' codes, followed (unless `suffix=False`) by the suffix as one more level.

        With the suffix every path names one document; without it, a leaf holds all documents with equal
        codes.
        """
        expect_ids(ids)
        return cls(np.column_stack([ids.codes.astype(np.int64), ids.suffix]) if suffix else ids.codes)

    def _build(self, ordered: np.ndarray) -> None:
        documents = len(ordered)
        new = np.zeros(documents, dtype=bool)  # where a path leaves the one before it, up to the current level
        new[0] = True
        starts, codes, parents = [np.zeros(1, np.int64)], [np.full(1, -2)], [np.full(1, NO_NODE)]
        first_of_level, above = 1, np.zeros(documents, np.int64)  # above: each document's node one level up
        for column in ordered.T:
            new[1:] |= column[1:] != column[:-1]
            start = np.flatnonzero(new)
            starts.append(start)
            codes.append(column[start])
            parents.append(above[start])
            above = first_of_level + np.cumsum(new) - 1
            first_of_level += len(start)
        self.code = np.concatenate(codes)
        self.parent = np.concatenate(parents)
        self.first_leaf = np.concatenate(starts)
        self.last_leaf = np.concatenate([np.append(start[1:], documents) for start in starts])
        # Nodes ascend by parent, so the number of nodes whose parent is below v is where v's children begin.
        self.first_child = np.searchsorted(self.parent[1:], np.arange(len(self) + 1)) + 1
        self._radix = int(self.code.max()) + 2
        self._edges = self.parent[1:] * self._radix + self.code[1:] + 1  # ascending: one key per edge

    def __len__(self) -> int:
        """Number of nodes, the root included."""
        return len(self.code)

    def __repr__(self) -> str:
        return f"IDTrie({len(self.order)} documents, depth {self.depth}, {len(self)} nodes)"

    def children(self, node: int) -> tuple[np.ndarray, np.ndarray]:
        """(codes, ascending; the child node under each)."""
        nodes = np.arange(self.first_child[node], self.first_child[node + 1])
        return self.code[nodes], nodes

    def step(self, nodes: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """The child of each node under its code, or -1 where there is none (also from -1 itself).

        Args:
            nodes, codes: integers of one shape (or shapes that broadcast).

        >>> IDTrie(np.array([[3, 1], [0, 2]])).step(np.array([0, 0, -1]), np.array([3, 1, 3])).tolist()
        [2, -1, -1]
        """
        nodes, codes = np.broadcast_arrays(np.asarray(nodes), np.asarray(codes))
        known = (nodes >= 0) & (codes >= -1) & (codes < self._radix - 1)
        keys = np.where(known, nodes.astype(np.int64) * self._radix + codes + 1, -1)
        edge = np.searchsorted(self._edges, keys)
        found = known & (self._edges[np.minimum(edge, len(self._edges) - 1)] == keys)
        return np.where(found, edge + 1, NO_NODE)  # edge e leads into node e + 1

    def walk(self, prefix: Sequence[int]) -> int | None:
        """The node that `prefix` leads to from the root (the empty prefix: the root), or None."""
        node = 0
        for code in prefix:
            node = int(self.step(node, code))
            if node == NO_NODE:
                return None
        return node

    def leaves(self, node: int) -> np.ndarray:
        """The documents below a node, in the order of their paths."""
        return self.order[self.first_leaf[node] : self.last_leaf[node]]

    def allowed(self, nodes: np.ndarray, codebook_size: int) -> np.ndarray:
        """Which codes may follow each node: bool [B, codebook_size]; a node of -1 allows none.

        Codes that do not fit `codebook_size` are left out; whether the ID may end here is `may_end`'s answer.

        Args:
            nodes: [B] integers.
            codebook_size: K of the next position.

        >>> IDTrie(np.array([[3, 1], [0, 2]])).allowed(np.array([0, -1]), 4).astype(int).tolist()
        [[1, 0, 0, 1], [0, 0, 0, 0]]
        """
        nodes = np.asarray(nodes, dtype=np.int64)
        first = self.first_child[np.maximum(nodes, 0)]
        count = np.where(nodes >= 0, self.first_child[np.maximum(nodes, 0) + 1] - first, 0)
        row = np.repeat(np.arange(len(nodes)), count)
        place = np.arange(len(row)) - np.repeat(np.cumsum(count) - count, count)
        code = self.code[first[row] + place]
        fits = (code >= 0) & (code < codebook_size)
        mask = np.zeros((len(nodes), codebook_size), dtype=bool)
        mask[row[fits], code[fits]] = True
        return mask

    def may_end(self, nodes: np.ndarray) -> np.ndarray:
        """Whether an ID ends at each node: bool [B]; at full depth, or where the next edge can be -1."""
        nodes = np.asarray(nodes, dtype=np.int64)
        inner = self.step(nodes, -1) != NO_NODE
        at = np.maximum(nodes, 0)  # -1 looks at the root, which always has children
        return inner | (self.first_child[at] == self.first_child[at + 1])

    def paths(self) -> Iterator[tuple[tuple[int, ...], np.ndarray]]:
        """Every distinct path in lexicographic order with the documents that have it.

        >>> [(path, documents.tolist()) for path, documents in IDTrie(np.array([[3], [0], [3]])).paths()]
        [((0,), [1]), ((3,), [0, 2])]
        """
        leaf_nodes = np.flatnonzero(self.first_child[:-1] == self.first_child[1:])
        rows = np.empty((len(leaf_nodes), self.depth), dtype=np.int64)
        node = leaf_nodes
        for level in reversed(range(self.depth)):
            rows[:, level] = self.code[node]
            node = self.parent[node]
        for path, leaf in zip(rows.tolist(), leaf_nodes, strict=True):
            yield tuple(path), self.leaves(leaf)
