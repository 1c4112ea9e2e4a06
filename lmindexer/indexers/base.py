"""What every indexer has in common: the four verbs fit, encode, save, load, and the bundle between them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality import evaluate_ids
from lmindexer.runs.bundle import Bundle, write_bundle
from lmindexer.training.encoding import texts_of

MODEL_FOLDER = "model"


@dataclass(frozen=True)
class Encoded:
    """What `encode(…, details=True)` gives for N documents.

    ids             SemanticIDs; documents known from the fit keep their stored ID
    probabilities   [N, T] P_s of the chosen code at each position
    states          [N, d] h^T
    new_collisions  how many new documents got a learned ID that another document had before them
    """

    ids: SemanticIDs
    probabilities: np.ndarray
    states: np.ndarray
    new_collisions: int


class Indexer(ABC):
    """Learns a semantic ID for every document of a corpus.

    Settings are given to the constructor; what `fit` learned ends in an underscore: `ids_` (SemanticIDs of the
    fitted corpus), `history_` (frame), `states_` ([N, d] float16), `corpus_` and `codebooks_` (a list of [K, d]).
    """

    method: str  # name in a bundle's manifest
    settings: dict

    def __init__(self):
        self.ids_: SemanticIDs | None = None
        self.corpus_: Corpus | None = None
        self.history_: pd.DataFrame | None = None
        self.states_: np.ndarray | None = None
        self.timings_: dict[str, float] = {}

    @abstractmethod
    def fit(
        self, corpus: Corpus, run: str | Path | None = None, *, progress: bool = True, resume: bool = True
    ) -> "Indexer":
        """Learn the IDs of a corpus; with `run`, checkpoints go there while it lasts and a bundle at the end."""

    @abstractmethod
    def _assign(self, texts: list[str], tails: list[str] | None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Codes [N, T], their probabilities [N, T] and states [N, d] of any texts."""

    @abstractmethod
    def _save_model(self, folder: Path) -> None:
        """Write what `_load_model` needs: safetensors, config.json, tokenizer files."""

    @classmethod
    @abstractmethod
    def _load_model(cls, folder: Path) -> "Indexer":
        """The indexer from a model folder, without the corpus."""

    # ---- encode ----------------------------------------------------------------------------------------------

    def encode(self, documents: "Corpus | Sequence[str]", *, details: bool = False) -> "SemanticIDs | Encoded":
        """Semantic IDs of documents: of the fitted corpus, or new ones.

        A document of the fitted corpus (same id) keeps its stored ID. A new one gets its learned codes, and a
        suffix that follows all documents that had the same codes before, so no existing ID ever changes. Plain
        texts are named "text-0", "text-1", ….

        >>> indexer.encode(["a ball for my little son"]).strings()  # doctest: +SKIP
        array(['<3><17><5>'], dtype='<U10')
        """
        self._check_fitted()
        corpus = _as_corpus(documents)
        codes, probabilities, states = self._assign(*self._texts(corpus))
        ids, collisions = self._with_stored(corpus.doc_ids, codes)
        return Encoded(ids, probabilities, states, collisions) if details else ids

    def _with_stored(self, doc_ids: np.ndarray, codes: np.ndarray) -> tuple[SemanticIDs, int]:
        if self.ids_ is None:
            return SemanticIDs.from_codes(doc_ids, codes, self.codebook_sizes), 0
        place = pd.Index(self.ids_.doc_ids).get_indexer(doc_ids)
        codes = codes.astype(np.int32, copy=True)
        codes[place >= 0] = self.ids_.codes[place[place >= 0]]
        return self.ids_.extend(doc_ids, codes)

    def _texts(self, corpus: Corpus) -> tuple[list[str], list[str] | None]:
        """Documents as the model reads them: texts, and with category_text the tails that must not be cut off."""
        return texts_of(corpus, bool(self.settings.get("category_text")))

    @property
    @abstractmethod
    def codebook_sizes(self) -> tuple[int, ...]:
        """K of each position."""

    # ---- save and load ---------------------------------------------------------------------------------------

    def save(self, folder: str | Path, *, map: bool = True, progress: bool = True) -> Bundle:
        """Write the run bundle (corpus, IDs, history, states, UMAP map, metrics, model) at `folder`."""
        self._check_fitted()
        if self.corpus_ is None:
            raise LMIndexerError(
                "This indexer was loaded without its corpus, so a run cannot be written; fit it, or use "
                "save_pretrained."
            )
        from lmindexer.indexers.maps import umap_map

        began = time.perf_counter()
        points = umap_map(self.states_, self.corpus_.doc_ids, progress=progress) if map else None
        timings = self.timings_ | ({"map": time.perf_counter() - began} if map else {})
        return write_bundle(
            folder,
            manifest={
                "method": self.method,
                "settings": self.settings,
                "seed": self.settings.get("seed"),
                "timings": timings,
                "corpus": {"category_text": bool(self.settings.get("category_text"))},
            },
            corpus=self.corpus_,
            ids=self.ids_,
            history=self.history_,
            states=self.states_,
            map=points,
            metrics=evaluate_ids(self.ids_, self.corpus_).to_dict(),
            save_model=self._save_model,
        )

    @classmethod
    def load(cls, folder: str | Path) -> "Indexer":
        """The indexer of a run bundle, with its corpus, IDs, history and states."""
        bundle = Bundle.open(folder)
        return cls.from_bundle(bundle)

    @classmethod
    def from_bundle(cls, bundle: Bundle) -> "Indexer":
        if bundle.method != cls.method:
            raise BundleError(
                f"{bundle.path} is a run of {bundle.method!r}, not of {cls.method!r}. Use lmindexer.load_indexer, "
                "which picks the class."
            )
        if bundle.model_folder is None:
            raise BundleError(f"{bundle.path} holds no model; it can be looked at, but not used on new documents.")
        indexer = cls._load_model(bundle.model_folder)
        indexer.corpus_, indexer.ids_ = bundle.corpus, bundle.ids
        indexer.history_, indexer.states_ = bundle.history, bundle.states
        return indexer

    def _check_fitted(self) -> None:
        if self.ids_ is None and not getattr(self, "loaded_", False):
            raise LMIndexerError(
                f"This {type(self).__name__} is not fitted yet; call fit(corpus) or load(folder) first."
            )


def _as_corpus(documents) -> Corpus:
    if isinstance(documents, Corpus):
        return documents
    if isinstance(documents, str):
        documents = [documents]
    records = [{"doc_id": f"text-{i}", "title": "", "text": text} for i, text in enumerate(documents)]
    return Corpus.from_records(records, name="texts")
