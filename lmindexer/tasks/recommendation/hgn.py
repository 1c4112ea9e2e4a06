"""HGN: hierarchical gating of the last few items (Ma, Kang and Liu 2019, https://doi.org/10.1145/3292500.3330984).

With s_1 … s_L the vectors of the last L items and u the user's:

    feature gating     f_i = s_i ⊗ σ(W s_i + V u + b)                       which features of an item matter
    instance gating    g_i = f_i · σ(w·f_i + u·v_i),  v_i by place           which items matter
    score_j = u·o_j + (mean of the g_i)·o_j + (Σ_i s_i)·o_j + b_j            taste, short term, item to item

The paper trains with BPR. Cross-entropy over many items, with dropout, is the improvement here. A person who is no
user of the task gets the mean user's vector.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmindexer.tasks.base import register
from lmindexer.tasks.recommendation.histories import Histories, HistoryBatch, window_rows
from lmindexer.tasks.recommendation.layers import STD, embedding
from lmindexer.tasks.recommendation.neural import SequenceRecommender, SequenceSettings


@dataclass(frozen=True)
class HGNSettings(SequenceSettings):
    """max_history is the window L."""

    max_history: int = 10
    epochs: int = 10


class HGNNetwork(nn.Module):
    """Windows [B, L] and users [B] → one state [B, 1, d]."""

    def __init__(self, items: int, users: int, s: HGNSettings):
        super().__init__()
        self.items, self.output = embedding(items, s.dim), embedding(items, s.dim)
        self.users = nn.Embedding(users, s.dim)
        nn.init.normal_(self.users.weight, std=STD)
        self.item_gate, self.user_gate = nn.Linear(s.dim, s.dim), nn.Linear(s.dim, s.dim, bias=False)
        self.weigh, self.places = nn.Linear(s.dim, 1, bias=False), nn.Linear(s.dim, s.max_history, bias=False)
        self.bias = nn.Parameter(torch.zeros(items))
        self.dropout = s.dropout

    def forward(self, batch: HistoryBatch) -> Tensor:
        there = batch.items < len(self.items.weight) - 1  # [B, L]
        s = F.dropout(self.items(batch.items), self.dropout, self.training)  # [B, L, d]
        u = self.users(batch.users.clamp(min=0))
        if (batch.users < 0).any():
            u = torch.where((batch.users < 0)[:, None], self.users.weight.mean(0), u)
        u = F.dropout(u, self.dropout, self.training)
        f = s * torch.sigmoid(self.item_gate(s) + self.user_gate(u)[:, None])
        age = (batch.lengths[:, None] - 1 - torch.arange(s.shape[1], device=s.device)).clamp(min=0)  # 0 = the newest
        gate = torch.sigmoid(self.weigh(f)[..., 0] + self.places(u).gather(1, age)) * there  # [B, L]
        g = (f * gate[..., None]).sum(1) / there.sum(1, keepdim=True).clamp(min=1)
        return (u + g + (s * there[..., None]).sum(1))[:, None]

    def rows(self) -> Tensor:
        return self.output.weight[:-1]


@register
class HGN(SequenceRecommender):
    """HGN; `HGN("paper")` is the paper's form."""

    method, label, Settings = "hgn", "HGN", HGNSettings
    forms: ClassVar = {
        "improved": {},
        "paper": {"loss": "bpr", "max_history": 5, "dim": 50, "dropout": 0.0, "weight_decay": 1e-3, "clip": None,
                  "schedule": "constant", "warmup_steps": 0, "learning_rate": 1e-3, "epochs": 100, "patience": 10,
                  "targets": 4096},
    }  # fmt: skip

    def _network(self, task) -> nn.Module:
        return HGNNetwork(len(task.corpus), len(task.users), self.config)

    def _prepare(self, task) -> None:
        self.train_histories: Histories = task.train
        self.windows = window_rows(task.train)  # (history, place of the target)

    def _batches(self, epoch: int) -> list[np.ndarray]:
        draw = np.random.default_rng([self.config.seed, epoch])
        order = draw.permutation(len(self.windows))
        return np.array_split(order, max(1, round(len(order) / self.config.targets)))

    def _gather(self, rows: np.ndarray) -> tuple[HistoryBatch, Tensor]:
        history, place = self.windows[rows].T
        return self.train_histories.before(history, place, self.longest, self._items)

    def _loss(self, batch: HistoryBatch, targets: Tensor) -> Tensor:
        return self._item_loss(self.network(batch)[:, 0], targets)

    def score_items(self, batch: HistoryBatch) -> Tensor:
        self.network.eval()
        return self.network(batch)[:, 0] @ self.network.rows().T + self.network.bias
