"""What the sequence models are built from: positions, attention blocks, text vectors."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

STD = 0.02  # of fresh embeddings; the usual N(0, 1) would drown what stands beside them


def embedding(rows: int, dim: int, std: float = STD) -> nn.Embedding:
    """A table whose last row is padding: zeros that stay."""
    table = nn.Embedding(rows + 1, dim, padding_idx=rows)
    nn.init.normal_(table.weight, std=std)
    with torch.no_grad():
        table.weight[rows].zero_()
    return table


class Block(nn.Module):
    """Self-attention and a feed-forward net, each with a residual.

    norm_first: layer norm before each part (steadier) or after it (the papers').
    causal: a position sees itself and earlier ones only; with False, `present` says which positions are real.
    inside: dropout also within attention and feed-forward net, not on their results alone (twice as fast on a CPU).
    """

    def __init__(
        self, dim: int, heads: int, inner: int, dropout: float, *, norm_first=True, causal=True, act="gelu", inside=True
    ):
        super().__init__()
        self.heads, self.norm_first, self.causal, self.dropout = heads, norm_first, causal, dropout
        self.inside = dropout if inside else 0.0
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.up, self.down = nn.Linear(dim, inner), nn.Linear(inner, dim)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2))
        self.act = {"gelu": F.gelu, "relu": F.relu}[act]

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        for norm, part in zip(self.norms, (self._attend, self._feed), strict=True):
            moved = part(norm(x) if self.norm_first else x, present)
            x = x + F.dropout(moved, self.dropout, self.training)
            x = x if self.norm_first else norm(x)
        return x  # [B, L, d]

    def _attend(self, x: Tensor, present: Tensor | None) -> Tensor:
        b, length, dim = x.shape
        q, k, v = self.qkv(x).view(b, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)  # each [B, H, L, d / H]
        mask = None if self.causal else present[:, None, None]
        drop = self.inside if self.training else 0.0
        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=mask, dropout_p=drop, is_causal=self.causal)
        return self.out(mixed.transpose(1, 2).reshape(b, length, dim))

    def _feed(self, x: Tensor, present: Tensor | None) -> Tensor:
        return self.down(F.dropout(self.act(self.up(x)), self.inside, self.training))


class Encoder(nn.Module):
    """Blocks over a history with learned positions, counted from the oldest item."""

    def __init__(
        self, dim, layers, heads, dropout, longest, *, norm_first=True, causal=True, act="gelu", widen=4, inside=True
    ):
        super().__init__()
        self.positions = nn.Parameter(torch.randn(longest, dim) * STD)
        self.blocks = nn.ModuleList(
            Block(dim, heads, widen * dim, dropout, norm_first=norm_first, causal=causal, act=act, inside=inside)
            for _ in range(layers)
        )
        self.first = nn.Identity() if norm_first else nn.LayerNorm(dim)
        self.last = nn.LayerNorm(dim) if norm_first else nn.Identity()
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, present: Tensor | None = None) -> Tensor:
        x = self.dropout(self.first(x + self.positions[: x.shape[1]]))
        for block in self.blocks:
            x = block(x, present)
        return self.last(x)


class TextInput(nn.Module):
    """A linear map of fixed vectors of the items' texts; the padding item's vector is zero.

    vectors [N, t] are kept in the model's file, so that a loaded model needs no text encoder.
    """

    def __init__(self, vectors: Tensor, dim: int):
        super().__init__()
        self.register_buffer("vectors", torch.cat([vectors, torch.zeros(1, vectors.shape[1])]))
        self.map = nn.Linear(vectors.shape[1], dim, bias=False)
        nn.init.normal_(self.map.weight, std=STD)

    def forward(self, items: Tensor) -> Tensor:
        return self.map(self.vectors[items])

    def all(self) -> Tensor:
        """[N, d] of all items."""
        return self.map(self.vectors[:-1])
