"""SummaryHead: rows that depend on the prefix. A node of the ID tree is summarised by at most m vectors.

The weight of a node v of the tree, for a query state h, is

    s_v(h) = log( Σ_{r ∈ R(v)} exp(τ h · r + b_r) + w Σ_q n_vq exp(τ h · q) )
    P(child v | prefix, h) = softmax over the prefix's children

where R(v) are v's rows: its documents' own vectors where it has at most m documents, otherwise m centres of them
(k-means), which are trained; and q are the training queries that ask for n_vq of its documents (`asked`; none with
w = 0). Were R(v) always all documents below v, the product of the probabilities along a path would be the softmax over
all documents of the weights of `asked`: dense retrieval, decoded code by code. With m centres the first codes see a
summary of the documents, so what a node costs does not grow with their number; it does with what was asked. Training:
see `level_scorer.distilled_loss`, where "dense" is the softmax over the rows of the last level.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lmindexer.tasks.decoding import DecodingTree, Edges, TreeModule, segment_logsumexp
from lmindexer.tasks.search.asked import NEVER, SCALE, Asked
from lmindexer.tasks.search.level_scorer import LevelScorer, distilled_loss, gathering_pays, grouped


class SummaryHead(TreeModule):
    """States [B, d] to probabilities over the ID tree, by summaries of its nodes.

    Args:
        tree: of codes and suffix, one document a leaf.
        documents: [N, d] vectors in corpus order, the rows of the last level; they stay as they are.
        layout: as `summarise` gives it.
        rows: m, rows a node at most.
        learn: the rows of the last level are learned too, d + r_d with r_d = 0 at the start: for documents that are
            asked for often enough to be known by more than their text.
        asked: what documents were asked for in training: further rows of the last level, which stay as they are too.

    Parameters: `centres` [C, d], `bias` [N + C], `log_scale` [depth] (τ of each level), `moved` [N, d] (r_d, or None).
    """

    def __init__(
        self,
        tree: DecodingTree,
        documents: np.ndarray,
        layout: "Layout",
        rows: int = 8,
        learn: bool = False,
        asked: Asked | None = None,
    ):
        super().__init__()
        self.tree, self.rows, self.asked = tree, int(rows), asked
        self.centres = nn.Parameter(torch.as_tensor(layout.centres))
        self.bias = nn.Parameter(torch.as_tensor(layout.bias))
        self.log_scale = nn.Parameter(torch.full((tree.depth,), float(np.log(SCALE))))
        ordered = torch.from_numpy(np.ascontiguousarray(documents, dtype=np.float32))[tree.documents.long()]
        self.register_buffer("documents", ordered, persistent=False)
        self.moved = nn.Parameter(torch.zeros_like(ordered)) if learn else None
        queries = np.zeros((0, ordered.shape[1]), np.float32) if asked is None else asked.vectors
        times = layout.times.astype(np.float32)
        for name, value in (("places", layout.places), ("offsets", layout.offsets), ("log_times", np.log(times))):
            self.register_buffer(name, torch.as_tensor(value), persistent=False)
        self.register_buffer("queries", torch.from_numpy(queries), persistent=False)

    @classmethod
    def of(
        cls,
        tree: DecodingTree,
        documents: np.ndarray,
        rows: int = 8,
        seed: int = 0,
        learn: bool = False,
        asked: Asked | None = None,
    ):
        """With fresh summaries of at most `rows` vectors a node; 1 is "one vector a node"."""
        return cls(tree, documents, summarise(tree, documents, rows, seed, asked=asked), rows, learn, asked)

    @property
    def nbytes(self) -> int:
        """Bytes of all that a search needs: rows, biases, tree."""
        floats = sum(part.numel() for part in (self.documents, self.centres, self.bias, self.queries))
        return 4 * (floats + len(self.places)) + 8 * (len(self.places) + len(self.offsets)) + self.tree.nbytes

    def scorer(self, states: Tensor, own: Tensor | None = None) -> "SummaryScorer":
        """What `tasks.decoding` asks: states [B, d] of queries, of which `own` [B] are left out of what was asked."""
        return SummaryScorer(self, states, own)

    def leaves(self) -> Tensor:
        """[N, d] rows of the last level: the documents' vectors, and what was learned of each beyond its text."""
        return self.documents if self.moved is None else self.documents + self.moved

    def table(self) -> Tensor:
        """[N + C + A, d] all rows."""
        return torch.cat([self.leaves(), self.centres, self.queries])

    def biases(self) -> Tensor:
        """[N + C + A] of all rows: learned ones, and log w of what was asked."""
        if self.asked is None:
            return self.bias
        return torch.cat([self.bias, self.bias.new_full((len(self.queries),), math.log(self.asked.weight))])

    def loss(self, states: Tensor, documents: Tensor, own: Tensor | None = None) -> Tensor:
        """Mean over queries [B, d] with right documents [B] (corpus places); own: [B], each query's place among those
        that were asked, -1 for a text that is none of them."""
        scorer = self.scorer(states, own if self.asked else None)
        return distilled_loss(scorer, self.tree, documents, lambda: scorer.weights(self.tree.depth))


class SummaryScorer(LevelScorer):
    """A `SummaryHead` and states [B, d], as decoding asks them; `own` as in `SummaryHead.loss`."""

    def __init__(self, head: SummaryHead, states: Tensor, own: Tensor | None = None):
        super().__init__(head.tree, states)
        self.head, self.bias = head, head.biases()
        self.own = None if own is None else torch.where(own < 0, -1, own + len(head.bias))  # by number of row
        self._product: Tensor | None = None
        self._of_documents: Tensor | None = None

    def product(self) -> Tensor:
        """h · r of every row, [B, N + C + A], made once."""
        if self._product is None:
            head = self.head
            self._product = torch.cat([self.states @ rows.T for rows in (head.leaves(), head.centres, head.queries)], 1)
            if self.own is not None:
                of = torch.nonzero(self.own >= 0)[:, 0]
                self._product = self._product.index_put((of, self.own[of]), self.states.new_tensor(NEVER))
        return self._product

    def whole(self, level: int) -> Tensor:
        """τ h · r + b of every row, [B, N + C + A], at a level's τ."""
        return self.head.log_scale[level - 1].exp() * self.product() + self.bias

    def weights(self, level: int, queries: Tensor | None = None) -> Tensor:
        if level < self.tree.depth:
            return self._weights(level, queries)
        if self._of_documents is None:  # a loss asks twice
            self._of_documents = self._weights(level, None)
        return self._of_documents if queries is None else self._of_documents.index_select(0, queries)

    def _weights(self, level: int, queries: Tensor | None) -> Tensor:
        head, tree = self.head, self.tree
        start, end = tree.level_start[level], tree.level_start[level + 1]
        offsets = head.offsets[start : end + 1]
        some = slice(int(offsets[0]), int(offsets[-1]))
        places = head.places[some]
        if queries is not None and self.own is None:  # a few rows of some queries: cheaper than all of all
            states = self.states.index_select(0, queries)
            logits = head.log_scale[level - 1].exp() * (states @ _rows(head, places).T) + self.bias[places]
        elif level == tree.depth and len(places) == end - start:  # the documents alone, in the tree's order
            return self.whole(level)[:, : end - start]
        else:
            logits = self.whole(level).index_select(1, places)
            logits = logits if queries is None else logits.index_select(0, queries)
        if len(places) == end - start:  # one row each
            return logits
        if head.asked is not None:
            logits = logits + head.log_times[some]
        owner = torch.repeat_interleave(offsets[1:] - offsets[:-1])
        return grouped(logits, owner, end - start)

    def weights_of(self, state: Tensor, edges: Edges) -> Tensor:
        head = self.head
        first = head.offsets[edges.node]
        counts = head.offsets[edges.node + 1] - first
        edge = torch.repeat_interleave(counts)
        at = torch.arange(len(edge), device=edge.device) - (counts.cumsum(0) - counts)[edge] + first[edge]
        places = head.places[at]
        query = state.index_select(0, edges.row)[edge]
        if gathering_pays(self.states, len(self.bias), len(places)):
            dots = torch.linalg.vecdot(self.states.index_select(0, query), _rows(head, places))
            if self.own is not None:
                dots = dots.masked_fill(places == self.own[query], NEVER)
        else:
            dots = self.product()[query, places]
        logits = head.log_scale[edges.level - 1].exp() * dots + self.bias[places] + head.log_times[at]
        return logits if len(edge) == len(edges.node) else segment_logsumexp(logits, edge, len(edges.node))


def _rows(head: SummaryHead, places: Tensor) -> Tensor:
    """Rows by number, [S, d], without joining documents, centres and queries: there may be a million documents."""
    documents, learned = len(head.documents), len(head.bias)
    of_document, of_query = places < documents, places >= learned
    if bool(of_document.all()):
        return _leaves(head, places)
    if not bool((of_document | of_query).any()):
        return head.centres.index_select(0, places - documents)
    rows = head.documents.new_empty(len(places), head.documents.shape[1])
    rows[of_document] = _leaves(head, places[of_document])
    rows[of_query] = head.queries[places[of_query] - learned]
    of_centre = ~(of_document | of_query)
    return rows.index_put((torch.nonzero(of_centre)[:, 0],), head.centres[places[of_centre] - documents])


def _leaves(head: SummaryHead, places: Tensor) -> Tensor:
    rows = head.documents.index_select(0, places)
    return rows if head.moved is None else rows + head.moved.index_select(0, places)


@dataclass(frozen=True)
class Layout:
    """Which rows each node of a tree has: node v those numbered places[offsets[v]:offsets[v + 1]], each so many times.

    Row r < N is the document at place r of `tree.documents`, row N + c is centre c of C, row N + C + a is query a of
    what was asked. centres: [C, d]; bias: [N + C], of documents and centres; times: like places, n of a query that asks
    for n of a node's documents, otherwise 1.
    """

    centres: np.ndarray
    bias: np.ndarray
    places: np.ndarray
    offsets: np.ndarray
    times: np.ndarray

    def numbers_of(self, node: int) -> np.ndarray:
        """The numbers of a node's rows."""
        return self.places[self.offsets[node] : self.offsets[node + 1]]


def summarise(
    tree: DecodingTree,
    documents: np.ndarray,
    rows: int,
    seed: int,
    scale: float = SCALE,
    asked: Asked | None = None,
    centres: Sequence[np.ndarray] = (),
    bias: Sequence[float] = (),
    kept: dict[int, np.ndarray] | None = None,
) -> Layout:
    """Rows of every node before training.

    A centre of n documents starts at the bias log n + ½ τ² (mean squared distance to it)/d, which is
    log Σ exp(τ h · d) over documents spread evenly around it.

    centres, bias, kept: centres that are there already, and which of them (from 0) some nodes keep.
    """
    count, kept = len(documents), kept or {}
    ordered = np.ascontiguousarray(documents, dtype=np.float32)[tree.documents.numpy()]
    queries = None if asked is None else asked.by_place(tree.documents.numpy())
    centres, bias, places, times = list(centres), list(bias), [], []
    offsets = np.zeros(len(tree) + 1, np.int64)
    for node in range(1, len(tree)):
        first, last = int(tree.first_leaf[node]), int(tree.last_leaf[node])
        if node in kept:
            numbers = count + kept[node]
        elif node >= tree.level_start[tree.depth] or last - first <= rows:
            numbers = np.arange(first, last)
        else:
            found, starts = centres_of(ordered[first:last], rows, seed, scale)
            numbers = count + len(bias) + np.arange(len(found))
            centres.extend(found)
            bias += starts
        known, often = np.unique(np.concatenate(queries[first:last]) if queries else [], return_counts=True)
        places.append(np.concatenate([numbers, -1 - known]).astype(np.int64))  # queries: numbered after all centres
        times.append(np.concatenate([np.ones(len(numbers)), often]))
        offsets[node + 1] = offsets[node] + len(places[-1])
    numbers = np.concatenate(places)
    numbers = np.where(numbers < 0, count + len(bias) - 1 - numbers, numbers)
    table = np.stack(centres) if centres else np.zeros((0, ordered.shape[1]))
    bias = np.concatenate([np.zeros(count), bias]).astype(np.float32)
    return Layout(table.astype(np.float32), bias, numbers, offsets, np.concatenate(times))


def centres_of(vectors: np.ndarray, rows: int, seed: int, scale: float) -> tuple[np.ndarray, list[float]]:
    """Up to `rows` centres [c, d] of a node's documents, and the bias each starts at."""
    import faiss

    label = np.zeros(len(vectors), int)
    if rows > 1:
        means = faiss.Kmeans(vectors.shape[1], rows, niter=15, seed=seed + 1, min_points_per_centroid=1)
        means.train(vectors)
        label = means.index.search(vectors, 1)[1][:, 0]
    found, bias = [], []
    for value in np.unique(label):
        group = vectors[label == value]
        centre = group.mean(0)
        spread = float(((group - centre) ** 2).sum(1).mean()) / vectors.shape[1]
        found.append(centre)
        bias.append(float(np.log(len(group)) + 0.5 * scale**2 * spread))
    return np.stack(found), bias
