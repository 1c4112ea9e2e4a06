"""Answers among given documents or within a category: nothing else is found, and results do not run out."""

import numpy as np
import pytest
from search_task import shop
from shop import ring_corpus

import lmindexer as lmi
from lmindexer.common.errors import SettingsError
from lmindexer.datasets import samples_folder
from lmindexer.tasks.allowing import allowed_documents
from lmindexer.tasks.recommendation import GenerativeRecommender, Popularity, Recommendation, SASRec
from lmindexer.tasks.search import BM25, SEAL, DualEncoder, GenerativeRetriever, IndexerRetriever, Retrieval

QUICK = {"embeddings": "tfidf", "epochs": 1}


@pytest.fixture(scope="module")
def corpus():
    made = shop()
    paths = [f"{'Play' if 'ball' in title else 'Work'} > {title.split()[1]}" for title in made.titles]
    records = made.frame.assign(path=paths)[["doc_id", "title", "text", "path"]].to_dict("records")
    with_paths = lmi.Corpus.from_records(records, category="path", name="shop")
    with_paths.queries = made.queries
    return with_paths


@pytest.fixture(scope="module")
def searchers(corpus):
    task = Retrieval(corpus)
    indexer = lmi.ResidualKMeansIndexer(positions=2, codebook_size=6, embeddings="tfidf")
    ids = indexer.fit(corpus, progress=False).ids_
    made = [BM25(k1=0.9, b=0.4), DualEncoder(**QUICK | {"epochs": 0}), DualEncoder("map", **QUICK)]
    made += [GenerativeRetriever(ids, form, rows=2, rank=4, beam=3, **QUICK) for form in ("nodes", "codes", "prefix")]
    return [model.fit(task, progress=False) for model in made]


def test_search_within_a_category_or_among_documents(searchers, corpus):
    ropes = [doc_id for doc_id, label in zip(corpus.doc_ids, corpus.labels(), strict=True) if label == "Work > rope"]
    for model in searchers:
        everything = model.search("red rope wanted", top=100, **_exact(model))
        for asked in ({"category": "Work > rope"}, {"among": ropes}, {"among": ropes, "category": "Work"}):
            found = model.search("red rope wanted", top=10, **_exact(model), **asked)
            wanted = everything[everything["doc_id"].isin(ropes)]
            assert found["doc_id"].tolist() == wanted["doc_id"].tolist()[:10] and len(found) == 10
            np.testing.assert_allclose(found["score"], wanted["score"][:10], rtol=1e-4)
        by_beam = model.search("red rope wanted", top=10, category="Work > rope")
        assert set(by_beam["doc_id"]) == set(ropes)  # ten are allowed, ten are found
        few = model.search("red rope wanted", top=5, among=ropes[:2])
        assert set(few["doc_id"]) == set(ropes[:2]) and few.attrs["note"] == "2 of 100 documents are allowed."
        none = model.search("red rope wanted", among=ropes[:2], category="Play")
        assert not len(none) and none.attrs["note"].startswith("0 of 100 documents are allowed.")


def _exact(model) -> dict:
    return {"exact": True} if isinstance(model, GenerativeRetriever) else {}


def test_seal_and_the_fine_tuned_indexer_keep_to_what_is_allowed():
    attack = lmi.load_sample("attack")
    task = Retrieval(attack, lmi.Queries.from_frame(attack.queries.frame.groupby("split").head(8)))
    few = attack.doc_ids[[3, 50, 400]].tolist()
    folder = samples_folder() / "runs" / "attack"
    tuned = IndexerRetriever(folder, epochs=1, batch=8, documents=0.02, beam=2).fit(task, progress=False)
    assert set(tuned.search("steals passwords from memory", top=5, among=few)["doc_id"]) == set(few)
    seal = SEAL(epochs=1, longest=3, beam=4, validate_on=2).fit(task, progress=False)
    everything = seal.search("steals passwords from memory", top=691)["doc_id"].tolist()
    kept = seal.search("steals passwords from memory", among=everything[1::7])["doc_id"].tolist()
    assert kept == everything[1::7][:10]


def test_recommendations_within_a_category_or_among_items():
    corpus = ring_corpus()
    task = Recommendation(corpus)
    codes = [[place // 8, place % 4] for place in range(24)]
    ids = lmi.SemanticIDs.from_codes(corpus.doc_ids, codes, (3, 4))
    quick = {"dim": 8, "epochs": 1}
    by_ids = quick | {"text": None, "ties": "suffix"}
    models = [Popularity(), SASRec(**quick), GenerativeRecommender(ids, **by_ids)]
    models += [GenerativeRecommender(ids, output="codes", decoding=how, width=2, **by_ids) for how in ("exact", "beam")]
    for model in models:
        model.fit(task, progress=False)
        found = model.recommend(["r0i1", "r1i2"], top=8, category="ring 1")
        assert len(found) == 7 and found["doc_id"].str.startswith("r1").all()
        assert found.attrs["note"] == "8 of 24 items are allowed, and 1 of them are in the history."
        assert len(model.recommend(["r0i1", "r1i2"], top=8, category="ring 1", seen=True)) == 8
        assert model.recommend(["r0i1"], among="r2i5")["doc_id"].tolist() == ["r2i5"]
        assert not len(model.recommend(["r0i1"], among=["r0i1"]))


def test_what_is_not_there_cannot_be_allowed(corpus):
    with pytest.raises(SettingsError, match="The category 'Work > roap' is not in the corpus 'shop'; did you mean"):
        allowed_documents(corpus, category="Work > roap")
    with pytest.raises(SettingsError, match="The document 'zz' is not in the corpus 'shop'; there are d00, d01, d02"):
        allowed_documents(corpus, among=["d00", "zz"])
    with pytest.raises(SettingsError, match="it has none"):
        allowed_documents(shop(False), category="Work")
    with pytest.raises(SettingsError, match="The category '' is not"):
        allowed_documents(corpus, category="")
