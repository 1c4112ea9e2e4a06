"""SEAL: the index against naive scans, n-grams that all exist, the intersective rule by hand."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lmindexer.common.errors import SettingsError
from lmindexer.tasks.search.seal.generator import NGramGenerator, constrained_beam
from lmindexer.tasks.search.seal.index import NGramIndex, suffix_array
from lmindexer.tasks.search.seal.scoring import rank_by_ngrams, weights

CORPORA = st.lists(st.lists(st.integers(0, 3), max_size=12), min_size=1, max_size=6)


def naive(documents, ngram):
    """(document, place within it) of every occurrence."""
    m = len(ngram)
    return [(d, i) for d, doc in enumerate(documents) for i in range(len(doc) - m + 1) if doc[i : i + m] == list(ngram)]


@given(CORPORA, st.lists(st.integers(0, 4), min_size=1, max_size=5))
def test_counts_places_and_documents_are_those_of_a_scan(documents, ngram):
    index = NGramIndex(documents, longest=5)
    expected = naive(documents, ngram)
    places, found = index.occurrences(index.find(ngram))
    assert index.count(ngram) == len(expected)
    assert sorted(zip(found.tolist(), (places - index.starts[found]).tolist(), strict=True)) == expected
    assert index.documents(ngram).tolist() == sorted({d for d, _ in expected})


@given(CORPORA, st.lists(st.integers(0, 3), max_size=4))
def test_continuations_are_those_of_a_scan(documents, ngram):
    index, m = NGramIndex(documents, longest=5), len(ngram)
    following = [documents[d][i + m] for d, i in naive(documents, ngram) if i + m < len(documents[d])]
    tokens, counts = index.next_tokens(index.find(ngram))
    assert dict(zip(tokens.tolist(), counts.tolist(), strict=True)) == {t: following.count(t) for t in set(following)}


def test_the_suffix_array_is_sorted_as_far_as_it_must_be():
    tokens = np.random.default_rng(0).integers(0, 5, 500)
    places = suffix_array(tokens, 4)
    keys = [tuple(tokens[place : place + 4]) for place in places]
    assert keys == sorted(keys) and sorted(places.tolist()) == list(range(500))
    with pytest.raises(SettingsError, match="longest is 0"):
        NGramIndex([[1]], longest=0)


def test_every_generated_ngram_exists():
    torch.manual_seed(0)
    random = np.random.default_rng(0)
    documents = [random.integers(0, 30, random.integers(1, 15)).tolist() for _ in range(40)]
    index = NGramIndex(documents, longest=4)
    model = NGramGenerator(torch.randn(30, 64)).eval()
    made = constrained_beam(model, index, torch.randn(1, 3, 64), torch.ones(1, 3, dtype=torch.bool), width=6, longest=9)
    assert len(made.ngrams) > 10 and max(map(len, made.ngrams)) == 4
    assert all(naive(documents, ngram) for ngram in made.ngrams)


def test_the_beam_scores_are_the_models():
    torch.manual_seed(0)
    documents = [[0, 1, 2], [1, 2, 0]]
    model = NGramGenerator(torch.randn(3, 64)).eval()
    memory, present = torch.randn(1, 2, 64), torch.ones(1, 2, dtype=torch.bool)
    made = constrained_beam(model, NGramIndex(documents, 3), memory, present, width=9, longest=3)
    with torch.no_grad():
        for ngram, score in zip(made.ngrams, made.log_p, strict=True):
            log_p = model(memory, present, torch.tensor([ngram[:-1]], dtype=torch.long))[0]
            assert sum(float(log_p[i, token]) for i, token in enumerate(ngram)) == pytest.approx(score, abs=1e-4)


def test_the_intersective_rule_by_hand():
    index = NGramIndex([[0, 1, 2, 3], [0, 1, 9], [9, 9, 9, 9]], longest=3)
    ngrams, log_p = [(0, 1), (1, 2), (2, 3), (0,)], np.log([0.4, 0.4, 0.3, 0.2])
    w = weights(log_p, np.array([2, 1, 1, 2]), 11)
    order = np.argsort(-w, kind="stable").tolist()
    assert order == [1, 2, 0, 3]  # (1, 2) is the rarest for its probability
    # document 0: (1, 2) takes places 1 and 2, so (2, 3) and (0, 1) overlap it; (0,) is free and new
    first = w[1] ** 2 + w[3] ** 2
    # document 1: (0, 1) is free; (0,) lies inside it
    second = w[0] ** 2
    found = rank_by_ngrams(index, ngrams, log_p, alpha=2.0, beta=0.8)
    np.testing.assert_allclose(found[:2], [first, second])
    assert found[2] == -np.inf


def test_repeated_words_count_less():
    index = NGramIndex([[0, 1, 5, 0, 2]], longest=2)
    log_p = np.log([0.5, 0.3])
    w = weights(log_p, np.array([1, 1]), 5)
    found = rank_by_ngrams(index, [(0, 1), (0, 2)], log_p, alpha=1.0, beta=0.8)
    assert found[0] == pytest.approx(w[0] + w[1] * (0.2 + 0.8 / 2))  # of (0, 2) only 2 is new
