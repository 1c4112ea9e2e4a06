"""`HierarchicalIndexer`: hierarchical clustering (recursive k-means); an ID is the path from the root to a leaf."""

import time

import numpy as np
import torch

from lmindexer.indexers.two_step import EmbeddingIndexer, begin_stage, record_codes
from lmindexer.two_step.tree import ClusterTree, grow_tree


class HierarchicalIndexer(EmbeddingIndexer):
    """The slides' "HC": k-means in every node of more than `leaf_size` documents, to `max_depth`.

    branching: children of a node (K); leaf_size, max_depth; embeddings; seed: see
               `lmindexer.settings.methods.HierarchicalSettings`. preset "slides": 50 children, leaves of 512.

    **Depth varies.** A document whose leaf lies above the deepest one has fewer codes: its row of `ids_.codes` ends in
    -1 ("no code here"), which is no code of any codebook. Diagnostics leave such documents out of the positions that
    they do not reach, the ID tree has an edge "the ID ends" there, and no other document can have such a document's ID
    as a proper prefix, for a node is a leaf for all of its documents or for none. The suffix tells documents of one
    leaf apart. T is the depth that was reached, at most `max_depth`.

    Codes are numbered anew under each parent: c^2 = 3 under c^1 = 0 has nothing to do with c^2 = 3 under c^1 = 1.

    `scorer` and the probabilities of `encode(…, details=True)` are softmax over negative squared distances to a node's
    children, in the unit of the level's mean margin; that an ID ends has probability 1.
    """

    method = "hierarchical"
    coder_: ClusterTree | None

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """`branching` for each position that some ID reaches."""
        return self._settings.codebook_sizes[: self.coder_.positions if self.coder_ else None]

    def _learn(self, vectors, corpus, bars, history, folder, resume) -> None:
        s, began = self._settings, time.perf_counter()
        begin_stage(bars, "codebook_init", 1, 0, 1, len(vectors))
        self.coder_ = grow_tree(
            vectors,
            s.branching,
            s.leaf_size,
            s.max_depth,
            seed=s.seed,
            restarts=s.restarts,
            on_split=lambda documents: bars.bar.update(documents),
        )
        codes, _ = self.coder_.code(vectors)
        share = (time.perf_counter() - began) / codes.shape[1]
        for position in range(1, codes.shape[1] + 1):
            reached = codes[codes[:, position - 1] >= 0]
            history.append(record_codes(reached, position, "codebook_init", seconds=share))
        bars.record(history)
        bars.close_stage()

    def _tensors(self) -> dict[str, torch.Tensor]:
        return {name: torch.from_numpy(np.asarray(value)) for name, value in vars(self.coder_).items()}

    def _take(self, tensors, config) -> None:
        self.coder_ = ClusterTree(**{name: value.numpy() for name, value in tensors.items()})
