"""CodeDecoder: a T5-shaped decoder over codes that reads an encoder's states, trained whole and asked step by step.

    x_1 = start, x_{t+1} = e^t_{c^t};   self-attention over x_{≤t}, cross-attention over the encoder's states, ReLU net
    log P(c^t | input, c^{<t}) = log softmax_c(norm(y_t) · r^t_c)

In decoding, the keys and values of a query's encoder states are made once and shared by all of its prefixes; the
cache of self-attention, one tensor for all layers, follows each prefix.
"""

from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmindexer.tasks.decoding.edges import Edges
from lmindexer.tasks.decoding.scorer import counts_of, segment_log_softmax, segment_logsumexp
from lmindexer.tasks.decoding.tree import DecodingTree, TreeModule
from lmindexer.tasks.generative.products import product

STD = 0.02


class DecoderBlock(nn.Module):
    """Self-attention, cross-attention and a feed-forward net; norms first, no biases (as T5 has it).

    `forward` takes whole IDs, for training; decoding goes step by step with a `ReadingBlock`.
    """

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
        return tuple(self._heads(part) for part in product(states, self.read.weight).chunk(2, -1))

    def forward(self, x: Tensor, memory: tuple[Tensor, Tensor], mask: Tensor) -> Tensor:
        """x [B, n, d] -> the same; memory of the B inputs; mask [B, 1, 1, S] bool, which of their states are real."""
        q, k, v = (self._heads(part) for part in self.own(self.norms[0](x)).chunk(3, -1))
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=x.shape[1] > 1)
        x = x + self._drop(self.own_out(self._joined(mixed)))
        q = self._heads(self.ask(self.norms[1](x)))
        x = x + self._drop(self.ask_out(self._joined(F.scaled_dot_product_attention(q, *memory, attn_mask=mask))))
        return x + self._drop(self.down(self._drop(F.relu(self.up(self.norms[2](x))))))

    def _heads(self, x: Tensor) -> Tensor:
        return x.unflatten(-1, (self.heads, -1)).transpose(1, 2)

    def _joined(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2).flatten(2)

    def _drop(self, x: Tensor) -> Tensor:
        return F.dropout(x, self.dropout, self.training)


@dataclass(frozen=True, eq=False)
class Layout:
    """Where each row stands among its query's: rows of B queries, laid out as [B, width].

    query, place: [R]; None where every query has `width` rows, so that nothing has to be moved.
    """

    queries: int
    width: int
    query: Tensor | None = None
    place: Tensor | None = None

    @classmethod
    def of(cls, query: Tensor, queries: int) -> "Layout":
        """Of rows of `queries` queries; query [R] ascending."""
        if queries == 1:
            return cls(queries, query.shape[0])
        counts, first = counts_of(query, queries)
        width = int(counts.max())
        if query.shape[0] == queries * width:
            return cls(queries, width)
        place = torch.arange(query.shape[0], device=query.device) - first.index_select(0, query)
        return cls(queries, width, query, place)


class ReadingBlock:
    """A `DecoderBlock` that has read the states [B, S, d] of B queries, for one more code of many prefixes.

    Looks its weights up once: on small models, looking them up takes as long as multiplying by them.
    """

    def __init__(self, block: DecoderBlock, states: Tensor, mask: Tensor | None):
        self.heads, self.mask, self.memory = block.heads, mask, block.memory(states)
        self.norms = [(norm.weight.shape, norm.weight, norm.eps) for norm in block.norms]
        self.own, self.own_out, self.ask, self.ask_out, self.up, self.down = (
            part.weight for part in (block.own, block.own_out, block.ask, block.ask_out, block.up, block.down)
        )

    def step(self, x: Tensor, past: Tensor, layout: Layout) -> Tensor:
        """x [R, d], the newest input of each prefix -> the same.

        past: [t, 2, R, H · k], keys and values of this block at positions 1 … t; the last one is filled in here.
        layout: whose row each is.
        """
        rows, wide = x.shape[0], past.shape[-1]
        q, news = product(torch.rms_norm(x, *self.norms[0]), self.own).split((wide, 2 * wide), 1)
        past[-1] = news.view(rows, 2, wide).transpose(0, 1)
        x = x + product(self._own(q, past), self.own_out)
        q = product(torch.rms_norm(x, *self.norms[1]), self.ask).view(rows, self.heads, -1)
        x = x + product(self._cross(q, layout), self.ask_out)
        return x + product(product(torch.rms_norm(x, *self.norms[2]), self.up).relu_(), self.down)

    def _own(self, q: Tensor, past: Tensor) -> Tensor:
        """Self-attention of q [R, H · k] over a handful of positions: less work than a call for many keys makes."""
        if past.shape[0] == 1:  # nothing to choose from
            return past[0, 1]
        keys, values = past.view(*past.shape[:3], self.heads, -1).unbind(1)  # [t, R, H, k]
        weight = ((q.view(keys.shape[1:]) * keys).sum(-1) * keys.shape[-1] ** -0.5).softmax(0)
        return (weight[..., None] * values).sum(0).flatten(1)

    def _cross(self, q: Tensor, layout: Layout) -> Tensor:
        """Attention of rows q [R, H, k] over their query's memory, without a copy of it for each row: [R, H · k]."""
        shape = (layout.queries, layout.width, *q.shape[1:])
        if layout.query is None:
            table = q.view(shape)
        else:
            table = q.new_zeros(shape)
            table[layout.query, layout.place] = q
        mixed = F.scaled_dot_product_attention(table.transpose(1, 2), *self.memory, attn_mask=self.mask)
        mixed = mixed.transpose(1, 2)
        return (mixed.flatten(0, 1) if layout.query is None else mixed[layout.query, layout.place]).flatten(1)


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
            x = block(x, block.memory(states), present[:, None, None])
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
            places = codes.long() + 1
            return places.clamp(max=len(self.outputs[level - 1]) - 1) if level == self.tree.depth else places
        return torch.minimum(codes.long() + 1, torch.tensor([len(r) - 1 for r in self.outputs], device=codes.device))

    def log_softmax(self, y: Tensor, edges: Edges) -> Tensor:
        """log P of each edge [E] from the states y [R, d] of their rows."""
        logits = product(y, self.outputs[edges.level - 1])
        whole = self.normalise == "codebook"
        if whole:
            logits = logits.log_softmax(-1)
        existing = self._existing(logits, edges)
        return edges.masked(existing) if whole else segment_log_softmax(existing, edges)

    def _existing(self, logits: Tensor, edges: Edges) -> Tensor:
        """The edges' part [E] of logits [R, codes of the level]."""
        if edges.width is None:
            return logits.flatten().index_select(0, edges.row * logits.shape[1] + self._places(edges.code, edges.level))
        if edges.level == 1:  # all rows leave the root
            return logits.index_select(1, self._places(edges.code[: edges.width], 1)).flatten()
        return logits.gather(1, self._places(edges.code, edges.level).view(-1, edges.width)).flatten()


class DecoderScorer:
    """A `CodeDecoder` and a batch of encoder states [B, S, d], as decoding asks them.

    The state is (y [R, d], past [t, blocks, 2, R, H · k], query [R]); only `advance` runs the decoder. Nothing here has
    gradients.
    """

    grids = True

    @torch.no_grad()
    def __init__(self, decoder: CodeDecoder, states: Tensor, present: Tensor):
        self.decoder, self.queries, self.normalised = decoder, len(states), decoder.normalise == "tree"
        mask = None if bool(present.all()) else present[:, None, None]
        self.blocks = [ReadingBlock(block, states, mask) for block in decoder.blocks]

    def begin(self):
        return self._first

    @cached_property
    @torch.no_grad()
    def _first(self):
        """The state before the first code; an exact search begins twice."""
        x = self.decoder.start.expand(self.queries, -1)
        query = torch.arange(self.queries, device=x.device)
        past = x.new_empty(1, len(self.blocks), 2, self.queries, self.blocks[0].own_out.shape[1])
        return self._step(x, 0, past, query)

    @torch.no_grad()
    def advance(self, state, rows: Tensor, nodes: Tensor, level: int):
        places = self.decoder._places(self.decoder.tree.code.index_select(0, nodes), level)
        return self.after(state, rows, places, level)

    def after(self, state, rows: Tensor, places: Tensor, level: int):
        """The state of some rows after codes of a level, given by their places in the level's table: [R] both."""
        _, past, query = state
        longer = past.new_empty(past.shape[0] + 1, *past.shape[1:3], rows.shape[0], past.shape[-1])
        torch.index_select(past, 3, rows, out=longer[:-1])
        x = self.decoder.inputs[level - 1].index_select(0, places)
        return self._step(x, level, longer, query.index_select(0, rows))

    def score(self, state, edges: Edges) -> Tensor:
        return self.decoder.log_softmax(state[0], edges)

    def _step(self, x: Tensor, place: int, past: Tensor, query: Tensor):
        """The decoder's layers for the newest input x [R, d] of each prefix; the last position of `past` is filled."""
        x = x + self.decoder.place[place]
        layout = Layout.of(query, self.queries)
        for block, mine in zip(self.blocks, past.unbind(1), strict=True):
            x = block.step(x, mine, layout)
        return self.decoder.norm(x), past, query
