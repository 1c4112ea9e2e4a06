"""Filter: which documents a query may get, asked of whole branches of the tree."""

from collections.abc import Sequence

import numpy as np
import torch

from lmindexer.common.errors import LMIndexerError
from lmindexer.tasks.decoding.tree import DecodingTree


class Filter:
    """Leaves out documents of each query, or allows only some; a branch lives while it has an allowed document.

    Every prefix that decoding keeps leads to an allowed document, so a beam of k paths gives k documents wherever k
    are allowed: results do not run out. Probabilities stay those of the unfiltered tree.

    exclude: for each query the documents (places) to leave out; repeated and unordered ones are fine.
    allow:   bool [N], for all queries, or [B, N], a line for each.

    A branch's answer is two prefix sums (allow) and two bisections (exclude), whatever its size.

    >>> tree = DecodingTree(IDTrie(np.array([[0, 0], [0, 1], [2, 0]])))                      # doctest: +SKIP
    >>> Filter(tree, exclude=[[2]]).alive(torch.tensor([1, 2]), torch.tensor([0, 0])).tolist()  # doctest: +SKIP
    [True, False]
    """

    def __init__(
        self, tree: DecodingTree, exclude: Sequence[Sequence[int]] | None = None, allow: torch.Tensor | None = None
    ):
        self.tree = tree
        documents = len(tree.documents)
        device = tree.documents.device
        allowed = None if allow is None else torch.atleast_2d(torch.as_tensor(allow, device=device))
        if allowed is not None and (allowed.dtype != torch.bool or allowed.shape[1] != documents):
            raise LMIndexerError(f"allow must be true or false for each of the {documents} documents.")
        self._allowed = None
        if allowed is not None:
            by_leaf = allowed[:, tree.documents.long()].int()
            self._allowed = torch.nn.functional.pad(by_leaf.cumsum(1, dtype=torch.int32), (1, 0))
        self._excluded = None if exclude is None else self._excluded_keys(exclude, allowed, device)

    def alive(self, nodes: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
        """[E] whether an allowed document of `query` [E] lies below each of `nodes` [E]."""
        return self._between(self.tree.first_leaf[nodes].long(), self.tree.last_leaf[nodes].long(), query) > 0

    def allows(self, place: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
        """[E] whether the document at each place of `tree.documents` is allowed to `query` [E]."""
        return self._between(place, place + 1, query) > 0

    def _between(self, first: torch.Tensor, last: torch.Tensor, query: torch.Tensor) -> torch.Tensor:
        """[E] the number of allowed documents at the places first … last - 1."""
        left = last - first
        if self._allowed is not None:
            line = query if len(self._allowed) > 1 else torch.zeros_like(query)
            left = (self._allowed[line, last] - self._allowed[line, first]).long()
        if self._excluded is not None:
            base = query * len(self.tree.documents)
            before = torch.searchsorted(self._excluded, torch.stack([base + first, base + last]))
            left = left - (before[1] - before[0])
        return left

    def _excluded_keys(self, exclude, allowed, device) -> torch.Tensor:
        """Ascending query · N + leaf place of what is left out; what is not allowed anyway does not count twice."""
        documents = len(self.tree.documents)
        place = np.empty(documents, dtype=np.int64)
        place[self.tree.documents.cpu().numpy()] = np.arange(documents)
        keys = []
        for query, some in enumerate(exclude):
            some = np.unique(np.asarray(some, dtype=np.int64))
            if len(some) and (some[0] < 0 or some[-1] >= documents):
                raise LMIndexerError(
                    f"exclude names document {some[some < 0][0] if some[0] < 0 else some[-1]}, but "
                    f"there are only the documents 0 to {documents - 1}."
                )
            if allowed is not None:
                line = allowed[query if len(allowed) > 1 else 0].cpu().numpy()
                some = some[line[some]]
            keys.append(query * documents + np.sort(place[some]))
        return torch.from_numpy(np.concatenate(keys) if keys else np.zeros(0, np.int64)).to(device)
