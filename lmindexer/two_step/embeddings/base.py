"""`Embeddings`: one vector a document; what is learned from a corpus and the vectors are kept in the cache."""

import hashlib
import json
import os
import shutil
import time
import uuid
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np
from safetensors import SafetensorError

from lmindexer.common.costs import note_cost, noted_cost
from lmindexer.common.errors import LMIndexerError
from lmindexer.common.jsonfiles import read_json, write_json
from lmindexer.common.kinds import TEXT, several, takes
from lmindexer.corpus.checks import warn_caller
from lmindexer.training.encoding import cache_folder

TEXTS = several(TEXT, remedy="Give strings, as corpus.documents() has them.")
VECTORS, CONFIG = "vectors.npy", "embeddings.json"


KINDS: dict[str, type["Embeddings"]] = {}  # kind → its class, as each is defined


class Embeddings(ABC):
    """A source of document vectors.

    `fit(texts)` learns what there is to learn from a corpus and gives its vectors [N, d] float32; `embed(texts)`
    gives those of further documents. `tails` are ends of documents (their category text) that a model with a
    limited length must not cut off; `doc_ids` are for sources that know documents by name.
    """

    kind: ClassVar[str]
    fields: ClassVar[tuple[str, ...]] = ()  # constructor arguments, which are attributes of the same names
    cached: ClassVar[bool] = True
    seconds_: float | None = None  # that making the fitted vectors took, also where a cache had them; None: unknown

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "kind" in vars(cls):
            KINDS[cls.kind] = cls

    @property
    def reads_text(self) -> bool:
        """Whether a text alone is enough to embed it."""
        return True

    @property
    def spec(self) -> dict:
        """What settings keep: the kind and every field, as JSON."""
        return {"kind": self.kind} | {name: getattr(self, name) for name in self.fields}

    def __repr__(self) -> str:
        given = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.fields)
        return f"{type(self).__name__}({given})"

    @takes(texts=TEXTS)
    def fit(
        self,
        texts: Sequence[str],
        tails: Sequence[str] | None = None,
        doc_ids: Sequence[str] | None = None,
        *,
        progress: bool = False,
    ) -> np.ndarray:
        """Vectors [N, d] float32 of a corpus.

        Kept under the cache folder (LMINDEXER_CACHE, or ~/.cache/lmindexer) with all that was learned, by the
        documents and the settings; a second call finds them there. A cache that cannot be written or read is done
        without.
        """
        texts, tails = list(texts), None if tails is None else list(tails)
        began = time.perf_counter()
        if not self.cached:
            found = self._fit(texts, tails, doc_ids, progress)
            self.seconds_ = self._cost(time.perf_counter() - began)
            return self._warned(found)
        folder = cache_folder() / "embeddings" / self._key(texts, tails)
        found = self._from_cache(folder, len(texts))
        if found is None:
            found = np.ascontiguousarray(self._fit(texts, tails, doc_ids, progress), dtype=np.float32)
            self.seconds_ = time.perf_counter() - began
            self._to_cache(folder, found)
        else:
            self.seconds_ = noted_cost(folder)
        return self._warned(found)

    def _cost(self, seconds: float) -> float | None:
        """What the vectors cost that this fit needed `seconds` for: those, unless a cache had parts of them."""
        return seconds

    @takes(texts=TEXTS)
    def embed(
        self,
        texts: Sequence[str],
        tails: Sequence[str] | None = None,
        doc_ids: Sequence[str] | None = None,
        *,
        progress: bool = False,
    ) -> np.ndarray:
        """Vectors [M, d] float32 of any documents, by what `fit` learned; nothing is cached."""
        return self._warned(self._embed(list(texts), None if tails is None else list(tails), doc_ids, progress))

    def _warned(self, vectors: np.ndarray) -> np.ndarray:
        """The vectors, after a warning where some are zero: nothing of such a document was read."""
        empty = np.flatnonzero(~np.any(vectors, axis=1)) if np.ndim(vectors) == 2 else ()
        if len(empty):
            first = ", ".join(map(str, empty[:5])) + (", …" if len(empty) > 5 else "")
            warn_caller(
                f"{len(empty):,} of {len(vectors):,} documents have a {self.kind} vector of zeros (counted from 0: "
                f"{first}), for none of their words is known from other documents. Beside a model that reads every "
                "text, as in minilm+tfidf, they are told apart."
            )
        return vectors

    def _fit(self, texts, tails, doc_ids, progress) -> np.ndarray:
        return self._embed(texts, tails, doc_ids, progress)

    @abstractmethod
    def _embed(self, texts, tails, doc_ids, progress) -> np.ndarray:
        """Vectors of documents."""

    # ---- on disk -------------------------------------------------------------------------------------------------

    def save(self, folder: str | Path) -> None:
        """Write the spec and what was learned into `folder`."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self._save(folder)
        write_json(folder / CONFIG, self.spec)

    def _save(self, folder: Path) -> None:  # noqa: B027 (most sources learn nothing)
        """Nothing, for a source that learns nothing."""

    def _load(self, folder: Path) -> None:  # noqa: B027
        """Take up what `_save` wrote."""

    # ---- the cache -----------------------------------------------------------------------------------------------

    def _key(self, texts: list[str], tails: list[str] | None) -> str:
        digest = hashlib.sha256(json.dumps([self.spec, self._state_of_files()], sort_keys=True).encode())
        for column in (texts, tails or []):
            parts = [value.encode() for value in column]
            digest.update(np.array([len(parts), *map(len, parts)], dtype="<i8").tobytes())
            digest.update(b"".join(parts))
        return digest.hexdigest()[:32]

    def _state_of_files(self) -> list:
        """What tells a model's folder from the same folder with other weights."""
        folder = Path(getattr(self, "model", ""))
        files = sorted(folder.rglob("*")) if getattr(self, "model", "") and folder.is_dir() else []
        return [[path.name, path.stat().st_size, path.stat().st_mtime_ns] for path in files if path.is_file()]

    def _from_cache(self, folder: Path, documents: int) -> np.ndarray | None:
        try:
            found = np.load(folder / VECTORS, allow_pickle=False)
            if found.ndim != 2 or len(found) != documents or read_json(folder / CONFIG) != self.spec:
                return None
            self._load(folder)
        except (OSError, ValueError, EOFError, LookupError, LMIndexerError, SafetensorError):
            return None
        return found

    def _to_cache(self, folder: Path, vectors: np.ndarray) -> None:
        staging = folder.with_name(f".{folder.name}.{os.getpid()}-{uuid.uuid4().hex[:8]}")
        try:
            self.save(staging)
            np.save(staging / VECTORS, vectors, allow_pickle=False)
            shutil.rmtree(folder, ignore_errors=True)  # damaged, or `_from_cache` would have used it
            os.rename(staging, folder)
            note_cost(folder, self.seconds_)
        except OSError:
            pass  # no place for a cache, or another process was first with the same numbers
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def unit_length(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to length 1; a row of zeros stays."""
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return (vectors / np.where(length == 0, 1, length)).astype(np.float32)
