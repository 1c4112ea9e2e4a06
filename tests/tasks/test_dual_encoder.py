"""The Dual Encoder's encoder, trained for a few steps on a small network."""

import numpy as np
import pytest
from search_task import shop

from lmindexer.common.errors import SettingsError
from lmindexer.tasks import load_task_model
from lmindexer.tasks.search import DualEncoder, Retrieval, encoder_training
from lmindexer.tasks.search.encoder_training import hard_negatives


@pytest.fixture(scope="module")
def task():
    return Retrieval(shop())


@pytest.fixture(scope="module")
def trained(task, tmp_path_factory):
    folder = tmp_path_factory.mktemp("dual") / "run"
    model = DualEncoder("encoder", epochs=1, batch=8, most_steps=6, learning_rate=1e-4)
    return model.fit(task, run=folder, progress=False), folder


def test_it_trains_first_in_the_batch_then_against_bm25(trained, task):
    history = trained[0].history_
    assert history["part"].tolist() == ["in-batch negatives", "and BM25's"] and history["step"].tolist() == [3, 6]
    frozen = DualEncoder("frozen").fit(task, progress=False)
    assert np.abs(trained[0].documents_ - frozen.documents_).max() > 1e-3  # the encoder itself has moved
    np.testing.assert_allclose(np.linalg.norm(trained[0].documents_, axis=1), 1, atol=1e-3)


def test_the_trained_encoder_comes_back_from_disk(trained):
    model, folder = trained
    again = load_task_model(folder)
    np.testing.assert_allclose(again.states(["a red ball"]), model.states(["a red ball"]), atol=1e-5)
    assert model.search("red ball", top=3)["doc_id"].tolist() == again.search("red ball", top=3)["doc_id"].tolist()


def test_a_stopped_training_goes_on_to_the_same_encoder(trained, task, tmp_path, monkeypatch):
    plain, drawn = encoder_training._Pairs.columns, []

    def stopping(self, *batch):
        drawn.append(batch)
        if len(drawn) > 4:  # in the second epoch
            raise KeyboardInterrupt
        return plain(self, *batch)

    options = {"epochs": 1, "batch": 8, "most_steps": 6, "learning_rate": 1e-4}
    monkeypatch.setattr(encoder_training._Pairs, "columns", stopping)
    with pytest.raises(KeyboardInterrupt):
        DualEncoder("encoder", **options).fit(task, run=tmp_path / "run", progress=False)
    monkeypatch.setattr(encoder_training._Pairs, "columns", plain)
    again = DualEncoder("encoder", **options).fit(task, run=tmp_path / "run", progress=False)
    assert [hard for *_, hard in drawn] == [False, False, False, True, True]
    np.testing.assert_array_equal(again.documents_, trained[0].documents_)


def test_hard_negatives_are_found_by_bm25_and_never_right(task):
    texts, judged = task.texts("train"), task.judgements("train")
    chosen = hard_negatives(task, texts, seed=0)
    right = set(zip(judged.query.tolist(), judged.document.tolist(), strict=True))
    assert not right & set(enumerate(chosen.tolist()))
    words = [set(text.lower().split()) for text in task.corpus.documents()]
    shared = [bool(set(text.lower().split()) & words[d]) for text, d in zip(texts, chosen, strict=True)]
    assert np.mean(shared) > 0.5
    np.testing.assert_array_equal(chosen, hard_negatives(task, texts, seed=0))


def test_an_unknown_form_is_said():
    with pytest.raises(SettingsError, match="give one of frozen, map, encoder"):
        DualEncoder("trained")
