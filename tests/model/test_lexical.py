"""The lexical start: squared distances add up, new documents and unseen words fit in."""

import numpy as np
import pytest

from lmindexer.model.backbones import train_tokenizer
from lmindexer.model.lexical import LexicalStart
from lmindexer.model.tokens import TokenisedDocuments, Vocabulary

WIDTH, WEIGHT = 40, 0.7


@pytest.fixture(scope="module")
def made(corpus):
    texts = corpus.documents()
    tokenizer = train_tokenizer(texts, 400)
    documents = TokenisedDocuments.from_texts(texts, None, tokenizer, 64)
    vocabulary = Vocabulary.from_documents(documents, tokenizer)
    pooled = np.random.default_rng(0).normal(size=(len(texts), WIDTH)).astype(np.float32)
    pooled *= np.linspace(1, 0.01, WIDTH, dtype=np.float32)  # some directions vary more than others
    pooled /= np.linalg.norm(pooled, axis=1, keepdims=True)
    salience = vocabulary.salience(6)
    lexical = LexicalStart.fit(documents, vocabulary, pooled, salience, rank=8, weight=WEIGHT)
    return lexical, documents, vocabulary, pooled, salience, tokenizer


def slow_words(documents, vocabulary, salience):
    """(1 + log tf) · weight in unit rows, by a loop."""
    found = np.zeros((len(documents), len(vocabulary)))
    for number in range(len(documents)):
        ids = documents.ids[documents.offsets[number] : documents.offsets[number + 1]]
        places, counts = np.unique(vocabulary.words(ids), return_counts=True)
        found[number, places] = (1 + np.log(counts)) * salience[places]
    return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)


def test_squared_distances_add_up(made):
    lexical, documents, vocabulary, pooled, salience, _ = made
    start = lexical.add_to(pooled, documents, vocabulary)
    themes = slow_words(documents, vocabulary, salience) @ lexical.table
    loud = pooled - pooled @ lexical.basis.T @ lexical.basis

    def squared(rows, a, b):
        return float(((rows[a] - rows[b]) ** 2).sum())

    for a, b in [(0, 1), (0, 6), (3, 17), (40, 41)]:
        expected = squared(loud, a, b) + WEIGHT**2 * squared(themes, a, b)
        assert squared(start, a, b) == pytest.approx(expected, rel=1e-3)


def test_the_table_is_the_leading_singular_vectors(made):
    lexical, documents, vocabulary, _, salience, _ = made
    words = slow_words(documents, vocabulary, salience)
    expected = np.linalg.svd(words, compute_uv=False)[:8]
    found = np.linalg.norm(words @ lexical.table, axis=0)
    assert np.allclose(found, expected, rtol=0.02)
    assert np.allclose(lexical.table.T @ lexical.table, np.eye(8), atol=2e-3)  # kept in half precision


def test_the_basis_is_orthonormal_and_quiet(made):
    lexical, _, _, pooled, _, _ = made
    assert np.allclose(lexical.basis @ lexical.basis.T, np.eye(8), atol=1e-4)
    centred = pooled - pooled.mean(0)
    variances = np.sort(np.linalg.eigvalsh(centred.T @ centred))
    assert np.sum((centred @ lexical.basis.T) ** 2) == pytest.approx(variances[:8].sum(), rel=0.01, abs=1e-4)


def test_a_fitted_document_starts_where_it_did_when_it_comes_alone(made):
    lexical, documents, vocabulary, pooled, _, tokenizer = made
    text = tokenizer.decode(documents.ids[: documents.offsets[1]], skip_special_tokens=True)
    alone = TokenisedDocuments.from_texts([text], None, tokenizer, 64)
    start = lexical.add_to(pooled, documents, vocabulary)
    assert np.allclose(lexical.add_to(pooled[:1], alone, vocabulary), start[:1], atol=1e-5)


def test_unseen_words_say_nothing(made):
    lexical, _, vocabulary, pooled, _, tokenizer = made
    strange = TokenisedDocuments.from_texts(["zzz qqq"], None, tokenizer, 64)
    found = lexical.add_to(pooled[:1], strange, vocabulary)
    expected = pooled[:1] - pooled[:1] @ lexical.basis.T @ lexical.basis
    assert np.allclose(found, expected, atol=1e-6)
    mixed = TokenisedDocuments.from_texts(["zzz bird qqq"], None, tokenizer, 64)
    plain = TokenisedDocuments.from_texts(["bird"], None, tokenizer, 64)
    assert np.allclose(lexical.add_to(pooled[:1], mixed, vocabulary), lexical.add_to(pooled[:1], plain, vocabulary))


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"weight": 0.0}, "switched off"), ({"rank": 0}, "no rank"), ({"salience": 0}, "no words in common")],
)
def test_nothing_to_decompose_gives_none(made, changes, why):
    _, documents, vocabulary, pooled, salience, _ = made
    given = {"rank": 8, "weight": 0.5, "salience": 1} | changes
    given["salience"] = salience * given["salience"]
    assert LexicalStart.fit(documents, vocabulary, pooled, **given) is None, why
