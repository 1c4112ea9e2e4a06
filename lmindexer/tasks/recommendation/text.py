"""Text vectors of items: an embedding's main directions, each with variance 1."""

import numpy as np
import torch
from torch import Tensor

from lmindexer.common.errors import SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.two_step.embeddings import embed_corpus


def text_vectors(corpus: Corpus, embeddings: str = "minilm", dims: int = 128) -> Tensor:
    """[N, dims] whitened principal components of the documents' vectors; fewer where there are fewer.

    Raises SettingsError where all documents have one vector.
    """
    found = whiten(embed_corpus(corpus, embeddings, progress=False), dims)
    if not found.shape[1]:
        raise SettingsError(f"The texts of {corpus.name} all have the same vector by {embeddings!r}; give text=None.")
    return torch.from_numpy(found)


def whiten(vectors: np.ndarray, dims: int) -> np.ndarray:
    """The first `dims` principal components, scaled to variance 1; float32.

    Each direction's sign is chosen so that its largest weight is positive, that equal input give equal output.
    """
    centred = vectors.astype(np.float64) - vectors.mean(0)
    values, directions = np.linalg.eigh(centred.T @ centred / len(centred))
    best = np.argsort(-values)[: min(dims, int((values > 1e-9 * max(values.max(), 1e-9)).sum()))]
    directions = directions[:, best]
    directions *= np.sign(directions[np.abs(directions).argmax(0), np.arange(len(best))])
    return (centred @ directions / np.sqrt(values[best])).astype(np.float32)
