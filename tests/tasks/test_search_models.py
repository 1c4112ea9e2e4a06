"""BM25, dense and generative search: by hand, against slow loops, and back from disk."""

import math

import numpy as np
import pytest
import torch
from search_task import shop

import lmindexer as lmi
from lmindexer.common.errors import LMIndexerError, SettingsError
from lmindexer.runs.task_run import TaskRun
from lmindexer.tasks import load_task_model
from lmindexer.tasks.decoding import DecodingTree, all_scores, beam_search, exact_top
from lmindexer.tasks.generative import node_means
from lmindexer.tasks.metrics import Rankings
from lmindexer.tasks.search import (
    BM25,
    DualEncoder,
    GenerativeRetriever,
    Retrieval,
    prefix_rows,
    pseudo_queries,
    summaries,
)
from lmindexer.tasks.search.asked import Asked
from lmindexer.tasks.search.base import LONGEST, top_of
from lmindexer.tasks.search.generative import code_means
from lmindexer.tasks.search.level_scorer import gathering_pays
from lmindexer.tasks.search.prefix_rows import PrefixHead
from lmindexer.tasks.search.summaries import SummaryHead
from lmindexer.tasks.search.training_pairs import TrainingPairs
from lmindexer.tasks.search.views import rescored, ties_by


@pytest.fixture(scope="module")
def task():
    return Retrieval(shop())


@pytest.fixture(scope="module")
def indexer(task):
    return lmi.ResidualKMeansIndexer(positions=2, codebook_size=6, embeddings="tfidf").fit(task.corpus, progress=False)


@pytest.fixture(scope="module")
def models(task, indexer):
    quick = {"embeddings": "tfidf", "epochs": 2}
    made = [
        BM25(),
        BM25(training_queries=True),
        DualEncoder("frozen", embeddings="tfidf"),
        DualEncoder("map", **quick),
        DualEncoder("map", query_weight=0.1, **quick),
        GenerativeRetriever(indexer, "nodes", rows=2, query_weight=0.1, **quick),
        GenerativeRetriever(indexer, "nodes", rows=2, learn_rows=True, query_weight=0, name="rows learned", **quick),
        GenerativeRetriever(indexer, "codes", **quick),
        GenerativeRetriever(indexer, "prefix", rank=8, **quick),
    ]
    return [model.fit(task, progress=False) for model in made]


# ---- bm25 ----------------------------------------------------------------------------------------------------------


def test_bm25_is_the_formula():
    corpus = lmi.Corpus.from_records(
        [
            {"doc_id": i, "title": "", "text": text}
            for i, text in enumerate(["cat dog", "cat cat bird", "fish tank water"])
        ]
    )
    corpus.queries = lmi.Queries.from_records([{"query_id": "q", "text": "cat", "doc_id": "0"}])
    model = BM25(k1=1.2, b=0.75, stemmer=None, stopwords="none").fit(Retrieval(corpus), progress=False)
    found = model.rank_texts(["cat dog"], 3)
    mean, n = 8 / 3, 3

    def weight(holding, f, length):
        idf = math.log(1 + (n - holding + 0.5) / (holding + 0.5))
        return idf * f / (f + 1.2 * (1 - 0.75 + 0.75 * length / mean))

    expected = [weight(2, 1, 2) + weight(1, 1, 2), weight(2, 2, 3)]
    assert found.documents.tolist() == [[0, 1, -1]]
    np.testing.assert_allclose(found.scores[0, :2], expected, rtol=1e-5)


def test_bm25_chooses_k1_and_b_on_validation(models):
    history = models[0].history_
    best = history.loc[history["NDCG@10"].idxmax()]
    assert len(history) == 36 and (models[0].k1_, models[0].b_) == (best["k1"], best["b"])


def test_bm25_learns_words_from_training_queries():
    corpus = shop(False)
    asked = [
        ("a", "toy for a child", "d10", "train"),
        ("b", "child", "d10", "test"),
        ("c", "rope", "d20", "validation"),
    ]
    corpus.queries = lmi.Queries.from_records(
        [dict(zip(("query_id", "text", "doc_id", "split"), row, strict=True)) for row in asked]
    )
    task = Retrieval(corpus)
    assert len(BM25().fit(task, progress=False).search("child")) == 0
    assert BM25(training_queries=True).fit(task, progress=False).search("child")["doc_id"].tolist() == ["d10"]


def test_bad_settings_are_said():
    with pytest.raises(SettingsError, match="both k1 and b"):
        BM25(k1=1.0)
    with pytest.raises(SettingsError, match="no stemmer for 'klingon'"):
        BM25(1.0, 0.5, stemmer="klingon").fit(Retrieval(shop()), progress=False)
    with pytest.raises(SettingsError, match="needs IDs"):
        GenerativeRetriever(embeddings="tfidf").fit(Retrieval(shop()), progress=False)


# ---- every model ---------------------------------------------------------------------------------------------------


def test_models_come_back_from_disk_and_rank_the_same(models, tmp_path):
    for place, model in enumerate(models):
        model.save(tmp_path / str(place))
        again = load_task_model(tmp_path / str(place))
        for view, rankings in model.rank("test", 10).items():
            found = again.rank("test", 10)[view]
            np.testing.assert_array_equal(found.documents, rankings.documents)
            np.testing.assert_allclose(found.scores, rankings.scores, rtol=1e-6)
        run, kept = TaskRun.open(tmp_path / str(place)), ["view", "NDCG@10"]  # ties that were broken stay broken
        again_, first = (model.task_.evaluate(one).table()[kept] for one in (run, model))
        np.testing.assert_allclose(again_["NDCG@10"], first["NDCG@10"], rtol=1e-9)


def test_every_model_answers_any_text_clearly(models):
    for model in models:
        frame = model.search("red ball wanted", top=3)
        assert list(frame.columns[:4]) == ["rank", "doc_id", "title", "score"] and frame["doc_id"].iloc[0]
        with pytest.raises(LMIndexerError, match="The query is empty"):
            model.search("  \n ")
        long = model.search("ball " * 20_000)
        assert f"its first {LONGEST:,} were read" in long.attrs["note"]
        assert len(model.search("red ball", top=500)) <= 100
    unknown = models[0].search("zyxwv")
    assert len(unknown) == 0 and "No word of this query" in unknown.attrs["note"]


def test_one_table_holds_all_lines(task, models):
    table = task.evaluate(models).table()
    assert len(table) == 5 + 2 * 2 + 2 * 3 and set(table["view"]) == {"all", "ties", "hybrid"}


def test_top_of_takes_equal_scores_in_corpus_order():
    scores = np.array([[1.0, 2.0, 2.0, -np.inf]])
    assert top_of(scores, 4).documents.tolist() == [[1, 2, 0, -1]] and top_of(scores, 2).documents.tolist() == [[1, 2]]


# ---- generative ----------------------------------------------------------------------------------------------------


def test_a_hybrid_with_lambda_0_is_the_generative_ranking(models):
    for model in models[-4:]:
        kept, model.lambda_ = model.lambda_, 0.0
        views = model.rank("test", 20)
        model.lambda_ = kept
        np.testing.assert_array_equal(views["hybrid"].documents, views["all"].documents)
        np.testing.assert_array_equal(views["hybrid"].scores, views["all"].scores)


def test_hybrid_and_ties_by_hand():
    plain = Rankings(np.array([[5, 3, 9, -1]]), np.array([[-1.0, -1.0, -2.0, -np.inf]]))
    dense = np.array([[0.1, 0.2, 0.9, 7.0]])
    assert ties_by(plain, dense).documents.tolist() == [[3, 5, 9, -1]]
    assert rescored(plain, dense, 1.0).documents.tolist() == [[3, 5, 9, -1]]
    assert rescored(plain, dense, 5.0).documents.tolist() == [[9, 3, 5, -1]]


@pytest.fixture(scope="module")
def of_texts(indexer):
    return SummaryHead.of(models_tree(indexer), units(100), rows=2)


@pytest.fixture(scope="module")
def of_asked(indexer):
    return SummaryHead.of(models_tree(indexer), units(100), rows=2, asked=ASKED)


@pytest.fixture(params=["of_texts", "of_asked"])
def head(request):
    return request.getfixturevalue(request.param)


def units(number):
    """Vectors [number, 8] of length one, always the same."""
    vectors = np.random.default_rng(0).normal(size=(number, 8)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


ASKED = Asked(units(40)[:30], np.r_[np.arange(30), 0, 1], np.r_[np.arange(30) // 2, 99, 98], 0.3)


def models_tree(indexer):
    return DecodingTree.from_ids(indexer.ids_)


def test_summaries_are_the_formula(head):
    h, tree, table, bias = torch.randn(3, 8), head.tree, head.table(), head.biases()

    def weight(query, node, level):
        some = slice(head.offsets[node], head.offsets[node + 1])
        rows, times = head.places[some], head.log_times[some]
        return torch.logsumexp(head.log_scale[level - 1].exp() * table[rows] @ h[query] + bias[rows] + times, 0)

    with torch.no_grad():
        found = all_scores(head.scorer(h), tree)
        for query, document in [(0, 0), (1, 37), (2, 99)]:
            path, expected = tree.paths(torch.tensor(document)).tolist(), 0.0
            for level in range(1, tree.depth + 1):
                children = range(int(tree.first_child[path[level - 1]]), int(tree.first_child[path[level - 1] + 1]))
                weights = torch.stack([weight(query, child, level) for child in children])
                expected += torch.log_softmax(weights, 0)[path[level] - children[0]]
            torch.testing.assert_close(found[query, document], expected, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(found.exp().sum(1), torch.ones(3))


def test_beam_and_exact_search_agree_with_all_scores(head):
    scorer = head.scorer(torch.randn(5, 8))
    with torch.no_grad():
        best = all_scores(scorer, head.tree).topk(10)
        for found in (exact_top(scorer, head.tree, 10, 3), beam_search(scorer, head.tree, 10, 100)):
            torch.testing.assert_close(found.scores, best.values, rtol=1e-4, atol=1e-4)
            assert (found.documents == best.indices).float().mean() > 0.95  # equal scores may change places


def test_a_row_for_every_document_is_dense_retrieval(indexer):
    vectors = torch.nn.functional.normalize(torch.randn(100, 8), dim=1).numpy()
    head = SummaryHead.of(models_tree(indexer), vectors, rows=100)
    assert len(head.centres) == 0
    h = torch.randn(4, 8)
    with torch.no_grad():
        found = all_scores(head.scorer(h), head.tree)
    expected = (20.0 * h @ torch.from_numpy(vectors).T).log_softmax(1)
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-3)


@pytest.fixture(scope="module")
def from_codes(indexer):
    vectors = torch.nn.functional.normalize(torch.randn(100, 8, generator=torch.Generator().manual_seed(0)), dim=1)
    tree, books = DecodingTree.from_ids(indexer.ids_, suffix=False), code_means(indexer.ids_, vectors.numpy())
    torch.manual_seed(0)
    return PrefixHead(tree, (6, 6), 8, 16, books, vectors.numpy())


@pytest.mark.parametrize("name", ["of_texts", "of_asked", "from_codes"])
def test_a_beam_finds_the_same_by_gathered_rows_and_by_one_product(name, request, monkeypatch):
    form, h = request.getfixturevalue(name), torch.randn(5, 8)
    found = []
    for pays in (True, False):
        for room in (summaries, prefix_rows):
            monkeypatch.setattr(room, "gathering_pays", lambda *_, pays=pays: pays)
        with torch.no_grad():
            found.append(beam_search(form.scorer(h), form.tree, 10, 4))
    torch.testing.assert_close(found[0].scores, found[1].scores, rtol=1e-4, atol=1e-5)
    assert (found[0].documents == found[1].documents).float().mean() > 0.95


def test_rows_are_gathered_where_they_are_few():
    states = torch.zeros(4, 8)
    assert gathering_pays(states, rows=1_000_000, wanted=5_000)
    assert not gathering_pays(states, rows=100, wanted=60)


def test_rows_from_codes_are_the_formula(from_codes):
    head, tree, h = from_codes, from_codes.tree, torch.randn(2, 8)
    head.weight[1].data.normal_()

    def weight(query, node, level):
        codes, at = tree.codes_of(torch.tensor([node]), level)[0].tolist(), level - 1
        x = sum(head.rows[place][code] for place, code in enumerate(codes))
        g = torch.nn.functional.gelu(head.inner[at].weight @ x + head.inner[at].bias)
        row = x + head.outer[at].weight @ g
        below = int(tree.last_leaf[node] - tree.first_leaf[node])
        return head.log_scale[at].exp() * h[query] @ row + head.weight[at] @ g + math.log(below)

    with torch.no_grad():
        found = all_scores(head.scorer(h), tree)
        for query, document in [(0, 3), (1, 42)]:
            path, expected = tree.paths(torch.tensor(document)).tolist(), 0.0
            for level in (1, 2):
                children = range(int(tree.first_child[path[level - 1]]), int(tree.first_child[path[level - 1] + 1]))
                weights = torch.stack([weight(query, child, level) for child in children])
                expected += torch.log_softmax(weights, 0)[path[level] - children[0]]
            torch.testing.assert_close(found[query, document], expected, rtol=1e-4, atol=1e-4)
        best = beam_search(head.scorer(h), tree, 5, 40)
        torch.testing.assert_close(best.scores, found.topk(5).values, rtol=1e-4, atol=1e-4)


def test_rows_from_codes_start_near_the_means_of_their_documents(from_codes):
    tree, nodes = from_codes.tree, torch.arange(*from_codes.tree.level_start[2:4])
    vectors = torch.empty_like(from_codes.documents)
    vectors[tree.documents.long()] = from_codes.documents
    with torch.no_grad():
        rows, _ = from_codes.node_rows(2, nodes)
        sums, means = from_codes._sums(2, nodes), node_means(tree, vectors)[nodes]
    below = (tree.last_leaf - tree.first_leaf)[nodes][:, None]
    assert (below * (rows - means) ** 2).sum() < 0.95 * (below * (sums - means) ** 2).sum()


def test_documents_that_share_a_leaf_count_together_in_the_loss(from_codes):
    head, tree = from_codes, from_codes.tree
    h, right = torch.randn(3, 8), torch.tensor([0, 50, 99])
    with torch.no_grad():
        dense = (head.log_scale[-1].exp() * h @ head.documents.T).log_softmax(1)  # in the tree's order
        log_p = head.scorer(h).leaf_scores()
        expected, place = 0.0, {document: at for at, document in enumerate(tree.documents.tolist())}
        for query, document in enumerate(right.tolist()):
            expected -= log_p[query, int(tree.leaf[document]) - tree.level_start[2]] + dense[query, place[document]]
            for leaf in range(log_p.shape[1]):
                node = leaf + tree.level_start[2]
                p = dense[query, int(tree.first_leaf[node]) : int(tree.last_leaf[node])].exp().sum()
                expected += p * (p.log() - log_p[query, leaf])
        torch.testing.assert_close(head.loss(h, right), expected / 3, rtol=1e-4, atol=1e-4)


def fresh_form(model, task):
    return model._new_form(task, {name: model.vectors_.texts(task.texts(name)) for name in ("train", "validation")})


def test_training_lowers_the_loss_of_every_form(task, models):
    judged = task.judgements("train")
    for model in models[-4:]:
        vectors, right = torch.tensor(model.vectors_.texts(task.texts("train"))), torch.tensor(judged.document)
        with torch.no_grad():
            before, after = (
                form.eval().loss(vectors[judged.query], right, torch.tensor(judged.query))
                for form in (fresh_form(model, task), model.form_)
            )
        assert after < before


# ---- what is learned from ------------------------------------------------------------------------------------------


def test_training_pairs_draw_by_gain_and_go_on_the_same(task):
    judged = task.judgements("train")
    pairs = TrainingPairs(judged, np.zeros((judged.queries + 4, 2), np.float32), [1, 2, 3, 4], share=0.5)
    first, again, other = pairs.epoch(3, 0), pairs.epoch(3, 0), pairs.epoch(4, 0)
    np.testing.assert_array_equal(first, again)
    assert len(first[0]) == judged.queries + 2 and not np.array_equal(first[0], other[0])


def test_a_document_is_drawn_as_often_as_its_gain_says():
    from lmindexer.tasks.metrics import Judgements

    judged = Judgements(np.array([0, 0, 1]), np.array([7, 8, 9]), np.array([1.0, 3.0, 0.5]), 2)
    pairs = TrainingPairs(judged, np.zeros((2, 1), np.float32))
    drawn = [dict(zip(*map(np.ndarray.tolist, pairs.epoch(epoch, 0)), strict=True)) for epoch in range(400)]
    assert {one[1] for one in drawn} == {9} and 260 < sum(one[0] == 8 for one in drawn) < 340


def test_pseudo_queries_are_pieces_of_their_documents():
    corpus = shop()
    for kind in ("document", "title", "spans", "phrases"):
        texts, places = pseudo_queries(corpus, kind, seed=1)
        documents = corpus.documents()
        assert len(texts) == len(places) > 0
        assert all(
            text.lower() in documents[place].lower().replace(",", "") or kind in ("document", "spans")
            for text, place in zip(texts, places, strict=True)
        )
    assert pseudo_queries(corpus, "spans", seed=1)[0] == pseudo_queries(corpus, "spans", seed=1)[0]
    with pytest.raises(SettingsError, match="not known"):
        pseudo_queries(corpus, "guesses")
    with pytest.raises(SettingsError, match="neither a folder with a seq2seq model"):
        pseudo_queries(corpus, "model:/no/such/folder")


# ---- documents that come later -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("form", "learn"), [("nodes", False), ("nodes", True), ("codes", False), ("prefix", False)])
def test_new_documents_are_found_without_training(form, learn):
    whole = shop()
    kept = [place for place in range(100) if place % 10]  # one product of each kind of thing comes later
    task = Retrieval(whole.take(kept), whole.queries.within(whole.take(kept)))
    indexer = lmi.ResidualKMeansIndexer(positions=2, codebook_size=6, embeddings="tfidf")
    model = GenerativeRetriever(indexer, form, rows=2, learn_rows=learn, embeddings="tfidf", epochs=2)
    model.fit(task, progress=False)
    before, texts = model.ids_, task.texts("test")
    scores = model.rank_texts(texts, 90, exact=True)
    model.add(whole.take([place for place in range(100) if place % 10 == 0]))
    np.testing.assert_array_equal(model.ids_.codes[:90], before.codes)
    np.testing.assert_array_equal(model.ids_.suffix[:90], before.suffix)
    assert len(model.task_.corpus) == 100 and model.task_.texts("test") == texts
    found = model.rank_texts(["red lamp wanted"], 100, view="all" if form == "nodes" else "hybrid")
    place = found.documents[0].tolist().index(93)  # "red lamp" came fourth
    assert place < 10
    again = model.rank_texts(texts, 100, exact=True)
    assert np.isfinite(again.scores).all() and (again.scores[:, 0] <= scores.scores[:, 0] + 0.5).all()
    with pytest.raises(LMIndexerError, match="is there already"):
        model.add(whole.take([0]))
