"""The pages that ask a model, on a tiny run that was really trained."""

import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from explorer_app import context, models
from lmindexer.browse import RunBrowser, documents, inside
from lmindexer.common.errors import BundleError
from lmindexer.runs.bundle import Bundle

APP = Path(context.__file__).with_name("app.py")


@pytest.fixture(scope="module")
def folder(fitted, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    fitted.save(folder / "tiny", progress=False)
    return folder


@pytest.fixture(scope="module")
def run(folder):
    return RunBrowser.from_bundle(Bundle.open(folder / "tiny"))


def test_the_chosen_codes_are_the_most_probable_ones(run, fitted):
    """P_s of the document's own text has its greatest value at the document's own code."""
    for row in (0, 7):
        steps = inside.why(run, fitted, row)
        own = steps[steps.chosen]
        assert tuple(own.code) == documents.document(run, row)["codes"] and (own["rank"] == 1).all()
        assert steps.groupby("position").probability.sum().le(1 + 1e-6).all()


def test_a_document_s_own_text_leads_to_its_own_id(run, fitted):
    trie = inside.trie_of(run)
    way = inside.way_of(run, fitted, inside.document_of(run, 3).documents()[0], trie, width=6)
    assert tuple(way.beam.paths.codes.iloc[0]) == documents.document(run, 3)["codes"]
    assert way.exact.score.iloc[0] == pytest.approx(way.beam.paths.score.iloc[0], abs=1e-5)
    assert np.exp(way.exact.score).sum() <= 1 + 1e-6  # impossible IDs take the rest
    found = inside.found_documents(run, way.beam.paths, 10)
    assert 3 in found["row"].tolist() and found["path"].is_monotonic_increasing
    assert way.state.shape == (run.bundle.states.shape[1],)


def test_a_document_is_there_before_its_model(folder, monkeypatch):
    gate = threading.Event()
    really = inside.load_model
    monkeypatch.setattr(inside, "load_model", lambda run: gate.wait(60) and really(run))
    monkeypatch.setattr(sys, "argv", ["app.py", str(folder)])
    test = AppTest.from_file(str(APP), default_timeout=120)
    test.session_state["goto"] = ("document", {"run": "tiny", "doc": "d0"})
    try:
        test.run()
        said = [element.value for element in test.caption]
        assert any("being loaded" in text for text in said) and not test.exception
        assert any("same prefix" in element.value for element in test.header)
    finally:
        gate.set()
    monkeypatch.setattr(models, "PATIENCE", 60)
    test.run()
    assert not any("being loaded" in element.value for element in test.caption) and not test.error


def test_a_model_that_cannot_be_loaded_is_told_at_once_and_tried_again_at_the_next_visit(folder, monkeypatch):
    tries = []

    def fail(run):
        tries.append(run)
        raise BundleError("its weights are cut short")

    models._loads.clear()  # the other tests' model
    monkeypatch.setattr(inside, "load_model", fail)
    monkeypatch.setattr(models, "PATIENCE", 60)
    monkeypatch.setattr(sys, "argv", ["app.py", str(folder)])
    for visit in (1, 2):
        test = AppTest.from_file(str(APP), default_timeout=120)
        test.session_state["goto"] = ("document", {"run": "tiny", "doc": "d0"})
        test.run()
        assert ["cut short" in element.value for element in test.error] == [True] and len(tries) == visit


def test_pages_ask_the_model(folder, monkeypatch):
    monkeypatch.setattr(models, "PATIENCE", 60)
    monkeypatch.setattr(sys, "argv", ["app.py", str(folder)])
    for page, query in (("document", {"doc": "d0"}), ("try", {"text": "a bird sings"}), ("try", {})):
        test = AppTest.from_file(str(APP), default_timeout=120)
        test.session_state["goto"] = (page, {"run": "tiny", **query})
        test.run()
        assert not test.exception and not test.error, (page, test.exception, test.error)
        said = " ".join(element.value for element in test.markdown)
        assert "with probability" in said or page != "try" or not query
