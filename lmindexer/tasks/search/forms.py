"""The forms of a generative retriever's output, behind one face: shared rows, rows made from codes, rows of the node.

A form is a module with a learned map on the query's vector, a tree, and

    states(vectors [B, d]) -> [B, d]          the query after the map
    scorer(states) -> Scorer                  what `tasks.decoding` asks
    loss(vectors, documents, own) -> scalar   own: which training query each is, -1 for none (`asked`)
"""

import numpy as np
import torch
from torch import Tensor, nn

from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.tasks.decoding import DecodingTree, TreeModule
from lmindexer.tasks.generative import PathHead, PathScorer
from lmindexer.tasks.search.asked import Asked
from lmindexer.tasks.search.prefix_rows import PrefixHead, PrefixRowsScorer
from lmindexer.tasks.search.query_map import QueryMap
from lmindexer.tasks.search.summaries import SummaryHead, SummaryScorer


class SharedRows(TreeModule):
    """The slides' form: one row a code, the same after every prefix; a small depth decoder knows the prefix.

    The tree ends with the last code: documents with equal codes have equal scores, whatever the query.

    codebooks: rows to start from, [K_t, d] each, or None for small random ones.
    """

    ties = True

    def __init__(
        self, ids: SemanticIDs, width: int, codebooks: list[np.ndarray] | None = None, normalise: str = "tree"
    ):
        super().__init__()
        self.tree = DecodingTree.from_ids(ids, suffix=False)
        self.map = QueryMap(width)
        self.head = PathHead(self.tree, width, output="codes", normalise=normalise, dropout=0.1)
        if codebooks is not None:
            for rows, book in zip(self.head.rows, codebooks, strict=True):
                used = min(len(rows) - 1, len(book))
                rows.data[1 : 1 + used] = torch.as_tensor(np.asarray(book[:used]), dtype=torch.float32)

    def states(self, vectors: Tensor) -> Tensor:
        return self.map(vectors)

    def scorer(self, states: Tensor) -> PathScorer:
        return PathScorer(self.head, states)

    def loss(self, vectors: Tensor, documents: Tensor, own: Tensor | None = None) -> Tensor:
        return self.head.loss(self.states(vectors), documents).sum()

    def bytes_of_rows(self) -> int:
        """Bytes of everything that grows with codes or documents."""
        return sum(4 * rows.numel() for rows in self.head.rows) + self.tree.nbytes


class PrefixRows(nn.Module):
    """Rows that depend on the prefix, made from codes alone (`prefix_rows.PrefixHead`).

    The tree ends with the last code: documents with equal codes have equal scores.
    """

    ties = True

    def __init__(
        self,
        ids: SemanticIDs,
        width: int,
        rank: int = 256,
        codebooks: list[np.ndarray] | None = None,
        documents: np.ndarray | None = None,
    ):
        super().__init__()
        self.map, tree = QueryMap(width), DecodingTree.from_ids(ids, suffix=False)
        self.head = PrefixHead(tree, ids.codebook_sizes, width, rank, codebooks, documents)

    @property
    def tree(self) -> DecodingTree:
        return self.head.tree

    def states(self, vectors: Tensor) -> Tensor:
        return self.map(vectors)

    def scorer(self, states: Tensor) -> PrefixRowsScorer:
        return self.head.scorer(states)

    def loss(self, vectors: Tensor, documents: Tensor, own: Tensor | None = None) -> Tensor:
        return self.head.loss(self.states(vectors), documents)

    def bytes_of_rows(self) -> int:
        """Bytes of everything that a search needs."""
        return self.head.nbytes


class NodeRows(nn.Module):
    """Rows that depend on the prefix: every node of the ID tree has up to `rows` vectors (`summaries.SummaryHead`).

    The last level is the document itself, so nothing ties.
    """

    ties = False

    def __init__(
        self,
        ids: SemanticIDs,
        documents: np.ndarray,
        rows: int = 4,
        seed: int = 0,
        learn: bool = False,
        asked: Asked | None = None,
    ):
        super().__init__()
        self.map = QueryMap(documents.shape[1])
        self.head = SummaryHead.of(DecodingTree.from_ids(ids), documents, rows, seed, learn, asked)

    @classmethod
    def around(cls, head: SummaryHead) -> "NodeRows":
        """With a head that is there already."""
        form = cls.__new__(cls)
        nn.Module.__init__(form)
        form.map, form.head = QueryMap(head.documents.shape[1]), head
        return form

    @property
    def tree(self) -> DecodingTree:
        return self.head.tree

    def states(self, vectors: Tensor) -> Tensor:
        return self.map(vectors)

    def scorer(self, states: Tensor) -> SummaryScorer:
        return self.head.scorer(states)

    def loss(self, vectors: Tensor, documents: Tensor, own: Tensor | None = None) -> Tensor:
        return self.head.loss(self.states(vectors), documents, own)

    def bytes_of_rows(self) -> int:
        """Bytes of everything that grows with codes or documents."""
        return self.head.nbytes
