"""What one stage minimises on a batch: L^t = reconstruction + contrastive + commitment, and the extensions."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmindexer.common.processes import processes
from lmindexer.model import losses
from lmindexer.model.documents import Documents
from lmindexer.model.hints import AskedWords, Hints, draw_hints
from lmindexer.model.model import IndexerModel
from lmindexer.settings.settings import Settings
from lmindexer.training.batches import negative_mask
from lmindexer.training.encoding import EncodedCorpus
from lmindexer.training.stages import Stage
from lmindexer.training.votes import CodeVotes

Terms = dict[str, tuple[float, Tensor]]  # name → (weight, value)


@dataclass
class Objective:
    """The loss of `stage`: which words it asks for, and whose votes agreement listens to (None: no one's)."""

    model: IndexerModel
    corpus: EncodedCorpus
    settings: Settings
    device: torch.device
    stage: Stage
    asked: AskedWords
    votes: CodeVotes | None = None

    def terms(self, batch: Tensor, codes: np.ndarray) -> Terms:
        """The loss's terms for document numbers [B]; codes [N, t-1] are those written down.

        Several processes each work on their part of the batch and have the terms of the whole.
        """
        together = processes()
        part = together.part(len(batch))
        documents = self.corpus.batch(batch, self.device, part)
        with together.one_dropout(len(batch), self.device):
            whole = documents if not together.shared(len(batch)) else self.corpus.batch(batch, states=False)
            hints = stage_hints(self.stage, self.settings, whole, self.asked).of(part).to(self.device)
            if self.stage.position == 0:
                logits = self.model.reconstruct_from_hints(documents, hints, self.asked.words)
                return {"reconstruction": (1.0, self._reconstruction(logits, hints, len(batch)))}
            return self._terms_of_position(batch, part, codes, documents, hints)

    def _reconstruction(self, logits: Tensor, hints: Hints, size: int) -> Tensor:
        """The reconstruction loss of a batch of `size` documents, from this process's part of it."""
        surprises = losses.surprises(logits, self.asked.place[hints.words], hints.weight)
        counts = hints.weight.sum((1, 2)) > 0
        together = processes()
        return losses.mean_where(together.gather(surprises, size), together.gather(counts, size))

    def _terms_of_position(self, batch, part: slice, codes, documents: Documents, hints: Hints) -> Terms:
        s, model, t, size = self.settings, self.model, self.stage.position, len(batch)
        gather = processes().gather
        earlier_codes = torch.from_numpy(codes[batch.numpy()].astype(np.int64)).to(self.device)  # [B, t-1]
        earlier = [row.detach() for row in model.rows(earlier_codes[part])]  # written down: they train no further
        h, moved, view = self._encode(documents, earlier)  # [B, t, d] each
        code, terms = self._code(batch, h[:, -1])
        if s.reconstruction:
            logits = model.reconstruct([*earlier, code], documents, hints, self.asked.words)
            terms["reconstruction"] = (s.reconstruction, self._reconstruction(logits, hints, size))
        if view is not None:
            negative = negative_mask(earlier_codes)
            anchor, other = gather(h[:, -1], size), gather(view[:, -1], size)  # negatives from every process
            value = losses.contrastive_loss(anchor, other, negative, s.contrastive, s.contrastive_temperature)
            terms["contrastive"] = (s.contrastive_weight, value)
        if s.commitment and t > 1:
            tables = [gather(model.codebooks[j].log_probabilities(h[:, j]), size) for j in range(t - 1)]
            terms["commitment"] = (s.commitment, losses.commitment_loss(tables, earlier_codes))
        if s.at("anchor", t) and s.start == "pooled":
            terms["anchor"] = (s.at("anchor", t), losses.anchor_loss(gather(moved[:, -1], size)))
        return terms

    def _encode(self, documents: Documents, earlier: list[Tensor]) -> tuple[Tensor, Tensor, Tensor | None]:
        """h and its way from the start, [B, t, d]; and h under another dropout where the contrastive loss asks."""
        s = self.settings
        if s.contrastive == "off" or not s.contrastive_weight or self.stage.position < s.contrastive_from:
            return *self.model.encoder(documents, earlier), None
        h, moved = self.model.encoder.two_views(documents, earlier)  # [2B, t, d]
        (h, view), (moved, _) = h.chunk(2), moved.chunk(2)
        return h, moved, view

    def _code(self, batch: Tensor, h: Tensor) -> tuple[Tensor, Terms]:
        """What stands for position t: h itself before there are codes, else ĉ; with how neighbours and codes agree."""
        if self.stage.name == "continuous":
            return h, {}
        code, chosen, log_p = self.model.codebooks[self.stage.position - 1].straight_through(h)
        if self.votes is None:
            return code, {}
        chosen, log_p = (processes().gather(rows, len(batch)) for rows in (chosen, log_p))
        shares, counts = self.votes.of(batch, log_p.shape[1])
        self.votes.update(batch, chosen)
        p = log_p.exp()
        agreement = losses.agreement_loss(p, shares.to(p), counts.to(p.device))
        terms = {"agreement": (self.settings.agreement, agreement)}
        return code, terms | {"balance": (self.settings.balance, losses.balance_loss(p))}


def stage_hints(
    stage: Stage, s: Settings, documents: Documents, asked: AskedWords, generator: torch.Generator | None = None
) -> Hints:
    """Hints and targets as a stage draws them, on the CPU."""
    share = s.warmup_hint_share if stage.position == 0 else s.at("hint_share", stage.position)
    words, present = documents.words.cpu(), documents.present.cpu()
    return draw_hints(words, present, asked.salience, share, s.hint_form, s.targets, generator)
