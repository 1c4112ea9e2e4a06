"""What every indexer has in common: the four verbs fit, encode, save, load, and the bundle between them."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.common.arguments import expect_path
from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.corpus.checks import warn_caller
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers.identity import as_corpus, changes_of, identify, settle_changes
from lmindexer.quality import evaluate_ids
from lmindexer.runs.bundle import Bundle, write_bundle
from lmindexer.training.encoding import texts_of

MODEL_FOLDER = "model"


@dataclass(frozen=True)
class Encoded:
    """What `encode(…, details=True)` gives for N documents.

    ids             SemanticIDs; documents known from the fit keep their stored ID
    probabilities   [N, T] P_s of each code in `ids`
    states          [N, d] h^T, float16 as a run keeps them, of an LMIndexer
    new_collisions  how many new documents got a learned ID that another document had before them
    changed         places (from 0) of the documents whose id is known from the fit with another text
    """

    ids: SemanticIDs
    probabilities: np.ndarray
    states: np.ndarray
    new_collisions: int
    changed: np.ndarray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


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
        self.numbered_in_: str | None = None  # what a model without its corpus knows of it

    @abstractmethod
    def fit(
        self, corpus: Corpus, run: str | Path | None = None, *, progress: bool = True, resume: bool = True
    ) -> "Indexer":
        """Learn the IDs of a corpus; with `run`, checkpoints go there while it lasts and a bundle at the end."""

    @abstractmethod
    def _assign(
        self, texts: list[str], tails: list[str] | None, *, states: bool = True
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray | None]:
        """Codes [N, T], their probabilities [N, T] and, where they are wanted, states [N, d] of any texts."""

    @abstractmethod
    def _save_model(self, folder: Path) -> None:
        """Write what `_load_model` needs: safetensors, config.json, tokenizer files."""

    @classmethod
    @abstractmethod
    def _load_model(cls, folder: Path) -> "Indexer":
        """The indexer from a model folder, without the corpus."""

    # ---- encode ----------------------------------------------------------------------------------------------

    def encode(
        self, documents: "Corpus | Sequence[str]", *, details: bool = False, on_change: str = "keep"
    ) -> "SemanticIDs | Encoded":
        """Semantic IDs of documents: of the fitted corpus, or new ones.

        A document of the fitted corpus (same id) keeps its stored ID. A new one gets its learned codes, and a
        suffix that follows all documents that had the same codes before, so no existing ID ever changes. Ids that
        number the rows of a source (id=None) name no document of another source. Plain texts are named "text-0",
        "text-1", ….

        on_change: a document of the fit that has another text now can "keep" its ID (with a warning; with details,
                   `changed` says which), get a "new" one by its text, or be an "error".

        Raises CorpusError for what is neither a Corpus nor texts, and for changed texts where these are an error.

        >>> indexer.encode(["a ball for my little son"]).strings()  # doctest: +SKIP
        array(['<3><17><5>'], dtype='<U10')
        """
        self._check_fitted()
        corpus = as_corpus(documents)
        found = identify(corpus, self.ids_, self.corpus_, self._numbered_in, bool(self.settings.get("category_text")))
        kept = settle_changes(corpus, found, on_change)
        codes, probabilities, states = self._assign(*self._texts(corpus), states=details)
        if self.ids_ is None:
            ids, collisions = SemanticIDs.from_codes(corpus.doc_ids, codes, self.codebook_sizes), 0
        else:
            stored = self.ids_.codes[found.known[kept]]
            others = kept[(codes[kept] != stored).any(axis=1)]  # the model would choose other codes for these
            codes = codes.astype(np.int32, copy=True)
            codes[kept] = stored
            if details and len(others):
                probabilities = np.array(probabilities)
                probabilities[others] = self._probabilities(codes[others], *self._texts(corpus.take(others)))
            ids, collisions = self.ids_.extend(corpus.doc_ids, codes, found.known)
        if details:
            return Encoded(ids, probabilities, states, collisions, found.changed)
        if len(found.changed) and on_change == "keep":
            said = changes_of(corpus, found.changed)
            warn_caller(f'{corpus.rows.source}: {said}. They keep their IDs; on_change="new" gives others.')
        return ids

    def _probabilities(self, codes: np.ndarray, *inputs) -> np.ndarray:
        """How probable given codes [n, T] of documents are, [n, T]; NaN for an indexer that cannot say."""
        return np.full(codes.shape, np.nan)

    @property
    def _numbered_in(self) -> str | None:
        """`Corpus.numbered_in` of the fitted corpus."""
        return self.corpus_.numbered_in if self.corpus_ is not None else self.numbered_in_

    def _texts(self, corpus: Corpus) -> tuple[list[str], list[str] | None]:
        """Documents as the model reads them: texts, and with category_text the tails that must not be cut off."""
        return texts_of(corpus, bool(self.settings.get("category_text")))

    def _one(self, document: "str | Corpus"):
        """What `_texts` gives, for a text or a corpus of one document."""
        if isinstance(document, str):
            return [document], None
        if not isinstance(document, Corpus) or len(document) != 1:
            raise LMIndexerError("Give one document: a text, or a corpus that holds one (corpus.take([row])).")
        return self._texts(document)

    @property
    @abstractmethod
    def codebook_sizes(self) -> tuple[int, ...]:
        """K of each position."""

    # ---- save and load ---------------------------------------------------------------------------------------

    def save(self, folder: str | Path, *, map: bool = True, progress: bool = True) -> Bundle:
        """Write the run bundle (corpus, IDs, history, states, UMAP map, metrics, model) at `folder`."""
        self._check_fitted()
        expect_path(folder)  # before the map, which takes long
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
