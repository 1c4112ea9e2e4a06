"""A learned linear map on the query: h = q + A q, with A = 0 at the start."""

import torch
from torch import Tensor, nn


class QueryMap(nn.Module):
    """h = dropout(q) (I + A), [B, d] -> [B, d].

    It starts as the identity, so before training a model searches as its encoder does.
    """

    def __init__(self, width: int, dropout: float = 0.1):
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.map = nn.Parameter(torch.zeros(width, width))

    def forward(self, query: Tensor) -> Tensor:
        query = self.dropout(query)
        return query + query @ self.map
