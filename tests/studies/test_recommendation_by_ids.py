"""The report's parts about recommenders by IDs: the IDs beside the recommender, where answers are lost."""

from types import SimpleNamespace

import numpy as np
import pytest
from shop import ring_corpus

import lmindexer as lmi
from lmindexer.studies.recommendation.by_ids import _table, by_ids, ids_frame, leaf_labels, lost_by_popularity
from lmindexer.tasks.recommendation import GenerativeRecommender, ItemKNN, Recommendation

QUICK = {"dim": 8, "layers": 1, "epochs": 1, "targets": 64, "text": None}


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    task = Recommendation(ring_corpus(users=20, steps=6))
    ids = lmi.RandomIndexer(positions=2, codebook_size=4).fit(task.corpus, progress=False).ids_
    folder = tmp_path_factory.mktemp("runs")
    made = [GenerativeRecommender(ids, name=f"model {seed}", seed=seed, **QUICK).fit(task) for seed in (0, 1)]
    runs = [model.save(folder / str(model.settings["seed"])) for model in made]
    return task, made, [*runs, ItemKNN().fit(task).save(folder / "knn")]


def test_losses_by_popularity_cover_every_query(models):
    task, (model, _), _ = models
    table = lost_by_popularity(model, width=3)
    groups, whole = table.iloc[:-1], table.iloc[-1]
    assert groups["queries"].sum() == whole["queries"] == len(task.asked)
    shares = whole["found"] + sum(whole[f"lost_at_{level}"] for level in (1, 2, 3))
    assert shares == pytest.approx(1) and whole["group"] == "all"
    often = np.bincount(task.train.items, minlength=len(task.corpus))[task.targets("test")]
    assert dict(zip(groups["group"], groups["queries"], strict=True)).get("0", 0) == (often == 0).sum()


def test_the_ids_stand_beside_the_recall(models):
    task, made, runs = models
    frame = ids_frame(task, list(zip(runs[:2], made, strict=True)))
    recall = task.evaluate(made[:1], metrics=("Recall@5",)).table().set_index("view").loc["raw", "Recall@5"]
    assert frame["Recall@5"].iloc[0] == pytest.approx(recall) and frame["shared"].between(0, 1).all()
    text = "\n\n".join(by_ids(task, runs))
    assert "| model 1 | 1 |" in text and "loses the answer, beam 20" in text and "Item-kNN" not in text
    assert by_ids(task, runs[2:]) == []


def test_agreement_is_asked_of_categories_that_can_be_agreed_with():
    corpus = lmi.load_sample("attack")  # whose whole paths are one class a document
    assert np.array_equal(leaf_labels(corpus), corpus.labels(2))
    assert leaf_labels(SimpleNamespace(levels=0)) is None


def test_an_agreement_that_says_nothing_is_not_shown(models):
    _, _, runs = models
    corpus = lmi.load_sample("attack").take(range(24))
    single = lmi.SemanticIDs.from_codes(corpus.doc_ids, np.zeros((24, 2), int), (4, 4))
    stub = SimpleNamespace(corpus=corpus, evaluate=models[0].evaluate)
    model = SimpleNamespace(ids_=single, name="one code", settings={"seed": 0})
    frame = ids_frame(stub, [(runs[0], model)])
    assert frame[["AMI at 1", "AMI at 2"]].isna().all(axis=None) and "| - | - |" in _table(frame)
