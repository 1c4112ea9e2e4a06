"""A tree of cluster centres, grown by recursive k-means: what HierarchicalIndexer's IDs are paths in."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from lmindexer.training.clustering import distances, kmeans_rows, margin, nearest


@dataclass(frozen=True, eq=False)
class ClusterTree:
    """Nodes numbered level by level from the root, 0; a node's children are consecutive.

    centres [M, d], first_child [M] and children [M] (0: a leaf), depth [M], temperatures by depth. A child's code is
    its place among its siblings, so codes are numbered anew under every parent.
    """

    centres: np.ndarray
    first_child: np.ndarray
    children: np.ndarray
    depth: np.ndarray
    temperatures: np.ndarray

    @property
    def positions(self) -> int:
        """Codes of the longest ID."""
        return int(self.depth.max())

    def code(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes [N, T] int32 and probabilities [N, T] of rows [N, d]: at each node on to the nearest child.

        After a leaf there is no code (-1), and that there is none is certain (probability 1).
        """
        rows = np.asarray(rows, dtype=np.float32)
        node = np.zeros(len(rows), np.int64)
        codes = np.full((len(rows), self.positions), -1, np.int32)
        probabilities = np.ones((len(rows), self.positions))
        for t in range(self.positions):
            going = np.flatnonzero(self.children[node] > 0)
            for parent, members in _by_value(node[going]):
                members = going[members]
                for some, squared in distances(rows[members], self._children_of(parent)):
                    chosen = squared.argmin(1)
                    log_p = log_softmax(-squared / self.temperatures[t], axis=1)
                    codes[members[some], t] = chosen
                    probabilities[members[some], t] = np.exp(log_p[np.arange(len(chosen)), chosen])
                node[members] = self.first_child[parent] + codes[members, t]
        return codes, probabilities

    def log_probabilities(self, row: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
        """log P(next code | row, prefix) for prefixes [B, t] of codes: [B, K], -inf for a code that no child has.

        A prefix that leads out of the tree, or to a leaf, says nothing: every code is as likely.
        """
        width = int(self.children.max())
        found = np.full((len(prefixes), width), -np.log(width))
        for place, prefix in enumerate(prefixes):
            node = self._walk(prefix)
            if node is not None and self.children[node]:
                (_, squared), *_ = distances(np.asarray(row)[None], self._children_of(node))
                found[place] = -np.inf
                logits = -squared[0] / self.temperatures[len(prefix)]
                found[place, : self.children[node]] = log_softmax(logits)
        return found

    def _walk(self, prefix) -> int | None:
        node = 0
        for code in prefix:
            if not 0 <= code < self.children[node]:
                return None
            node = int(self.first_child[node] + code)
        return node

    def _children_of(self, node: int) -> np.ndarray:
        first = self.first_child[node]
        return self.centres[first : first + self.children[node]]


def grow_tree(
    rows: np.ndarray,
    branching: int,
    leaf_size: int,
    max_depth: int,
    *,
    seed: int = 0,
    restarts: int = 3,
    on_split: Callable[[int], None] = lambda documents: None,
) -> ClusterTree:
    """Recursive k-means of rows [N, d]: a node of more than `leaf_size` rows is split, down to `max_depth`.

    The root is always split, so that every ID has a code. A node with no more than `branching` distinct rows gives
    each of them a child, and a node of equal rows is a leaf, for nothing can tell them apart. Centres that no row is
    nearest to are left out. `on_split` hears of every row that has come to rest, once.
    """
    rows = np.ascontiguousarray(rows, dtype=np.float32)
    centres, first, children, depth = [np.zeros(rows.shape[1], np.float32)], [0], [0], [0]
    gaps: dict[int, list[tuple[float, int]]] = {}
    queue = deque([(0, np.arange(len(rows)))])
    while queue:
        node, members = queue.popleft()
        found = None
        if node == 0 or (len(members) > leaf_size and depth[node] < max_depth):
            found = _split(rows[members], branching, seed, restarts)
        if found is None or (node and len(found) < 2):
            on_split(len(members))
            continue
        labels = nearest(rows[members], found)
        kept = np.unique(labels)
        found, labels = found[kept], np.searchsorted(kept, labels)
        gaps.setdefault(depth[node], []).append((margin(rows[members], found), len(members) * (len(found) > 1)))
        first[node], children[node] = len(centres), len(found)
        for code, centre in enumerate(found):
            queue.append((len(centres), members[labels == code]))
            centres.append(centre)
            first.append(0)
            children.append(0)
            depth.append(depth[node] + 1)
    temperatures = [_weighted_mean(gaps[level]) for level in range(max(depth))]
    return ClusterTree(np.stack(centres), np.array(first), np.array(children), np.array(depth), np.array(temperatures))


def _split(rows: np.ndarray, branching: int, seed: int, restarts: int) -> np.ndarray:
    """At most `branching` centres for a node's rows."""
    distinct: dict[bytes, int] = {}
    for place, row in enumerate(rows):
        distinct.setdefault(row.tobytes(), place)
        if len(distinct) > branching:
            return kmeans_rows(rows, branching, seed, restarts)
    return rows[list(distinct.values())]


def _weighted_mean(pairs: list[tuple[float, int]]) -> float:
    weight = sum(documents for _, documents in pairs)
    return sum(gap * documents for gap, documents in pairs) / weight if weight else 1.0


def _by_value(values: np.ndarray):
    """(value, places) for each distinct value."""
    order = np.argsort(values, kind="stable")
    distinct, starts = np.unique(values[order], return_index=True)
    yield from zip(distinct.tolist(), np.split(order, starts[1:]), strict=True)
