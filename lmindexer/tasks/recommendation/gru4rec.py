"""GRU4Rec: a recurrent net over the history (Hidasi et al. 2016, https://arxiv.org/abs/1511.06939).

    h_i = GRU(e(item_i), h_{i-1});   score_j = W h_L · o_j + b_j

The paper trains with TOP1 against the other right items of the batch and rows of their own for the output; its
successor (https://doi.org/10.1145/3269206.3271761) with BPR-max, dropout and rows tied to the input. Cross-entropy
over many items is the usual improvement.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lmindexer.tasks.base import register
from lmindexer.tasks.recommendation.histories import HistoryBatch
from lmindexer.tasks.recommendation.layers import embedding
from lmindexer.tasks.recommendation.neural import SequenceRecommender, SequenceSettings


@dataclass(frozen=True)
class GRU4RecSettings(SequenceSettings):
    """hidden: width of the recurrent state; layers; tied: output rows are the input's."""

    hidden: int = 128
    layers: int = 1
    tied: bool = True


class GRU4RecNetwork(nn.Module):
    """[B, L] items → [B, L, d] states."""

    def __init__(self, items: int, s: GRU4RecSettings):
        super().__init__()
        self.items = embedding(items, s.dim)
        self.output = None if s.tied else embedding(items, s.dim)
        self.dropout = nn.Dropout(s.dropout)
        self.gru = nn.GRU(s.dim, s.hidden, s.layers, batch_first=True)
        self.down = nn.Linear(s.hidden, s.dim)
        self.bias = nn.Parameter(torch.zeros(items))

    def forward(self, batch: HistoryBatch) -> Tensor:
        x, _ = self.gru(self.dropout(self.items(batch.items)))  # [B, L, hidden]; padding behind changes nothing before
        return self.down(self.dropout(x))

    def rows(self) -> Tensor:
        return (self.output or self.items).weight[:-1]


@register
class GRU4Rec(SequenceRecommender):
    """GRU4Rec; `GRU4Rec("paper")` is the first paper's form, `GRU4Rec("bpr_max")` the second's."""

    method, label, Settings = "gru4rec", "GRU4Rec", GRU4RecSettings
    forms: ClassVar = {
        "improved": {},
        "paper": {"loss": "top1", "tied": False, "hidden": 100, "dropout": 0.0, "weight_decay": 0.0, "clip": None,
                  "schedule": "constant", "warmup_steps": 0, "learning_rate": 1e-3},
        "bpr_max": {"loss": "bpr_max", "dropout": 0.2},
    }  # fmt: skip

    def _network(self, task) -> nn.Module:
        return GRU4RecNetwork(len(task.corpus), self.config)
