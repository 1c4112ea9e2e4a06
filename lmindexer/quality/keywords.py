"""Key words of ID prefixes by class-based TF-IDF: the words that set a prefix's documents apart."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

from lmindexer.corpus.corpus import Corpus, expect_corpus
from lmindexer.corpus.words import key_words_of
from lmindexer.ids.grouping import rank_within_groups
from lmindexer.ids.semantic_ids import SemanticIDs, expect_ids

Keywords = dict[tuple[int, ...], list[tuple[str, float]]]


@dataclass(frozen=True, eq=False)
class PrefixKeywords:
    """The corpus's words, counted once, for the key words of any IDs at any prefix length.

    For the documents under prefix p taken as one text, word w has the weight

        W(w, p) = tf(w, p) · ln(1 + A / f(w))

    with tf = count of w in p / count of all words in p, f(w) = count of w over all prefixes and A = mean
    number of words in a prefix (Grootendorst 2022, arXiv 2203.05794, eq. 3). `corpus.words.key_words_of` says what
    a word is, in any script; HTML and English stop words are left out.

    Attributes:
        corpus: whose documents (title and text, without categories) were counted.
        words: [V] str.
        counts: [N, V] sparse matrix.
    """

    corpus: Corpus
    words: np.ndarray
    counts: sparse.csr_matrix

    @classmethod
    def from_corpus(cls, corpus: Corpus) -> "PrefixKeywords":
        """Count the words of every document."""
        expect_corpus(corpus)
        vectorizer = CountVectorizer(stop_words="english", tokenizer=key_words_of, token_pattern=None, dtype=np.int32)
        try:
            counts = vectorizer.fit_transform(corpus.documents())
        except ValueError:  # scikit-learn's answer to a corpus without a single word that is no stop word
            return cls(corpus, np.zeros(0, dtype=str), sparse.csr_matrix((len(corpus), 0), dtype=np.int32))
        return cls(corpus, vectorizer.get_feature_names_out().astype(str), sparse.csr_matrix(counts))

    def of(self, ids: SemanticIDs, length: int, top: int = 6) -> Keywords:
        """Key words of every prefix of `length` codes.

        Args:
            ids: of documents in the corpus (in any order; a part of it is fine).
            length: 1 … T.
            top: at most so many words a prefix.

        Returns:
            {prefix: [(word, weight), …]}, the heaviest first and equal weights by the alphabet; a prefix
            whose documents hold no countable word has an empty list.
        """
        expect_ids(ids)
        prefixes, index, sizes = ids.prefix_groups(length)
        members = sparse.csr_matrix(
            (np.ones(len(ids), dtype=np.int64), (index, ids.rows_in(self.corpus))),
            shape=(len(sizes), len(self.corpus)),
        )
        counts = sparse.coo_matrix(members @ self.counts)
        weights = self._weights(counts)
        order = np.lexsort((counts.col, -weights, counts.row))  # words ascend with their column numbers
        order = order[rank_within_groups(counts.row[order]) < top]
        found: Keywords = {tuple(prefix): [] for prefix in prefixes.tolist()}
        lists = list(found.values())
        chosen = zip(counts.row[order].tolist(), self.words[counts.col[order]].tolist(), weights[order], strict=True)
        for row, word, weight in chosen:
            lists[row].append((word, float(weight)))
        return found

    def _weights(self, counts: sparse.coo_matrix) -> np.ndarray:
        in_prefix = np.bincount(counts.row, weights=counts.data, minlength=counts.shape[0])
        in_corpus = np.bincount(counts.col, weights=counts.data, minlength=counts.shape[1])
        mean = in_prefix.sum() / max(len(in_prefix), 1)
        return counts.data / in_prefix[counts.row] * np.log1p(mean / in_corpus[counts.col])


def prefix_keywords(ids: SemanticIDs, corpus: Corpus, length: int, top: int = 6) -> Keywords:
    """Key words of every prefix of `length` codes; `PrefixKeywords` counts once for several lengths.

    >>> from lmindexer.corpus.corpus import Corpus
    >>> texts = {"1": "a jig saw", "2": "the band saw", "3": "mallet"}
    >>> corpus = Corpus.from_records([{"doc_id": name, "text": text} for name, text in texts.items()])
    >>> ids = SemanticIDs.from_codes(["1", "2", "3"], [[0], [0], [1]], (2,))
    >>> found = prefix_keywords(ids, corpus, length=1, top=1)
    >>> found[(0,)][0][0], found[(1,)][0][0]
    ('saw', 'mallet')
    """
    return PrefixKeywords.from_corpus(corpus).of(ids, length, top)
