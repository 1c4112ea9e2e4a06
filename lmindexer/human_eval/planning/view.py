"""What an annotator sees of a question: texts and buttons, and nothing that tells method, ID, category or answer."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from lmindexer.human_eval.planning.guide import PROMPTS, RATINGS, YES_NO
from lmindexer.human_eval.planning.questions import Document, Question


@dataclass(frozen=True)
class Item:
    """A document on the screen; `choice` is the key that picks it, "" when it cannot be picked.

    `whole` is the longer text behind a `text` that was cut, else "".
    """

    title: str
    text: str
    choice: str = ""
    whole: str = ""


@dataclass(frozen=True)
class Group:
    """Documents shown together; `choice` is the key that picks the whole group, "" when it cannot be picked."""

    heading: str
    items: tuple[Item, ...]
    choice: str = ""


@dataclass(frozen=True)
class Choice:
    """An answer: the key that gives it ("1" … "9") and what stands on its button."""

    key: str
    label: str


@dataclass(frozen=True)
class View:
    """One screen. Texts are plain and come from documents: a page must escape them.

    Attributes:
        token: names this showing of the question; give it back with the answer.
        number: which one it is for the annotator, from 1.
        total: how many the annotator has.
        type: which guideline belongs to it.
        prompt: the question.
        groups: the documents.
        choices: the buttons, in order.
    """

    token: str
    number: int
    total: int
    type: str
    prompt: str
    groups: tuple[Group, ...]
    choices: tuple[Choice, ...]

    def to_dict(self) -> dict:
        """The same as plain lists and dicts, for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Arrangement:
    """In which order a showing has the groups, and the documents of each: indices into the question's own order."""

    groups: tuple[int, ...]
    items: tuple[tuple[int, ...], ...]  # of question.groups[g], in the question's order of groups

    @classmethod
    def plain(cls, question: Question) -> "Arrangement":
        """The question's own order."""
        return cls(tuple(range(len(question.groups))), tuple(tuple(range(len(group))) for group in question.groups))


def write_arrangement(arrangement: Arrangement) -> str:
    """An arrangement as JSON text."""
    return json.dumps(asdict(arrangement))


def read_arrangement(text: str) -> Arrangement:
    """What `write_arrangement` wrote."""
    order = json.loads(text)
    return Arrangement(tuple(order["groups"]), tuple(map(tuple, order["items"])))


def build_view(
    question: Question,
    arrangement: Arrangement,
    documents: Mapping[str, Document],
    token: str = "",
    number: int = 0,
    total: int = 0,
) -> View:
    """The screen of a showing; from the question only what may be seen is taken."""
    groups = []
    for place, index in enumerate(arrangement.groups, start=1):
        pickable = question.type == "intruder" or (question.type == "pair" and index == 1)
        items = []
        for key, item in enumerate(arrangement.items[index], start=1):
            document = documents[question.groups[index][item]]
            items.append(Item(document.title, document.text, str(key) if pickable else "", document.whole))
        choice = str(place) if question.type == "ab" else ""
        groups.append(Group(_heading(question.type, place), tuple(items), choice))
    keys = _labels(question)
    choices = tuple(Choice(str(key), label) for key, label in enumerate(keys, start=1))
    return View(token, number, total, question.type, PROMPTS[question.type], tuple(groups), choices)


def answer_of(question: Question, arrangement: Arrangement, key: str) -> str | None:
    """The answer, in the question's own terms, that a key stands for in a showing; None for no such key.

    >>> question = Question("q", 1, "intruder", (("x", "y", "z"),), ("1", "2", "3"))
    >>> answer_of(question, Arrangement((0,), ((2, 0, 1),)), "1")
    '3'
    """
    if key not in {str(number) for number in range(1, len(question.choices) + 1)}:
        return None
    index = int(key) - 1
    if question.type in ("intruder", "pair"):
        return str(arrangement.items[-1][index] + 1)
    return question.choices[arrangement.groups[index] if question.type == "ab" else index]


def key_of(question: Question, arrangement: Arrangement, answer: str) -> str:
    """The key that gives `answer` in a showing: `answer_of` the other way round."""
    keys = (str(number) for number in range(1, len(question.choices) + 1))
    return next(key for key in keys if answer_of(question, arrangement, key) == answer)


def _heading(kind: str, place: int) -> str:
    if kind == "pair":
        return "This document" if place == 1 else "Which of these belongs with it?"
    return {"ab": f"Group {place}", "level": f"Part {place}"}.get(kind, "Documents")


def _labels(question: Question) -> list[str]:
    if question.type == "coherence":
        return [RATINGS[choice] for choice in question.choices]
    if question.type == "ab":
        return ["Group 1", "Group 2"]
    if question.type in ("level", "collision"):
        return [YES_NO[choice] for choice in question.choices]
    return [f"Document {choice}" for choice in question.choices]
