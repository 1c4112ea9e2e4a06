"""What next-item training minimises, one function a loss: states [M, d] against item rows [N, d].

softmax                cross_entropy up to `WHOLE` items, sampled_cross_entropy beyond: the improved forms' choice
cross_entropy          -log softmax over all items
sampled_cross_entropy  the same over the right item and n items drawn for the whole batch; log((N - 1) / n) is
                       added to what was drawn, so that the sum over them stands for the sum over all others
bce                    -log σ(s⁺) - log(1 - σ(s⁻)), one item drawn for each state (SASRec's paper)
bpr                    -log σ(s⁺ - s⁻), one item drawn for each state (HGN's paper)
top1                   σ(s⁻ - s⁺) + σ((s⁻)²) over the batch's other right items (GRU4Rec's first paper)
bpr_max                BPR-max over them, with the score regularisation of GRU4Rec's second paper
"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

WHOLE = 50_000  # items: 100 MB of scores a step. Drawn items are worse by far: docs/results/recommendation.md
REGULARISE = 0.2  # of bpr_max: weight of the softmax-weighted squared negative scores


def softmax(states: Tensor, targets: Tensor, rows: Tensor, bias: Tensor | None = None, negatives: int = 1024) -> Tensor:
    """Cross-entropy over all items where they are at most `WHOLE`, over the right one and drawn ones where more."""
    loss = cross_entropy if len(rows) <= WHOLE else sampled_cross_entropy
    return loss(states, targets, rows, bias, negatives=negatives)


def cross_entropy(states: Tensor, targets: Tensor, rows: Tensor, bias: Tensor | None = None, **_) -> Tensor:
    """Mean of -log P(target) with P = softmax over all N items; targets [M]."""
    return F.cross_entropy(_scores(states, rows, bias), targets)


def sampled_cross_entropy(
    states: Tensor, targets: Tensor, rows: Tensor, bias: Tensor | None = None, negatives: int = 1024
) -> Tensor:
    """Cross-entropy over the right item and `negatives` items drawn alike for all states."""
    items = len(rows)
    if negatives >= items - 1:
        return cross_entropy(states, targets, rows, bias)
    drawn = torch.randint(items, (negatives,), device=states.device)
    others = _scores(states, rows[drawn], None if bias is None else bias[drawn])  # [M, n]
    return _over_drawn(_right(states, targets, rows, bias), others, targets, drawn, items)


def softmax_over_drawn(states: Tensor, targets: Tensor, drawn: Tensor, right: Tensor, others: Tensor, items: int):
    """`sampled_cross_entropy` for rows that are at hand: right [M, d] of the targets, others [n, d] of `drawn` [n]."""
    return _over_drawn((states * right).sum(-1), states @ others.T, targets, drawn, items)


def _over_drawn(right: Tensor, others: Tensor, targets: Tensor, drawn: Tensor, items: int) -> Tensor:
    shift = math.log((items - 1) / len(drawn))
    others = (others + shift).masked_fill(drawn[None] == targets[:, None], -torch.inf)
    return (torch.logsumexp(torch.cat([right[:, None], others], 1), 1) - right).mean()


def bce(states: Tensor, targets: Tensor, rows: Tensor, bias: Tensor | None = None, **_) -> Tensor:
    """Binary cross-entropy of the right item and one other item."""
    wrong = _right(states, _others(targets, len(rows)), rows, bias)
    return (F.softplus(-_right(states, targets, rows, bias)) + F.softplus(wrong)).mean()


def bpr(states: Tensor, targets: Tensor, rows: Tensor, bias: Tensor | None = None, **_) -> Tensor:
    """Bayesian personalised ranking: the right item before one other item."""
    wrong = _right(states, _others(targets, len(rows)), rows, bias)
    return F.softplus(wrong - _right(states, targets, rows, bias)).mean()


def top1(states: Tensor, targets: Tensor, rows: Tensor, bias: Tensor | None = None, **_) -> Tensor:
    """TOP1 over the right items of the batch's other states."""
    right, wrong, other = _in_batch(states, targets, rows, bias)
    each = torch.sigmoid(wrong - right[:, None]) + torch.sigmoid(wrong**2)
    return ((each * other).sum(1) / other.sum(1).clamp(min=1)).mean()


def bpr_max(states: Tensor, targets: Tensor, rows: Tensor, bias: Tensor | None = None, **_) -> Tensor:
    """-log Σ_j w_j σ(s⁺ - s_j) + λ Σ_j w_j s_j², with w the softmax of the batch's other right items' scores."""
    right, wrong, other = _in_batch(states, targets, rows, bias)
    weight = torch.softmax(wrong.masked_fill(~other, -1e9), 1) * other
    gain = (weight * torch.sigmoid(right[:, None] - wrong)).sum(1)
    return (-torch.log(gain + 1e-12) + REGULARISE * (weight * wrong**2).sum(1)).mean()


LOSSES = {f.__name__: f for f in (softmax, cross_entropy, sampled_cross_entropy, bce, bpr, top1, bpr_max)}

IN_BATCH = ("top1", "bpr_max")  # whose wrong items are the batch's other right ones


def _scores(states: Tensor, rows: Tensor, bias: Tensor | None) -> Tensor:
    return states @ rows.T if bias is None else states @ rows.T + bias


def _right(states: Tensor, items: Tensor, rows: Tensor, bias: Tensor | None) -> Tensor:
    """[M] score of one item for each state."""
    score = (states * rows[items]).sum(-1)
    return score if bias is None else score + bias[items]


def _others(targets: Tensor, items: int) -> Tensor:
    """One item for each target, any but the target itself."""
    return (targets + torch.randint(1, max(2, items), targets.shape, device=targets.device)) % items


def _in_batch(states, targets, rows, bias):
    """Scores of the right items [M], of all right items for each state [M, M], and where those are other items."""
    scores = _scores(states, rows[targets], None if bias is None else bias[targets])
    return scores.diagonal(), scores, targets[None] != targets[:, None]
