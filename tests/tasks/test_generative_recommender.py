"""GenerativeRecommender: overfits a toy set, comes back from disk, goes on after a kill, says mistakes."""

import numpy as np
import pandas as pd
import pytest
import torch

import lmindexer as lmi
from lmindexer.common.errors import LMIndexerError, SettingsError
from lmindexer.corpus.corpus import Interactions
from lmindexer.tasks import decoding, load_task_model
from lmindexer.tasks.recommendation import TIGER, GenerativeRecommender, Recommendation, SlidesRecommender
from lmindexer.tasks.recommendation.histories import HistoryBatch
from lmindexer.tasks.recommendation.slides import joined_tokens

ITEMS, USERS = 24, 40
QUICK = {"dim": 16, "layers": 1, "epochs": 25, "targets": 64, "learning_rate": 1e-2, "warmup_steps": 5, "dropout": 0.0}


@pytest.fixture(scope="module")
def task():
    """Users walk around a ring of items: after i comes i + 1."""
    records = [{"doc_id": f"d{i}", "title": f"item {i}", "text": f"word{i % 5} word{i}"} for i in range(ITEMS)]
    corpus = lmi.Corpus.from_records(records, name="ring")
    rows = [
        {"user_id": f"u{u}", "doc_id": f"d{(u + step) % ITEMS}", "position": step}
        for u in range(USERS)
        for step in range(7)
    ]
    return Recommendation(corpus, Interactions.from_frame(pd.DataFrame(rows)))


@pytest.fixture(scope="module")
def ids(task):
    rng = np.random.default_rng(0)
    codes = np.column_stack([rng.integers(0, 4, ITEMS), rng.integers(0, 3, ITEMS)])
    return lmi.SemanticIDs.from_codes(list(task.corpus.doc_ids), codes, (4, 3))


FORMS = {
    "compact": {"text": "tfidf", "text_dims": 8},
    "codes alone": {"text": None},
    "nothing shared": {"text": "tfidf", "text_dims": 8, "tied": False, "node_vectors": False},
    "whole items beside": {"text": "tfidf", "text_dims": 8, "auxiliary": 0.5},
    "prototype": {"form": "prototype", "text": None},
    "prototype by beam": {"form": "prototype", "text": None, "decoding": "beam", "width": 12},
    "whole codebook": {"form": "prototype", "text": None, "normalise": "codebook"},
}


@pytest.mark.parametrize("form", list(FORMS))
def test_it_learns_what_comes_next(form, task, ids):
    model = GenerativeRecommender(ids, **QUICK | FORMS[form]).fit(task, progress=False)
    table = task.evaluate([model], metrics=("Recall@5",)).table()
    assert (table["Recall@5"] > 0.8).all()
    found = model.recommend([f"d{i}" for i in range(3, 8)], top=3)
    assert found["doc_id"].iloc[0] == "d8" and found["id"].iloc[0] == ids.unique_strings()[8]
    assert (np.diff(found["score"]) <= 0).all() and (found["score"] <= 0).all()


def test_the_encoder_decoder_learns_and_comes_back(task, ids, tmp_path):
    options = {"dim": 16, "layers": 1, "inner": 32, "epochs": 12, "targets": 32, "learning_rate": 1e-2, "dropout": 0.0}
    model = TIGER(ids, "small", warmup_steps=5, **options).fit(task, tmp_path / "run", progress=False)
    assert task.evaluate([model], metrics=("Recall@5",)).table()["Recall@5"].min() > 0.8
    again = load_task_model(tmp_path / "run")
    pd.testing.assert_frame_equal(again.recommend(["d1"], top=5), model.recommend(["d1"], top=5))


@pytest.mark.long
def test_the_slides_form_fine_tunes_an_indexer_and_comes_back(task, tmp_path):
    quick = {"warmup_epochs": 1, "continuous_epochs": 1, "discrete_epochs": 1}
    indexer = lmi.LMIndexer(positions=2, codebook_size=4, device="cpu", **quick)
    options = {"max_tokens": 24, "max_history": 3, "epochs": 2, "targets": 40, "warmup_steps": 2, "learning_rate": 1e-3}
    model = SlidesRecommender(indexer, **options).fit(task, tmp_path / "run", progress=False)
    before, after = model.history_["loss"].iloc[0], model.history_["loss"].iloc[-1]
    assert after < before
    again = load_task_model(tmp_path / "run")
    first, second = model.recommend(["d1", "d2"], top=5), again.recommend(["d1", "d2"], top=5)
    assert first["doc_id"].tolist() == second["doc_id"].tolist()
    assert np.allclose(first["score"], second["score"], atol=0.05)  # the indexer's frozen parts are kept as float16
    histories = task.histories("test").padded([0, 1, 2], 3, pad=ITEMS)
    scorer = model.network.scorer(model.network.read(histories))
    with torch.no_grad():
        total = decoding.all_scores(scorer, model.network.tree).exp().sum(1)
    assert torch.allclose(total, torch.ones(3), atol=1e-4)


def test_tokens_of_a_history_stand_the_newest_item_first():
    batch = HistoryBatch(torch.tensor([[0, 2, 9], [1, 9, 9]]), torch.tensor([2, 1]), torch.tensor([0, 1]))
    index, present = joined_tokens(np.array([0, 2, 3, 6]), batch, most=4)
    assert index.tolist() == [[3, 4, 5, 0], [2, 0, 0, 0]] and present.tolist() == [[True] * 4, [True] + [False] * 3]


def test_seen_items_never_come_back_and_results_do_not_run_out(task, ids):
    model = GenerativeRecommender(ids, "prototype", text=None, decoding="beam", width=20, **QUICK | {"epochs": 1})
    model.fit(task, progress=False)
    history = [f"d{i}" for i in range(20)]
    found = model.recommend(history, top=20)
    assert sorted(found["doc_id"]) == ["d20", "d21", "d22", "d23"]
    assert len(model.recommend(history, top=20, seen=True)) == 20


def test_saved_and_loaded_it_answers_alike(task, ids, tmp_path):
    model = GenerativeRecommender(ids, **QUICK | FORMS["compact"] | {"epochs": 2})
    model.fit(task, tmp_path / "run", progress=False)
    loaded = load_task_model(tmp_path / "run")
    assert type(loaded) is GenerativeRecommender and loaded.settings == model.settings
    pd.testing.assert_frame_equal(loaded.recommend(["d1"], top=5), model.recommend(["d1"], top=5))


def test_a_killed_fit_goes_on_to_the_same_model(task, ids, tmp_path, monkeypatch):
    options = QUICK | FORMS["compact"] | {"epochs": 4, "dropout": 0.2}
    whole = GenerativeRecommender(ids, **options).fit(task, progress=False)
    killed = GenerativeRecommender(ids, **options)
    steps, plain = [], GenerativeRecommender._loss

    def stopping(self, *batch):
        steps.append(1)
        if len(steps) > 11:
            raise KeyboardInterrupt
        return plain(self, *batch)

    monkeypatch.setattr(GenerativeRecommender, "_loss", stopping)
    with pytest.raises(KeyboardInterrupt):
        killed.fit(task, tmp_path / "run", progress=False)
    monkeypatch.setattr(GenerativeRecommender, "_loss", plain)
    again = GenerativeRecommender(ids, **options).fit(task, tmp_path / "run", progress=False)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, again.network.state_dict()[name]), name


@pytest.mark.parametrize("kind", ["compact", "TIGER"])
def test_items_are_added_without_training(kind, task, ids, tmp_path):
    if kind == "compact":
        model = GenerativeRecommender(ids, **QUICK | FORMS["compact"])
    else:
        model = TIGER(ids, "small", dim=16, layers=1, inner=32, epochs=8, targets=32, learning_rate=1e-2, dropout=0.0)
    model.fit(task, progress=False)
    before = model.recommend(["d6", "d7"], top=ITEMS)
    twin = {"doc_id": "twin of d8", "title": "item 8", "text": task.corpus.texts[8]}
    stranger = {"doc_id": "stranger", "title": "item 77", "text": "word77"}
    known = set(map(tuple, ids.codes.tolist()))
    free = next(pair for pair in np.ndindex(4, 3) if pair not in known)
    model.add_items(lmi.Corpus.from_records([twin, stranger], name="new"), codes=[ids.codes[8].tolist(), free])
    after = model.recommend(["d6", "d7"], top=ITEMS + 2)
    assert len(after) == len(before) + 2 == ITEMS
    assert set(after["doc_id"]) == set(before["doc_id"]) | {"twin of d8", "stranger"}
    if kind == "compact":  # it reads texts, and the two are alike in all but what the fit learned of d8 itself
        assert before["doc_id"].iloc[0] == "d8" and "twin of d8" in after["doc_id"].tolist()[:6]
    with torch.no_grad():
        scores = model.score_items(model.task_.histories("test").padded([0, 1], 50, pad=ITEMS + 2))
    assert torch.allclose(scores.exp().sum(1), torch.ones(2), atol=1e-4)
    assert len(model.recommend(["stranger", "twin of d8"], top=3)) == 3
    model.save(tmp_path / "run")
    again = load_task_model(tmp_path / "run")
    pd.testing.assert_frame_equal(again.recommend(["stranger"], top=5), model.recommend(["stranger"], top=5))


def test_what_cannot_be_added_is_said(task, ids):
    model = GenerativeRecommender(ids, text=None, **QUICK | {"epochs": 1}).fit(task, progress=False)
    with pytest.raises(SettingsError, match="give codes="):
        model.add_items(lmi.Corpus.from_records([{"doc_id": "new", "text": "x"}]))
    with pytest.raises(LMIndexerError, match="'d3' is there already"):
        model.add_items(lmi.Corpus.from_records([{"doc_id": "d3", "text": "x"}]), codes=[[0, 0]])


def test_an_indexer_is_fitted_first_and_its_ids_are_kept(task, tmp_path):
    options = QUICK | {"text": None, "epochs": 1}
    model = GenerativeRecommender(lmi.RandomIndexer(positions=2, codebook_size=4), **options)
    model.fit(task, tmp_path / "run", progress=False)
    again = load_task_model(tmp_path / "run")
    expected = lmi.RandomIndexer(positions=2, codebook_size=4).fit(task.corpus, progress=False).ids_
    assert (again.ids_.codes == expected.codes).all() and again.base_run["method"] == "random"
    assert again.settings["indexer"]["method"] == "random" and again.settings["ids"]


def test_where_the_answer_was_lost_covers_every_query(task, ids):
    model = GenerativeRecommender(ids, **QUICK | {"text": None, "epochs": 2}).fit(task, progress=False)
    lost = model.where_lost(width=3)
    assert lost["query"].tolist() == list(range(USERS)) and lost["document"].tolist() == task.targets("test").tolist()
    found = lost["beam_rank"] > 0
    assert (lost["lost"][found] == 0).all() and (lost["lost"][~found] > 0).all()


def test_mistakes_are_said(task, ids):
    with pytest.raises(SettingsError, match="form"):
        GenerativeRecommender(ids, "compct")
    with pytest.raises(SettingsError, match="layers"):
        GenerativeRecommender(ids, layrs=3)
    other = lmi.SemanticIDs.from_codes(["a"], [[0, 0]], (4, 3))
    with pytest.raises(SettingsError, match="fit the indexer on the task's corpus"):
        GenerativeRecommender(other, text=None).fit(task, progress=False)
    model = GenerativeRecommender(ids, text=None, **QUICK | {"epochs": 1}).fit(task, progress=False)
    with pytest.raises(SettingsError, match="did you mean 'd1'"):
        model.recommend(["d1x"])
    with pytest.raises(SettingsError, match="history is empty"):
        model.recommend([])
