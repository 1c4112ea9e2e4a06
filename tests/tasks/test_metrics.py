"""Metrics against trec_eval, against hand-made numbers, and their treatment of ties."""

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given
from hypothesis import strategies as st

from lmindexer.common.errors import SettingsError
from lmindexer.tasks.metrics import Judgements, Rankings, measure

TREC = {"Recall": "recall", "Hit": "success", "NDCG": "ndcg_cut", "MAP": "map_cut"}
DEPTHS = (1, 3, 5)


def drawn(seed: int, queries=12, documents=20, depth=8):
    """Random rankings without ties, graded judgements; some queries have one right document, some many."""
    rng = np.random.default_rng(seed)
    ranked = np.array([rng.permutation(documents)[:depth] for _ in range(queries)])
    scores = -np.sort(-rng.random((queries, depth)), axis=1)
    pairs = [(q, d, rng.integers(1, 4)) for q in range(queries) for d in rng.permutation(documents)[: 1 + q % 7]]
    query, document, gain = (np.array(column) for column in zip(*pairs, strict=True))
    return Rankings(ranked, scores), Judgements(query, document, gain.astype(float), queries)


@given(st.integers(0, 1000))
def test_every_metric_equals_trec_evals(seed):
    rankings, judged = drawn(seed)
    qrels: dict = {}
    for q, d, g in zip(judged.query, judged.document, judged.gain, strict=True):
        qrels.setdefault(str(q), {})[str(d)] = int(g)
    run = {
        str(q): {str(d): float(s) for d, s in zip(rankings.documents[q], rankings.scores[q], strict=True)}
        for q in range(len(rankings))
    }
    oracle = pytrec_eval.RelevanceEvaluator(qrels, {f"{name}.{','.join(map(str, DEPTHS))}" for name in TREC.values()})
    expected = oracle.evaluate(run)
    for k in DEPTHS:
        found = measure(rankings, judged, [f"{name}@{k}" for name in TREC] + [f"MRR@{k}"])
        for name, trec in TREC.items():
            wanted = [expected[str(q)][f"{trec}_{k}"] for q in range(len(rankings))]
            assert found[f"{name}@{k}"] == pytest.approx(wanted)
        cut = {q: dict(sorted(one.items(), key=lambda pair: -pair[1])[:k]) for q, one in run.items()}
        reciprocal = pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}).evaluate(cut)
        assert found[f"MRR@{k}"] == pytest.approx([reciprocal[str(q)]["recip_rank"] for q in range(len(rankings))])


def test_by_hand():
    rankings = Rankings(np.array([[5, 1, 2, 9]]), np.array([[4.0, 3.0, 2.0, 1.0]]))
    judged = Judgements(np.array([0, 0, 0]), np.array([1, 9, 7]), np.array([1.0, 3.0, 2.0]), 1)
    found = {name: float(value[0]) for name, value in measure(rankings, judged, ["Recall@4", "MAP@4", "MRR@4"]).items()}
    assert found == pytest.approx({"Recall@4": 2 / 3, "MAP@4": (1 / 2 + 2 / 4) / 3, "MRR@4": 1 / 2})
    ideal = 3 / np.log2(2) + 2 / np.log2(3) + 1 / np.log2(4)  # knows document 7, which was not found
    assert measure(rankings, judged, ["NDCG@4"])["NDCG@4"][0] == pytest.approx(
        (1 / np.log2(3) + 3 / np.log2(5)) / ideal
    )


def test_equal_scores_bring_no_luck():
    rankings = Rankings(np.array([[3, 1, 2], [3, 1, 2]]), np.array([[1.0, 1.0, 0.5], [1.0, 1.0, 1.0]]))
    found = measure(rankings, Judgements.of_targets([3, 3]), ["Hit@1", "Hit@2"])
    assert found["Hit@1"].tolist() == [0, 0]
    assert found["Hit@2"].tolist() == [1, 0]  # in the second the tie goes on to the end of the list, and beyond


@given(st.integers(0, 200))
def test_ties_are_ranked_as_badly_as_any_order_could(seed):
    rankings, judged = drawn(seed, queries=4)
    tied = Rankings(rankings.documents, np.round(rankings.scores * 2) / 2)
    rng = np.random.default_rng(seed)
    lowest = measure(tied, judged, ["NDCG@3"])["NDCG@3"]
    for _ in range(10):  # break the ties by chance
        order = np.lexsort((rng.random(tied.scores.shape), -tied.scores), axis=1)
        documents = np.take_along_axis(tied.documents, order, axis=1)
        lucky = Rankings(documents, -np.tile(np.arange(documents.shape[1]), (4, 1)))
        assert (measure(lucky, judged, ["NDCG@3"])["NDCG@3"] >= lowest - 1e-12).all()


def test_short_lists_and_queries_without_an_answer():
    rankings = Rankings(np.array([[4, -1], [4, -1]]), np.zeros((2, 2)))
    judged = Judgements(np.array([1]), np.array([4]), np.ones(1), 2)
    found = measure(rankings, judged, ["Recall@10", "Hit@10", "NDCG@10", "MAP@10", "MRR@10"])
    for value in found.values():
        assert np.isnan(value[0]) and value[1] == 1


def test_taking_queries_keeps_each_ones_judgements():
    rankings, judged = drawn(3)
    rows = np.array([7, 2, 11])
    some = Rankings(rankings.documents[rows], rankings.scores[rows])
    whole = measure(rankings, judged, ["NDCG@5"])["NDCG@5"]
    assert measure(some, judged.take(rows), ["NDCG@5"])["NDCG@5"] == pytest.approx(whole[rows])


@pytest.mark.parametrize("name", ["recall@5", "Recall", "Recall@0", "Precision@5"])
def test_an_unknown_metric_is_named(name):
    rankings, judged = drawn(0)
    with pytest.raises(SettingsError, match="is no metric; write one of Hit, Recall"):
        measure(rankings, judged, [name])


def test_rankings_and_judgements_of_other_queries_are_refused():
    rankings, judged = drawn(0)
    with pytest.raises(SettingsError, match="give both of the same queries"):
        measure(rankings, judged.take([0]), ["Hit@1"])
