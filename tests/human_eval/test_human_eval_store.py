"""Human evaluation: no answer is lost and none counts twice, whatever happens to processes, disk and file."""

import multiprocessing
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from studies_for_tests import answer_all, corpus_of, ids_of, make

from lmindexer.common.errors import StudyError
from lmindexer.human_eval import Study
from lmindexer.human_eval.answering import store
from lmindexer.human_eval.answering.rescue import rescue
from lmindexer.human_eval.answering.store import SCHEMA_VERSION


@pytest.fixture
def study(tmp_path):
    with make(tmp_path / "study.sqlite", questions=["pair"], per_method=20) as made:
        yield made


def raw(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=0.2, isolation_level=None)


# ----------------------------------------------------------------------------------------- one answer at a time


def test_an_answer_is_on_disk_before_it_is_acknowledged(study):
    session = study.sign_in("Ada")
    view = session.next()
    receipt = session.answer("2", seconds=1.5, comment=" why ")
    (row,) = raw(study.path).execute("SELECT at, body FROM events WHERE kind = 'answer'").fetchall()
    assert row[0] == receipt.at and '"shown": "2"' in row[1] and '"comment": "why"' in row[1]
    with study.store.reading() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (2,)  # FULL
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    assert receipt.token == view.token and not receipt.duplicate


def test_the_same_token_counts_once_and_the_first_answer_stands(study):
    first_tab, second_tab = study.sign_in("Ada"), study.sign_in("Ada")
    view = first_tab.next()
    assert second_tab.next() == view
    first = first_tab.answer("1", token=view.token)
    again = second_tab.answer("2", token=view.token)
    assert (again.duplicate, again.shown, again.at) == (True, "1", first.at)
    assert second_tab.skip("late", token=view.token).duplicate
    assert study.answers(early="x")["shown"].tolist() == ["1"]
    assert first_tab.next() == second_tab.next() != view


def test_two_annotators_with_one_question_do_not_meet(study):
    both = [study.sign_in("Ada"), study.sign_in("Ben")]
    tokens = [session.next().token for session in both]
    assert tokens[0] != tokens[1]
    with pytest.raises(StudyError, match="none of yours"):
        both[0].answer("1", token=tokens[1])


def test_undo_is_an_event_and_a_stale_answer_does_not_come_back(study):
    session = study.sign_in("Ada")
    views = []
    for key in "12":
        views.append(session.next())
        session.answer(key)
    third = session.next()
    session.skip("Other", comment="odd")
    assert [session.undo().number, session.undo().number] == [3, 2]
    assert session.next().number == 2 and session.next().token != views[1].token
    assert session.answer("1", token=views[1].token).duplicate  # a page that was left open
    assert session.next().number == 2
    session.answer("1")
    assert session.next().number == 3 and session.progress().done == 2
    with pytest.raises(StudyError, match="changed since"):
        session.answer("1", token=third.token.rsplit(".")[0] + ".7")
    session.undo(), session.undo()
    assert session.undo() is None and session.progress().done == 0
    kinds = [row[0] for row in raw(study.path).execute("SELECT kind FROM events WHERE kind != 'joined' ORDER BY event")]
    assert kinds == ["answer", "answer", "skip", "undo", "undo", "answer", "undo", "undo"]


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(acts=st.lists(st.sampled_from(["1", "2", "skip", "undo", "again", "reopen"]), max_size=25))
def test_any_way_through_leaves_what_a_list_would(acts, tmp_path):
    path = tmp_path / f"{os.urandom(4).hex()}.sqlite"
    study = make(path, questions=["pair"], per_method=5, annotators=2)
    session, expected, last = study.sign_in("Ada"), [], None
    for act in acts:
        view = session.next()
        if act == "undo":
            assert (session.undo() is None) == (not expected)
            expected = expected[:-1]
        elif act == "again" and last:
            assert session.answer("1", token=last).duplicate
        elif act == "reopen":
            study.close()
            session = Study.open(path).sign_in("ada")
            assert session.next() == view
        elif act in "12skip" and view is not None:
            last = view.token
            session.skip("x") if act == "skip" else session.answer(act)
            expected.append(None if act == "skip" else act)
    assert [answer or None for answer in study.answers(early="x")["shown"]] == expected
    assert session.progress().done == len(expected)


def test_nonsense_is_refused_in_words(study):
    session = study.sign_in("Ada")
    with pytest.raises(StudyError, match="No question is open"):
        session.answer("1")
    view = session.next()
    for key in ("3", "0", "", "one", None):
        with pytest.raises(StudyError, match="press one of 1, 2"):
            session.answer(key)
    for token in ("", "abc", view.token.split(".")[0], "x.0", view.token + "x"):
        with pytest.raises(StudyError, match="load the page again"):
            session.answer("1", token=token)
    for seconds in (-1, float("nan"), float("inf")):
        with pytest.raises(StudyError, match="no time"):
            session.answer("1", seconds=seconds)
    with pytest.raises(StudyError, match="needs a reason"):
        session.skip("  ")
    with pytest.raises(StudyError, match="comment has"):
        session.answer("1", comment="x" * 6000)
    assert session.progress().done == 0


def test_seconds_are_measured_where_the_screen_gives_none(study):
    session = study.sign_in("Ada")
    session.next()
    time.sleep(0.03)
    session.next()  # drawn again: the clock goes on
    session.answer("1")
    session.next()
    session.skip("x", seconds=3)
    frame = study.answers(early="x")
    assert 0.03 <= frame["seconds"][0] < 30 and frame["seconds"][1] == 3
    progress = session.progress()
    assert (progress.answered, progress.skipped, progress.done) == (1, 1, 2)
    assert progress.seconds_each == frame["seconds"][0]
    assert progress.seconds_left == pytest.approx(progress.seconds_each * (progress.total - 2))


def test_nothing_can_be_changed_or_deleted(study):
    answer_all(study, "Ada")
    connection = raw(study.path)
    for table in ("events", "showings", "questions", "documents", "study"):
        column = connection.execute(f"SELECT * FROM {table}").description[0][0]
        for statement in (f"DELETE FROM {table}", f"UPDATE {table} SET {column} = {column}"):
            with pytest.raises(sqlite3.IntegrityError, match="nothing in a study is changed or deleted"):
                connection.execute(statement)


def test_threads_share_one_study(study):
    names = ("Ada", "Ben", "Cy")
    threads = [threading.Thread(target=answer_all, args=(study, name)) for name in names for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert study.ended and len(study.answers()) == study.progress()["total"]


def test_a_forked_process_opens_the_file_itself(study):
    session = study.sign_in("Ada")
    session.next()
    child = os.fork()
    if child == 0:
        session.answer("1")
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    assert session.next().number == 2
    session.answer("2")
    assert study.answers(early="x")["shown"].tolist() == ["1", "2"]


# ------------------------------------------------------------------------------------------- many and killed


PRELOADED = multiprocessing.get_context("forkserver")
PRELOADED.set_forkserver_preload(  # so that a restart takes no time
    ["lmindexer.human_eval.answering.study", "studies_for_tests"]
)


def _labeller(path: str, name: str, log: str, seed: int) -> None:
    """Answers until all is done; writes down what was acknowledged, after it was."""
    rng = random.Random(seed)
    session = Study.open(path).sign_in(name)
    with open(log, "ab", buffering=0) as said:
        while session.next() is not None:
            receipt = session.answer(str(rng.randint(1, 2)), seconds=1.0)
            said.write(f"{receipt.token} {receipt.shown} {int(receipt.duplicate)}\n".encode())


def _start(path: Path, slot: int, log: Path, seed: int) -> multiprocessing.Process:
    process = PRELOADED.Process(target=_labeller, args=(str(path), f"person {slot}", str(log), seed), daemon=True)
    process.start()
    return process


@pytest.fixture
def memory_folder(tmp_path):
    """A folder in memory where there is one: thousands of writes, each of which waits for the disk, take their time."""
    if not os.access("/dev/shm", os.W_OK):
        yield tmp_path
        return
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        yield Path(folder)


@pytest.mark.long
def test_eight_processes_with_random_kills_lose_nothing_and_count_nothing_twice(tmp_path, memory_folder):
    """8 annotators × 500 questions; processes die by SIGKILL in the middle and others take over."""
    corpus = corpus_of(2000)
    methods = {"a": ids_of(corpus, 1, (20, 8, 3)), "b": ids_of(corpus, 2, (20, 8, 3))}
    path = memory_folder / "study.sqlite"
    given = {"questions": {"pair": 250}, "annotators": 8, "overlap": 8, "repeats": 0, "gold": 0}
    study = make(path, corpus=corpus, methods=methods, **given)
    total = study.facts["showings"]
    study.close()
    logs = [tmp_path / f"{slot}.log" for slot in range(8)]
    rng, kills = random.Random(1), 0
    running = {slot: _start(path, slot, logs[slot], slot) for slot in range(8)}
    while running:
        time.sleep(rng.uniform(0.02, 0.1))
        for slot, process in list(running.items()):
            if process.exitcode == 0:
                del running[slot]
            elif process.exitcode is not None:
                running[slot] = _start(path, slot, logs[slot], slot + 100 * kills)
        said = sum(log.stat().st_size for log in logs if log.exists())
        if running and kills < 24 and said > 2_500 * kills:
            os.kill(running[rng.choice(list(running))].pid, signal.SIGKILL)
            kills += 1
    assert kills >= 4
    acknowledged = [line.split() for log in logs for line in log.read_text().splitlines()]
    with raw(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        events = connection.execute(
            "SELECT showing || '.' || revision, json_extract(body, '$.shown') FROM events WHERE kind = 'answer'"
        ).fetchall()
    there = Counter(token for token, _ in events)
    assert max(there.values()) == 1 and len(there) == sum(total) == 8 * 500
    stored = dict(events)
    assert all(stored[token] == shown for token, shown, _ in acknowledged)  # each one present, as acknowledged
    assert len({token for token, _, _ in acknowledged}) >= 8 * 500 - kills  # unsaid at most where one was killed
    assert Study.open(path).ended


# ---------------------------------------------------------------------------------------------- the disk, the file


def _in_a_process_of_its_own(code: str, *paths_given: Path) -> str:
    paths = os.pathsep.join([str(Path(__file__).parents[1] / "helpers"), str(Path(__file__).parents[2])])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code), *map(str, paths_given)],
        env={**os.environ, "PYTHONPATH": paths}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_full_disk_is_said_and_keeps_what_was_acknowledged(study):
    session = study.sign_in("Ada")
    for _ in range(3):
        session.next()
        session.answer("1")
    with study.store.reading() as connection:
        (pages,) = connection.execute("PRAGMA page_count").fetchone()
        connection.execute(f"PRAGMA max_page_count = {pages}")
    view, acknowledged = session.next(), 3
    with pytest.raises(StudyError, match=r"disk is full.*free space and answer again"):
        for _ in range(60):
            view = session.next()
            session.answer("1", comment="x" * 3000)
            acknowledged += 1
    assert session.progress().done == acknowledged  # the file was opened anew, with space again
    assert session.next().token == view.token
    assert not session.answer("1", token=view.token).duplicate
    assert len(study.answers(early="x")) == acknowledged + 1


def test_a_disk_that_takes_no_more_bytes(study):
    """The same with the operating system's own limit on the size of a file."""
    study.close()
    code = """
        import resource, signal, sys
        from lmindexer.common.errors import StudyError
        from lmindexer.human_eval import Study
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        study = Study.open(sys.argv[1])
        session = study.sign_in("Ada")
        session.next(), session.answer("1")
        size = study.path.stat().st_size
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        count = 1
        try:
            while session.next():
                session.answer("2", comment="x" * 4000)
                count += 1
        except StudyError as error:
            print(count, error)
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
        print(session.progress().done)
        session.next(), session.answer("1")
        print(session.progress().done)
    """
    message, again, after = _in_a_process_of_its_own(code, study.path).splitlines()
    count, words = message.split(" ", 1)
    assert "cannot be" in words and "every earlier answer is kept" in words
    assert again == count and int(after) == int(count) + 1
    assert len(Study.open(study.path).answers(early="x")) == int(after)


@pytest.mark.skipif(os.name != "posix", reason="needs another user")
@pytest.mark.parametrize("folder_too", [False, True])
def test_a_read_only_file_can_be_read_and_says_that_it_takes_no_answers(study, tmp_path, folder_too):
    answer_all(study, "Ada")
    study.close()
    place = Path(tempfile.mkdtemp())  # where another user may look, as it may not in pytest's own folder
    try:
        path = Path(shutil.copy(study.path, place / "study.sqlite"))
        path.chmod(0o444)
        place.chmod(0o555 if folder_too else 0o777)
        code = """
            import os, sys
            from lmindexer.common.errors import StudyError
            from lmindexer.human_eval import Study
            Study.open(sys.argv[2]).sign_in("Ada").progress()  # loads all modules, which the other user may not read
            if os.getuid() == 0:
                os.setgid(65534), os.setuid(65534)
            study = Study.open(sys.argv[1])
            print(study.progress()["done"])
            for act in (lambda: study.sign_in("Ada").undo(), lambda: study.sign_in("Ben")):
                try:
                    act()
                except StudyError as error:
                    print(error)
        """
        done, *said = _in_a_process_of_its_own(code, path, study.path).splitlines()
        assert int(done) == study.facts["showings"][0] and len(said) == 2
        assert all("is read-only" in line and "every earlier answer is kept" in line for line in said)
    finally:
        place.chmod(0o777)
        shutil.rmtree(place)


def test_a_locked_file_is_said_and_the_answer_can_be_given_again(study, monkeypatch):
    monkeypatch.setattr(store, "PATIENCE", 0.1)
    study.close()
    session = study.sign_in("Ada")
    view = session.next()
    other = raw(study.path)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(StudyError, match="locked by another program"):
        session.answer("1")
    assert session.next() == view and session.progress().done == 0  # reading goes on meanwhile
    other.execute("ROLLBACK")
    assert not session.answer("1", token=view.token).duplicate and session.progress().done == 1


def test_a_writer_waits_for_another(study):
    session, other = study.sign_in("Ada"), raw(study.path)
    session.next()
    other.execute("BEGIN IMMEDIATE")
    thread = threading.Thread(target=session.answer, args=("1",))
    thread.start()
    time.sleep(0.2)
    assert thread.is_alive()
    other.execute("ROLLBACK")
    thread.join()
    assert session.progress().done == 1


@pytest.mark.parametrize("damage", ["head", "middle", "cut", "text", "empty"])
def test_a_damaged_file_is_said_and_never_written(study, damage):
    answer_all(study, "Ada")
    study.close()
    data = study.path.read_bytes()
    harm = {
        "head": b"x" * 100 + data[100:],
        "middle": data[:5000] + os.urandom(30_000) + data[35_000:],
        "cut": data[: len(data) // 2],
        "text": b"no database at all, but words",
        "empty": b"",
    }[damage]
    study.path.write_bytes(harm)
    with pytest.raises(StudyError, match=r"is damaged|is no study") as caught:
        Study.open(study.path)
    assert str(study.path) in str(caught.value) and "\n" not in str(caught.value)
    assert study.path.read_bytes() == harm


def test_damage_while_it_is_open_is_said_too(study):
    session = study.sign_in("Ada")
    session.next()
    session.answer("1")
    study.close()
    data = bytearray(study.path.read_bytes())
    data[4096:] = os.urandom(len(data) - 4096)
    study.path.write_bytes(data)
    with pytest.raises(StudyError, match="is damaged"):
        session.answer("1")


def damaged_at(path: Path, table: str) -> int:
    """Overwrite a middle page of a table; returns how many there are."""
    with raw(path) as connection:
        rows = connection.execute("SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf'", (table,)).fetchall()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    data = bytearray(path.read_bytes())
    page = rows[len(rows) // 2][0] - 1
    data[page * size : (page + 1) * size] = b"\xee" * size
    path.write_bytes(data)
    return len(rows)


def dbstat_is_there() -> bool:
    try:
        sqlite3.connect(":memory:").execute("SELECT * FROM dbstat")
    except sqlite3.OperationalError:
        return False
    return True


@pytest.mark.skipif(not dbstat_is_there(), reason="this SQLite cannot say which page is what")
@pytest.mark.parametrize("table", ["events", "questions"])
def test_what_is_readable_of_a_damaged_file_is_rescued(study, tmp_path, table):
    shutil.copy(study.path, tmp_path / "as made.sqlite")
    for name in ("Ada", "Ben", "Cy"):
        answer_all(study, name)
    before = study.answers()
    study.close()
    pages = damaged_at(study.path, table)
    harm = study.path.read_bytes()
    with pytest.raises(StudyError, match=r"is damaged.*label rescue"):
        Study.open(study.path)
    like = None
    if table == "questions":
        with pytest.raises(StudyError, match="give a copy of the study"):
            rescue(study.path, tmp_path / "new.sqlite")
        like = Study.open(tmp_path / "as made.sqlite")
    done = rescue(study.path, tmp_path / "new.sqlite", like)
    after = done.study.answers(early="rescued").set_index(["annotator", "place"])
    before = before.set_index(["annotator", "place"])
    assert (after["answer"] == before.loc[after.index, "answer"]).all()
    if table == "events":
        assert len(before) * (1 - 2 / pages) < len(after) < len(before) and done.lost >= len(before) - len(after)
    else:
        assert len(after) == len(before) and done.lost == 0
    assert study.path.read_bytes() == harm
    assert done.study.sign_in("Ada").progress().done > 0


def test_a_sound_file_is_rescued_whole_and_nonsense_is_refused(study, tmp_path):
    answer_all(study, "Ada")
    done = rescue(study.path, tmp_path / "new.sqlite")
    assert done.lost == 0 and len(done.study.answers(early="x")) == study.progress()["done"]
    (tmp_path / "text").write_text("words")
    with pytest.raises(StudyError, match="cannot be read"):
        rescue(tmp_path / "text", tmp_path / "other.sqlite")
    with pytest.raises(StudyError, match="does not exist"):
        rescue(tmp_path / "none", tmp_path / "other.sqlite")
    done = rescue(tmp_path / "text", tmp_path / "other.sqlite", study)
    assert (done.events, done.lost) == (0, None) and not len(done.study.annotators())


def test_a_log_that_a_crash_left_behind_is_recovered(study, tmp_path):
    """The file and its log as they are on disk when power fails: every acknowledged answer is there."""
    session = study.sign_in("Ada")
    for _ in range(5):
        session.next()
        session.answer("1")
    folder = tmp_path / "after"
    folder.mkdir()
    for end in ("", "-wal"):
        shutil.copy(f"{study.path}{end}", folder / f"study.sqlite{end}")
    log = folder / "study.sqlite-wal"
    log.write_bytes(log.read_bytes() + os.urandom(3000))  # an answer that was half written
    assert Study.open(folder / "study.sqlite").sign_in("Ada").progress().done == 5


def test_newer_foreign_and_missing_files_are_refused(study, tmp_path):
    answer_all(study, "Ada")
    study.close()
    connection = raw(study.path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()
    with pytest.raises(StudyError, match=rf"newer version \(schema {SCHEMA_VERSION + 1}.*update lmindexer"):
        Study.open(study.path)
    other = tmp_path / "other.sqlite"
    raw(other).execute("CREATE TABLE t (x)")
    with pytest.raises(StudyError, match="no study of this program"):
        Study.open(other)
    with pytest.raises(StudyError, match="does not exist"):
        Study.open(tmp_path / "none.sqlite")
    assert not (tmp_path / "none.sqlite").exists()
    with pytest.raises(StudyError, match="is a folder"):
        Study.open(tmp_path)


def test_a_study_is_never_replaced_and_never_half_there(study, tmp_path, monkeypatch):
    before = study.path.read_bytes()
    with pytest.raises(StudyError, match="is there already"):
        make(study.path)
    assert study.path.read_bytes() == before

    def fails(*_):
        raise sqlite3.OperationalError("disk I/O error")

    monkeypatch.setattr(store, "_write_new", fails)
    with pytest.raises(StudyError, match="cannot be written"):
        make(tmp_path / "new.sqlite")
    assert [path.name for path in tmp_path.iterdir() if "new" in path.name] == []


def test_strange_paths(tmp_path):
    path = tmp_path / "a b?c#d%20é.sqlite"
    study = make(path, questions=["pair"], per_method=2)
    session = study.sign_in("Ada")
    session.next()
    session.answer("1")
    study.close()
    assert Study.open(path).sign_in("Ada").progress().done == 1
