"""The controls: `RandomIndexer`, the floor, and `CategoryIndexer`, the ceiling."""

import hashlib

import numpy as np

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers.two_step import MethodIndexer


class RandomIndexer(MethodIndexer):
    """Uniform random codes: what any number about IDs is when they say nothing about the documents.

    A document's codes are drawn by its id and the seed, so they do not depend on its company, and a new document
    under an old id gets the old codes. There are no states, and so no map.

    >>> RandomIndexer(positions=2, codebook_size=8).codebook_sizes
    (8, 8)
    """

    method = "random"

    def _fit(self, corpus, bars, folder, resume) -> None:
        codes, _, _ = self._assign(corpus.doc_ids)
        self.ids_ = SemanticIDs.from_codes(corpus.doc_ids, codes, self.codebook_sizes)

    def _texts(self, corpus):
        return (corpus.doc_ids,)

    def _assign(self, doc_ids, *, states: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        sizes = np.array(self.codebook_sizes)
        codes = np.array([_draw(self._settings.seed, str(name), len(sizes)) for name in doc_ids], dtype=np.uint64)
        codes = (codes.reshape(len(doc_ids), len(sizes)) % sizes.astype(np.uint64)).astype(np.int32)
        return codes, np.broadcast_to(1 / sizes, codes.shape).copy(), np.zeros((len(doc_ids), 1), np.float32)


class CategoryIndexer(MethodIndexer):
    """IDs from the true categories: c^1 … c^t name the path's first t levels, so that c^1 … c^t agrees with level t in
    full (AMI 1). With another level a method may agree better: c^1 names level 1 only, and where the leaf is asked for,
    codes that divide level 1 come nearer to it (ATT&CK: 0.50, LMIndexer with 64 codes 0.63).

    positions: category levels that are used; None = all that the corpus has.

    A code is the category's place among its siblings in alphabetical order; a shorter path has a shorter ID (-1 at
    the end). Documents without a category share one code of their own at position 1, the last. A new document needs a
    category that the fitted corpus has. There are no states, no map, and no probabilities to look into.
    """

    method = "category"

    def __init__(self, preset: str = "default", **settings):
        super().__init__(preset, **settings)
        self.paths_: list[list[str]] = []  # every path and every part of one, [""] for none

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """The largest number of siblings at each level."""
        siblings: dict[int, dict[tuple, int]] = {}
        for path in self.paths_:
            level = siblings.setdefault(len(path), {})
            level[tuple(path[:-1])] = level.get(tuple(path[:-1]), 0) + 1
        return tuple(max(siblings[length].values()) for length in sorted(siblings))

    def _fit(self, corpus, bars, folder, resume) -> None:
        if not corpus.levels:
            raise SettingsError(
                "The corpus has no categories, so there are no IDs to make of them; use another method."
            )
        if (self._settings.positions or 1) > corpus.levels:
            raise SettingsError(
                f"positions is {self._settings.positions}, but the corpus has {corpus.levels} category levels."
            )
        paths = {tuple(path[:t]) for path in self._paths(corpus) for t in range(1, len(path) + 1)}
        self.paths_ = [list(path) for path in sorted(paths, key=_without_category_last)]
        codes, _, _ = self._assign(corpus)
        self.ids_ = SemanticIDs.from_codes(corpus.doc_ids, codes, self.codebook_sizes)

    def _paths(self, corpus) -> list[tuple[str, ...]]:
        levels = min(self._settings.positions or corpus.levels, corpus.levels)
        rows = zip(*(corpus.frame[f"category_{level}"] for level in range(1, levels + 1)), strict=True)
        return [tuple(label for label in row if label is not None) or ("",) for row in rows]

    def _texts(self, corpus):
        return (corpus,)

    def _assign(self, corpus, *, states: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        code, siblings = {}, {}
        for path in map(tuple, self.paths_):
            code[path] = siblings[path[:-1]] = siblings.get(path[:-1], -1) + 1
        depth = max(map(len, self.paths_))
        codes = np.full((len(corpus), depth), -1, np.int32)
        paths = self._paths(corpus) if corpus.levels else [("",)] * len(corpus)
        for row, path in enumerate(paths):
            for t in range(1, len(path) + 1):
                if path[:t] not in code:
                    named = " > ".join(path[:t])
                    what = f"the category {named!r}, which the fitted corpus does not have" if named else "no category"
                    raise CorpusError(
                        f"Document {str(corpus.doc_ids[row])!r} has {what}, so it has no ID by category; leave it out."
                    )
                codes[row, t - 1] = code[path[:t]]
        return codes, np.ones(codes.shape), np.zeros((len(codes), 1), np.float32)

    def _config(self) -> dict:
        return {"paths": self.paths_}

    def _take(self, tensors, config) -> None:
        self.paths_ = [[str(label) for label in path] for path in config["paths"]]


def _draw(seed: int, name: str, positions: int) -> list[int]:
    """One 64-bit number for each position; the remainder by K is uniform to K / 2^64."""
    drawn = hashlib.shake_256(f"{seed}\0{name}".encode()).digest(8 * positions)
    return np.frombuffer(drawn, dtype="<u8").tolist()


def _without_category_last(path: tuple[str, ...]) -> tuple:
    return path == ("",), path
