"""Answers that were made elsewhere become events, all of them or none; nothing that differs is dropped."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from lmindexer.common.errors import StudyError
from lmindexer.human_eval.answering.answer_rows import read_rows
from lmindexer.human_eval.answering.session import answer_id
from lmindexer.human_eval.answering.store import Event, conflict_of, insert, unique
from lmindexer.human_eval.answering.study import Study, joined_in
from lmindexer.human_eval.answering.study_file import Given
from lmindexer.human_eval.planning.signin import clean_name, name_key

_LAST = """
SELECT id, kind, body FROM events WHERE annotator = ? AND showing = ? AND revision IS NOT NULL
ORDER BY revision DESC LIMIT 1
"""


@dataclass(frozen=True)
class Conflict:
    """An answer in a file that differs from the one in the study, which stands.

    Attributes:
        place: where it is, "answers.csv, row 3".
        annotator, question_id: whose, to what.
        stands, given: both answers in words: "1", "a skip", "nothing (taken back)", with a comment where that differs.
    """

    place: str
    annotator: str
    question_id: str
    stands: str
    given: str

    def __str__(self) -> str:
        who = f"{self.annotator} on {self.question_id}"
        return f"{self.place}: {who}: {self.stands} stands, {self.given} is kept beside it"


@dataclass(frozen=True)
class Imported:
    """What an import did: answers recorded now, those that were there already, and those that differ."""

    recorded: int
    known: int
    conflicts: tuple[Conflict, ...] = ()


def import_answers(study: Study, path: str | Path, by: str, **form) -> Imported:
    """Record answers made elsewhere, in one transaction: a bad row leaves the study as it was.

    Args:
        study: must take answers still.
        path: a table (.csv, .tsv, .jsonl, .parquet) with the columns annotator, question_id, answer (in the
            question's own terms, as `export` writes them) and, where known, repeat, skipped, reason, seconds,
            comment; or a .json that Label Studio exported.
        by: who imports; kept.
        form: encoding, delimiter, quote and escape of a text file.

    An annotator who is not known yet takes a free place that has all their questions, or else counts as from
    elsewhere (slot 0). Where the annotator's answer to that showing is there already and differs, it stands, and the
    file's is kept as an event "conflict", as `merge` does.

    Raises:
        StudyError: naming file, row and remedy.
    """
    path, by = Path(path), clean_name(by)
    rows = read_rows(study, path, **form)
    recorded, conflicts = 0, []
    with study.store.writing() as connection:
        if connection.execute("SELECT 1 FROM events WHERE kind = 'end'").fetchone():
            raise StudyError("The study has been ended; it takes no more answers.")
        slots = _place_annotators(study, connection, rows)
        for row in rows:
            name, slot = slots[name_key(row["annotator"])]
            showing = _showing(study, row["question_id"], slot, row["repeat"])
            if showing is None:
                raise StudyError(f"{row['place']}: the question is shown once only, so it has no repeat; mend the row.")
            event = _event(row, name, showing.name)
            standing = connection.execute(_LAST, (name, showing.name)).fetchone()
            if standing is None:
                recorded += insert(connection, event)
            elif conflict := _conflict(row, event, standing[1], json.loads(standing[2])):
                conflicts.append(conflict)
                insert(connection, conflict_of(event, standing[0]))
        done = Imported(recorded, len(rows) - recorded - len(conflicts), tuple(conflicts))
        body = {"recorded": done.recorded, "known": done.known, "conflicts": len(conflicts)}
        body |= {"file": path.name, "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
        insert(connection, Event(unique("imported"), "imported", by, body=body))
    return done


def _event(row: dict, name: str, showing: str) -> Event:
    body = {key: row[key] for key in ("answer", "reason", "seconds", "comment") if row.get(key) is not None}
    kind = "skip" if row["skipped"] else "answer"
    return Event(answer_id(name, showing, 0), kind, name, showing, 0, body | {"source": "import"})


def _conflict(row: dict, event: Event, kind: str, body: dict) -> Conflict | None:
    """What differs between a row and the event that stands, or None; a row without a comment says nothing of it."""
    stands, given = _in_words(kind, body), _in_words(event.kind, event.body)
    if stands == given == row["answer"] and row["comment"] not in ("", body.get("comment", "")):
        stands += f" with the comment {body.get('comment', '')!r}"
        given += f" with the comment {row['comment']!r}"
    if stands == given:
        return None
    return Conflict(row["place"], event.annotator, row["question_id"], stands, given)


def _in_words(kind: str, body: dict) -> str:
    return {"answer": body.get("answer"), "skip": "a skip"}.get(kind, "nothing (taken back)")


def _place_annotators(study: Study, connection, rows: list[dict]) -> dict[str, tuple[str, int]]:
    """Key of a name → (name, slot); newcomers join, where a free place has all their questions there."""
    known = joined_in(connection)
    taken = {slot for _, slot in known.values()}
    for key in dict.fromkeys(name_key(row["annotator"]) for row in rows):
        if key in known:
            continue
        mine = [row for row in rows if name_key(row["annotator"]) == key]
        free = [slot for slot in range(1, study.facts["slots"] + 1) if slot not in taken and not study.facts["names"]]
        named = [name_key(name) for name in study.facts["names"]]
        free = [named.index(key) + 1] if key in named else free
        asked = {row["question_id"] for row in mine}
        fits = [slot for slot in free if asked <= {showing.question.question_id for showing in study.given(slot)}]
        slot = fits[0] if fits else 0
        taken.add(slot)
        known[key] = mine[0]["annotator"], slot
        body = {"slot": slot, "simulated": study.simulated}
        insert(connection, Event(f"joined/{key}", "joined", mine[0]["annotator"], body=body))
    return known


def _showing(study: Study, question_id: str, slot: int, repeat: bool) -> Given | None:
    """The showing that an answer belongs to: the annotator's own, else the first slot's that has the question."""
    slots = [slot, *(other for other in range(1, study.facts["slots"] + 1) if other != slot)]
    for showing in (showing for slot in slots for showing in study.given(slot)):
        if showing.question.question_id == question_id and showing.repeat == repeat:
            return showing
    return None
