"""CodeDecoder: a T5-shaped decoder over codes that reads an encoder's states, trained whole and asked step by step.

    x_1 = start, x_{t+1} = e^t_{c^t};   self-attention over x_{≤t}, cross-attention over the encoder's states, ReLU net
    log P(c^t | input, c^{<t}) = log softmax_c(norm(y_t) · r^t_c)

In decoding, the keys and values of a query's encoder states are made once and shared by all of its prefixes; the
cache of self-attention follows each prefix.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmindexer.tasks.decoding.scorer import counts_of, segment_log_softmax, segment_logsumexp
from lmindexer.tasks.decoding.tree import DecodingTree, Edges, TreeModule

STD = 0.02


class DecoderBlock(nn.Module):
    """Self-attention, cross-attention and a feed-forward net; norms first, no biases (as T5 has it)."""

    def __init__(self, dim: int, heads: int, head_dim: int, inner: int, dropout: float):
        super().__init__()
        wide = heads * head_dim
        self.heads, self.dropout = heads, dropout
        self.norms = nn.ModuleList(nn.RMSNorm(dim, eps=1e-6) for _ in range(3))
        self.own, self.own_out = nn.Linear(dim, 3 * wide, bias=False), nn.Linear(wide, dim, bias=False)
        self.ask, self.ask_out = nn.Linear(dim, wide, bias=False), nn.Linear(wide, dim, bias=False)
        self.read = nn.Linear(dim, 2 * wide, bias=False)
        self.up, self.down = nn.Linear(dim, inner, bias=False), nn.Linear(inner, dim, bias=False)

    def memory(self, states: Tensor) -> tuple[Tensor, Tensor]:
        """Keys and values of encoder states [B, S, d]: each [B, H, S, k]."""
        return tuple(self._heads(part) for part in self.read(states).chunk(2, -1))

    def forward(self, x: Tensor, past, memory, mask: Tensor, layout: "Layout | None"):
        """x [R, n, d] new inputs after `past` (keys and values [R, H, t, k], or None) -> the same, and the new past.

        memory: of B queries; `layout` says whose row each is (None: R = B, one row each).
        mask: [B, 1, 1, S] bool, which states are real.
        """
        q, k, v = (self._heads(part) for part in self.own(self.norms[0](x)).chunk(3, -1))
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=past is None and q.shape[2] > 1)
        x = x + self._drop(self.own_out(self._joined(mixed)))
        q = self._heads(self.ask(self.norms[1](x)))  # [R, H, n, k]
        x = x + self._drop(self.ask_out(self._joined(_cross(q, memory, mask, layout))))
        return x + self._drop(self.down(self._drop(F.relu(self.up(self.norms[2](x)))))), (k, v)

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _joined(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each row stands among its query's: rows of B queries, laid out as [B, width].

    query, place: [R]; whole: every query has `width` rows, so that nothing has to be moved.
    """

    query: Tensor
    place: Tensor
    width: int
    whole: bool

    @classmethod
    def of(cls, query: Tensor, queries: int) -> "Layout":
        """Of rows of `queries` queries; query [R] ascending."""
        counts, first = counts_of(query, queries)
        width = int(counts.max())
        place = torch.arange(len(query), device=query.device) - first.index_select(0, query)
        return cls(query, place, width, len(query) == queries * width)


def _cross(q: Tensor, memory: tuple[Tensor, Tensor], mask: Tensor, layout: Layout | None) -> Tensor:
    """Attention of rows q [R, H, n, k] over their query's memory, without a copy of it for each row."""
    if layout is None:
        return F.scaled_dot_product_attention(q, *memory, attn_mask=mask)
    width, (_, heads, n, size) = layout.width, q.shape
    if layout.whole:
        table = q.view(len(mask), width, heads, n, size)
    else:
        table = q.new_zeros(len(mask), width, heads, n, size)
        table[layout.query, layout.place] = q
    table = table.transpose(1, 2).reshape(len(mask), heads, width * n, size)
    mixed = F.scaled_dot_product_attention(table, *memory, attn_mask=mask)
    mixed = mixed.unflatten(2, (width, n)).transpose(1, 2)
    return mixed.flatten(0, 1) if layout.whole else mixed[layout.query, layout.place]


class CodeDecoder(TreeModule):
    """Codes after encoder states: loss over whole IDs, and the steps of decoding.

    Args:
        tree: of the codes and the suffix.
        sizes: rows of each level's table, "has ended" (code -1) included.
        dim, layers, heads, head_dim, inner, dropout: T5's d_model, num_layers, num_heads, d_kv, d_ff.
        normalise: "tree" (codes that exist under the prefix) or "codebook" (all codes of the level).
    """

    def __init__(
        self, tree: DecodingTree, sizes, dim=128, layers=4, heads=6, head_dim=64, inner=1024, dropout=0.1,
        normalise="tree",
    ):  # fmt: skip
        super().__init__()
        self.tree, self.normalise = tree, normalise
        self.start = nn.Parameter(torch.randn(dim) * STD)
        self.place = nn.Parameter(torch.randn(len(sizes), dim) * STD)
        self.inputs = nn.ParameterList(nn.Parameter(torch.randn(size, dim) * STD) for size in sizes[:-1])
        self.outputs = nn.ParameterList(nn.Parameter(torch.randn(size, dim) * STD) for size in sizes)
        self.blocks = nn.ModuleList(DecoderBlock(dim, heads, head_dim, inner, dropout) for _ in range(layers))
        self.norm = nn.RMSNorm(dim, eps=1e-6)

    def loss(self, states: Tensor, present: Tensor, documents: Tensor) -> Tensor:
        """-log P of each level's right code, means over the batch: states [B, S, d], present [B, S] bool -> [depth]."""
        paths = self.tree.paths(documents)
        places = self._places(self.tree.code[paths[:, 1:]])  # [B, depth]
        rows = [self.inputs[t][places[:, t]] for t in range(self.tree.depth - 1)]
        x = torch.stack([self.start.expand(len(states), -1), *rows], 1) + self.place
        for block in self.blocks:
            x, _ = block(x, None, block.memory(states), present[:, None, None], None)
        y = self.norm(x)
        return torch.stack([self._level_loss(y[:, t], t + 1, paths, places[:, t]) for t in range(self.tree.depth)])

    def _level_loss(self, y: Tensor, level: int, paths: Tensor, right: Tensor) -> Tensor:
        logits = y @ self.outputs[level - 1].T
        if self.normalise == "codebook":
            return F.cross_entropy(logits, right)
        query = torch.arange(len(y), device=y.device)
        edges = self.tree.edges(paths[:, level - 1], query, level)
        existing = logits[edges.row, self._places(edges.code, level)]
        return (segment_logsumexp(existing, edges.row, len(y)) - logits[query, right]).mean()

    def _places(self, codes: Tensor, level: int | None = None) -> Tensor:
        """Rows of codes: [R] of one level, or [B, depth] of all; a higher suffix than was trained shares the last."""
        if level is not None:
            return (codes.long() + 1).clamp(max=len(self.outputs[level - 1]) - 1)
        return torch.minimum(codes.long() + 1, torch.tensor([len(r) - 1 for r in self.outputs], device=codes.device))

    def log_softmax(self, y: Tensor, edges: Edges) -> Tensor:
        """log P of each edge [E] from the states y [R, d] of their rows."""
        logits = y @ self.outputs[edges.level - 1].T
        whole = self.normalise == "codebook"
        if whole:
            logits = logits.log_softmax(-1)
        if edges.level == 1:  # all rows leave the root
            children = edges.code[: len(edges.node) // max(1, len(y))]
            logits = logits.index_select(1, self._places(children, 1))
            return (logits if whole else logits.log_softmax(-1)).flatten()
        place = edges.row * logits.shape[1] + self._places(edges.code, edges.level)
        existing = logits.flatten().index_select(0, place)
        return existing if whole else segment_log_softmax(existing, edges)


class DecoderScorer:
    """A `CodeDecoder` and a batch of encoder states [B, S, d], as decoding asks them.

    The state is (y [R, d], the past of each block, query [R]); only `advance` runs the decoder.
    """

    def __init__(self, decoder: CodeDecoder, states: Tensor, present: Tensor):
        self.decoder, self.queries, self.normalised = decoder, len(states), decoder.normalise == "tree"
        self.mask = present[:, None, None]
        self.memories = [block.memory(states) for block in decoder.blocks]

    def begin(self):
        x = self.decoder.start.expand(self.queries, -1)
        query = torch.arange(self.queries, device=x.device)
        return self._step(x, 0, [None] * len(self.memories), query)

    def advance(self, state, rows: Tensor, nodes: Tensor, level: int):
        _, pasts, query = state
        pasts = [(k.index_select(0, rows), v.index_select(0, rows)) for k, v in pasts]
        places = self.decoder._places(self.decoder.tree.code[nodes], level)
        return self._step(self.decoder.inputs[level - 1][places], level, pasts, query[rows])

    def score(self, state, edges: Edges) -> Tensor:
        return self.decoder.log_softmax(state[0], edges)

    def _step(self, x: Tensor, place: int, pasts: list, query: Tensor):
        x, news = (x + self.decoder.place[place])[:, None], []
        layout = Layout.of(query, self.queries)
        for block, past, memory in zip(self.decoder.blocks, pasts, self.memories, strict=True):
            x, new = block(x, past, memory, self.mask, layout)
            news.append(new)
        return self.decoder.norm(x[:, 0]), news, query
