"""The verdict: bad codes are never called good, a method is judged by what it is, advice fits the method."""

import numpy as np
import pytest

from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality import evaluate_ids
from lmindexer.quality.verdict import verdict


def judged(codes, sizes, method="lmindexer", classes=4, largest=None):
    """The remarks on IDs whose corpus has `classes` categories of equal size, in turn."""
    codes = np.asarray(codes)
    names = [f"d{n}" for n in range(len(codes))]
    corpus = Corpus.from_records(
        [{"doc_id": name, "text": name, "category_1": str(n % classes)} for n, name in enumerate(names)]
    )
    return verdict(evaluate_ids(SemanticIDs.from_codes(names, codes, sizes), corpus), method, largest)


def said(remarks, mood):
    return " ".join(remark.text for remark in remarks if remark.mood == mood)


def test_two_codes_of_eight_and_a_crowded_id_are_bad():
    rng = np.random.default_rng(0)
    codes = rng.integers(0, 2, (300, 2))
    codes[:152] = 0
    bad = said(judged(codes, (8, 8)), "bad")
    assert "Positions 1 and 2 have collapsed: only 2 of 8 codes are in use" in bad
    assert bad.count("What to try: both") == 1
    assert "the most crowded ID holds" in bad


def test_what_is_wrong_with_several_positions_is_said_once_with_the_numbers_that_differ():
    n = np.arange(300)
    same = judged(np.zeros((300, 3), int), (8, 8, 8), largest=(1.0, 1.0, 1.0))
    assert said(same, "bad").count("collapsed") == 1
    assert (
        "Positions 1 to 3 have collapsed: only 1 of 8 codes are in use (good from 90%), all documents have one "
        "code, perplexity is 1.0 of 8 (good from 2.4), one code holds 100% of the documents"
    ) in said(same, "bad")
    assert said(same, "bad").count("mostly repeat their prefixes: perplexity 1.00 inside a prefix") == 1
    codes = np.column_stack([n % 2, n % 8, n % 3])  # the second is sound, the others collapsed by other numbers
    bad = said(judged(codes, (8, 8, 16)), "bad")
    assert "Positions 1 and 3 have collapsed: only 2 and 3 of 8 and 16 codes are in use" in bad
    assert "perplexity is 2.0 and 3.0 of 8 and 16 (good from 2.4 and 4.8)" in bad
    mixed = said(judged(np.column_stack([0 * n, n % 2]), (8, 8)), "bad")  # not the same is wrong with them
    assert "Position 1 has collapsed" in mixed and "Position 2 has collapsed" in mixed


def test_one_large_code_is_seen_beside_many_small_ones():
    first = np.where(np.arange(1000) < 600, 0, np.arange(1000) % 64)
    remarks = judged(first[:, None], (64,), largest=(0.61,))
    assert "one code holds 61% of the documents" in said(remarks, "bad")


def test_codes_in_uneven_use_are_fair_not_good():
    rng = np.random.default_rng(0)
    first = np.where(rng.random(1200) < 0.7, np.arange(1200) % 2, rng.integers(0, 40, 1200))
    assert "unevenly" in said(judged(first[:, None], (40,)), "fair")


def test_a_tree_whose_ids_are_unique_gets_no_alarm_and_no_advice_about_losses():
    first = np.arange(400) // 4 % 10
    codes = np.column_stack([first, np.arange(400) // 40, np.arange(400) % 4])
    codes[::2, 2] = -1
    codes[1::2, 1] += 10
    remarks = judged(codes, (10, 20, 10), "hierarchical")
    assert "contrastive" not in " ".join(remark.text for remark in remarks)
    assert not said(remarks[1:], "bad")


@pytest.mark.parametrize(("method", "word"), [("rqvae", "sinkhorn"), ("residual_kmeans", "restarts"),
                                              ("lmindexer", "warm-ups"), ("hierarchical", "branches")])  # fmt: skip
def test_advice_is_about_switches_that_the_method_has(method, word):
    assert word in said(judged(np.zeros((100, 1), int), (8,), method), "bad")


def test_an_agreement_that_says_nothing_is_not_praised():
    corpus_of_one_class = judged((np.arange(400) % 4)[:, None], (4,), classes=1)  # AMI 0 or 1 by convention
    text = " ".join(remark.text for remark in corpus_of_one_class)
    assert "The AMI of c1 with the categories says nothing: there is one class only." in text
    assert "follows" not in text
    collapsed = judged(np.zeros((400, 1), int), (4,), classes=1)
    assert "follows" not in " ".join(remark.text for remark in collapsed)
    assert "says nothing: all documents have one code" in said(judged(np.zeros((400, 1), int), (4,)), "fair")


def test_agreement_is_named_by_its_bounds():
    exact = np.arange(400) % 4
    assert "follows the categories: AMI 1.00" in said(judged(exact[:, None], (4,)), "good")
    rng = np.random.default_rng(0)
    half = np.where(rng.random(400) < 0.72, exact, rng.integers(0, 4, 400))
    remark = judged(half[:, None], (4,))[0]
    assert "partly follows" in remark.text and remark.mood == "fair"
    chance = judged(rng.integers(0, 4, (400, 1)), (4,))[0]
    assert chance.mood == "bad" and "-0.00" not in chance.text
    control = judged(rng.integers(0, 4, (400, 1)), (4,), "random")[0]
    assert control.mood == "fair" and "a control" in control.text


def test_fewer_ids_than_documents_is_said():
    assert "only 4 IDs for 400 documents" in said(judged(np.arange(400)[:, None] % 4, (4,)), "bad")
