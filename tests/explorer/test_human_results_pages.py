"""The pages for whoever runs a study: results before and after the end and the un-blinding, adjudication."""

import re
import sys
from pathlib import Path

import numpy as np
import pytest
from run_bundles import corpus_of, ids_of
from streamlit.testing.v1 import AppTest

from explorer_app import context
from lmindexer.human_eval import Study, disagreements
from lmindexer.human_eval.results.simulate import answer_study

APP = Path(context.__file__).with_name("app.py")


@pytest.fixture
def visit(tmp_path, monkeypatch):
    """visit(page, **query) -> the page of an app that was started for the coordinator of tmp_path/study.sqlite."""
    monkeypatch.setattr(sys, "argv", ["app.py", f"--study={tmp_path / 'study.sqlite'}", "--coordinator"])

    def go(page, test=None, **query):
        test = test or AppTest.from_file(str(APP), default_timeout=120)
        test.session_state["goto"] = (page, query)
        test.run()
        assert not test.exception, test.exception[0].value
        return test

    return go


@pytest.fixture
def study(tmp_path):
    corpus = corpus_of(150)
    made = Study.create(
        {"good": ids_of(corpus), "poor": ids_of(corpus, 1)}, corpus, path=tmp_path / "study.sqlite", per_method=5,
        questions=("intruder", "pair", "ab"), annotators=2, simulated=True,
    )  # fmt: skip
    with made:
        yield made


def words_on(test) -> str:
    kinds = ("title", "header", "markdown", "caption", "text", "info", "warning", "error", "success")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(test, kind))


def press(test, label: str) -> AppTest:
    next(button for button in test.button if button.label == label).click()
    test.run()
    assert not test.exception, test.exception[0].value
    return test


def fill(test, label: str, text: str, place: int = 0) -> None:
    [box for box in test.text_input if box.label == label][place].set_value(text)


def test_before_the_end_only_progress_is_shown(visit, study):
    test = visit("results")
    assert "Nobody has signed in yet" in words_on(test) and "simulated" in words_on(test)
    assert "good" not in words_on(test)
    assert "when the study has ended" in words_on(visit("adjudicate"))
    answer_study(study, lambda ids: np.eye(len(ids)), (0.4,))  # one of two annotators
    test = visit("results")
    fill(test, "Your name", "Boss", 1)
    assert "reason" in press(test, "Look").error[0].value
    fill(test, "Why", "curious", 1)
    assert "early look" in words_on(press(test, "Look"))
    assert any("curious" in str(body) for body in study.events(early="test")["body"])


def test_from_the_end_to_the_methods(visit, study):
    answer_study(study, lambda ids: np.eye(len(ids)), (0.4, 0.4))
    test = visit("results")
    assert "blinded" in test.info[0].value and "good" not in words_on(test)
    for part in ("agreement", "annotators"):
        assert "good" not in words_on(visit("results", show=part))
    fill(test, "Your name", "Boss")
    test = press(test, "Unblind")
    assert study.unblinded and "Unblinded by Boss" in words_on(test)
    assert "good" in words_on(test)


def test_a_disagreement_is_settled_under_a_name(visit, study):
    answer_study(study, lambda ids: np.eye(len(ids)), (2.0, 2.0))
    first = disagreements(study).iloc[0]
    test = visit("adjudicate", question=first["question_id"])
    key = f"settle_{first['question_id']}_{'1' if first['type'] != 'ab' else 'a'}"
    test.button(key=key).click().run()
    assert "name" in test.error[0].value and study.adjudications().empty
    fill(test, "Your name", "Boss")
    test.button(key=key).click().run()
    assert not test.exception
    assert study.adjudications()[["question_id", "by"]].to_numpy().tolist() == [[first["question_id"], "Boss"]]
    assert "1 of" in " ".join(bar.proto.text for bar in test.get("progress"))


def test_annotators_get_neither_page(study, tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["app.py", f"--study={tmp_path / 'study.sqlite'}"])
    test = AppTest.from_file(str(APP), default_timeout=120)
    test.run()
    assert not test.exception and "Results" not in words_on(test) and not test.get("page_link")


def test_the_demonstration_is_offered_in_the_explorer(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    test = AppTest.from_file(str(APP), default_timeout=120)
    test.session_state["goto"] = ("results", {})
    test.run()
    said = words_on(test)
    assert not test.exception and "no person did" in said and re.search("ahead of|no difference between", said)
