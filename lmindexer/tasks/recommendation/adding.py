"""New items in a fitted recommender by IDs, without retraining: the same network over a larger tree."""

import numpy as np
import torch
from torch import Tensor, nn

from lmindexer.tasks.decoding import DecodingTree
from lmindexer.tasks.generative import added_nodes

OF_NODES = ("head.bias", "head.own")  # parameters with a row for every node of the tree


def more_vectors(known: Tensor, embedded: np.ndarray) -> Tensor:
    """Text vectors of all items: those that are known [N, t], and the new ones' behind them, [N + M, t].

    embedded: [N + M, e] embeddings of all texts. The new vectors come by the linear map that gives the known items
    theirs (least squares), so it does not matter how those were made.

    >>> more_vectors(torch.tensor([[2.0], [4.0]]), np.array([[1.0], [2.0], [3.0]])).round(decimals=3).tolist()
    [[2.0], [4.0], [6.0]]
    """
    count = len(known)
    rows = np.column_stack([embedded, np.ones(len(embedded))]).astype(np.float64)
    way = np.linalg.lstsq(rows[:count], known.double().cpu().numpy(), rcond=1e-6)[0]
    return torch.cat([known, torch.from_numpy(rows[count:] @ way).to(known)])


@torch.no_grad()
def grown(fresh: nn.Module, fitted: nn.Module) -> nn.Module:
    """`fresh`, a network over more items, with all that `fitted` learned.

    A bias of a new node is the mean of its level's, its own vector zero; a suffix higher than any before shares the
    highest one's row.
    """
    before, state = fitted.state_dict(), fresh.state_dict()
    nodes = added_nodes(fitted.tree, fresh.tree)
    for name, value in state.items():
        was = before[name]
        if name in OF_NODES:
            value.copy_(_of_nodes(was, nodes, fresh.tree, mean=name == "head.bias"))
        elif value.shape == was.shape:
            value.copy_(was)
        elif name != "vectors":
            value.copy_(was[torch.arange(len(value)).clamp(max=len(was) - 1)])
    fresh.load_state_dict(state)
    return fresh


def _of_nodes(was: Tensor, nodes: Tensor, tree: DecodingTree, mean: bool) -> Tensor:
    """A row for every node of the larger tree: its row of before; for a new node zero, or its level's mean."""
    value = was[nodes.clamp(min=0)]
    for level in range(tree.depth + 1):
        there = slice(*tree.level_start[level : level + 2])
        new = nodes[there] < 0
        value[there][new] = value[there][~new].mean(0) if mean else 0.0
    return value
