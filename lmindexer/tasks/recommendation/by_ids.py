"""IDRecommender: what every recommender by semantic IDs shares: IDs, decoding, where answers are lost, files."""

import hashlib
import time
from abc import abstractmethod
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import TEXT, takes
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers import load_indexer
from lmindexer.indexers.base import Indexer
from lmindexer.indexers.model_folder import read_model, write_model
from lmindexer.runs.bundle import MANIFEST
from lmindexer.tasks import decoding
from lmindexer.tasks.adding import joined
from lmindexer.tasks.decoding import Filter
from lmindexer.tasks.fitting import Fitting
from lmindexer.tasks.kinds import IDS
from lmindexer.tasks.metrics import Rankings
from lmindexer.tasks.recommendation.adding import grown, more_vectors
from lmindexer.tasks.recommendation.histories import HistoryBatch, window_rows
from lmindexer.tasks.recommendation.neural import SequenceRecommender, SequenceSettings
from lmindexer.tasks.recommendation.setting_rules import PATH
from lmindexer.tasks.recommendation.text import whiten
from lmindexer.two_step.embeddings import embed_corpus

AT_ONCE = 128  # histories that are decoded together


@dataclass(frozen=True)
class IDSettings(SequenceSettings):
    """Settings of every recommender by IDs, beside those of every sequence model.

    text, text_dims       embeddings whose main directions are the items' text vectors; None: codes alone
    category_text         the texts end in their category path
    normalise, ties       see `PathHead`
    decoding, width       "exact" (the best items, exactly) or "beam" with this width, or with as many as are asked for
    """

    text: str | None = None
    text_dims: int = 128
    category_text: bool = True
    normalise: str = "tree"
    ties: str = "suffix"
    decoding: str = "exact"
    width: int = 50
    loss: str = PATH
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    betas: tuple[float, float] = (0.9, 0.98)
    warmup_steps: int = 100
    schedule: str = "cosine"
    patience: int = 0
    watch: str = "Recall@5"


class IDRecommender(SequenceRecommender):
    """A network that gives log P(item | history) code by code.

    Its IDs are given, as `SemanticIDs` or a fitted indexer; an indexer that is not fitted yet is fitted on the task's
    corpus first.

    The network has `tree`, `loss(batch, targets)` and `scorer(batch)`, a `tasks.decoding.Scorer`.
    """

    Settings = IDSettings
    earlier: ClassVar[dict] = {}  # what the runs of earlier versions had, whose settings do not name it

    @takes(ids=IDS, form=TEXT, name=TEXT)
    def __init__(
        self,
        ids: Indexer | SemanticIDs,
        form: str | None = None,
        *,
        name: str | None = None,
        device: str = "auto",
        **changes,
    ):
        super(SequenceRecommender, self).__init__(name, device)
        self.config = self._chosen(form or next(iter(self.forms)), changes)
        if self.config.loss != PATH:
            raise SettingsError(f"loss is {self.config.loss!r}; a model by IDs has one loss, {PATH!r}. Leave it out.")
        self.longest, self.network = self.config.max_history, None
        self.indexer_ = None if isinstance(ids, SemanticIDs) else ids
        self.ids_: SemanticIDs | None = None
        self.settings = asdict(self.config) | {"betas": list(self.config.betas), "ids": None, "indexer": None}
        if self.indexer_ is not None:
            self.settings["indexer"] = {"method": ids.method, "settings": ids.settings}
        self._take_ids(ids if self.indexer_ is None else ids.ids_)

    def _take_ids(self, ids: SemanticIDs | None) -> None:
        """Keep the IDs; what they are is part of what identifies a fit that was stopped."""
        if ids is not None:
            self.ids_ = ids
            self.settings["ids"] = hashlib.sha256(code_places(ids).tobytes()).hexdigest()[:16]

    def _fit(self, task, fitting: Fitting) -> None:
        if self.ids_ is None:
            self._fit_indexer(task.corpus, fitting)
        if self.indexer_ is not None:
            self.base_run = {"method": self.indexer_.method, "corpus": task.corpus.fingerprint}
        super()._fit(task, fitting)

    def _fit_indexer(self, corpus, fitting: Fitting) -> None:
        """Learn the IDs first; beside checkpoints, so that a fit that goes on finds them."""
        began = time.process_time()
        place = None if fitting.folder is None else fitting.folder / "indexer"
        if place is not None and fitting.resume and (place / MANIFEST).exists():
            self.indexer_ = load_indexer(place)
        else:
            self.indexer_.fit(corpus, place, progress=fitting.progress, resume=fitting.resume)
        self._take_ids(self.indexer_.ids_)
        self.timings_["ids"] = time.process_time() - began

    @abstractmethod
    def _build(self, ids: SemanticIDs, vectors: Tensor | None) -> nn.Module:
        """A fresh network for these IDs and text vectors [N, t]."""

    def _network(self, task) -> nn.Module:
        s = self.config
        if list(self.ids_.doc_ids) != list(task.corpus.doc_ids):
            raise SettingsError(
                f"The IDs are of {len(self.ids_)} documents, the task's corpus {task.corpus.name!r} has "
                f"{len(task.corpus)} or others; fit the indexer on the task's corpus."
            )
        vectors = None
        if s.text is not None:
            embedded = embed_corpus(task.corpus, s.text, category_text=s.category_text, progress=False)
            vectors = torch.from_numpy(whiten(embedded, s.text_dims))
        return self._build(self.ids_, vectors)

    def _loss(self, batch, targets: Tensor) -> Tensor:
        return self.network.loss(batch, targets)

    # ---- use -----------------------------------------------------------------------------------------------------

    def score_items(self, batch: HistoryBatch) -> Tensor:
        """log P of every item: [B, N]."""
        self.network.eval()
        return decoding.all_scores(self.network.scorer(batch), self.network.tree)

    @torch.no_grad()
    def rank_histories(
        self, histories, depth, views=("raw", "unseen"), *, allow=None, progress=False
    ) -> dict[str, Rankings]:
        if self.config.decoding == "exact" and self.network.whole_levels:
            return super().rank_histories(histories, depth, views, allow=allow, progress=progress)
        self.network.eval()
        depth = min(depth, self._items)
        shape = len(histories), depth
        found = {view: (np.full(shape, -1), np.full(shape, -np.inf)) for view in views}
        allow = None if allow is None else torch.from_numpy(allow)
        order = np.argsort(histories.lengths, kind="stable")
        for first in range(0, len(order), AT_ONCE):
            rows = order[first : first + AT_ONCE]
            scorer = self.network.scorer(self._read(histories, rows))
            for view in views:
                left_out = [histories[row] for row in rows] if view == "unseen" else None
                free = left_out is None and allow is None
                keep = None if free else Filter(self.network.tree, left_out, allow)
                found[view][0][rows], found[view][1][rows] = self._decode(scorer, depth, keep).arrays()
        return {view: Rankings(*pair) for view, pair in found.items()}

    def _decode(self, scorer, depth: int, keep: Filter | None):
        tree, s = self.network.tree, self.config
        if s.decoding == "exact":
            return decoding.exact_top(scorer, tree, depth, s.width, keep)
        return decoding.beam_search(scorer, tree, depth, max(s.width, depth), keep)

    @property
    def tree(self):
        """The tree of IDs that is decoded."""
        return self.network.tree

    @torch.no_grad()
    def scorer(self, histories):
        """What `tasks.decoding` asks, for these histories: for a beam to look at, or `where_lost`."""
        self.check_fitted()
        self.network.eval()
        return self.network.scorer(self._read(histories, np.arange(len(histories))))

    @torch.no_grad()
    def where_lost(self, split: str = "test", width: int | None = None, *, exact: bool = True, rows=None):
        """`decoding.where_lost` for the queries of a split: where the right item's path left a beam.

        rows: of the queries; all where left out. The column `query` has them.
        """
        self.check_fitted()
        histories, targets, parts = self.task_.histories(split), self.task_.targets(split), []
        asked = np.arange(len(histories)) if rows is None else np.asarray(rows)
        for first in range(0, len(asked), AT_ONCE):
            some = asked[first : first + AT_ONCE]
            scorer, right = self.scorer(histories.take(some)), torch.from_numpy(targets[some])
            part = decoding.where_lost(scorer, self.tree, right, width or self.config.width, exact)
            parts.append(part.assign(query=some))
        return pd.concat(parts, ignore_index=True)

    def add_items(self, items: Corpus, codes: np.ndarray | None = None) -> Self:
        """Make further items recommendable and readable in histories, without training.

        No ID and nothing that was learned changes: an item's codes come from the indexer, its text vector from its
        text, the biases of new branches are the means of the others of their level. Afterwards `task_.corpus` holds
        the items too, and its interactions are the same as before.

        Args:
            items: documents with the columns of the task's corpus.
            codes: [M, T] integers, their codes; needed where the model was given IDs, or was loaded.

        Raises LMIndexerError for an item that is there already, SettingsError where there is nothing to encode with.

        >>> model.add_items(lmindexer.Corpus.from_records(new)).recommend(["T1566.001"])   # doctest: +SKIP
        """
        self.check_fitted()
        corpus = joined(self.task_.corpus, items)
        if codes is None and self.indexer_ is None:
            raise SettingsError(
                "This model has IDs but no indexer to encode new items with; give codes=indexer.encode(items).codes."
            )
        codes = self.indexer_.encode(items).codes if codes is None else codes
        ids, task = self.ids_.append(self.ids_.extend(items.doc_ids, codes)[0]), self.task_
        self.task_ = type(task).from_frame(corpus, task.splits_frame(), task.options)
        vectors = getattr(self.network, "vectors", None)
        if vectors is not None:
            s = self.config
            embedded = embed_corpus(corpus, s.text, category_text=s.category_text, progress=False)
            vectors = more_vectors(vectors.cpu(), embedded)
        self.network = grown(self._build(ids, vectors), self.network.cpu()).to(self.device).eval()
        self._take_ids(ids)
        return self

    def _id_columns(self, documents: np.ndarray) -> dict[str, list]:
        some = self.ids_.take(documents)
        paths = [tuple(code for code in row if code >= 0) for row in some.codes.tolist()]
        return {"id": some.unique_strings().tolist(), "path": paths}

    # ---- files ---------------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> None:
        ids = {"ids.codes": self.ids_.codes, "ids.suffix": self.ids_.suffix}
        tensors = self.network.state_dict() | {name: torch.from_numpy(value.copy()) for name, value in ids.items()}
        config = {"settings": self.settings, "codebook_sizes": list(self.ids_.codebook_sizes)}
        write_model(folder, self.method, config, tensors)

    @classmethod
    def _start_of(cls, folder: Path, ids: SemanticIDs) -> Indexer | SemanticIDs:
        """What the constructor of a loaded model is given."""
        return ids

    @classmethod
    def _load_model(cls, folder: Path, task, settings: dict):
        config, tensors = read_model(folder, cls.method)
        codes, suffix = tensors.pop("ids.codes").numpy(), tensors.pop("ids.suffix").numpy()
        ids = SemanticIDs(task.corpus.doc_ids, codes, suffix, tuple(config["codebook_sizes"]))
        named = cls.earlier | config["settings"]
        kept = {name: value for name, value in named.items() if name not in ("ids", "indexer")}
        kept["betas"] = tuple(kept["betas"])
        model = cls(cls._start_of(folder, ids), **kept)
        model.settings, model.task_ = config["settings"], task
        model.network = model._build(ids, tensors.get("vectors"))
        model.network.load_state_dict(tensors)
        model.network.eval()
        return model


class OneTargetRecommender(IDRecommender):
    """A recommender by IDs that is asked for one item a history: a text or an encoder's input has one answer."""

    def _prepare(self, task) -> None:
        """Every item that has one before it is a target: (history, place)."""
        self.windows = window_rows(task.train)

    def _batches(self, epoch: int) -> list[np.ndarray]:
        order = np.random.default_rng([self.config.seed, epoch]).permutation(len(self.windows))
        return np.array_split(order, max(1, round(len(order) / self.config.targets)))

    def _gather(self, rows: np.ndarray) -> tuple:
        history, place = self.windows[rows].T
        return self.task_.train.before(history, place, self.longest, self._items)


def code_places(ids: SemanticIDs) -> np.ndarray:
    """[N + 1, T + 1] places of codes and suffix in their tables (0: no code), the padding item last."""
    paths = np.column_stack([ids.codes, ids.suffix]).astype(np.int64) + 1
    return np.concatenate([paths, np.zeros((1, paths.shape[1]), np.int64)])


def table_sizes(ids: SemanticIDs) -> list[int]:
    """Rows of the table of each position and of the suffix, with place 0 for "no code"."""
    return [size + 1 for size in (*ids.codebook_sizes, int(ids.suffix.max()) + 1)]
