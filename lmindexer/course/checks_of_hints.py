"""Checks of notebook 03: masks, and what a guess is worth."""

import math

import numpy as np
import torch
from torch import Tensor

from lmindexer.course.verdict import asked, exercise, right, same_everywhere, wrong


def _mask(value, shape) -> Tensor:
    try:
        mask = torch.as_tensor(np.asarray(value))
    except (TypeError, ValueError, RuntimeError):
        wrong(f"The mask is a {type(value).__name__}; an array or a tensor is wanted.")
    if tuple(mask.shape) != tuple(shape):
        wrong(f"The mask has the shape {list(mask.shape)}, and {list(shape)} is wanted: one place a word.")
    if mask.dtype != torch.bool:
        wrong("The mask holds numbers. Compare (rand < share), so that it is True or False.")
    return mask


def _drawn_apart(mask: Tensor, counts: Tensor, share: float, rows: str) -> None:
    """The places of a mask are drawn one by one: pairs along both axes are both visible in share² of the cases."""
    shown = float(mask[counts].float().mean())
    if abs(shown - (1 - share)) < 0.03 and abs(share - 0.5) > 0.05:
        wrong(f"You show {shown:.0%} where {share:.0%} were asked for: the mask is inverted. True means *visible*.")
    if abs(shown - share) > 0.03:
        wrong(f"You show {shown:.0%} of the words, and {share:.0%} were asked for.")
    for shift, axis, words in (
        (1, 1, f"All words of a {rows} share one fate: there is one draw a {rows}. Draw a number for every word."),
        (1, 0, f"Every {rows} gets the same places. Draw a number for every word of every {rows}."),
    ):
        both = counts & counts.roll(shift, axis)
        pairs = float((mask & mask.roll(shift, axis))[both].float().mean())
        if abs(pairs - share**2) > 0.25 * share * (1 - share):
            wrong(words)


@exercise("hint mask")
def hint_mask(function) -> None:
    """function(present [B, L], share) -> visible [B, L], True where a word may be seen; `share` of them on average."""
    for share, length in ((0.2, 50), (0.7, 40), (0.5, 64)):
        sizes = torch.randint(length // 2, length + 1, (240, 1), generator=torch.Generator().manual_seed(length))
        present = torch.arange(length)[None] < sizes
        mask = _mask(asked(function, present, share), present.shape)
        if (mask & ~present).any():
            wrong("Some padding is visible: there is no word at that place. Add `& present`.")
        _drawn_apart(mask, present, share, "document")
    right("the share asked for is visible, each word drawn on its own, padding never")


@exercise("mask for every question")
def target_mask(function) -> None:
    """function(length, share) -> mask [L, L], row i the hints of question i; a word is never its own hint."""
    for length, share in ((120, 0.3), (150, 0.7), (100, 0.5)):
        mask = _mask(asked(function, length, share), (length, length))
        if mask.diagonal().any():
            wrong("Some word is its own hint: the diagonal must be False.")
        _drawn_apart(mask, ~torch.eye(length, dtype=torch.bool), share, "question")
    right("a word is never its own hint, and every question has a mask of its own")


@exercise("loss of a uniform guess")
def uniform_loss(function) -> None:
    """function(V) -> the loss of a reconstructor that gives each of V words the same probability."""
    slips = {
        "This is the probability of a word; the loss is minus its logarithm.": lambda v: 1 / v,
        "The sign: a loss is *minus* the log of a probability.": lambda v: -math.log(v),
        "This is the logarithm to the base 2. The losses here are natural logarithms.": math.log2,
        "This is the logarithm to the base 10. The losses here are natural logarithms.": math.log10,
    }
    same_everywhere(function, [(v,) for v in (100, 7, 2, 1, 30000)], math.log, slips, "the loss")
    right("-ln(1/V): any trained model should beat it")
