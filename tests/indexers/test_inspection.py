"""Looking inside: the scorer's probabilities are the model's own, the reconstruction table is what it says."""

import numpy as np
import pandas as pd
import pytest
import torch
from themed import QUICK, themed_corpus

from lmindexer.indexers import LMIndexer

TEXT = "bird feather wing hammer nest beak"
COLUMNS = ["token", "hidden", "with_code", "without_code", "rank_with", "rank_without"]


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
    for name in ("with_code", "without_code"):
        assert table[name].between(0, 1).all()
    for name in ("rank_with", "rank_without"):
        assert table[name].between(1, len(indexer.vocabulary_)).all()
    assert table["hidden"].dtype == bool
    assert table["hidden"].all() if form == "target" else 0 < table["hidden"].sum() < len(table)
    pd.testing.assert_frame_equal(table, indexer.reconstruct(TEXT, hint_share=0.5, seed=3))


def test_ranks_follow_probabilities(three):
    table = three.reconstruct(TEXT, hint_share=0.0)  # one query answers for all words: ranks compare
    ordered = table.sort_values("with_code", ascending=False)
    assert ordered["rank_with"].is_monotonic_increasing
    assert table["hidden"].all()


def test_hints_change_what_is_said_without_a_code(three):
    with_hints = three.reconstruct(TEXT, hint_share=0.7, seed=1)
    without = three.reconstruct(TEXT, hint_share=0.0)
    assert not np.allclose(with_hints["without_code"], without["without_code"])


def test_without_hints_and_without_a_code_every_text_is_alike(three):
    """P(w | nothing) knows no document: the word "bird" has one probability whatever stands around it."""

    def of_bird(text):
        table = three.reconstruct(text, hint_share=0.0)
        return float(table.loc[table["token"] == "bird", "without_code"].iloc[0])

    assert of_bird("bird hammer nail") == pytest.approx(of_bird("apple pear bird"), rel=1e-4)
