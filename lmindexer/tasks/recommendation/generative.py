"""GenerativeRecommender: the next item by its semantic ID, code by code, on a laptop.

    item      x_i = Σ_t e^t_{c^t_i} + W m_i              its codes, its suffix, and its text vector m_i
    history   h   = causal Transformer(x_1 + p_1, …)     a state at every position, each with its own target
    answer    log P(item | history) = Σ_t log P(c^t | h, c^{<t})     by `tasks.generative.PathHead`

The idea is TIGER's (Rajput et al. 2023, arXiv 2305.05065); what it has reached so far is in docs/results/generative.md.
"""

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.tasks.base import register
from lmindexer.tasks.decoding import DecodingTree
from lmindexer.tasks.generative import HistoryPaths, PathHead, PathScorer
from lmindexer.tasks.recommendation.by_ids import IDRecommender, IDSettings, code_places, table_sizes
from lmindexer.tasks.recommendation.histories import HistoryBatch
from lmindexer.tasks.recommendation.layers import STD, Encoder
from lmindexer.tasks.recommendation.losses import softmax_over_drawn


@dataclass(frozen=True)
class GenerativeSettings(IDSettings):
    """Settings of `GenerativeRecommender`, beside those of every recommender by IDs.

    layers, heads, widen  of the Transformer over the history (inner width = widen · dim)
    output                see `PathHead`
    learn_repeats         the head learns, by level and age, what a branch gains or loses by standing in the history
    node_vectors          every node of the ID tree has a vector of its own too (output="nodes")
    tied                  input and output share codes' rows, the map of the texts, and leaves' own vectors
    auxiliary             weight of a softmax over whole items (1,024 drawn ones) on the same states
    """

    layers: int = 2
    heads: int = 2
    widen: int = 4
    text: str | None = "minilm"
    output: str = "nodes"
    ties: str = "document"
    learn_repeats: bool = True
    node_vectors: bool = True
    tied: bool = True
    auxiliary: float = 0.0
    dropout: float = 0.3
    targets: int = 1024
    epochs: int = 12


class HistoryNetwork(nn.Module):
    """Items' codes and texts, a causal Transformer over a history, and the head over the ID tree."""

    def __init__(self, ids: SemanticIDs, vectors: Tensor | None, s: GenerativeSettings):
        super().__init__()
        tree = DecodingTree.from_ids(ids)
        self.register_buffer("vectors", vectors)  # [N, t]; kept in the file, so that loading needs no text encoder
        self.items, self.tied, self.auxiliary = len(ids), s.tied, s.auxiliary
        if not s.tied:
            self._own_inputs(ids, vectors, s.dim)
        self.encoder = Encoder(s.dim, s.layers, s.heads, s.dropout, s.max_history, widen=s.widen, inside=False)
        self.head = PathHead(
            tree,
            s.dim,
            vectors,
            sizes=ids.codebook_sizes,
            output=s.output,
            normalise=s.normalise,
            ties=s.ties if vectors is not None else "suffix",
            oldest=s.max_history if s.learn_repeats else 0,
            own=s.node_vectors and s.output == "nodes",
            one_map=s.tied,
            dropout=s.dropout,
        )

    def _own_inputs(self, ids: SemanticIDs, vectors: Tensor | None, dim: int) -> None:
        """Rows of codes and a map of texts for the input side alone."""
        self.register_buffer("codes", torch.from_numpy(code_places(ids)), persistent=False)  # [N + 1, T + 1], from 0
        self.code_rows = nn.ModuleList(nn.Embedding(size, dim) for size in table_sizes(ids))
        for table in self.code_rows:
            nn.init.normal_(table.weight, std=STD)
        self.read_text = None
        if vectors is not None:
            self.read_text = nn.Linear(vectors.shape[1], dim, bias=False)
            nn.init.normal_(self.read_text.weight, std=STD)

    whole_levels = property(lambda self: self.head.output == "nodes")
    tree = property(lambda self: self.head.tree)

    def forward(self, batch: HistoryBatch) -> Tensor:
        """[B, L] items → [B, L, d] states."""
        return self.encoder(self.rows_of(batch.items))

    def rows_of(self, items: Tensor) -> Tensor:
        """What stands for each item of a history, [..., d]; padding reads as the last item, behind all that looks."""
        known = items.clamp(max=self.items - 1)
        if self.tied:
            return self.head.document_rows(known)
        codes = self.codes[items]  # [..., T + 1]
        x = sum(table(codes[..., t]) for t, table in enumerate(self.code_rows))
        return x if self.read_text is None else x + self.read_text(self.vectors[known])

    def history(self, batch: HistoryBatch) -> HistoryPaths | None:
        """Where each history has been in the tree, if the head asks for it."""
        if self.head.history_weight is None:
            return None
        return HistoryPaths.of(self.head.tree, batch.items, batch.lengths, self.head.oldest)

    def loss(self, batch: HistoryBatch, targets: Tensor) -> Tensor:
        """Σ_t -log P(c^t | …), mean over all targets [B, L] that are there (< N)."""
        there = targets < self.items
        row, place = torch.nonzero(there, as_tuple=True)
        states = self(batch).flatten(0, 1).index_select(0, row * targets.shape[1] + place)
        history = None
        if self.head.history_weight is not None:  # of each target: the items before it
            history = self.history(HistoryBatch(batch.items[row], place + 1, batch.users[row]))
        loss = self.head.loss(states, targets[there], history).sum()
        return loss + self.auxiliary * self._item_loss(states, targets[there]) if self.auxiliary else loss

    def _item_loss(self, states: Tensor, targets: Tensor) -> Tensor:
        drawn = torch.randint(self.items, (1024,), device=states.device)
        rows = self.rows_of(torch.cat([targets, drawn]))
        return softmax_over_drawn(states, targets, drawn, rows[: len(targets)], rows[len(targets) :], self.items)

    def scorer(self, batch: HistoryBatch) -> PathScorer:
        """What decoding asks, after each whole history."""
        row = torch.arange(len(batch.items), device=batch.items.device)
        states = self(batch)[row, batch.lengths.clamp(min=1) - 1]
        return PathScorer(self.head, states, self.history(batch))


@register
class GenerativeRecommender(IDRecommender):
    """Recommends by semantic IDs: small enough to be trained on one core.

    Args:
        ids: a fitted indexer, or the `SemanticIDs` of the task's corpus.
        form: "compact" (chosen by validation), or "prototype": codes' rows shared by all prefixes with a depth decoder,
            texts on the input side only.
        name: the model's line in tables.
        device: "auto" takes a GPU where there is one.
        changes: single settings, see `GenerativeSettings`.

    >>> model = GenerativeRecommender(indexer).fit(task)                               # doctest: +SKIP
    >>> model.recommend(["T1566.001", "T1204.002"], top=3)                             # doctest: +SKIP
    """

    method, label, Settings = "generative_recommender", "Generative", GenerativeSettings
    forms: ClassVar[dict[str, dict]] = {
        "compact": {},
        "prototype": {"output": "codes", "ties": "suffix", "learn_repeats": False, "targets": 512,
                      "node_vectors": False, "tied": False},
    }  # fmt: skip
    earlier: ClassVar[dict] = {"node_vectors": False, "tied": False, "auxiliary": 0.0}

    def _build(self, ids: SemanticIDs, vectors: Tensor | None) -> nn.Module:
        return HistoryNetwork(ids, vectors, self.config)
