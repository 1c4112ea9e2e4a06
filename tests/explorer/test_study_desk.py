"""The page Studies: a study made after its plan was shown, watched by pace, ended; links that give no file's name."""

import shutil
import sys
from pathlib import Path

import pytest
import run_bundles
from streamlit.testing.v1 import AppTest

from explorer_app import context, studies
from explorer_app.views.study_desk import _people, free_path
from lmindexer.human_eval import Study
from lmindexer.runs.bundle import Bundle

APP = Path(context.__file__).with_name("app.py")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    corpus = run_bundles.corpus_of()
    for seed, name in enumerate(("one", "two")):
        run_bundles.write(tmp_path, name, corpus, run_bundles.ids_of(corpus, seed), seed)
    monkeypatch.setattr(sys, "argv", ["app.py", str(tmp_path)])
    context.forget_shelf()
    studies.forget()
    yield tmp_path
    context.forget_shelf()
    studies.forget()


def visit(page, test=None, **query) -> AppTest:
    test = test or AppTest.from_file(str(APP), default_timeout=60)
    test.session_state["goto"] = (page, query)
    test.run()
    assert not test.exception, test.exception[0].value
    return test


def press(test, label: str) -> AppTest:
    next(button for button in test.button if button.label == label).click().run()
    assert not test.exception, test.exception[0].value
    return test


def test_a_study_is_made_after_its_plan_watched_and_ended(folder):
    test = visit("studies")
    test.multiselect(key="study_runs").set_value(["one", "two"]).run()
    next(box for box in test.text_input if box.label.startswith("Title")).set_value("Do these belong?").run()
    next(box for box in test.number_input if box.label.startswith("Questions")).set_value(4).run()
    press(test, "Show the plan")
    assert any("Methods:" in text.value for text in test.text) and not list(folder.glob("*.sqlite"))
    press(test, "Keep it and make the study")
    path = folder / "do-these-belong.sqlite"
    with Study.open(path) as study:
        assert study.name == "Do these belong?"
        session = study.sign_in("Ada")
        session.next()
        session.answer("1", seconds=30.0)
        row = study.paces().iloc[0]
        assert (row.annotator, row.done, row.seconds_each) == ("Ada", 1, 30.0) and row.seconds_left > 60
    key = studies.key_of(path)
    test = visit("studies", study=key)
    assert any("1 place is free" in caption.value for caption in test.caption)
    next(box for box in test.text_input if box.label == "Your name").set_value("Cleo")
    press(test, "End it")
    with Study.open(path) as study:
        assert study.end_of["by"] == "Cleo"


def test_what_a_link_says_of_a_study_is_its_title_and_old_links_still_lead_to_it(folder):
    runs = [Bundle.open(folder / name) for name in ("one", "two")]
    secret = folder / "lmindexer-against-rqvae.sqlite"
    Study.create(runs, path=secret, per_method=3, name="Which belong?").close()
    Study.create(runs, path=folder / "second.sqlite", per_method=3, seed=1, name="Which belong?").close()
    keys = list(studies.found())
    assert len(set(keys)) == 2 and all(key.startswith("which-belong-") and "rqvae" not in key for key in keys)
    test = visit("label", study="lmindexer-against-rqvae")
    chosen = next(box for box in test.selectbox if box.label == "Study")
    assert chosen.value == studies.key_of(secret) and len(set(chosen.options)) == 2
    assert all(title.startswith("Which belong? (") for title in chosen.options)
    shutil.move(secret, folder / "renamed.sqlite")
    studies.forget()
    assert sorted(studies.found()) == sorted(keys)  # a link holds whatever the file is called


def test_annotators_are_a_number_or_names_and_a_new_file_replaces_none(tmp_path):
    assert _people(" 3 ") == 3 and _people("Ada, Ben") == ["Ada", "Ben"]
    (tmp_path / "a-b.sqlite").touch()
    assert free_path(tmp_path, "A & b") == tmp_path / "a-b-2.sqlite"
