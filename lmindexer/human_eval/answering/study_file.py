"""`StudyFile`: what stands in a study's file: documents, questions, who is asked which, and what happened to it."""

import json
from dataclasses import dataclass
from functools import cached_property
from typing import Self

from lmindexer.common.errors import StudyError
from lmindexer.human_eval.answering.store import Event, Store, unique
from lmindexer.human_eval.planning.questions import Document, Question, read_question
from lmindexer.human_eval.planning.view import Arrangement, View, build_view, read_arrangement


@dataclass(frozen=True)
class Given:
    """A question as one slot gets it."""

    name: str
    slot: int
    place: int
    question: Question
    repeat: bool
    arrangement: Arrangement


class StudyFile:
    """An opened study's file, as `Study`, a `Session` and the tables of answers read it.

    Attributes:
        path, name, created: where it is, what it is called, when it was made.
        plan: in words, what is asked, of whom, and how it was drawn.
        facts: the same as numbers.
        simulated: whether it is for simulated annotators only, and no person's answers are in it.
    """

    def __init__(self, store: Store):
        self.store = store
        self.path = store.path
        with store.reading() as connection:
            rows = connection.execute("SELECT key, value FROM study").fetchall()
            self._kept = {key: json.loads(value) for key, value in rows}
        store.check_content()
        self.name: str = self._kept["name"]
        self.created: str = self._kept["created"]
        self.plan: str = self._kept["plan"]
        self.facts: dict = self._kept["facts"]
        self.fingerprint: str = self._kept["fingerprint"]
        self.simulated: bool = self._kept["simulated"]
        self.types: tuple[str, ...] = tuple(self.facts["types"])
        self._given: dict[int, list[Given]] = {}

    def close(self) -> None:
        """Let go of the file."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    # -- what is asked ---------------------------------------------------------------------------------------

    @cached_property
    def documents(self) -> dict[str, Document]:
        """doc_id → the document as it is shown."""
        with self.store.reading() as connection:
            rows = connection.execute("SELECT doc_id, title, text FROM documents").fetchall()
        return {row[0]: Document.kept(*row) for row in rows}

    @cached_property
    def _questions(self) -> dict[str, Question]:
        with self.store.reading() as connection:
            rows = connection.execute("SELECT question_id, number, type, body, hidden FROM questions ORDER BY number")
            return {row[0]: read_question(*row) for row in rows}

    def given(self, slot: int) -> list[Given]:
        """What one slot is asked, in its order. For this package's own use: the questions in it are whole.

        Nothing for slot 0, which stands for annotators from elsewhere.
        """
        if slot not in self._given:
            with self.store.reading() as connection:
                rows = connection.execute(
                    "SELECT showing, place, question_id, repeat, arrangement FROM showings WHERE slot = ? "
                    "ORDER BY place",
                    (slot,),
                ).fetchall()
            self._given[slot] = [
                Given(name, slot, place, self._questions[question_id], bool(repeat), read_arrangement(text))
                for name, place, question_id, repeat, text in rows
            ]
        return self._given[slot]

    def questions(self) -> list[Question]:
        """Every question by number; what is hidden is None until the study is unblinded."""
        known = list(self._questions.values())
        return known if self.unblinded else [question.blinded() for question in known]

    def view(self, question_id: str) -> View:
        """A question as a screen in its own order, to look at or to adjudicate."""
        question = self._question(question_id)
        return build_view(question, Arrangement.plain(question), self.documents)

    def _question(self, question_id: str) -> Question:
        question = self.find(question_id)
        if question is None:
            raise StudyError(f"The study has no question {question_id!r}.")
        return question

    def find(self, question_id: str) -> Question | None:
        """A question by its id, or None. For this package's own use: the question is whole."""
        return self._questions.get(question_id)

    @property
    def has_password(self) -> bool:
        """Whether annotators must give a password."""
        return self._kept["password"] is not None

    # -- what happened to it ---------------------------------------------------------------------------------

    @property
    def end_of(self) -> dict | None:
        """Who ended the study, when and why; None while it takes answers."""
        return self._first("end")

    @property
    def unblinded(self) -> bool:
        """Whether methods may be shown."""
        return self._first("unblind") is not None

    def _first(self, kind: str) -> dict | None:
        with self.store.reading() as connection:
            row = connection.execute(
                "SELECT at, annotator, body FROM events WHERE kind = ? ORDER BY event LIMIT 1", (kind,)
            ).fetchone()
            return {"at": row[0], "by": row[1], **json.loads(row[2])} if row else None

    def log(self, kind: str, by: str, body: dict) -> None:
        """Keep an event of the caller's own; `kind` begins with "note:"."""
        self.store.add(note_event(kind, by, body))


def note_event(kind: str, by: str, body: dict) -> Event:
    """An event of a caller's own. Raises StudyError unless its kind begins with "note:"."""
    if not kind.startswith("note:"):
        raise StudyError(f"{kind!r} is no kind for an event of your own; begin it with 'note:'.")
    return Event(unique(kind), kind, by, body=body)
