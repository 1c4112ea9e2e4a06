"""TIGER: a T5-shaped encoder-decoder over codes (Rajput et al. 2023, https://arxiv.org/abs/2305.05065).

    input     user token, then the T codes and the suffix of each item of the history, oldest first
    encoder   T5's;   decoder   codes of the next item, one after the other;   loss   Σ_t -log P(c^t | input, c^{<t})

The defaults are the paper's sizes: d 128, 4 + 4 layers, 6 heads of 64, inner 1,024, dropout 0.1, 2,000 user tokens,
histories of 20 items, batches of 256. They want a GPU. The paper trains with an inverse-square-root rate; here it is
AdamW with a cosine. Its softmax runs over all codes (normalise="codebook").
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn
from transformers import T5Config
from transformers.models.t5.modeling_t5 import T5Stack

from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.tasks.base import register
from lmindexer.tasks.decoding import DecodingTree
from lmindexer.tasks.generative import CodeDecoder, DecoderScorer, quicken
from lmindexer.tasks.recommendation.by_ids import IDSettings, OneTargetRecommender, code_places, table_sizes
from lmindexer.tasks.recommendation.histories import HistoryBatch
from lmindexer.tasks.recommendation.layers import STD


@dataclass(frozen=True)
class TIGERSettings(IDSettings):
    """Settings of `TIGER`, beside those of every recommender by IDs.

    layers, heads, head_dim, inner   of encoder and decoder, each
    users                            user tokens, by the user's row modulo their number; 0: none
    """

    dim: int = 128
    layers: int = 4
    heads: int = 6
    head_dim: int = 64
    inner: int = 1024
    dropout: float = 0.1
    users: int = 2000
    max_history: int = 20
    normalise: str = "codebook"
    decoding: str = "beam"
    width: int = 20
    targets: int = 256
    epochs: int = 200
    learning_rate: float = 1e-3
    warmup_steps: int = 1000
    patience: int = 10


class TIGERNetwork(nn.Module):
    """Codes of a history → T5 encoder → `CodeDecoder`."""

    whole_levels = False

    def __init__(self, ids: SemanticIDs, s: TIGERSettings):
        super().__init__()
        tree, sizes = DecodingTree.from_ids(ids), table_sizes(ids)
        self.users = s.users
        self.register_buffer("codes", torch.from_numpy(code_places(ids)), persistent=False)  # [N + 1, T + 1], from 0
        self.code_rows = nn.ModuleList(nn.Embedding(size, s.dim) for size in sizes)
        self.user_rows = nn.Embedding(s.users, s.dim) if s.users else None
        for table in [*self.code_rows, *([self.user_rows] if s.users else [])]:
            nn.init.normal_(table.weight, std=STD)
        config = T5Config(
            vocab_size=1,  # inputs are embeddings; the table stays unused
            d_model=s.dim,
            d_kv=s.head_dim,
            d_ff=s.inner,
            num_layers=s.layers,
            num_heads=s.heads,
            dropout_rate=s.dropout,
            is_encoder_decoder=False,
            eos_token_id=None,
            use_cache=False,
        )
        self.encoder = quicken(T5Stack(config))
        self.encoder.apply(self.encoder._init_weights)
        self.decoder = CodeDecoder(tree, sizes, s.dim, s.layers, s.heads, s.head_dim, s.inner, s.dropout, s.normalise)

    tree = property(lambda self: self.decoder.tree)

    def encode(self, batch: HistoryBatch) -> tuple[Tensor, Tensor]:
        """[B, L] items → states [B, S, d] of user token and codes, and which of them are real."""
        codes = self.codes[batch.items]  # [B, L, T + 1]
        x = torch.stack([table(codes[..., t]) for t, table in enumerate(self.code_rows)], 2).flatten(1, 2)
        present = (codes > 0).flatten(1)
        if self.user_rows is not None:
            x = torch.cat([self.user_rows(batch.users.clamp(min=0) % self.users)[:, None], x], 1)
            present = torch.cat([torch.ones_like(present[:, :1]), present], 1)
        return self.encoder(inputs_embeds=x, attention_mask=present.long()).last_hidden_state, present

    def loss(self, batch: HistoryBatch, targets: Tensor) -> Tensor:
        """Σ_t -log P(c^t | …), mean over the batch's targets [B]."""
        return self.decoder.loss(*self.encode(batch), targets).sum()

    def scorer(self, batch: HistoryBatch) -> DecoderScorer:
        """What decoding asks, after each whole history."""
        return DecoderScorer(self.decoder, *self.encode(batch))


@register
class TIGER(OneTargetRecommender):
    """Recommends by semantic IDs with TIGER's encoder-decoder; for who has a GPU.

    Args: as `GenerativeRecommender`; form "paper" has the paper's sizes, "small" a quarter of them.

    >>> model = TIGER(indexer, "small").fit(task)                                      # doctest: +SKIP
    """

    method, label, Settings = "tiger", "TIGER", TIGERSettings
    forms: ClassVar[dict[str, dict]] = {
        "paper": {},
        "small": {"dim": 64, "layers": 2, "heads": 4, "head_dim": 16, "inner": 128, "users": 0, "max_history": 10,
                  "normalise": "tree", "epochs": 10, "warmup_steps": 100, "patience": 0},
    }  # fmt: skip

    def _build(self, ids: SemanticIDs, vectors: Tensor | None) -> nn.Module:
        return TIGERNetwork(ids, self.config)
