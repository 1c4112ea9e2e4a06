"""Baselines: each learns a toy shop by heart, goes on after a kill to the same model, and comes back from disk."""

import math

import numpy as np
import pytest
import torch
from shop import corpus_of, ring_corpus

from lmindexer.common.errors import BundleError, SettingsError, TrainingError
from lmindexer.runs.task_run import TaskRun, find_task_runs
from lmindexer.tasks import fitting
from lmindexer.tasks.loading import load_task, load_task_model
from lmindexer.tasks.recommendation import (
    FDSA,
    HGN,
    BERT4Rec,
    GRU4Rec,
    Histories,
    ItemKNN,
    Popularity,
    Recommendation,
    SASRec,
    losses,
)
from lmindexer.tasks.recommendation.counting import similarities
from lmindexer.tasks.recommendation.neural import length_batches, next_items, pieces_of

QUICK = {"dim": 16, "targets": 64, "dropout": 0.0, "learning_rate": 0.01, "warmup_steps": 0, "schedule": "constant"}
QUICK |= {"patience": 0, "max_history": 6}


@pytest.fixture(scope="module")
def task():
    return Recommendation(ring_corpus())


def recall(task, model, metric="Recall@1") -> float:
    return float(task.evaluate([model], metrics=[metric], depth=5).seeds_of(model.name, metric)[0].mean())


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (SASRec, {"epochs": 12}),
        (SASRec, {"epochs": 40, "loss": "bce"}),
        (GRU4Rec, {"epochs": 12}),
        (GRU4Rec, {"epochs": 60, "loss": "top1", "tied": False}),
        (GRU4Rec, {"epochs": 15, "loss": "bpr_max"}),
        (BERT4Rec, {"epochs": 50, "last_share": 0.8, "learning_rate": 0.005}),
        (FDSA, {"epochs": 12, "text": None}),
        (HGN, {"epochs": 15, "max_history": 3}),
        (HGN, {"epochs": 30, "loss": "bpr", "max_history": 3}),
    ],
    ids=lambda value: getattr(value, "__name__", None) or value.get("loss", "usual"),
)
def test_a_baseline_learns_a_toy_shop_by_heart(task, kind, changes):
    model = kind(**QUICK | changes).fit(task, progress=False)
    assert recall(task, model) > 0.9
    assert model.history_["loss"].iloc[-1] < model.history_["loss"].iloc[0]


def test_item_knn_learns_a_toy_shop_and_popularity_does_not(task):
    assert recall(task, ItemKNN().fit(task), "Recall@5") > 0.9
    assert recall(task, Popularity().fit(task), "Recall@5") < 0.5


def test_the_paper_forms_can_be_fitted(task):
    for kind in (SASRec, GRU4Rec, BERT4Rec, FDSA, HGN):
        model = kind("paper", epochs=1, max_history=6).fit(task, progress=False)
        assert model.settings["loss"] != "softmax" and len(model.history_) == 1


def test_text_tells_apart_what_ids_cannot():
    """With text on the output side an item that nobody took can be recommended."""
    corpus = ring_corpus(users=30)
    model = SASRec(**QUICK | {"epochs": 2, "text": "tfidf", "text_dims": 8}).fit(Recommendation(corpus), progress=False)
    assert model.network.text.vectors.shape == (25, 8)  # 24 items, and padding
    assert not torch.equal(model.network.rows(), model.network.items.weight[:-1])


# ---- on disk, and after a kill -----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [SASRec, GRU4Rec, BERT4Rec, FDSA, HGN, Popularity, ItemKNN])
def test_a_run_comes_back_from_disk_as_it_was(task, kind, tmp_path):
    changes = {} if kind in (Popularity, ItemKNN) else QUICK | {"epochs": 1}
    changes |= {"text": None} if kind is FDSA else {}
    model = kind(name="mine", **changes).fit(task, run=tmp_path / "run", progress=False)
    again = load_task_model(tmp_path / "run")
    assert type(again) is kind and again.name == "mine" and again.settings == model.settings
    assert again.task_.fingerprint == task.fingerprint == load_task(tmp_path / "run").fingerprint
    history = ["r0i0", "r0i1", "r0i2"]
    assert again.recommend(history).equals(model.recommend(history))
    run = TaskRun.open(tmp_path / "run")
    run.verify()
    kept, fresh = (task.evaluate([one], metrics=["NDCG@10"]).seeds_of("mine", "NDCG@10")[0] for one in (run, model))
    assert kept == pytest.approx(fresh)
    assert run.metrics["views"]["raw"]["NDCG@10"] == pytest.approx(fresh.mean())
    assert not (tmp_path / "run" / "checkpoints").exists()


class Killed(Exception):
    pass


@pytest.mark.parametrize("kind", [SASRec, BERT4Rec, HGN])
def test_a_killed_fit_goes_on_to_the_same_model(task, kind, tmp_path, monkeypatch):
    changes = QUICK | {"epochs": 4, "dropout": 0.3}
    whole = kind(**changes).fit(task, progress=False)
    run_epoch = fitting._run_epoch

    def dies(module, optimizer, settings, epoch, *rest):
        if epoch == 2:
            raise Killed
        return run_epoch(module, optimizer, settings, epoch, *rest)

    monkeypatch.setattr(fitting, "_run_epoch", dies)
    with pytest.raises(Killed):
        kind(**changes).fit(task, run=tmp_path / "run", progress=False)
    monkeypatch.setattr(fitting, "_run_epoch", run_epoch)
    resumed = kind(**changes).fit(task, run=tmp_path / "run", progress=False)
    for name, value in whole.network.state_dict().items():
        assert torch.equal(value, resumed.network.state_dict()[name]), name
    assert resumed.history_["loss"].tolist() == whole.history_["loss"].tolist()


def test_a_checkpoint_of_other_settings_is_refused(task, tmp_path, monkeypatch):
    monkeypatch.setattr(SASRec, "save", lambda *_: None)
    SASRec(**QUICK | {"epochs": 1}).fit(task, run=tmp_path / "run", progress=False)
    with pytest.raises(TrainingError, match=r"other settings \(differs: epochs\)"):
        SASRec(**QUICK | {"epochs": 2}).fit(task, run=tmp_path / "run", progress=False)
    SASRec(**QUICK | {"epochs": 2}).fit(task, run=tmp_path / "run", progress=False, resume=False)


def test_early_stopping_keeps_the_best_epoch(task):
    model = SASRec(**QUICK | {"epochs": 30, "patience": 2}).fit(task, progress=False)
    history = model.history_
    best = int(history["NDCG@10"].to_numpy().argmax()) + 1
    assert history.attrs["best_epoch"] == best and len(history) == min(30, best + 2)


def test_an_indexers_run_is_never_replaced(task, tmp_path, fitted, quick_map):
    fitted.save(tmp_path / "indexer", progress=False)
    with pytest.raises(BundleError, match="holds the run of an indexer, which is not to be replaced"):
        Popularity().fit(task, run=tmp_path / "indexer")
    Popularity().fit(task, run=tmp_path / "task")
    with pytest.raises(BundleError, match="holds the run of a task model"):
        fitted.save(tmp_path / "task", progress=False)
    with pytest.raises(BundleError, match=r"use lmindexer\.load_indexer"):
        load_task_model(tmp_path / "indexer")
    from lmindexer.runs.bundle import find_bundles

    assert [run.name for run in find_task_runs(tmp_path)[0]] == ["task"] and not find_task_runs(tmp_path)[1]
    assert [run.name for run in find_bundles(tmp_path)[0]] == ["indexer"] and not find_bundles(tmp_path)[1]


def test_results_of_another_task_are_refused(task, tmp_path):
    other = Recommendation(ring_corpus(seed=9))
    model = Popularity().fit(other, run=tmp_path / "run")
    for one in (model, TaskRun.open(tmp_path / "run")):
        with pytest.raises(SettingsError, match="another task or other splits"):
            task.evaluate([one])


def test_a_misspelt_setting_is_named():
    with pytest.raises(SettingsError, match="dropout"):
        SASRec(dropuot=0.1)
    with pytest.raises(SettingsError, match="paper"):
        HGN("papre")


# ---- parts -----------------------------------------------------------------------------------------------------


def test_sampled_cross_entropy_stands_for_the_whole():
    torch.manual_seed(0)
    states, rows, targets = torch.randn(40, 8) / 3, torch.randn(300, 8), torch.randint(300, (40,))
    whole = losses.cross_entropy(states, targets, rows)
    drawn = [losses.sampled_cross_entropy(states, targets, rows, negatives=100) for _ in range(200)]
    assert float(torch.stack(drawn).mean()) == pytest.approx(float(whole), rel=0.02)
    assert torch.equal(losses.sampled_cross_entropy(states, targets, rows, negatives=299), whole)


def test_softmax_is_over_all_items_unless_they_are_very_many(monkeypatch):
    torch.manual_seed(0)
    states, rows, targets = torch.randn(4, 8), torch.randn(30, 8), torch.randint(30, (4,))
    assert torch.equal(losses.softmax(states, targets, rows, negatives=5), losses.cross_entropy(states, targets, rows))
    monkeypatch.setattr(losses, "WHOLE", 29)
    torch.manual_seed(1)
    drawn = losses.softmax(states, targets, rows, negatives=5)
    torch.manual_seed(1)
    assert torch.equal(drawn, losses.sampled_cross_entropy(states, targets, rows, negatives=5))
    assert SASRec().settings["loss"] == "softmax"


def test_losses_by_hand():
    states, rows = torch.tensor([[1.0], [2.0]]), torch.tensor([[1.0], [3.0]])  # scores: [1, 3] and [2, 6]
    targets = torch.tensor([1, 0])  # with two items the other one is the only negative
    log_sigmoid = lambda x: -math.log1p(math.exp(-x))  # noqa: E731
    assert float(losses.bpr(states, targets, rows)) == pytest.approx(-(log_sigmoid(2) + log_sigmoid(-4)) / 2)
    bce = -(log_sigmoid(3) + log_sigmoid(-1) + log_sigmoid(2) + log_sigmoid(-6)) / 2
    assert float(losses.bce(states, targets, rows)) == pytest.approx(bce)
    sigmoid = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    top1 = (sigmoid(1 - 3) + sigmoid(1) + sigmoid(6 - 2) + sigmoid(36)) / 2
    assert float(losses.top1(states, targets, rows)) == pytest.approx(top1)


def test_pieces_name_every_later_item_once():
    histories = Histories.of([list(range(7)), [3], [4, 5]])
    pieces = pieces_of(histories, longest=3)
    assert [pieces[row].tolist() for row in range(len(pieces))] == [[0, 1, 2, 3], [3, 4, 5, 6], [4, 5]]
    batch, targets = next_items(pieces, np.array([0, 2]), pad=9)
    assert batch.items.tolist() == [[0, 1, 2], [4, 5, 9]] and targets.tolist() == [[1, 2, 3], [5, 9, 9]]
    assert batch.lengths.tolist() == [3, 1]


def test_batches_hold_every_row_once_and_like_lengths():
    lengths = np.random.default_rng(0).integers(1, 20, 300)
    batches = length_batches(lengths, 64, [0, 1])
    assert sorted(np.concatenate(batches).tolist()) == list(range(300))
    assert max(int(lengths[rows].sum()) for rows in batches) < 64 + 20
    assert np.mean([np.ptp(lengths[rows]) for rows in batches]) < 2


def test_padding_changes_no_score(task):
    """A history alone and beside a longer one gets the same scores from every network."""
    for kind in (SASRec, GRU4Rec, BERT4Rec, HGN, FDSA):
        changes = QUICK | {"epochs": 1} | ({"text": None} if kind is FDSA else {})
        model = kind(**changes).fit(task, progress=False)
        both = Histories.of([[1, 2], [3, 4, 5, 6, 7]])
        together = model.score_items(both.padded([0, 1], 6, pad=24))
        alone = model.score_items(both.padded([0], 6, pad=24))
        assert torch.allclose(together[0], alone[0], atol=1e-5), kind.__name__


def test_causal_states_do_not_see_what_follows(task):
    for kind in (SASRec, GRU4Rec, FDSA):
        changes = QUICK | {"epochs": 1} | ({"text": None} if kind is FDSA else {})
        model = kind(**changes).fit(task, progress=False)
        states = [
            model.network(Histories.of([[1, 2, last]]).padded([0], 6, pad=24))[0, :2].detach() for last in (3, 20)
        ]
        assert torch.allclose(states[0], states[1], atol=1e-6), kind.__name__


def test_similarities_against_a_slow_loop():
    rng = np.random.default_rng(0)
    taken = [rng.permutation(6)[: rng.integers(1, 5)].tolist() for _ in range(12)]
    found = similarities(Histories.of(taken), 6, neighbours=6, shrink=0.0, window=None).toarray()
    for i in range(6):
        for j in range(6):
            a, b = ({u for u, one in enumerate(taken) if item in one} for item in (i, j))
            wanted = len(a & b) / math.sqrt(len(a) * len(b)) if i != j and a & b else 0.0
            assert found[i, j] == pytest.approx(wanted)
    assert (similarities(Histories.of(taken), 6, 2, 0.0, None).getnnz(1) <= 2).all()


def test_popularity_counts_training_alone():
    task = Recommendation(corpus_of({"u": ["a", "b", "c"], "v": ["a", "c", "b"]}))
    assert Popularity().fit(task).counts.tolist() == [2, 0, 0]
