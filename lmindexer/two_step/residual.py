"""Codes by residual quantisation: each position codes what the earlier ones have left over."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import log_softmax

from lmindexer.training.clustering import distances, margin


@dataclass(frozen=True, eq=False)
class ResidualCoder:
    """Codebooks E^1 … E^T, each [K_t, d], and a temperature for each.

    c^t = argmin_k ‖r^t - e^t_k‖² with r^1 = x and r^{t+1} = r^t - e^t_{c^t}. As probability of a code,

        P(c^t = k | x, c^{<t}) = softmax_k(-‖r^t - e^t_k‖² / τ_t),   τ_t the corpus's mean margin (`clustering.margin`),

    is reported: no model has learned it; it says how near the other codes were. The most probable code is the chosen
    one.
    """

    codebooks: Sequence[np.ndarray]
    temperatures: Sequence[float]

    @classmethod
    def fit(cls, codebooks: Sequence[np.ndarray], rows: np.ndarray) -> "ResidualCoder":
        """Measure the temperatures on rows [N, d] of the corpus."""
        temperatures, residual = [], np.array(rows, dtype=np.float64)
        for book in codebooks:
            temperatures.append(margin(residual, book))
            residual = residual - book[_nearest_and_probability(residual, book, 1.0)[0]]
        return cls(list(codebooks), temperatures)

    def code(self, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Codes [N, T] int32 and their probabilities [N, T] of rows [N, d]."""
        residual = np.array(rows, dtype=np.float64)
        codes, probabilities = [], []
        for book, temperature in zip(self.codebooks, self.temperatures, strict=True):
            chosen, probability = _nearest_and_probability(residual, book, temperature)
            codes.append(chosen)
            probabilities.append(probability)
            residual = residual - book[chosen]
        return np.stack(codes, 1), np.stack(probabilities, 1)

    def log_probabilities(self, row: np.ndarray, prefixes: np.ndarray) -> np.ndarray:
        """log P(c^{t+1} | row, prefix) for prefixes [B, t] of codes: [B, K_{t+1}]."""
        residual = np.repeat(np.asarray(row, dtype=np.float64)[None], len(prefixes), axis=0)  # [B, d]
        length = prefixes.shape[1]
        for t in range(length):
            residual = residual - self.codebooks[t][prefixes[:, t]]
        squared = [part for _, part in distances(residual, self.codebooks[length])]
        return log_softmax(-np.concatenate(squared) / self.temperatures[length], axis=1)


class RowScorer:
    """What decoding asks of a model (`tasks.decoding.PrefixScorer`), for one document's vector."""

    def __init__(self, coder, row: np.ndarray):
        self.coder, self.row = coder, row

    def log_probabilities(self, prefixes: np.ndarray) -> np.ndarray:
        """prefixes [B, t] codes, 0 ≤ t < T -> [B, K] log-probabilities of the next code."""
        return self.coder.log_probabilities(self.row, np.asarray(prefixes, dtype=np.int64))


def _nearest_and_probability(rows, centres, temperature) -> tuple[np.ndarray, np.ndarray]:
    chosen, probability = np.empty(len(rows), np.int32), np.empty(len(rows))
    for some, squared in distances(rows, centres):
        best = squared.argmin(1)
        chosen[some] = best
        probability[some] = np.exp(log_softmax(-squared / temperature, axis=1))[np.arange(len(best)), best]
    return chosen, probability
