"""The controls: chance is chance, categories are their own IDs; both are indexers like any other."""

import numpy as np
import pytest
from scipy.stats import chisquare
from themed import themed_corpus, themed_records

import lmindexer as lmi
from lmindexer.common.errors import CorpusError, LMIndexerError, SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.indexers import CategoryIndexer, RandomIndexer, load_indexer


def shelves() -> Corpus:
    """Paths of different lengths, and a document without any."""
    paths = ["tools > saws", "tools > hammers", "food", "tools > saws", "", "food > fruit > apples", "animals"]
    records = [{"doc_id": f"d{row}", "text": f"text {row}", "path": path} for row, path in enumerate(paths)]
    return Corpus.from_records(records, id="doc_id", text="text", category="path", name="shelves")


# ---- random --------------------------------------------------------------------------------------------------------


def test_random_codes_are_uniform_and_independent_of_position_and_category():
    corpus = themed_corpus(6000)
    indexer = RandomIndexer(positions=2, codebook_size=[8, 5]).fit(corpus, progress=False)
    codes = indexer.ids_.codes
    for t, size in enumerate((8, 5)):
        assert chisquare(np.bincount(codes[:, t], minlength=size)).pvalue > 0.001
    joint = np.bincount(codes[:, 0] * 5 + codes[:, 1], minlength=40)
    assert chisquare(joint).pvalue > 0.001
    assert abs(lmi.evaluate_ids(indexer.ids_, corpus).to_frame()["ami"].iloc[0]) < 0.01


def test_a_random_code_is_drawn_by_id_and_seed_alone():
    corpus = themed_corpus(50)
    whole = RandomIndexer(seed=3).fit(corpus, progress=False)
    part = RandomIndexer(seed=3).fit(corpus.take([40, 3]), progress=False)
    assert np.array_equal(part.ids_.codes, whole.ids_.codes[[40, 3]])
    assert not np.array_equal(RandomIndexer(seed=4).fit(corpus, progress=False).ids_.codes, whole.ids_.codes)


# ---- categories ----------------------------------------------------------------------------------------------------


def test_category_ids_are_the_paths():
    indexer = CategoryIndexer().fit(shelves(), progress=False)
    # animals 0, food 1, tools 2, without 3; food > fruit 0; tools > hammers 0, saws 1
    assert indexer.ids_.codes.tolist() == [
        [2, 1, -1],
        [2, 0, -1],
        [1, -1, -1],
        [2, 1, -1],
        [3, -1, -1],
        [1, 0, 0],
        [0, -1, -1],
    ]
    assert indexer.codebook_sizes == indexer.ids_.codebook_sizes == (4, 2, 1)
    assert indexer.ids_.suffix.tolist() == [0, 0, 0, 1, 0, 0, 0]


def test_nothing_agrees_better_with_the_categories():
    corpus = themed_corpus(60)
    ids = CategoryIndexer().fit(corpus, progress=False).ids_
    assert lmi.evaluate_ids(ids, corpus).to_frame()["ami"].iloc[-1] == pytest.approx(1)
    for level in (1, 2):
        assert ids.number_of_prefixes(level) == len(set(corpus.labels(level)))


def test_fewer_levels_on_demand():
    corpus = shelves()
    assert CategoryIndexer(positions=1).fit(corpus, progress=False).ids_.codes.ravel().tolist() == [2, 2, 1, 2, 3, 1, 0]
    with pytest.raises(SettingsError, match="positions is 4, but the corpus has 3 category levels"):
        CategoryIndexer(positions=4).fit(corpus, progress=False)


def test_new_documents_need_a_known_category():
    indexer = CategoryIndexer().fit(themed_corpus(24), progress=False)
    new = themed_corpus(12, seed=9, name="new")
    assert np.array_equal(indexer.encode(new).codes, indexer.ids_.codes[:12])
    with pytest.raises(CorpusError, match="'text-0' has no category"):
        indexer.encode(["a bird"])
    records = [record | {"kind": "cranes"} for record in themed_records(1, name="x")]
    strange = Corpus.from_records(records, id="doc_id", text="text", category=["area", "kind"])
    with pytest.raises(CorpusError, match="'x0' has the category 'animals > cranes', which the fitted corpus does not"):
        indexer.encode(strange)


def test_a_corpus_without_categories_is_refused():
    with pytest.raises(SettingsError, match="has no categories"):
        CategoryIndexer().fit(Corpus.from_records([{"doc_id": "a", "text": "b"}]), progress=False)
    with pytest.raises(LMIndexerError, match="not fitted yet"):
        CategoryIndexer().encode(["a"])


# ---- both ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [RandomIndexer, CategoryIndexer])
def test_save_load_encode(kind, tmp_path):
    corpus = themed_corpus(30)
    fitted = kind().fit(corpus, run=tmp_path / "run", progress=False)
    bundle = lmi.Bundle.open(tmp_path / "run")
    loaded = load_indexer(tmp_path / "run")
    assert type(loaded) is kind and loaded.codebook_sizes == fitted.codebook_sizes
    assert loaded.encode(corpus) == fitted.ids_ == bundle.ids
    assert bundle.states is None and bundle.map is None and bundle.history is None
    new = themed_corpus(12, seed=9, name="new")
    assert loaded.encode(new) == fitted.encode(new)
    details = loaded.encode(new, details=True)
    assert details.probabilities.shape == details.ids.codes.shape
