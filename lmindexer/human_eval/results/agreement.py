"""How far annotators agree: percent, Cohen, Fleiss, Krippendorff's α, Gwet's AC1 and AC2, with intervals.

Every statistic is (observed − chance) / (1 − chance); they differ in what counts as chance. A table of ratings has one
row a unit (question) and one column an annotator; None or NaN is no answer. The intervals are BCa bootstrap intervals
over units: they speak about other questions, answered by these annotators.

On an ordinal scale a near miss counts in part: with Gwet's ordinal weights 1 − C(|k−l|+1, 2) / C(q, 2) for Cohen,
Fleiss and AC2, with Krippendorff's ordinal differences for α.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np
import pandas as pd

from lmindexer.common.errors import StudyError
from lmindexer.common.kinds import ANYTHING, COUNT, NUMBER, RATINGS, TEXT, several, takes
from lmindexer.human_eval.results.intervals import bca, left_out_weights, wilson

COLUMNS = ["statistic", "annotators", "value", "low", "high", "units", "ratings", "observed", "chance"]
_TINY = 1e-12
ANSWERS = several(ANYTHING, "a list of answers", "Give one answer a unit, None for none.")
LEAST = -1.0  # the lower end of the scale of every statistic here but percent
CALLED_FROM = 30  # questions: with fewer, an interval is wider than two of the steps that have a word


@dataclass(frozen=True, eq=False)
class RatingTable:
    """Ratings as codes.

    Attributes:
        codes: [U, R] int, place of the answer among the categories; −1 is no answer.
        categories: every possible answer, in order on an ordinal scale.
        scale: "nominal" or "ordinal".
    """

    codes: np.ndarray
    categories: tuple
    scale: str = "nominal"

    @classmethod
    def of(cls, ratings, categories: Sequence | None = None, scale: str = "nominal") -> "RatingTable":
        """Read a table [U, R] of numbers or words; without categories, those that occur, sorted.

        Raises:
            StudyError: for a table that is not two-dimensional, an answer that is no category, or another scale.
        """
        if scale not in ("nominal", "ordinal"):
            raise StudyError(f"The scale {scale!r} is not known; it is 'nominal' or 'ordinal'.")
        frame = pd.DataFrame(np.asarray(ratings, dtype=object))
        missing = frame.isna().to_numpy()
        values = frame.to_numpy(dtype=object)
        if np.ndim(ratings) != 2:
            raise StudyError("Ratings need two dimensions: one row a question, one column an annotator.")
        given = sorted(set(values[~missing].tolist())) if categories is None else list(categories)
        place = {value: number for number, value in enumerate(given)}
        unknown = next((value for value in values[~missing] if value not in place), None)
        if unknown is not None:
            raise StudyError(f"The answer {unknown!r} is none of the categories {', '.join(map(str, given))}.")
        codes = np.full(values.shape, -1)
        codes[~missing] = [place[value] for value in values[~missing]]
        return cls(codes, tuple(given), scale)

    @cached_property
    def counts(self) -> np.ndarray:
        """[U, q]: how many annotators gave each answer."""
        return (self.codes[:, :, None] == np.arange(len(self.categories))).sum(1).astype(float)

    @cached_property
    def weights(self) -> np.ndarray:
        """[q, q]: what a pair of answers counts as agreement."""
        q = len(self.categories)
        if self.scale == "nominal":
            return np.eye(q)
        apart = np.abs(np.subtract.outer(np.arange(q), np.arange(q)))
        return 1 - apart * (apart + 1) / max(q * (q - 1), 1)

    def all_units(self) -> np.ndarray:
        """Weights [1, U] of the whole sample."""
        return np.ones((1, len(self.codes)))


def _safe(top, bottom):
    """top / bottom, NaN where bottom is 0."""
    top, bottom = np.asarray(top, float), np.asarray(bottom, float)
    return np.divide(top, bottom, out=np.full(np.broadcast_shapes(top.shape, bottom.shape), np.nan),
                     where=np.abs(bottom) > _TINY)  # fmt: skip


def _observed(table: RatingTable, sample: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Mean over units with two ratings or more of the agreement among their pairs of ratings; sample [B, U] -> [B]."""
    counts, each = table.counts, table.counts.sum(1)
    pairs = each * (each - 1)
    agreeing = np.einsum("uk,kl,ul->u", counts, weights, counts) - each
    share = np.divide(agreeing, pairs, out=np.zeros(len(pairs)), where=pairs > 0)
    rated = (each >= 2).astype(float)
    return _safe(sample @ (share * rated), sample @ rated)


def _shares(table: RatingTable, sample: np.ndarray) -> np.ndarray:
    """π [B, q]: how often each answer is given, units with ratings weighing alike."""
    each = table.counts.sum(1)
    by_unit = table.counts / np.maximum(each, 1)[:, None]
    return _safe(sample @ by_unit, (sample @ (each > 0).astype(float))[:, None])


# Each of these gives (observed, chance), [B] each, for weights of units [B, U].


def _percent(table, sample):
    observed = _observed(table, sample, np.eye(len(table.categories)))
    return observed, np.zeros_like(observed)


def _fleiss(table, sample):
    shares = _shares(table, sample)
    return _observed(table, sample, table.weights), np.einsum("bk,kl,bl->b", shares, table.weights, shares)


def _gwet(table, sample):
    q, shares = len(table.categories), _shares(table, sample)
    chance = table.weights.sum() / max(q * (q - 1), 1) * np.sum(shares * (1 - shares), axis=1)
    return _observed(table, sample, table.weights), chance


def _cohen(table, sample):
    first, second = table.codes.T
    both = (first >= 0) & (second >= 0)
    q = len(table.categories)
    cells = np.zeros((len(first), q * q))
    cells[both, first[both] * q + second[both]] = 1
    joint = _safe((sample @ cells), (sample @ both.astype(float))[:, None]).reshape(-1, q, q)
    chance = np.einsum("bk,kl,bl->b", joint.sum(2), table.weights, joint.sum(1))
    return np.einsum("bkl,kl->b", joint, table.weights), chance


def _krippendorff(table, sample):
    counts, each = table.counts, table.counts.sum(1)
    pairable = each >= 2
    scaled = np.where(pairable, 1 / np.maximum(each - 1, 1), 0.0)
    q = counts.shape[1]
    per_unit = (counts[:, :, None] * counts[:, None, :] - counts[:, :, None] * np.eye(q)) * scaled[:, None, None]
    coincidences = (sample @ per_unit.reshape(len(counts), -1)).reshape(-1, q, q)
    totals = coincidences.sum(2)  # n_k of the pairable ratings
    values = totals.sum(1)
    if table.scale == "nominal":
        apart = np.broadcast_to(1 - np.eye(q), coincidences.shape)
    else:
        upto = np.cumsum(totals, axis=1) - totals / 2  # half of one's own: differences give Σ n_g − (n_k + n_l) / 2
        apart = (upto[:, :, None] - upto[:, None, :]) ** 2
    farthest = np.maximum(apart.max(axis=(1, 2)), _TINY)  # only to write both as shares of agreement
    found = _safe(np.einsum("bkl,bkl->b", coincidences, apart), values * farthest)
    expected = _safe(np.einsum("bk,bkl,bl->b", totals, apart, totals), values * (values - 1) * farthest)
    return 1 - found, 1 - expected


def _value(observed, chance):
    return _safe(observed - chance, 1 - chance)


def _whole(method, table: RatingTable) -> float:
    return float(_value(*method(table, table.all_units()))[0])


@takes(ratings=RATINGS)
def percent_agreement(ratings, categories=None) -> float:
    """Mean over units of the share of pairs of their ratings that are equal; units with one rating say nothing.

    >>> percent_agreement([["a", "a", "b"], ["b", "b", None], ["a", None, None]])
    0.6666666666666666
    """
    return _whole(_percent, RatingTable.of(ratings, categories))


@takes(first=ANSWERS, second=ANSWERS, scale=TEXT)
def cohen_kappa(first, second, categories=None, scale: str = "nominal") -> float:
    """Cohen's κ of two annotators, over units that both rated; weighted on an ordinal scale.

    Chance is Σ_kl w_kl p_k q_l with each annotator's own shares (Cohen 1960; 1968 for the weights).

    Returns:
        κ; NaN where chance agreement is 1 (both always give the same answer) or no unit has both ratings.

    >>> cohen_kappa([1, 1, 2, 2], [1, 1, 2, 1])
    0.5
    """
    ratings = np.empty((len(first), 2), dtype=object)
    ratings[:, 0], ratings[:, 1] = list(first), list(second)
    return _whole(_cohen, RatingTable.of(ratings, categories, scale))


@takes(ratings=RATINGS, scale=TEXT)
def fleiss_kappa(ratings, categories=None, scale: str = "nominal") -> float:
    """Fleiss' κ for any number of annotators and of ratings a unit (Fleiss 1971; Gwet 2014 for missing ratings).

    Chance is Σ_kl w_kl π_k π_l, with π the shares of the answers over all annotators.
    """
    return _whole(_fleiss, RatingTable.of(ratings, categories, scale))


@takes(ratings=RATINGS, scale=TEXT)
def krippendorff_alpha(ratings, categories=None, scale: str = "nominal") -> float:
    """Krippendorff's α = 1 − D_o / D_e from the matrix of coincidences (Krippendorff 2011, Computing α-reliability).

    >>> krippendorff_alpha([[1, 1], [2, 2], [1, 2], [2, 2]])
    0.5333333333333333
    """
    return _whole(_krippendorff, RatingTable.of(ratings, categories, scale))


@takes(ratings=RATINGS, scale=TEXT)
def gwet_ac(ratings, categories=None, scale: str = "nominal") -> float:
    """Gwet's AC1 (nominal) or AC2 (ordinal): chance is Σ_kl w_kl Σ_k π_k (1 − π_k) / (q (q − 1)) (Gwet 2008).

    It stays steady where one answer is far more frequent than the others. Give every possible category, also those
    that nobody chose: q counts them.
    """
    return _whole(_gwet, RatingTable.of(ratings, categories, scale))


def _interval(method, table: RatingTable, sample: np.ndarray, level: float):
    observed, chance = (float(part[0]) for part in method(table, table.all_units()))
    value = float(_value(observed, chance))
    resampled = _value(*method(table, sample))
    if observed > 1 - _TINY and np.isfinite(value):
        # Every unit agrees, and so does every bootstrap sample: Wilson's bound of the observed share instead, which
        # for few units, and one answer far more frequent than the others, would lie far below the scale.
        units = (table.counts.sum(1) >= 2).sum()
        low, _ = wilson(units, units, level)
        return observed, chance, value, max(float(_value(low, chance)), LEAST), 1.0
    left_out = _value(*method(table, left_out_weights(len(table.codes))))
    low, high = np.clip(bca(value, resampled, left_out, level), LEAST, 1.0)
    return observed, chance, value, float(low), float(high)


@takes(ratings=RATINGS, scale=TEXT, level=NUMBER, resamples=COUNT, seed=COUNT)
def agreement_table(
    ratings,
    categories: Sequence | None = None,
    scale: str = "nominal",
    annotators: Sequence[str] | None = None,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> pd.DataFrame:
    """Every statistic of a table of ratings with its interval.

    Args:
        ratings: [U, R], one row a unit, one column an annotator; None or NaN is no answer.
        categories: every possible answer, in order on an ordinal scale; those that occur when left out.
        scale: "nominal" or "ordinal"; ordinal adds the ordinal α and AC2 to the nominal statistics.
        annotators: names of the columns.
        resamples: bootstrap samples of units.

    Returns:
        One row a statistic: statistic, annotators ("all", or "A & B" for Cohen), value, low, high, units (with two
        ratings or more), ratings (on those), observed, chance. NaN where there is nothing to compute from.

    >>> table = agreement_table([["a", "a"], ["b", "b"], ["a", "b"], ["b", "b"]], resamples=200)
    >>> print(*table.loc[0, ["statistic", "value", "units", "ratings"]])
    percent 0.75 4 8
    """
    scaled = RatingTable.of(ratings, categories, scale)
    nominal = RatingTable(scaled.codes, scaled.categories)
    names = [str(name) for name in annotators or range(1, nominal.codes.shape[1] + 1)]
    wanted = [("percent", _percent, nominal), ("Fleiss κ", _fleiss, scaled),
              ("Krippendorff α (nominal)", _krippendorff, nominal), ("Gwet AC1", _gwet, nominal)]  # fmt: skip
    if scale == "ordinal":
        wanted += [("Krippendorff α (ordinal)", _krippendorff, scaled), ("Gwet AC2", _gwet, scaled)]
    rng = np.random.default_rng([seed, 5])
    rows = [_row(name, "all", method, table, rng, level, resamples) for name, method, table in wanted]
    for a, b in combinations(range(len(names)), 2):
        pair = RatingTable(nominal.codes[:, [a, b]], nominal.categories, scale)
        if ((pair.codes >= 0).all(1)).any():
            rows.append(_row("Cohen κ", f"{names[a]} & {names[b]}", _cohen, pair, rng, level, resamples))
    return pd.DataFrame(rows, columns=COLUMNS)


def _row(name, who, method, table: RatingTable, rng, level, resamples) -> dict:
    each = table.counts.sum(1)
    # Units with one rating enter the shares of answers in Fleiss and Gwet; units without any enter nothing.
    table = RatingTable(table.codes[each >= 1], table.categories, table.scale)
    each = each[each >= 1]
    units, ratings = (each >= 2).sum(), each[each >= 2].sum()
    found = {"statistic": name, "annotators": who, "units": int(units), "ratings": int(ratings)}
    if not found["units"]:
        return {**found, **dict.fromkeys(("value", "low", "high", "observed", "chance"), float("nan"))}
    sample = rng.multinomial(len(each), np.full(len(each), 1 / len(each)), size=resamples).astype(float)
    observed, chance, value, low, high = _interval(method, table, sample, level)
    return {**found, "value": value, "low": low, "high": high, "observed": observed, "chance": chance}


def describe(value: float, units: int | None = None) -> str:
    """What a chance-corrected value is often called (Landis and Koch 1977); a convention, no test.

    Args:
        units: how many questions it stands on (None: enough). There is no word for fewer than 30 (`CALLED_FROM`).

    >>> describe(0.7, 80), describe(0.7, 12), describe(float("nan"), 80)
    ('substantial', 'too few questions for a word', 'not defined')
    """
    if not np.isfinite(value):
        return "not defined"
    if units is not None and units < CALLED_FROM:
        return "too few questions for a word"
    steps = ((0.0, "worse than chance"), (0.2, "slight"), (0.4, "fair"), (0.6, "moderate"), (0.8, "substantial"))
    return next((word for bound, word in steps if value < bound), "almost perfect")
