"""The labelling page by Streamlit's AppTest: sign-in, answers, skips, undo, pauses, what is found, what is hidden."""

import shutil
import sqlite3
import sys
from pathlib import Path

import pytest
import run_bundles
from streamlit.testing.v1 import AppTest
from studies_for_tests import corpus_of, make

from explorer_app import context, keyboard, studies
from explorer_app.escaped import md
from explorer_app.views import labelling
from lmindexer.common.errors import StudyError
from lmindexer.corpus.corpus import Corpus
from lmindexer.human_eval import SKIP_REASONS, TYPES, Session
from lmindexer.human_eval.answering.study import TITLE
from lmindexer.human_eval.answering.study_file import StudyFile
from lmindexer.human_eval.planning.questions import Document

APP = Path(context.__file__).with_name("app.py")
SMALL = {"per_method": 2, "annotators": 2, "overlap": 2, "repeats": 0, "gold": 0}


@pytest.fixture
def study(tmp_path):
    """A study of its own for each test; the page opens the same file."""
    with make(tmp_path / "pilot.sqlite", **SMALL) as study:
        yield study


@pytest.fixture
def visit(study, monkeypatch):
    """visit(**query) -> the page as an annotator gets it, in a browser of its own."""
    monkeypatch.setattr(sys, "argv", ["app.py", f"--study={study.path}"])
    monkeypatch.setattr(keyboard, "SETTLE", 0)

    def go(**query):
        test = AppTest.from_file(str(APP), default_timeout=60)
        for name, value in query.items():
            test.query_params[name.rstrip("_")] = value
        return checked(test.run())

    return go


def checked(test):
    assert not test.exception, test.exception[0].value
    return test


def sign_in(test, name: str, password: str | None = None):
    test.text_input[0].set_value(name)
    if password is not None:
        test.text_input[1].set_value(password)
    return checked(test.button[0].click().run())


def press(test, key: str):
    """Click the button whose key starts with this."""
    found = next(button for button in test.button if button.key.startswith(key))
    return checked(found.click().run())


def in_link(test, name: str):
    value = test.query_params.get(name)
    return value[0] if isinstance(value, list) else value


def given(study):
    return study.answers(early="test").sort_values("place")


def everything(test) -> str:
    """Every word of every element that is sent to the browser, the guide's pane left out."""
    kinds = [element for block in (test.main, test.sidebar) for element in block]
    return "\n".join(str(element.proto) for element in kinds if getattr(element, "proto", None) is not None)


def test_signing_in_shows_the_first_question_and_writes_the_link(visit, study):
    test = visit()
    assert test.title[0].value == md(TITLE) and len(test.text_input) == 1
    sign_in(test, "  Ada  Lovelace ")
    assert test.title[0].value.startswith("Question 1 of ")
    assert in_link(test, "as") == "Ada Lovelace" and in_link(test, "study") == studies.key_of(study.path)


def test_a_whole_study_with_a_skip_and_a_comment(visit, study):
    test = sign_in(visit(), "Ada")
    total = int(test.title[0].value.split()[-1])
    press(test, "act_choice_1_")
    press(test, "act_skip_")
    assert [b.label for b in test.button if b.key.endswith("_skip")] == [md(reason) for reason in SKIP_REASONS]
    press(test, "act_choice_2_")
    test.text_input[0].set_value("hard to say")
    press(test, "act_choice_2_")
    for _ in range(3, total):
        assert test.text_input[0].value == ""
        press(test, "act_choice_1_")
    assert test.title[0].value == "All done, thank you" and f"of {total} questions, 1 skipped" in test.markdown[0].value
    found = given(study)
    assert list(found["skipped"]) == [False, True] + [False] * (total - 2)
    assert list(found["shown"].iloc[[0, 2]]) == ["1", "2"] and found["reason"].iloc[1] == SKIP_REASONS[1]
    assert list(found["comment"].iloc[:4]) == ["", "", "hard to say", ""]
    assert ((found["seconds"] >= 0) & (found["seconds"] < 60)).all()


def test_a_skip_can_be_thought_over(visit, study):
    test = sign_in(visit(), "Ada")
    press(press(test, "act_skip_"), "act_back_")
    assert press(test, "act_choice_1_").title[0].value.startswith("Question 2")
    assert not given(study)["skipped"].any()


def test_undo_shows_the_question_before_and_the_new_answer_counts(visit, study):
    test = sign_in(visit(), "Ada")
    assert next(b for b in test.button if b.key.startswith("act_undo")).disabled
    words = [text.value for text in test.text]
    press(press(test, "act_choice_1_"), "act_undo_")
    assert test.title[0].value.startswith("Question 1") and [text.value for text in test.text] == words
    press(test, "act_choice_2_")
    assert list(given(study)["shown"]) == ["2"]


def test_undo_after_the_last_question(visit, study):
    session = study.sign_in("Ada")
    while session.next() is not None:
        session.answer("1")
    test = visit(as_="Ada")
    assert test.title[0].value == "All done, thank you"
    assert press(test, "act_undo_end").title[0].value == f"Question {len(given(study)) + 1} of {len(given(study)) + 1}"


def test_a_press_that_comes_twice_counts_once(study, monkeypatch):
    session, state = study.sign_in("Ada"), {}
    monkeypatch.setattr(labelling.st, "session_state", state)
    view = session.next()
    state["label_open"] = view.token
    for _ in range(3):
        labelling._answer(session, view, "1")
    state["label_open"] = session.next().token
    labelling._answer(session, view, "2")  # from the screen before
    assert list(given(study)["shown"]) == ["1"]
    for _ in range(3):
        labelling._undo(session, state["label_open"] or "")
    assert given(study).empty and session.next().number == 1


def test_two_tabs_of_one_person_answer_each_question_once(visit, study):
    one = sign_in(visit(), "Ada")
    two = visit(as_="Ada")
    press(one, "act_choice_1_")
    press(two, "act_choice_2_")
    assert list(given(study)["shown"]) == ["1"]
    assert one.title[0].value == two.title[0].value and one.title[0].value.startswith("Question 2")


def test_a_pause_does_not_count_and_is_noted(visit, study):
    test = sign_in(visit(), "Ada")
    press(test, "act_pause_")
    assert test.title[0].value == "Paused" and not test.text
    test.session_state["label_paused"] -= 1000
    test.session_state["label_shown"] = {k: at - 1000 for k, at in test.session_state["label_shown"].items()}
    press(press(test, "act_resume"), "act_choice_1_")
    assert given(study)["seconds"].iloc[0] < 60
    notes = study.events(early="test").query("kind == 'note:pause'")
    assert list(notes["annotator"]) == ["Ada"] and notes["body"].iloc[0]["seconds"] >= 1000


def test_the_link_goes_on_at_the_open_question(visit):
    test = sign_in(visit(), "Ada")
    press(test, "act_choice_1_")
    words = [text.value for text in test.text]
    again = visit(as_="Ada", study="pilot")
    assert again.title[0].value == test.title[0].value and [text.value for text in again.text] == words


def test_a_link_with_an_unknown_name_asks_and_takes_no_place(visit, study):
    test = visit(as_="<b>Eve</b>")
    assert test.text_input[0].value == "<b>Eve</b>" and study.annotators().empty


def test_a_password_is_asked_for_again_in_a_new_browser(tmp_path, visit, monkeypatch):
    with make(tmp_path / "locked.sqlite", password="open sesame", **SMALL) as locked:
        monkeypatch.setattr(sys, "argv", ["app.py", f"--study={locked.path}"])
        test = sign_in(visit(), "Ada", "wrong")
        assert "password" in test.error[0].value and locked.annotators().empty
        sign_in(test, "Ada", "open sesame")
        assert test.title[0].value.startswith("Question 1") and "sesame" not in str(test.query_params)
        again = visit(as_="Ada")
        assert len(again.text_input) == 2 and again.text_input[0].value == "Ada"


@pytest.mark.parametrize("name", ["", "   ", "a\u0000b", "\u202e"])
def test_a_name_that_is_none_is_refused(visit, study, name):
    test = sign_in(visit(), name)
    assert test.error and study.annotators().empty


def test_no_place_left(visit, study):
    for name in ("Ada", "Bob"):
        study.sign_in(name)
    assert "taken" in sign_in(visit(), "Eve").error[0].value


def test_every_type_is_drawn_with_its_guide_and_nothing_is_preselected(visit):
    test = sign_in(visit(), "Ada")
    seen = set()
    while not test.title[0].value.startswith("All"):
        new = test.header[0].value not in seen
        assert sum("Example" in markdown.value for markdown in test.markdown) == 2 * new  # open at each new type
        if new:
            seen.add(test.header[0].value)
            press(test, "act_guide")
            assert not any("Example" in markdown.value for markdown in test.markdown)
            press(test, "act_guide")
            press(test, "act_guide")
        assert not any(button.proto.type == "primary" for button in test.button)
        press(test, "act_choice_1_")
    assert len(seen) == len(TYPES)


def test_an_example_can_be_practised_once_and_is_not_kept(visit, study):
    test = sign_in(visit(), "Ada")
    press(test, "act_practise")
    assert test.title[0].value.startswith("Practice")
    press(test, "act_choice_1_practice")
    assert any("Right" in one.value for one in test.success) or any("usual answer" in one.value for one in test.info)
    press(test, "act_practised")
    assert test.title[0].value.startswith("Question 1")
    assert not any(button.key.startswith("act_practise") for button in test.button)
    assert given(study).empty


def test_a_text_that_was_cut_can_be_read_whole(visit, study, monkeypatch):
    long = ("word " * 700).strip()
    documents = {name: Document.kept(name, "t", long) for name in study.documents}
    monkeypatch.setattr(StudyFile, "documents", documents)
    test = sign_in(visit(), "Ada")
    assert test.text[0].value.endswith("…")
    test.main.toggle[0].set_value(True).run()
    assert test.text[0].value == long


def test_method_id_category_and_document_id_are_never_on_the_page(visit):
    test = sign_in(visit(), "Ada")
    while not test.title[0].value.startswith("All"):
        said = everything(test)
        assert "Title " in said
        for hidden in ("METHOD", "TOP", "LEAF", "doc-", "<0>", "&lt;0", 'near"'):
            assert hidden not in said
        press(test, "act_choice_1_")


def test_beside_the_explorer_no_run_is_named_on_the_labelling_page(visit, study, tmp_path, monkeypatch):
    folder = run_bundles.write_all(tmp_path / "runs")
    shutil.copy(study.path, folder / "found.sqlite")
    (folder / "note.sqlite").write_bytes(b"no database")
    foreign = sqlite3.connect(folder / "foreign.sqlite")
    foreign.execute("CREATE TABLE t (x)")
    foreign.close()
    (folder / "out.sqlite").symlink_to(study.path)
    monkeypatch.setattr(sys, "argv", ["app.py", str(folder)])
    assert [path.stem for path in studies.found().values()] == ["found"]
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = ("label", {})
    sign_in(checked(test.run()), "Ada")
    assert test.title[0].value.startswith("Question 1")
    for run in ("good", "hostile", "bare", "broken"):
        assert f'"{run}' not in everything(test) and f"={run}" not in everything(test)
    for key in ("../pilot", str(study.path), "out", "foreign"):
        test.query_params["study"] = key
        assert "no study" in checked(test.run()).warning[0].value


def test_annotators_get_the_labelling_page_alone(visit):
    test = visit()
    assert not test.sidebar.selectbox and "explorer" not in everything(test).lower()


def test_words_of_documents_are_never_read_as_markup(tmp_path, visit, monkeypatch):
    hostile = run_bundles.HOSTILE[:4]
    records = corpus_of().frame.to_dict("records")
    for number, record in enumerate(records):
        record |= {"title": hostile[number % 4], "text": f"{hostile[number // 4 % 4]} {number}"}
    with make(tmp_path / "hostile.sqlite", corpus=Corpus.from_records(records, name="hostile"), **SMALL) as study:
        monkeypatch.setattr(sys, "argv", ["app.py", f"--study={study.path}"])
        test = sign_in(visit(), "Ada <script>")
        while not test.title[0].value.startswith("All"):
            assert not any(getattr(getattr(element, "proto", None), "allow_html", False) for element in test.main)
            for element in test.markdown:
                assert "<script>" not in element.value and "](javascript" not in element.value
            press(test, "act_choice_1_")


def test_an_answer_that_cannot_be_saved_is_said_and_the_question_stays(visit, study, monkeypatch):
    def full(*_, **__):
        raise StudyError("The disk is full; make room.")

    test = sign_in(visit(), "Ada")
    with monkeypatch.context() as patch:
        patch.setattr(Session, "answer", full)
        press(test, "act_choice_1_")
    assert "not saved" in test.error[0].value and "make room" in test.error[0].value
    assert test.title[0].value.startswith("Question 1")
    press(test, "act_choice_2_")
    assert not test.error and list(given(study)["shown"]) == ["2"]


def test_a_study_that_cannot_be_read_just_now_can_be_tried_again(visit, monkeypatch):
    def locked(*_):
        raise StudyError("The file is locked.")

    test = sign_in(visit(), "Ada")
    with monkeypatch.context() as patch:
        patch.setattr(Session, "next", locked)
        press(test, "act_choice_1_")
        assert "locked" in test.error[0].value
    checked(test.button[0].click().run())
    assert test.title[0].value.startswith("Question 2")


def test_a_damaged_or_missing_file_is_said(tmp_path, visit, monkeypatch):
    (tmp_path / "broken.sqlite").write_bytes(b"SQLite format 3\0" + bytes(2000))
    for name in ("broken", "missing"):
        monkeypatch.setattr(sys, "argv", ["app.py", f"--study={tmp_path / name}.sqlite"])
        assert "cannot be opened" in visit().error[0].value


def test_a_study_that_was_ended_asks_no_more(visit, study):
    test = sign_in(visit(), "Ada")
    press(test, "act_choice_1_")
    study.end("the coordinator")
    press(test, "act_choice_1_")
    assert "ended" in test.error[0].value and test.title[0].value == "The study has ended, thank you"
    assert [button.key for button in test.button] == ["act_sign_out"]


def test_people_cannot_sign_in_to_a_study_of_simulated_annotators(tmp_path, visit, monkeypatch):
    with make(tmp_path / "demo.sqlite", simulated=True, **SMALL) as demo:
        monkeypatch.setattr(sys, "argv", ["app.py", f"--study={demo.path}"])
        test = visit()
        assert "simulated" in test.info[0].value and not test.text_input


def test_several_studies_can_be_chosen_between_and_keep_their_own_annotators(tmp_path, visit, study, monkeypatch):
    with make(tmp_path / "second.sqlite", **SMALL) as second:
        monkeypatch.setattr(sys, "argv", ["app.py", f"--study={study.path}", f"--study={second.path}"])
        test = sign_in(visit(), "Ada")
        press(test, "act_choice_1_")
        assert not test.selectbox  # nothing to stray to between questions
        press(press(test, "act_pause"), "act_sign_out")
        assert in_link(test, "as") is None
        test.selectbox[0].set_value(studies.key_of(second.path))
        checked(test.run())
        assert in_link(test, "study") == studies.key_of(second.path)
        sign_in(test, "Ada")
        assert test.title[0].value.startswith("Question 1") and in_link(test, "study") == studies.key_of(second.path)
        assert len(given(study)) == 1 and given(second).empty


def test_two_annotators_see_nothing_of_each_other(visit, study):
    ada, bob = sign_in(visit(), "Ada"), sign_in(visit(), "Bob")
    ada.text_input[0].set_value("a secret remark")
    press(ada, "act_choice_1_")
    press(bob, "act_choice_2_")
    assert "secret" not in everything(bob) and "Ada" not in everything(bob)
    assert bob.title[0].value.startswith("Question 2") and "1 of" in everything(bob)
    assert sorted(given(study)["annotator"]) == ["Ada", "Bob"]


def test_without_a_study_the_page_says_how_to_make_one(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    test = AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = ("label", {})
    assert "no study" in checked(test.run()).info[0].value and "label create" in test.code[0].value


def test_explore_opens_a_study_alone(study, tmp_path, monkeypatch):
    from typer.testing import CliRunner

    from lmindexer.cli import app, explore

    served = []
    monkeypatch.setattr(explore, "_serve", lambda *given: served.append(given) or 0)
    call = CliRunner().invoke
    assert call(app, ["explore", "--study", str(study.path), "--no-browser"]).exit_code == 0
    assert served[0][1] == [f"--study={study.path}"]
    assert call(app, ["explore", "--study", str(tmp_path / "none.sqlite")]).exit_code == 2
    both = call(app, ["explore", str(tmp_path), "--study", str(study.path)])
    assert both.exit_code == 2 and "not both" in both.output and len(served) == 1
