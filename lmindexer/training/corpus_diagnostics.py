"""What the model does on the whole corpus, not on a batch: the numbers that the history records."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from lmindexer.common.processes import processes
from lmindexer.model.documents import Documents
from lmindexer.model.hints import AskedWords
from lmindexer.model.model import IndexerModel
from lmindexer.quality import diagnostics
from lmindexer.settings.settings import Settings
from lmindexer.training.all_documents import ENCODE_BATCH, for_all_documents
from lmindexer.training.encoding import EncodedCorpus
from lmindexer.training.objective import stage_hints
from lmindexer.training.stages import Stage

MASK_SEED = 20240
FEW, SELDOM = 2000, 10  # epochs between looks above FEW documents, where the settings say nothing


@dataclass
class Look:
    """What the model makes of every document at position t, each code given those written down before it.

    states [N, d] are h^t; greedy [N, t] are the codes it chooses now: column j against column j of what is written
    down tells whether it would still write the same.
    """

    states: np.ndarray
    greedy: np.ndarray


class CorpusDiagnostics:
    """Looks at a model on the whole of a corpus. `stage` has a name and a position t; `codes` [N, t-1] are those that
    are written down before position t."""

    def __init__(self, model: IndexerModel, corpus: EncodedCorpus, settings: Settings, device):
        self.model, self.corpus, self.settings, self.device = model, corpus, settings, device
        self.sample = drawn_sample(len(corpus), settings.macro_f1_documents)

    def due(self, stage: Stage, epoch: int) -> bool:
        """Whether to look at the corpus after this epoch of a stage, counted from 0; always after the last one, whose
        look is no diagnostics alone: it gives the codes, or what k-means begins with."""
        every = self.settings.diagnose_every or (1 if len(self.corpus) <= FEW else SELDOM)
        return epoch + 1 == stage.epochs or (epoch + 1) % every == 0

    @torch.no_grad()
    def look(self, codes: np.ndarray, position: int) -> Look:
        """h^t and greedy codes of every document."""
        self.model.eval()

        def of(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
            documents = self.corpus.batch(torch.from_numpy(rows), self.device)
            h, _ = self.model.encoder(documents, self._rows_of(codes[rows, : position - 1]))  # [B, t, d]
            picks = [self.model.codebooks[j].choose(h[:, j]) for j in range(position)]
            return h[:, -1].float().cpu().numpy(), torch.stack(picks, 1).cpu().numpy().astype(np.int32)

        return Look(*for_all_documents(self.corpus.tokens.lengths, of, processes()))

    def measure(self, stage, codes: np.ndarray, look: Look | None, asked: AskedWords) -> dict:
        """Perplexities, used codes, diff ratios and ID consistency of the corpus, and Macro-F1 of reconstruction.

        Before a codebook exists (warm-up, continuous stage) only Macro-F1 and the consistency of earlier positions are
        defined. In the warm-up (t = 0) there is nothing to look at: `look` is None.
        """
        found: dict = {"macro_f1": self.macro_f1(stage, codes, look, asked)}
        t = stage.position
        if t > 1:
            found["id_consistency"] = diagnostics.id_consistency(look.greedy[:, : t - 1], codes)
        if t and stage.name != "continuous":
            table = np.column_stack([codes, look.greedy[:, -1]])
            released = diagnostics.diff_ratio_released(table) if t > 1 else None
            found |= {**diagnostics.use_of_codes(table), "diff_ratio_released": released}
        return found

    @torch.no_grad()
    def macro_f1(self, stage, codes: np.ndarray, look: Look | None, asked: AskedWords) -> float | None:
        """Macro-F1 over word types of the words rebuilt from codes and hints, at a fixed mask seed.

        Where one query answers for P hidden words of a document, its P best words are the prediction; with P = 1 this
        is the released measure (argmax against the true token). It depends on the hint share, so compare it only
        between runs and epochs of one share. Measured on `macro_f1_documents` documents, drawn once for a fit.
        """
        self.model.eval()
        generator = torch.Generator().manual_seed(MASK_SEED)
        counts = torch.zeros(2, len(asked.words), dtype=torch.long)
        for rows, documents in self._batches(self.sample):
            hints = stage_hints(stage, self.settings, documents, asked, generator).to(self.device)
            if stage.position == 0:
                logits = self.model.reconstruct_from_hints(documents, hints, asked.words)
            else:
                known = self._known(stage, codes[rows], look.states[rows], look.greedy[rows])
                logits = self.model.reconstruct(known, documents, hints, asked.words)
            counts += hits_and_occurrences(logits.float(), asked.place[hints.words], hints.weight > 0).cpu()
        return diagnostics.mean_f1(*counts.numpy())

    def _batches(self, documents: np.ndarray) -> Iterator[tuple[np.ndarray, Documents]]:
        """(document numbers, their batch), a batch at a time."""
        for first in range(0, len(documents), ENCODE_BATCH):
            rows = documents[first : first + ENCODE_BATCH]
            yield rows, self.corpus.batch(torch.from_numpy(rows), self.device)

    def _rows_of(self, codes: np.ndarray) -> list[Tensor]:
        return self.model.rows(torch.from_numpy(codes.astype(np.int64)).to(self.device))

    def _known(self, stage, codes: np.ndarray, states: np.ndarray, greedy: np.ndarray) -> list[Tensor]:
        """What the reconstructor is given at this stage: earlier rows, then h^t or the chosen row of position t."""
        earlier = self._rows_of(codes[:, : stage.position - 1])
        if stage.name == "continuous":
            return [*earlier, torch.from_numpy(states).to(self.device)]
        chosen = torch.from_numpy(greedy[:, -1].astype(np.int64)).to(self.device)
        return [*earlier, self.model.codebooks[stage.position - 1].look_up(chosen)]


def drawn_sample(documents: int, size: int) -> np.ndarray:
    """`size` of the document numbers 0 … N-1 without replacement, ascending; all if there are no more.

    Files are often sorted, so the first documents are no sample of the rest. The same for every fit.

    >>> drawn_sample(3, 5).tolist()
    [0, 1, 2]
    """
    if documents <= size:
        return np.arange(documents)
    return np.sort(np.random.default_rng(MASK_SEED).choice(documents, size, replace=False))


def documents_unasked(corpus: EncodedCorpus, salience: np.ndarray) -> float:
    """Share of the documents without any word that a stage asks for: reconstruction teaches it nothing of them.

    salience [V] is 0 for words that are not asked for. A lexical start from the same words has nothing of them either.
    """
    asked = np.asarray(salience)[corpus.words] > 0  # [Σ L]
    return float(1 - (np.bincount(corpus.tokens.rows[asked], minlength=len(corpus)) > 0).mean())


def hits_and_occurrences(logits: Tensor, words: Tensor, counts: Tensor) -> Tensor:
    """For each word: how often it was rightly predicted, and how often it was predicted or true, [2, V].

    logits [B, M, V]; words [B, M, P] are true where `counts`. A query with n distinct true words predicts its n best.

    >>> hits_and_occurrences(torch.tensor([[[3., 2., 1.]]]), torch.tensor([[[0, 2]]]), torch.tensor([[[True, True]]]))
    tensor([[1, 0, 0],
            [2, 1, 1]])
    """
    size = logits.shape[-1]
    logits, words, counts = logits.flatten(0, 1), words.flatten(0, 1), counts.flatten(0, 1)  # [Q, V], [Q, P], [Q, P]
    true = torch.zeros(logits.shape, dtype=torch.bool, device=logits.device)
    true[counts.nonzero()[:, 0], words[counts]] = True  # [Q, V]
    wanted = true.sum(1, keepdim=True)  # [Q, 1]
    best = logits.topk(int(wanted.max())).indices  # [Q, n]
    in_time = torch.arange(best.shape[1], device=best.device) < wanted  # [Q, n]
    hit = true.gather(1, best) & in_time  # [Q, n]
    predicted, hits = best[in_time].bincount(minlength=size), best[hit].bincount(minlength=size)  # [V], [V]
    return torch.stack([hits, predicted + true.nonzero()[:, 1].bincount(minlength=size)])
