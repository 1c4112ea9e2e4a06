"""Two files of one study made into one: every event of both, in the order of time."""

import json
from pathlib import Path

from lmindexer.common.errors import StudyError
from lmindexer.human_eval.answering.store import Event, Store, conflict_of, content_of, now, short_digest
from lmindexer.human_eval.answering.study import Study
from lmindexer.human_eval.planning.signin import name_key

_COLUMNS = "id, at, kind, annotator, showing, revision, body"


def merge(first: Study, second: Study, path: str | Path) -> Study:
    """Write a third study file with what happened in both; neither is changed.

    The files must hold the same questions and showings: copies of one study, or two made with the same seed from
    the same runs. An event that is in both counts once. Where the same showing was answered differently by one
    annotator in both files, the earlier answer counts and the later one is kept as an event "conflict". People with
    one place in different files both keep their answers.

    Raises:
        StudyError: when the files are of different studies, or `path` is taken.
    """
    if first.fingerprint != second.fingerprint:
        raise StudyError(
            f"{first.path} and {second.path} are different studies (other questions or another order); "
            "merge copies of one study."
        )
    if first.simulated != second.simulated:
        raise StudyError("One study is of people and one of simulated annotators; they are never mixed.")
    events = _union([_events(first), _events(second)])
    body = {"files": [first.path.name, second.path.name], "events": len(events)}
    events.append(Event(f"merged/{short_digest([event.id for event in events])}", "merged", body=body, at=now()))
    rows = [
        (number, e.id, e.at, e.kind, e.annotator, e.showing, e.revision, json.dumps(e.body, ensure_ascii=False))
        for number, e in enumerate(events, start=1)
    ]
    with first.store.snapshot() as connection:
        content = content_of(connection)
    return Study(Store.create(path, [*content, ("events", rows)]))


def _events(study: Study) -> list[Event]:
    with study.store.reading() as connection:
        rows = connection.execute(f"SELECT {_COLUMNS} FROM events ORDER BY event")
        return [Event(row[0], *row[2:6], json.loads(row[6]), row[1]) for row in rows]


def _union(both: list[list[Event]]) -> list[Event]:
    """Every event once, by time; of two different ones with one id the earlier, and the other as a conflict."""
    everything = sorted((event for events in both for event in events), key=_by_time)
    names: dict[str, str] = {}
    for event in everything:
        if event.kind == "joined":
            names.setdefault(name_key(event.annotator), event.annotator)
    found: dict[str, Event] = {}
    conflicts: dict[str, Event] = {}
    for event in everything:
        event = event._replace(annotator=_one_spelling(event.annotator, names))
        earlier = found.setdefault(event.id, event)
        if _what(earlier) != _what(event):
            conflict = conflict_of(event, stands=earlier.id)
            conflicts[conflict.id] = conflict
    return sorted({**conflicts, **found}.values(), key=_by_time)


def _what(event: Event) -> Event:
    """An event without its time where only what was done matters: joining the same place, taking the same back."""
    return event._replace(at=None) if event.kind in ("joined", "undo") else event


def _by_time(event: Event) -> tuple:
    """By time; revisions of one showing in their order even where clocks have one reading for both."""
    revision = -1 if event.revision is None else event.revision
    return event.at, revision, event.id, json.dumps(event.body, sort_keys=True)


def _one_spelling(name: str | None, names: dict[str, str]) -> str | None:
    return None if name is None else names.get(name_key(name), name)
