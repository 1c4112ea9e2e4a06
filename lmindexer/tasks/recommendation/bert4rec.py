"""BERT4Rec: hidden items named from both sides (Sun et al. 2019, https://doi.org/10.1145/3357384.3357895).

    training: some items of a history become [mask]; x = encoder(e(items) + p), each sees all
    score_j = norm(gelu(W x_i + b)) · e_j + b_j  at a hidden place i;   to recommend, [mask] stands behind the history

The layer norms over e + p and before the scores are BERT's, as in the authors' code; the paper's equations leave them
out.
Improved here: a part of the batches hides nothing but the last item, which is what the model will be asked for, and
many drawn items stand for the whole softmax.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmindexer.tasks.base import register
from lmindexer.tasks.recommendation.histories import HistoryBatch
from lmindexer.tasks.recommendation.layers import Encoder, embedding
from lmindexer.tasks.recommendation.neural import SequenceRecommender, SequenceSettings, length_batches


@dataclass(frozen=True)
class BERT4RecSettings(SequenceSettings):
    """hidden_share: of the items hidden in training; last_share: of histories that hide their last item alone."""

    layers: int = 2
    heads: int = 2
    hidden_share: float = 0.3
    last_share: float = 0.3
    epochs: int = 24
    patience: int = 5


class BERT4RecNetwork(nn.Module):
    """[B, L] items, N + 1 standing for [mask] → [B, L, d] states."""

    def __init__(self, items: int, s: BERT4RecSettings):
        super().__init__()
        self.items, self.pad = embedding(items + 1, s.dim), items  # rows: items, [mask], padding
        self.encoder = Encoder(
            s.dim, s.layers, s.heads, s.dropout, max(2, s.max_history), norm_first=False, causal=False
        )
        self.head = nn.Linear(s.dim, s.dim)
        self.norm = nn.LayerNorm(s.dim)
        self.bias = nn.Parameter(torch.zeros(items))

    def forward(self, items: Tensor) -> Tensor:
        """items [B, L]: N is padding, N + 1 is [mask]."""
        place = torch.where(items == self.pad, self.pad + 1, torch.where(items == self.pad + 1, self.pad, items))
        x = self.encoder(self.items(place), items != self.pad)
        return self.norm(F.gelu(self.head(x)))

    def rows(self) -> Tensor:
        return self.items.weight[: self.pad]


@register
class BERT4Rec(SequenceRecommender):
    """BERT4Rec; `BERT4Rec("paper")` is the paper's form with its share of hidden items for Beauty."""

    method, label, Settings = "bert4rec", "BERT4Rec", BERT4RecSettings
    in_parts = False  # how many answers a row asks for is drawn with them
    forms: ClassVar = {
        "improved": {},
        "paper": {"loss": "cross_entropy", "hidden_share": 0.6, "last_share": 0.0, "dropout": 0.1, "epochs": 200,
                  "learning_rate": 1e-4, "schedule": "linear", "clip": 5.0, "patience": 20},
    }  # fmt: skip

    def __init__(self, form: str = "improved", *, name: str | None = None, device: str = "auto", **changes):
        super().__init__(form, name=name, device=device, **changes)
        self.longest = max(1, self.config.max_history - 1)  # [mask] takes a place that training knows

    def _network(self, task) -> nn.Module:
        return BERT4RecNetwork(len(task.corpus), self.config)

    def _prepare(self, task) -> None:
        lengths = task.train.lengths
        self.pieces = task.train.take(np.flatnonzero(lengths > 1))

    def _batches(self, epoch: int) -> list[np.ndarray]:
        lengths = np.minimum(self.pieces.lengths, self.config.max_history)
        return length_batches(lengths, self.config.targets, [self.config.seed, epoch])

    def _gather(self, rows: np.ndarray) -> tuple[HistoryBatch]:
        return (self.pieces.padded(rows, self.config.max_history, self._items),)

    def _loss(self, batch: HistoryBatch) -> Tensor:
        s, pad = self.config, self._items
        items, last = batch.items, batch.lengths - 1
        row = torch.arange(len(items), device=items.device)
        hidden = (torch.rand(items.shape, device=items.device) < s.hidden_share) & (items < pad)
        alone = torch.rand(len(items), device=items.device) < s.last_share
        hidden[alone] = False
        none = ~hidden.any(1)  # nothing drawn: hide the last, so that every history teaches something
        hidden[row[none], last[none]] = True
        states = self.network(items.masked_fill(hidden, pad + 1))
        return self._item_loss(states[hidden], items[hidden])

    def score_items(self, batch: HistoryBatch) -> Tensor:
        self.network.eval()
        items, row = self._items, torch.arange(len(batch.items), device=batch.items.device)
        longer = torch.cat([batch.items, batch.items.new_full((len(row), 1), items)], 1)
        longer[row, batch.lengths] = items + 1
        states = self.network(longer)[row, batch.lengths]
        return states @ self.network.rows().T + self.network.bias
