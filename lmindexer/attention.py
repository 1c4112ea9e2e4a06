"""Attention of a few queries on many keys, by which both the semantic encoder and the reconstructor read words."""

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(query: Tensor, memory: Tensor, weights, heads: int, bias: Tensor | float, dropout: float = 0.0) -> Tensor:
    """T5 attention (no scaling, no biases in the projections), computed without projecting the memory.

    query [B, Q, d], memory [B, L, d]; `weights` has the linear maps q, k, v [H·k, d] and o [d, H·k];
    bias is added to the scores [B, H, Q, L] (large negative = hidden). Returns [B, Q, d].

        softmax_l(q · W_k x_l + bias) W_v x_l  =  W_v Σ_l softmax_l((W_kᵀ q) · x_l + bias) x_l
    """
    batch, queries, width = query.shape
    q = weights.q(query).view(batch, queries, heads, -1)  # [B, Q, H, k]
    into_memory = torch.einsum("bqhk,hkd->bhqd", q, weights.k.weight.view(heads, -1, width))  # [B, H, Q, d]
    scores = (into_memory.flatten(1, 2) @ memory.transpose(1, 2)).unflatten(1, (heads, queries))  # [B, H, Q, L]
    share = F.dropout((scores + bias).float().softmax(-1).to(scores.dtype), dropout, dropout > 0)  # [B, H, Q, L]
    read = (share.flatten(1, 2) @ memory).unflatten(1, (heads, queries))  # [B, H, Q, d]
    value = torch.einsum("bhqd,hkd->bqhk", read, weights.v.weight.view(heads, -1, width))  # [B, Q, H, k]
    return weights.o(value.flatten(2))  # [B, Q, d]
