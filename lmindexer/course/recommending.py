"""Checks of notebook 11, recommendation: eq. (14), decoding, leave-one-out, Recall and NDCG.

>>> allowed_softmax(lambda scores, exists: ...)
○ softmax over codes that exist: not tried yet. Replace the dots, then run this cell again.
"""

import math
import random
from collections.abc import Sequence

import numpy as np
import torch

from lmindexer.course.drawn import compared
from lmindexer.course.verdict import Untried, asked, open_exercise, right, tensor, wrong


def next_item_loss(function) -> None:
    """function(logits, path) -> -Σ_t log softmax(logits[t])[path[t]], eq. (14): one tensor [K_t] a token."""

    def case(draw: random.Random):
        sizes = [draw.randint(2, 6) for _ in range(draw.randint(2, 4))]
        return [torch.tensor([draw.gauss(0, 2) for _ in range(k)]) for k in sizes], [draw.randrange(k) for k in sizes]

    def terms(logits, path):
        return [-float(row.double().log_softmax(0)[code]) for row, code in zip(logits, path, strict=True)]

    slips = {
        "The sign: a loss is *minus* the log of a probability.": lambda *given: -sum(terms(*given)),
        "You take the mean over the tokens; eq. (14) is a sum.": lambda *given: np.mean(terms(*given)),
        "Only the first token counts in your loss.": lambda *given: terms(*given)[0],
        "Only the last token counts in your loss.": lambda *given: terms(*given)[-1],
        "You add probabilities; eq. (14) adds their logarithms.": lambda *given: sum(
            math.exp(-t) for t in terms(*given)
        ),
        "You add the scores themselves; a softmax makes probabilities of them first.": lambda logits, path: (
            -sum(float(row[code]) for row, code in zip(logits, path, strict=True))
        ),
    }
    if compared(function, case, lambda *given: sum(terms(*given)), slips, "loss of eq. (14)"):
        right("two tokens or four, the loss is the sum of -log P over them: eq. (14)")


def allowed_softmax(function) -> None:
    """function(scores [K], exists [K] bool) -> [K] probabilities, 0 for codes that do not exist under the prefix."""

    def case(draw: random.Random):
        size = draw.randint(3, 8)
        exists = [True] + [draw.random() < 0.5 for _ in range(size - 1)]
        exists[-1] = False
        draw.shuffle(exists)
        return torch.tensor([draw.gauss(0, 2) for _ in range(size)]), torch.tensor(exists)

    slips = {
        "The softmax runs over the whole codebook: codes that do not exist get probability too.": lambda s, e: (
            s.softmax(0)
        ),
        "You leave the others out only *after* the softmax: what is left does not sum to 1.": lambda s, e: (
            s.softmax(0) * e
        ),
        "A score of 0 is not nothing: exp(0) = 1. Codes that do not exist need the score -inf.": lambda s, e: (
            s * e
        ).softmax(0),
        "The answer is turned round: you keep the codes that do *not* exist.": lambda s, e: s.masked_fill(
            e, -torch.inf
        ).softmax(0),
    }

    def answer(scores, exists):
        return scores.double().masked_fill(~exists, -torch.inf).softmax(0)

    if compared(function, case, answer, slips, "softmax over codes that exist"):
        right("codes that exist share 1, the others get nothing")


def greedy_loses(answer) -> None:
    """answer = (P1 [A], P2 [A, B]): probabilities for which the best first code does not lead to the best path."""
    name = "case where greedy loses"
    try:
        if answer is ... or answer is None:
            raise Untried
        first, second = asked(lambda: tuple(answer))
        first, second = tensor(first, "first step"), tensor(second, "second step")
    except Untried:
        return open_exercise(name)
    if first.dim() != 1 or second.dim() != 2 or len(first) != len(second):
        wrong("Give P1 with one number a first code, and P2 with a row for each of them.")
    if (first < 0).any() or (second < 0).any():
        wrong("A probability is not negative.")
    if abs(float(first.sum()) - 1) > 1e-6 or ((second.sum(1) - 1).abs() > 1e-6).any():
        wrong("P1 must sum to 1, and so must each row of P2: each is a softmax's answer.")
    paths = first[:, None] * second
    if float(paths.max() - paths[first.argmax()].max()) <= 1e-9:
        wrong("Greedy wins here: under the best first code there is a path as good as any. Let its mass be split.")
    right("greedy takes the best first code and misses the best path; a beam of all first codes finds it")


def leave_one_out(function) -> None:
    """function(items) -> {"train": items, "validation": (history, answer), "test": (history, answer)}."""

    def case(draw: random.Random):
        return (draw.sample(range(100), draw.randint(3, 9)),)

    def split(items):
        return {"train": items[:-2], "validation": (items[:-2], items[-2]), "test": (items[:-1], items[-1])}

    def slip(train, validation, test):
        return lambda items: {"train": train(items), "validation": validation(items), "test": test(items)}

    true = [lambda items, key=key: split(items)[key] for key in ("train", "validation", "test")]
    slips = {
        "A leak: the test's answer stands in the test's history. Then the best rule is to repeat.": slip(
            true[0], true[1], lambda items: (items, items[-1])
        ),
        "A leak: you train on the validation's answer.": slip(lambda items: items[:-1], true[1], true[2]),
        "A leak: you train on the whole sequence, the test's answer included.": slip(
            lambda items: items, true[1], true[2]
        ),
        "The test's history ends too early: when the test is asked, the validation's answer is known.": slip(
            true[0], true[1], lambda items: (items[:-2], items[-1])
        ),
        "The *first* items are held out. The future is to be told from the past.": slip(
            lambda items: items[2:], lambda items: (items[2:], items[1]), lambda items: (items[1:], items[0])
        ),
    }
    if compared(function, case, split, slips, "split", like=_same_split):
        right("last item for the test, the one before for validation, the rest to learn from, and no leak")


def recall_and_ndcg(function) -> None:
    """function(ranking, right, k) -> (Recall@k, NDCG@k) for a query with one right item."""

    def case(draw: random.Random):
        ranking = draw.sample(range(50), draw.randint(6, 10))
        return ranking, draw.choice([*ranking[:5], draw.choice(ranking), 99]), draw.randint(1, 6)

    def both(base=2.0, first=1):
        def measured(ranking, answer, k):
            place = ranking[:k].index(answer) if answer in ranking[:k] else None
            return (0.0, 0.0) if place is None else (1.0, 1 / math.log(place + first + 1, base))

        return measured

    def uncut(ranking, answer, k):
        return both()(ranking, answer, len(ranking))

    slips = {
        "You look at the whole list. Only the first k places count.": uncut,
        "Rank 1 must be worth 1: the discount is 1 / log2(rank + 1), with ranks from 1.": both(first=2),
        "The logarithm is to the base e; then rank 1 is worth more than 1. Use base 2.": both(base=math.e),
        "This is 1 / rank (MRR's), not 1 / log2(rank + 1).": lambda ranking, answer, k: (
            (1.0, 1 / (ranking.index(answer) + 1)) if answer in ranking[:k] else (0.0, 0.0)
        ),
        "Recall is divided by k. Divide by the number of right items, which is 1.": lambda ranking, answer, k: (
            both()(ranking, answer, k)[0] / k,
            both()(ranking, answer, k)[1],
        ),
    }
    if compared(function, case, both(), slips, "Recall and NDCG"):
        right("Recall@k asks whether, NDCG@k how far up")


def _same_split(answer, expected) -> bool:
    if not isinstance(answer, dict) or set(answer) != set(expected):
        wrong('Give a dictionary with "train", "validation" and "test".')
    return asked(lambda: _plain_split(answer) == _plain_split(expected) and "same") == "same"


def _plain_split(split: dict) -> list:
    def items(some: Sequence[int]) -> list[int]:
        return [int(item) for item in some]

    parts = [(items(history), int(answer)) for history, answer in (split["validation"], split["test"])]
    return [items(split["train"]), *parts]
