"""`Study`: make, open, sign in, look at, end and unblind a labelling study."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from lmindexer.common.errors import StudyError
from lmindexer.common.kinds import COUNT, NUMBER, PATH, TEXT, TRUTH, takes
from lmindexer.human_eval.answering import answers as tables
from lmindexer.human_eval.answering.session import Session
from lmindexer.human_eval.answering.store import DIGEST, Event, Store, digest_of, insert, now, unique
from lmindexer.human_eval.answering.study_file import StudyFile
from lmindexer.human_eval.planning.kinds import RUNS
from lmindexer.human_eval.planning.planning import Content, check_design, make_content
from lmindexer.human_eval.planning.questions import write_question
from lmindexer.human_eval.planning.signin import check_password, clean_name, hash_password, name_key
from lmindexer.human_eval.planning.view import write_arrangement

TITLE = "Which texts belong together?"  # of a study without a title of its own


class Study(StudyFile):
    """A labelling study in one file.

    >>> study = Study.create(["runs/a", "runs/b"], path="study.sqlite", per_method=40, seed=1)   # doctest: +SKIP
    >>> print(study.plan)                                                                      # doctest: +SKIP
    >>> session = study.sign_in("Ada")                                                         # doctest: +SKIP

    Raises StudyError, one sentence with a remedy, whenever something cannot be done; nothing recorded is ever lost.
    """

    # -- making and opening --------------------------------------------------------------------------------

    @classmethod
    @takes(bundles=RUNS, path=PATH, per_method=COUNT, repeats=NUMBER, gold=NUMBER, seed=COUNT, simulated=TRUTH)
    def create(
        cls,
        bundles,
        corpus=None,
        *,
        path: str | Path = "study.sqlite",
        questions: Sequence[str] | Mapping[str, int] = ("intruder", "pair"),
        per_method: int = 40,
        annotators: int | Sequence[str] = 2,
        overlap: int | None = None,
        repeats: float = 0.1,
        gold: float = 0.1,
        length: int | None = None,
        seed: int = 0,
        password: str | None = None,
        name: str | None = None,
        simulated: bool = False,
    ) -> "Study":
        """Draw the questions, plan who gets which, and write the study's file.

        Args:
            bundles: runs over one corpus: `Bundle`s or their folders (labelled by method, or by name where methods
                repeat), or label → `Bundle`, folder or `SemanticIDs`.
            corpus: the documents; left out, the first bundle's.
            path: the file to make; nothing may be there.
            questions: types (see `guide.TYPES`), or type → number.
            per_method: questions of each type for each method (for A/B, for each pair of methods).
            annotators: how many, or their names; with names, nobody else may sign in.
            overlap: so many annotators get each question; left out, 2 (1 where there is but one).
            repeats: share of an annotator's questions that comes a second time, unannounced.
            gold: share of an annotator's questions that are added with a known, easy answer.
            length: codes that make a prefix; left out, 2 (or 1 where IDs have one position).
            seed: the same runs, arguments and seed make the same study.
            password: asked of every annotator at sign-in; kept as a scrypt hash.
            name: the title that annotators see; left out, `TITLE`. The file's name is never shown to them.
            simulated: only simulated annotators may sign in, and the study says so.
        """
        path = Path(path)
        if path.exists():
            raise StudyError(f"{path} is there already; a study is never replaced, so choose another name.")
        content = _drawn(bundles, corpus, questions, per_method, annotators, overlap, repeats, gold, length, seed)
        about = {
            "name": name or TITLE,
            "created": now(),
            "plan": content.plan,
            "facts": content.facts,
            "fingerprint": content.fingerprint,
            "simulated": simulated,
            "password": hash_password(password) if password is not None else None,
        }
        return cls(Store.create(path, _rows(content, about)))

    @classmethod
    def plan_of(
        cls, bundles, corpus=None, *, questions: Sequence[str] | Mapping[str, int] = ("intruder", "pair"),
        per_method: int = 40, annotators: int | Sequence[str] = 2, overlap: int | None = None, repeats: float = 0.1,
        gold: float = 0.1, length: int | None = None, seed: int = 0,
    ) -> str:  # fmt: skip
        """The plan, in words, of the study that `create` would make of the same arguments; nothing is written.

        >>> print(Study.plan_of(["runs/a", "runs/b"], per_method=40, seed=1))                  # doctest: +SKIP
        """
        return _drawn(bundles, corpus, questions, per_method, annotators, overlap, repeats, gold, length, seed).plan

    @classmethod
    @takes(path=PATH)
    def open(cls, path: str | Path) -> "Study":
        """Open a study's file after checking that it is one, whole and of a version this program knows."""
        return cls(Store(path))

    def __repr__(self) -> str:
        return f"Study({self.name!r}, {self.facts['questions']} questions, {self.facts['slots']} annotators)"

    # -- annotators ----------------------------------------------------------------------------------------

    @takes(name=TEXT, password=TEXT)
    def sign_in(self, name: str, password: str | None = None, *, simulated: bool = False) -> Session:
        """Begin, or go on where this name left off.

        Raises:
            StudyError: a wrong password, a name that is not on the list, no place left, or a person in a study for
                simulated annotators (and the other way round).
        """
        name, key = clean_name(name), name_key(name)
        check_password(password, self._kept["password"])
        if simulated != self.simulated:
            what = "is for simulated annotators only" if self.simulated else "is for people"
            raise StudyError(f"The study {self.name!r} {what}; a simulated annotator never counts as a person.")
        with self.store.reading() as connection:  # a known name needs no write
            known, left = joined_in(connection).get(key), left_in(connection)
        if known is None:
            known = self._join(name, key)
        elif known[0] in left:
            raise StudyError("Your place in the study was handed to somebody else; ask whoever made the study.")
        return Session(self, known[0], known[1], simulated)

    def _join(self, name: str, key: str) -> tuple[str, int]:
        with self.store.writing() as connection:
            joined = joined_in(connection)
            if key in joined:  # meanwhile, from another process
                return joined[key]
            slot = self._free_slot(key, joined, left_in(connection))
            insert(connection, Event(f"joined/{key}", "joined", name, body={"slot": slot, "simulated": self.simulated}))
            return name, slot

    def _free_slot(self, key: str, joined: dict[str, tuple[str, int]], left: set[str]) -> int:
        """The place for a newcomer: the one kept for the name, else a vacated one, else (without a list) any."""
        named = [name_key(name) for name in self.facts["names"]]
        taken = {slot for who, slot in joined.values() if who not in left}
        if key in named and named.index(key) + 1 not in taken:
            return named.index(key) + 1
        vacated = {slot for who, slot in joined.values() if who in left}
        free = (vacated if named else set(range(1, self.facts["slots"] + 1))) - taken
        if free:
            return min(free)
        if named:
            raise StudyError("This name is not on the study's list; ask whoever made the study.")
        raise StudyError(
            f"All {self.facts['slots']} places of the study are taken; give the name you signed in with before, or "
            "ask whoever made the study to hand a place on."
        )

    def hand_on(self, name: str, by: str, reason: str = "") -> None:
        """Free the place of an annotator who drops out; the next newcomer goes on there. Answers so far stay."""
        with self.store.writing() as connection:
            known = joined_in(connection).get(name_key(name))
            if known is None:
                raise StudyError(f"Nobody called {name!r} has signed in.")
            insert(connection, Event(f"left/{name_key(name)}", "left", known[0], body={"by": by, "reason": reason}))

    def annotators(self) -> pd.DataFrame:
        """One row for each who signed in: annotator, slot, simulated, joined, answered, skipped, total, last."""
        return tables.annotators(self)

    def progress(self) -> dict:
        """done and total over the whole study, and by annotator's place; shows no answers."""
        return tables.progress(self)

    def paces(self) -> pd.DataFrame:
        """One row for each who signed in and has not left: annotator, done, total, seconds_each, seconds_left, last.

        Pace is the median time of an answer; None before the first. Shows no answers.
        """
        people, rows = self.annotators(), []
        for row in people[~people["left"].astype(bool) & (people["slot"] > 0)].itertuples():
            found = Session(self, row.annotator, row.slot, row.simulated).progress()
            rows.append((row.annotator, found.done, found.total, found.seconds_each, found.seconds_left, row.last))
        columns = ["annotator", "done", "total", "seconds_each", "seconds_left", "last"]
        return pd.DataFrame(rows, columns=columns)

    # -- the end -------------------------------------------------------------------------------------------

    @property
    def ended(self) -> bool:
        """Whether it was ended, or everything is answered."""
        if self.end_of is not None:
            return True
        progress = self.progress()
        return progress["done"] >= progress["total"]

    def end(self, by: str, reason: str = "") -> None:
        """Take no more answers. Cannot be taken back."""
        self.store.add(Event("end", "end", clean_name(by), body={"reason": reason}))

    def unblind(self, by: str, reason: str = "", *, early: bool = False) -> None:
        """Let methods and keys be seen from now on; who did it, when and why is kept for good.

        Raises:
            StudyError: before the end, unless `early`, which is kept as well.
        """
        if not self.ended and not early:
            raise StudyError("The study has not ended; end it first, or say that you unblind it early on purpose.")
        self.store.add(Event("unblind", "unblind", clean_name(by), body={"reason": reason, "early": not self.ended}))

    def _allow_look(self, early: str | None) -> None:
        if self.ended:
            return
        if not early:
            raise StudyError(
                "Answers are shown when the study has ended; end it, or give a reason to look early (it is kept)."
            )
        self.store.add(Event(unique("early_look"), "early_look", body={"reason": str(early)}))

    # -- tables --------------------------------------------------------------------------------------------

    def answers(self, *, early: str | None = None) -> pd.DataFrame:
        """One row for each answer or skip that stands; see docs/human_eval.md for the columns.

        Args:
            early: a reason to look before the end; kept in the file.
        """
        self._allow_look(early)
        return tables.answers(self)

    def events(self, *, early: str | None = None) -> pd.DataFrame:
        """Everything that happened: event, id, at, kind, annotator, showing, revision, body (a dict)."""
        self._allow_look(early)
        return tables.events(self)

    def adjudicate(self, question_id: str, answer: str, by: str, comment: str = "") -> None:
        """Settle a disagreement: `answer` in the question's own terms. The latest decision counts, all are kept."""
        question = self._question(question_id)
        if answer not in question.choices:
            raise StudyError(f"{answer!r} is no answer to this question; give one of {', '.join(question.choices)}.")
        body = {"question_id": question_id, "answer": answer, "comment": comment}
        self.store.add(Event(unique("adjudicate"), "adjudicate", clean_name(by), body=body))

    def adjudications(self) -> pd.DataFrame:
        """The decisions that count: question_id, answer, by, comment, at."""
        return tables.adjudications(self)


def _drawn(bundles, corpus, *design) -> Content:
    return make_content(bundles, corpus, check_design(*design))


def joined_in(connection) -> dict[str, tuple[str, int]]:
    """Key of a name → (the name as first given, its slot)."""
    rows = connection.execute("SELECT id, annotator, body FROM events WHERE kind = 'joined' ORDER BY event")
    return {row[0].removeprefix("joined/"): (row[1], json.loads(row[2])["slot"]) for row in rows}


def left_in(connection) -> set[str]:
    """Names of those who handed their place on."""
    return {row[0] for row in connection.execute("SELECT annotator FROM events WHERE kind = 'left'")}


def _rows(content: Content, about: dict) -> list[tuple[str, list[tuple]]]:
    """The tables of a new study's file."""
    tokens = content.tokens()
    tables = [
        ("study", [(key, json.dumps(value, ensure_ascii=False)) for key, value in about.items()]),
        ("documents", [(document.doc_id, document.title, document.text) for document in content.documents]),
        ("questions", [(q.question_id, q.number, q.type, *write_question(q)) for q in content.questions]),
        (
            "showings",
            [
                (
                    token,
                    showing.slot,
                    showing.place,
                    content.questions[showing.question].question_id,
                    int(showing.repeat),
                    write_arrangement(showing.arrangement),
                )
                for token, showing in zip(tokens, content.showings, strict=True)
            ],
        ),
    ]
    tables[0][1].append((DIGEST, digest_of(tables)))
    return tables
