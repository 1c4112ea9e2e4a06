"""SlidesRecommender: the slides' form. The indexer is fine-tuned: texts of the history go in, an item's ID comes out.

    input   the (frozen, cached) encoder's token states of the history's items, the newest first, one after the other
    h^t     the indexer's semantic encoder over them and the codes so far, eq. (1)
    loss    -Σ_t log softmax_c(h^t · e^t_c / temperature) over the codes and the suffix

Decoder and codebooks start as the indexer's; the encoder stays as it is, so that a CPU can train the rest. With
start="pooled" (the preset minilm) h starts at the mean of the history's items' starts: an item like the last ones.
"""

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lmindexer.common.errors import SettingsError
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers.lm import LMIndexer
from lmindexer.model.model import Codebook, Documents
from lmindexer.tasks.base import register
from lmindexer.tasks.decoding import DecodingTree, Edges, TreeModule, segment_log_softmax, segment_logsumexp
from lmindexer.tasks.recommendation.by_ids import IDSettings, OneTargetRecommender
from lmindexer.tasks.recommendation.histories import Histories, HistoryBatch

ROWS = 1024  # prefixes that the decoder reads at once: each holds its query's states


@dataclass(frozen=True)
class SlidesSettings(IDSettings):
    """Settings of `SlidesRecommender`, beside those of every recommender by IDs.

    max_tokens   token states of a history that are read, the newest items' first
    """

    max_tokens: int = 128
    max_history: int = 10
    normalise: str = "tree"
    decoding: str = "beam"
    width: int = 20
    targets: int = 64
    epochs: int = 3
    learning_rate: float = 3e-4


class SlidesNetwork(TreeModule):
    """An indexer's semantic encoder and codebooks, reading the token states of several documents as one."""

    whole_levels = False

    def __init__(self, indexer: LMIndexer, encoded, ids: SemanticIDs, s: SlidesSettings):
        super().__init__()
        if encoded.states is None:
            raise SettingsError("This form reads cached states; give an indexer with a frozen encoder (preset minilm).")
        self.tree, self.encoded, self.s = DecodingTree.from_ids(ids), encoded, s
        self.semantic, self.books = deepcopy(indexer.model_.encoder), deepcopy(indexer.model_.codebooks)
        suffix = Codebook(int(ids.suffix.max()) + 1, self.books[0].rows.shape[1], self.books[-1].temperature)
        nn.init.zeros_(suffix.rows)
        self.books.append(suffix)

    def read(self, batch: HistoryBatch) -> Documents:
        """Histories [B, L] as documents: token states of their items, the newest first. Of the CPU, as the states."""
        index, present = joined_tokens(self.encoded.tokens.offsets, batch, self.s.max_tokens)
        states = torch.from_numpy(self.encoded.states[index.numpy()]).float()
        start = None
        if self.encoded.start is not None:
            there = torch.arange(batch.items.shape[1]) < batch.lengths[:, None]  # [B, L]
            own = torch.from_numpy(self.encoded.start)[torch.where(there, batch.items, 0)]  # [B, L, d]
            start = F.normalize((own * there[..., None]).sum(1), dim=-1) * own.norm(dim=-1).mean()
        return Documents(index, index, present, states, start)

    def states(self, documents: Documents, rows: list[Tensor]) -> Tensor:
        """h^1 … h^{t+1} after t codes' rows: [B, t + 1, d]."""
        return self.semantic(documents, rows)[0]

    def loss(self, documents: Documents, targets: Tensor) -> Tensor:
        """Σ_t -log P(c^t | …), mean over the batch's targets [B]."""
        paths = self.tree.paths(targets)
        codes = self.tree.code[paths[:, 1:]].long()
        rows = [self.row(level, codes[:, level - 1]) for level in range(1, self.tree.depth)]
        h = self.states(documents, rows)
        return sum(self._level_loss(h[:, level - 1], level, paths, codes) for level in range(1, self.tree.depth + 1))

    def _level_loss(self, h: Tensor, level: int, paths: Tensor, codes: Tensor) -> Tensor:
        right = codes[:, level - 1]
        if self.s.normalise == "codebook":
            return F.nll_loss(self.books[level - 1].log_probabilities(h), right.clamp(min=0))
        query = torch.arange(len(h), device=h.device)
        edges = self.tree.edges(paths[:, level - 1], query, level)
        logits = self._edge_logits(h, edges)
        place = edges.offsets[:-1] + paths[:, level] - self.tree.first_child[paths[:, level - 1]].long()
        return (segment_logsumexp(logits, edges.row, len(h)) - logits[place]).mean()

    def _edge_logits(self, h: Tensor, edges: Edges) -> Tensor:
        """h · e_c / temperature of each edge; "the ID has ended" (code -1) scores 0."""
        book = self.books[edges.level - 1]
        logits = (h @ book.rows.T / book.temperature)[edges.row, edges.code.clamp(0, len(book.rows) - 1)]
        return torch.where(edges.code >= 0, logits, 0.0)

    def log_softmax(self, h: Tensor, edges: Edges) -> Tensor:
        """log P of each edge [E] from the states h [R, d] of their rows."""
        if self.s.normalise == "codebook":
            log_p = self.books[edges.level - 1].log_probabilities(h)
            return log_p[edges.row, edges.code.clamp(0, log_p.shape[1] - 1)]
        return segment_log_softmax(self._edge_logits(h, edges), edges)

    def row(self, level: int, codes: Tensor) -> Tensor:
        """e_c of codes [R] at a level; zeros where the ID has ended."""
        return self.books[level - 1].rows[codes.clamp(min=0)] * (codes >= 0)[:, None]

    def scorer(self, documents: Documents) -> "SlidesScorer":
        """What decoding asks, after each whole history."""
        return SlidesScorer(self, documents)


class SlidesScorer:
    """A `SlidesNetwork` and a batch of histories, as decoding asks them; its state: codes' rows [R, d], query [R]."""

    def __init__(self, network: SlidesNetwork, documents: Documents):
        self.network, self.documents = network, documents
        self.queries, self.normalised = len(documents.present), network.s.normalise == "tree"

    def begin(self):
        return [], torch.arange(self.queries, device=self.documents.present.device)

    def advance(self, state, rows: Tensor, nodes: Tensor, level: int):
        earlier, query = state
        new = self.network.row(level, self.network.tree.code[nodes].long())
        return [*(row[rows] for row in earlier), new], query[rows]

    def score(self, state, edges: Edges) -> Tensor:
        earlier, query = state
        parts = []
        for first in range(0, len(query), ROWS):
            some = slice(first, first + ROWS)
            documents = self._of(query[some])
            parts.append(self.network.states(documents, [row[some] for row in earlier])[:, -1])
        return self.network.log_softmax(torch.cat(parts), edges)

    def _of(self, query: Tensor) -> Documents:
        d = self.documents
        start = None if d.start is None else d.start[query]
        return Documents(d.tokens[query], d.words[query], d.present[query], d.states[query], start)


def joined_tokens(offsets: np.ndarray, batch: HistoryBatch, most: int) -> tuple[Tensor, Tensor]:
    """Places of the tokens of each history's items, the newest item's first: [B, S] and which are real, S ≤ most.

    offsets: [N + 1], where each document's tokens begin.
    """
    rows = []
    for items, length in zip(batch.items.tolist(), batch.lengths.tolist(), strict=True):
        newest = items[:length][::-1]
        pieces = [np.arange(offsets[item], offsets[item + 1]) for item in newest]
        rows.append(np.concatenate(pieces)[:most] if pieces else np.zeros(0, np.int64))
    index = np.zeros((len(rows), max(1, max(map(len, rows)))), np.int64)
    present = np.zeros(index.shape, bool)
    for row, places in enumerate(rows):
        index[row, : len(places)], present[row, : len(places)] = places, True
    return torch.from_numpy(index), torch.from_numpy(present)


@register
class SlidesRecommender(OneTargetRecommender):
    """Fine-tunes an `LMIndexer` with a frozen encoder to name the next item of a history of texts.

    Args:
        ids: an `LMIndexer`, fitted or not.
        form: "slides", softmax over the codes that exist; "codebook", over the whole codebook, as on the slides.

    >>> model = SlidesRecommender(indexer).fit(task)                                   # doctest: +SKIP
    """

    method, label, Settings = "slides_recommender", "LMIndexer, fine-tuned", SlidesSettings
    forms: ClassVar[dict[str, dict]] = {"slides": {}, "codebook": {"normalise": "codebook"}}

    def __init__(
        self, ids: LMIndexer, form: str | None = None, *, name: str | None = None, device: str = "auto", **changes
    ):
        if not isinstance(ids, LMIndexer):
            raise SettingsError("This form fine-tunes an LMIndexer; give one. GenerativeRecommender takes any IDs.")
        super().__init__(ids, form, name=name, device=device, **changes)

    def _build(self, ids: SemanticIDs, vectors: Tensor | None) -> nn.Module:
        return SlidesNetwork(self.indexer_, self.indexer_.encoded(self.task_.corpus), ids, self.config)

    def _gather(self, rows: np.ndarray) -> tuple[Documents, Tensor]:
        batch, targets = super()._gather(rows)
        return self.network.read(batch), targets

    def _read(self, histories: Histories, rows) -> Documents:
        return self.network.read(histories.padded(rows, self.longest, pad=self._items)).to(self.device)

    def _save_model(self, folder: Path) -> None:
        super()._save_model(folder)
        (folder / "indexer").mkdir()
        self.indexer_.save_pretrained(folder / "indexer")

    @classmethod
    def _start_of(cls, folder: Path, ids: SemanticIDs) -> LMIndexer:
        indexer = LMIndexer.from_pretrained(folder / "indexer")
        indexer.ids_ = ids
        return indexer
