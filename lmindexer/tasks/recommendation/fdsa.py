"""FDSA: self-attention over items and, beside it, over their features (Zhang et al. 2019, IJCAI,
https://doi.org/10.24963/ijcai.2019/600).

    features of an item: f = Σ_k a_k f_k,  a = softmax(w · f_k)              attention over its features
    x = encoder(e(items) + p),  y = encoder(f + p);   state = W [x_L ; y_L];   score_j = state · e_j

Features are the levels of the category path, each label a row of its own, and the text's vector through a linear map.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lmindexer.common.errors import SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.tasks.base import register
from lmindexer.tasks.recommendation.histories import HistoryBatch
from lmindexer.tasks.recommendation.layers import Encoder, TextInput, embedding
from lmindexer.tasks.recommendation.neural import SequenceRecommender, SequenceSettings
from lmindexer.tasks.recommendation.text import text_vectors


@dataclass(frozen=True)
class FDSASettings(SequenceSettings):
    """layers, heads: of both Transformers; categories: use the category path; text: embeddings such as "minilm", or
    None."""

    layers: int = 2
    heads: int = 2
    categories: bool = True
    text: str | None = "minilm"
    text_dims: int = 128


class FDSANetwork(nn.Module):
    """[B, L] items → [B, L, d] states.

    labels [N, levels]: row of each item's label at each category level, `label_rows` where there is none.
    """

    def __init__(self, s: FDSASettings, labels: Tensor, label_rows: int, vectors: Tensor | None):
        super().__init__()
        items = len(labels)
        self.items, self.labels = embedding(items, s.dim), embedding(label_rows, s.dim)
        self.register_buffer("label_of", torch.cat([labels, torch.full((1, labels.shape[1]), label_rows)]))
        self.text = None if vectors is None else TextInput(vectors, s.dim)
        self.attend = nn.Linear(s.dim, 1)
        shape = (s.dim, s.layers, s.heads, s.dropout, s.max_history)
        self.over_items, self.over_features = Encoder(*shape), Encoder(*shape)
        self.join = nn.Linear(2 * s.dim, s.dim)
        self.bias = None

    def features(self, items: Tensor) -> Tensor:
        """[B, L, d]: the attended mean of each item's features; zeros for padding."""
        label = self.label_of[items]  # [B, L, levels]
        parts, there = self.labels(label), label < len(self.labels.weight) - 1
        if self.text is not None:
            parts = torch.cat([parts, self.text(items)[..., None, :]], -2)
            there = torch.cat([there, (items < len(self.items.weight) - 1)[..., None]], -1)
        weight = self.attend(parts)[..., 0].masked_fill(~there, -1e9)
        return (torch.softmax(weight, -1) * there)[..., None, :].matmul(parts)[..., 0, :]

    def forward(self, batch: HistoryBatch) -> Tensor:
        x, y = self.over_items(self.items(batch.items)), self.over_features(self.features(batch.items))
        return self.join(torch.cat([x, y], -1))

    def rows(self) -> Tensor:
        return self.items.weight[:-1]


@register
class FDSA(SequenceRecommender):
    """FDSA; `FDSA("paper")` trains with one drawn negative, as the paper does.

    Raises SettingsError where an item has neither categories nor a text to be read.
    """

    method, label, Settings = "fdsa", "FDSA", FDSASettings
    forms: ClassVar = {
        "improved": {},
        "paper": {"loss": "bce", "text": None, "dim": 100, "dropout": 0.5, "learning_rate": 1e-3, "weight_decay": 0.0,
                  "schedule": "constant", "warmup_steps": 0, "clip": None, "epochs": 100, "patience": 10},
    }  # fmt: skip

    def _network(self, task) -> nn.Module:
        s = self.config
        labels, rows = label_rows(task.corpus, s.categories)
        if s.text is None and not rows:
            raise SettingsError(
                f"{task.corpus.name} has no categories, so FDSA has no features; give text='minilm' or categories."
            )
        vectors = None if s.text is None else text_vectors(task.corpus, s.text, s.text_dims)
        return FDSANetwork(s, labels, rows, vectors)

    def _network_like(self, task, tensors) -> nn.Module:
        labels, vectors = tensors["label_of"][:-1], tensors.get("text.vectors")
        rows = len(tensors["labels.weight"]) - 1
        return FDSANetwork(self.config, labels, rows, None if vectors is None else vectors[:-1])


def label_rows(corpus: Corpus, wanted: bool = True) -> tuple[Tensor, int]:
    """(rows [N, levels], number of labels): each item's category, cut after 1, 2, … levels, as a number."""
    if not wanted or not corpus.levels:
        return torch.zeros((len(corpus), 1), dtype=torch.int64), 0
    columns = [corpus.frame[f"category_{level}"].notna().to_numpy() for level in range(1, corpus.levels + 1)]
    names = [np.where(there, corpus.labels(level), "") for level, there in enumerate(columns, start=1)]
    codes, labels = pd.factorize(np.concatenate(names))
    empty = np.flatnonzero(labels == "")
    rows = len(labels)
    if len(empty):  # the label "" is no label: its row is the last, the padding's
        codes = np.where(codes == empty[0], rows - 1, np.where(codes > empty[0], codes - 1, codes))
        rows -= 1
    return torch.from_numpy(codes.reshape(len(names), -1).T.astype(np.int64)), rows
