"""Documents by the n-grams that were generated for them: SEAL's weights and its intersective rule.

    w(n, q) = max(0, log  P(n | q) (1 − P(n)) / (P(n) (1 − P(n | q))))       P(n) = count of n / tokens of the corpus
    score(d) = Σ_{n ∈ K(d)} w(n, q)^α · cover(n, K(d))
    cover(n, K) = 1 − β + β · |tokens of n that no heavier n-gram of K has| / |tokens of n|

K(d) are the generated n-grams that stand in d, each at least once where no heavier one lies (Bevilacqua et al., 2022,
"Autoregressive search engines"; α = 2, β = .8 are theirs).
"""

import numpy as np

from lmindexer.tasks.search.seal.index import NGramIndex

ALPHA, BETA = 2.0, 0.8


def weights(log_p: np.ndarray, counts: np.ndarray, size: int) -> np.ndarray:
    """w(n, q) of n-grams from log P(n | q), their counts in the corpus and its number of tokens.

    >>> weights(np.log([0.5, 0.001]), np.array([1, 50]), 100).round(2).tolist()
    [4.6, 0.0]
    """
    conditional = np.clip(np.exp(log_p), 1e-12, 1 - 1e-6)
    prior = np.clip(counts / size, 1e-12, 1 - 1e-6)
    return np.maximum(0.0, np.log(conditional) - np.log1p(-conditional) - np.log(prior) + np.log1p(-prior))


def rank_by_ngrams(
    index: NGramIndex, ngrams: list[tuple[int, ...]], log_p: np.ndarray, alpha: float = ALPHA, beta: float = BETA
) -> np.ndarray:
    """Scores of all documents for one query's generated n-grams: [N]; -inf where a document holds none."""
    runs = [index.find(ngram) for ngram in ngrams]
    weight = weights(np.asarray(log_p), np.array([high - low for low, high, _ in runs]), index.size)
    documents = len(index.starts) - 1
    bit = {token: place for place, token in enumerate(sorted({token for ngram in ngrams for token in ngram}))}
    covered = np.zeros((documents, len(bit) // 64 + 1), np.uint64)  # tokens of heavier n-grams, a bit each
    taken = np.zeros(len(index.tokens), bool)
    scores, held = np.zeros(documents), np.zeros(documents, bool)
    for place in np.argsort(-weight, kind="stable"):
        if weight[place] <= 0:
            break
        ngram, mask = ngrams[place], _mask(ngrams[place], bit, covered.shape[1])
        found, free = _free_places(index, runs[place], taken)
        if not len(found):
            continue
        new = np.bitwise_count(mask & ~covered[found]).sum(1)
        cover = 1 - beta + beta * new / len(set(ngram))
        scores[found] += weight[place] ** alpha * cover
        covered[found] |= mask
        held[found] = True
        taken[(free[:, None] + np.arange(len(ngram))).ravel()] = True
    return np.where(held, scores, -np.inf)


def _mask(ngram, bit: dict[int, int], words: int) -> np.ndarray:
    mask = np.zeros(words, np.uint64)
    for token in set(ngram):
        mask[bit[token] // 64] |= np.uint64(1) << np.uint64(bit[token] % 64)
    return mask


def _free_places(index: NGramIndex, run, taken: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(documents with an occurrence that overlaps no heavier n-gram, each once; the places of those occurrences)."""
    places, documents = index.occurrences(run)
    free = ~taken[places[:, None] + np.arange(run[2])].any(1)
    return np.unique(documents[free]), places[free]
