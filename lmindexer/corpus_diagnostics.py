"""What the model does on the whole corpus, not on a batch: the numbers that the history records."""

import numpy as np
import torch

from lmindexer import diagnostics
from lmindexer.encoding import EncodedCorpus
from lmindexer.hints import AskedWords, draw_hints
from lmindexer.model import IndexerModel
from lmindexer.settings import Settings

ENCODE_BATCH = 256
MASK_SEED = 20240


@torch.no_grad()
def encode_all(
    model: IndexerModel, corpus: EncodedCorpus, codes: np.ndarray, position: int, device
) -> tuple[np.ndarray, np.ndarray]:
    """h^t [N, d] and greedy codes [N, t] of every document, each position given the codes written down before it.

    codes [N, ≥ t-1]. Column j of the result against column j of `codes` tells whether the model still chooses
    what is written down.
    """
    model.eval()
    states, chosen = [], []
    for first in range(0, len(corpus), ENCODE_BATCH):
        batch = torch.arange(first, min(first + ENCODE_BATCH, len(corpus)))
        earlier_codes = torch.from_numpy(codes[batch.numpy(), : position - 1].astype(np.int64)).to(device)
        h, _ = model.encoder(corpus.batch(batch, device), model.rows(earlier_codes))  # [B, t, d]
        picks = [model.codebooks[j].choose(h[:, j]) for j in range(position)]
        states.append(h[:, -1].float().cpu().numpy())
        chosen.append(torch.stack(picks, 1).cpu().numpy())
    return np.concatenate(states), np.concatenate(chosen).astype(np.int32)


def diagnose_corpus(
    model: IndexerModel,
    corpus: EncodedCorpus,
    codes: np.ndarray,
    stage,
    settings: Settings,
    asked: AskedWords,
    device,
    states: np.ndarray | None,
    greedy: np.ndarray | None,
) -> dict:
    """Perplexities, used codes, diff ratios and ID consistency of the corpus, and Macro-F1 of reconstruction.

    `stage` has a name and a position t; `codes` [N, t-1] are those written down; `states` [N, d] and `greedy` [N, t]
    are h^t and what the model chooses now (`encode_all`; None in the warm-up, t = 0). Before a codebook exists
    (warm-up, continuous stage) only Macro-F1 and the consistency of earlier positions are defined.
    """
    found: dict = {
        "macro_f1": reconstruction_macro_f1(model, corpus, codes, stage, settings, asked, device, states, greedy)
    }
    t = stage.position
    if t == 0:
        return found
    if t > 1:
        found["id_consistency"] = diagnostics.id_consistency(greedy[:, : t - 1], codes)
    if stage.name != "continuous":
        table = np.column_stack([codes, greedy[:, -1]])
        found |= {
            "perplexity": diagnostics.perplexity(table[:, -1]),
            "within_prefix_perplexity": diagnostics.within_prefix_perplexity(table),
            "used_codes": diagnostics.used_codes(table[:, -1]),
            "diff_ratio": diagnostics.diff_ratio(table),
            "diff_ratio_released": diagnostics.diff_ratio_released(table) if t > 1 else None,
        }
    return found


@torch.no_grad()
def reconstruction_macro_f1(
    model: IndexerModel,
    corpus: EncodedCorpus,
    codes: np.ndarray,
    stage,
    settings: Settings,
    asked: AskedWords,
    device,
    states: np.ndarray | None,
    greedy: np.ndarray | None,
) -> float | None:
    """Macro-F1 over word types of the words rebuilt from codes and hints, at a fixed mask seed.

    Where one query answers for P hidden words of a document, its P best words are the prediction; with P = 1 this
    is the released measure (argmax against the true token). It depends on the hint share, so compare it only
    between runs and epochs of one share. Measured on the first `macro_f1_documents` documents.
    """
    model.eval()
    generator = torch.Generator().manual_seed(MASK_SEED)
    share = settings.warmup_hint_share if stage.position == 0 else settings.at("hint_share", stage.position)
    counts = torch.zeros(2, len(asked.words), dtype=torch.long)
    documents = min(len(corpus), settings.macro_f1_documents)
    for first in range(0, documents, ENCODE_BATCH):
        batch = torch.arange(first, min(first + ENCODE_BATCH, documents))
        inputs = corpus.batch(batch, device)
        words, present = inputs.words.cpu(), inputs.present.cpu()
        hints = draw_hints(words, present, asked.salience, share, settings.hint_form, settings.targets, generator).to(
            device
        )
        if stage.position == 0:
            logits = model.reconstruct_from_hints(inputs, hints, asked.words)
        else:
            rows = slice(first, first + len(batch))
            known = _codes_of(model, codes[rows], states[rows], greedy[rows], stage, device)
            logits = model.reconstruct(known, inputs, hints, asked.words)
        counts += hits_and_occurrences(logits.float(), asked.place[hints.words], hints.weight > 0).cpu()
    return diagnostics.mean_f1(*counts.numpy())


def _codes_of(model, codes: np.ndarray, states: np.ndarray, greedy: np.ndarray, stage, device) -> list[torch.Tensor]:
    """What the reconstructor is given at this stage: earlier rows, then h^t or the chosen row of position t."""
    earlier = model.rows(torch.from_numpy(codes[:, : stage.position - 1].astype(np.int64)).to(device))
    if stage.name == "continuous":
        return [*earlier, torch.from_numpy(states).to(device)]
    chosen = torch.from_numpy(greedy[:, -1].astype(np.int64)).to(device)
    return [*earlier, model.codebooks[stage.position - 1].look_up(chosen)]


def hits_and_occurrences(logits: torch.Tensor, words: torch.Tensor, counts: torch.Tensor) -> torch.Tensor:
    """For each word: how often it was rightly predicted, and how often it was predicted or true, [2, V].

    logits [B, M, V]; words [B, M, P] are true where `counts`. A query with n distinct true words predicts its n best.

    >>> hits_and_occurrences(torch.tensor([[[3., 2., 1.]]]), torch.tensor([[[0, 2]]]), torch.tensor([[[True, True]]]))
    tensor([[1, 0, 0],
            [2, 1, 1]])
    """
    logits, words, counts = logits.flatten(0, 1), words.flatten(0, 1), counts.flatten(0, 1)  # [Q, V], [Q, P], [Q, P]
    true = torch.zeros(logits.shape, dtype=torch.int32, device=logits.device)
    true = true.scatter_reduce_(1, words, counts.int(), "amax")  # [Q, V], 0 or 1
    wanted = true.sum(1, keepdim=True)  # [Q, 1]
    best = logits.topk(int(wanted.max())).indices  # [Q, n]
    in_time = torch.arange(best.shape[1], device=best.device) < wanted  # [Q, n]
    predicted = torch.zeros_like(true).scatter_(1, best, in_time.int())  # [Q, V]
    return torch.stack([(true * predicted).sum(0), (true + predicted).sum(0)])
