"""The study's file: SQLite with a write-ahead log, where events are only ever added.

    study      key, value (JSON)                                     what the study is
    documents  doc_id, title, text                                   what annotators read
    questions  question_id, number, type, body, hidden (JSON)        what they are asked
    showings   showing, slot, place, question_id, repeat, arrangement    to whom, when and in which order
    events     event, id, at, kind, annotator, showing, revision, body   everything that happened since

Every write is one transaction that is on disk (synchronous=FULL) before the call returns, and carries an id that can
be in the file once only: writing it again changes nothing. Triggers refuse every UPDATE and DELETE.
"""

import datetime
import hashlib
import json
import os
import sqlite3
import threading
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from lmindexer.common.arguments import resolved
from lmindexer.common.errors import StudyError
from lmindexer.human_eval.answering.wholeness import event_checker, fault_of_content

SCHEMA_VERSION = 1
APPLICATION_ID = 0x4C4D4953  # "LMIS"; says in the file's head what it is
PATIENCE = 10.0  # seconds to wait for another process's write

_TABLES = """
CREATE TABLE study (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE documents (doc_id TEXT PRIMARY KEY, title TEXT NOT NULL, text TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE questions (question_id TEXT PRIMARY KEY, number INTEGER NOT NULL UNIQUE, type TEXT NOT NULL,
                        body TEXT NOT NULL, hidden TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE showings (showing TEXT PRIMARY KEY, slot INTEGER NOT NULL, place INTEGER NOT NULL,
                       question_id TEXT NOT NULL REFERENCES questions, repeat INTEGER NOT NULL,
                       arrangement TEXT NOT NULL, UNIQUE (slot, place)) WITHOUT ROWID;
CREATE TABLE events (event INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, at TEXT NOT NULL,
                     kind TEXT NOT NULL, annotator TEXT, showing TEXT, revision INTEGER, body TEXT NOT NULL);
CREATE INDEX events_of_annotator ON events (annotator, showing, revision);
CREATE INDEX events_of_kind ON events (kind);
"""
CONTENT = ("study", "documents", "questions", "showings")  # written once, before anything happens
DIGEST = "digest"  # the key in the table study under which the content's digest stands
_FULL, _READ_ONLY, _CANNOT_OPEN, _BUSY, _LOCKED, _DAMAGED = 13, 8, 14, 5, 6, (11, 26)  # SQLite's result codes


class Event(NamedTuple):
    """One thing that happened; `id` makes it unique, `revision` counts what happened to one showing."""

    id: str
    kind: str
    annotator: str | None = None
    showing: str | None = None
    revision: int | None = None
    body: dict = {}  # noqa: RUF012 -- never changed
    at: str | None = None  # None: now


def now() -> str:
    """The time as it is stored: UTC, ISO 8601, with milliseconds."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


class Store:
    """One open study file; may be shared between threads, and opens itself again in a forked process.

    Raises StudyError, one sentence with what to do, for a file that is missing, foreign, damaged, locked, read-only,
    of a newer version, or on a full disk. A write that raises has changed nothing.
    """

    def __init__(self, path: str | Path):
        self.path = resolved(path)
        if not self.path.is_file():
            what = "is a folder" if self.path.is_dir() else "does not exist"
            raise StudyError(f"{self.path} {what}; give the file of a study, as lmindexer label create makes it.")
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._process = 0
        with self.reading() as connection:
            self._check(connection)

    # -- making --------------------------------------------------------------------------------------------

    @classmethod
    def create(cls, path: str | Path, fill: Iterable[tuple[str, Iterable[tuple]]]) -> "Store":
        """Write a new study file whole or not at all.

        Args:
            path: where; nothing may be there.
            fill: (table, rows) in order.
        """
        path = resolved(path)
        if path.exists():
            raise StudyError(f"{path} is there already; a study is never replaced, so choose another name.")
        aside = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _write_new(aside, fill)
            _put_in_place(aside, path)
        except FileExistsError:
            raise StudyError(f"{path} is there already; choose another name for the study.") from None
        except (OSError, sqlite3.Error) as error:
            raise StudyError(f"{path} cannot be written ({error}); free space or choose another folder.") from error
        finally:
            for left in (aside, *(aside.with_name(aside.name + end) for end in ("-wal", "-shm", "-journal"))):
                left.unlink(missing_ok=True)
        return cls(path)

    # -- using ---------------------------------------------------------------------------------------------

    def add(self, event: Event) -> bool:
        """Write an event; False when an event with its id is there already, which then stands."""
        with self.writing() as connection:
            return insert(connection, event)

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for SELECTs that need not see one state of the file."""
        with self._lock:
            try:
                yield self._open()
            except sqlite3.Error as error:
                self.close()
                raise _explained(error, self.path, "read") from error
            except (json.JSONDecodeError, UnicodeDecodeError) as error:  # a page that SQLite cannot tell is wrong
                self.close()
                raise StudyError(_damaged(self.path, error)) from error

    def check_content(self) -> None:
        """Compare questions, showings and documents with what was written, and look whether all rows are whole.

        Raises StudyError when they are not.
        """
        with self.snapshot() as connection:
            content = content_of(connection)
            events = connection.execute("SELECT * FROM events").fetchall()
        fault = fault_of_content(content)
        if fault is None and dict(content[0][1]).get(DIGEST) not in (None, digest_of(content)):
            fault = "questions or documents are not what was written"
        if fault is None and not all(map(event_checker(content), events)):
            fault = "an answer or another event is not what was written"
        if fault is not None:
            self.close()
            raise StudyError(_damaged(self.path, fault))

    @contextmanager
    def snapshot(self) -> Iterator[sqlite3.Connection]:
        """The connection, for several SELECTs that must see one state of the file."""
        with self.reading() as connection:
            connection.execute("BEGIN")
            try:
                yield connection
            finally:
                if connection.in_transaction:
                    connection.rollback()

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection in a transaction of its own: on disk when the block ends, undone when it raises."""
        with self._lock:
            try:
                connection = self._open()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                    connection.execute("COMMIT")
                except BaseException:
                    if connection.in_transaction:
                        connection.rollback()
                    raise
            except sqlite3.Error as error:
                self.close()
                raise _explained(error, self.path, "written") from error

    def close(self) -> None:
        """Let go of the file; the next use opens it again."""
        with self._lock:
            connection, self._connection = self._connection, None
            if connection is not None and self._process == os.getpid():
                with suppress(sqlite3.Error):  # what is on disk is whole; the next opening recovers the log
                    connection.close()

    def _open(self) -> sqlite3.Connection:
        if self._connection is None or self._process != os.getpid():
            if self._connection is not None:
                _inherited.append(self._connection)  # a parent's connection must be neither used nor closed here
            self._connection, self._process = _connect(self.path), os.getpid()
        return self._connection

    def _check(self, connection: sqlite3.Connection) -> None:
        (application,) = connection.execute("PRAGMA application_id").fetchone()
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if application != APPLICATION_ID:
            self.close()
            raise StudyError(f"{self.path} is no study of this program; give a file that lmindexer label create made.")
        if version > SCHEMA_VERSION:
            self.close()
            raise StudyError(
                f"{self.path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION}); "
                "update lmindexer to open it."
            )
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if found != "ok":
            self.close()
            raise StudyError(_damaged(self.path, found))


_inherited: list = []


def kept_in(path: str | Path) -> dict:
    """What a study's file says of itself (name, created, plan, facts, fingerprint, …), without a check of the rest."""
    connection = _connect(resolved(path))
    try:
        return {key: json.loads(value) for key, value in connection.execute("SELECT key, value FROM study")}
    finally:
        connection.close()


def content_of(connection: sqlite3.Connection) -> list[tuple[str, list[tuple]]]:
    """(table, rows) of everything but the events."""
    return [(table, connection.execute(f"SELECT * FROM {table}").fetchall()) for table in CONTENT]


def digest_of(content: Iterable[tuple[str, Iterable[tuple]]]) -> str:
    """JSON text of the SHA-256 over all rows but its own: what SQLite itself does not check of long texts."""
    rows = [(table, *row) for table, many in content for row in many if row[0] != DIGEST]
    text = json.dumps(sorted(rows, key=lambda row: row[:2]), ensure_ascii=False)
    return json.dumps(hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest())


def insert(connection: sqlite3.Connection, event: Event) -> bool:
    """Add an event inside a transaction; False when its id is taken."""
    done = connection.execute(
        "INSERT INTO events (id, at, kind, annotator, showing, revision, body) VALUES (?, ?, ?, ?, ?, ?, ?) "
        "ON CONFLICT (id) DO NOTHING",
        (
            event.id,
            event.at or now(),
            event.kind,
            event.annotator,
            event.showing,
            event.revision,
            json.dumps(event.body, ensure_ascii=False, allow_nan=False),
        ),
    )
    return done.rowcount == 1


def conflict_of(event: Event, stands: str) -> Event:
    """The event that keeps `event` in view where it must not count, because the event with the id `stands` does.

    The same answer against the same one makes the same id, so that it is kept once.
    """
    name = f"conflict/{short_digest(event._asdict())}"
    body = {"event": event._asdict(), "stands": stands}
    return Event(name, "conflict", event.annotator, event.showing, None, body, event.at)


def short_digest(value) -> str:
    """16 hexadecimal digits that stand for a value of plain JSON types."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:16]


def unique(kind: str) -> str:
    """An id for an event that may happen any number of times."""
    return f"{kind}/{uuid.uuid4().hex}"


def _connect(path: Path) -> sqlite3.Connection:
    """Open an existing file; where it cannot be written, for reading only."""
    try:
        return _with_settings(f"{path.as_uri()}?mode=rw")
    except sqlite3.OperationalError as error:
        log = path.with_name(path.name + "-wal")
        if error.sqlite_errorcode & 0xFF not in (_READ_ONLY, _CANNOT_OPEN) or (log.exists() and log.stat().st_size):
            raise
    return _with_settings(f"{path.as_uri()}?immutable=1")  # a read-only folder, where no shared memory can be had


def _with_settings(address: str) -> sqlite3.Connection:
    connection = sqlite3.connect(address, uri=True, timeout=PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # only now is the file looked at
    except BaseException:
        connection.close()
        raise
    return connection


def _write_new(path: Path, fill: Iterable[tuple[str, Iterable[tuple]]]) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.executescript(_TABLES)
        connection.execute("BEGIN")
        for table, rows in fill:
            for row in rows:
                connection.execute(f"INSERT INTO {table} VALUES ({', '.join('?' * len(row))})", row)
        for table in (*CONTENT, "events"):
            for act in ("UPDATE", "DELETE"):
                connection.execute(
                    f"CREATE TRIGGER {table}_no_{act.lower()} BEFORE {act} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'nothing in a study is changed or deleted'); END"
                )
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        connection.close()


def _put_in_place(aside: Path, path: Path) -> None:
    """Rename without ever replacing a file that came up meanwhile."""
    try:
        os.link(aside, path)
    except FileExistsError:
        raise
    except OSError:  # a file system without links
        path.open("x").close()
        os.replace(aside, path)


def _damaged(path: Path, why: object) -> str:
    return (
        f"{path} is damaged ({' '.join(str(why).split())}); nothing was written to it. Copy it from a backup together "
        "with its -wal file, or save what can be read with: lmindexer label rescue FILE -o NEW"
    )


def _explained(error: sqlite3.Error, path: Path, verb: str) -> StudyError:
    """SQLite's error as a sentence with a remedy."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    kept = "Nothing was recorded now; every earlier answer is kept"
    if code == _FULL:
        return StudyError(f"{path} cannot be written: the disk is full. {kept}; free space and answer again.")
    if code == _READ_ONLY:
        return StudyError(f"{path} cannot be written: it is read-only. {kept}; allow writing to the file and folder.")
    if code in (_BUSY, _LOCKED):
        return StudyError(
            f"{path} is locked by another program for more than {PATIENCE:.0f} seconds. {kept}; close that program "
            "and try again."
        )
    if code in _DAMAGED:
        return StudyError(_damaged(path, error))
    if isinstance(error, sqlite3.IntegrityError):
        return StudyError(f"{path} was not changed: {error}.")
    return StudyError(f"{path} cannot be {verb} ({error}). {kept}; check the disk and try again.")
