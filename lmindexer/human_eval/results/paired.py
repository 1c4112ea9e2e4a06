"""Is one method better? A permutation test and bootstrap intervals that respect annotators and questions.

Answers are not independent: several annotators answer one question, and each annotator answers many. So the questions
are what is permuted and resampled, with all their answers. Questions are matched by design: each method has as many
in every cell (type, stratum of size, near or far distractor), and labels are exchanged inside a cell only.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
import scipy

from lmindexer.human_eval.results.intervals import bca, left_out_weights
from lmindexer.quality.significance import holm, sign_flip_test

COLUMNS = [
    "type", "method_a", "method_b", "value_a", "value_b", "difference", "low", "high", "low_wide", "high_wide",
    "p", "p_holm", "p_wide", "questions", "answers", "annotators", "in_favour_of_a",
]  # fmt: skip
PERMUTATIONS, RESAMPLES = 4999, 2000


@dataclass(frozen=True, eq=False)
class Judged:
    """Answers about two methods as arrays, one entry an answer.

    Attributes:
        values: [n] what is averaged: 1 for right, 0 for wrong; a rating; 1 for yes.
        annotator, question: [n] int, who answered what.
        of_a: [Q] bool, whether a question is about the first method.
        cell: [Q] int, which questions are matched.
    """

    values: np.ndarray
    annotator: np.ndarray
    question: np.ndarray
    of_a: np.ndarray
    cell: np.ndarray

    @classmethod
    def of(cls, answers: pd.DataFrame, method_a: str) -> "Judged":
        """Read rows with annotator, question_id, method, value, type, stratum, distractor."""
        question, names = pd.factorize(answers["question_id"])
        first = answers.drop_duplicates("question_id").set_index("question_id").loc[names]
        cell = first[["type", "stratum", "distractor"]].astype(str).agg("\x1f".join, axis=1)
        return cls(
            answers["value"].to_numpy(float),
            pd.factorize(answers["annotator"])[0],
            question,
            (first["method"] == method_a).to_numpy(),
            pd.factorize(cell)[0],
        )

    def centred(self) -> np.ndarray:
        """Values less the mean of their annotator over both methods, which takes out how lenient each one is."""
        count = np.bincount(self.annotator)
        return self.values - (np.bincount(self.annotator, weights=self.values) / count)[self.annotator]

    def by_question(self, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sum and number of the answers to each question, [Q] each."""
        size = len(self.of_a)
        return np.bincount(self.question, weights=values, minlength=size), np.bincount(self.question, minlength=size)


@dataclass(frozen=True)
class Crossed:
    """An interval and p-value that speak about other annotators as well as other questions."""

    low: float
    high: float
    p: float

    def within(self, low: float, high: float) -> "Crossed":
        """The same with an interval that does not leave its scale; NaN stays NaN."""
        return Crossed(*np.clip([self.low, self.high], low, high).tolist(), self.p)


def _difference(weight_a, weight_b, sums, counts) -> np.ndarray:
    """Weighted means of the answers, first method less second; weights [B, Q]."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return (weight_a @ sums) / (weight_a @ counts) - (weight_b @ sums) / (weight_b @ counts)


def permutation_p(judged: Judged, permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """p of "the label of the method does not matter", two-sided.

    The method labels of matched questions are exchanged at random, a question's answers staying together; the
    statistic is the difference of the means of annotator-centred answers. Exact, whatever the answers' distribution:
    p = (1 + #{|difference| ≥ observed}) / (1 + permutations). It speaks about these annotators.

    Returns:
        p; 1.0 where no cell has questions of both methods, for then nothing can be exchanged.
    """
    rng = np.random.default_rng([seed, 11])
    sums, counts = judged.by_question(judged.centred())
    labels = np.tile(judged.of_a, (permutations, 1))
    for cell in np.unique(judged.cell):
        places = np.flatnonzero(judged.cell == cell)
        of_a = judged.of_a[places]
        if 0 < of_a.sum() < len(places):
            order = np.argsort(rng.random((permutations, len(places))), axis=1)
            labels[:, places] = of_a[order]
    observed = _difference(judged.of_a[None].astype(float), ~judged.of_a[None] * 1.0, sums, counts)
    drawn = _difference(labels.astype(float), (~labels).astype(float), sums, counts)
    return float((1 + np.sum(np.abs(drawn) >= np.abs(observed) - 1e-12)) / (1 + permutations))


def sign_flip_p(sums, counts, permutations: int = PERMUTATIONS, seed: int = 0) -> float:
    """p of "neither is preferred" from A/B questions: each question's preference is as likely to be the other's.

    Args:
        sums, counts: [Q] answers for the first method and all answers, of each question.
    """
    return sign_flip_test(np.asarray(sums, float) - np.asarray(counts, float) / 2, permutations, seed)


def _drawn_questions(judged: Judged, rng, resamples: int) -> np.ndarray:
    """How often each question is drawn, [B, Q]; each method keeps its number of questions."""
    weights = np.zeros((resamples, len(judged.of_a)))
    for side in (judged.of_a, ~judged.of_a):
        number = int(side.sum())
        if number:
            weights[:, side] = rng.multinomial(number, np.full(number, 1 / number), size=resamples)
    return weights


def question_interval(judged: Judged, level=0.95, resamples: int = RESAMPLES, seed: int = 0) -> tuple[float, float]:
    """BCa interval of the difference over bootstrap samples of questions: these annotators, other questions."""
    rng = np.random.default_rng([seed, 13])
    sums, counts = judged.by_question(judged.values)
    of_a, of_b = judged.of_a * 1.0, ~judged.of_a * 1.0
    weights = _drawn_questions(judged, rng, resamples)
    left_out = left_out_weights(len(of_a))
    estimate = float(_difference(of_a[None], of_b[None], sums, counts)[0])
    drawn = _difference(weights * of_a, weights * of_b, sums, counts)
    return bca(estimate, drawn, _difference(left_out * of_a, left_out * of_b, sums, counts), level)


def crossed(judged: Judged, level: float = 0.95) -> Crossed:
    """The difference of means when both annotators and questions are seen as drawn from more of their kind.

    Two-way cluster-robust variance (Cameron, Gelbach and Miller 2011, Journal of Business & Economic Statistics
    29:238-249): V = V_questions + max(V_annotators − V_answers, 0), each from sums of the answers' influences, the
    first two with G/(G−1). Student's t with Satterthwaite's degrees of freedom for the two parts of V.

    Returns:
        NaN throughout for fewer than two annotators, or two questions of a method.
    """
    of_a = judged.of_a[judged.question]
    values = np.where(of_a, judged.values - judged.values[of_a].mean(), judged.values[~of_a].mean() - judged.values)
    influence = values / np.where(of_a, of_a.sum(), (~of_a).sum())
    by_question = np.bincount(judged.question, weights=influence, minlength=len(judged.of_a))
    variance = sum(_spread(by_question[side]) for side in (judged.of_a, ~judged.of_a))
    difference = judged.values[of_a].mean() - judged.values[~of_a].mean()
    freedom = len(judged.of_a) - 2 if min(judged.of_a.sum(), (~judged.of_a).sum()) > 1 else 0
    return _crossed(difference, influence, judged.annotator, variance, freedom, level)


def crossed_preference(values, annotator, question, level: float = 0.95) -> Crossed:
    """As `crossed`, for the mean of values from A/B questions less ½, all [n]."""
    values = np.asarray(values, float)
    influence = (values - values.mean()) / len(values)
    by_question = np.bincount(question, weights=influence)
    found = _crossed(values.mean() - 0.5, influence, annotator, _spread(by_question), len(by_question) - 1, level)
    return Crossed(found.low + 0.5, found.high + 0.5, found.p).within(0, 1)


def _spread(sums: np.ndarray) -> float:
    return float(len(sums) / max(len(sums) - 1, 1) * np.sum(sums**2))


def _crossed(estimate, influence, annotator, of_questions: float, freedom: int, level: float) -> Crossed:
    by_annotator = np.bincount(annotator, weights=influence)
    people = len(by_annotator)
    if people < 2 or freedom < 1:
        return Crossed(float("nan"), float("nan"), float("nan"))
    of_annotators = max(_spread(by_annotator) - float(np.sum(influence**2)), 0.0)
    variance = of_questions + of_annotators
    if variance <= 0:  # no two answers differ: an interval without width would claim too much
        return Crossed(float("nan"), float("nan"), float("nan"))
    degrees = variance**2 / (of_questions**2 / freedom + of_annotators**2 / (people - 1))
    half = scipy.special.stdtrit(degrees, 0.5 + level / 2) * np.sqrt(variance)
    p = 2 * scipy.special.stdtr(degrees, -abs(estimate) / np.sqrt(variance))
    return Crossed(float(estimate - half), float(estimate + half), float(p))


def compare(
    answers: pd.DataFrame,
    *,
    level: float = 0.95,
    permutations: int = PERMUTATIONS,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> pd.DataFrame:
    """Every two methods compared on every type of question they both have.

    Args:
        answers: rows with annotator, question_id, type, method, value, stratum, distractor.

    Returns:
        One row a type and pair of methods: value_a, value_b and their difference (plain means); low, high (questions
        resampled: these annotators); low_wide, high_wide, p_wide (`crossed`: other annotators too); p
        (`permutation_p`: labels exchanged among matched questions) and p_holm (corrected for the number of rows, "all"
        apart); questions, answers, annotators; in_favour_of_a (annotators whose own difference is above 0).
    """
    rows = []
    for kind, of_type in answers.groupby("type", sort=False):
        for a, b in combinations(sorted(of_type["method"].unique()), 2):
            both = of_type[of_type["method"].isin([a, b])]
            judged = Judged.of(both, a)
            means = both.groupby("method")["value"].mean()
            span = 4 if kind == "coherence" else 1  # between the ends of its scale
            wide = crossed(judged, level).within(-span, span)
            rows.append(
                {
                    "type": kind, "method_a": a, "method_b": b, "value_a": means[a], "value_b": means[b],
                    "difference": means[a] - means[b],
                    **dict(zip(("low", "high"), question_interval(judged, level, resamples, seed), strict=True)),
                    "low_wide": wide.low, "high_wide": wide.high, "p_wide": wide.p,
                    "p": permutation_p(judged, permutations, seed), "questions": len(judged.of_a),
                    "answers": len(both), "annotators": both["annotator"].nunique(),
                    "in_favour_of_a": _in_favour(both, a, b),
                }
            )  # fmt: skip
    table = pd.DataFrame(rows, columns=COLUMNS)
    # "all" is the main question where it is asked; what it is made of is corrected apart from it.
    family = (table["type"] == "all").to_numpy()
    corrected = np.where(family, holm(table["p"].where(family)), holm(table["p"].where(~family)))
    return table.assign(p_holm=corrected.astype(float)).astype({"p": float})


def _in_favour(both: pd.DataFrame, a: str, b: str) -> int:
    own = both.pivot_table(index="annotator", columns="method", values="value", aggfunc="mean").reindex(columns=[a, b])
    return int((own[a] > own[b]).sum())
