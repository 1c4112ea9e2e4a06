"""NGramIndex: every n-gram of a corpus and where it stands, by a suffix array over token ids.

All documents lie one after the other, a separator behind each. The suffix array holds the places of this text in the
order of what follows them, so the occurrences of an n-gram are one run of it. Places are put in order by prefix
doubling over the first `longest` tokens: n-grams are no longer, so the order beyond does not matter.
"""

from collections.abc import Sequence

import numpy as np

from lmindexer.common.errors import SettingsError


class NGramIndex:
    """Counts, places and continuations of n-grams of up to `longest` tokens.

    Attributes: `tokens` [n] int32 (separators are -1), `places` [n] int32 or int64 (the suffix array), `starts` [N + 1]
    where documents begin.

    >>> index = NGramIndex([[5, 7, 5, 7], [7, 5]], longest=3)
    >>> index.count([5, 7]), index.documents([7, 5]).tolist(), index.next_tokens(index.find([7]))[0].tolist()
    (2, [0, 1], [5])
    """

    def __init__(self, documents: Sequence[Sequence[int]], longest: int = 10):
        if longest < 1:
            raise SettingsError(f"longest is {longest}; n-grams have one token or more.")
        self.longest = int(longest)
        lengths = np.array([len(document) for document in documents], dtype=np.int64)
        self.starts = np.concatenate([[0], np.cumsum(lengths + 1)])
        self.tokens = np.full(self.starts[-1], -1, np.int32)
        whole = np.concatenate([np.asarray(document, np.int32) for document in documents]) if len(lengths) else []
        inside = np.ones(len(self.tokens), bool)
        inside[self.starts[1:] - 1] = False
        self.tokens[inside] = whole
        self.places = suffix_array(self.tokens, self.longest)
        first = self.tokens[self.places]
        self.vocabulary, begins = np.unique(first, return_index=True)
        self._bounds = np.append(begins, len(first))

    @property
    def nbytes(self) -> int:
        """Bytes of text and suffix array."""
        return self.tokens.nbytes + self.places.nbytes + self.starts.nbytes

    @property
    def size(self) -> int:
        """Number of tokens, separators left out."""
        return len(self.tokens) - (len(self.starts) - 1)

    def find(self, ngram: Sequence[int]) -> tuple[int, int, int]:
        """(first, behind the last, length): the n-gram's run in the suffix array; an empty run where it is nowhere."""
        run = (0, len(self.places), 0)
        for token in ngram:
            run = self.extend(run, int(token))
        return run

    def extend(self, run: tuple[int, int, int], token: int) -> tuple[int, int, int]:
        """The run of the n-gram with one more token at its end."""
        low, high, length = run
        if token < 0 or length >= self.longest:
            return low, low, length + 1
        if length == 0:
            at = int(np.searchsorted(self.vocabulary, token))
            if at == len(self.vocabulary) or self.vocabulary[at] != token:
                return 0, 0, 1
            return int(self._bounds[at]), int(self._bounds[at + 1]), 1
        return self._bisect(low, high, length, token), self._bisect(low, high, length, token + 1), length + 1

    def next_tokens(self, run: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
        """(tokens, ascending; how often each follows the n-gram); the end of a document is no token."""
        low, high, length = run
        if length >= self.longest or low >= high:
            return np.zeros(0, np.int32), np.zeros(0, np.int64)
        if length == 0:
            counts = np.diff(self._bounds)
            real = self.vocabulary >= 0
            return self.vocabulary[real], counts[real]
        following = self.tokens[np.minimum(self.places[low:high] + length, len(self.tokens) - 1)]
        begins = np.flatnonzero(np.diff(following, prepend=np.int32(-2)))
        counts = np.diff(np.append(begins, len(following)))
        found = following[begins]
        return found[found >= 0], counts[found >= 0]

    def count(self, ngram: Sequence[int]) -> int:
        """How often the n-gram stands in the corpus."""
        low, high, _ = self.find(ngram)
        return high - low

    def occurrences(self, run: tuple[int, int, int]) -> tuple[np.ndarray, np.ndarray]:
        """(places in the text, documents) of all occurrences of a run."""
        places = self.places[run[0] : run[1]].astype(np.int64)
        return places, np.searchsorted(self.starts, places, side="right") - 1

    def documents(self, ngram: Sequence[int]) -> np.ndarray:
        """The documents that hold the n-gram, ascending."""
        return np.unique(self.occurrences(self.find(ngram))[1])

    def _bisect(self, low: int, high: int, length: int, token: int) -> int:
        """The first place of a run whose token after `length` tokens is `token` or above."""
        while low < high:
            middle = (low + high) // 2
            if self.tokens[self.places[middle] + length] < token:
                low = middle + 1
            else:
                high = middle
        return low


def suffix_array(tokens: np.ndarray, longest: int) -> np.ndarray:
    """Places of `tokens` [n] in the order of the `longest` tokens that begin there (a separator, -1, ends them).

    Prefix doubling: ranks by one token, then by two, four, …; two sorts of int64 a round at most.

    >>> suffix_array(np.array([2, 1, 2, -1]), 3).tolist()
    [3, 1, 2, 0]
    """
    n = len(tokens)
    ranks = np.unique(tokens, return_inverse=True)[1].astype(np.int64)
    covered = 1
    while covered < longest and n and ranks.max() < n - 1:
        behind = np.zeros(n, np.int64)  # what has no continuation comes first
        behind[: max(0, n - covered)] = ranks[covered:] + 1
        behind[tokens < 0] = 0  # nothing behind a separator counts
        key = ranks * (n + 1) + behind
        order = np.argsort(key, kind="stable")
        new = np.empty(n, np.int64)
        new[order] = np.concatenate([[0], np.cumsum(np.diff(key[order]) != 0)])
        ranks, covered = new, covered * 2
    order = np.argsort(ranks, kind="stable")
    return order.astype(np.int32 if n < 2**31 else np.int64)
