"""The losses against hand-computed numbers and slow loops; finite whatever comes."""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from lmindexer.model import losses


def random(*shape, seed=0, scale=1.0):
    return scale * torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def slow_log_softmax(row):
    largest = max(row)
    total = math.log(sum(math.exp(x - largest) for x in row)) + largest
    return [x - total for x in row]


# ---- reconstruction --------------------------------------------------------------------------------------------


def test_reconstruction_by_hand():
    logits = torch.tensor([[[0.0, math.log(3.0)]]])  # P = 1/4, 3/4
    words = torch.tensor([[[0, 1]]])
    value = losses.reconstruction_loss(logits, words, torch.tensor([[[0.5, 0.5]]]))
    assert float(value) == pytest.approx(-0.5 * math.log(1 / 4) - 0.5 * math.log(3 / 4))


def test_reconstruction_equals_a_slow_loop():
    logits, weight = random(3, 2, 7), random(3, 2, 4, seed=1).abs()
    weight[1] = 0  # a document without a word to ask for does not count
    words = torch.randint(0, 7, (3, 2, 4), generator=torch.Generator().manual_seed(2))
    per_document = []
    for d in (0, 2):
        total = 0.0
        for m in range(2):
            log_p = slow_log_softmax(logits[d, m].tolist())
            total -= sum(weight[d, m, p].item() * log_p[words[d, m, p]] for p in range(4))
        per_document.append(total)
    expected = sum(per_document) / 2
    assert float(losses.reconstruction_loss(logits, words, weight)) == pytest.approx(expected, rel=1e-5)


# ---- contrastive -----------------------------------------------------------------------------------------------


def slow_contrastive(anchor, view, negative, form, temperature):
    """-log exp(s_ii) / (exp(s_ii) + Σ_{j negative of i} exp(s_ij)), mean over documents with a negative."""
    values = []
    for i in range(len(anchor)):
        others = [j for j in range(len(view)) if negative[i][j] and j != i]
        if not others:
            continue

        def score(j, i=i):
            a, b = anchor[i], view[j]
            s = float(a @ b)
            return s / (float(a.norm() * b.norm()) if form == "cosine" else 1) / temperature

        values.append(-slow_log_softmax([score(j) for j in [i, *others]])[0])
    return sum(values) / len(values) if values else 0.0


def test_contrastive_by_hand():
    anchor = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    view = torch.tensor([[2.0, 0.0], [1.0, 1.0]])
    negative = ~torch.eye(2, dtype=torch.bool)
    # document 0: scores 2 (itself) and 1; document 1: scores 1 (itself) and 0
    expected = math.log(1 + math.exp(-1))
    assert float(losses.contrastive_loss(anchor, view, negative)) == pytest.approx(expected)


@pytest.mark.parametrize("form", ["dot", "cosine"])
@given(prefixes=st.lists(st.integers(0, 3), min_size=1, max_size=9), temperature=st.sampled_from([0.1, 0.5, 1.0]))
def test_contrastive_in_prefix_groups_equals_a_slow_loop(form, prefixes, temperature):
    prefix = torch.tensor(prefixes)
    negative = (prefix[:, None] == prefix[None]) & ~torch.eye(len(prefix), dtype=torch.bool)
    anchor, view = random(len(prefix), 4, seed=3), random(len(prefix), 4, seed=4)
    value = float(losses.contrastive_loss(anchor, view, negative, form, temperature))
    expected = slow_contrastive(anchor, view, negative.tolist(), form, temperature)
    assert value == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_documents_without_negatives_do_not_count_and_get_no_gradient():
    anchor, view = random(3, 4).requires_grad_(), random(3, 4, seed=1).requires_grad_()
    negative = torch.tensor([[False, True, False], [True, False, False], [False, False, False]])
    losses.contrastive_loss(anchor, view, negative).backward()
    assert anchor.grad[:2].abs().sum(1).gt(0).all()
    assert anchor.grad[2].eq(0).all() and view.grad[2].eq(0).all()


def test_a_batch_without_any_negative_is_zero_with_a_finite_gradient():
    anchor = random(2, 3).requires_grad_()
    value = losses.contrastive_loss(anchor, random(2, 3, seed=1), torch.zeros(2, 2, dtype=torch.bool))
    value.backward()
    assert value == 0 and anchor.grad.eq(0).all()


def test_a_document_is_never_its_own_negative():
    anchor, view = random(2, 3), random(2, 3, seed=1)
    with_itself = torch.ones(2, 2, dtype=torch.bool)
    without = ~torch.eye(2, dtype=torch.bool)
    assert torch.equal(
        losses.contrastive_loss(anchor, view, with_itself), losses.contrastive_loss(anchor, view, without)
    )


# ---- commitment ------------------------------------------------------------------------------------------------


def test_commitment_sums_over_positions_and_averages_over_documents():
    first = torch.tensor([[0.25, 0.75], [0.5, 0.5]]).log()
    second = torch.tensor([[0.1, 0.2, 0.7], [0.6, 0.3, 0.1]]).log()
    codes = torch.tensor([[1, 2], [0, 0]])
    expected = -(math.log(0.75) + math.log(0.5)) / 2 - (math.log(0.7) + math.log(0.6)) / 2
    assert float(losses.commitment_loss([first, second], codes)) == pytest.approx(expected)


def test_commitment_without_earlier_positions_is_zero():
    assert losses.commitment_loss([], torch.zeros(3, 0, dtype=torch.long)) == 0


# ---- extensions ------------------------------------------------------------------------------------------------


def test_agreement_by_hand():
    p = torch.tensor([[0.5, 0.5], [0.9, 0.1], [0.3, 0.7]])
    q = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 0.0]])
    counts = torch.tensor([True, True, False])
    assert float(losses.agreement_loss(p, q, counts)) == pytest.approx(-math.log(0.5), rel=1e-5)


def test_agreement_falls_when_neighbours_choose_alike():
    sure = torch.tensor([[0.98, 0.02]])
    everyone = torch.tensor([True])
    assert losses.agreement_loss(sure, sure, everyone) < losses.agreement_loss(sure, sure.flip(1), everyone)


def test_balance_is_zero_for_equal_use_and_log_k_for_one_code():
    assert float(losses.balance_loss(torch.eye(4))) == pytest.approx(0, abs=1e-6)
    assert float(losses.balance_loss(torch.eye(4)[[2, 2, 2]])) == pytest.approx(math.log(4), rel=1e-5)
    by_hand = math.log(2) + 0.75 * math.log(0.75) + 0.25 * math.log(0.25)
    assert float(losses.balance_loss(torch.tensor([[1.0, 0.0], [0.5, 0.5]]))) == pytest.approx(by_hand, rel=1e-5)


def test_anchor_is_the_mean_squared_distance():
    assert float(losses.anchor_loss(torch.tensor([[3.0, 4.0], [0.0, 1.0]]))) == pytest.approx((25 + 1) / 2)


# ---- finite, always --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("scale", [0.0, 1.0, 1e4])
def test_every_loss_and_gradient_is_finite_at_any_scale(scale):
    h = random(5, 6, scale=scale).requires_grad_()
    rows = random(3, 6, seed=1, scale=scale).requires_grad_()
    log_p = (h @ rows.T).log_softmax(-1)
    p, codes = log_p.exp(), torch.zeros(5, 2, dtype=torch.long)
    nobody = torch.zeros(5, dtype=torch.bool)
    values = [
        losses.contrastive_loss(h, h.flip(0), ~torch.eye(5, dtype=torch.bool), form, 0.2) for form in ("dot", "cosine")
    ]
    values += [losses.commitment_loss([log_p, log_p], codes), losses.balance_loss(p), losses.anchor_loss(h)]
    values += [losses.agreement_loss(p, p.flip(0), ~nobody), losses.agreement_loss(p, p, nobody)]
    values += [losses.reconstruction_loss(log_p[:, None], codes[:, None], torch.ones(5, 1, 2) / 2)]
    for value in values:
        assert value.isfinite()
        gradients = torch.autograd.grad(value, (h, rows), retain_graph=True, allow_unused=True)
        assert all(gradient is None or gradient.isfinite().all() for gradient in gradients)


def test_mean_where_ignores_what_does_not_count_even_infinities():
    values = torch.tensor([1.0, float("inf"), 3.0, float("nan")])
    assert losses.mean_where(values, torch.tensor([True, False, True, False])) == 2
    assert losses.mean_where(values, torch.zeros(4, dtype=torch.bool)) == 0
