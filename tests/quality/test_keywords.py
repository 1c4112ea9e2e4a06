"""Key words of prefixes: weights by hand, a slow loop, and what is left out."""

import collections
import math
import re

import numpy as np
import pytest
from sklearn.feature_extraction.text import ENGLISH_STOP_WORDS

from lmindexer.common.errors import LMIndexerError
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality.keywords import PrefixKeywords, prefix_keywords


def corpus_of(texts):
    return Corpus.from_records([{"doc_id": f"d{n}", "text": text} for n, text in enumerate(texts)])


def ids_of(codes, names=None):
    codes = np.asarray(codes)
    names = [f"d{n}" for n in range(len(codes))] if names is None else names
    return SemanticIDs.from_codes(names, codes, (9,) * codes.shape[1])


def slow_keywords(codes, texts, length):
    words = collections.defaultdict(collections.Counter)
    for code, text in zip(codes, texts, strict=True):
        found = re.findall(r"[a-z]\w+", text.lower())
        words[tuple(code[:length])].update(word for word in found if word not in ENGLISH_STOP_WORDS)
    everywhere = sum(words.values(), collections.Counter())
    mean = sum(everywhere.values()) / len(words)
    return {
        prefix: {w: n / counts.total() * math.log(1 + mean / everywhere[w]) for w, n in counts.items()}
        for prefix, counts in words.items()
    }


def test_weights_by_hand():
    corpus = corpus_of(["saw saw", "saw hammer", "mallet", "mallet hammer"])
    found = prefix_keywords(ids_of([[0], [0], [1], [1]]), corpus, length=1)
    # words in prefix 0: saw 3, hammer 1; in prefix 1: mallet 2, hammer 1; A = 7 / 2; f = 3, 2, 2
    assert found == {
        (0,): [
            ("saw", pytest.approx(3 / 4 * math.log(1 + 3.5 / 3))),
            ("hammer", pytest.approx(1 / 4 * math.log(1 + 3.5 / 2))),
        ],
        (1,): [
            ("mallet", pytest.approx(2 / 3 * math.log(1 + 3.5 / 2))),
            ("hammer", pytest.approx(1 / 3 * math.log(1 + 3.5 / 2))),
        ],
    }


@pytest.mark.parametrize("length", [1, 2])
def test_weights_equal_a_slow_loop(length):
    random = np.random.default_rng(0)
    vocabulary = ["saw", "hammer", "mallet", "the", "drill", "bit", "and"]
    texts = [" ".join(random.choice(vocabulary, 6)) for _ in range(30)]
    codes = random.integers(0, 3, (30, 2))
    found = PrefixKeywords.from_corpus(corpus_of(texts)).of(ids_of(codes), length, top=99)
    expected = slow_keywords(codes.tolist(), texts, length)
    assert {prefix: dict(words) for prefix, words in found.items()} == {
        prefix: pytest.approx(words) for prefix, words in expected.items()
    }
    for words in found.values():
        weights = [weight for _, weight in words]
        assert weights == sorted(weights, reverse=True)


def test_top_and_ties_by_the_alphabet():
    corpus = corpus_of(["pear apple fig", "zebra"])
    found = prefix_keywords(ids_of([[0], [1]]), corpus, length=1, top=2)
    assert [word for word, _ in found[(0,)]] == ["apple", "fig"]


def test_stop_words_and_numbers_are_left_out_and_prefixes_without_words_are_empty():
    corpus = corpus_of(["the and 2024 x", "don't re-use Übung", "42 b2b"])
    found = prefix_keywords(ids_of([[0], [1], [2]]), corpus, length=1)
    assert found[(0,)] == []
    assert sorted(word for word, _ in found[(1,)]) == ["don't", "re-use", "übung"]
    assert [word for word, _ in found[(2,)]] == ["b2b"]


def test_a_corpus_without_any_word():
    assert prefix_keywords(ids_of([[3], [4]]), corpus_of(["12", "the"]), length=1) == {(3,): [], (4,): []}


def test_ids_may_come_in_any_order_and_be_a_part():
    corpus = corpus_of(["saw", "mallet", "drill"])
    found = prefix_keywords(ids_of([[1], [0]], ["d2", "d0"]), corpus, length=1)
    assert {prefix: [word for word, _ in words] for prefix, words in found.items()} == {
        (0,): ["saw"],
        (1,): ["drill"],
    }
    with pytest.raises(LMIndexerError, match="'strange'"):
        prefix_keywords(ids_of([[1]], ["strange"]), corpus, length=1)
