"""Looking inside: the scorer's probabilities are the model's own, the reconstruction table is what it says."""

import numpy as np
import pandas as pd
import pytest
import torch
from themed import QUICK, as_corpus, themed_corpus, themed_records

from lmindexer.common.errors import LMIndexerError
from lmindexer.indexers import LMIndexer
from lmindexer.model.hints import AskedWords, draw_hints
from lmindexer.training.training import salience_at

TEXT = "bird feather wing hammer nest beak"
COLUMNS = ["token", "hidden", "asked", "with_code", "without_code", "rank_with", "rank_without"]


@pytest.fixture(scope="module")
def three():
    """An indexer of three positions with codebooks of three sizes."""
    settings = {**QUICK, "codebook_size": [5, 4, 3], "positions": 3, "discrete_epochs": 1}
    return LMIndexer("tiny", **settings).fit(themed_corpus(30), progress=False)


# ---- scorer ----------------------------------------------------------------------------------------------------


def test_probabilities_of_a_position_sum_to_one(three):
    scorer = three.scorer(TEXT)
    for prefix, size in (([], 5), ([4], 4), ([4, 0], 3)):
        log_p = scorer.log_probabilities(np.array([prefix], dtype=int).reshape(1, len(prefix)))
        assert log_p.shape == (1, size) and np.exp(log_p).sum() == pytest.approx(1, abs=1e-5)


def test_greedy_steps_of_the_scorer_are_the_encoded_id(three):
    for text in themed_corpus(6, seed=4).documents():
        found = three.encode([text], details=True)
        scorer, prefix = three.scorer(text), []
        for position in range(3):
            log_p = scorer.log_probabilities(np.array([prefix], dtype=int).reshape(1, position))[0]
            assert log_p.argmax() == found.ids.codes[0, position]
            assert np.exp(log_p.max()) == pytest.approx(found.probabilities[0, position], abs=1e-5)
            prefix.append(int(log_p.argmax()))


def test_many_prefixes_at_once_are_each_alone(three):
    scorer = three.scorer(TEXT)
    prefixes = np.array([[a, b] for a in range(5) for b in range(4)])
    together = scorer.log_probabilities(prefixes)
    assert together.shape == (20, 3)
    for row, prefix in zip(together, prefixes, strict=True):
        assert np.allclose(row, scorer.log_probabilities(prefix[None])[0], atol=1e-4)
    assert len(np.unique(together.round(4), axis=0)) > 1  # the prefix matters


def test_the_scorer_leaves_no_gradients_and_no_dropout(three):
    scorer, empty = three.scorer(TEXT), np.zeros((1, 0), int)
    assert np.array_equal(scorer.log_probabilities(empty), scorer.log_probabilities(empty))
    assert not torch.is_tensor(scorer.log_probabilities(empty))


# ---- reconstruction --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["document", "target"])
def test_the_table_is_what_the_model_says(form):
    settings = {**QUICK, "discrete_epochs": 1, "positions": 2, "hint_form": form}
    indexer = LMIndexer("tiny", **settings).fit(themed_corpus(30), progress=False)
    table = indexer.reconstruct(TEXT, hint_share=0.5, seed=3)
    assert list(table.columns) == COLUMNS
    tokenizer = indexer.model_.encoder.backbone.tokenizer
    assert table["token"].tolist() == tokenizer.convert_ids_to_tokens(tokenizer(TEXT)["input_ids"])
    assert table["asked"].any() and not table["asked"].all()  # </s> is never asked for
    assert table.loc[~table["asked"], COLUMNS[3:]].isna().all(axis=None)
    asked = table[table["asked"]]
    for name in ("with_code", "without_code"):
        assert asked[name].between(0, 1).all()
    for name in ("rank_with", "rank_without"):
        assert asked[name].between(1, len(indexer.vocabulary_)).all()
    assert table["hidden"].dtype == bool
    assert table["hidden"].all() if form == "target" else 0 < table["hidden"].sum() < len(table)
    pd.testing.assert_frame_equal(table, indexer.reconstruct(TEXT, hint_share=0.5, seed=3))


def test_ranks_follow_probabilities(three):
    table = three.reconstruct(TEXT, hint_share=0.0).dropna()  # one query answers for all words: ranks compare
    ordered = table.sort_values("with_code", ascending=False)
    assert ordered["rank_with"].is_monotonic_increasing
    assert table["hidden"].all()


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_rival_without_a_code_is_the_better_of_two(three, share):
    """By hand: softmax over the asked words, of the null vector with the same hints, and of document frequencies."""
    table, model, vocabulary = three.reconstruct(TEXT, share, seed=2), three.model_, three.vocabulary_
    asked = AskedWords(salience_at(vocabulary, three._settings, 3)).words
    documents = three._encoded([TEXT]).batch(torch.tensor([0]))
    generator = torch.Generator().manual_seed(2)
    hints = draw_hints(documents.words, documents.present, torch.ones(len(vocabulary)), share, generator=generator)
    with torch.no_grad():
        null = model.reconstruct_from_hints(documents, hints)[0, 0, asked].softmax(-1)
    held = torch.from_numpy(vocabulary.documents)[asked].float()
    place = {int(word): i for i, word in enumerate(asked)}
    counts = [i for i, word in enumerate(documents.words[0].tolist()) if word in place]
    rivals = [[float(p[place[int(documents.words[0, i])]]) for i in counts] for p in (null, held / held.sum())]
    hidden = [not bool(hints.visible[0, 0, i]) for i in counts]
    best = max(rivals, key=lambda p: sum(np.log(value) for value, out in zip(p, hidden, strict=True) if out))
    assert table["asked"].to_numpy().nonzero()[0].tolist() == counts
    assert np.allclose(table["without_code"].dropna(), best, rtol=1e-3)


# ---- one document as the fit read it -----------------------------------------------------------------------------


def test_a_long_document_s_category_text_is_read_by_scorer_and_reconstruct():
    records = themed_records(30)
    records[0]["text"] = " ".join([records[0]["text"]] * 20)  # longer than the model reads
    corpus = as_corpus(records)
    settings = {**QUICK, "positions": 2, "category_text": True, "max_length": 32, "discrete_epochs": 1}
    indexer = LMIndexer("tiny", **settings).fit(corpus, progress=False)
    one = corpus.take([0])
    as_fitted = indexer.encoded_.batch(torch.tensor([0])).tokens
    assert torch.equal(indexer.scorer(one).documents.tokens, as_fitted)
    tokenizer = indexer.model_.encoder.backbone.tokenizer
    read = tokenizer.convert_ids_to_tokens(as_fitted[0].tolist())
    assert indexer.reconstruct(one)["token"].tolist() == read
    assert read != indexer.reconstruct(one.documents(category_text=True)[0])["token"].tolist()  # its end is cut off


def test_more_than_one_document_is_refused(three):
    with pytest.raises(LMIndexerError, match="Give one document"):
        three.scorer(themed_corpus(2))
    with pytest.raises(LMIndexerError, match="Give one document"):
        three.reconstruct(["bird", "fish"])
