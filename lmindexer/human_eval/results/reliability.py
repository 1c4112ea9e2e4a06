"""How far each annotator can be relied on, and which questions annotators disagree about. Needs no un-blinding."""

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmindexer.common.kinds import TABLE, TEXT, takes
from lmindexer.human_eval.answering.answers import counting
from lmindexer.human_eval.planning.kinds import STUDY
from lmindexer.human_eval.results.intervals import wilson

if TYPE_CHECKING:
    from lmindexer.human_eval.answering.study import Study

TOO_FAST = 1.0  # seconds: nobody reads two texts in less
FAR = 3.5  # robust z from which a time counts as an outlier (Iglewicz and Hoaglin 1993)
ENOUGH = 5  # answers that a remark about an annotator needs
LOW = 0.7  # share of gold answers, or of repeats answered alike, below which there is a remark
COLUMNS = [
    "annotator", "answered", "skipped", "gold", "gold_share", "gold_low", "gold_high", "repeats", "consistency",
    "with_others", "seconds", "fast", "slow", "favourite", "remark",
]  # fmt: skip


def time_outliers(answers: pd.DataFrame) -> pd.Series:
    """Answers that took unusually short or long: "fast", "slow" or "", one for each row.

    The time's logarithm is compared with the annotator's own on the same type of question: beyond 3.5 robust standard
    deviations (0.6745 (x − median) / MAD) it is an outlier; below a second it is fast whatever the others took.
    """
    seconds = answers["seconds"].astype(float)
    log = np.log(seconds.where(seconds > 0))
    groups = [answers["annotator"], answers["type"]]
    away = log - log.groupby(groups).transform("median")
    mad = away.abs().groupby(groups).transform("median")
    z = 0.6745 * away / mad.where(mad > 0)
    found = np.select([(seconds < TOO_FAST) | (z < -FAR), z > FAR], ["fast", "slow"], "")
    return pd.Series(found, index=answers.index, dtype=object).where(seconds.notna(), "")


def self_consistency(answers: pd.DataFrame) -> pd.DataFrame:
    """Hidden repeats: annotator, question_id, first, second, same (on a scale of ratings: at most one step apart)."""
    given = answers[~answers["skipped"]]
    first = given[~given["repeat"]][["annotator", "question_id", "type", "answer"]]
    both = first.merge(given[given["repeat"]][["annotator", "question_id", "answer"]], on=["annotator", "question_id"])
    both = both.rename(columns={"answer_x": "first", "answer_y": "second"})
    near = [abs(int(a) - int(b)) <= 1 if kind == "coherence" else a == b
            for kind, a, b in both[["type", "first", "second"]].itertuples(index=False)]  # fmt: skip
    return both.assign(same=np.array(near, dtype=bool))[["annotator", "question_id", "first", "second", "same"]]


@takes(answers=TABLE)
def annotator_reliability(answers: pd.DataFrame) -> pd.DataFrame:
    """One row an annotator.

    Args:
        answers: `Study.answers()`.

    Returns:
        annotator; answered, skipped (hidden repeats included); gold (answered gold questions) and gold_share with its
        Wilson interval; repeats and consistency (share answered alike); with_others (mean share of the others who
        gave the same answer); seconds (median); fast, slow (time outliers); favourite (the largest share that one
        button has among intruder and pair questions, less what is expected; NaN without such); remark.
    """
    outlier, again = time_outliers(answers).where(~answers["skipped"], ""), self_consistency(answers)
    agreeing = _with_others(answers)
    rows = []
    for name, own in answers.groupby("annotator", sort=True):
        gold = own[own["gold"] & ~own["skipped"] & ~own["repeat"]]
        right = int(gold["correct"].map(bool).sum())
        low, high = wilson(right, len(gold))
        alike = again[again["annotator"] == name]["same"]
        rows.append(
            {
                "annotator": name, "answered": int((~own["skipped"]).sum()), "skipped": int(own["skipped"].sum()),
                "gold": len(gold), "gold_share": right / len(gold) if len(gold) else np.nan,
                "gold_low": float(low) if len(gold) else np.nan, "gold_high": float(high) if len(gold) else np.nan,
                "repeats": len(alike), "consistency": alike.mean() if len(alike) else np.nan,
                "with_others": agreeing.get(name, np.nan), "seconds": own["seconds"].median(),
                "fast": int((outlier[own.index] == "fast").sum()), "slow": int((outlier[own.index] == "slow").sum()),
                "favourite": _favourite(own),
            }
        )  # fmt: skip
        rows[-1]["remark"] = _remark(rows[-1])
    return pd.DataFrame(rows, columns=COLUMNS)


def _with_others(answers: pd.DataFrame) -> dict[str, float]:
    """Annotator → mean over shared questions of the share of others with the same answer."""
    given = answers[~answers["skipped"] & ~answers["repeat"] & ~answers["gold"]]
    total = given.groupby("question_id")["answer"].transform("size")
    alike = given.groupby(["question_id", "answer"])["annotator"].transform("size")
    share = (alike - 1) / (total - 1).where(total > 1)
    return share.groupby(given["annotator"]).mean().to_dict()


def _favourite(own: pd.DataFrame) -> float:
    """How much oftener than expected one button is pressed; the right answer stands everywhere alike by design."""
    excess = []
    for kind in ("intruder", "pair"):
        pressed = own[(own["type"] == kind) & own["shown"].notna()]["shown"]
        if len(pressed) >= ENOUGH:
            buttons = 2 if kind == "pair" else max(pressed.astype(int).max(), 2)
            excess.append(pressed.value_counts(normalize=True).iloc[0] - 1 / buttons)
    return float(max(excess)) if excess else np.nan


def _remark(row: dict) -> str:
    said = []
    if row["gold"] >= ENOUGH and row["gold_share"] < LOW:
        said.append(f"missed {round(row['gold'] * (1 - row['gold_share']))} of {row['gold']} gold questions")
    if row["repeats"] >= ENOUGH and row["consistency"] < LOW:
        said.append(f"answered only {row['consistency']:.0%} of the repeats alike")
    if row["answered"] >= ENOUGH and row["fast"] > 0.1 * row["answered"]:
        said.append(f"{row['fast']} answers came too fast to have read the texts")
    if row["answered"] >= 4 * ENOUGH and row["favourite"] > 0.35:
        said.append("presses one button far oftener than the others")
    if row["skipped"] > 0.2 * max(row["answered"] + row["skipped"], 1):
        said.append("skipped more than a fifth")
    return "; ".join(said)


def consensus(answers: pd.DataFrame, adjudications: pd.DataFrame | None = None) -> pd.DataFrame:
    """One answer a question: the adjudicated one, else the majority's; None on a tie that nobody has settled.

    Args:
        answers: rows that count (`counting`).
        adjudications: `Study.adjudications()`.

    Returns:
        question_id, type, answer, settled ("adjudicated", "unanimous", "majority", "single", "tie"), votes.
    """
    decided = {} if adjudications is None else dict(adjudications[["question_id", "answer"]].itertuples(index=False))
    rows = []
    for (question, kind), given in answers.groupby(["question_id", "type"], sort=False):
        votes = Counter(given["answer"]).most_common()
        tie = len(votes) > 1 and votes[0][1] == votes[1][1]
        how = "tie" if tie else "majority" if len(votes) > 1 else "unanimous" if votes[0][1] > 1 else "single"
        answer = None if tie else votes[0][0]
        if question in decided:
            answer, how = decided[question], "adjudicated"
        rows.append((question, kind, answer, how, len(given)))
    return pd.DataFrame(rows, columns=["question_id", "type", "answer", "settled", "votes"])


def answer_labels(study: "Study", question_id: str) -> dict[str, str]:
    """Answer → what it is called on a screen that shows the question in its own order."""
    view = study.view(question_id)
    question = next(one for one in study.questions() if one.question_id == question_id)
    return {answer: choice.label for answer, choice in zip(question.choices, view.choices, strict=True)}


@takes(study=STUDY, early=TEXT)
def disagreements(study: "Study", *, early: str | None = None) -> pd.DataFrame:
    """The adjudication queue: questions that annotators answered differently, open ones first, the most divided first.

    Returns:
        question_id, number, type, answers ("Document 1 ×2, Document 3 ×1"), annotators, share (of the most frequent
        answer), comments (list), settled (the adjudicated answer or None). Ratings count as different from two steps
        on. Names and methods are not shown.
    """
    numbers = {question.question_id: question.number for question in study.questions()}
    decided = dict(study.adjudications()[["question_id", "answer"]].itertuples(index=False))
    rows = []
    for (question, kind), given in counting(study.answers(early=early)).groupby(["question_id", "type"], sort=False):
        votes = Counter(given["answer"])
        if len(votes) < 2 or (kind == "coherence" and np.ptp([int(vote) for vote in votes]) < 2):
            continue
        labels = answer_labels(study, question)
        said = ", ".join(f"{labels[answer]} ×{number}" for answer, number in sorted(votes.items()))
        share = max(votes.values()) / len(given)
        remarks = [text for text in given["comment"] if text]
        rows.append((question, numbers[question], kind, said, len(given), share, remarks, decided.get(question)))
    columns = ["question_id", "number", "type", "answers", "annotators", "share", "comments", "settled"]
    queue = pd.DataFrame(rows, columns=columns)
    queue["settled"] = pd.Series([row[-1] for row in rows], dtype=object)  # None stays None
    return queue.sort_values(
        ["settled", "share", "number"], key=lambda column: column.notna() if column.name == "settled" else column
    ).reset_index(drop=True)
