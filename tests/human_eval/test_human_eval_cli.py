"""lmindexer label …: what each command prints and writes, and errors as one line."""

import json
import re
import shlex
import shutil
from pathlib import Path

import pandas as pd
import pytest
from studies_for_tests import answer_all, corpus_of, ids_of
from typer.testing import CliRunner

from lmindexer.cli import app
from lmindexer.cli import explore as explore_module
from lmindexer.human_eval import Study
from lmindexer.runs.bundle import write_bundle


@pytest.fixture
def runs(tmp_path, monkeypatch) -> Path:
    """A folder to work in, with the finished runs runs/a and runs/b over one corpus."""
    monkeypatch.chdir(tmp_path)
    corpus = corpus_of()
    for name, seed in (("a", 1), ("b", 2)):
        manifest = {"method": "rqvae" if name == "a" else "hierarchical", "settings": {}}
        write_bundle(tmp_path / "runs" / name, manifest=manifest, corpus=corpus, ids=ids_of(corpus, seed))
    return tmp_path


def run(line: str, code: int = 0, **given) -> str:
    result = CliRunner().invoke(app, shlex.split(line), **given)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == code, result.output
    return result.output


def error(line: str) -> str:
    """The one line that `lmindexer LINE` fails with."""
    result = CliRunner().invoke(app, shlex.split(line))
    assert result.exit_code == 2, result.output
    assert result.stderr.startswith("Error: ") and result.stderr.count("\n") == 1, result.stderr
    return result.stderr.strip().removeprefix("Error: ")


def test_a_study_from_the_shell(runs):
    printed = run("label create runs/a runs/b --questions pair=4 --questions ab --per-method 3 --annotators 3")
    assert "Methods: rqvae, hierarchical" in printed and "pair: 4 questions a method" in printed
    assert "ab: 3 questions a pair of methods" in printed and "label open study.sqlite" in printed
    study = Study.open("study.sqlite")
    printed = run("label status study.sqlite")
    assert "Done: 0 of" in printed and "Open. Methods are hidden." in printed
    answer_all(study, "Ada")
    total = study.facts["showings"][0]
    printed = run("label status study.sqlite")
    assert f"Ada: {total} of {total}" in printed and f"Done: {total}" in printed
    assert "when the study has ended" in error("label export study.sqlite -o a.csv")
    run('label export study.sqlite -o a.csv --early "to test"')
    assert run("label end study.sqlite --by Boss --reason late").strip() == "Ended by Boss. Methods are hidden."
    assert "Written: a.jsonl" in run("label export study.sqlite -o a.jsonl")
    assert len(pd.read_json("a.jsonl", lines=True)) == len(pd.read_csv("a.csv")) == total
    assert "Ended by Boss" in run("label status study.sqlite")


def test_label_studio_out_and_in(runs):
    run("label create runs/a runs/b -o s.sqlite --per-method 3")
    printed = run("label export s.sqlite -o tasks.json --what tasks")
    assert printed.splitlines() == ["Written: tasks.json", "Written: tasks.xml"]
    tasks = json.loads(Path("tasks.json").read_text())
    for task in tasks:
        value = {"choices": [task["data"]["choices"][0]["value"]]}
        task["annotations"] = [{"completed_by": 1, "result": [{"from_name": "answer", "value": value}]}]
    Path("done.json").write_text(json.dumps(tasks))
    assert run("label import s.sqlite done.json --by Boss").startswith(f"{len(tasks)} answers recorded; 0 were there")
    assert run("label import s.sqlite done.json --by Boss").startswith(f"0 answers recorded; {len(tasks)} were there")


def test_answers_that_differ_are_listed(runs):
    run("label create runs/a runs/b -o s.sqlite --per-method 3")
    with Study.open("s.sqlite") as study:
        question = study.questions()[0]
    rows = [f"Ada;{question.question_id};{choice}" for choice in question.choices[:2]]
    Path("a.csv").write_text("\n".join(["annotator;question_id;answer", *rows]))
    assert "--delimiter" in error("label import s.sqlite a.csv --by Boss")
    printed = run("label import s.sqlite a.csv --by Boss --delimiter ';'")
    assert printed.startswith("1 answer recorded; 0 were there already.\n1 answer differs from the one that stands:")
    assert f"a.csv, row 3: Ada on {question.question_id}: {question.choices[0]} stands" in printed
    run("label export s.sqlite -o events.jsonl --what events --early conflicts")
    assert "conflict" in pd.read_json("events.jsonl", lines=True)["kind"].tolist()


def test_merging_two_copies(runs):
    run("label create runs/a runs/b -o one.sqlite --per-method 3 --annotator Ada --annotator Ben")
    shutil.copy("one.sqlite", "two.sqlite")
    for name, who in (("one", "Ada"), ("two", "Ben")):
        with Study.open(f"{name}.sqlite") as study:
            answer_all(study, who)
    printed = run("label merge one.sqlite two.sqlite -o both.sqlite")
    assert re.search(r"both.sqlite: (\d+) of \1 screens are done", printed)
    assert "is there already" in error("label merge one.sqlite two.sqlite -o both.sqlite")


def test_a_damaged_file_is_rescued(runs):
    run("label create runs/a runs/b --per-method 3")
    run("label create runs/a runs/b --per-method 3 -o again.sqlite")  # the same seed, the same study
    with Study.open("study.sqlite") as study:
        answer_all(study, "Ada")
        done = study.progress()["done"]
    data = Path("study.sqlite").read_bytes()
    Path("study.sqlite").write_bytes(data[:-4096])  # the last page is missing
    assert "label rescue FILE -o NEW" in error("label status study.sqlite")
    printed = run("label rescue study.sqlite -o new.sqlite --like again.sqlite")
    assert re.search(r"\d+ events read, \d+ lost", printed)
    assert 0 < Study.open("new.sqlite").progress()["done"] <= done


def test_a_place_is_handed_on(runs):
    run("label create runs/a runs/b --per-method 2 --annotator Ada --annotator Ben")
    study = Study.open("study.sqlite")
    study.sign_in("Ada")
    assert "goes to the next newcomer" in run("label hand-on study.sqlite Ada --by Boss")
    assert study.sign_in("Cy").slot == 1 and "Ada (left)" in run("label status study.sqlite")
    assert "Nobody called 'Dee'" in error("label hand-on study.sqlite Dee")


def test_the_password_is_typed_and_never_printed(runs):
    printed = run("label create runs/a runs/b --per-method 2 --ask-password", input="mauve\nmauve\n")
    assert "mauve" not in printed
    study = Study.open("study.sqlite")
    assert study.has_password and study.sign_in("Ada", "mauve").annotator == "Ada"


def test_the_labelling_page_opens_alone(runs, monkeypatch):
    calls = []
    monkeypatch.setattr(explore_module, "application_path", lambda: Path("app.py"))
    monkeypatch.setattr(explore_module, "_serve", lambda *given: calls.append(given) or 0)
    run("label create runs/a runs/b --per-method 2")
    run("label open study.sqlite --no-browser")
    run("label open study.sqlite --results --host 0.0.0.0")
    assert calls[0][1] == [f"--study={runs / 'study.sqlite'}"] and calls[0][4] is False
    assert calls[1][1] == [f"--study={runs / 'study.sqlite'}", "--coordinator"] and calls[1][2] == "0.0.0.0"
    assert "does not exist" in error("label open nothing.sqlite") and len(calls) == 2


def test_power_in_words():
    printed = run("label power --difference 0.2 --base 0.6 --overlap 2 --icc 0.5")
    assert "122 judgments of each method (61 questions by 2 annotators each)" in printed
    assert "leads out of 0 to 1" in error("label power --difference 0.6")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("label create runs/none", "does not exist"),
        ("label create runs/a --questions ab", "compare two runs"),
        ("label create runs/a runs/b --questions odd", "no type of question"),
        ("label create runs/a runs/b --questions pair=many", "write a type and a number"),
        ("label create runs/a runs/b --annotators 2 --annotator Ada", "exclude each other"),
        ("label create runs/a runs/b --overlap 3", "overlap is 3"),
        ("label status runs/a/ids.parquet", "is damaged"),
        ("label export runs -o x.csv", "is a folder"),
    ],
)
def test_errors_are_one_line(runs, line, words):
    assert words in error(line)
    assert not Path("study.sqlite").exists()


COMMANDS = ["create", "open", "status", "end", "hand-on", "export", "import", "merge", "rescue", "power"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself_by_an_example(command):
    printed = run(f"label {command} --help")
    assert f"lmindexer label {command} " in printed
