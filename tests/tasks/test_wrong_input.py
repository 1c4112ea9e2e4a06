"""What a person may give a task model by mistake, and tasks in which something is missing: one clear sentence each."""

import numpy as np
import pytest
from search_task import shop
from shop import corpus_of, ring_corpus

import lmindexer as lmi
from lmindexer.common.errors import CorpusError, LMIndexerError, SettingsError, TrainingError
from lmindexer.tasks import load_task_model
from lmindexer.tasks.recommendation import HGN, TIGER, BERT4Rec, GenerativeRecommender, ItemKNN, Popularity, SASRec
from lmindexer.tasks.recommendation.base import best_items
from lmindexer.tasks.search import BM25, SEAL, DualEncoder, GenerativeRetriever, IndexerRetriever, Retrieval

QUICK = {"embeddings": "tfidf", "epochs": 1}


@pytest.fixture(scope="module")
def recommendation():
    return lmi.tasks.Recommendation(ring_corpus())


@pytest.fixture(scope="module")
def popular(recommendation):
    return Popularity().fit(recommendation, progress=False)


@pytest.fixture(scope="module")
def retrieval():
    return Retrieval(shop())


@pytest.fixture(scope="module")
def indexer(retrieval):
    return lmi.ResidualKMeansIndexer(positions=2, codebook_size=6, embeddings="tfidf").fit(
        retrieval.corpus, progress=False
    )


# ---- settings ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"dim": "a"}, "dim is 'a'; give a whole number"),
        ({"dim": True}, "dim is True"),
        ({"max_history": 0}, "max_history is 0"),
        ({"heads": 3, "dim": 16}, "a multiple of heads"),
        ({"loss": "x"}, "loss is 'x'; choose one of 'softmax', 'cross_entropy'"),
        ({"watch": "Foo@3"}, "watch is 'Foo@3'; choose one of 'Recall@5', 'NDCG@10'"),
        ({"validation_users": 0}, "validation_users is 0"),
        ({"dropout": 2.0}, "dropout is 2.0; give a number from 0 to 0.9"),
        ({"negatives": 0}, "negatives is 0"),
        ({"targets": 0}, "targets is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"epochs": 1.5}, "epochs is 1.5; give a whole number"),
        ({"patience": -1}, "patience is -1"),
        ({"seed": -1}, "seed is -1"),
        ({"text": 5}, "text is 5; give embeddings"),
    ],
    ids=str,
)
def test_a_recommenders_setting_is_checked_where_it_is_given(changes, said):
    with pytest.raises(SettingsError, match=said):
        SASRec(**changes)


def test_every_recommender_checks_its_settings():
    ids = lmi.SemanticIDs.from_codes(["a", "b"], [[0], [1]], (2,))
    for make in (HGN, BERT4Rec, lambda **s: GenerativeRecommender(ids, **s), lambda **s: TIGER(ids, **s)):
        with pytest.raises(SettingsError, match="epochs is 0"):
            make(epochs=0)
    with pytest.raises(SettingsError, match="one loss, 'path'"):
        GenerativeRecommender(ids, loss="bce")
    with pytest.raises(SettingsError, match="normalise is 'x'"):
        TIGER(ids, normalise="x")
    with pytest.raises(SettingsError, match="neighbours is 'x'"):
        ItemKNN(neighbours="x")
    assert BERT4Rec(epochs=np.int64(3)).settings["epochs"] == 3  # a sweep's numbers are plain afterwards


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        (BM25, {"training_queries": "yes"}, "training_queries is 'yes'; give True or False"),
        (DualEncoder, {"form": "map", "batch": 0}, "batch is 0"),
        (DualEncoder, {"form": "map", "learning_rate": -1.0}, "learning_rate is -1.0"),
        (DualEncoder, {"form": "map", "epochs": 0}, "epochs is 0"),
        (DualEncoder, {"form": "encoder", "most_steps": "x"}, "most_steps is 'x'"),
        (DualEncoder, {"form": "encoder", "embeddings": "tfidf"}, "trains a sentence-transformers model, not 'tfidf'"),
        (DualEncoder, {"form": "encoder", "embeddings": "minilm:3"}, "trains a sentence-transformers model"),
        (GenerativeRetriever, {"rows": 0}, "rows is 0"),
        (GenerativeRetriever, {"rank": "x"}, "rank is 'x'"),
        (GenerativeRetriever, {"pseudo": ["t"]}, "kind 't' are not known"),
        (GenerativeRetriever, {"pseudo": 5}, "kind 5 are not known"),
        (GenerativeRetriever, {"pseudo_share": 5}, "pseudo_share is 5; give a number from 0 to 1"),
        (GenerativeRetriever, {"normalise": "x"}, "normalise is 'x'; choose one of 'tree', 'codebook'"),
        (GenerativeRetriever, {"beam": -3}, "beam is -3"),
        (GenerativeRetriever, {"learn_rows": "x"}, "learn_rows is 'x'"),
        (IndexerRetriever, {"epochs": "x"}, "epochs is 'x'"),
        (SEAL, {"beam": 0}, "beam is 0"),
        (SEAL, {"longest": "x"}, "longest is 'x'"),
        (SEAL, {"beta": 5.0}, "beta is 5.0; give a number from 0 to 1"),
    ],
    ids=str,
)
def test_a_search_models_setting_is_checked_where_it_is_given(kind, changes, said):
    with pytest.raises(SettingsError, match=said):
        kind(**changes)


# ---- questions -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrong", [{"top": "5"}, {"top": 2.5}, {"history": 5}, {"seen": "yes"}, {"user": 3}], ids=str)
def test_recommend_says_which_argument_is_of_the_wrong_type(popular, wrong):
    with pytest.raises(LMIndexerError, match=f"recommend: {next(iter(wrong))} must be"):
        popular.recommend(**{"history": ["r0i0"]} | wrong)


def test_when_there_are_fewer_items_than_asked_for_the_answer_says_why(popular):
    every = popular.task_.corpus.doc_ids.tolist()
    nothing, some = popular.recommend(every), popular.recommend(every[:20], top=10)
    assert not len(nothing) and nothing.attrs["note"] == "The corpus has 24 items, and 24 of them are in the history."
    assert len(some) == 4 and "20 of them are in the history" in some.attrs["note"]
    assert len(popular.recommend(every, seen=True, top=30)) == 24
    assert popular.recommend(every[:2], top=5).attrs["note"] == ""


def test_of_items_that_tie_the_earlier_ones_are_recommended():
    import torch

    scores = torch.tensor([[0.0, 2.0, 0.0, 0.0, -torch.inf, 0.0], [1.0, 1.0, 3.0, 2.0, 1.0, -torch.inf]])
    items, values = best_items(scores, 3)
    assert items.tolist() == [[1, 0, 2], [2, 3, 0]] and values.tolist() == [[2, 0, 0], [3, 2, 1]]
    assert best_items(scores[:, 4:5], 1)[0].tolist() == [[-1], [0]]


@pytest.mark.parametrize("wrong", [{"top": "3"}, {"top": 2.5}, {"query": None}, {"query": ["a", "b"]}], ids=str)
def test_search_says_which_argument_is_of_the_wrong_type(retrieval, wrong):
    model = BM25(k1=0.9, b=0.4).fit(retrieval, progress=False)
    with pytest.raises(LMIndexerError, match=f"search: {next(iter(wrong))} must be"):
        model.search(**{"query": "red ball"} | wrong)
    with pytest.raises(SettingsError, match="bm25 knows no 'exact'; it has one exact ranking"):
        model.search("red ball", exact=True)


def test_a_query_of_unknown_words_is_said_where_vectors_know_words_alone(retrieval, indexer):
    for model in (DualEncoder(embeddings="tfidf"), GenerativeRetriever(indexer, rows=2, **QUICK)):
        model.fit(retrieval, progress=False)
        assert model.search("zzzz").attrs["note"].startswith("No word of this query is known here")
        assert model.search("red ball").attrs["note"] == ""


# ---- tasks in which something is missing -----------------------------------------------------------------------------


def test_users_with_three_items_leave_nothing_to_learn_from():
    task = lmi.tasks.Recommendation(corpus_of({f"u{user}": [f"i{user}", f"i{user + 1}", "z"] for user in range(5)}))
    for model in (SASRec(epochs=1), HGN(epochs=1), BERT4Rec(epochs=1)):
        with pytest.raises(CorpusError, match="nothing to learn from; give longer sequences, or use Popularity"):
            model.fit(task, progress=False)
        with pytest.raises(LMIndexerError, match="is not fitted yet"):
            model.recommend(["z"])
    for model in (Popularity(), ItemKNN()):
        assert len(model.fit(task, progress=False).recommend(["z"], top=3)) == 3


def test_a_task_of_test_queries_alone_teaches_documents_or_says_that_it_cannot(indexer):
    task = Retrieval(shop(), shares=(0, 0, 1))
    model = GenerativeRetriever(indexer, rows=2, **QUICK).fit(task, progress=False)  # learns from the documents
    assert len(model.search("red ball", top=3)) == 3
    for other in (DualEncoder("map", **QUICK), GenerativeRetriever(indexer, rows=2, pseudo=(), **QUICK)):
        with pytest.raises(TrainingError, match="no training query, so there is nothing to learn from"):
            other.fit(task, progress=False)
        with pytest.raises(LMIndexerError, match="is not fitted yet"):
            task.evaluate(other)


def test_a_task_without_test_queries_can_be_fitted_kept_and_searched_but_not_measured(tmp_path):
    task = Retrieval(shop(), shares=(1, 0, 0))
    model = BM25(k1=0.9, b=0.4).fit(task, run=tmp_path / "run", progress=False)
    assert load_task_model(tmp_path / "run").search("red ball", top=1).equals(model.search("red ball", top=1))
    with pytest.raises(SettingsError, match="asks nothing in its split 'test'"):
        task.evaluate(model)
    with pytest.raises(SettingsError, match="There is no model to evaluate"):
        task.evaluate([])


def test_a_query_with_judgements_in_several_splits_is_in_the_last():
    rows = [("a", "red ball", "d10", "train"), ("a", "red ball", "d11", "test"), ("b", "rope", "d20", "train")]
    keys = ("query_id", "text", "doc_id", "split")
    task = Retrieval(shop(False), lmi.Queries.from_records([dict(zip(keys, row, strict=True)) for row in rows]))
    assert task.query_ids("test") == ["a"] and task.judgements("test").counts.tolist() == [2]
    assert task.query_ids("train") == ["b"]
    assert task.notes == [
        "1 of 2 queries have judgements in several splits, and are in the last of them with all of theirs"
    ]
    with pytest.raises(SettingsError, match="irrelevant is nan"):
        Retrieval(shop(), irrelevant=float("nan"))
    with pytest.raises(SettingsError, match="shares are x"):
        Retrieval(shop(), shares="x")


# ---- how deep rankings go --------------------------------------------------------------------------------------------


def test_a_deep_metric_gets_rankings_that_are_as_deep(recommendation, popular, tmp_path):
    found = recommendation.evaluate(popular, metrics="Recall@24", depth=3)
    assert found.table()["Recall@24"].iloc[0] == 1.0
    run = popular.save(tmp_path / "run", depth=5)
    with pytest.raises(SettingsError, match="keeps the first 5 documents of each ranking and a metric asks for 10"):
        recommendation.evaluate(run, metrics=["Recall@10"])
    assert recommendation.evaluate(run, metrics=["Recall@5"]).table()["Recall@5"].notna().all()


def test_more_documents_than_the_beam_is_wide_are_found_where_they_are_asked_for(retrieval, indexer):
    for form in ("nodes", "codes", "prefix"):
        model = GenerativeRetriever(indexer, form, rows=2, rank=4, beam=2, **QUICK).fit(retrieval, progress=False)
        assert len(model.search("red ball", top=60)) == 60


def test_a_retriever_takes_bare_ids(retrieval, indexer, tmp_path):
    model = GenerativeRetriever(indexer.ids_, rows=2, **QUICK).fit(retrieval, tmp_path / "run", progress=False)
    same = GenerativeRetriever(indexer, rows=2, **QUICK).fit(retrieval, progress=False)
    again = load_task_model(tmp_path / "run")
    for other in (same, again):
        assert other.search("red ball", top=5).equals(model.search("red ball", top=5))
    with pytest.raises(SettingsError, match="does not know the run of its indexer"):
        again.add(lmi.Corpus.from_records([{"doc_id": "new", "title": "red rope", "text": "of silk"}]))
    with pytest.raises(SettingsError, match="The IDs are of 2 documents"):
        GenerativeRetriever(indexer.ids_.take(np.array([0, 1])), **QUICK).fit(retrieval, progress=False)
