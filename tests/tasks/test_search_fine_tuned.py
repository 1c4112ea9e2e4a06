"""The slides' form of search: a bundled run's indexer, fine-tuned on a few queries."""

import numpy as np
import pytest

import lmindexer as lmi
from lmindexer.common.errors import SettingsError
from lmindexer.datasets import samples_folder
from lmindexer.tasks import load_task_model
from lmindexer.tasks.decoding import beam_search
from lmindexer.tasks.search import IndexerRetriever, Retrieval


def test_an_indexer_learns_queries_and_comes_back_from_disk(tmp_path):
    corpus = lmi.load_sample("attack")
    some = corpus.queries.frame.groupby("split").head(24)
    task = Retrieval(corpus, lmi.Queries.from_frame(some))
    model = IndexerRetriever(samples_folder() / "runs" / "attack", epochs=4, batch=16, documents=0.05, beam=5)
    model.fit(task, run=tmp_path / "run", progress=False)
    assert model.history_["loss"].iloc[-1] < model.history_["loss"].iloc[0]
    again = load_task_model(tmp_path / "run")
    frame = model.search("an adversary steals passwords from memory", top=3)
    assert frame["id"].str.match(r"<\d+><\d+><\d+>#\d+").all() and len(frame) == 3
    np.testing.assert_array_equal(again.rank("test", 5)["all"].documents, model.rank("test", 5)["all"].documents)
    texts = task.texts("test")[:3]
    found = beam_search(again.scorer(texts), again.tree, 5, 5)
    np.testing.assert_array_equal(found.documents.numpy(), model.rank_texts(texts, 5).documents)
    lost = again.lost("test", 5, [1, 4])
    judged = task.judgements("test").take(np.array([1, 4]))
    assert lost["query"].tolist() == np.array([1, 4])[judged.query].tolist()
    ranked = model.rank_texts([task.texts("test")[row] for row in lost["query"]], 5).documents
    kept = (ranked == judged.document[:, None]).any(1)
    assert (lost["lost"] == 0).tolist() == kept.tolist()


def test_only_an_lm_indexer_can_be_fine_tuned():
    with pytest.raises(SettingsError, match="fine-tunes an LMIndexer"):
        IndexerRetriever(lmi.RandomIndexer())
