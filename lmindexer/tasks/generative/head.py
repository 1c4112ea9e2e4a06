"""PathHead: from the state of an input to the probabilities of IDs, code by code; its loss.

    P(document | input) = Π_t P(c^t | input, c^{<t}),   loss = -Σ_t log P(c^t | input, c^{<t}) over codes and suffix

Two forms of output:

- **"codes"** (the slides): one row a code, shared by all prefixes. The state knows the prefix through a small depth
  decoder: x_t = h + Σ_{j<t} e^j_{c^j} + place_t;  s_t = LN(x_t + MLP(LN x_t));  logit_t(c) = s_t · e^t_c.
- **"nodes"**: one vector a node of the ID tree, s_t · (e^t_c + W_t m_n + v_n) + b_n, with m_n the mean text vector of
  the documents below node n (where texts are given), v_n the node's own vector (with `own`) and s_t = A_t h. A leaf is
  a document and m its own text. There is nothing to remember of the prefix, so all documents are scored exactly by one
  product a level.

Two normalisations: over the codes that exist under the prefix ("tree"), or over the whole codebook ("codebook", the
slides' form, with "codes" only; a last level that goes by texts is always the former). With "tree" nothing is asked
where a prefix has one child.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmindexer.common.errors import SettingsError
from lmindexer.tasks.decoding.edges import Edges
from lmindexer.tasks.decoding.scorer import segment_log_softmax, segment_logsumexp
from lmindexer.tasks.decoding.tree import DecodingTree, TreeModule
from lmindexer.tasks.generative.history import HistoryPaths
from lmindexer.tasks.generative.nodes import node_means

STD = 0.02  # of fresh rows
OUTPUTS, NORMALISATIONS, TIES = ("nodes", "codes"), ("tree", "codebook"), ("document", "suffix")


class PathHead(TreeModule):
    """States [B, d] to log-probabilities over the ID tree.

    Args:
        tree: of the codes and the suffix.
        dim: d.
        vectors: [N, t] text vectors of the documents, or None.
        sizes: codes of each position; where left out, as many as the tree holds.
        output, normalise: see the module.
        ties: what tells documents with equal codes apart: "document" (its text, where there are texts) or "suffix"
            (a row for each suffix, learned as one more code).
        oldest: with > 0, each level learns a weight for branches in which the input's history has been, by age: so
            the head can learn that items do, or do not, come again.
        own: with output="nodes", a vector v_n for every node, zero at first: what codes and text do not say of it.
        one_map: the same W at all levels.
        inner: width of the depth decoder's MLP, in multiples of d.

    Raises SettingsError for values that do not fit together.
    """

    def __init__(
        self,
        tree: DecodingTree,
        dim: int,
        vectors: Tensor | None = None,
        *,
        sizes: Sequence[int] = (),
        output: str = "nodes",
        normalise: str = "tree",
        ties: str = "document",
        oldest: int = 0,
        own: bool = False,
        one_map: bool = False,
        inner: int = 2,
        dropout: float = 0.0,
    ):
        super().__init__()
        _check(output, normalise, ties)
        self.output, self.normalise, self.ties, self.oldest = output, normalise, ties, oldest
        self.depth, self.dim = tree.depth, dim
        held = [int(tree.code[start:end].max()) + 1 for start, end in _level_bounds(tree)]
        held[: len(sizes)] = sizes
        # Row 0 is for "the ID has ended", the code -1.
        self.rows = nn.ParameterList(nn.Parameter(torch.randn(size + 1, dim) * STD) for size in held)
        self.bias = nn.Parameter(torch.zeros(len(tree)))
        self.own = nn.Parameter(torch.zeros(len(tree), dim)) if own else None
        self.history_weight = nn.Parameter(torch.zeros(tree.depth, oldest)) if oldest else None
        self.place = nn.Parameter(torch.zeros(tree.depth, dim))
        if output == "codes":
            self.norm, self.last = nn.LayerNorm(dim), nn.LayerNorm(dim)
            self.mlp = nn.Sequential(
                nn.Linear(dim, inner * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(inner * dim, dim)
            )
        else:
            self.turn = nn.ModuleList(nn.Linear(dim, dim) for _ in range(tree.depth))
            for linear in self.turn:
                nn.init.eye_(linear.weight)
                nn.init.zeros_(linear.bias)
        self.text = None
        if vectors is not None:
            maps = [nn.Linear(vectors.shape[1], dim, bias=False) for _ in range(1 if one_map else tree.depth)]
            for linear in maps:
                nn.init.normal_(linear.weight, std=STD)
            self.text = nn.ModuleList(maps)
        self.set_tree(tree, vectors)

    def set_tree(self, tree: DecodingTree, vectors: Tensor | None) -> None:
        """Use another tree of the same codebooks: nothing of it is trained but `bias` (see `added_nodes`)."""
        self.tree = tree
        means = node_means(tree, vectors) if self.text is not None else None
        self.register_buffer("means", means, persistent=False)

    # ---- parts ---------------------------------------------------------------------------------------------------

    def advance(self, x: Tensor, nodes: Tensor, level: int) -> Tensor:
        """What is kept of a prefix, [R, d]: x, with the row of the code just chosen, where the decoder reads it."""
        return x + self.rows[level - 1][self._place(self.tree.code[nodes], level)] if self.output == "codes" else x

    def state(self, x: Tensor, level: int) -> Tensor:
        """s_t [R, d] at a level, from what is kept of the prefix."""
        if self.output == "nodes":
            return self.turn[level - 1](x)
        x = x + self.place[level - 1]
        return self.last(x + self.mlp(self.norm(x)))

    def node_rows(self, level: int, nodes: Tensor | None = None) -> Tensor:
        """Output vectors of some nodes of a level, or of all: [n, d]."""
        if nodes is None:
            nodes = torch.arange(*self.tree.level_start[level : level + 2], device=self.bias.device)
        rows = self.rows[level - 1].index_select(0, self._place(self.tree.code.index_select(0, nodes), level))
        if self._reads_text(level):
            rows = rows + self.text[min(level, len(self.text)) - 1](self.means.index_select(0, nodes))
        if self.own is not None:
            rows = rows + self.own.index_select(0, nodes)
        return rows

    def document_rows(self, documents: Tensor) -> Tensor:
        """Σ_t e^t_{c^t} + W_T m + v of documents [...], for the input side: what the outputs know of each, [..., d]."""
        paths = self.tree.paths(documents)  # [..., depth + 1]
        leaf = paths[..., -1]
        rows = sum(table[self._place(self.tree.code[paths[..., t]], t)] for t, table in enumerate(self.rows, start=1))
        if self.text is not None:
            rows = rows + self.text[-1](self.means[leaf])
        return rows if self.own is None else rows + self.own[leaf]

    def edge_logits(self, s: Tensor, edges: Edges, history: HistoryPaths | None) -> Tensor:
        """Unnormalised scores of edges from the states s [R, d] of their rows: [E]."""
        level, bias = edges.level, self.bias.index_select(0, edges.node)
        if self.output == "codes" and not self._reads_text(level):
            logits = (s @ self.rows[level - 1].T)[edges.row, self._place(edges.code, level)] + bias
        else:
            size, start = self.tree.size(level), self.tree.level_start[level]
            if len(edges.node) == len(s) * size:  # every row asks for the whole level
                logits = (s @ self.node_rows(level).T).flatten() + bias
            else:
                few = len(edges.node) < size
                rows = self.node_rows(level, edges.node if few else None)
                rows = rows if few else rows.index_select(0, edges.node - start)
                logits = torch.linalg.vecdot(s.index_select(0, edges.row), rows) + bias
        if history is None or self.history_weight is None:
            return logits
        return history.add_to_edges(logits, self.tree, edges, self.history_weight[level - 1])

    def codebook_log_softmax(self, s: Tensor, level: int) -> Tensor:
        """log softmax over the whole codebook (and "has ended", first): [R, 1 + K]; normalise="codebook"."""
        return (s @ self.rows[level - 1].T).log_softmax(-1)

    def edge_log_softmax(self, s: Tensor, edges: Edges, history: HistoryPaths | None) -> Tensor:
        """log P of each edge [E], normalised as the head is."""
        if self.whole_codebook(edges.level):
            log_p = self.codebook_log_softmax(s, edges.level)
            return edges.masked(log_p[edges.row, self._place(edges.code, edges.level)])
        return segment_log_softmax(self.edge_logits(s, edges, history), edges)

    def level_logits(self, x: Tensor, level: int, history: HistoryPaths | None) -> Tensor:
        """Unnormalised scores of all nodes of a level, [B, nodes]; below level 1 for output="nodes" alone."""
        start, end = self.tree.level_start[level : level + 2]
        logits = self.state(x, level) @ self.node_rows(level).T + self.bias[start:end]
        if history is None or self.history_weight is None:
            return logits
        return history.add_to_level(logits, self.tree, level, self.history_weight[level - 1])

    # ---- loss ----------------------------------------------------------------------------------------------------

    def loss(self, states: Tensor, documents: Tensor, history: HistoryPaths | None = None) -> Tensor:
        """-log P of each level's right code after the right codes before it, means over the batch: [depth].

        states [M, d], documents [M] the right ones. Their sum is what is minimised.
        """
        paths, x, losses = self.tree.paths(documents), states, []
        for level in range(1, self.depth + 1):
            if level > 1:
                x = self.advance(x, paths[:, level - 1], level - 1)
            losses.append(self._level_loss(x, paths, level, history))
        return torch.stack(losses)

    def _level_loss(self, x: Tensor, paths: Tensor, level: int, history: HistoryPaths | None) -> Tensor:
        right, parent = paths[:, level], paths[:, level - 1]
        if self.whole_codebook(level):
            log_p = self.codebook_log_softmax(self.state(x, level), level)
            return F.nll_loss(log_p, self._place(self.tree.code[right], level))
        if level == 1:  # all inputs choose among the same nodes
            return F.cross_entropy(self.level_logits(x, level, history), right - self.tree.level_start[level])
        open_ = torch.nonzero(self.tree.children(parent) > 1)[:, 0]  # an only child is certain
        if not len(open_):
            return x.sum() * 0.0
        edges = self.tree.edges(parent[open_], open_, level)
        logits = self.edge_logits(self.state(x[open_], level), edges, history)
        total = segment_logsumexp(logits, edges.row, len(open_))
        place = edges.offsets[:-1] + right[open_] - self.tree.first_child[parent[open_]].long()
        return (total - logits.index_select(0, place)).sum() / len(paths)

    def _place(self, codes: Tensor, level: int) -> Tensor:
        """Row of each code; a suffix higher than any that was trained shares the highest one's."""
        return (codes.long() + 1).clamp(max=len(self.rows[level - 1]) - 1)

    def whole_codebook(self, level: int) -> bool:
        """Whether a level's softmax runs over all codes, also those that do not exist under the prefix."""
        return self.normalise == "codebook" and not self._reads_text(level)

    def _reads_text(self, level: int) -> bool:
        if self.text is None:
            return False
        return self.ties == "document" if level == self.depth else self.output == "nodes"


def _level_bounds(tree: DecodingTree) -> list[tuple[int, int]]:
    return list(zip(tree.level_start[1:-1], tree.level_start[2:], strict=True))


def _check(output: str, normalise: str, ties: str) -> None:
    for name, value, known in (
        ("output", output, OUTPUTS),
        ("normalise", normalise, NORMALISATIONS),
        ("ties", ties, TIES),
    ):
        if value not in known:
            raise SettingsError(f"{name} is {value!r}; give one of {', '.join(known)}.")
    if normalise == "codebook" and output == "nodes":
        raise SettingsError(
            'normalise="codebook" needs one row a code for all prefixes; give output="codes", or normalise="tree".'
        )
