"""The losses of the slides, and three extensions that are switched on by settings.

Slides:      reconstruction, contrastive, commitment;  L^t = L_recon^t + L_contrastive^t + L_commitment^t.
Extensions:  agreement (neighbours choose alike), balance (all codes are used), anchor (h stays near its start).

Every function returns a scalar that is finite for any input in range, also for an empty set of documents that
count (then it is 0 and carries no gradient).
"""

import torch
import torch.nn.functional as F
from torch import Tensor

TINY = 1e-8


def reconstruction_loss(logits: Tensor, words: Tensor, weight: Tensor) -> Tensor:
    """-Σ_w weight_w log P_recon(w | c, d_h), mean over the documents that have a word to ask for.

    logits [B, M, V], words [B, M, P], weight [B, M, P] (a document's weights sum to 1 or 0; see `Hints`).

    >>> round(float(reconstruction_loss(torch.zeros(1, 1, 4), torch.tensor([[[2]]]), torch.ones(1, 1, 1))), 4)
    1.3863
    """
    return mean_where(surprises(logits, words, weight), weight.sum((1, 2)) > 0)


def surprises(logits: Tensor, words: Tensor, weight: Tensor) -> Tensor:
    """-Σ_w weight_w log P_recon(w | c, d_h) of each document, [B]; arguments as for `reconstruction_loss`."""
    surprise = -logits.float().log_softmax(-1).gather(2, words)  # [B, M, P]
    return (surprise * weight).sum((1, 2))  # [B]


def contrastive_loss(
    anchor: Tensor, view: Tensor, negative: Tensor, form: str = "dot", temperature: float = 1.0
) -> Tensor:
    """-log exp(h·h⁺) / (exp(h·h⁺) + Σ_{d' : same prefix} exp(h·h_{d'})): tell documents of one prefix apart.

    anchor   [B, d] h_d; view [B, d] h⁺_d, the same documents under other dropout (the slides' h·h would be
             constant; method.md §8.6)
    negative [B, B] True where document j (its view) is a negative of document i; never the document itself
    form     "dot" as on the slides (temperature 1), or "cosine" of unit vectors over `temperature`

    Documents without a negative do not count.
    """
    if form == "cosine":
        anchor, view = F.normalize(anchor, dim=-1), F.normalize(view, dim=-1)
    scores = (anchor @ view.T).float() / temperature  # [B, B]
    itself = torch.eye(len(scores), dtype=torch.bool, device=scores.device)
    kept = scores.masked_fill(~(negative | itself), float("-inf"))  # [B, B]
    per_document = kept.logsumexp(1) - scores.diagonal()  # [B]
    return mean_where(per_document, (negative & ~itself).any(1))


def commitment_loss(log_probabilities: list[Tensor], codes: Tensor) -> Tensor:
    """-Σ_{j<t} log P_s(c^j | d, c^{<j}), mean over documents: still choose the codes already given.

    log_probabilities: for each earlier position j, [B, K_j]; codes [B, t-1].
    """
    if not log_probabilities:
        return torch.zeros((), device=codes.device)
    per_position = [-table.gather(1, codes[:, j : j + 1]).mean() for j, table in enumerate(log_probabilities)]
    return torch.stack(per_position).sum()


def agreement_loss(probabilities: Tensor, neighbour_probabilities: Tensor, counts: Tensor) -> Tensor:
    """-log Σ_k p_k(d) p_k(d'), mean over documents d with a neighbour d': neighbours should choose alike.

    Source: SCAN (Van Gansbeke et al., ECCV 2020), eq. 2. Both [B, K]; counts [B] True where d has a neighbour.
    """
    overlap = (probabilities * neighbour_probabilities).sum(-1)  # [B]
    return mean_where(-(overlap + TINY).log(), counts)


def balance_loss(probabilities: Tensor) -> Tensor:
    """log K minus the entropy of the batch's mean code distribution: 0 when all codes are used alike.

    Without it agreement is best served by one code for everything. probabilities [B, K].
    """
    mean = probabilities.mean(0)  # [K]
    return (mean * (mean * len(mean) + TINY).log()).sum()


def anchor_loss(moved: Tensor) -> Tensor:
    """‖h - start‖², mean over documents: h leaves the encoder's own geometry only as far as words pay for it."""
    return moved.float().pow(2).sum(-1).mean()


def mean_where(values: Tensor, counts: Tensor) -> Tensor:
    """Mean of the values that count; 0 when none does (never NaN)."""
    counts = counts.to(values.dtype)
    kept = torch.where(counts > 0, values, torch.zeros_like(values))
    return kept.sum() / counts.sum().clamp(min=1)
