"""Simulated annotators: to test the statistics, and to fill a demonstration. Never presented as people."""

import numpy as np
import pandas as pd

from lmindexer.errors import StudyError

NAME = "simulated-"  # every simulated annotator's name begins so


def simulated_answers(
    accuracy: dict[str, float],
    *,
    per_method: int = 40,
    annotators: int = 3,
    overlap: int = 2,
    question_spread: float = 0.8,
    annotator_spread: float = 0.4,
    interaction_spread: float = 0.0,
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
