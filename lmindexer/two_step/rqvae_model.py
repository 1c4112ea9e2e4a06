"""The residual-quantised VAE, top to bottom (Zeghidour et al. 2021, Lee et al. 2022; for IDs: TIGER, arXiv 2305.05065).

    z = Encoder(x)                                  x an embedding [B, D], z [B, d]
    r^1 = z;  c^t = argmin_k ‖r^t - e^t_k‖²;  r^{t+1} = r^t - e^t_{c^t}
    ẑ = Σ_t e^t_{c^t};  x̂ = Decoder(z + sg(ẑ - z))
    L = ‖x - x̂‖² + Σ_t ( ‖sg(r^t) - e^t_{c^t}‖² + β ‖r^t - sg(e^t_{c^t})‖² )

sg stops the gradient. Norms are sums over dimensions and means over the batch, as in TIGER.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SMOOTHING = 1e-5  # of the running counts, so that a code that nobody chooses is never divided by zero


def mlp(widths: list[int]) -> nn.Sequential:
    """Linear layers with ReLU between them, none after the last."""
    layers: list[nn.Module] = []
    for place, (wide, narrow) in enumerate(pairwise(widths)):
        layers += ([nn.ReLU()] if place else []) + [nn.Linear(wide, narrow)]
    return nn.Sequential(*layers)


@dataclass
class Quantised:
    """What a residual quantiser gives for z [B, d].

    values      ẑ [B, d], with the gradient of z (straight-through)
    codes       [B, T]
    residuals   T of [B, d]: r^1 … r^T
    codebook    Σ_t ‖sg(r^t) - e^t‖², a number; 0 with running means
    commitment  Σ_t ‖r^t - sg(e^t)‖², a number (β is not in it)
    """

    values: Tensor
    codes: Tensor
    residuals: list[Tensor]
    codebook: Tensor
    commitment: Tensor


class CodebookRows(nn.Module):
    """One codebook E [K, d], learned by gradient, or (ema) as the running mean of the residuals that chose each row."""

    def __init__(self, size: int, width: int, ema: bool = False, decay: float = 0.99):
        super().__init__()
        self.ema, self.decay = ema, decay
        self.rows = nn.Parameter(torch.randn(size, width) * 0.1, requires_grad=not ema)  # [K, d]
        self.register_buffer("count", torch.ones(size))  # running number of members
        self.register_buffer("total", self.rows.detach().clone())  # running sum of members

    def squared_distances(self, residual: Tensor) -> Tensor:
        """‖r - e_k‖² of r [B, d] to every row: [B, K]."""
        return (residual**2).sum(1, keepdim=True) - 2 * residual @ self.rows.T + (self.rows**2).sum(1)

    @torch.no_grad()
    def start_at(self, rows: Tensor, members: Tensor) -> None:
        """Put the codebook at rows [K, d]; `members` [K] start the running counts."""
        self.rows.copy_(rows)
        self.count.copy_(members)
        self.total.copy_(rows * members[:, None])

    @torch.no_grad()
    def follow(self, residual: Tensor, codes: Tensor) -> None:
        """Move each row towards the mean of the residuals [B, d] that chose it (van den Oord et al. 2017, appendix)."""
        chosen = F.one_hot(codes, len(self.rows)).to(residual)  # [B, K]
        self.count.lerp_(chosen.sum(0), 1 - self.decay)
        self.total.lerp_(chosen.T @ residual, 1 - self.decay)
        whole = self.count.sum()
        smoothed = (self.count + SMOOTHING) / (whole + len(self.rows) * SMOOTHING) * whole
        self.rows.copy_(self.total / smoothed[:, None])


class ResidualQuantiser(nn.Module):
    """T codebooks, each coding what the earlier ones have left over."""

    def __init__(self, sizes, width: int, ema: bool = False, decay: float = 0.99, sinkhorn=()):
        super().__init__()
        self.books = nn.ModuleList(CodebookRows(size, width, ema, decay) for size in sizes)
        self.sinkhorn = tuple(sinkhorn) or (0.0,) * len(self.books)  # ε of each position; 0 = nearest row

    def forward(self, z: Tensor) -> Quantised:
        residual, summed = z, torch.zeros_like(z)  # [B, d]
        codes, residuals, codebook, commitment = [], [], 0.0, 0.0
        for book, epsilon in zip(self.books, self.sinkhorn, strict=True):
            squared = book.squared_distances(residual.detach())  # [B, K]
            balance = self.training and epsilon > 0
            chosen = balanced_choice(squared, epsilon) if balance else squared.argmin(1)  # [B]
            row = F.embedding(chosen, book.rows)  # [B, d]
            codes.append(chosen)
            residuals.append(residual)
            codebook = codebook + (residual.detach() - row).pow(2).sum(1).mean() * (not book.ema)
            commitment = commitment + (residual - row.detach()).pow(2).sum(1).mean()
            if book.ema and self.training:
                book.follow(residual.detach(), chosen)
            summed = summed + row.detach()
            residual = residual - row.detach()
        straight_through = z + (summed - z).detach()
        return Quantised(straight_through, torch.stack(codes, 1), residuals, codebook, commitment)


@torch.no_grad()
def balanced_choice(squared: Tensor, epsilon: float, rounds: int = 50) -> Tensor:
    """Codes [B] of the assignment that uses all codes alike, as near as ε lets it (Sinkhorn's algorithm).

    squared [B, K]: distances. Rows and columns of exp(-squared / (ε · mean)) are scaled in turn until each document
    counts 1 and each code B/K; a document's code is the largest entry of its row.
    """
    plan = -squared.double() / (epsilon * squared.double().mean().clamp(min=1e-12))  # [B, K], logarithms
    for _ in range(rounds):
        plan = plan - plan.logsumexp(0, keepdim=True)
        plan = plan - plan.logsumexp(1, keepdim=True)
    return plan.argmax(1)


class RQVAE(nn.Module):
    """Encoder, residual quantiser and decoder of embeddings [B, D].

    hidden: widths between D and d; the decoder has them in reverse.
    """

    def __init__(self, inputs: int, hidden, latent: int, sizes, ema=False, decay=0.99, sinkhorn=()):
        super().__init__()
        widths = [inputs, *hidden, latent]
        self.encoder, self.decoder = mlp(widths), mlp(widths[::-1])
        self.quantiser = ResidualQuantiser(sizes, latent, ema, decay, sinkhorn)

    def forward(self, x: Tensor) -> tuple[Tensor, Quantised]:
        """x [B, D] -> (x̂ [B, D], what the quantiser found)."""
        quantised = self.quantiser(self.encoder(x))
        return self.decoder(quantised.values), quantised

    def autoencode(self, x: Tensor) -> Tensor:
        """x̂ without any codes: the warm-up."""
        return self.decoder(self.encoder(x))


def losses(x: Tensor, rebuilt: Tensor, quantised: Quantised, beta: float) -> dict[str, Tensor]:
    """The terms of L: "reconstruction", "codebook", "commitment" (with β)."""
    return {
        "reconstruction": (x - rebuilt).pow(2).sum(1).mean(),
        "codebook": quantised.codebook,
        "commitment": beta * quantised.commitment,
    }
