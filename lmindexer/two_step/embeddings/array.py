"""Vectors that were made elsewhere: a .npy file and the documents they belong to."""

from pathlib import Path

import numpy as np

from lmindexer.common.errors import LMIndexerError, SettingsError
from lmindexer.common.kinds import PATH, takes
from lmindexer.corpus.checks import nearest
from lmindexer.two_step.embeddings.base import Embeddings


class ArrayEmbeddings(Embeddings):
    """Rows of FILE.npy [M, d], named by FILE.ids.txt: one doc_id a line, in the rows' order.

    The file may hold more documents than the corpus and in another order; each document takes the row of its id.

    Raises SettingsError when a file is missing or the two do not fit, LMIndexerError when a document has no row.
    """

    kind = "array"
    fields = ("path",)
    cached = False

    reads_text = False

    @takes(path=PATH)
    def __init__(self, path: str | Path):
        self.path = str(path)
        self._rows = None  # (vectors, place of each id)

    @property
    def ids_path(self) -> Path:
        """Where the ids stand."""
        return Path(self.path).with_suffix(".ids.txt")

    def _embed(self, texts, tails, doc_ids, progress) -> np.ndarray:
        vectors, place = self._read()
        if doc_ids is None or len(doc_ids) != len(texts):
            raise LMIndexerError("Vectors from a file are known by doc_ids; give the documents' ids.")
        missing = [str(name) for name in doc_ids if str(name) not in place]
        if missing:
            near = nearest(missing[0], list(place)[:100_000])
            hint = f" Did you mean {near!r}?" if near else ""
            raise LMIndexerError(
                f"{self.path} has no vector for {len(missing)} documents, the first is {missing[0]!r}.{hint} Add their "
                "rows and ids, or use an embedding that reads text."
            )
        return np.asarray(vectors[[place[str(name)] for name in doc_ids]], dtype=np.float32)

    def _read(self):
        if self._rows is None:
            vectors = self._vectors()
            try:
                ids = self.ids_path.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise SettingsError(
                    f"{self.ids_path} cannot be read ({error}); write the doc_ids there, one a line, in the order of "
                    "the rows."
                ) from None
            place = {name: row for row, name in enumerate(ids)}
            if len(ids) != len(vectors) or len(place) != len(ids):
                raise SettingsError(
                    f"{self.ids_path} has {len(ids)} ids ({len(place)} different), {self.path} has {len(vectors)} "
                    "rows; give each row one id of its own."
                )
            self._rows = vectors, place
        return self._rows

    def _vectors(self) -> np.ndarray:
        try:
            vectors = np.load(self.path, mmap_mode="r", allow_pickle=False)
        except (OSError, ValueError, EOFError) as error:
            raise SettingsError(f"{self.path} is no array of numbers (.npy) that can be read: {error}.") from None
        if vectors.ndim != 2 or vectors.dtype.kind not in "fiu" or not np.isfinite(vectors).all():
            raise SettingsError(f"{self.path} must hold finite numbers of the shape [documents, d].")
        return vectors
