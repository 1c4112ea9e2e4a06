"""Is one method's agreement with the categories better than another's, or could it be these documents?

Everything here is paired: both methods are judged on the same documents, which are left out one at a time.

    jackknife     AMI is worked out anew without each document; what the differences of two AMIs spread says how far
                  the difference itself would move with other documents
    Student's t   interval and p-value from that standard error
    Holm          p-values of several comparisons, so that the chance of any false one stays below the level
    sign flips    an exact test for paired differences of independent things, such as A/B questions; not for AMIs

Why no bootstrap: a draw holds documents twice, and twice the same document always agrees with itself. Where classes
and codes are many for the documents, draws spread by a third less than other documents would (docs/results/
significance.md measures it, with seven other procedures). What none of this covers: another training seed. Give the
codes of several seeds, and the mean over them is judged.
"""

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import scipy

from lmindexer.common.errors import LMIndexerError
from lmindexer.common.kinds import ANYTHING, MAPPING, NUMBER, several, takes
from lmindexer.ids.grouping import group_rows
from lmindexer.quality.categories import category_agreement, expected_terms

CHUNK = 4_000_000  # coin tosses held at once
NOTHING = 1e-9  # a share of information below which there is nothing to share


@dataclass(frozen=True)
class Comparison:
    """Method `first` against method `second` on the same documents.

    Attributes:
        difference: AMI of first - AMI of second (means over the seeds that both have).
        low, high: interval of the difference, Student's with the jackknife's standard error.
        p: two-sided p-value of "no difference", from the same.
        p_holm: the same after Holm's correction for all comparisons made together.
        error: the jackknife's standard error.
        seeds: how many seeds both have.
        same: other methods that put the documents into the very groups of `second`, compared and counted once.
    """

    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    p_holm: float
    error: float
    seeds: int
    same: tuple[str, ...] = ()


class AgreementSample:
    """AMI of groupings with one set of classes, on the documents as they are and without each of them.

    Documents whose class is "" are left out before anything else.

    >>> sample = AgreementSample(["a", "a", "b", "b", ""])
    >>> sample.ami([0, 0, 1, 1, 7]), sample.left_out([0, 0, 1, 1, 7]).tolist()
    (1.0, [1.0, 1.0, 1.0, 1.0])
    """

    def __init__(self, labels):
        labels = np.asarray(labels)
        self.kept = np.flatnonzero(labels != "")
        if not len(self.kept):
            raise LMIndexerError("No document has a category, so there is nothing to compare; give labelled documents.")
        self.true = np.unique(labels[self.kept].astype(str), return_inverse=True)[1]

    def groups(self, codes) -> np.ndarray:
        """Group numbers of the documents that have a class: 0, 1, … in the order in which groups are met, so that
        two groupings which differ in names only are equal."""
        codes = np.asarray(codes)
        if codes.ndim != 1 or (len(self.kept) and len(codes) <= self.kept[-1]):
            raise LMIndexerError(f"Codes of shape {list(codes.shape)} do not fit the labels; give one a document.")
        _, first, index = np.unique(codes[self.kept], return_index=True, return_inverse=True)
        return np.argsort(np.argsort(first))[index]

    def ami(self, codes) -> float:
        """AMI of the documents that have a class."""
        return float(self.judged(self.groups(codes))[0])

    def left_out(self, codes) -> np.ndarray:
        """[n] AMI of the documents that have a class without each one of them, exactly (`ami_left_out`)."""
        return self.judged(self.groups(codes))[1:]

    def judged(self, groups: np.ndarray) -> np.ndarray:
        """[1 + n] AMI, and AMI without each document, of what `groups` gave."""
        return np.append(category_agreement(self.true.astype(str), groups).ami, ami_left_out(self.true, groups))


def ami_left_out(true: np.ndarray, pred: np.ndarray) -> np.ndarray:
    """[n] AMI of two groupings (numbers from 0 on, none of them empty) without each of the n documents, exactly.

    With n_ck documents in class c and group k, and a = n_c, b = n_k: taking one away changes one term each of
    Σ n_ck ln n_ck, Σ a ln a and Σ b ln b, and in E[MI] = Σ_c Σ_k f(a, b) one row and one column (f of n - 1
    documents, `categories.expected_terms`). So all n values cost about as much as a few.
    """
    rest = len(true) - 1
    if not rest:
        return np.ones(1)
    cells = group_rows(np.column_stack([pred, true]))
    sizes_pred, sizes_true = np.bincount(pred), np.bincount(true)
    b, a = sizes_pred[cells.rows[:, 0]], sizes_true[cells.rows[:, 1]]
    joint, by_class, by_group = (
        (np.sum(_n_ln_n(every)) - _n_ln_n(own) + _n_ln_n(own - 1)) / rest
        for every, own in ((cells.counts, cells.counts), (sizes_true, a), (sizes_pred, b))
    )
    shared = joint - by_class - by_group + np.log(rest)
    mean = np.log(rest) - (by_class + by_group) / 2
    whole = mean - (chance := _chance_left_out(sizes_true, sizes_pred, a, b))
    there = whole > NOTHING
    ami = np.where(there, (shared - chance) / np.where(there, whole, 1.0), 1.0)
    return ami[cells.index]


def _n_ln_n(n: np.ndarray) -> np.ndarray:
    return scipy.special.xlogy(n, n)


def _chance_left_out(sizes_true, sizes_pred, a, b) -> np.ndarray:
    """E[MI] of n - 1 documents, for each cell (class of a documents, group of b) that one document is taken from."""
    log_factorial = scipy.special.gammaln(np.arange(sizes_true.sum()) + 1.0)
    rows, columns = (np.union1d(sizes, sizes - 1) for sizes in (sizes_true, sizes_pred))
    # f(a, b); 0 for a size of 0, and for one of n, which is always the one taken from and so never counts
    table, there = np.zeros((len(rows), len(columns))), (columns > 0) & (columns < len(log_factorial))
    for place, size in enumerate(rows):
        if 0 < size < len(log_factorial):
            table[place, there] = expected_terms(int(size), columns[there], log_factorial)
    times_a, times_b = (
        np.bincount(np.searchsorted(of, sizes), minlength=len(of))
        for of, sizes in ((rows, sizes_true), (columns, sizes_pred))
    )
    of_row, of_column = table @ times_b, times_a @ table
    i, i1, j, j1 = (np.searchsorted(of, n) for of, n in ((rows, a), (rows, a - 1), (columns, b), (columns, b - 1)))
    others = times_a @ of_row - of_row[i] - of_column[j] + table[i, j]
    return others + (of_row[i1] - table[i1, j]) + (of_column[j1] - table[i, j1]) + table[i1, j1]


def jackknife_error(left_out) -> float:
    """Standard error of a statistic from its n values without one document each: √((n-1)/n Σ (θ_(i) - mean θ_(.))²).

    On average its square is at least the variance of the statistic of n - 1 documents, whatever the statistic
    (Efron and Stein 1981, Annals of Statistics 9:586-596), so the tests that stand on it err to the careful side.

    >>> round(jackknife_error([2.5, 2.0, 1.5]), 6)  # of the mean of 1, 2, 3: s / √3
    0.57735
    """
    values = np.asarray(left_out, dtype=float)
    return float(np.sqrt((len(values) - 1) / len(values) * np.sum((values - values.mean()) ** 2)))


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


LABELS = several(ANYTHING, "a list of classes", 'Give one a document, "" for none, as corpus.labels() has them.')


@takes(labels=LABELS, codes=MAPPING, level=NUMBER)
def compare_methods(
    labels,
    codes: Mapping[str, Sequence | Mapping[Hashable, Sequence]],
    against: str,
    *,
    level: float = 0.95,
) -> list[Comparison]:
    """Method `against` compared with each other method, by AMI with the classes.

    Args:
        labels: [N] classes, "" for none.
        codes: {method: {seed: codes [N]}}: two methods are compared over the seeds that both have, and one that shares
            no seed with `against` is left out; or {method: [codes [N], …]}: without the names of seeds, means over all
            that are given are compared.
        against: the method that every other one is compared with.
        level: of the interval.

    Methods with the very same groups (other names of one clustering) are one comparison: `Comparison.same`.

    >>> found = compare_methods(["a", "a", "b", "b"] * 5, {"x": [[0, 0, 1, 1] * 5], "y": [[0, 1, 0, 1] * 5]}, "x")
    >>> found[0].second, found[0].low > 0, found[0].p < 0.01
    ('y', True, True)
    """
    if against not in codes:
        raise LMIndexerError(f"There are no codes of {against!r}; give one of {', '.join(codes)}.")
    sample = AgreementSample(labels)
    grouped = {name: _by_seed(sample, given) for name, given in codes.items()}
    pairs: dict[tuple, list[str]] = {}  # groups of both, seed by seed → the methods that these are
    for name in codes:
        pair = _over_shared_seeds(grouped[against], grouped[name])
        if name != against and pair[1]:
            pairs.setdefault(pair, []).append(name)
    judged = {
        groups: sample.judged(np.frombuffer(groups, np.intp))
        for groups in {groups for pair in pairs for side in pair for groups in side}
    }
    found = []
    for pair, (second, *same) in pairs.items():
        ours, theirs = (np.mean([judged[groups] for groups in side], axis=0) for side in pair)
        difference = float(ours[0] - theirs[0])
        error = jackknife_error(ours[1:] - theirs[1:])
        low, high, p = _student(difference, error, len(sample.kept), level)
        found.append(Comparison(against, second, difference, low, high, p, p, error, len(pair[1]), tuple(same)))
    corrected = holm([one.p for one in found])
    return [replace(one, p_holm=p) for one, p in zip(found, corrected, strict=True)]


def _by_seed(sample: AgreementSample, given) -> dict[Hashable, bytes] | tuple[bytes, ...]:
    """The groups as bytes, which are equal where the groups are; by seed where seeds have names."""
    if isinstance(given, Mapping):
        return {seed: sample.groups(one).tobytes() for seed, one in given.items()}
    return tuple(sample.groups(one).tobytes() for one in given)


def _over_shared_seeds(ours, theirs) -> tuple[tuple, tuple]:
    """The groups of two methods: of the seeds that both have where both name their seeds, else all of each."""
    if isinstance(ours, Mapping) and isinstance(theirs, Mapping):
        both = [seed for seed in ours if seed in theirs]
        return tuple(ours[seed] for seed in both), tuple(theirs[seed] for seed in both)
    return tuple(tuple(one.values()) if isinstance(one, Mapping) else one for one in (ours, theirs))


def _student(difference: float, error: float, documents: int, level: float) -> tuple[float, float, float]:
    """Interval and two-sided p of Student's t with n - 1 degrees of freedom.

    Where leaving any document out changes nothing the error is 0: p is then 1 without a difference, and 2 / 2^n with
    one, the least p that any test of n signs can give.
    """
    if documents < 2:
        return float("nan"), float("nan"), 1.0
    half = float(scipy.special.stdtrit(documents - 1, 0.5 + level / 2)) * error
    least = 2.0 ** (1 - min(documents, 1000))
    if abs(difference) < NOTHING:
        return difference - half, difference + half, 1.0
    p = 2 * float(scipy.special.stdtr(documents - 1, -abs(difference) / error)) if error > 0 else 0.0
    return difference - half, difference + half, max(p, least)
