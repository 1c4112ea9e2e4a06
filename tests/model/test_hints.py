"""Hint masks: a word is never its own hint, padding never shows, shares come near the setting, weights add up."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lmindexer.model.hints import draw_hints
from lmindexer.settings.settings import HINT_FORMS

FORMS = pytest.mark.parametrize("form", HINT_FORMS)


def drawn(seed):
    return torch.Generator().manual_seed(seed)


def batch_of(lengths, words=50, seed=0):
    """tokens [B, L] of distinct ids within a row, present [B, L]."""
    length = max(lengths)
    tokens = torch.stack([torch.randperm(words, generator=drawn(seed + i))[:length] for i in range(len(lengths))])
    return tokens, torch.arange(length) < torch.tensor(lengths)[:, None]


@FORMS
@given(
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=5),
    share=st.floats(0, 1),
    seed=st.integers(0, 1000),
    worthless=st.sets(st.integers(0, 49), max_size=49),
)
def test_what_must_hold_for_any_draw(form, lengths, share, seed, worthless):
    tokens, present = batch_of(lengths)
    salience = torch.rand(50, generator=drawn(1)) + 0.1
    salience[list(worthless)] = 0
    hints = draw_hints(tokens, present, salience, share, form, targets=4, generator=drawn(seed))
    assert not (hints.visible & ~present[:, None]).any()  # padding is never a hint
    total = hints.weight.sum((1, 2))
    assert ((total - 1).abs().lt(1e-5) | (total == 0)).all()
    for row, query, column in (hints.weight > 0).nonzero().tolist():
        word = hints.words[row, query, column]
        assert salience[word] > 0  # special tokens and whatever has no weight are never asked for
        place = column if form == "document" else hints.place[row, query]
        assert tokens[row, place] == word and present[row, place]
        assert not hints.visible[row, query, place]  # a word is never its own hint
    if form == "target":
        itself = hints.visible.gather(2, hints.place[..., None])
        assert not itself.any()


@FORMS
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9])
def test_the_visible_share_is_near_the_setting(form, share):
    tokens, present = torch.randint(0, 50, (200, 60), generator=drawn(2)), torch.ones(200, 60, dtype=torch.bool)
    hints = draw_hints(tokens, present, torch.ones(50), share, form, targets=4, generator=drawn(3))
    visible = hints.visible.float().mean()
    expected = share * (59 / 60 if form == "target" else 1)
    assert visible == pytest.approx(expected, abs=0.01)


def test_one_hint_set_serves_a_document_and_every_hidden_word_is_asked_for():
    tokens, present = batch_of([8, 5])
    hints = draw_hints(tokens, present, torch.ones(50), 0.5, "document", generator=drawn(0))
    assert hints.place is None and hints.visible.shape == (2, 1, 8)
    hidden = present & ~hints.visible[:, 0]
    assert torch.equal(hints.weight[:, 0] > 0, hidden)
    for row in range(2):
        assert torch.allclose(hints.weight[row, 0][hidden[row]], 1 / hidden[row].sum().float())


def test_weights_are_in_proportion_to_salience():
    salience = torch.tensor([0.0, 1.0, 3.0, 4.0])
    hints = draw_hints(torch.tensor([[0, 1, 2, 3]]), torch.ones(1, 4, dtype=torch.bool), salience, 0.0)
    assert hints.weight[0, 0].tolist() == [0, 0.125, 0.375, 0.5]


def test_targets_are_drawn_in_proportion_to_salience_each_under_its_own_mask():
    salience = torch.tensor([0.0, 1.0, 3.0])
    tokens, present = torch.tensor([[0, 1, 2]]).expand(500, 3), torch.ones(500, 3, dtype=torch.bool)
    hints = draw_hints(tokens, present, salience, 0.5, "target", targets=8, generator=drawn(0))
    assert (hints.words == 2).float().mean() == pytest.approx(0.75, abs=0.03)
    assert not (hints.words == 0).any()
    assert (hints.visible[:, 0] != hints.visible[:, 1]).any()  # masks of two targets of one document differ
    assert torch.allclose(hints.weight.sum((1, 2)), torch.ones(500))


@FORMS
def test_all_hidden_words_without_weight_leave_a_document_out(form):
    salience = torch.tensor([0.0, 0.0, 1.0])
    tokens, present = torch.tensor([[0, 1], [1, 2]]), torch.ones(2, 2, dtype=torch.bool)
    hints = draw_hints(tokens, present, salience, 0.0, form, targets=2, generator=drawn(0))
    assert hints.weight.sum((1, 2)).tolist() == [0, 1]


def test_nothing_hidden_asks_for_nothing():
    tokens, present = batch_of([4])
    hints = draw_hints(tokens, present, torch.ones(50), 1.0)
    assert hints.visible.all() and hints.weight.sum() == 0


@FORMS
def test_the_same_generator_draws_the_same_hints(form):
    tokens, present = batch_of([9, 3, 7])
    one, two = (draw_hints(tokens, present, torch.ones(50), 0.4, form, generator=drawn(5)) for _ in range(2))
    assert torch.equal(one.visible, two.visible) and torch.equal(one.words, two.words)
    other = draw_hints(tokens, present, torch.ones(50), 0.4, form, generator=drawn(6))
    assert not torch.equal(one.visible, other.visible)
