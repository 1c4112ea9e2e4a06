"""The labelling widget without a front end: keys, buttons, undo, pauses, words of documents, and what stays hidden."""

import pytest
from studies_for_tests import corpus_of, make

from lmindexer import widgets
from lmindexer.common.errors import StudyError
from lmindexer.corpus.corpus import Corpus
from lmindexer.human_eval import SKIP_REASONS, TYPES
from lmindexer.human_eval.answering.screen import pace
from lmindexer.widgets.labelling import documents_html, guide_html

HOSTILE = ("<script>window.pwned=1</script>", "<img src=x onerror=alert(1)>", "**b** $x$", "שלום עולם 😀")


@pytest.fixture
def study(tmp_path):
    with make(tmp_path / "study.sqlite", per_method=2, annotators=2, overlap=2, repeats=0, gold=0) as study:
        yield study


@pytest.fixture
def labeller(study):
    return widgets.Labeller(study, "Ada", settle=0)


def type_in(labeller, keys: str) -> None:
    """What a front end sends when keys go down in the box."""
    for key in keys:
        labeller.key_box.value = key
        assert labeller.key_box.value == ""


def answers(study):
    return study.answers(early="test").sort_values("place")


def test_a_whole_study_by_keys_with_a_skip_and_a_comment(study, labeller):
    total = labeller.view.total
    type_in(labeller, "1")
    assert labeller.view.number == 2
    type_in(labeller, "s2")
    assert labeller.view.number == 3
    labeller.comment.value = "hard to say <b>"
    type_in(labeller, "2")
    assert labeller.comment.value == ""
    while labeller.view is not None:
        type_in(labeller, "1")
    found = answers(study)
    assert len(found) == total and "All done" in labeller.head.value
    assert list(found["skipped"]) == [False, True] + [False] * (total - 2)
    assert found["reason"].iloc[1] == SKIP_REASONS[1] and found["comment"].iloc[2] == "hard to say <b>"
    assert list(found["shown"].iloc[[0, 2]]) == ["1", "2"] and (found["seconds"] >= 0).all()


def test_undo_shows_the_question_again_and_the_new_answer_counts(study, labeller):
    first = labeller.view
    type_in(labeller, "1u")
    assert labeller.view.number == 1 and labeller.view.groups == first.groups
    type_in(labeller, "2")
    assert answers(study)["shown"].iloc[0] == "2"
    type_in(labeller, "uu")
    assert labeller.view.number == 1 and "nothing to take back" in labeller.trouble.value


def test_undo_after_the_last_answer(labeller):
    while labeller.view is not None:
        labeller.press("1")
    labeller.press("u")
    assert labeller.view.number == labeller.view.total


def test_a_button_answers_once_and_those_of_the_screen_before_are_dead(study, labeller):
    old = labeller.answers.children[0]
    old.click()
    old.click()
    assert labeller.view.number == 2 and len(answers(study)) == 1
    undo = next(button for button in labeller.acts.children if button.description.startswith("Undo"))
    undo.click()
    undo.click()
    assert labeller.view.number == 1 and not len(answers(study))


def test_a_double_click_and_a_held_key_answer_one_question(study):
    labeller = widgets.Labeller(study, "Ada", settle=60)
    type_in(labeller, "1")
    assert labeller.view.number == 1  # too early: it has only just appeared
    labeller.answers.children[0].click()
    assert labeller.view.number == 1
    labeller._shown_at -= 61
    labeller.answers.children[0].click()
    labeller.answers.children[0].click()  # the new question's button
    assert labeller.view.number == 2
    labeller._shown_at -= 61
    type_in(labeller, "1111")  # the box is deaf since the key went down first
    assert labeller.view.number == 2


def test_keys_that_mean_nothing_do_nothing(labeller):
    type_in(labeller, "890xyz §²٣b")
    assert labeller.view.number == 1 and not labeller.trouble.value


def test_a_pause_hides_the_question_does_not_count_and_is_noted(study, labeller):
    type_in(labeller, "p")
    assert labeller.documents.layout.display == "none" and len(labeller.answers.children) == 1
    type_in(labeller, "1su")
    assert labeller.view.number == 1
    labeller._paused_at -= 100
    labeller._shown_at -= 100
    labeller.answers.children[0].click()  # "Go on"
    assert labeller.documents.layout.display is None
    labeller.press("1")
    assert answers(study)["seconds"].iloc[0] < 50
    notes = study.events(early="test").query("kind == 'note:pause'")
    assert len(notes) == 1 and notes["annotator"].iloc[0] == "Ada" and notes["body"].iloc[0]["seconds"] >= 100


def test_going_on_later_shows_the_same_open_question(study, labeller):
    labeller.press("1")
    again = widgets.Labeller(study.path, "ada", settle=0)
    assert again.view == labeller.view and again.session.annotator == "Ada"
    labeller.press("1")
    again.press("2")  # another tab was quicker: its answer stands
    assert list(answers(study)["shown"]) == ["1", "1"] and again.view == labeller.view


def test_a_wrong_password_and_a_full_study_are_said(tmp_path):
    with make(tmp_path / "s.sqlite", per_method=2, annotators=1, overlap=1, password="open sesame") as study:
        with pytest.raises(StudyError, match="password"):
            widgets.Labeller(study, "Ada", "wrong")
        assert widgets.Labeller(study, "Ada", "open sesame").view.number == 1
        with pytest.raises(StudyError, match="taken"):
            widgets.Labeller(study, "Bob", "open sesame")


def test_an_answer_that_cannot_be_saved_is_said_and_the_question_stays(study, labeller, monkeypatch):
    def full(*_, **__):
        raise StudyError("The disk is full.")

    with monkeypatch.context() as patch:
        patch.setattr(labeller.session, "answer", full)
        labeller.press("1")
        assert labeller.view.number == 1 and "The disk is full." in labeller.trouble.value
    labeller.press("1")
    assert labeller.view.number == 2 and not labeller.trouble.value


def test_after_the_end_nothing_is_asked(study, labeller):
    study.end("the coordinator")
    labeller.press("1")
    assert "has been ended" in labeller.trouble.value
    assert "has ended" in widgets.Labeller(study, "Ada").head.value


def all_text(widget) -> str:
    """Everything that is sent to a front end."""
    own = " ".join(str(getattr(widget, name, "")) for name in ("value", "description", "tooltip", "placeholder"))
    return own + "".join(all_text(child) for child in getattr(widget, "children", ()))


def test_method_id_category_and_document_id_are_nowhere(study, labeller):
    seen = set()
    while labeller.view is not None:
        seen.add(labeller.view.type)
        said = all_text(labeller) + repr(labeller) + labeller.static_html()
        for hidden in ("METHOD", "TOP", "LEAF", "doc-", "near", "&lt;0&gt;"):
            assert hidden not in said.replace(labeller.guide.value, "")
        labeller.press("1")
    assert seen == set(TYPES)


def test_words_of_documents_are_escaped_and_keep_their_direction(tmp_path):
    frame = corpus_of().frame
    frame = frame.assign(
        title=[HOSTILE[n % 4] for n in range(len(frame))],
        text=[HOSTILE[-1 - n % 4] + f" {n}" for n in range(len(frame))],
    )
    records = frame.to_dict("records")
    with make(tmp_path / "s.sqlite", corpus=Corpus.from_records(records, name="hostile"), per_method=2) as study:
        labeller = widgets.Labeller(study, "<b>Ada</b>", settle=0)
        while labeller.view is not None:
            said = documents_html(labeller.view)
            assert "<script" not in said and "<img" not in said and 'dir="auto"' in said
            labeller.press("1")
        assert "<b>Ada" not in labeller.static_html()


@pytest.mark.parametrize("kind", TYPES)
def test_every_type_has_a_guide_with_two_worked_examples(kind, labeller):
    said = guide_html(kind)
    assert said.count("Example") == 2 and "<script" not in said
    labeller.press("?")
    assert labeller.guide.layout.display is None
    labeller.press("?")
    assert labeller.guide.layout.display == "none"


def test_a_saved_notebook_holds_the_progress_and_no_question(labeller):
    labeller.press("1")
    said = labeller._repr_mimebundle_()
    assert "1 of" in said["text/html"] and labeller.view.groups[0].items[0].title not in said["text/html"]
    assert "Ada" in said["text/plain"]


def test_pace_in_words(labeller):
    progress = labeller.session.progress()
    assert pace(progress) == f"0 of {progress.total} done"
    labeller.press("1")
    assert "s each" in pace(labeller.session.progress())
