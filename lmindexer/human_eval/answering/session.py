"""One annotator's way through a study: the next question, the answer, taking it back, how far it is."""

import json
import math
import time
from dataclasses import dataclass
from statistics import median

from lmindexer.common.errors import StudyError
from lmindexer.human_eval.answering.store import Event, insert, now
from lmindexer.human_eval.answering.study_file import Given, StudyFile
from lmindexer.human_eval.planning.signin import name_key
from lmindexer.human_eval.planning.view import View, answer_of, build_view

LONGEST_COMMENT = 5_000
DONE = ("answer", "skip")


@dataclass(frozen=True)
class Receipt:
    """What stands in the file for a showing.

    Attributes:
        token: of the view that was answered.
        shown: the key that counts, "" for a skip.
        duplicate: True when the token had been answered before: that answer stands, this one was not recorded.
        at: when it was recorded (UTC).
    """

    token: str
    shown: str
    duplicate: bool
    at: str


@dataclass(frozen=True)
class Progress:
    """How far an annotator is.

    Attributes:
        done: answered + skipped, of `total`.
        share: done / total.
        seconds_each: median time of an answer, None before the first.
        per_hour: answers an hour at that pace, None before the first.
        seconds_left: at that pace, None before the first.
    """

    done: int
    total: int
    answered: int
    skipped: int
    share: float
    seconds_each: float | None
    per_hour: float | None
    seconds_left: float | None


class Session:
    """One signed-in annotator. Shows nothing of what others answered, nor of what was answered before.

    >>> session = study.sign_in("Ada")                                           # doctest: +SKIP
    >>> while view := session.next():                                            # doctest: +SKIP
    ...     session.answer("1", seconds=4.2)

    Raises StudyError, in every method, when the file cannot be read or written; then nothing was recorded.
    """

    def __init__(self, study: StudyFile, annotator: str, slot: int, simulated: bool):
        self.annotator = annotator
        self.slot = slot
        self.simulated = simulated
        self._study = study
        self._shown: tuple[str, float] | None = None  # the last view's token, and when it was shown

    def next(self) -> View | None:
        """The first question that is open, the same again until it is answered; None when all is done or ended."""
        states = self._states()
        if self._study.end_of is not None:
            return None
        given = self._study.given(self.slot)
        for place, showing in enumerate(given, start=1):
            if not states.done(showing.name):
                return self._view(showing, place, len(given), states.next_revision(showing.name, self.annotator))
        self._shown = None
        return None

    def answer(self, choice: str, seconds: float | None = None, comment: str = "", token: str | None = None) -> Receipt:
        """Record an answer; it is on disk when this returns.

        Args:
            choice: the key of one of the view's choices.
            seconds: how long it took; left out, the time since `next` showed it.
            comment: free words.
            token: the view's; left out, that of the view `next` gave last.

        Returns:
            The receipt. An answer with a token that has one already changes nothing (`duplicate`).
        """
        showing, revision = self._asked(token)
        key = str(choice)
        given = answer_of(showing.question, showing.arrangement, key)
        if given is None:
            keys = ", ".join(str(number) for number in range(1, len(showing.question.choices) + 1))
            raise StudyError(f"{key!r} is no answer to this question; press one of {keys}.")
        body = {"answer": given, "shown": key, "source": "screen"}
        return self._record("answer", showing.name, revision, body, seconds, comment)

    def skip(self, reason: str, seconds: float | None = None, comment: str = "", token: str | None = None) -> Receipt:
        """Record that the annotator passes this question over, and why; otherwise as `answer`."""
        showing, revision = self._asked(token)
        if not str(reason).strip():
            raise StudyError("A skip needs a reason; choose one.")
        body = {"reason": str(reason).strip(), "source": "screen"}
        return self._record("skip", showing.name, revision, body, seconds, comment)

    def undo(self) -> View | None:
        """Take back the latest answer or skip that still stands; `next` shows that question again.

        Taking back is an event of its own; what was answered stays in the file. None when nothing stands.
        """
        with self._study.store.writing() as connection:
            self._refuse_after_end(connection)
            row = connection.execute(
                "SELECT showing, max(revision) AS last FROM events WHERE annotator = ? AND revision IS NOT NULL "
                "GROUP BY showing HAVING kind IN ('answer', 'skip') ORDER BY event DESC LIMIT 1",
                (self.annotator,),
            ).fetchone()
            if row is None:
                return None
            showing, revision = row[0], row[1] + 1
            insert(connection, Event(self._id(showing, revision), "undo", self.annotator, showing, revision))
        given = self._study.given(self.slot)
        place = next(number for number, found in enumerate(given, start=1) if found.name == showing)
        return self._view(given[place - 1], place, len(given), revision + 1)

    def progress(self) -> Progress:
        """How far this annotator is, and how long the rest takes at the median pace so far."""
        states, total = self._states(), len(self._study.given(self.slot))
        answered, skipped = states.count("answer"), states.count("skip")
        times = states.seconds(self.annotator)
        seconds = median(times) if times else None
        done = answered + skipped
        return Progress(
            done,
            total,
            answered,
            skipped,
            done / total if total else 1.0,
            seconds,
            3600 / seconds if seconds else None,
            seconds * (total - done) if seconds is not None else None,
        )

    def types_met(self) -> set[str]:
        """Types of question that this annotator has answered or skipped one of."""
        states = self._states()
        return {showing.question.type for showing in self._study.given(self.slot) if states.done(showing.name)}

    def log(self, kind: str, body: dict) -> None:
        """Record something else that happened on the screen; `kind` begins with "note:", as in "note:pause"."""
        self._study.log(kind, self.annotator, body)

    # -- inside --------------------------------------------------------------------------------------------

    def _states(self) -> "States":
        return States(self._study, self.slot, self.annotator)

    def _view(self, showing: Given, place: int, total: int, revision: int) -> View:
        token = f"{showing.name}.{revision}"
        if self._shown is None or self._shown[0] != token:
            self._shown = token, time.monotonic()
        return build_view(showing.question, showing.arrangement, self._study.documents, token, place, total)

    def _asked(self, token: str | None) -> tuple[Given, int]:
        """The showing and revision that a token names."""
        if token is None:
            if self._shown is None:
                raise StudyError("No question is open; ask for the next one first.")
            token = self._shown[0]
        name, _, revision = str(token).partition(".")
        showing = next((found for found in self._study.given(self.slot) if found.name == name), None)
        if showing is None or not revision.isdigit():
            raise StudyError("This question is none of yours; load the page again.")
        return showing, int(revision)

    def _record(self, kind: str, showing: str, revision: int, body: dict, seconds, comment: str) -> Receipt:
        token = f"{showing}.{revision}"
        if len(str(comment)) > LONGEST_COMMENT:
            raise StudyError(f"The comment has {len(str(comment)):,} characters; keep it below {LONGEST_COMMENT:,}.")
        body |= {"seconds": self._seconds(seconds, token), "comment": str(comment).strip()}
        event = Event(self._id(showing, revision), kind, self.annotator, showing, revision, body, now())
        with self._study.store.writing() as connection:
            before = connection.execute("SELECT at, body FROM events WHERE id = ?", (event.id,)).fetchone()
            if before is None:
                self._refuse_after_end(connection)
                self._refuse_out_of_turn(connection, showing, revision)
                insert(connection, event)
        if before is not None:
            return Receipt(token, json.loads(before[1]).get("shown", ""), True, before[0])
        return Receipt(token, body.get("shown", ""), False, event.at)

    def _seconds(self, seconds: float | None, token: str) -> float | None:
        if seconds is None:
            known = self._shown is not None and self._shown[0] == token
            return round(time.monotonic() - self._shown[1], 3) if known else None
        seconds = float(seconds)
        if not (math.isfinite(seconds) and seconds >= 0):
            raise StudyError(f"{seconds} is no time; give seconds from 0 on.")
        return round(seconds, 3)

    def _id(self, showing: str, revision: int) -> str:
        return answer_id(self.annotator, showing, revision)

    def _refuse_after_end(self, connection) -> None:
        if connection.execute("SELECT 1 FROM events WHERE kind = 'end'").fetchone():
            raise StudyError("The study has been ended; it takes no more answers.")
        left = connection.execute("SELECT 1 FROM events WHERE kind = 'left' AND annotator = ?", (self.annotator,))
        if left.fetchone():
            raise StudyError("Your place in the study was handed to somebody else; ask whoever made the study.")

    def _refuse_out_of_turn(self, connection, showing: str, revision: int) -> None:
        (last,) = connection.execute(
            "SELECT max(revision) FROM events WHERE annotator = ? AND showing = ?", (self.annotator, showing)
        ).fetchone()
        if revision != (0 if last is None else last + 1):
            raise StudyError("This question has changed since it was shown; load the page again.")


def answer_id(annotator: str, showing: str, revision: int) -> str:
    """What makes an event of a showing unique: the same answer sent twice has the same id."""
    return f"{name_key(annotator)}/{showing}/{revision}"


class States:
    """How every showing of a slot stands for one annotator, read in one go.

    What somebody answered who had the place before and handed it on counts as done; nobody else's answers do.
    """

    def __init__(self, study: StudyFile, slot: int, annotator: str):
        self._last: dict[tuple[str, str], tuple[int, str, str]] = {}
        with study.store.reading() as connection:
            rows = connection.execute(
                "SELECT annotator, showing, revision, kind, body FROM events JOIN showings USING (showing) "
                "WHERE slot = ? AND revision IS NOT NULL AND (annotator = ? OR annotator IN "
                "(SELECT annotator FROM events WHERE kind = 'left')) ORDER BY revision",
                (slot, annotator),
            ).fetchall()
        for who, showing, revision, kind, body in rows:
            self._last[who, showing] = revision, kind, body
        self._standing = {showing: kind for (_, showing), (_, kind, _) in self._last.items() if kind in DONE}

    def seconds(self, annotator: str) -> list[float]:
        """How long each standing answer of this annotator took, where that is known."""
        bodies = [body for (who, _), (_, kind, body) in self._last.items() if who == annotator and kind == "answer"]
        times = [json.loads(body).get("seconds") for body in bodies]
        return [seconds for seconds in times if seconds is not None]

    def done(self, showing: str) -> bool:
        """Whether an answer or a skip stands."""
        return showing in self._standing

    def count(self, kind: str) -> int:
        """How many showings stand as "answer" or as "skip"."""
        return sum(found == kind for found in self._standing.values())

    def next_revision(self, showing: str, annotator: str) -> int:
        """The revision that this annotator's next event of the showing has."""
        return self._last.get((annotator, showing), (-1,))[0] + 1
