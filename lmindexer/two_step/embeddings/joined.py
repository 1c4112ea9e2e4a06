"""Several embeddings side by side, each block at unit mean norm."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lmindexer.common.errors import LMIndexerError, SettingsError
from lmindexer.common.jsonfiles import read_json, write_json
from lmindexer.common.kinds import ANYTHING, NUMBER, several, taken
from lmindexer.two_step.embeddings.base import Embeddings
from lmindexer.two_step.embeddings.making import make_embeddings

SOURCES = several(ANYTHING, "a list of embeddings", "Give such as ['minilm', 'tfidf'].")
SCALES = several(NUMBER, "a list of numbers", "Give one for each source, as in [1, 0.3].")


class JoinedEmbeddings(Embeddings):
    """[s_a a / mean‖a‖ ; s_b b / mean‖b‖ ; …]: squared distances of the blocks add up, each by its scale's square.

    sources: two or more embeddings, or words or dicts for them.
    scales: s of each source, 1 unless given: none then outweighs the others. As a word: "minilm+0.3*tfidf".
    """

    kind = "joined"
    cached = False  # each source keeps its own

    def __init__(self, sources: Sequence, scales: Sequence[float] | None = None):
        self.sources = [make_embeddings(source) for source in taken("sources", SOURCES, sources)]
        if len(self.sources) < 2:
            raise SettingsError("Joined embeddings need two sources or more, as in embeddings='minilm+tfidf'.")
        scales = [1.0] * len(self.sources) if scales is None else taken("scales", SCALES, scales)
        self.scales = [float(scale) for scale in scales]
        if len(self.scales) != len(self.sources) or not all(0 < scale < float("inf") for scale in self.scales):
            raise SettingsError(f"scales is {scales!r}; give a number above 0 for each of {len(self.sources)} sources.")
        self._norms: list[float] | None = None

    @classmethod
    def of_word(cls, word: str) -> "JoinedEmbeddings":
        """From words joined by +, each with its scale before it where that is not 1: "minilm+0.3*tfidf"."""
        parts = [part.rpartition("*") for part in word.split("+")]
        try:
            scales = [float(scale) if star else 1.0 for scale, star, _ in parts]
        except ValueError:
            raise SettingsError(f"embeddings is {word!r}; a scale is a number, as in minilm+0.3*tfidf.") from None
        return cls([name.strip() for _, _, name in parts], scales)

    @property
    def spec(self) -> dict:
        found = {"kind": self.kind, "sources": [source.spec for source in self.sources]}
        return found if set(self.scales) == {1.0} else found | {"scales": self.scales}

    @property
    def reads_text(self) -> bool:
        """Whether a text alone is enough to embed it: not where one source is a file."""
        return all(source.reads_text for source in self.sources)

    def __repr__(self) -> str:
        scales = "" if set(self.scales) == {1.0} else f", scales={self.scales}"
        return f"JoinedEmbeddings({self.sources!r}{scales})"

    def _fit(self, texts, tails, doc_ids, progress) -> np.ndarray:
        blocks = [source.fit(texts, tails, doc_ids, progress=progress) for source in self.sources]
        self._norms = [float(np.linalg.norm(block, axis=1).mean()) or 1.0 for block in blocks]
        return self.side_by_side(blocks)

    def _cost(self, seconds: float) -> float | None:
        costs = [source.seconds_ for source in self.sources]
        return None if None in costs else sum(costs)

    def _embed(self, texts, tails, doc_ids, progress) -> np.ndarray:
        if self._norms is None:
            raise LMIndexerError("These embeddings are not fitted yet; call fit(texts) with the corpus first.")
        return self.side_by_side([source.embed(texts, tails, doc_ids, progress=progress) for source in self.sources])

    def side_by_side(self, blocks: list[np.ndarray]) -> np.ndarray:
        """Vectors of the sources [N, d_i] each, at the norms of the fit and their scales, as one [N, Σ d_i]."""
        norms = [np.float32(norm / scale) for norm, scale in zip(self._norms, self.scales, strict=True)]
        scaled = [block / norm for block, norm in zip(blocks, norms, strict=True)]
        return np.concatenate(scaled, axis=1).astype(np.float32)

    def _save(self, folder: Path) -> None:
        write_json(folder / "norms.json", self._norms)
        for place, source in enumerate(self.sources):
            source.save(folder / f"source_{place}")

    def _load(self, folder: Path) -> None:
        self._norms = read_json(folder / "norms.json")
        for place, source in enumerate(self.sources):
            source._load(folder / f"source_{place}")
