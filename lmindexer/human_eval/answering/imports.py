"""Answers that were made elsewhere: a table or a Label Studio export becomes events, all of them or none."""

import hashlib
import json
import math
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lmindexer.common.errors import StudyError
from lmindexer.human_eval.answering.label_studio import rows_of_tasks
from lmindexer.human_eval.answering.session import answer_id
from lmindexer.human_eval.answering.store import Event, insert, unique
from lmindexer.human_eval.answering.study import Given, Study, joined_in
from lmindexer.human_eval.planning.signin import clean_name, name_key

_NEEDED = ("annotator", "question_id", "answer")
_READERS = {
    ".csv": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False),
    ".tsv": lambda path: pd.read_csv(path, dtype=str, keep_default_na=False, sep="\t"),
    ".jsonl": lambda path: pd.DataFrame(
        [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]
    ),
    ".parquet": pd.read_parquet,
}


@dataclass(frozen=True)
class Imported:
    """What an import did: answers recorded now, and those that were in the study already (which then stand)."""

    recorded: int
    known: int


def import_answers(study: Study, path: str | Path, by: str) -> Imported:
    """Record answers made elsewhere, in one transaction: a bad row leaves the study as it was.

    Args:
        study: must take answers still.
        path: .csv, .tsv, .jsonl or .parquet with the columns annotator, question_id, answer (in the question's own
            terms, as `export` writes them) and, where known, repeat, skipped, reason, seconds, comment; or a .json
            that Label Studio exported.
        by: who imports; kept.

    An annotator who is not known yet takes a free place that has all their questions, or else counts as from
    elsewhere (slot 0).

    Raises:
        StudyError: naming file, row and remedy.
    """
    path, by = Path(path), clean_name(by)
    rows = [_clean(study, row, f"{path}, {row['row']}") for row in _read(path)]
    recorded = 0
    with study.store.writing() as connection:
        if connection.execute("SELECT 1 FROM events WHERE kind = 'end'").fetchone():
            raise StudyError("The study has been ended; it takes no more answers.")
        slots = _place_annotators(study, connection, rows)
        for row in rows:
            name, slot = slots[name_key(row["annotator"])]
            showing = _showing(study, row["question_id"], slot, row["repeat"])
            if showing is None:
                raise StudyError(f"{row['place']}: the question is shown once only, so it has no repeat; mend the row.")
            body = {key: row[key] for key in ("answer", "reason", "seconds", "comment") if row.get(key) is not None}
            kind = "skip" if row["skipped"] else "answer"
            event = Event(answer_id(name, showing.name, 0), kind, name, showing.name, 0, body | {"source": "import"})
            recorded += insert(connection, event)
        body = {"file": path.name, "sha256": _digest(path), "recorded": recorded, "known": len(rows) - recorded}
        insert(connection, Event(unique("imported"), "imported", by, body=body))
    return Imported(recorded, len(rows) - recorded)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _read(path: Path) -> list[dict]:
    if path.suffix not in (*_READERS, ".json"):
        raise StudyError(f"{path}: the ending says the format; give one of {', '.join((*_READERS, '.json'))}.")
    try:
        if path.suffix == ".json":
            tasks = json.loads(path.read_text(encoding="utf-8"))
        else:
            frame = _READERS[path.suffix](path)
    except FileNotFoundError:
        raise StudyError(f"{path}: there is no such file; check the path.") from None
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise StudyError(f"{path} cannot be read as {path.suffix} ({error}); export it again.") from error
    if path.suffix == ".json":
        if not isinstance(tasks, list):
            raise StudyError(f"{path} is no list of tasks; export it from Label Studio as JSON.")
        return rows_of_tasks(tasks, str(path))
    missing = [name for name in _NEEDED if name not in frame]
    if missing:
        raise StudyError(f"{path} has no column {missing[0]!r}; it needs {', '.join(_NEEDED)}.")
    first = 2 if path.suffix in (".csv", ".tsv") else 1
    return [row | {"row": f"row {number}"} for number, row in enumerate(frame.to_dict("records"), start=first)]


def _clean(study: Study, row: dict, place: str) -> dict:
    """A row with plain types, or StudyError naming it."""
    question = study.find(_text(row.get("question_id")))
    if question is None:
        raise StudyError(f"{place}: the study has no question {row.get('question_id')!r}; take the study it is of.")
    name, answer = _text(row.get("annotator")), _text(row.get("answer"))
    if not name:
        raise StudyError(f"{place}: nobody is named as annotator; fill the column in.")
    try:
        name = clean_name(name)
    except StudyError as error:
        raise StudyError(f"{place}: {name[:80]!r} is no name. {error}") from None
    skipped = _truth(row.get("skipped"))
    if not skipped and answer not in question.choices:
        known = ", ".join(question.choices)
        raise StudyError(f"{place}: {answer!r} is no answer to it; give one of {known}, or mark it as skipped.")
    return {
        "annotator": name,
        "question_id": question.question_id,
        "answer": None if skipped else answer,
        "skipped": skipped,
        "reason": (_text(row.get("reason")) or "Skipped elsewhere") if skipped else None,
        "repeat": _truth(row.get("repeat")),
        "seconds": _seconds(row.get("seconds"), place),
        "comment": _text(row.get("comment")) or "",
        "place": place,
    }


def _text(value) -> str:
    missing = value is None or (isinstance(value, float) and math.isnan(value))
    if isinstance(value, float) and not missing and value.is_integer():
        value = int(value)  # a column of numbers with gaps
    return "" if missing else str(value).strip()


def _truth(value) -> bool:
    return _text(value).lower() in ("true", "1", "yes")


def _seconds(value, place: str) -> float | None:
    if not _text(value):
        return None
    try:
        seconds = float(value)
    except (TypeError, ValueError, OverflowError):
        seconds = -1.0
    if not (math.isfinite(seconds) and seconds >= 0):
        raise StudyError(f"{place}: {value!r} is no time in seconds; mend it or leave it empty.")
    return round(seconds, 3)


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
