"""Recursive and residual k-means: separable clusters, a slow reference, IDs of different lengths in every use."""

import numpy as np
import pytest
from clusters import corpus_with_vectors, same_partition, toy
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.cluster import KMeans
from themed import themed_corpus

import lmindexer as lmi
from lmindexer.common.errors import BundleError, SettingsError, TrainingError
from lmindexer.indexers import HierarchicalIndexer, ResidualKMeansIndexer, load_indexer
from lmindexer.quality.diagnostics import perplexity
from lmindexer.tasks.decoding import beam_course, greedy_steps, rank_all
from lmindexer.training.clustering import LARGE, distances, kmeans_rows, margin, nearest
from lmindexer.two_step.residual import ResidualCoder
from lmindexer.two_step.tree import grow_tree


@pytest.fixture(scope="module")
def clusters(tmp_path_factory):
    """(corpus, embeddings, vectors, labels) of four groups of three parts."""
    vectors, labels = toy()
    return *corpus_with_vectors(tmp_path_factory.mktemp("toy"), vectors, labels), vectors, labels


@pytest.fixture(scope="module")
def uneven(tmp_path_factory):
    """Fitted on one group of many documents in four parts and three groups of two: IDs of one code and of two."""
    vectors, labels = toy(parts=4)
    kept = np.concatenate(
        [np.flatnonzero(labels[:, 0] == 0), *(np.flatnonzero(labels[:, 0] == g)[:2] for g in (1, 2, 3))]
    )
    corpus, embeddings = corpus_with_vectors(tmp_path_factory.mktemp("uneven"), vectors[kept], labels[kept])
    indexer = HierarchicalIndexer(branching=4, leaf_size=6, embeddings=embeddings)
    return indexer.fit(corpus, progress=False), corpus


# ---- k-means -------------------------------------------------------------------------------------------------------


def test_distances_and_nearest_are_the_slow_ones():
    rng = np.random.default_rng(0)
    rows, centres = rng.normal(size=(9, 5)), rng.normal(size=(4, 5))
    slow = np.array([[((row - centre) ** 2).sum() for centre in centres] for row in rows])
    assert np.allclose(np.concatenate([part for _, part in distances(rows, centres, batch=4)]), slow)
    assert np.array_equal(nearest(rows, centres), slow.argmin(1))
    ordered = np.sort(slow, axis=1)
    assert margin(rows, centres) == pytest.approx((ordered[:, 1] - ordered[:, 0]).mean())
    assert margin(rows, centres[:1]) == 1.0


def test_many_rows_go_to_faiss_and_find_the_same_clusters(monkeypatch):
    vectors, labels = toy(each=40)
    monkeypatch.setattr("lmindexer.training.clustering.LARGE", 100)
    monkeypatch.setattr("lmindexer.training.clustering.KMeans", lambda *_, **__: 1 / 0)
    assert LARGE == 50_000
    assert same_partition(nearest(vectors, kmeans_rows(vectors, 4)), labels[:, 0])


# ---- residual k-means ----------------------------------------------------------------------------------------------


def test_residual_k_means_learns_separable_clusters(clusters):
    corpus, embeddings, vectors, labels = clusters
    indexer = ResidualKMeansIndexer(positions=2, codebook_size=[4, 3], embeddings=embeddings).fit(
        corpus, progress=False
    )
    assert same_partition(indexer.ids_.codes[:, 0], labels[:, 0])
    assert same_partition(indexer.ids_.codes, labels)
    first, second = indexer.codebooks_
    rebuilt = first[indexer.ids_.codes[:, 0]] + second[indexer.ids_.codes[:, 1]]
    assert ((vectors - rebuilt) ** 2).sum(1).mean() < 0.1


def test_residual_codes_are_those_of_scikit_learn_step_by_step(clusters):
    corpus, embeddings, vectors, _ = clusters
    indexer = ResidualKMeansIndexer(positions=3, codebook_size=5, embeddings=embeddings, seed=3).fit(
        corpus, progress=False
    )
    residual = vectors
    for position in range(3):
        found = KMeans(5, n_init=3, random_state=3).fit(residual)
        assert np.array_equal(indexer.ids_.codes[:, position], found.labels_)
        residual = residual - found.cluster_centers_[found.labels_].astype(np.float32)
    assert indexer.history_["perplexity"].tolist() == [perplexity(indexer.ids_.codes[:, t]) for t in range(3)]
    assert indexer.history_["reconstruction"].iloc[-1] == pytest.approx((residual**2).sum(1).mean(), rel=1e-4)


def test_residual_probabilities_are_a_softmax_of_distances():
    rng = np.random.default_rng(1)
    books = [rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=(5, 4)).astype(np.float32)]
    rows = rng.normal(size=(20, 4))
    coder = ResidualCoder.fit(books, rows)
    codes, probabilities = coder.code(rows)
    for row, (first, second) in enumerate(codes):
        p = softmax([-((rows[row] - e) ** 2).sum() / coder.temperatures[0] for e in books[0]])
        assert p.argmax() == first and p.max() == pytest.approx(probabilities[row, 0])
        assert np.allclose(np.exp(coder.log_probabilities(rows[row], np.zeros((1, 0), int)))[0], p)
        left = rows[row] - books[0][first]
        p = softmax([-((left - e) ** 2).sum() / coder.temperatures[1] for e in books[1]])
        assert np.allclose(np.exp(coder.log_probabilities(rows[row], np.array([[first], [0]])))[0], p)
        assert p.argmax() == second and p.max() == pytest.approx(probabilities[row, 1])


# ---- the tree ------------------------------------------------------------------------------------------------------


def slow_tree(rows, members, branching, leaf_size, max_depth, prefix=()):
    """Recursive reference: {document: path}, by scikit-learn."""
    distinct = np.unique(rows[members], axis=0)
    if prefix and (len(members) <= leaf_size or len(prefix) == max_depth or len(distinct) < 2):
        return dict.fromkeys(members, prefix)
    if len(distinct) <= branching:
        first = {rows[m].tobytes(): None for m in members}  # in the order of their first document
        labels = np.array([list(first).index(rows[m].tobytes()) for m in members])
    else:
        labels = KMeans(branching, n_init=3, random_state=0).fit(rows[members]).labels_
    paths = {}
    for code, label in enumerate(np.unique(labels)):
        paths |= slow_tree(rows, members[labels == label], branching, leaf_size, max_depth, (*prefix, code))
    return paths


@settings(max_examples=15)
@given(st.integers(0, 1000), st.integers(2, 40), st.integers(2, 4), st.integers(1, 8), st.integers(1, 4), st.booleans())
def test_the_tree_is_that_of_a_slow_recursion(seed, documents, branching, leaf_size, max_depth, repeated):
    rows = np.random.default_rng(seed).normal(size=(documents, 3)).astype(np.float32)
    if repeated:
        rows[documents // 2 :] = rows[: documents - documents // 2]
    codes, probabilities = grow_tree(rows, branching, leaf_size, max_depth).code(rows)
    wanted = slow_tree(rows, np.arange(documents), branching, leaf_size, max_depth)
    found = {row: tuple(code for code in path if code >= 0) for row, path in enumerate(codes.tolist())}
    assert found == wanted
    assert ((probabilities > 0) & (probabilities <= 1)).all() and (probabilities[codes < 0] == 1).all()


def test_hierarchical_clustering_learns_separable_clusters(clusters, tmp_path):
    corpus, embeddings, _, labels = clusters
    indexer = HierarchicalIndexer(branching=4, leaf_size=6, embeddings=embeddings).fit(corpus, progress=False)
    assert same_partition(indexer.ids_.codes[:, 0], labels[:, 0])
    vectors, labels = toy(groups=4, parts=4)
    corpus, embeddings = corpus_with_vectors(tmp_path, vectors, labels)
    indexer = HierarchicalIndexer(branching=4, leaf_size=6, embeddings=embeddings).fit(corpus, progress=False)
    assert same_partition(indexer.ids_.codes, labels)


def test_the_slides_form_has_fifty_children_and_leaves_of_512():
    indexer = HierarchicalIndexer("slides")
    assert (indexer.settings["branching"], indexer.settings["leaf_size"]) == (50, 512)


# ---- IDs of different lengths ----------------------------------------------------------------------------------------


def test_a_small_group_has_a_shorter_id(uneven):
    indexer, corpus = uneven
    codes, groups = indexer.ids_.codes, corpus.labels(1)
    assert indexer.codebook_sizes == indexer.ids_.codebook_sizes == (4, 4)
    assert (codes[groups == "g0"] >= 0).all() and (codes[groups != "g0", 1] == -1).all()
    assert same_partition(codes[groups == "g0", 1], corpus.labels()[groups == "g0"])
    ended = {tuple(row[row >= 0]) for row in codes}
    assert not any(one != other and other[: len(one)] == one for one in ended for other in ended), "no proper prefix"


def test_short_ids_are_left_out_of_positions_they_do_not_reach(uneven):
    indexer, corpus = uneven
    table = lmi.evaluate_ids(indexer.ids_, corpus).to_frame().set_index("position")
    second = indexer.ids_.codes[:, 1]
    assert table.loc[2, "perplexity"] == pytest.approx(perplexity(second[second >= 0]))
    assert indexer.history_["perplexity"].iloc[-1] == pytest.approx(table.loc[2, "perplexity"])
    assert indexer.history_["documents"].tolist() == [len(corpus), int((second >= 0).sum())]


def test_the_id_tree_spells_exactly_these_ids_and_decoding_ends_where_they_end(uneven):
    indexer, _ = uneven
    trie = lmi.IDTrie.from_ids(indexer.ids_, suffix=False)
    paths = {tuple(row) for row in indexer.ids_.codes.tolist()}
    scorer = _scorer_of(indexer, row=0)
    ranked = rank_all(scorer, trie)
    assert {(*codes, *[-1] * (2 - len(codes))) for codes in ranked["codes"]} == paths
    assert np.exp(ranked["score"]).sum() == pytest.approx(1), "the leaves share all probability"
    own = tuple(code for code in indexer.ids_.codes[0].tolist() if code >= 0)
    assert ranked["codes"].iloc[0] == own == beam_course(scorer, trie, width=3).paths["codes"].iloc[0]
    steps = greedy_steps(scorer, indexer.ids_.codes[0])
    assert steps[steps["chosen"]]["rank"].tolist() == [1] * len(own)


def _scorer_of(indexer, row):
    from lmindexer.two_step.residual import RowScorer

    return RowScorer(indexer.coder_, indexer.states_[row])


def test_equal_documents_end_in_one_leaf_and_are_told_apart_by_the_suffix(tmp_path):
    vectors, labels = np.repeat(np.eye(3, dtype=np.float32), 4, axis=0), np.repeat([[0, 0], [1, 0], [2, 0]], 4, axis=0)
    corpus, embeddings = corpus_with_vectors(tmp_path, vectors, labels)
    indexer = HierarchicalIndexer(branching=3, leaf_size=1, embeddings=embeddings).fit(corpus, progress=False)
    assert indexer.ids_.positions == 1 and sorted(indexer.ids_.suffix.tolist()) == sorted([0, 1, 2, 3] * 3)
    alike = HierarchicalIndexer(branching=3, embeddings=embeddings).fit(corpus.take([0, 1, 2]), progress=False)
    assert alike.ids_.codes.tolist() == [[0], [0], [0]], "the root is split even where all are alike"


# ---- the verbs -----------------------------------------------------------------------------------------------------


TEXT_INDEXERS = [
    lambda: HierarchicalIndexer(branching=6, leaf_size=3, embeddings="tfidf"),
    lambda: ResidualKMeansIndexer(positions=2, codebook_size=6, embeddings="tfidf", category_text=True),
]


@pytest.mark.parametrize("make", TEXT_INDEXERS)
def test_save_load_encode(make, tmp_path, quick_map):
    corpus = themed_corpus(60)
    fitted = make().fit(corpus, run=tmp_path / "run", progress=False)
    loaded = load_indexer(tmp_path / "run")
    assert type(loaded) is type(fitted) and loaded.settings == fitted.settings
    assert loaded.encode(corpus) == fitted.ids_ == lmi.Bundle.open(tmp_path / "run").ids
    new = themed_corpus(20, seed=7, name="new")
    one, other = (indexer.encode(new, details=True) for indexer in (fitted, loaded))
    assert one.ids == other.ids and np.array_equal(one.probabilities, other.probabilities)
    reordered = loaded.encode(new.take(np.arange(19, -1, -1)))
    assert np.array_equal(reordered.codes[::-1], one.ids.codes)
    assert loaded.scorer("bird nest").log_probabilities(np.zeros((1, 0), int)).shape == (1, 6)
    assert not [path for path in (tmp_path / "run").rglob("*") if path.suffix in (".pkl", ".bin", ".joblib")]
    assert make().fit(corpus, progress=False).ids_ == fitted.ids_, "the same seed, the same IDs"


def test_texts_of_the_corpus_get_their_own_codes_under_other_names():
    corpus = themed_corpus(60)
    indexer = ResidualKMeansIndexer(positions=2, codebook_size=6, embeddings="tfidf").fit(corpus, progress=False)
    assert np.array_equal(indexer.encode(corpus.documents()).codes, indexer.ids_.codes)


def test_what_cannot_be_is_refused(clusters, tmp_path):
    corpus, embeddings, _, _ = clusters
    with pytest.raises(SettingsError, match="'branchign'; the nearest is 'branching'"):
        HierarchicalIndexer(branchign=3)
    with pytest.raises(SettingsError, match="'slide'; the nearest is 'slides'"):
        HierarchicalIndexer("slide")
    with pytest.raises(SettingsError, match="leaf_size is 0"):
        HierarchicalIndexer(leaf_size=0)
    with pytest.raises(TrainingError, match="72 documents and a codebook 100 codes"):
        ResidualKMeansIndexer(codebook_size=100, embeddings=embeddings).fit(corpus, progress=False)
    with pytest.raises(lmi.LMIndexerError, match="not fitted yet"):
        ResidualKMeansIndexer().encode(corpus)
    with pytest.raises(BundleError, match="holds files but no run"):
        (tmp_path / "note.txt").write_text("mine")
        ResidualKMeansIndexer(embeddings=embeddings).fit(corpus, run=tmp_path, progress=False)


def test_the_explorer_says_why_a_run_over_a_file_of_vectors_cannot_be_asked(uneven, tmp_path, quick_map):
    from lmindexer.browse import RunBrowser, inside

    run = RunBrowser.from_bundle(uneven[0].save(tmp_path / "run", progress=False))
    with pytest.raises(BundleError, match="vectors come from a file"):
        inside.load_model(run)


def test_a_model_of_another_method_or_a_damaged_one_is_refused(tmp_path, quick_map):
    indexer = TEXT_INDEXERS[0]().fit(themed_corpus(30), run=tmp_path / "run", progress=False)
    with pytest.raises(BundleError, match="is a run of 'hierarchical'"):
        ResidualKMeansIndexer.load(tmp_path / "run")
    weights = tmp_path / "run" / "model" / "model.safetensors"
    size = weights.stat().st_size
    weights.write_bytes(b"\0" * size)
    with pytest.raises(BundleError, match="damaged"):
        load_indexer(tmp_path / "run")
    assert indexer.ids_ is not None
