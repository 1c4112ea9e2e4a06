"""PrefixHead: rows that depend on the prefix, made from codes alone. No vector of a node or a document is kept.

    x_v = Σ_{j ≤ t} e^j_{c^j}                 the rows of the codes that lead to node v, added up, [d]
    g_v = GELU(A_t x_v + a_t)                 what they mean together, [rank]
    s_v(h) = τ_t h · (x_v + W_t g_v) + u_t · g_v + log n_v           n_v documents lie below v

    P(child v | prefix, h) = softmax over the prefix's children of s_v(h)

Without W, A and u these would be the slides' shared rows: what a code says would be the same after every prefix. With
them a code's row is moved by what stands before it, in `rank` directions. All that grows with the documents is the
tree of their IDs, and a new document needs nothing but its codes. Documents with equal codes have equal scores.
"""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from lmindexer.tasks.decoding import DecodingTree, Edges, TreeModule
from lmindexer.tasks.generative import node_means
from lmindexer.tasks.search.level_scorer import LevelScorer, distilled_loss, gathering_pays
from lmindexer.tasks.search.summaries import SCALE

STD = 0.02  # of fresh rows
BEND = 1.5  # size of GELU's arguments at the start
RIDGE = 1.0  # documents' worth of pull to W = 0


class PrefixHead(TreeModule):
    """States [B, d] to probabilities over a tree of codes.

    Args:
        tree: of codes, without the suffix.
        sizes: codes of each position.
        width: d.
        rank: directions in which a prefix can move a row.
        codebooks: rows to start from, [K_t, d] each, or None for small random ones.
        documents: [N, d] vectors in corpus order that training goes by; a search needs none.

    Parameters: `rows` (one [K_t, d] a position), `inner` (A, a), `outer` (W), `weight` (u), `log_scale` [depth] (τ).
    """

    def __init__(
        self,
        tree: DecodingTree,
        sizes,
        width: int,
        rank: int = 256,
        codebooks: list[np.ndarray] | None = None,
        documents: np.ndarray | None = None,
    ):
        super().__init__()
        self.rows = nn.ParameterList(nn.Parameter(torch.randn(size, width) * STD) for size in sizes)
        for rows, book in zip(self.rows, codebooks or (), strict=codebooks is not None):
            rows.data[: len(book)] = torch.as_tensor(np.asarray(book), dtype=torch.float32)
        self.inner = nn.ModuleList(nn.Linear(width, rank) for _ in sizes)
        self.outer = nn.ModuleList(nn.Linear(rank, width, bias=False) for _ in sizes)
        self.weight = nn.ParameterList(nn.Parameter(torch.zeros(rank)) for _ in sizes)
        for linear in self.outer:
            nn.init.zeros_(linear.weight)
        self.log_scale = nn.Parameter(torch.full((len(sizes) + 1,), float(np.log(SCALE))))  # the last is dense's
        self.set_tree(tree)
        ordered = None
        if documents is not None:
            ordered = torch.from_numpy(np.ascontiguousarray(documents, dtype=np.float32))[tree.documents.long()]
        self.register_buffer("documents", ordered, persistent=False)
        if ordered is not None:
            self._start()

    @torch.no_grad()
    def _start(self) -> None:
        """W by ridge regression: the rows start as near to the means of the documents below as rows from codes can.

        A is drawn so that GELU bends (arguments near one in size), and stays learnable.
        """
        vectors = torch.empty_like(self.documents)
        vectors[self.tree.documents.long()] = self.documents
        means = node_means(self.tree, vectors)
        for level in range(1, self.tree.depth + 1):
            nodes, linear = torch.arange(*self.tree.level_start[level : level + 2]), self.inner[level - 1]
            x = self._sums(level, nodes)
            nn.init.normal_(linear.weight, std=BEND / float(x.norm(dim=1).mean().clamp(min=1e-6)))
            nn.init.normal_(linear.bias, std=BEND)
            g, weight = F.gelu(linear(x)), self.size[nodes].exp()[:, None]
            square = g.T @ (weight * g) + RIDGE * weight.mean() * torch.eye(g.shape[1])
            self.outer[level - 1].weight.copy_(torch.linalg.solve(square, g.T @ (weight * (means[nodes] - x))).T)

    def set_tree(self, tree: DecodingTree) -> None:
        """Decode another tree of the same codebooks."""
        self.tree = tree
        self.register_buffer("size", (tree.last_leaf - tree.first_leaf).float().log(), persistent=False)

    @property
    def nbytes(self) -> int:
        """Bytes of all that a search needs: parameters and tree."""
        return 4 * sum(parameter.numel() for parameter in self.parameters()) + self.tree.nbytes

    def node_rows(self, level: int, nodes: Tensor) -> tuple[Tensor, Tensor]:
        """Rows [n, d] and biases [n] of nodes of a level."""
        x, at = self._sums(level, nodes), level - 1
        g = F.gelu(self.inner[at](x))
        return x + self.outer[at](g), g @ self.weight[at] + self.size.index_select(0, nodes)

    def _sums(self, level: int, nodes: Tensor) -> Tensor:
        """x_v [n, d]: rows of the codes that lead to nodes of a level; an ID that has ended adds nothing."""
        codes = self.tree.codes_of(nodes, level).T
        parts = zip(self.rows, codes, strict=False)
        return sum(rows.index_select(0, part.clamp(min=0)) * (part >= 0)[:, None] for rows, part in parts)

    def scorer(self, states: Tensor) -> "PrefixRowsScorer":
        """What `tasks.decoding` asks: states [B, d] of queries."""
        return PrefixRowsScorer(self, states)

    def loss(self, states: Tensor, documents: Tensor) -> Tensor:
        """Mean over queries [B, d] with right documents [B] (corpus places)."""
        dense = lambda: self.log_scale[-1].exp() * (states @ self.documents.T)  # noqa: E731
        return distilled_loss(self.scorer(states), self.tree, documents, dense)


class PrefixRowsScorer(LevelScorer):
    """A `PrefixHead` and states [B, d], as decoding asks them."""

    def __init__(self, head: PrefixHead, states: Tensor):
        super().__init__(head.tree, states)
        self.head = head

    def weights(self, level: int, queries: Tensor | None = None) -> Tensor:
        nodes = torch.arange(*self.tree.level_start[level : level + 2], device=self.states.device)
        rows, bias = self.head.node_rows(level, nodes)
        states = self.states if queries is None else self.states.index_select(0, queries)
        return self.head.log_scale[level - 1].exp() * (states @ rows.T) + bias

    def weights_of(self, state: Tensor, edges: Edges) -> Tensor:
        nodes, place = torch.unique(edges.node, return_inverse=True)  # queries share nodes: a row is made once
        rows, bias = self.head.node_rows(edges.level, nodes)
        query = state.index_select(0, edges.row)
        if gathering_pays(self.states, len(rows), len(place)):
            dots = torch.linalg.vecdot(self.states.index_select(0, query), rows.index_select(0, place))
        else:
            dots = (self.states @ rows.T)[query, place]
        return self.head.log_scale[edges.level - 1].exp() * dots + bias.index_select(0, place)
