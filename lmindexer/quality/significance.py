"""Is one method's agreement with the categories better than another's, or could it be these documents?

Everything here is paired: both methods are judged on the same documents, drawn or swapped together.

    bootstrap     documents drawn with replacement, the same for every method; AMI is worked out anew on each draw
    permutation   each document's contributions to the two AMIs change sides by the toss of a coin
    Holm          p-values of several comparisons, so that the chance of any false one stays below the level

What they do not cover: another training seed. Give the codes of several seeds, and the mean over them is judged.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import scipy

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.grouping import group_rows
from lmindexer.quality.categories import entropy, expected_terms, mutual_information, score

CHUNK = 4_000_000  # coin tosses held at once


@dataclass(frozen=True)
class Comparison:
    """Method `first` against method `second` on the same documents (or queries).

    Attributes:
        difference: score of first - score of second (means over seeds); the AMI, in this file.
        low, high: percentile interval of the difference over bootstrap draws, centred at the difference.
        p: two-sided p-value of the permutation test.
        p_holm: the same after Holm's correction for all comparisons made together.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float


class ExpectedMI:
    """E[MI] of partitions of N documents, remembering the part of each pair of group sizes.

    E[MI] is a sum over pairs (size of a class, size of a group) of a term that depends on the two sizes and N only,
    and bootstrap draws meet the same sizes again and again: after some draws hardly anything is left to work out.

    >>> round(ExpectedMI(4)(np.array([2, 2]), np.array([2, 2])), 4)  # ln 2 / 3
    0.231
    """

    def __init__(self, documents: int):
        self.log_factorial = scipy.special.gammaln(np.arange(documents + 1) + 1.0)
        self.terms: dict[int, dict[int, float]] = {}  # size of a class → {size of a group: term}

    def __call__(self, sizes_true: np.ndarray, sizes_pred: np.ndarray) -> float:
        """Expected mutual information (nats) for group sizes ≥ 1, each summing to N."""
        sizes_b, times_b = np.unique(sizes_pred, return_counts=True)
        keys = sizes_b.tolist()
        total = 0.0
        for a, times_a in zip(*np.unique(sizes_true, return_counts=True), strict=True):
            known = self.terms.setdefault(int(a), {})
            missing = [b for b in keys if b not in known]
            if missing:
                known.update(zip(missing, expected_terms(int(a), np.array(missing), self.log_factorial), strict=True))
            total += times_a * float(times_b @ np.array([known[b] for b in keys]))
        return float(total)


class AgreementDraws:
    """AMI of many groupings with one set of classes, on the documents as they are and on draws of them.

    Documents whose class is "" are left out before anything is drawn.

    >>> draws = AgreementDraws(["a", "a", "b", "b", ""])
    >>> draws.ami([0, 0, 1, 1, 7])
    1.0
    """

    def __init__(self, labels):
        labels = np.asarray(labels)
        self.kept = np.flatnonzero(labels != "")
        if not len(self.kept):
            raise LMIndexerError("No document has a category, so there is nothing to compare; give labelled documents.")
        self.true = np.unique(labels[self.kept].astype(str), return_inverse=True)[1]
        self.expected = ExpectedMI(len(self.kept))

    def groups(self, codes) -> np.ndarray:
        """Group numbers 0, 1, … of the documents that have a class."""
        codes = np.asarray(codes)
        if codes.ndim != 1 or (len(self.kept) and len(codes) <= self.kept[-1]):
            raise LMIndexerError(f"Codes of shape {list(codes.shape)} do not fit the labels; give one a document.")
        return np.unique(codes[self.kept], return_inverse=True)[1]

    def ami(self, codes, weights: np.ndarray | None = None) -> float:
        """AMI on all documents, or with document i taken weights[i] times (whole numbers that sum to N)."""
        return self._ami(*self._cells(self.groups(codes)), weights)

    def _cells(self, pred: np.ndarray):
        cells = group_rows(np.column_stack([pred, self.true]))
        return cells.rows, cells.index

    def _ami(self, rows: np.ndarray, index: np.ndarray, weights) -> float:
        counts = np.bincount(index, weights, len(rows)).astype(np.int64)
        pred, true = (np.bincount(rows[:, j], counts).astype(np.int64) for j in (0, 1))
        there = counts > 0
        shared = mutual_information(rows[there], counts[there], true, pred)
        pred, true = pred[pred > 0], true[true > 0]
        mean, chance = (entropy(true) + entropy(pred)) / 2, self.expected(true, pred)
        return float(score(shared - chance, mean - chance))

    def draw(self, codes: Sequence, weights: np.ndarray) -> np.ndarray:
        """Mean AMI over the groupings in `codes` (seeds of a method) on each draw: weights [B, N] → [B]."""
        cells = [self._cells(self.groups(one)) for one in codes]
        return np.array([np.mean([self._ami(*cell, w) for cell in cells]) for w in weights])

    def contributions(self, codes) -> np.ndarray:
        """s_i of each document that has a class, so that their mean is the AMI exactly.

        s_i = (ln (n_ck N / (n_c n_k)) - E[MI]) / (mean(H) - E[MI]), with document i in class c and group k: the
        pointwise mutual information of its class and its group, on the scale of the AMI.
        """
        pred, true, documents = self.groups(codes), self.true, len(self.true)
        cells = group_rows(np.column_stack([pred, true]))
        sizes_pred, sizes_true = np.bincount(pred), np.bincount(true)
        pointwise = np.log(cells.counts[cells.index] * documents / (sizes_pred[pred] * sizes_true[true]))
        mean = (entropy(sizes_true) + entropy(sizes_pred)) / 2
        chance = self.expected(sizes_true, sizes_pred)
        whole = mean - chance
        return (pointwise - chance) / whole if whole > 1e-9 else np.ones(documents)


def draw_weights(documents: int, draws: int, seed: int = 0) -> np.ndarray:
    """How often each document is in each bootstrap draw: [B, N] whole numbers, every row summing to N."""
    generator = np.random.default_rng(seed)
    chosen = generator.integers(0, documents, (draws, documents))
    return np.stack([np.bincount(row, minlength=documents) for row in chosen])


def sign_flip_test(differences, flips: int = 10_000, seed: int = 0) -> float:
    """Two-sided p-value of paired differences [N] with mean 0 under H0: each sign as likely as its opposite.

    p = (1 + #{|mean of flipped| ≥ |mean|}) / (1 + flips); all 2^n flips, without the 1, where they are no more than
    `flips` (Fisher's exact test). n counts the differences that are not 0: turning a 0 round changes nothing.

    >>> sign_flip_test([1.0, 2.0, 3.0])  # of 8 flips only + + + and - - - reach |mean| = 2
    0.25
    >>> sign_flip_test([0.7] * 6 + [0.0] * 94)  # 2 of 64
    0.03125
    """
    d = np.asarray(differences, dtype=float)
    d = d[d != 0]
    if not len(d):
        return 1.0
    observed = abs(d.sum()) - 1e-9 * np.abs(d).sum()  # rounding must not tell equal sums apart
    if 2 ** min(len(d), 60) <= flips:
        signs = 1.0 - 2.0 * ((np.arange(2 ** len(d))[:, None] >> np.arange(len(d))) & 1)
        return float(np.mean(np.abs(signs @ d) >= observed))
    generator, reached, left = np.random.default_rng(seed), 0, flips
    while left:
        rows = min(left, max(1, CHUNK // len(d)))
        tossed = generator.integers(0, 2, (rows, len(d)), dtype=np.int8).astype(float)
        sums = d.sum() - 2.0 * (tossed @ d)
        reached += int(np.sum(np.abs(sums) >= observed))
        left -= rows
    return (1 + reached) / (1 + flips)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's step-down correction (1979): the i-th smallest of m times (m - i + 1), never falling, at most 1.

    NaN, which stands for a comparison that could not be made, stays NaN and is not counted.

    >>> [round(p, 3) for p in holm([0.01, 0.04, 0.03, float("nan")])]
    [0.03, 0.06, 0.06, nan]
    """
    p = np.asarray(p_values, dtype=float)
    known = np.flatnonzero(np.isfinite(p))
    order = known[np.argsort(p[known], kind="stable")]
    raised = np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1))
    corrected = np.full(len(p), np.nan)
    corrected[order] = np.minimum(raised, 1.0)
    return corrected.tolist()


def compare_methods(
    labels,
    codes: Mapping[str, Sequence],
    against: str,
    *,
    draws: int = 500,
    flips: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Comparison]:
    """Method `against` compared with each other method, by AMI with the classes.

    Args:
        labels: [N] classes, "" for none.
        codes: {method: [codes [N] of each seed]}.
        against: the method that every other one is compared with.
        draws, flips: of the bootstrap and of the permutation test.
        level: of the interval.

    The bootstrap draws of all methods are the same, so that a difference is never one of draws. A draw holds
    documents twice, which raises AMIs, the low ones more; so the draws are centred at the difference found.

    >>> found = compare_methods(["a", "a", "b", "b"] * 5, {"x": [[0, 0, 1, 1] * 5], "y": [[0, 1, 0, 1] * 5]}, "x")
    >>> found[0].second, found[0].low > 0, found[0].p < 0.01
    ('y', True, True)
    """
    if against not in codes:
        raise LMIndexerError(f"There are no codes of {against!r}; give one of {', '.join(codes)}.")
    sample = AgreementDraws(labels)
    weights = draw_weights(len(sample.kept), draws, seed)
    drawn = {name: sample.draw(seeds, weights) for name, seeds in codes.items()}
    parts = {name: np.mean([sample.contributions(one) for one in seeds], axis=0) for name, seeds in codes.items()}
    others = [name for name in codes if name != against]
    p_values = [sign_flip_test(parts[against] - parts[name], flips, seed) for name in others]
    tail = (1 - level) / 2
    found = []
    for name, p, corrected in zip(others, p_values, holm(p_values), strict=True):
        difference = float(parts[against].mean() - parts[name].mean())
        draws_of_it = drawn[against] - drawn[name]
        low, high = np.quantile(draws_of_it, [tail, 1 - tail]) + difference - draws_of_it.mean()
        found.append(Comparison(against, name, difference, float(low), float(high), p, corrected))
    return found
