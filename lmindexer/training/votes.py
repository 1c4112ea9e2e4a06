"""How the nearest neighbours of a document vote for its code, which the agreement loss asks about."""

import numpy as np
import torch
from torch import Tensor


class CodeVotes:
    """For each document, how its nearest neighbours of the same prefix vote for the code at position t.

    Codes are kept for the whole corpus and renewed as batches pass, so a vote costs no second encoding.
    """

    def __init__(self, neighbours: np.ndarray, earlier_codes: np.ndarray, codes: np.ndarray):
        """neighbours [N, k] document numbers, earlier_codes [N, t-1], codes [N]."""
        same = (earlier_codes[neighbours] == earlier_codes[:, None]).all(-1)  # [N, k]
        self.neighbours, self.same, self.codes = torch.from_numpy(neighbours), torch.from_numpy(same), codes.copy()

    def of(self, batch: Tensor, size: int) -> tuple[Tensor, Tensor]:
        """Shares of the votes [B, K], and which documents have a voter [B]."""
        voters, same = self.neighbours[batch], self.same[batch].float()  # [B, k]
        codes = torch.from_numpy(self.codes[voters.numpy()].astype(np.int64))  # [B, k]
        shares = torch.zeros(len(batch), size).scatter_add_(1, codes, same)  # [B, K]
        total = shares.sum(1, keepdim=True)
        return shares / total.clamp(min=1), total[:, 0] > 0

    def update(self, batch: Tensor, codes: Tensor) -> None:
        """Keep the codes [B] that the documents of a batch choose now."""
        self.codes[batch.numpy()] = codes.cpu().numpy()
