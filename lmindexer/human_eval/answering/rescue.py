"""What can still be read of a damaged study file, in a new one."""

import json
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from lmindexer.common.arguments import resolved
from lmindexer.common.errors import StudyError
from lmindexer.human_eval.answering.store import DIGEST, Store, content_of, digest_of, now, unique
from lmindexer.human_eval.answering.study import Study
from lmindexer.human_eval.answering.wholeness import event_checker, fault_of_content

_COLUMNS = "event, id, at, kind, annotator, showing, revision, body"
_STEP = 500  # events read at once where nothing is damaged
_BEYOND = 5_000  # missing numbers after which no more events are looked for, where their count cannot be read


class Rescued(NamedTuple):
    """The new study; how many events were read, and how many are known to be lost (None: their count is, too)."""

    study: Study
    events: int
    lost: int | None


def rescue(damaged: str | Path, path: str | Path, like: Study | None = None) -> Rescued:
    """Write a new study file with all events of a damaged one that can be read; the damaged one is not touched.

    Args:
        damaged: the file; its -wal file is read, too, when it lies beside it.
        path: the file to make.
        like: a sound copy of the same study, or one made again with the same seed, for questions and showings that
            cannot be read either; its own events are not taken.

    Raises:
        StudyError: when questions and showings cannot be read and no copy is given, or nothing can be opened at all.
    """
    damaged = resolved(damaged)
    if not damaged.is_file():
        raise StudyError(f"{damaged} does not exist; give the damaged file.")
    with _copy_of(damaged) as connection:
        content = _content(connection) if like is None else _content_of(like)
        if content is None:
            raise StudyError(
                f"The questions in {damaged} cannot be read; give a copy of the study, or one made again with the "
                "same seed from the same runs."
            )
        events = _sound(_events(connection), content)
        last = _last(connection)
    lost = None if last is None else max(last - len(events), 0)
    body = json.dumps({"file": damaged.name, "events": len(events), "lost": lost})
    number = 1 + max((row[0] for row in events), default=0)
    events.append((number, unique("rescued"), now(), "rescued", None, None, None, body))
    return Rescued(Study(Store.create(path, [*content, ("events", events)])), len(events) - 1, lost)


@contextmanager
def _copy_of(damaged: Path) -> Iterator[sqlite3.Connection]:
    """A connection to a copy, for SQLite writes into the folder of what it reads."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.sqlite"
        shutil.copyfile(damaged, copy)
        log = damaged.with_name(damaged.name + "-wal")
        if log.is_file():
            shutil.copyfile(log, copy.with_name(copy.name + "-wal"))
        connection = sqlite3.connect(copy, isolation_level=None)
        try:
            connection.execute("PRAGMA writable_schema = ON")  # read on where the file is shorter than its head says
            yield connection
        finally:
            connection.close()


def _content(connection: sqlite3.Connection) -> list | None:
    """Questions, showings and documents if they are what was written, else None."""
    try:
        found = content_of(connection)
    except (sqlite3.Error, UnicodeDecodeError):
        return None
    sound = fault_of_content(found) is None and dict(found[0][1]).get(DIGEST) == digest_of(found)
    return found if sound else None


def _content_of(study: Study) -> list:
    with study.store.snapshot() as connection:
        return content_of(connection)


def _events(connection: sqlite3.Connection) -> Iterator[tuple]:
    """Rows by number: many at once, and one by one where a page in between cannot be read."""
    start, last = 1, _last(connection)
    missed = 0
    while (start <= last) if last is not None else (missed < _BEYOND):
        try:
            rows = _rows(connection, start, start + _STEP)
        except sqlite3.Error:
            rows = list(_one_by_one(connection, start, start + _STEP))
        missed = 0 if rows else missed + _STEP
        start += _STEP
        yield from rows


def _rows(connection: sqlite3.Connection, start: int, end: int) -> list[tuple]:
    query = f"SELECT {_COLUMNS} FROM events WHERE event >= ? AND event < ? ORDER BY event"
    return connection.execute(query, (start, end)).fetchall()


def _one_by_one(connection: sqlite3.Connection, start: int, end: int) -> Iterator[tuple]:
    for number in range(start, end):
        try:
            yield from _rows(connection, number, number + 1)
        except sqlite3.Error:
            continue


def _last(connection: sqlite3.Connection) -> int | None:
    """The highest number of an event ever given, or None where that cannot be read."""
    try:
        row = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        return row[0] if row and isinstance(row[0], int) else 0
    except sqlite3.Error:
        return None


def _sound(rows: Iterator[tuple], content: list) -> list[tuple]:
    """Rows that are whole, no id twice."""
    whole, found = event_checker(content), {}
    for row in rows:
        if whole(row):
            found.setdefault(row[1], row)
    return list(found.values())
