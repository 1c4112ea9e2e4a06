"""Human evaluation: files out and in, what Label Studio's importer asks for, and two files of a study made one."""

import contextlib
import json
import shutil
import xml.etree.ElementTree as ElementTree

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from studies_for_tests import answer_all, corpus_of, make

from lmindexer.common.errors import StudyError
from lmindexer.human_eval import TYPES, Study
from lmindexer.human_eval.answering.answer_rows import _clean
from lmindexer.human_eval.answering.export import export
from lmindexer.human_eval.answering.imports import import_answers
from lmindexer.human_eval.answering.label_studio import labeling_config
from lmindexer.human_eval.answering.merging import merge

READERS = {
    ".csv": lambda path: pd.read_csv(path, dtype={"answer": str, "shown": str}, keep_default_na=True),
    ".tsv": lambda path: pd.read_csv(path, dtype={"answer": str, "shown": str}, sep="\t"),
    ".jsonl": lambda path: pd.DataFrame([json.loads(line) for line in path.read_text("utf-8").splitlines()]),
    ".parquet": pd.read_parquet,
}
HOSTILE = 'a "quoted", <b>bold</b>\n=1+1; é 😀 \'end\''


@pytest.fixture
def labelled(tmp_path):
    """A study with all types, answered by three; one question skipped, one comment hostile; ended."""
    study = make(tmp_path / "study.sqlite", per_method=3)
    session = study.sign_in("Ada")
    session.next()
    session.skip("Other", seconds=3, comment="a, b")
    session.next()
    session.answer("1", seconds=4, comment=HOSTILE)
    for name in ("Ada", "Ben", "Çelik, Öz"):
        answer_all(study, name, lambda view: str(1 + len(view.token) % 2))
    assert study.ended
    yield study
    study.close()


# --------------------------------------------------------------------------------------------------- tables


@pytest.mark.parametrize("ending", READERS)
def test_answers_come_back_from_every_format(labelled, tmp_path, ending):
    expected = labelled.answers()
    (path,) = export(labelled, tmp_path / f"answers{ending}")
    found = READERS[ending](path)
    assert list(found.columns) == list(expected.columns) and len(found) == len(expected)
    for name in ("annotator", "question_id", "type", "gold", "repeat", "skipped", "place", "at"):
        assert found[name].tolist() == expected[name].tolist(), name
    answered = ~expected["skipped"]
    assert found.loc[answered, "answer"].astype(str).tolist() == expected.loc[answered, "answer"].tolist()
    assert found.loc[~answered, "answer"].isna().all()
    np.testing.assert_allclose(found["seconds"].astype(float), expected["seconds"])
    assert HOSTILE in found["comment"].tolist()
    keyed = expected["correct"].notna()
    assert found.loc[keyed, "correct"].astype(bool).tolist() == expected.loc[keyed, "correct"].tolist()
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_methods_and_keys_are_written_only_after_unblinding(labelled, tmp_path):
    for what in ("answers", "questions"):
        text = export(labelled, tmp_path / f"{what}.jsonl", what)[0].read_text()
        assert "METHOD" not in text and '"key"' not in text
    labelled.unblind("Boss")
    for what in ("answers", "questions"):
        text = export(labelled, tmp_path / f"{what}.jsonl", what)[0].read_text()
        assert "METHOD-ONE" in text and '"key"' in text


def test_questions_and_events_as_tables(labelled, tmp_path):
    questions = pd.read_csv(export(labelled, tmp_path / "q.csv", "questions")[0])
    assert len(questions) == len(labelled.questions())
    first = json.loads(questions["groups"][0])
    assert {"doc_id", "title", "text", "whole"} == set(first[0][0])
    events = pd.read_parquet(export(labelled, tmp_path / "e.parquet", "events")[0])
    assert events["event"].tolist() == sorted(events["event"]) and json.loads(events["body"][0])["slot"] == 1


def test_answers_before_the_end_need_a_reason(tmp_path):
    study = make(tmp_path / "s")
    with pytest.raises(StudyError, match="when the study has ended"):
        export(study, tmp_path / "a.csv")
    assert export(study, tmp_path / "a.csv", early="testing the pipeline")
    assert export(study, tmp_path / "t.json", "tasks") and export(study, tmp_path / "q.csv", "questions")


@pytest.mark.parametrize(("name", "what"), [("a.xls", "answers"), ("a", "answers"), ("a.csv", "tasks"), ("a.csv", "x")])
def test_unknown_formats_are_named(labelled, tmp_path, name, what):
    with pytest.raises(StudyError, match=r"cannot be (written in this format|exported)"):
        export(labelled, tmp_path / name, what)
    with pytest.raises(StudyError, match="cannot be written"):
        export(labelled, tmp_path / "no folder" / "a.csv")


# ------------------------------------------------------------------------------------------------ Label Studio


def check_as_the_importer_does(tasks, config: str) -> None:
    """The rules of Label Studio's own importer and configuration, as its documentation and importer state them.

    A list of tasks; task.data has a value of the right type for every $variable of an object tag; task.annotations is
    a list of objects whose "result" is a list; each result names a control tag (from_name) and the object tag that
    the control is for (to_name), has the type of that tag, and a value under the type's own name; an annotation
    names no user (completed_by) that the project may not have.
    """
    root = ElementTree.fromstring(config)
    tags = {tag.get("name"): tag for tag in root.iter() if tag.get("name")}
    variables = [tag.get("value")[1:] for tag in root.iter() if (tag.get("value") or "").startswith("$")]
    kinds = {"Choices": ("choices", "choices"), "TextArea": ("textarea", "text")}
    assert isinstance(tasks, list) and tasks
    for task in tasks:
        assert isinstance(task, dict) and isinstance(task["data"], dict)
        assert set(variables) <= set(task["data"]) and isinstance(task["data"]["question"], str)
        options = [option["value"] for option in task["data"]["choices"]]
        for annotation in task.get("annotations", []):
            assert isinstance(annotation["result"], list) and "completed_by" not in annotation
            assert annotation["ground_truth"] is False and isinstance(annotation["was_cancelled"], bool)
            ids = [result["id"] for result in annotation["result"]]
            assert len(set(ids)) == len(ids)
            for result in annotation["result"]:
                control = tags[result["from_name"]]
                kind, value = kinds[control.tag]
                assert result["type"] == kind and control.get("toName") == result["to_name"] in tags
                assert tags[result["to_name"]].tag == "Text"
                assert list(result["value"]) == [value] and all(isinstance(v, str) for v in result["value"][value])
                if kind == "choices":
                    assert len(result["value"]["choices"]) == 1 and result["value"]["choices"][0] in options


def test_label_studio_takes_tasks_with_annotations(labelled, tmp_path):
    path, config = export(labelled, tmp_path / "study.json")
    tasks = json.loads(path.read_text(encoding="utf-8"))
    assert config.name == "study.xml" and config.read_text() == labeling_config()
    check_as_the_importer_does(tasks, config.read_text())
    assert {task["data"]["type"] for task in tasks} == set(TYPES) and len(tasks) == len(labelled.questions())
    frame = labelled.answers()
    once = frame[~frame["repeat"]]
    assert sum(len(task["annotations"]) for task in tasks) == len(once)
    skipped = [a for task in tasks for a in task["annotations"] if a["was_cancelled"]]
    assert len(skipped) == once["skipped"].sum() == 1
    assert [r["from_name"] for r in skipped[0]["result"]] == ["annotator", "comment"] and skipped[0]["lead_time"] == 3
    assert "METHOD" not in path.read_text() and "LEAF" not in path.read_text()


def test_tasks_to_be_labelled_elsewhere_have_no_answers(labelled, tmp_path):
    tasks = json.loads(export(labelled, tmp_path / "study.json", "tasks")[0].read_text())
    check_as_the_importer_does(tasks, labeling_config())
    assert all("annotations" not in task and "predictions" not in task for task in tasks)
    kinds = {task["data"]["type"]: task["data"]["question"] for task in tasks}
    assert kinds["intruder"].count("\n") == 6 and kinds["intruder"].startswith("1. Title ")
    assert "Group a" in kinds["ab"] and "Group b" in kinds["ab"] and "Part 2" in kinds["level"]


@pytest.fixture
def empty(labelled, tmp_path):
    """The same study without answers."""
    study = make(tmp_path / "empty.sqlite", per_method=3)
    assert study.fingerprint == labelled.fingerprint
    yield study
    study.close()


COMPARED = ["annotator", "question_id", "answer", "skipped", "repeat", "seconds"]


def sorted_answers(frame: pd.DataFrame) -> list[tuple]:
    rows = frame[COMPARED].astype(object).where(frame[COMPARED].notna(), None)
    return sorted((tuple(row) for row in rows.itertuples(index=False)), key=repr)


@pytest.mark.parametrize("ending", [".csv", ".tsv", ".jsonl", ".parquet"])
def test_answers_made_elsewhere_come_in_once(labelled, empty, tmp_path, ending):
    (path,) = export(labelled, tmp_path / f"a{ending}")
    done = import_answers(empty, path, by="Boss")
    assert (done.recorded, done.known) == (len(labelled.answers()), 0)
    assert empty.ended and sorted_answers(empty.answers()) == sorted_answers(labelled.answers())
    assert (empty.answers()["source"] == "import").all()
    again = import_answers(empty, path, by="Boss")
    assert (again.recorded, again.known) == (0, done.recorded)
    assert sorted_answers(empty.answers()) == sorted_answers(labelled.answers())
    log = empty.events()
    assert log.loc[log["kind"] == "imported", "body"].map(lambda body: body["recorded"]).tolist() == [done.recorded, 0]


def test_a_label_studio_export_comes_in(labelled, empty, tmp_path):
    path, _ = export(labelled, tmp_path / "study.json")
    tasks = json.loads(path.read_text())
    for number, task in enumerate(tasks):  # what Label Studio adds when it exports
        task |= {"id": number + 1, "created_at": "2026-01-01T00:00:00Z", "project": 3, "predictions": []}
        for annotation in task["annotations"]:
            annotation |= {"completed_by": 7, "id": number, "result_count": 1}
    exported = tmp_path / "exported.json"
    exported.write_text(json.dumps(tasks))
    done = import_answers(empty, exported, by="Boss")
    whole = labelled.answers()
    assert done.recorded == (~whole["repeat"]).sum()
    ours = [row for row in sorted_answers(whole) if not row[4]]
    assert sorted_answers(empty.answers(early="test")) == ours
    assert HOSTILE in empty.answers(early="test")["comment"].tolist()


def test_annotators_of_label_studio_are_named_by_user_where_they_give_no_name(empty, tmp_path):
    question = empty.questions()[0]
    result = [{"from_name": "answer", "value": {"choices": [question.choices[0]]}}]
    annotations = [{"result": result, "completed_by": by} for by in (5, {"id": 6, "email": "a@example.org"})]
    task = {"data": {"question_id": question.question_id}, "annotations": annotations}
    (tmp_path / "t.json").write_text(json.dumps([task]))
    import_answers(empty, tmp_path / "t.json", by="Boss")
    assert empty.answers(early="x")["annotator"].tolist() == ["a@example.org", "user 5"]


def test_outside_annotators_take_no_place_from_those_who_label_here(empty, tmp_path):
    """Somebody elsewhere answered every question; the places here stay free, and nobody's work counts as done."""
    rows = [{"annotator": "Out", "question_id": q.question_id, "answer": q.choices[0]} for q in empty.questions()]
    pd.DataFrame(rows).to_csv(tmp_path / "out.csv", index=False)
    import_answers(empty, tmp_path / "out.csv", by="Boss")
    assert empty.annotators()[["annotator", "slot"]].values.tolist() == [["Out", 0]]
    assert empty.progress()["done"] == 0 and empty.sign_in("Ada").progress().done == 0
    for name in ("Ada", "Ben", "Cy"):
        answer_all(empty, name)
    frame = empty.answers()
    assert (frame["annotator"] == "Out").sum() == len(rows) and empty.ended
    assert frame[~frame["repeat"]].groupby("question_id")["annotator"].nunique().isin([3, 4]).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"question_id": "nothing"}, "row 3: the study has no question 'nothing'"),
        ({"answer": "perhaps"}, "row 3: 'perhaps' is no answer"),
        ({"answer": ""}, "row 3: '' is no answer"),
        ({"annotator": " "}, "row 3: nobody is named"),
        ({"annotator": "x" * 99}, "row 3: 'xxx.*Give a name"),
        ({"seconds": "soon"}, "row 3: 'soon' is no time"),
        ({"seconds": "-1"}, "row 3: '-1' is no time"),
    ],
)
def test_a_bad_row_is_named_and_nothing_comes_in(empty, tmp_path, change, words):
    rows = [{"annotator": "Out", "question_id": q.question_id, "answer": q.choices[0], "seconds": "1"}
            for q in empty.questions()[:3]]  # fmt: skip
    rows[1] |= change
    pd.DataFrame(rows).to_csv(tmp_path / "bad.csv", index=False)
    with pytest.raises(StudyError, match=words):
        import_answers(empty, tmp_path / "bad.csv", by="Boss")
    assert not len(empty.answers(early="x")) and not len(empty.annotators())


BOXES = {
    "true": "true TRUE 1 1.0 yes Y x WAHR vrai T on skipped", "false": "false FALSE 0 0.0 no N FALSCH f off",
}  # fmt: skip


@pytest.mark.parametrize(("word", "ticked"), [(w, b == "true") for b, words in BOXES.items() for w in words.split()])
def test_boxes_are_read_as_spreadsheets_write_them(pairs, word, ticked):
    first = pairs.questions()[0]
    row = {"annotator": "A", "question_id": first.question_id, "answer": first.choices[0], "place": "p"}
    assert _clean(pairs, row | {"skipped": word})["skipped"] == ticked


def test_a_box_that_says_something_else_is_an_error(pairs):
    first = pairs.questions()[0]
    row = {"annotator": "A", "question_id": first.question_id, "answer": first.choices[0], "place": "a.csv, row 2"}
    for column in ("skipped", "repeat"):
        with pytest.raises(StudyError, match=f"a.csv, row 2: 'maybe' in the column '{column}' says neither yes nor no"):
            _clean(pairs, row | {column: "maybe"})


def test_an_answer_that_differs_is_kept_as_a_conflict(empty, tmp_path):
    """The first answer stands; the other is counted, listed, and in the events once, however often it comes in."""
    first, second = empty.questions()[:2]
    rows = [("Ada", first, 0, ""), ("Ada", second, 0, "sure"), ("Ada", first, 1, ""), ("ada", second, 0, "not sure")]
    rows = [
        {"annotator": name, "question_id": question.question_id, "answer": question.choices[place], "comment": comment}
        for name, question, place, comment in rows
    ]
    path = tmp_path / "twice.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    done = import_answers(empty, path, by="Boss")
    assert (done.recorded, done.known, len(done.conflicts)) == (2, 0, 2)
    assert [conflict.place for conflict in done.conflicts] == [f"{path}, row 4", f"{path}, row 5"]
    assert (done.conflicts[0].stands, done.conflicts[0].given) == first.choices[:2]
    assert "'sure'" in done.conflicts[1].stands and "'not sure'" in done.conflicts[1].given
    again = import_answers(empty, path, by="Boss")
    assert (again.recorded, again.known, again.conflicts) == (0, 2, done.conflicts)
    events = empty.events(early="test")
    kept = events.loc[events["kind"] == "conflict", "body"].tolist()
    assert [body["event"]["body"]["answer"] for body in kept] == [first.choices[1], second.choices[0]]
    stands = empty.answers(early="test").set_index("question_id")["answer"]
    assert stands[first.question_id] == first.choices[0]


def test_what_was_taken_back_or_skipped_here_is_no_answer_there(empty, tmp_path):
    session = empty.sign_in("Ada")
    taken_back = session.next().token.partition(".")[0]
    session.answer("1")
    session.undo()
    session.next()
    given = {showing.name: showing.question for showing in empty.given(session.slot)}
    question = given[taken_back]
    path = tmp_path / "a.csv"
    row = {"annotator": "Ada", "question_id": question.question_id, "answer": question.choices[0]}
    pd.DataFrame([row]).to_csv(path, index=False)
    (conflict,) = import_answers(empty, path, by="Boss").conflicts
    assert conflict.stands == "nothing (taken back)"
    session.skip("Other")
    (skipped,) = import_answers(empty, path, by="Boss").conflicts
    assert skipped.stands == "a skip" and len(empty.answers(early="test")) == 1


def test_tables_are_read_as_corpora_are(empty, tmp_path):
    """Semicolons, an older encoding, blank lines, upper-case endings; rows are the file's."""
    first, second = empty.questions()[:2]
    lines = ["annotator;question_id;answer", "", f"Zoë;{first.question_id};{first.choices[0]}", ";;"]
    lines += [f"Zoë;{second.question_id};never"]
    path = tmp_path / "A.CSV"
    path.write_bytes("\r\n".join(lines).encode("cp1252"))
    with pytest.raises(StudyError, match="row 5: 'never' is no answer"):
        import_answers(empty, path, by="Boss", delimiter=";", encoding="cp1252")
    path.write_bytes("\r\n".join(lines[:-1]).encode("cp1252"))
    assert import_answers(empty, path, by="Boss", delimiter=";", encoding="cp1252").recorded == 1
    assert empty.answers(early="test")["annotator"].tolist() == ["Zoë"]


@pytest.mark.parametrize(
    ("choices", "words"), [([], "by user 5 holds no answer"), (["1", "2"], r"holds 2 answers \(1, 2\)")]
)
def test_a_label_studio_result_without_one_answer_is_said(empty, tmp_path, choices, words):
    task = {"data": {"question_id": empty.questions()[0].question_id}}
    result = [{"from_name": "answer", "value": {"choices": choices}}] if choices else []
    path = tmp_path / "t.json"
    path.write_text(json.dumps([task | {"annotations": [{"result": result, "completed_by": 5}]}]))
    with pytest.raises(StudyError, match=f"task 1: the annotation {words}" if choices == [] else words):
        import_answers(empty, path, by="Boss")


def test_an_export_of_an_older_label_studio_comes_in(empty, tmp_path):
    question = empty.questions()[0]
    result = [{"from_name": "answer", "value": {"choices": [question.choices[0]]}}]
    task = {"data": {"question_id": question.question_id}, "completions": [{"result": result, "completed_by": 1}]}
    (tmp_path / "old.json").write_text(json.dumps([task]))
    assert import_answers(empty, tmp_path / "old.json", by="Boss").recorded == 1


def test_files_that_are_no_answers_are_said(empty, tmp_path):
    cases = {
        "a.xls": ("", "extension .xls is not known"),
        "none.csv": (None, "no such file"),
        "a.csv": ("annotator,answer\na,1\n", "no column 'question_id'"),
        "b.jsonl": ("{broken", "row 1: this line is not valid JSON"),
        "b.parquet": ("no parquet", "b.parquet.*Parquet"),
        "d.csv": ("annotator,question_id,answer\n", "there are no rows"),
        "e.csv": ("annotator;question_id;answer\nA;x;1\n", "delimiter"),
        "b.json": ("{}", "no list of tasks"),
        "c.json": ('[{"data": {"text": "x"}}]', "task 1: it has no data.question_id"),
        "d.json": ('[{"question_id": "x", "annotation_id": 1}]', "not as JSON-MIN"),
        "e.json": ('[{"data": {"question_id": "x"}}]', "none of its 1 tasks has an annotation"),
        "f.csv": ("annotator,question_id,answer\nA,x,1\n", "none of its 1 questions is in this study"),
    }
    for name, (text, words) in cases.items():
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(StudyError, match=words):
            import_answers(empty, tmp_path / name, by="Boss")


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.sampled_from(["answer", "1", "a", ""]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["result", "from_name", "value", "choices", "text", "completed_by"]), inner),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def pairs(tmp_path_factory):
    return make(tmp_path_factory.mktemp("fuzz") / "s.sqlite", questions=["pair"], per_method=2)


@given(annotations=anything, row=anything)
def test_whatever_a_file_holds_the_answer_is_a_sentence(annotations, row, pairs):
    question = pairs.questions()[0].question_id
    path = pairs.path.with_name("in.json")
    for content in ([{"data": {"question_id": question}, "annotations": annotations}], [row], row):
        path.write_text(json.dumps(content))
        with contextlib.suppress(StudyError):
            import_answers(pairs, path, by="Boss")
    rows = path.with_suffix(".jsonl")
    rows.write_text(json.dumps({"annotator": row, "question_id": question, "answer": row, "seconds": annotations}))
    with contextlib.suppress(StudyError):
        import_answers(pairs, rows, by="Boss")


def test_nothing_comes_in_after_the_end(labelled, empty, tmp_path):
    (path,) = export(labelled, tmp_path / "a.csv")
    empty.end("Boss")
    with pytest.raises(StudyError, match="has been ended"):
        import_answers(empty, path, by="Boss")


# ------------------------------------------------------------------------------------------------------ merging


def copies(tmp_path, **changes) -> tuple[Study, Study]:
    """Two copies of one study, both empty."""
    first = make(tmp_path / "one.sqlite", **changes)
    first.close()
    shutil.copy(tmp_path / "one.sqlite", tmp_path / "two.sqlite")
    return first, Study.open(tmp_path / "two.sqlite")


def event_ids(study: Study) -> list[str]:
    events = study.events(early="x")
    return sorted(events[~events["kind"].isin(["merged", "early_look"])]["id"])


def test_two_files_become_one_with_all_answers(tmp_path):
    one, two = copies(tmp_path, per_method=3, annotators=["Ada", "Ben"])
    answer_all(one, "Ada")
    answer_all(two, "Ben")
    both = merge(one, two, tmp_path / "both.sqlite")
    assert both.ended and not one.ended and not two.ended
    rows = sorted(sorted_answers(one.answers(early="x")) + sorted_answers(two.answers(early="x")), key=repr)
    assert sorted_answers(both.answers()) == rows
    with pytest.raises(StudyError, match="is there already"):
        merge(one, two, tmp_path / "both.sqlite")


def test_the_same_place_taken_by_two_people_keeps_both(tmp_path):
    one, two = copies(tmp_path, per_method=3)
    answer_all(one, "Ada", lambda view: "1")
    answer_all(two, "Ben", lambda view: "2")
    both = merge(one, two, tmp_path / "both.sqlite")
    assert both.annotators()["slot"].tolist() == [1, 1]
    frame = both.answers(early="x")
    assert frame["annotator"].value_counts().to_dict() == {"Ada": len(frame) // 2, "Ben": len(frame) // 2}
    assert both.sign_in("Ben").next() is None


def test_one_person_at_two_places_meets_no_question_twice_as_new(tmp_path):
    one, two = copies(tmp_path, per_method=3, repeats=0)
    two.sign_in("Ben")  # so that Ada has another place there
    answer_all(one, "Ada")
    answer_all(two, "ada")
    both = merge(one, two, tmp_path / "both.sqlite")
    frame = both.answers(early="x")
    assert set(frame["annotator"]) == {"Ada"} and frame["repeat"].any()
    assert not frame[~frame["repeat"]].duplicated(["annotator", "question_id"]).any()
    events = both.events(early="x")
    assert (events["kind"] == "conflict").sum() == 1  # her second joining


def test_different_answers_to_one_showing_keep_the_earlier_and_note_the_later(tmp_path):
    one, two = copies(tmp_path, questions=["pair"], per_method=3)
    first, second = one.sign_in("Ada"), two.sign_in("Ada")
    first.next(), first.answer("1")
    second.next(), second.answer("2")
    for order in ((one, two), (two, one)):
        both = merge(*order, tmp_path / f"{order[0].path.stem}-first.sqlite")
        assert both.answers(early="x")["shown"].tolist() == ["1"]
        events = both.events(early="x")
        (conflict,) = events[events["kind"] == "conflict"]["body"]
        assert conflict["event"]["body"]["shown"] == "2"


def test_other_studies_are_not_merged(tmp_path):
    one, two = make(tmp_path / "a", seed=1), make(tmp_path / "b", seed=2)
    with pytest.raises(StudyError, match="different studies"):
        merge(one, two, tmp_path / "c")
    three = make(tmp_path / "d", seed=1, simulated=True)
    with pytest.raises(StudyError, match="never mixed"):
        merge(one, three, tmp_path / "c")


one_act = st.tuples(st.integers(0, 1), st.sampled_from(["Ada", "Ben"]), st.sampled_from(["1", "2", "skip", "undo"]))


@settings(max_examples=8)
@given(acts=st.lists(one_act, max_size=16))
def test_merging_loses_nothing_and_its_order_does_not_matter(acts, tmp_path_factory):
    folder = tmp_path_factory.mktemp("merge")
    files = copies(folder, questions=["pair"], per_method=4, annotators=["Ada", "Ben"], corpus=corpus_of(120))
    for which, name, act in acts:
        session = files[which].sign_in(name)
        view = session.next()
        if act == "undo":
            session.undo()
        elif view is not None:
            session.skip("x") if act == "skip" else session.answer(act)
    there, back = merge(*files, folder / "ab"), merge(*files[::-1], folder / "ba")
    again = merge(there, files[1], folder / "abb")
    assert event_ids(there) == event_ids(back) == event_ids(again)
    assert sorted_answers(there.answers(early="x")) == sorted_answers(back.answers(early="x"))
    assert sorted_answers(there.answers(early="x")) == sorted_answers(again.answers(early="x"))
    kept = {event for study in files for event in event_ids(study)}
    assert kept <= set(event_ids(there))
