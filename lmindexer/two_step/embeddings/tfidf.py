"""TF-IDF and its truncated SVD: what a corpus's own words say, without any language model."""

from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.utils.extmath import randomized_svd

from lmindexer.common.errors import LMIndexerError, TrainingError
from lmindexer.common.jsonfiles import read_json, write_json
from lmindexer.corpus.words import words_of
from lmindexer.two_step.embeddings.base import Embeddings

WORDS, TABLE = "words.json", "tfidf.safetensors"


class TfidfEmbeddings(Embeddings):
    """X V of unit-length TF-IDF rows X = U S Vᵀ (latent semantic analysis), with 1 + log tf and English stop words out.

    Rows are not rescaled: a document whose words fit the corpus's themes badly stays short. Documents that share no
    known word with the corpus are rows of zeros (a warning says how many). `corpus.words.words_of` says what a word is,
    in any script.

    rank:  leading singular vectors, at most one fewer than documents or words.
    words: the most frequent ones that are kept; those in one document alone are left out.

    Raises TrainingError for a corpus without two words.
    """

    kind = "tfidf"
    fields = ("rank", "words")

    def __init__(self, rank: int = 200, words: int = 50_000):
        self.rank, self.words = int(rank), int(words)
        self._vectorizer, self._table = None, None  # table [V, r]

    def _state_of_files(self) -> list:
        return [["words of any script", 2]]  # vectors kept from the time when marks cut words are not used again

    def _fit(self, texts, tails, doc_ids, progress) -> np.ndarray:
        least = 2 if len(texts) > 20 else 1
        try:
            matrix = _vectorizer(min_df=least, max_features=self.words).fit(_whole(texts, tails))
        except ValueError as error:
            raise TrainingError(
                "The documents have no words in common, so TF-IDF has nothing to work on; use another embedding."
            ) from error
        self._vectorizer = matrix
        rows = matrix.transform(_whole(texts, tails))  # [N, V]
        rank = min(self.rank, rows.shape[0] - 1, rows.shape[1] - 1)
        if rank < 1:
            raise TrainingError("TF-IDF needs at least two documents and two words; use another embedding.")
        _, _, right = randomized_svd(rows, rank, random_state=0)  # [r, V]
        self._table = right.T.astype(np.float16).astype(np.float32)  # as it is stored
        return np.asarray(rows @ self._table, dtype=np.float32)

    def _embed(self, texts, tails, doc_ids, progress) -> np.ndarray:
        if self._table is None:
            raise LMIndexerError("These embeddings are not fitted yet; call fit(texts) with the corpus first.")
        return np.asarray(self._vectorizer.transform(_whole(texts, tails)) @ self._table, dtype=np.float32)

    def _save(self, folder: Path) -> None:
        write_json(folder / WORDS, self._vectorizer.get_feature_names_out().tolist())
        tensors = {"idf": self._vectorizer.idf_.astype(np.float64), "table": self._table.astype(np.float16)}
        save_file(tensors, folder / TABLE)
        (folder / TABLE).chmod(0o644)

    def _load(self, folder: Path) -> None:
        tensors = load_file(folder / TABLE)
        words = read_json(folder / WORDS)
        self._vectorizer = _vectorizer(vocabulary={word: place for place, word in enumerate(words)})
        self._vectorizer.idf_ = tensors["idf"]
        self._table = tensors["table"].astype(np.float32)


def _vectorizer(**options) -> TfidfVectorizer:
    return TfidfVectorizer(sublinear_tf=True, stop_words="english", tokenizer=words_of, token_pattern=None, **options)


def _whole(texts: list[str], tails: list[str] | None) -> list[str]:
    return texts if tails is None else [text + tail for text, tail in zip(texts, tails, strict=True)]
