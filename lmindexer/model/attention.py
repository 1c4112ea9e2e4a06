"""Attention of a few queries on many keys, by which both the semantic encoder and the reconstructor read words."""

import torch
import torch.nn.functional as F
from torch import Tensor


def attend(query: Tensor, memory: Tensor, weights, heads: int, bias: Tensor | float, dropout: float = 0.0) -> Tensor:
    """T5 attention (no scaling, no biases in the projections), computed without projecting the memory.

    query [W·B, Q, d] in W views, one after the other, of B documents; memory [B, L, d], which the views share;
    `weights` has the linear maps q, k, v [H·k, d] and o [d, H·k]; bias is added to the scores [W·B, H, Q, L] (large
    negative = hidden). Returns [W·B, Q, d].

        softmax_l(q · W_k x_l + bias) W_v x_l  =  W_v Σ_l softmax_l((W_kᵀ q) · x_l + bias) x_l

    A bias of n·Q rows says that each query is asked n times, one after the other: [W·B, n·Q, d] is returned, and what
    queries have in common is computed once.
    """
    batch, queries, width = query.shape
    q = weights.q(query).view(batch, queries, heads, -1)  # [W·B, Q, H, k]
    into_memory = torch.einsum("bqhk,hkd->bhqd", q, weights.k.weight.view(heads, -1, width))  # [W·B, H, Q, d]
    scores = _each_memory_once(into_memory, memory.transpose(1, 2))  # [W·B, H, Q, L]
    if isinstance(bias, Tensor) and bias.shape[2] > queries:
        scores = scores.repeat_interleave(bias.shape[2] // queries, 2)  # [W·B, H, n·Q, L]
    share = F.dropout((scores + bias).float().softmax(-1).to(scores.dtype), dropout, dropout > 0)  # [W·B, H, Q, L]
    read = _each_memory_once(share, memory)  # [W·B, H, Q, d]
    value = torch.einsum("bhqd,hkd->bqhk", read, weights.v.weight.view(heads, -1, width))  # [W·B, Q, H, k]
    return weights.o(value.flatten(2))  # [W·B, Q, d]


def _each_memory_once(rows: Tensor, memory: Tensor) -> Tensor:
    """rows [W·B, H, Q, n] times memory [B, n, m] -> [W·B, H, Q, m]: a document's rows of all views in one product,
    since fetching the memory costs more than multiplying by it."""
    views, heads, queries = len(rows) // len(memory), *rows.shape[1:3]
    product = _by_document(rows, views) @ memory  # [B, W·H·Q, m]
    return _by_view(product, (views, heads, queries))


def _by_document(rows: Tensor, views: int) -> Tensor:
    """[W·B, H, Q, n] -> [B, W·H·Q, n]: what all views ask of one document stands together."""
    return rows.unflatten(0, (views, -1)).transpose(0, 1).flatten(1, 3)


def _by_view(product: Tensor, shape: tuple[int, int, int]) -> Tensor:
    """[B, W·H·Q, m] -> [W·B, H, Q, m], with shape = (W, H, Q): `_by_document` undone."""
    return product.unflatten(1, shape).transpose(0, 1).flatten(0, 1)
