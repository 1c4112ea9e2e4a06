"""FirstRows: several rows for each first code of an ID.

A first code groups documents of several kinds, and one row cannot lie near all of them. With m rows a code the logit of
the first code v, for the state s, is

    log Σ_k exp(s · (r_v + W (m_vk - m_v) + o_vk) + b_vk)        k = 1 … m

with r_v the code's row as it would stand alone, m_v the mean text vector of the documents below v, m_vk that of their
k-th part (k-means), o_vk what is learned of the part, zero at first, and b_vk, at first the logarithm of the part's
share. Before training and with equal texts this is s · r_v.
"""

import numpy as np
import torch
from torch import Tensor, nn

from lmindexer.tasks.decoding.tree import DecodingTree

ITERATIONS = 10  # of k-means over the documents of one code


class FirstRows(nn.Module):
    """Up to `rows` rows for each node of the tree's first level.

    Fresh, every code has one part and all its documents in it; `divide` makes the parts.

    Parameters: `own` [n, m, d] (o_vk), `bias` [n, m] (b_vk). Kept beside them: `shift` [n, m, t] (m_vk - m_v) and
    `there` [n, m] (which parts there are).
    """

    def __init__(self, nodes: int, rows: int, dim: int, text_dims: int):
        super().__init__()
        self.rows = rows
        self.own, self.bias = nn.Parameter(torch.zeros(nodes, rows, dim)), nn.Parameter(torch.zeros(nodes, rows))
        self.register_buffer("shift", torch.zeros(nodes, rows, text_dims))
        self.register_buffer("there", torch.zeros(nodes, rows, dtype=torch.bool))
        self.there[:, 0] = True

    @torch.no_grad()
    def divide(self, tree: DecodingTree, vectors: Tensor, seed: int = 0) -> None:
        """Part the documents below each first code by their text vectors [N, t]; always the same for a seed."""
        ordered = vectors[tree.documents.long()].cpu().numpy().astype(np.float32)
        nodes = slice(*tree.level_start[1:3])
        bounds = zip(tree.first_leaf[nodes].tolist(), tree.last_leaf[nodes].tolist(), strict=True)
        for node, (first, last) in enumerate(bounds):
            below = ordered[first:last]
            part = parts_of(below, self.rows, seed)
            for k in range(part.max() + 1):
                mine = below[part == k]
                self.shift[node, k] = torch.from_numpy(mine.mean(0) - below.mean(0)).to(self.shift)
                self.bias[node, k] = float(np.log(len(mine) / len(below)))
                self.there[node, k] = True

    def logits(self, s: Tensor, rows: Tensor, text: nn.Linear) -> Tensor:
        """Of all first codes: states s [B, d] and the codes' rows r_v [n, d] -> [B, n]."""
        parts = rows[:, None] + text(self.shift) + self.own  # [n, m, d]
        bias = self.bias.masked_fill(~self.there, -torch.inf)
        each = s @ parts.flatten(0, 1).T + bias.flatten()  # [B, n · m]
        return each.view(len(s), *bias.shape).logsumexp(-1)


def parts_of(vectors: np.ndarray, rows: int, seed: int = 0) -> np.ndarray:
    """Which part each of n vectors [n, t] belongs to, numbered from 0 without gaps: [n]; at most `rows` parts.

    >>> parts_of(np.eye(3, dtype=np.float32), 8).tolist()
    [0, 1, 2]
    """
    import faiss

    if len(vectors) <= rows:
        return np.arange(len(vectors))
    means = faiss.Kmeans(vectors.shape[1], rows, niter=ITERATIONS, seed=seed + 1, min_points_per_centroid=1)
    means.train(np.ascontiguousarray(vectors))
    nearest = means.index.search(np.ascontiguousarray(vectors), 1)[1][:, 0]
    return np.unique(nearest, return_inverse=True)[1]
