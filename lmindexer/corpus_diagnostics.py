"""What the model does on the whole corpus, not on a batch: the numbers that the history records."""

import numpy as np
import torch

from lmindexer import diagnostics
from lmindexer.encoding import EncodedCorpus
from lmindexer.hints import draw_hints
from lmindexer.model import IndexerModel
from lmindexer.settings import Settings

ENCODE_BATCH = 256
MASK_SEED = 20240


@torch.no_grad()
def encode_all(
    model: IndexerModel, corpus: EncodedCorpus, codes: np.ndarray, position: int, settings: Settings, device
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
    salience,
    device,
    greedy: np.ndarray | None,
) -> dict:
    """Perplexities, used codes, diff ratios and ID consistency of the corpus, and Macro-F1 of reconstruction.

    `stage` has a name and a position t; `codes` [N, t-1] are those written down; `greedy` [N, t] is what the model
    chooses now (`encode_all`; None in the warm-up, t = 0). Before a codebook exists (warm-up, continuous stage) only
    Macro-F1 and the consistency of earlier positions are defined.
    """
    found: dict = {"macro_f1": reconstruction_macro_f1(model, corpus, codes, stage, settings, salience, device)}
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
    model: IndexerModel, corpus: EncodedCorpus, codes: np.ndarray, stage, settings: Settings, salience, device
) -> float | None:
    """Macro-F1 over word types of the words rebuilt from codes and hints, at a fixed mask seed.

    Where one query answers for P hidden words of a document, its P best words are the prediction; with P = 1 this
    is the released measure (argmax against the true token). It depends on the hint share, so compare it only
    between runs and epochs of one share. Measured on the first `macro_f1_documents` documents.
    """
    model.eval()
    generator = torch.Generator().manual_seed(MASK_SEED)
    share = settings.warmup_hint_share if stage.position == 0 else settings.at("hint_share", stage.position)
    predicted, true = [], []
    documents = min(len(corpus), settings.macro_f1_documents)
    for first in range(0, documents, ENCODE_BATCH):
        batch = torch.arange(first, min(first + ENCODE_BATCH, documents))
        inputs = corpus.batch(batch, device)
        drawn = draw_hints(
            inputs.words.cpu(),
            inputs.present.cpu(),
            salience,
            share,
            settings.hint_form,
            settings.targets,
            generator,
        )
        hints = drawn.to(device)
        if stage.position == 0:
            logits = model.reconstruct_from_hints(inputs, hints)
        else:
            logits = model.reconstruct(_codes_of(model, inputs, codes[batch.numpy()], stage), inputs, hints)
        guess, right = _predicted_words(logits.float().cpu(), drawn, salience)
        predicted.append(guess)
        true.append(right)
    return diagnostics.macro_f1(np.concatenate(predicted), np.concatenate(true))


def _codes_of(model, inputs, codes: np.ndarray, stage) -> list[torch.Tensor]:
    """What the reconstructor is given at this stage: earlier rows, then h^t or the chosen row of position t."""
    earlier_codes = torch.from_numpy(codes[:, : stage.position - 1].astype(np.int64)).to(inputs.present.device)
    earlier = model.rows(earlier_codes)
    h, _ = model.encoder(inputs, earlier)
    if stage.name == "continuous":
        return [*earlier, h[:, -1]]
    book = model.codebooks[stage.position - 1]
    return [*earlier, book.look_up(book.choose(h[:, -1]))]


def _predicted_words(logits, hints, salience) -> tuple[np.ndarray, np.ndarray]:
    """Aligned (predicted, true) words: a query's P distinct targets against its P best-scored words.

    Right words stand opposite themselves; the rest are paired in any order, which leaves every count of true and
    false positives and of misses as it is.
    """
    logits = logits.masked_fill(salience == 0, float("-inf"))
    predicted, true = [], []
    for row, words, weight in zip(
        logits.flatten(0, 1), hints.words.flatten(0, 1), hints.weight.flatten(0, 1), strict=True
    ):
        asked = words[weight > 0].unique()
        if not len(asked):
            continue
        guess = row.topk(len(asked)).indices
        asked, guess = asked.numpy(), guess.numpy()
        hit = np.intersect1d(asked, guess)
        predicted += [hit, np.setdiff1d(guess, hit)]
        true += [hit, np.setdiff1d(asked, hit)]
    if not predicted:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    return np.concatenate(predicted), np.concatenate(true)
