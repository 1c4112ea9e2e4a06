"""Several embeddings side by side, each block at unit mean norm."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from lmindexer.common.errors import LMIndexerError, SettingsError
from lmindexer.common.jsonfiles import read_json, write_json
from lmindexer.common.kinds import ANYTHING, several, taken
from lmindexer.two_step.embeddings.base import Embeddings
from lmindexer.two_step.embeddings.making import make_embeddings

SOURCES = several(ANYTHING, "a list of embeddings", "Give such as ['minilm', 'tfidf'].")


class JoinedEmbeddings(Embeddings):
    """[a / mean‖a‖ ; b / mean‖b‖ ; …]: squared distances of the blocks add up, none outweighs the others by its scale.

    sources: two or more embeddings, or words or dicts for them.
    """

    kind = "joined"
    cached = False  # each source keeps its own

    def __init__(self, sources: Sequence):
        self.sources = [make_embeddings(source) for source in taken("sources", SOURCES, sources)]
        if len(self.sources) < 2:
            raise SettingsError("Joined embeddings need two sources or more, as in embeddings='minilm+tfidf'.")
        self._norms: list[float] | None = None

    @property
    def spec(self) -> dict:
        return {"kind": self.kind, "sources": [source.spec for source in self.sources]}

    @property
    def reads_text(self) -> bool:
        """Whether a text alone is enough to embed it: not where one source is a file."""
        return all(source.reads_text for source in self.sources)

    def __repr__(self) -> str:
        return f"JoinedEmbeddings({self.sources!r})"

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
        """Vectors of the sources [N, d_i] each, at the norms of the fit, as one [N, Σ d_i]."""
        scaled = [block / np.float32(norm) for block, norm in zip(blocks, self._norms, strict=True)]
        return np.concatenate(scaled, axis=1).astype(np.float32)

    def _save(self, folder: Path) -> None:
        write_json(folder / "norms.json", self._norms)
        for place, source in enumerate(self.sources):
            source.save(folder / f"source_{place}")

    def _load(self, folder: Path) -> None:
        self._norms = read_json(folder / "norms.json")
        for place, source in enumerate(self.sources):
            source._load(folder / f"source_{place}")
