"""A question as it is stored: which documents in which groups, which answers there are, and what is hidden."""

import json
from dataclasses import asdict, dataclass, replace

from lmindexer.human_eval.planning.guide import RATINGS, YES_NO

SHOWN_TEXT = 400  # characters of a document's text that annotators see at first
KEPT_TEXT = 4_000  # characters of it that a study keeps, for who wants to read on


@dataclass(frozen=True)
class Document:
    """A document as annotators see it; `doc_id` is for the study alone.

    `text` is what is shown at first; `whole` is the text as far as the study keeps it when that is more, else "".
    """

    doc_id: str
    title: str
    text: str
    whole: str = ""

    @classmethod
    def kept(cls, doc_id: str, title: str, text: str) -> "Document":
        """The document of a study's file, its text cut to what is shown at first.

        >>> Document.kept("d", "", "word " * 200).text.endswith("word…")
        True
        """
        shown = cut(text)
        return cls(doc_id, title, shown, text if shown != text else "")


@dataclass(frozen=True)
class Hidden:
    """What no annotator may see of a question.

    Attributes:
        methods: the indexer's label; two for an A/B question, of group "a" and of group "b"; none for gold.
        prefixes: the ID prefix of each of these.
        sizes: how many documents have it.
        stratum: the range of sizes it was drawn from, as "8-15".
        distractor: where the wrong document came from: "near" (same c1), "far" (another c1) or "".
        key: the right answer, or None where there is none.
    """

    methods: tuple[str, ...] = ()
    prefixes: tuple[tuple[int, ...], ...] = ()
    sizes: tuple[int, ...] = ()
    stratum: str = ""
    distractor: str = ""
    key: str | None = None


@dataclass(frozen=True)
class Question:
    """A question in its own, stored order, which says nothing about the answer.

    Attributes:
        question_id: its name in the study.
        number: 1, 2, … in the study.
        type: one of `guide.TYPES`.
        groups: doc_ids; intruder, coherence, collision: one group; pair: (the first,), (two candidates);
            ab: groups "a" and "b"; level: the parts.
        choices: the answers there are, in their order.
        gold: whether it is there to check attention.
        hidden: None as long as the study is blinded.
    """

    question_id: str
    number: int
    type: str
    groups: tuple[tuple[str, ...], ...]
    choices: tuple[str, ...]
    gold: bool = False
    hidden: Hidden | None = None

    def blinded(self) -> "Question":
        """The same without what is hidden."""
        return replace(self, hidden=None)

    @property
    def doc_ids(self) -> tuple[str, ...]:
        """Every document in it, in order."""
        return tuple(doc_id for group in self.groups for doc_id in group)


def choices_of(kind: str, groups: tuple[tuple[str, ...], ...]) -> tuple[str, ...]:
    """The answers to a question of this type with these groups.

    >>> choices_of("intruder", (("x", "y", "z"),)), choices_of("ab", (("x",), ("y",)))
    (('1', '2', '3'), ('a', 'b'))
    """
    if kind in ("intruder", "pair"):
        return tuple(str(number) for number in range(1, len(groups[-1]) + 1))
    if kind == "ab":
        return ("a", "b")
    return tuple(sorted(RATINGS)) if kind == "coherence" else tuple(YES_NO)


def write_question(question: Question) -> tuple[str, str]:
    """A question as two JSON texts: what may be shown, and what is hidden."""
    body = {"groups": question.groups, "choices": question.choices, "gold": question.gold}
    return json.dumps(body, ensure_ascii=False), json.dumps(asdict(question.hidden), ensure_ascii=False)


def read_question(question_id: str, number: int, kind: str, body: str, hidden: str) -> Question:
    """What `write_question` wrote, whole."""
    shown, kept = json.loads(body), json.loads(hidden)
    return Question(
        question_id,
        number,
        kind,
        tuple(map(tuple, shown["groups"])),
        tuple(shown["choices"]),
        shown["gold"],
        Hidden(
            tuple(kept["methods"]),
            tuple(map(tuple, kept["prefixes"])),
            tuple(kept["sizes"]),
            kept["stratum"],
            kept["distractor"],
            kept["key"],
        ),
    )


def cut(text: str, length: int = SHOWN_TEXT) -> str:
    """`text` on one line, ended at a word with "…" when it is longer than `length` characters.

    >>> cut("one two three", 8)
    'one two…'
    """
    text = " ".join(text.split())
    if len(text) <= length:
        return text
    head = text[:length].rstrip()
    space = head.rfind(" ")
    return (head if text[length : length + 1] == " " or space < length // 2 else head[:space]) + "…"
