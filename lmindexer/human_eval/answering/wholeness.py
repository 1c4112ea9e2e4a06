"""Whether a study's file holds what its readers count on; SQLite and the digest say only that bytes are as written.

A file may have been changed by another program, or be another version's. It is looked at once, when it is opened.
"""

import json
from collections.abc import Callable, Iterable, Sequence

from lmindexer.human_eval.planning.guide import TYPES
from lmindexer.human_eval.planning.questions import Question, choices_of, read_question
from lmindexer.human_eval.planning.view import read_arrangement

_MALFORMED = (ValueError, KeyError, TypeError, AttributeError, IndexError, RecursionError)
ANSWERED = ("answer", "skip", "undo")  # kinds of event that are about a showing and count its revisions
_FACTS = {"slots": int, "questions": int, "types": dict, "names": list}


def fault_of_content(content: Iterable[tuple[str, Sequence[tuple]]]) -> str | None:
    """What is wrong with the tables `study`, `documents`, `questions` and `showings`; None when they are whole."""
    tables = dict(content)
    documents = {row[0] for row in tables["documents"] if all(isinstance(value, str) for value in row)}
    if len(documents) != len(tables["documents"]):
        return "a document is no text"
    fault, facts = _facts(tables["study"])
    if fault is not None:
        return fault
    questions: dict[str, Question] = {}
    for row in tables["questions"]:
        question = _read(lambda row=row: read_question(*row))
        if question is None or not _sound_question(question, documents):
            return f"question {row[0]!r} is not what this version asks"
        questions[question.question_id] = question
    for row in tables["showings"]:
        if not _sound_showing(row, questions, facts):
            return f"showing {row[0]!r} fits no question"
    return None


def event_checker(content: Iterable[tuple[str, Sequence[tuple]]]) -> Callable[[tuple], bool]:
    """A function that says of a row of the table `events` whether it is whole, in a study with this content."""
    tables = dict(content)
    choices = {row[0]: tuple(json.loads(row[3])["choices"]) for row in tables["questions"]}
    asked = {row[0]: row[3] for row in tables["showings"]}
    slots = _facts(tables["study"])[1]["slots"]

    def body_fits(kind: str, annotator, showing, body: dict) -> bool:
        if kind == "joined":
            return isinstance(annotator, str) and body.get("slot") in range(slots + 1) and "simulated" in body
        if kind == "adjudicate":
            known = choices.get(body.get("question_id"), ())
            return isinstance(annotator, str) and body.get("answer") in known and isinstance(body.get("comment"), str)
        if kind not in ANSWERED:
            return all(isinstance(value, str | None) for value in (annotator, showing))
        if showing not in asked or not isinstance(annotator, str):
            return False
        seconds, comment = body.get("seconds"), body.get("comment", "")
        sound = (seconds is None or isinstance(seconds, int | float)) and isinstance(comment, str)
        return sound and (kind != "answer" or body.get("answer") in choices[asked[showing]])

    def whole(row: tuple) -> bool:
        number, name, at, kind, annotator, showing, revision, body = row
        if not isinstance(number, int) or not all(isinstance(value, str) for value in (name, at, kind, body)):
            return False
        if not isinstance(revision, int if kind in ANSWERED else int | None):
            return False
        found = _read(lambda: json.loads(body))
        return isinstance(found, dict) and bool(_read(lambda: body_fits(kind, annotator, showing, found)))

    return whole


def _read(read: Callable):
    """What `read` gives, or None where it fails on what stands in the file."""
    try:
        return read()
    except _MALFORMED:
        return None


def _facts(rows: Sequence[tuple]) -> tuple[str | None, dict]:
    """What is wrong with the table `study`, and its facts (bare ones where they cannot be read)."""
    kept = _read(lambda: {key: json.loads(value) for key, value in rows}) or {}
    facts = kept.get("facts")
    for key, kind in {"name": str, "created": str, "plan": str, "fingerprint": str, "simulated": bool}.items():
        if not isinstance(kept.get(key), kind):
            return f"its {key} is missing", {"slots": 0}
    if not isinstance(facts, dict) or not all(isinstance(facts.get(key), kind) for key, kind in _FACTS.items()):
        return "what it asks of whom is missing", {"slots": 0}
    if not isinstance(kept.get("password", ""), dict | None):
        return "its password is missing", facts
    if not set(facts["types"]) <= set(TYPES) or not all(isinstance(name, str) for name in facts["names"]):
        return "what it asks of whom is not what this version knows", facts
    return None, facts


def _sound_question(question: Question, documents: set[str]) -> bool:
    """Of a known type, about documents of the study, with the answers that belong to it."""

    def fits() -> bool:
        hidden = question.hidden
        counted = isinstance(question.number, int) and isinstance(question.gold, bool)
        named = len(hidden.methods) == len(hidden.prefixes) == len(hidden.sizes)
        key = hidden.key is None or hidden.key in question.choices
        texts = all(isinstance(text, str) for text in (*hidden.methods, hidden.stratum, hidden.distractor))
        known = question.type in TYPES and set(question.doc_ids) <= documents
        return counted and named and key and texts and known and question.choices == choices_of(
            question.type, question.groups
        )  # fmt: skip

    return bool(_read(fits))


def _sound_showing(row: tuple, questions: dict[str, Question], facts: dict) -> bool:
    """In a place of the study, of one of its questions, in an order of that question's documents."""

    def fits() -> bool:
        _, slot, place, question_id, _, text = row
        groups, order = questions[question_id].groups, read_arrangement(text)
        orders = all(sorted(items) == list(range(len(group))) for items, group in zip(order.items, groups, strict=True))
        placed = slot in range(facts["slots"] + 1) and isinstance(place, int)
        return placed and orders and sorted(order.groups) == list(range(len(groups)))

    return bool(_read(fits))
