"""What a study found: by method (only once it is unblinded), agreement, annotators, and the judge beside them."""

import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmindexer.common.errors import StudyError
from lmindexer.common.jsonfiles import json_safe
from lmindexer.common.kinds import COUNT, NUMBER, TABLE, TEXT, takes
from lmindexer.human_eval.answering.answers import counting
from lmindexer.human_eval.planning.guide import SCALES, TYPES
from lmindexer.human_eval.planning.kinds import STUDY
from lmindexer.human_eval.results.agreement import agreement_table
from lmindexer.human_eval.results.findings import findings
from lmindexer.human_eval.results.intervals import clustered_mean, clustered_share, wilson
from lmindexer.human_eval.results.paired import compare, crossed_preference, holm, sign_flip_p
from lmindexer.human_eval.results.reliability import annotator_reliability, consensus

if TYPE_CHECKING:
    from lmindexer.human_eval.answering.study import Study

MEASURES = {
    "intruder": "share right", "pair": "share right", "all": "share right", "coherence": "mean rating",
    "level": "share of yes", "collision": "share of yes",
}  # fmt: skip
KEYED = ("intruder", "pair")
RATINGS = (1, 5)  # the scale of coherence
METHOD_COLUMNS = [
    "type", "method", "measure", "value", "low", "high", "answers", "questions", "annotators", "effective", "plain_low",
    "plain_high", "chance", "settled", "judge",
]  # fmt: skip
PREFERENCE_COLUMNS = [
    "method_a", "method_b", "share_a", "low", "high", "low_wide", "high_wide", "p", "p_holm", "p_wide", "answers",
    "questions", "annotators", "judge",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Results:
    """What a study found.

    Attributes:
        name, simulated, unblinded: of the study. Simulated annotators are no people.
        counts: answers, skipped, gold, repeats, after_unblinding, annotators, questions.
        agreement: type → frame (`agreement.agreement_table`).
        annotators: frame (`annotator_reliability`).
        methods, comparisons, preferences: frames (`method_results`, `paired.compare`, `preference_results`); None while
            the study is blinded.
        judge: the automatic judge's share of agreement with people's consensus, by type; None without a judge.
        findings: the comparisons in words.
    """

    name: str
    simulated: bool
    unblinded: bool
    counts: dict
    agreement: dict[str, pd.DataFrame]
    annotators: pd.DataFrame
    methods: pd.DataFrame | None = None
    comparisons: pd.DataFrame | None = None
    preferences: pd.DataFrame | None = None
    judge: pd.DataFrame | None = None
    findings: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict:
        """Plain JSON types, None where there is no number."""
        frames = {
            name: None if getattr(self, name) is None else getattr(self, name).to_dict("records")
            for name in ("annotators", "methods", "comparisons", "preferences", "judge")
        }
        plain = {"name": self.name, "simulated": self.simulated, "unblinded": self.unblinded, "counts": self.counts}
        by_type = {kind: frame.to_dict("records") for kind, frame in self.agreement.items()}
        return json_safe({**plain, "agreement": by_type, **frames, "findings": self.findings})


def unblinding_of(study: "Study") -> dict | None:
    """Who first unblinded the study (by), when (at), why (reason), and whether early; None while it is blinded."""
    with study.store.reading() as connection:
        row = connection.execute(
            "SELECT at, annotator, body FROM events WHERE kind = 'unblind' ORDER BY event LIMIT 1"
        ).fetchone()
    return None if row is None else {"at": row[0], "by": row[1], **json.loads(row[2])}


def unblinded_words(record: dict) -> str:
    """`unblinding_of` in a sentence; plain text."""
    early = " before its end" if record.get("early") else ""
    reason = f", because: {record['reason']}" if record.get("reason") else ""
    return f"Unblinded{early} by {record['by']} on {record['at'][:16].replace('T', ' ')} UTC{reason}."


def last_event(study: "Study") -> int:
    """The number of the latest event; while it is the same, so are the results."""
    with study.store.reading() as connection:
        return connection.execute("SELECT coalesce(max(event), 0) FROM events").fetchone()[0]


def with_values(answers: pd.DataFrame) -> pd.DataFrame:
    """Answers about single methods with a column `value`: 1 for right or yes, 0 for wrong or no, the rating as it is.

    Where there are questions of several types with a right answer, they come again together as the type "all".

    Raises:
        StudyError: when the answers say nothing of methods, since the study is still blinded.
    """
    if "method" not in answers:
        raise StudyError("The study is blinded, so results by method are not shown; end it and unblind it first.")
    own = answers[answers["method"].notna()]
    value = np.select(
        [own["type"].isin(KEYED), own["type"] == "coherence"],
        [own["correct"].map(lambda right: float(right is True or right == 1)), pd.to_numeric(own["answer"], "coerce")],
        (own["answer"] == "yes").astype(float),
    )
    own = own.assign(value=value.astype(float))
    keyed = own[own["type"].isin(KEYED)]
    if keyed["type"].nunique() > 1:
        # Cells keep their types apart, so labels are exchanged among questions of one type only.
        own = pd.concat([own, keyed.assign(type="all", stratum=keyed["type"] + " " + keyed["stratum"].astype(str))])
    return own


def method_results(
    answers: pd.DataFrame,
    level: float = 0.95,
    decided: pd.DataFrame | None = None,
    judge: pd.DataFrame | None = None,
    chance: dict[str, float] | None = None,
) -> pd.DataFrame:
    """Share right, share of yes or mean rating of each method on each type of question.

    Args:
        answers: `counting(study.answers())` of an unblinded study.
        decided: `consensus(…)`: adds `settled`, the value of the one answer a question came to.
        judge: `embedding_judge(…)`: adds the automatic judge's own value.
        chance: question → share right by guessing, for those with a right answer.

    Returns:
        type, method, measure, value; low, high (Wilson's with the effective number of answers, since those to one
        question resemble each other; for ratings Student's by question); answers, questions, annotators, effective;
        plain_low, plain_high (Wilson's as though all answers were independent; shares only); chance; settled; judge.
    """
    own = with_values(answers)
    settled = {} if decided is None else dict(decided[["question_id", "answer"]].itertuples(index=False))
    by_judge = {} if judge is None else dict(judge[["question_id", "answer"]].itertuples(index=False))
    rows = []
    for (kind, method), given in own.groupby(["type", "method"], sort=False):
        share = MEASURES[kind] != "mean rating"
        of_question = (given["value"], given["question_id"], level)
        found = clustered_share(*of_question) if share else clustered_mean(*of_question, scale=RATINGS)
        plain = wilson(given["value"].sum(), len(given), level) if share else (np.nan, np.nan)
        one = given.drop_duplicates("question_id")
        rows.append(
            {
                "type": kind, "method": method, "measure": MEASURES[kind], "value": found.value, "low": found.low,
                "high": found.high, "answers": found.answers, "questions": given["question_id"].nunique(),
                "annotators": given["annotator"].nunique(), "effective": found.effective,
                "plain_low": float(plain[0]), "plain_high": float(plain[1]), "settled": _of_one(one, settled),
                "judge": _of_one(one, by_judge), "chance": one["question_id"].map(chance or {}).astype(float).mean(),
            }
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=METHOD_COLUMNS)
    return in_order(table, ["type", "method"])


def in_order(table: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Rows in the order of the question types, "all" first, and then by the other columns."""
    place = {kind: number for number, kind in enumerate(("all", *TYPES))}

    def key(column: pd.Series) -> pd.Series:
        return column.map(place) if column.name == "type" else column

    return table.sort_values(by, key=key, kind="stable", ignore_index=True)


def _of_one(questions: pd.DataFrame, answers: dict[str, str | None]) -> float:
    """The mean value when each question has the one answer given here; NaN without any."""
    said = questions["question_id"].map(answers)
    known, said = questions[said.notna()], said.dropna()
    if known.empty:
        return float("nan")
    kind = known["type"].iloc[0]
    if kind == "coherence":
        return float(said.astype(float).mean())
    return float((said == (known["key"] if kind in (*KEYED, "all") else "yes")).mean())


def preference_results(answers: pd.DataFrame, level: float = 0.95, judge: pd.DataFrame | None = None) -> pd.DataFrame:
    """A/B questions: how often the group of one method was preferred to that of the other.

    Returns:
        One row a pair of methods: share_a (of answers that prefer method_a) with low, high (Wilson's, by question);
        low_wide, high_wide, p_wide (other annotators too); p (each question's preference turned round at random) and
        p_holm; answers, questions, annotators; judge: the share of questions where the judge prefers method_a.
    """
    if "method_a" not in answers:
        raise StudyError("The study is blinded, so preferences are not shown; end it and unblind it first.")
    own = answers[answers["method_a"].notna()]
    rows = []
    for a, b in sorted({tuple(sorted(pair)) for pair in own[["method_a", "method_b"]].itertuples(index=False)}):
        given = own[own["method_a"].isin([a, b]) & own["method_b"].isin([a, b])]
        prefers = (given["preferred"] == a).to_numpy(float)
        question, annotator = pd.factorize(given["question_id"])[0], pd.factorize(given["annotator"])[0]
        found, wide = clustered_share(prefers, question, level), crossed_preference(prefers, annotator, question, level)
        said = [] if judge is None else judge[judge["question_id"].isin(given["question_id"])]["preferred"] == a
        rows.append(
            {
                "method_a": a, "method_b": b, "share_a": found.value, "low": found.low, "high": found.high,
                "low_wide": wide.low, "high_wide": wide.high, "p_wide": wide.p,
                "p": sign_flip_p(np.bincount(question, weights=prefers), np.bincount(question)),
                "answers": len(given), "questions": int(question.max()) + 1,
                "annotators": int(annotator.max()) + 1, "judge": float(np.mean(said)) if len(said) else np.nan,
            }
        )  # fmt: skip
    table = pd.DataFrame(rows, columns=PREFERENCE_COLUMNS)
    return table.assign(p_holm=holm(table["p"]))


def agreement_results(
    answers: pd.DataFrame, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> dict[str, pd.DataFrame]:
    """Type → how far annotators agree on it (`agreement.agreement_table`); needs no un-blinding.

    Args:
        answers: `counting(study.answers())`.
    """
    found = {}
    for kind in TYPES:
        own = answers[answers["type"] == kind]
        if own["annotator"].nunique() < 2:
            continue
        table = own.pivot(index="question_id", columns="annotator", values="answer")
        found[kind] = agreement_table(
            table.to_numpy(object), _categories(kind, own), SCALES[kind], list(table.columns),
            level=level, resamples=resamples, seed=seed,
        )  # fmt: skip
    return found


def _categories(kind: str, answers: pd.DataFrame) -> list[str]:
    """Every possible answer to a type; for intruder questions as many as the longest question has documents."""
    if kind == "ab":
        return ["a", "b"]
    if kind in ("level", "collision"):
        return ["yes", "no"]
    last = {"pair": 2, "coherence": 5}.get(kind) or int(answers["choices"].max())
    return [str(number) for number in range(1, last + 1)]


def judge_results(judge: pd.DataFrame, decided: pd.DataFrame, level: float = 0.95) -> pd.DataFrame:
    """How far the automatic judge says what people agreed on: type, questions, share (with low, high), kappa.

    Args:
        judge: `embedding_judge(…)`.
        decided: `consensus(…)` of people's answers; ties are left out.
    """
    said = judge[["question_id", "answer"]].rename(columns={"answer": "judged"})
    both = decided.dropna(subset="answer").merge(said, on="question_id")
    rows = []
    for kind, own in both.groupby("type", sort=False):
        same = (own["answer"] == own["judged"]).sum()
        low, high = wilson(same, len(own), level)
        kappa = agreement_table(own[["answer", "judged"]].to_numpy(object), None, SCALES[kind], resamples=200)
        kappa = kappa.set_index("statistic")["value"].get("Cohen κ", np.nan)
        rows.append((kind, len(own), same / len(own), float(low), float(high), kappa))
    return in_order(pd.DataFrame(rows, columns=["type", "questions", "share", "low", "high", "kappa"]), ["type"])


@takes(study=STUDY, judge=TABLE, early=TEXT, level=NUMBER, resamples=COUNT, seed=COUNT)
def study_results(
    study: "Study",
    judge: pd.DataFrame | None = None,
    *,
    early: str | None = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Results:
    """Everything a study found that may be seen now: by method only when it is unblinded.

    Args:
        judge: `embedding_judge(study)`, to stand beside people's answers; never mixed in.
        early: a reason to look before the end, which the study keeps.
        level: of the intervals.

    Raises:
        StudyError: before the end without a reason, or when nothing is answered yet.
    """
    answers = study.answers(early=early)
    questions = {question.question_id: question for question in study.questions()}
    answers["choices"] = answers["question_id"].map(lambda name: len(questions[name].choices)).astype(int)
    counted = counting(answers)
    if counted.empty:
        raise StudyError("There are no answers yet that results could stand on.")
    decided = consensus(counted, study.adjudications())
    found = {
        "name": study.name, "simulated": study.simulated, "unblinded": study.unblinded,
        "counts": _counts(answers, counted), "annotators": annotator_reliability(answers),
        "agreement": agreement_results(counted, level, resamples, seed),
        "judge": None if judge is None else judge_results(judge, decided, level),
    }  # fmt: skip
    if not study.unblinded:
        return Results(**found)
    chance = {name: 1 / len(q.choices) for name, q in questions.items() if q.type in KEYED}
    by_method = with_values(counted)
    found["methods"] = method_results(counted, level, decided, judge, chance)
    compared = compare(by_method, level=level, resamples=resamples, seed=seed)
    found["comparisons"] = in_order(compared, ["type", "method_a", "method_b"])
    found["preferences"] = preference_results(counted, level, judge)
    return Results(**found, findings=findings(found["comparisons"], found["preferences"]))


def _counts(answers: pd.DataFrame, counted: pd.DataFrame) -> dict[str, int]:
    return {
        "answers": len(counted), "questions": counted["question_id"].nunique(),
        "annotators": counted["annotator"].nunique(), "skipped": int(answers["skipped"].sum()),
        "gold": int((answers["gold"] & ~answers["skipped"]).sum()), "repeats": int(answers["repeat"].sum()),
        "after_unblinding": int(answers["after_unblinding"].sum()),
        "imported": int((answers["source"] == "import").sum()),
    }  # fmt: skip
