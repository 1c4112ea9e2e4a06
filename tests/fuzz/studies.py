"""Fuzzing of labelling studies: each broken file is read as it was, or refused in one sentence that names it.

    .venv/bin/python tests/fuzz/studies.py --count 500

A case changes bytes of a study's file, or its rows past the triggers that keep them, then opens it, reads questions,
answers and results, goes on answering, and rescues what can be read. See corpora.py.
"""

import random
import shutil
import sqlite3
import sys
import tempfile
from functools import cache, partial
from pathlib import Path

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "helpers")]
from fuzzing import answer, main
from mutations import BYTES, ODD_TEXTS
from run_bundles import corpus_of, ids_of

from lmindexer.common.errors import StudyError
from lmindexer.human_eval import Study, disagreements, report_html, study_results
from lmindexer.human_eval.answering.export import export
from lmindexer.human_eval.answering.rescue import rescue
from lmindexer.human_eval.answering.store import DIGEST, content_of, digest_of

NAME = "the-study.sqlite"  # every sentence must hold it
ANSWERED = 6  # by the first annotator
TABLES = ("study", "documents", "questions", "showings", "events")


@cache
def written(state: str) -> Path:
    """A small study, made once a process: "open", or "ended" and unblinded."""
    path = Path(tempfile.mkdtemp(prefix="lmindexer-fuzz-")) / NAME
    corpus = corpus_of(60)
    kinds = {"intruder": 4, "pair": 4, "coherence": 2}
    with Study.create(
        {"first": ids_of(corpus), "second": ids_of(corpus, 1)}, corpus, path=path, questions=kinds, seed=1
    ) as study:
        session = study.sign_in("Ada")
        for _ in range(ANSWERED):
            session.answer(session.next().choices[0].key, seconds=3.0, comment="é")
        session.undo()
        if state == "ended":
            study.end("Grace", "enough")
            study.unblind("Grace", "to look")
    return path


def case(rng: random.Random, folder: Path):
    """A changed study and the check of it."""
    state = rng.choice(("open", "ended"))
    path = folder / NAME
    shutil.copy(written(state), path)
    how = rng.choice((of_bytes, of_bytes, of_rows, of_rows, of_rows, of_files))
    try:
        what = how(path, rng)
    except sqlite3.Error as error:  # the change before made this one impossible
        what = f"{how.__name__}: {error}"
    return f"{state}: {what}", partial(check, path)


# ------------------------------------------------------------------------------------------------ changes


def of_bytes(path: Path, rng: random.Random) -> str:
    """One to three changes of bytes."""
    names, data = [], path.read_bytes()
    for change in rng.choices(BYTES, k=rng.choice((1, 1, 2, 3))):
        if data:
            data = change(data, rng)
            names.append(change.__name__)
    path.write_bytes(data)
    return ", ".join(names)


def of_files(path: Path, rng: random.Random) -> str:
    """Another file in its place, or beside it."""
    how = rng.choice(("empty", "folder", "another database", "text", "a log beside", "half a log", "link", "nothing"))
    if how in ("empty", "text"):
        path.write_bytes(b"" if how == "empty" else b"question,answer\nq1,a\n")
    elif how in ("a log beside", "half a log"):
        path.with_name(NAME + "-wal").write_bytes(rng.randbytes(rng.choice((10, 4_096, 40_000))))
    else:
        path.unlink()
        if how == "folder":
            path.mkdir()
        elif how == "link":
            path.symlink_to(NAME)
        elif how == "another database":
            with sqlite3.connect(path) as connection:
                connection.execute("CREATE TABLE study (key, value)")
            connection.close()
    return how


def of_rows(path: Path, rng: random.Random) -> str:
    """Cells, rows or tables changed by another program; in half of the cases it brings the digest up to date."""
    connection = sqlite3.connect(path)
    try:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        what = _changed(connection, rng)
        if rng.random() < 0.5:
            digest = digest_of(content_of(connection))
            connection.execute("UPDATE study SET value = ? WHERE key = ?", (digest, DIGEST))
            what += ", digest anew"
        connection.commit()
    finally:
        connection.close()
    return what


def _changed(connection: sqlite3.Connection, rng: random.Random) -> str:
    table = rng.choice((*TABLES, "events", "questions"))
    how = rng.choice(("cell", "cell", "cell", "cell", "lose rows", "lose a row", "event", "drop", "column", "version"))
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info({table})")]
    key, column = columns[0], rng.choice(columns)
    keys = [row[0] for row in connection.execute(f"SELECT {key} FROM {table}")]
    if how == "cell":
        one = rng.choice(keys)
        kept = connection.execute(f"SELECT {column} FROM {table} WHERE {key} = ?", (one,)).fetchone()
        value = _odd(kept[0], rng)
        connection.execute(f"UPDATE OR IGNORE {table} SET {column} = ? WHERE {key} = ?", (value, one))
        return f"{table}.{column} of {one!r} is {str(value)[:40]!r}"
    if how == "lose rows":
        connection.execute(f"DELETE FROM {table}")
    elif how == "lose a row":
        connection.execute(f"DELETE FROM {table} WHERE {key} = ?", (rng.choice(keys),))
    elif how == "event":
        row = ("x", rng.choice(("2024", "", "x")), rng.choice(("answer", "skip", "end", "joined", "undo", "adjudicate",
               "x")), rng.choice(("Ada", None, "")), rng.choice(("x", None)), rng.choice((1, None, -1)),
               rng.choice(("{}", "[]", "", "x", "null", '{"slot": 99}', '{"choice": 1}')))  # fmt: skip
        connection.execute("INSERT INTO events VALUES (NULL, ?, ?, ?, ?, ?, ?, ?)", row)
    elif how == "drop":
        connection.execute(f"DROP TABLE {table}")
    elif how == "column":
        connection.execute(f"ALTER TABLE {table} RENAME COLUMN {column} TO other")
    else:
        connection.execute(f"PRAGMA {rng.choice(('user_version', 'application_id'))} = {rng.choice((0, 2, 99, -1))}")
    return f"{how} {table}"


def _odd(kept, rng: random.Random):
    """An odd value, or the one that stood there with a change."""
    if isinstance(kept, str) and kept and rng.random() < 0.5:
        return BYTES[0](kept.encode(), rng).decode("utf-8", "replace")
    return rng.choice((*ODD_TEXTS, None, -1, 0, 10**15, 1.5, b"\xff\xfe", "{}", "[]", "null", '"x"', "[" * 2_000))


# ------------------------------------------------------------------------------------------------ checking


def check(path: Path) -> str:
    """Open and use the study in every way; gives "read" or "refused"."""
    ask = partial(answer, name=NAME)
    study = ask(lambda: Study.open(path))
    saved = path.with_name("saved.sqlite")
    rescued = answer(lambda: rescue(path, saved))
    assert (rescued is not None) == saved.exists(), "a rescue that failed left a file, or the other way round"
    if rescued is not None:
        answer(lambda: use(Study.open(saved)), saved.name)
    if study is None:
        return "refused"
    return "refused" if ask(lambda: use(study) or True) is None else "read"


def use(study: Study) -> None:
    """What pages and the command line ask of a study."""
    with study:
        for question in study.questions():
            study.view(question.question_id)
        study.progress(), study.annotators(), study.adjudications(), study.events(early="a look")
        study.answers(early="a look")
        disagreements(study, early="a look")
        if study.unblinded and study.ended:
            study_results(study)
            report_html(study)
        export(study, study.path.with_name("out.csv"), early="a look")
        _go_on(study)


def _go_on(study: Study) -> None:
    """An annotator goes on, unless the study says why not."""
    try:
        session = study.sign_in("Ada")
        view = session.next()
        if view is not None:
            session.answer(view.choices[0].key, seconds=1.0)
    except StudyError as error:
        if NAME in str(error) or "damaged" in str(error):
            raise


if __name__ == "__main__":
    sys.exit(main(case, __doc__))
