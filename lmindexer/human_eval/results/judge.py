"""An automatic judge as a control: it answers every question by how alike the texts' embeddings are.

It is shown beside what people said and never mixed in. It shares its encoder with indexers that start from MiniLM, so
it leans towards their IDs; where it agrees with people, that says something about the judge, not about the IDs.
"""

from collections.abc import Callable
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmindexer.common.kinds import FUNCTION, takes
from lmindexer.human_eval.planning.kinds import STUDY
from lmindexer.human_eval.planning.questions import Question

if TYPE_CHECKING:
    from lmindexer.human_eval.answering.study import Study

SAME = 0.9  # cosine from which two documents count as near-duplicates
COLUMNS = ["question_id", "type", "answer", "margin", "gold", "method", "method_a", "method_b", "correct", "preferred"]


def minilm(texts: list[str]) -> np.ndarray:
    """Mean-pooled states of all-MiniLM-L6-v2, unit length, [N, 384]."""
    from lmindexer.two_step.embeddings import make_embeddings

    return make_embeddings("minilm").fit(texts)


@takes(study=STUDY, embed=FUNCTION)
def embedding_judge(study: "Study", embed: Callable[[list[str]], np.ndarray] = minilm) -> pd.DataFrame:
    """Answer every question of a study from the texts that annotators see.

    By the cosine of two documents:
    intruder: the document least like the others, on average; pair: the candidate more like the first document;
    coherence: the group's mean, ranked among the study's groups and cut into five equal parts; ab: the group with the
    higher mean; level: yes where documents are more alike inside the parts than between them; collision: yes from 0.9
    on. It sees no ID, method or key.

    Args:
        embed: texts → vectors [N, d].

    Returns:
        question_id, type, answer (in the question's own terms), margin (how clear it was), gold; once the study is
        unblinded also method (A/B: method_a, method_b, preferred) and correct, else None.
    """
    known = list(study.documents.values())
    vectors = np.asarray(embed([f"{document.title}\n{document.text}" for document in known]), float)
    vectors = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    place = {document.doc_id: number for number, document in enumerate(known)}
    questions = study.questions()
    alike = {}
    for question in questions:
        own = vectors[[place[doc_id] for doc_id in question.doc_ids]]
        alike[question.question_id] = own @ own.T
    ratings = _ratings([q for q in questions if q.type == "coherence"], alike)
    rows = []
    for question in questions:
        answer, margin = ratings.get(question.question_id) or likeliest(question, alike[question.question_id])
        rows.append({**_known(question, answer), "margin": margin})
    return pd.DataFrame(rows, columns=COLUMNS)


def mean_alike(alike: np.ndarray) -> float:
    """Mean cosine of different documents."""
    number = len(alike)
    return float((alike.sum() - np.trace(alike)) / (number * (number - 1))) if number > 1 else 1.0


def likeliest(question: Question, alike: np.ndarray) -> tuple[str, float]:
    """Answer and margin from how alike the question's documents are, [n, n] in its own order; not for ratings."""
    if question.type == "intruder":
        to_others = (alike.sum(1) - np.diag(alike)) / (len(alike) - 1)
        first, second = np.argsort(to_others, kind="stable")[:2]
        return str(first + 1), float(to_others[second] - to_others[first])
    if question.type == "pair":
        first, second = alike[0, 1:3]
        return ("1" if first >= second else "2"), float(abs(first - second))
    if question.type == "ab":
        split = len(question.groups[0])
        first, second = mean_alike(alike[:split, :split]), mean_alike(alike[split:, split:])
        return ("a" if first >= second else "b"), abs(first - second)
    if question.type == "level":
        inside, between = _inside_and_between(question, alike)
        return ("yes" if inside > between else "no"), abs(inside - between)
    return ("yes" if alike[0, 1] >= SAME else "no"), float(abs(alike[0, 1] - SAME))


def _inside_and_between(question: Question, alike: np.ndarray) -> tuple[float, float]:
    part = np.repeat(np.arange(len(question.groups)), [len(group) for group in question.groups])
    pairs = list(combinations(range(len(part)), 2))
    inside = [alike[a, b] for a, b in pairs if part[a] == part[b]]
    between = [alike[a, b] for a, b in pairs if part[a] != part[b]]
    return float(np.mean(inside)) if inside else 0.0, float(np.mean(between)) if between else 0.0


def _ratings(questions: list[Question], alike: dict[str, np.ndarray]) -> dict[str, tuple[str, float]]:
    means = np.array([mean_alike(alike[question.question_id]) for question in questions])
    rank = np.argsort(np.argsort(means, kind="stable"), kind="stable")
    return {
        question.question_id: (str(1 + int(5 * place / len(questions))), float(mean))
        for question, place, mean in zip(questions, rank, means, strict=True)
    }


def _known(question: Question, answer: str) -> dict:
    found = {"question_id": question.question_id, "type": question.type, "answer": answer, "gold": question.gold}
    hidden = question.hidden
    if hidden is None:
        return found
    if hidden.key is not None:
        found["correct"] = answer == hidden.key
    if len(hidden.methods) == 1:
        found["method"] = hidden.methods[0]
    elif len(hidden.methods) == 2:
        found |= {"method_a": hidden.methods[0], "method_b": hidden.methods[1]}
        found["preferred"] = hidden.methods["ab".index(answer)]
    return found
