"""Checks for the course: each takes the learner's function or value, and explains what is wrong when it is.

Each prints ✓ when all is right, ○ when the exercise has not been begun (`...`), and raises `CheckFailed` with one
sentence otherwise. Known slips (an inverted mask, a softmax along the wrong axis, the minus of a loss) are named.

>>> equal(0.5 + 0.5, 1.0, "the sum")
✓ the sum: equal
>>> perplexity(lambda codes: ...)
○ perplexity: not tried yet. Replace the dots, then run this cell again.
"""

import functools
import math

import torch
import torch.nn.functional as F
from torch import Tensor

from lmindexer.course.verdict import Untried, asked, difference, open_exercise, right, tensor, wrong
from lmindexer.model import losses
from lmindexer.model.model import Codebook
from lmindexer.quality import diagnostics


def _exercise(name: str):
    """Say ○ instead of stopping where the learner has not begun."""

    def wrap(check):
        @functools.wraps(check)
        def run(*args, **named):
            try:
                check(*args, **named)
            except Untried:
                open_exercise(name)

        return run

    return wrap


def _example(seed: int = 3) -> tuple[Tensor, Tensor]:
    """h [5, 4] and rows [3, 4] in which the longest row, the nearest row and the first row differ."""
    generator = torch.Generator().manual_seed(seed)
    h = torch.randn(5, 4, generator=generator)
    rows = torch.randn(3, 4, generator=generator) * torch.tensor([[0.4], [1.0], [2.5]])
    return h, rows


def equal(yours, expected, what: str = "the two", tolerance: float = 1e-4, hint: str = "") -> None:
    """The two values are equal up to rounding; otherwise says where they differ most, and the hint."""
    found = difference(tensor(yours, what), tensor(expected, what), tolerance)
    if found:
        wrong(f"{what}: {found}. {hint}".rstrip())
    right(f"{what}: equal")


def true(claim: bool, what: str, hint: str = "") -> None:
    """A claim that a cell has computed holds."""
    if not bool(claim):
        wrong(f"{what}: does not hold here. {hint}".rstrip())
    right(what)


@_exercise("number")
def number(answer, expected: float, hint: str = "", tolerance: float = 1e-3) -> None:
    """The learner's number is the expected one; says too high or too low, never the answer itself."""
    if answer is ... or answer is None:
        raise Untried
    gap = float(tensor(answer, "answer")) - float(expected)
    if not abs(gap) <= tolerance * max(1.0, abs(float(expected))):  # `not <=` also turns NaN away
        wrong(f"{answer} is too {'high' if gap > 0 else 'low'}. {hint}".rstrip())
    right(f"{answer} is right")


@_exercise("this one")
def found(answer, test, what: str, hint: str = "") -> None:
    """The learner's answer, whatever it is, passes `test(answer)`: for tasks with many right answers."""
    if answer is ... or answer is None:
        raise Untried
    if not bool(asked(lambda: bool(test(answer)))):
        wrong(f"{what}: not with {answer!r}. {hint}".rstrip())
    right(what)


@_exercise("choice of a code")
def choose_codes(function) -> None:
    """function(h [B, d], rows [K, d]) -> codes [B]: eq. (3), argmax_j h · e_j."""
    h, rows = _example()
    answer = tensor(asked(function, h, rows), "codes")
    scores = h @ rows.T
    slips = {
        "These are the rows with the *smallest* dot product. argmax, not argmin.": scores.argmin(1),
        "These are the *nearest* rows. The slides choose by dot product, h · e, and a long row then wins more often "
        "than by distance.": torch.cdist(h, rows).argmin(1),
        "You count codes from 1. In arrays they are counted from 0.": scores.argmax(1) + 1,
        "You take the best document of each code (axis 0). Each document wants its best code: dim=1.": scores.argmax(0),
    }
    _compare(answer, scores.argmax(1), slips, "codes")
    right("the code of every document is the row with the greatest dot product, eq. (3)")


@_exercise("softmax over codes")
def code_probabilities(function) -> None:
    """function(h [B, d], rows [K, d]) -> P_s [B, K]: eq. (2), softmax_j(h · e_j)."""
    h, rows = _example()
    answer = tensor(asked(function, h, rows), "probabilities")
    scores = h @ rows.T
    slips = {
        "These are the scores h · e themselves; exp and a division by the row's sum are missing.": scores,
        "exp is there, but nothing divides by the sum: each document's row must sum to 1.": scores.exp(),
        "Your *columns* sum to 1: the softmax runs over documents. Each document shares 1 among the codes: dim=1.": (
            scores.softmax(0)
        ),
        "These are logarithms of the probabilities; leave the log out here.": scores.log_softmax(1),
    }
    _compare(answer, scores.softmax(1), slips, "P_s")
    right("each document shares 1 among the codes by the softmax of h · e, eq. (2)")


@_exercise("straight-through row")
def straight_through(function) -> None:
    """function(h [B, d], rows [K, d]) -> ĉ [B, d]: eq. (4), forward the hard row, backward the soft mixture."""
    h, rows = (value.requires_grad_() for value in _example())
    answer = asked(function, h, rows)
    book = Codebook(*rows.shape)
    book.set_rows(rows.detach())
    expected, _, _ = book.straight_through(h)
    slips = {"Forward this is the soft mixture. The forward value must be the chosen row itself: soft + "
             "(hard - soft).detach().": (h @ rows.T).softmax(1) @ rows}  # fmt: skip
    _compare(tensor(answer, "ĉ"), expected.detach().double(), slips, "ĉ forward")
    if not answer.requires_grad:
        wrong("The value is right, but no gradient passes: you detach everything. Detach only (hard - soft).")
    weights = torch.arange(1.0, 1 + answer.numel()).view_as(answer)
    mine = torch.autograd.grad((answer * weights).sum(), (h, rows), allow_unused=True)
    wanted = torch.autograd.grad((expected * weights).sum(), (h, book.rows))
    if mine[0] is None or not mine[0].any():
        wrong("The value is right, but no gradient reaches h: the encoder would never learn. Add the soft mixture.")
    if mine[1] is None or difference(tensor(mine[1]), tensor(wanted[1]), 1e-4):
        wrong("The gradient of the rows is not the soft mixture's: every row must get its share. Detach (hard - soft), "
              "and nothing else.")  # fmt: skip
    if difference(tensor(mine[0]), tensor(wanted[0]), 1e-4):
        wrong("A gradient reaches h, but it is not the soft mixture's. Detach (hard - soft), and nothing else.")
    right("forward the chosen row, backward the soft mixture: eq. (4), for h and for every row")


@_exercise("hint mask")
def hint_mask(function) -> None:
    """function(present [B, L], share) -> visible [B, L], True where a word may be seen; `share` of them on average."""
    present = torch.arange(50)[None] < torch.tensor([50, 30] * 100)[:, None]  # [200, 50]
    answer = torch.as_tensor(asked(function, present, 0.2))
    if answer.shape != present.shape:
        wrong(f"The mask has the shape {list(answer.shape)}, and {list(present.shape)} is wanted: one place a word.")
    if answer.dtype != torch.bool:
        wrong("The mask holds numbers. Compare (torch.rand(...) < share), so that it is True or False.")
    if (answer & ~present).any():
        wrong("Some padding is visible: there is no word at that place. Add `& present`.")
    share = float(answer.sum() / present.sum())
    if abs(share - 0.8) < 0.03:
        wrong("You show 80 % where 20 % were asked for: the mask is inverted. Here True means *visible*.")
    if abs(share - 0.2) > 0.03:
        wrong(f"You show {share:.0%} of the words, and 20 % were asked for.")
    if (answer[0] == answer[2::2]).all():
        wrong("Every document gets the same places. Draw a number for every word: torch.rand(present.shape).")
    right("one word in five is visible, padding never")


@_exercise("perplexity")
def perplexity(function) -> None:
    """function(codes, a list of integers) -> exp(-Σ p ln p)."""
    codes = [0, 0, 0, 0, 1, 1, 2, 2]
    answer = float(tensor(asked(function, codes), "perplexity"))
    p = torch.tensor([0.5, 0.25, 0.25])
    entropy = float(-(p * p.log()).sum())
    slips = {
        "This is the entropy itself; the perplexity is exp of it.": entropy,
        "The sign: the entropy is *minus* Σ p ln p, so you get 1 / perplexity.": math.exp(-entropy),
        "This is the number of used codes: it does not feel that code 0 has half of the documents.": 3.0,
        "The logarithm is to the base 2, but exp takes it back to the base e. Use one base for both.": math.exp(
            entropy / math.log(2)
        ),
    }
    for words, value in slips.items():
        if math.isclose(answer, value, rel_tol=1e-3):
            wrong(words)
    if not math.isclose(answer, float(diagnostics.perplexity(torch.tensor(codes).numpy())), rel_tol=1e-3):
        wrong(f"For the codes {codes} you get {answer:.4g}. The shares are 1/2, 1/4 and 1/4.")
    for even in (1, 4, 7):
        if not math.isclose(float(tensor(asked(function, list(range(even)) * 3))), even, rel_tol=1e-3):
            wrong(f"{even} codes with equal shares must have the perplexity {even}.")
    right("perplexity: 1 for one code, K for K codes used alike")


@_exercise("suffixes")
def suffixes(function) -> None:
    """function(codes, a list of tuples) -> how many earlier documents had the same codes, for each."""
    codes = [(1, 2), (0, 2), (1, 2), (1, 2), (0, 2), (3, 3)]
    answer = [int(value) for value in asked(function, codes)]
    if answer == [3, 2, 3, 3, 2, 1]:
        wrong("These are the sizes of the groups. The suffix counts only those that came *before*.")
    if answer == [1, 1, 2, 3, 2, 1]:
        wrong("You count from 1. The first of a group has 0 before it.")
    if answer != [0, 0, 1, 2, 1, 0]:
        wrong(
            f"For the codes {codes} you get {answer}. Two earlier documents have document 3's codes: its suffix is 2."
        )
    right("the suffix counts earlier documents with equal codes, so every ID is unique")


@_exercise("contrastive loss")
def contrastive_loss(function) -> None:
    """function(anchor [B, d], view [B, d], negative [B, B]) -> the loss, eq. (9), dot product, a scalar."""
    generator = torch.Generator().manual_seed(5)
    anchor, view = torch.randn(2, 6, 3, generator=generator)
    prefix = torch.tensor([0, 0, 0, 1, 1, 2])
    negative = (prefix[:, None] == prefix[None]) & ~torch.eye(6, dtype=torch.bool)
    answer = tensor(asked(function, anchor, view, negative), "loss")
    scores = anchor @ view.T
    everyone = F.cross_entropy(scores, torch.arange(6))
    alone = scores.masked_fill(~(negative | torch.eye(6, dtype=torch.bool)), -torch.inf)
    each = alone.logsumexp(1) - scores.diagonal()
    slips = {
        "You count all other documents as negatives, also those with another prefix. Use the mask.": everyone,
        "The mean runs over all six documents. The last is alone under its prefix: it has no negative and does not "
        "count.": each.mean(),
        "The sign: a loss is *minus* the log of a probability.": -each[:5].mean(),
        "This is a sum; the package takes the mean over the documents that count.": each[:5].sum(),
        "The positive pair itself is missing below the fraction.": (
            scores.masked_fill(~negative, -torch.inf).logsumexp(1) - scores.diagonal()
        )[:5].mean(),
    }
    _compare(answer, losses.contrastive_loss(anchor, view, negative), slips, "the loss")
    right("documents of one prefix are told apart, others are left alone: eq. (9)")


@_exercise("commitment loss")
def commitment_loss(function) -> None:
    """function(log_probabilities, a list of [B, K], codes [B, t-1]) -> the loss, eq. (10), a scalar."""
    generator = torch.Generator().manual_seed(7)
    tables = [torch.randn(4, k, generator=generator).log_softmax(1) for k in (3, 5)]
    codes = torch.tensor([[0, 4], [2, 1], [1, 1], [2, 0]])
    answer = tensor(asked(function, tables, codes), "loss")
    first, second = (-table.gather(1, codes[:, j : j + 1]).mean() for j, table in enumerate(tables))
    slips = {
        "Only position 1 counts in your loss. Sum over all earlier positions j < t.": first,
        "Only the last position counts in your loss. Sum over all earlier positions j < t.": second,
        "The sign: a loss is *minus* the log of a probability.": -(first + second),
        "You take the mean over positions; the slides have a sum.": (first + second) / 2,
    }
    _compare(answer, losses.commitment_loss(tables, codes), slips, "the loss")
    right("codes that were written down stay probable: eq. (10)")


def _compare(answer: Tensor, expected: Tensor, slips: dict, what: str) -> None:
    """Right, a known slip, or where the answer is farthest off."""
    expected = tensor(expected)
    found = difference(answer, expected, 1e-4)
    if not found:
        return
    for words, value in slips.items():
        if difference(answer, tensor(value), 1e-4) is None:
            wrong(words)
    wrong(f"{what}: {found}.")
