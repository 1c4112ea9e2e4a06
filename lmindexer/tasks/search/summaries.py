"""SummaryHead: rows that depend on the prefix. A node of the ID tree is summarised by at most m vectors.

The weight of a node v of the tree, for a query state h, is

    s_v(h) = log Σ_{r ∈ R(v)} exp(τ h · r + b_r)          P(child v | prefix, h) = softmax over the prefix's children

where R(v) are v's rows: its documents' own vectors where it has at most m documents, otherwise m centres of them
(k-means), which are trained. Were R(v) always all documents below v, the product of the probabilities along a path
would be the softmax over all documents of τ h · d + b_d: dense retrieval, decoded code by code. With m centres the
first codes only see a summary, so what a node costs does not grow with what lies below it. Training: see
`level_scorer.distilled_loss`, where "dense" is the softmax over the rows of the last level.
"""

import numpy as np
import torch
from torch import Tensor, nn

from lmindexer.tasks.decoding import DecodingTree, Edges, TreeModule, segment_logsumexp
from lmindexer.tasks.search.level_scorer import LevelScorer, distilled_loss, gathering_pays, grouped

SCALE = 20.0  # τ at the start


class SummaryHead(TreeModule):
    """States [B, d] to probabilities over the ID tree, by summaries of its nodes.

    Args:
        tree: of codes and suffix, one document a leaf.
        documents: [N, d] vectors in corpus order, the rows of the last level; they stay as they are.
        centres, bias, places, offsets: as `summarise` gives them: the rows of node v are those numbered
            places[offsets[v]:offsets[v + 1]]. Row r < N is the document at place r of `tree.documents`, row N + c is
            centre c.
        rows: m, rows a node at most.
        learn: the rows of the last level are learned too, d + r_d with r_d = 0 at the start: for documents that are
            asked for often enough to be known by more than their text.

    Parameters: `centres` [C, d], `bias` [N + C], `log_scale` [depth] (τ of each level), `moved` [N, d] (r_d, or None).
    """

    def __init__(
        self,
        tree: DecodingTree,
        documents: np.ndarray,
        centres,
        bias,
        places,
        offsets,
        rows: int = 8,
        learn: bool = False,
    ):
        super().__init__()
        self.tree, self.rows = tree, int(rows)
        self.centres, self.bias = nn.Parameter(torch.as_tensor(centres)), nn.Parameter(torch.as_tensor(bias))
        self.log_scale = nn.Parameter(torch.full((tree.depth,), float(np.log(SCALE))))
        ordered = torch.from_numpy(np.ascontiguousarray(documents, dtype=np.float32))[tree.documents.long()]
        self.register_buffer("documents", ordered, persistent=False)
        self.moved = nn.Parameter(torch.zeros_like(ordered)) if learn else None
        for name, value in (("places", places), ("offsets", offsets)):
            self.register_buffer(name, torch.as_tensor(value), persistent=False)

    @classmethod
    def of(cls, tree: DecodingTree, documents: np.ndarray, rows: int = 8, seed: int = 0, learn: bool = False):
        """With fresh summaries of at most `rows` vectors a node; 1 is "one vector a node"."""
        return cls(tree, documents, *summarise(tree, documents, rows, seed, SCALE), rows, learn)

    @property
    def nbytes(self) -> int:
        """Bytes of all that a search needs: rows, biases, tree."""
        floats = self.documents.numel() + self.centres.numel() + self.bias.numel()
        return 4 * floats + 8 * (len(self.places) + len(self.offsets)) + self.tree.nbytes

    def scorer(self, states: Tensor) -> "SummaryScorer":
        """What `tasks.decoding` asks: states [B, d] of queries."""
        return SummaryScorer(self, states)

    def leaves(self) -> Tensor:
        """[N, d] rows of the last level: the documents' vectors, and what was learned of each beyond its text."""
        return self.documents if self.moved is None else self.documents + self.moved

    def table(self) -> Tensor:
        """[N + C, d] all rows."""
        return torch.cat([self.leaves(), self.centres])

    def loss(self, states: Tensor, documents: Tensor) -> Tensor:
        """Mean over queries [B, d] with right documents [B] (corpus places)."""
        scorer = self.scorer(states)
        depth, count = self.tree.depth, len(self.documents)
        return distilled_loss(scorer, self.tree, documents, lambda: scorer.whole(depth)[:, :count])


class SummaryScorer(LevelScorer):
    """A `SummaryHead` and states [B, d], as decoding asks them."""

    def __init__(self, head: SummaryHead, states: Tensor):
        super().__init__(head.tree, states)
        self.head = head
        self._product: Tensor | None = None

    def product(self) -> Tensor:
        """h · r of every row, [B, N + C], made once."""
        if self._product is None:
            self._product = torch.cat([self.states @ rows.T for rows in (self.head.leaves(), self.head.centres)], 1)
        return self._product

    def whole(self, level: int) -> Tensor:
        """τ h · r + b of every row, [B, N + C], at a level's τ."""
        return self.head.log_scale[level - 1].exp() * self.product() + self.head.bias

    def weights(self, level: int, states: Tensor | None = None) -> Tensor:
        head, tree = self.head, self.head.tree
        start, end = tree.level_start[level], tree.level_start[level + 1]
        offsets = head.offsets[start : end + 1]
        places = head.places[offsets[0] : offsets[-1]]
        if states is not None:
            logits = head.log_scale[level - 1].exp() * (states @ _rows(head, places).T) + head.bias[places]
        elif level == tree.depth:  # the documents themselves, in the tree's order
            return self.whole(level)[:, : end - start]
        else:
            logits = self.whole(level).index_select(1, places)
        if len(places) == end - start:  # one row each
            return logits
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
        if gathering_pays(self.states, len(head.bias), len(places)):
            dots = torch.linalg.vecdot(self.states.index_select(0, query), _rows(head, places))
        else:
            dots = self.product()[query, places]
        logits = head.log_scale[edges.level - 1].exp() * dots + head.bias[places]
        return logits if len(edge) == len(edges.node) else segment_logsumexp(logits, edge, len(edges.node))


def _rows(head: SummaryHead, places: Tensor) -> Tensor:
    """Rows by number, [S, d], without joining documents and centres: there may be a million documents."""
    documents = len(head.documents)
    of_document = places < documents
    if bool(of_document.all()):
        return _leaves(head, places)
    if not bool(of_document.any()):
        return head.centres.index_select(0, places - documents)
    rows = head.documents.new_empty(len(places), head.documents.shape[1])
    rows[of_document] = _leaves(head, places[of_document])
    return rows.index_put((torch.nonzero(~of_document)[:, 0],), head.centres[places[~of_document] - documents])


def _leaves(head: SummaryHead, places: Tensor) -> Tensor:
    rows = head.documents.index_select(0, places)
    return rows if head.moved is None else rows + head.moved.index_select(0, places)


def summarise(tree: DecodingTree, documents: np.ndarray, rows: int, seed: int, scale: float):
    """Rows of every node before training.

    Returns (centres [C, d], bias [N + C], places [S], offsets [nodes + 1]). A centre of n documents starts at the bias
    log n + ½ τ² (mean squared distance to it)/d, which is log Σ exp(τ h · d) over documents spread evenly around it.
    """
    ordered = np.ascontiguousarray(documents, dtype=np.float32)[tree.documents.numpy()]
    first, last = tree.first_leaf.numpy().astype(np.int64), tree.last_leaf.numpy().astype(np.int64)
    inner = np.arange(len(tree)) < tree.level_start[tree.depth]
    large = inner & (last - first > rows) & (np.arange(len(tree)) > 0)
    centres, bias, places = [], [], []
    for node in range(len(tree)):
        if node == 0:
            places.append(np.zeros(0, np.int64))
        elif not large[node]:
            places.append(np.arange(first[node], last[node]))
        else:
            found, weights = centres_of(ordered[first[node] : last[node]], rows, seed, scale)
            places.append(len(ordered) + len(bias) + np.arange(len(found)))
            centres.append(found)
            bias += weights
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in places])])
    width = ordered.shape[1]
    table = np.concatenate(centres) if centres else np.zeros((0, width))
    bias = np.concatenate([np.zeros(len(ordered)), bias])
    return table.astype(np.float32), bias.astype(np.float32), np.concatenate(places), offsets


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


def restored(ids, documents: np.ndarray, places: Tensor, offsets: Tensor, centres: int, rows: int, learn: bool):
    """A head of a given layout whose parameters are still to be loaded."""
    tree, width = DecodingTree.from_ids(ids), documents.shape[1]
    zeros = torch.zeros(centres, width), torch.zeros(len(documents) + centres)
    return SummaryHead(tree, documents, *zeros, places, offsets, rows, learn)
