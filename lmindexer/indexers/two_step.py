"""What the two-step indexers and the controls share: settings, the course of a fit, the model folder."""

import time
from abc import abstractmethod
from pathlib import Path

import numpy as np
import torch

from lmindexer.common.arguments import path_of
from lmindexer.common.errors import TrainingError
from lmindexer.common.progress import Progress, history_frame
from lmindexer.corpus.corpus import Corpus, expect_corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers.base import Indexer
from lmindexer.indexers.model_folder import read_model, taking_up, write_model
from lmindexer.quality.diagnostics import use_of_codes
from lmindexer.runs.bundle import CHECKPOINTS, check_target
from lmindexer.runs.lock import one_fit_in
from lmindexer.settings.methods import settings_of
from lmindexer.training.encoding import texts_of
from lmindexer.training.stages import Stage
from lmindexer.two_step.embeddings import Embeddings, load_embeddings, make_embeddings
from lmindexer.two_step.residual import RowScorer

EMBEDDINGS = "embeddings"


class MethodIndexer(Indexer):
    """An indexer whose settings stand in `lmindexer.settings.methods` under its method's name."""

    messages_ = ()  # what a fit has to say beside its bars

    def __init__(self, preset: str = "default", **settings):
        super().__init__()
        self._settings = settings_of(self.method, preset, **settings)
        self.settings = {"preset": preset} | self._settings.to_dict()

    @property
    def codebook_sizes(self) -> tuple[int, ...]:
        """K of each position."""
        return self._settings.codebook_sizes

    def fit(
        self, corpus: Corpus, run: str | Path | None = None, *, progress: bool | Progress = True, resume: bool = True
    ) -> "MethodIndexer":
        """Make the IDs of a corpus; with `run`, the bundle stands there at the end.

        progress: True shows bars, False nothing; a `Progress` of your own hears of every step.
        resume:   False throws an unfinished fit's checkpoint away, where a method keeps one.

        Raises SettingsError, TrainingError (a corpus smaller than a codebook), BundleError (`run` holds something
        that is not a run, or another fit is at work there).
        """
        expect_corpus(corpus)
        run = path_of(run)
        if run is not None:
            check_target(run)
        folder = None if run is None else run / CHECKPOINTS
        bars = progress if isinstance(progress, Progress) else Progress(folder, progress)
        if not len(corpus):
            raise TrainingError("The corpus has no documents; give one that has.")
        with one_fit_in(run):
            self._fit(corpus, bars, folder, resume)
            self.corpus_ = corpus
            if run is not None:
                self.save(run, map=self.states_ is not None, progress=progress is True)
        return self

    @abstractmethod
    def _fit(self, corpus: Corpus, bars: Progress, folder: Path | None, resume: bool) -> None:
        """Learn, and set ids_."""

    # ---- the model folder ----------------------------------------------------------------------------------------

    @property
    def _kind(self) -> str:
        return f"lmindexer-{self.method}"

    def _tensors(self) -> dict[str, torch.Tensor]:
        """What was learned, for model.safetensors."""
        return {"empty": torch.zeros(1)}

    def _take(self, tensors: dict[str, torch.Tensor], config: dict) -> None:
        """Take up what `_tensors` and `_config` gave."""

    def _config(self) -> dict:
        """What else was learned, for config.json."""
        return {}

    def _save_model(self, folder: Path) -> None:
        write_model(folder, self._kind, {"settings": self.settings} | self._config(), self._tensors())

    @classmethod
    def _load_model(cls, folder: Path) -> "MethodIndexer":
        config, tensors = read_model(folder, f"lmindexer-{cls.method}")
        with taking_up(folder):
            settings = dict(config["settings"])
            indexer = cls(settings.pop("preset"), **settings)
            indexer._take(tensors, config)
            indexer._load_rest(folder)
        indexer.loaded_ = True
        return indexer

    def _load_rest(self, folder: Path) -> None:
        """Read further files of a model folder."""


class EmbeddingIndexer(MethodIndexer):
    """A two-step indexer: each document is embedded once, then the vectors are coded.

    `embeddings_` is the source, `coder_` what codes a vector: it has `code` and `log_probabilities`.
    """

    def __init__(self, preset: str = "default", **settings):
        super().__init__(preset, **settings)
        given = settings.get("embeddings")
        self.embeddings_ = given if isinstance(given, Embeddings) else make_embeddings(self._settings.embeddings)
        self.coder_ = None

    @property
    def reads_text(self) -> bool:
        """Whether a text alone is enough to code it: not where vectors come from a file."""
        return self.embeddings_.reads_text

    def _fit(self, corpus: Corpus, bars: Progress, folder: Path | None, resume: bool) -> None:
        began = time.perf_counter()
        texts, tails = texts_of(corpus, self._settings.category_text)
        vectors = self.embeddings_.fit(texts, tails, corpus.doc_ids, progress=bars.show)
        self.timings_ = {"embeddings": time.perf_counter() - began}
        began, history = time.perf_counter(), []
        try:
            self._learn(vectors, corpus, bars, history, folder, resume)
        finally:
            bars.close()
        self.timings_["codes"] = time.perf_counter() - began
        codes, _, states = self._code(vectors)
        self.ids_ = SemanticIDs.from_codes(corpus.doc_ids, codes, self.codebook_sizes)
        self.states_ = states.astype(np.float16)
        self.history_ = history_frame(history) if history else None

    @abstractmethod
    def _learn(self, vectors, corpus, bars, history: list[dict], folder: Path | None, resume: bool) -> None:
        """Set `coder_` by vectors [N, d], and add to the history."""

    def _states(self, vectors: np.ndarray) -> np.ndarray:
        """What is coded: the vectors themselves, unless an indexer maps them first."""
        return vectors

    def _code(self, vectors: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        states = self._states(vectors)
        return *self.coder_.code(states), states

    def _texts(self, corpus: Corpus):
        return *texts_of(corpus, self._settings.category_text), corpus.doc_ids

    def _assign(self, texts, tails, doc_ids=None, *, states: bool = True) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        return self._code(self.embeddings_.embed(texts, tails, doc_ids))

    def _probabilities(self, codes, texts, tails, doc_ids=None) -> np.ndarray:
        states = self._states(self.embeddings_.embed(texts, tails, doc_ids))
        found = np.ones(codes.shape)  # an ID that is shorter has no code there for certain
        for place, position in np.argwhere(codes >= 0):
            prefix = codes[place : place + 1, :position].astype(np.int64)
            found[place, position] = np.exp(
                self.coder_.log_probabilities(states[place], prefix)[0, codes[place, position]]
            )
        return found

    def scorer(self, document: "str | Corpus") -> RowScorer:
        """P(c^{t+1} | c^{≤t}, document) for any prefix: a softmax over negative squared distances to the centres.

        document: a text, or a corpus of one document, which is read as `fit` reads it, category text included.
        The class of `coder_` says in which unit; no model has learned these probabilities.
        """
        self._check_fitted()
        return RowScorer(self.coder_, self._states(self.embeddings_.embed(*self._one(document)))[0])

    def _save_model(self, folder: Path) -> None:
        super()._save_model(folder)
        self.embeddings_.save(folder / EMBEDDINGS)

    def _load_rest(self, folder: Path) -> None:
        self.embeddings_ = load_embeddings(folder / EMBEDDINGS)


def record_codes(codes: np.ndarray, position: int, stage: str, epoch: int = 1, **measured) -> dict:
    """A row of the history: how the codes of a position are used, and what was measured beside.

    codes [N, ≥ position]; documents without a code there are left out.
    """
    return {
        "stage": stage,
        "position": position,
        "epoch": epoch,
        "documents": len(codes),
        "step": 0,
        "seconds": 0.0,
        **use_of_codes(codes[:, :position]),
        **measured,
    }


def begin_stage(bars: Progress, name: str, position: int, index: int, stages: int, steps: int, epochs: int = 1) -> None:
    """Show that a stage begins."""
    bars.stage(Stage(name, position, epochs), index, stages, steps)
