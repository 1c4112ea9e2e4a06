"""`TextVectors`: documents and queries as vectors of one encoder, computed once and kept."""

import hashlib
import json
import os
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lmindexer.corpus.corpus import Corpus
from lmindexer.training.encoding import cache_folder
from lmindexer.two_step.embeddings import Embeddings, JoinedEmbeddings, load_embeddings, make_embeddings

KEPT_FROM = 64  # texts; a few are embedded faster than a file is found


class TextVectors:
    """Vectors of documents [N, d] and of any texts [Q, d], float32, from one source of embeddings.

    embeddings: what `make_embeddings` takes: "minilm", a sentence-transformers folder, "minilm+tfidf", …

    >>> vectors = TextVectors("minilm")
    >>> vectors.documents(corpus).shape                                                 # doctest: +SKIP
    (11044, 384)
    """

    def __init__(self, embeddings: str | dict | Embeddings = "minilm"):
        self.embeddings = embeddings if isinstance(embeddings, Embeddings) else make_embeddings(embeddings)
        self._corpus = ""
        self._last: tuple[list[str], np.ndarray] | None = None  # of few texts: a search asks for its query's twice

    @property
    def spec(self) -> dict:
        """The source, as settings keep it."""
        return self.embeddings.spec

    def documents(self, corpus: Corpus, *, progress: bool = False) -> np.ndarray:
        """Vectors of a corpus's documents; sources that learn from a corpus learn from this one."""
        self._corpus, self._last = corpus.fingerprint, None
        return self.embeddings.fit(corpus.documents(), None, corpus.doc_ids, progress=progress)

    def texts(self, texts: Sequence[str], *, progress: bool = False) -> np.ndarray:
        """Vectors of queries or new documents; those of many texts are kept in the cache folder."""
        texts = list(texts)
        if not texts:
            return self._embedded(["a"], False)[:0]
        if len(texts) < KEPT_FROM:
            if self._last is None or self._last[0] != texts:
                self._last = texts, self._embedded(texts, progress)
            return self._last[1].copy()
        if isinstance(self.embeddings, JoinedEmbeddings):  # each source keeps its own, whatever it is joined with
            return self.embeddings.side_by_side([part.texts(texts, progress=progress) for part in self._parts()])
        path = cache_folder() / "texts" / f"{self._key(texts)}.npy"
        try:
            found = np.load(path, allow_pickle=False)
            if len(found) == len(texts):
                return found
        except (OSError, ValueError, EOFError):
            pass  # not there, or cut short: made anew
        found = np.ascontiguousarray(self._embedded(texts, progress), dtype=np.float32)
        _keep(path, found)
        return found

    def _parts(self) -> "list[TextVectors]":
        parts = [TextVectors(source) for source in self.embeddings.sources]
        for part in parts:
            part._corpus = self._corpus
        return parts

    def _embedded(self, texts: list[str], progress: bool) -> np.ndarray:
        with warnings.catch_warnings():  # a query without a known word is no fault of a corpus
            warnings.filterwarnings("ignore", message=".*vector of zeros", category=UserWarning)
            return self.embeddings.embed(texts, progress=progress)

    def _key(self, texts: list[str]) -> str:
        learned = [self.spec, self.embeddings._state_of_files(), self._corpus]
        digest = hashlib.sha256(json.dumps(learned, sort_keys=True).encode())
        for text in texts:
            digest.update(f"{len(text)} {text}".encode())
        return digest.hexdigest()[:32]

    def not_understood(self, text: str) -> str:
        """The sentence for a query whose vector is zero, so that all documents are equally near; else empty."""
        if self.texts([text]).any():
            return ""
        return "No word of this query is known here, so the order of these documents means nothing; use other words."

    # ---- on disk -------------------------------------------------------------------------------------------------

    def save(self, folder: Path) -> None:
        self.embeddings.save(folder / "embeddings")

    @classmethod
    def load(cls, folder: Path, corpus: Corpus) -> "TextVectors":
        vectors = cls(load_embeddings(folder / "embeddings"))
        vectors._corpus = corpus.fingerprint
        return vectors


def _keep(path: Path, vectors: np.ndarray) -> None:
    aside = path.with_name(f".{path.stem}.{os.getpid()}.npy")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(aside, vectors, allow_pickle=False)
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)  # no place for a cache: go without
