"""`ResidualKMeansIndexer`: k-means, then k-means of what is left, as often as the ID is long."""

import time

import numpy as np
import torch

from lmindexer.indexers.two_step import EmbeddingIndexer, begin_stage, record_codes
from lmindexer.training.clustering import kmeans_rows, nearest
from lmindexer.training.stages import check_size
from lmindexer.two_step.residual import ResidualCoder


class ResidualKMeansIndexer(EmbeddingIndexer):
    """A strong, plain control: r^1 = embedding, E^t = k-means centres of r^t, r^{t+1} = r^t - e^t_{c^t}.

    settings: any field of `lmindexer.settings.methods.ResidualKMeansSettings`; an unknown one is an error with the
              nearest name. On "minilm+tfidf" it is the honest control of the studies: both geometries, no training.

    `scorer` and the probabilities of `encode(…, details=True)` are softmax over negative squared distances
    (`lmindexer.two_step.residual.ResidualCoder`).

    >>> ResidualKMeansIndexer(positions=2, codebook_size=[64, 16]).codebook_sizes
    (64, 16)
    """

    method = "residual_kmeans"
    coder_: ResidualCoder | None

    @property
    def codebooks_(self) -> list[np.ndarray]:
        """The centres E^1 … E^T, each [K, d]."""
        self._check_fitted()
        return list(self.coder_.codebooks)

    def _learn(self, vectors, corpus, bars, history, folder, resume) -> None:
        settings, residual = self._settings, vectors.astype(np.float32, copy=True)
        check_size(len(vectors), max(self.codebook_sizes))
        books, codes = [], np.empty((len(vectors), 0), np.int32)
        for position, size in enumerate(self.codebook_sizes, start=1):
            began = time.perf_counter()
            begin_stage(bars, "codebook_init", position, position - 1, settings.positions, 1)
            book = kmeans_rows(residual, size, settings.seed, settings.restarts)
            chosen = nearest(residual, book)
            residual -= book[chosen]
            books.append(book)
            codes = np.column_stack([codes, chosen])
            error = float((residual**2).sum(1).mean())
            bars.step(0, error)
            seconds = time.perf_counter() - began
            measured = {"reconstruction": error, "loss": error, "seconds": seconds}
            history.append(record_codes(codes, position, "codebook_init", **measured))
            bars.record(history)
            bars.close_stage()
        self.coder_ = ResidualCoder.fit(books, vectors)

    def _tensors(self) -> dict[str, torch.Tensor]:
        books = {f"codebook.{t}": torch.from_numpy(book) for t, book in enumerate(self.coder_.codebooks)}
        return books | {"temperatures": torch.tensor(self.coder_.temperatures, dtype=torch.float64)}

    def _take(self, tensors, config) -> None:
        books = [tensors[f"codebook.{t}"].numpy() for t in range(self._settings.positions)]
        self.coder_ = ResidualCoder(books, tensors["temperatures"].tolist())
