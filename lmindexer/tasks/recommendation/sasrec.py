"""SASRec: causal self-attention over the history (Kang and McAuley 2018, https://doi.org/10.1109/ICDM.2018.00035).

    x_i = e(item_i) + p_i;   blocks: x + attention(norm x), x + feed-forward(norm x);   score_j = norm(x_L) · e_j

The paper trains with binary cross-entropy and one drawn negative. Cross-entropy over all or many items is the usual
improvement (Klenitskiy and Vasilev 2023, https://doi.org/10.1145/3604915.3610644). With text vectors, a linear map of
them is added to e on the input side, and to the output rows where `text_output` says so.
"""

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor, nn

from lmindexer.tasks.base import register
from lmindexer.tasks.recommendation.histories import HistoryBatch
from lmindexer.tasks.recommendation.layers import Encoder, TextInput, embedding
from lmindexer.tasks.recommendation.neural import SequenceRecommender, SequenceSettings
from lmindexer.tasks.recommendation.text import text_vectors


@dataclass(frozen=True)
class SASRecSettings(SequenceSettings):
    """layers, heads, widen: of the Transformer (inner width = widen · dim); text: embeddings such as "minilm", or None;
    text_output: the texts' map is part of the output rows too."""

    layers: int = 2
    heads: int = 2
    widen: int = 4
    text: str | None = None
    text_dims: int = 128
    text_output: bool = True


class SASRecNetwork(nn.Module):
    """[B, L] items → [B, L, d] states."""

    def __init__(self, items: int, s: SASRecSettings, vectors: Tensor | None = None):
        super().__init__()
        self.items = embedding(items, s.dim)
        self.text = None if vectors is None else TextInput(vectors, s.dim)
        self.text_output = s.text_output
        self.encoder = Encoder(s.dim, s.layers, s.heads, s.dropout, s.max_history, widen=s.widen)
        self.bias = None

    def forward(self, batch: HistoryBatch) -> Tensor:
        x = self.items(batch.items)  # [B, L, d]
        return self.encoder(x if self.text is None else x + self.text(batch.items))

    def rows(self) -> Tensor:
        """[N, d]"""
        own = self.items.weight[:-1]
        return own + self.text.all() if self.text is not None and self.text_output else own


@register
class SASRec(SequenceRecommender):
    """SASRec; `SASRec("paper")` is the paper's form, `SASRec(text="minilm")` reads the items' texts too."""

    method, label, Settings = "sasrec", "SASRec", SASRecSettings
    forms: ClassVar = {
        "improved": {},
        "paper": {"dim": 50, "heads": 1, "widen": 1, "dropout": 0.5, "loss": "bce", "learning_rate": 1e-3,
                  "weight_decay": 0.0, "warmup_steps": 0, "schedule": "constant", "clip": None, "epochs": 200,
                  "patience": 20, "targets": 900},
    }  # fmt: skip

    def _network(self, task) -> nn.Module:
        s = self.config
        vectors = None if s.text is None else text_vectors(task.corpus, s.text, s.text_dims)
        return SASRecNetwork(len(task.corpus), s, vectors)

    def _network_like(self, task, tensors) -> nn.Module:
        vectors = tensors.get("text.vectors")
        return SASRecNetwork(len(task.corpus), self.config, None if vectors is None else vectors[:-1])
