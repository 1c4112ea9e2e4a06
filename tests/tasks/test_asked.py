"""What was asked before: training queries as further vectors of their documents."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from search_task import shop

import lmindexer as lmi
from lmindexer.tasks.decoding import DecodingTree, all_scores, path_log_probabilities
from lmindexer.tasks.generative import added_nodes
from lmindexer.tasks.search import DualEncoder, GenerativeRetriever, Retrieval
from lmindexer.tasks.search.asked import WEIGHTS, Asked
from lmindexer.tasks.search.dual_encoder import _MapTraining
from lmindexer.tasks.search.summaries import SummaryHead

# 24 documents and 9 training queries: query 4 asks for two documents, document 7 is asked for by three
QUERY, DOCUMENT = np.array([0, 1, 2, 3, 4, 4, 5, 6, 7, 8]), np.array([7, 7, 7, 1, 2, 20, 11, 12, 13, 23])


def units(number, seed):
    vectors = np.random.default_rng(seed).normal(size=(number, 6)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


@pytest.fixture(scope="module")
def asked():
    return Asked(units(9, 1), QUERY, DOCUMENT, 0.25)


@pytest.fixture(scope="module")
def ids():
    codes = np.random.default_rng(0).integers(0, 3, (24, 2))
    return lmi.SemanticIDs.from_codes([str(one) for one in range(24)], codes, (3, 3))


def slow_scores(asked, states, documents, scale, leave_out=()):
    """By a plain loop; leave_out: pairs (state, query)."""
    scores = np.zeros((len(states), len(documents)))
    for row, state in enumerate(states):
        for place, document in enumerate(documents):
            total = math.exp(scale * state @ document)
            for query, of in zip(asked.query, asked.document, strict=True):
                if of == place and (row, query) not in leave_out:
                    total += asked.weight * math.exp(scale * state @ asked.vectors[query])
            scores[row, place] = math.log(total)
    return scores


def test_scores_are_the_formula(asked):
    states, documents = units(5, 2), units(24, 3)
    expected = slow_scores(asked, states, documents, 7.0)
    np.testing.assert_allclose(asked.scores(states, documents, 7.0), expected, rtol=1e-5)
    more = np.concatenate([documents, units(3, 4)])  # documents that came later were never asked for
    np.testing.assert_allclose(asked.scores(states, more, 7.0)[:, 24:], 7.0 * states @ more[24:].T, rtol=1e-5)
    allow = np.arange(24) % 3 == 0
    found = asked.nearest(states, documents, 7.0, 4, allow)
    np.testing.assert_array_equal(found.documents, np.argsort(-np.where(allow, expected, -np.inf), 1)[:, :4])
    assert asked.nearest(states, documents, 7.0, 4, allow & False).documents.tolist() == [[-1] * 4] * 5


def test_scores_of_long_vectors_do_not_overflow(asked):
    found = asked.scores(1e3 * units(2, 2), units(24, 3), 20.0)
    assert np.isfinite(found).all()


def test_rows_for_everything_are_the_same_scores_code_by_code(asked, ids):
    states, documents = units(5, 2), units(24, 3)
    head = SummaryHead.of(DecodingTree.from_ids(ids), documents, rows=100, asked=asked)
    assert len(head.centres) == 0
    with torch.no_grad():
        found = all_scores(head.scorer(torch.from_numpy(states)), head.tree).numpy()
    expected = torch.from_numpy(slow_scores(asked, states, documents, 20.0)).log_softmax(1).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)


def test_a_query_does_not_find_its_document_by_itself_while_it_is_learned_from(asked, ids):
    """own: query 1, no query, query 4, which asks for two documents."""
    states, documents, own = torch.from_numpy(units(3, 5)), units(24, 3), torch.tensor([1, -1, 4])
    head = SummaryHead.of(DecodingTree.from_ids(ids), documents, rows=100, asked=asked)
    expected = torch.from_numpy(slow_scores(asked, states.numpy(), documents, 20.0, {(0, 1), (2, 4)})).log_softmax(1)
    right = torch.tensor([7, 3, 20])
    with torch.no_grad():
        scorer = head.scorer(states, own)
        torch.testing.assert_close(all_scores(scorer, head.tree).double(), expected, rtol=1e-4, atol=1e-4)
        path = path_log_probabilities(head.scorer(states, own), head.tree, head.tree.paths(right)).sum(1)
        torch.testing.assert_close(path.double(), expected[torch.arange(3), right], rtol=1e-4, atol=1e-4)
        loss = head.loss(states, right, own)
    torch.testing.assert_close(loss.double(), 2 * F.nll_loss(expected, right), rtol=1e-4, atol=1e-4)


def test_the_maps_loss_leaves_out_the_same(asked, monkeypatch):
    states, documents, own = torch.from_numpy(units(3, 5)), units(24, 3), torch.tensor([1, -1, 4])
    right, training = torch.tensor([7, 3, 20]), _MapTraining(documents, 0, asked).eval()
    expected = torch.from_numpy(slow_scores(asked, states.numpy(), documents, 20.0, {(0, 1), (2, 4)}))
    found = training.loss(states, right, own)
    torch.testing.assert_close(found.double(), F.cross_entropy(expected, right), rtol=1e-4, atol=1e-4)
    monkeypatch.setattr("lmindexer.tasks.search.dual_encoder.MOST_COMPARED", 8)  # now against two drawn documents
    drawn = np.random.default_rng(0).integers(24, size=2)
    training.random = np.random.default_rng(0)
    compared = np.unique(np.r_[right.numpy(), drawn])
    some = F.cross_entropy(expected[:, compared], torch.from_numpy(np.searchsorted(compared, right.numpy())))
    torch.testing.assert_close(training.loss(states, right, own).double(), some, rtol=1e-4, atol=1e-4)


def odd_words():
    """Products that people ask for in words which no product has; each word is asked in every split."""
    corpus = shop(False)
    rows = [(f"{split}{place}", f"{'please ' * n}zonk{place // 10}", f"d{place:02d}", split)
            for place in range(0, 100, 10)
            for n, split in enumerate(("train", "validation", "test"))]  # fmt: skip
    columns = ("query_id", "text", "doc_id", "split")
    corpus.queries = lmi.Queries.from_records([dict(zip(columns, row, strict=True)) for row in rows])
    return Retrieval(corpus)


def test_words_of_people_find_what_they_found_before():
    task = odd_words()
    plain = DualEncoder("frozen", query_weight=0).fit(task, progress=False)
    chosen = DualEncoder("frozen", query_weight=None).fit(task, progress=False)
    assert chosen.name == "dense + training queries" and plain.asked_ is None
    found = task.evaluate([plain, chosen]).table().set_index("method")["Recall@1"]
    assert found[plain.name] < 0.3 and found[chosen.name] > 0.9
    assert chosen.asked_.weight in WEIGHTS and chosen.asked_.weight > 0


def test_a_weight_that_does_not_help_is_not_chosen():
    """Training queries of the wrong documents: a document's own text is all that counts."""
    task = Retrieval(shop())
    queries = {name: np.eye(8, dtype=np.float32)[: len(task.texts(name)) % 8 + 1] for name in ("train", "validation")}
    documents = np.eye(8, dtype=np.float32)
    asked = Asked(queries["train"], np.arange(3), np.array([3, 4, 5]), 0.1)  # query 0 means document 0
    rated = lambda found: float((found.documents[:, 0] == np.arange(len(found.documents))).mean())  # noqa: E731
    assert asked.with_chosen_weight(documents[:3], documents, rated).weight in WEIGHTS
    worse = asked.nearest(documents[:3], documents, 20.0, 1).documents[:, 0].tolist()
    assert worse == [0, 1, 2]  # weight .1 does not turn the first place yet
    heavy = Asked(asked.vectors, asked.query, asked.document, 3.0)
    assert heavy.nearest(documents[:3], documents, 20.0, 1).documents[:, 0].tolist() == [3, 4, 5]


def test_a_weight_of_none_queries_is_no_weight():
    corpus = shop()
    assert Asked.of_task(Retrieval(corpus), {"train": units(9, 1)}, units(100, 2), 0.0) is None


@pytest.mark.parametrize("learn", [False, True])
def test_documents_that_come_later_leave_what_was_asked_in_place(learn):
    whole = shop()
    kept = [place for place in range(100) if place % 10]
    task = Retrieval(whole.take(kept), whole.queries.within(whole.take(kept)))
    indexer = lmi.ResidualKMeansIndexer(positions=2, codebook_size=6, embeddings="tfidf")
    options = {"rows": 2, "learn_rows": learn, "embeddings": "tfidf", "epochs": 1, "query_weight": 0.2}
    model = GenerativeRetriever(indexer, **options).fit(task, progress=False)
    states, before = units_of(model, task), model.form_.head
    rows = {str(doc): rows_of(before, place) for place, doc in enumerate(task.corpus.doc_ids)}
    weights = before.scorer(states).weights(before.tree.depth)[:, leaf_places(before, 90)].detach()
    centres = sum(len(table_of(before, node)) > 0 for node in range(1, len(before.tree)))
    model.add(whole.take([place for place in range(100) if place % 10 == 0]))
    after = model.form_.head
    assert after.asked is before.asked and sum(len(one) for one in rows.values()) > 90
    for place, doc in enumerate(task.corpus.doc_ids):
        torch.testing.assert_close(rows_of(after, place), rows[str(doc)])
    found = after.scorer(states).weights(after.tree.depth)[:, leaf_places(after, 100)].detach()
    torch.testing.assert_close(found[:, :90], weights)
    for node, old in enumerate(added_nodes(before.tree, after.tree).tolist()):
        # a node's queries are those of the documents below it
        below = after.tree.documents[after.tree.first_leaf[node] : after.tree.last_leaf[node]].numpy()
        expected = np.unique(after.asked.query[np.isin(after.asked.document, below)])
        numbers = numbers_of(after, node) - len(after.bias)
        assert node == 0 or np.array_equal(numbers[numbers >= 0], expected)
        if old >= 0 and len(table_of(before, old)):
            torch.testing.assert_close(table_of(after, node), table_of(before, old))
    assert centres > 3


def units_of(model, task):
    with torch.no_grad():
        return model.form_.states(torch.from_numpy(model.vectors_.texts(task.texts("test"))))


def leaf_places(head, number):
    """Where documents 0 … number − 1 of the corpus stand in the tree's last level."""
    return head.tree.leaf[:number].long() - head.tree.level_start[head.tree.depth]


def numbers_of(head, node):
    return head.places[head.offsets[node] : head.offsets[node + 1]].numpy()


def table_of(head, node):
    """The trained centres of a node."""
    numbers = numbers_of(head, node) - len(head.documents)
    return head.centres.detach()[numbers[(numbers >= 0) & (numbers < len(head.centres))]]


def rows_of(head, document):
    """The vectors of one document's leaf."""
    node = int(head.tree.leaf[document])
    return head.table().detach()[head.places[head.offsets[node] : head.offsets[node + 1]]]
