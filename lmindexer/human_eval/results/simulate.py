"""Simulated annotators: to test the statistics, and to fill a demonstration. Never presented as people."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmindexer.common.errors import StudyError
from lmindexer.human_eval.planning.guide import SKIP_REASONS
from lmindexer.human_eval.planning.questions import Question
from lmindexer.human_eval.results.judge import likeliest, mean_alike
from lmindexer.human_eval.results.paired import Judged, crossed, permutation_p, question_interval

if TYPE_CHECKING:
    from lmindexer.human_eval.answering.study import Study
    from lmindexer.human_eval.planning.view import View

NAME = "simulated-"  # every simulated annotator's name begins so
SPREADS = {"question_spread": 0.8, "annotator_spread": 0.4, "interaction_spread": 0.0}  # in log-odds


def simulated_answers(
    accuracy: dict[str, float],
    *,
    per_method: int = 40,
    annotators: int = 3,
    overlap: int = 2,
    question_spread: float = SPREADS["question_spread"],
    annotator_spread: float = SPREADS["annotator_spread"],
    interaction_spread: float = SPREADS["interaction_spread"],
    seed: int = 0,
) -> pd.DataFrame:
    """A study's answers drawn from a logistic model, in the columns that `results` reads.

    log-odds of a right answer = logit(accuracy of the method) + question + annotator + annotator × method, the last
    three normal with the given spreads. With spreads above 0 the mean accuracy lies nearer to ½ than asked for.

    Args:
        accuracy: method → share of right answers of a typical annotator on a typical question.
        per_method: questions a method, spread evenly over four matched cells.
        overlap: annotators of each question.
        interaction_spread: how far annotators differ in which method they find easier.

    Returns:
        One row an answer: annotator, question_id, type ("intruder"), method, value, correct, stratum, distractor.
    """
    if not 1 <= overlap <= annotators:
        raise StudyError(f"overlap is {overlap}; with {annotators} annotators give 1 to {annotators}.")
    rng = np.random.default_rng([seed, 31])
    methods = list(accuracy)
    total = per_method * len(methods)
    method = np.repeat(np.arange(len(methods)), per_method)
    p = np.clip([accuracy[name] for name in methods], 1e-6, 1 - 1e-6)
    ease = np.log(p / (1 - p))[method] + rng.normal(0, question_spread, total)
    skill = rng.normal(0, annotator_spread, annotators)
    taste = rng.normal(0, interaction_spread, (annotators, len(methods)))
    who = np.argsort(rng.random((total, annotators)), axis=1)[:, :overlap]
    odds = ease[:, None] + skill[who] + taste[who, method[:, None]]
    right = rng.random(odds.shape) < 1 / (1 + np.exp(-odds))
    question = np.repeat(np.arange(total), overlap)
    cell = question % per_method % 4
    return pd.DataFrame(
        {
            "annotator": np.char.add(NAME, (who.ravel() + 1).astype(str)),
            "question_id": question, "type": "intruder", "method": np.array(methods, object)[method[question]],
            "value": right.ravel().astype(float), "correct": right.ravel(),
            "stratum": np.array(["8-15", "16-31"], object)[cell // 2],
            "distractor": np.array(["near", "far"], object)[cell % 2],
        }
    )  # fmt: skip


@dataclass(frozen=True)
class Rates:
    """What the comparison of two methods does over simulated studies, as shares of the studies.

    Attributes:
        truth: the difference of the two methods over all possible questions and annotators.
        found: p at most 0.05 by `paired.permutation_p` (these annotators).
        found_wide: p at most 0.05 by `paired.crossed` (other annotators too).
        covered, covered_wide: the interval holds the truth.
        width, width_wide: mean width of the intervals.
    """

    truth: float
    found: float
    found_wide: float
    covered: float
    covered_wide: float
    width: float
    width_wide: float


def rates(accuracy: dict[str, float], studies: int = 500, *, permutations: int = 399, resamples: int = 400, **more):
    """Simulate studies of two methods and compare the methods in each, to see errors, power and coverage.

    Args:
        accuracy: two methods, see `simulated_answers`, which also takes everything in `more`.
        studies: how many; their seeds are 0, 1, ….

    Returns:
        Rates.

    >>> rates({"a": 0.9, "b": 0.5}, studies=20).found > 0.9
    True
    """
    first = sorted(accuracy)[0]
    spreads = [more.get(name, default) for name, default in SPREADS.items()]
    large = simulated_answers(
        accuracy, per_method=200_000, annotators=1, overlap=1, annotator_spread=0,
        question_spread=float(np.hypot.reduce(spreads)),
    )  # fmt: skip
    means = large.groupby("method")["value"].mean()
    truth, rows = float(2 * means[first] - means.sum()), []
    for seed in range(studies):
        judged = Judged.of(simulated_answers(accuracy, seed=seed, **more), first)
        wide, (low, high) = crossed(judged), question_interval(judged, resamples=resamples, seed=seed)
        rows.append(
            (
                permutation_p(judged, permutations, seed) <= 0.05, wide.p <= 0.05, low <= truth <= high,
                wide.low <= truth <= wide.high, high - low, wide.high - wide.low,
            )
        )  # fmt: skip
    return Rates(truth, *np.mean(np.array(rows, float), axis=0).tolist())


def answer_study(
    study: "Study",
    alike: Callable[[Sequence[str]], np.ndarray],
    noise: Sequence[float] = (0.1, 0.15, 0.2),
    lapses: float = 0.03,
    seed: int = 0,
) -> None:
    """Fill a study that was made with simulated=True: one annotator for each noise, named "simulated-1", ….

    They sign in, read each screen as it is shown, and answer by how alike they find its documents: `alike` with
    normal noise of their own. Now and then one presses any key, skips, or takes very long.

    Args:
        alike: doc_ids → how alike the documents are, [n, n] between 0 and 1.
        noise: standard deviation for each annotator.
        lapses: probability of any key.

    Raises:
        StudyError: when the study is for people.
    """
    known = {(document.title, document.text): name for name, document in study.documents.items()}
    for number, spread in enumerate(noise, start=1):
        rng = np.random.default_rng([seed, 41, number])
        session = study.sign_in(f"{NAME}{number}", simulated=True)
        while (view := session.next()) is not None:
            shown = [known[item.title, item.text] for group in view.groups for item in group.items]
            disturbed = np.asarray(alike(shown), float) + rng.normal(0, spread, (len(shown), len(shown)))
            seconds = round(float(rng.lognormal(2.2, 0.45)) + 0.8, 1)
            if rng.random() < 0.01:
                session.skip(SKIP_REASONS[0], seconds=seconds)
                continue
            key = _key(view, (disturbed + disturbed.T) / 2)
            if rng.random() < lapses:
                key, seconds = view.choices[rng.integers(len(view.choices))].key, seconds * 12
            session.answer(key, seconds=seconds)


def _key(view: "View", alike: np.ndarray) -> str:
    """The key for the likeliest answer, taking the screen's order as the question's own."""
    if view.type == "coherence":
        return str(int(np.clip(round(1 + 4 * mean_alike(alike)), 1, 5)))
    places = iter(range(len(alike)))
    groups = tuple(tuple(str(next(places)) for _ in group.items) for group in view.groups)
    answer, _ = likeliest(Question("", 0, view.type, groups, ()), alike)
    return {"a": "1", "b": "2", "yes": "1", "no": "2"}.get(answer, answer)
