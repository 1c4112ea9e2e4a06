"""The lexical start: the words a small frozen encoder passes over, as a vector beside its pooled state.

Latent semantic analysis of the corpus: document d's weighted words x_d (tf-idf, unit length) are projected on the
leading right singular vectors V of X, and V^T x_d (not rescaled: a document whose words fit the corpus's themes
badly stays short) is laid into directions in which the encoder's embeddings hardly vary, so that the sum

    start_d = pooled_d - B Bᵀ pooled_d + weight · B (Vᵀ x_d)

keeps both geometries apart: |start_a - start_b|² is the sum of the two squared distances. Codebooks are started by
k-means and h by this; training goes on from there. docs/results/defaults.md has what it is worth.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.utils.extmath import randomized_svd

from lmindexer.model.tokens import TokenisedDocuments, Vocabulary


@dataclass(frozen=True)
class LexicalStart:
    """word_weight [V] (idf, 0 for words left out), table [V, r] (singular vectors), basis [r, d] orthonormal rows."""

    word_weight: np.ndarray
    table: np.ndarray
    basis: np.ndarray
    weight: float

    @classmethod
    def fit(
        cls,
        documents: TokenisedDocuments,
        vocabulary: Vocabulary,
        pooled: np.ndarray,
        salience: np.ndarray,
        rank: int,
        weight: float,
    ) -> "LexicalStart | None":
        """None where the corpus has too few words in common for a decomposition."""
        kept = np.flatnonzero(salience)
        rank = min(rank, len(kept) - 1, len(documents) - 1, pooled.shape[1] // 4)
        if rank < 1 or weight == 0:
            return None
        matrix = _weighted_words(documents, vocabulary, salience)[:, kept]
        _, _, right = randomized_svd(matrix, rank, random_state=0)  # [r, kept]
        table = np.zeros((len(vocabulary), rank), np.float32)
        table[kept] = right.T.astype(np.float16)  # as it will be stored, so that a loaded model gives the same IDs
        return cls(salience.astype(np.float32), table, _quiet_directions(pooled, rank), weight)

    def add_to(self, pooled: np.ndarray, documents: TokenisedDocuments, vocabulary: Vocabulary) -> np.ndarray:
        """start [N, d] from unit pooled states [N, d]; words that were not in the fitted corpus say nothing."""
        themes = _weighted_words(documents, vocabulary, self.word_weight) @ self.table  # [N, r]
        quiet = pooled @ self.basis.T  # [N, r]
        return (pooled + (self.weight * themes - quiet) @ self.basis).astype(np.float32)


def _weighted_words(
    documents: TokenisedDocuments, vocabulary: Vocabulary, word_weight: np.ndarray
) -> sparse.csr_matrix:
    """(1 + log tf) · weight, each document's row scaled to length 1 (or 0 without a kept word): [N, V]."""
    words = vocabulary.words(documents.ids)
    shape = (len(documents), len(vocabulary))
    counts = sparse.coo_matrix((np.ones(len(words), np.float32), (documents.rows, words)), shape).tocsr()
    counts.data = (1 + np.log(counts.data)) * word_weight[counts.indices]
    length = np.sqrt(np.asarray(counts.multiply(counts).sum(1)).ravel())
    return sparse.diags(1 / np.where(length == 0, 1, length)) @ counts


def _quiet_directions(pooled: np.ndarray, rank: int) -> np.ndarray:
    """The `rank` principal directions in which the embeddings vary least, [rank, d]."""
    centred = pooled - pooled.mean(0)
    _, vectors = np.linalg.eigh(centred.T.astype(np.float64) @ centred)  # ascending eigenvalues
    return vectors[:, :rank].T[::-1].astype(np.float32).copy()  # the least quiet carries the leading theme
