"""What the neural baselines share: settings, batches of histories, early stopping, files. A model adds its network.

A network reads items [B, L] (oldest first, padded behind) and gives a state for every position; the score of item j
after the history is state · row_j (+ bias_j).
"""

from abc import abstractmethod
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.common.kinds import TEXT, takes
from lmindexer.indexers.model_folder import read_model, write_model
from lmindexer.settings.rules import unknown
from lmindexer.tasks.fitting import FitSettings, Fitting, train
from lmindexer.tasks.metrics import measure
from lmindexer.tasks.recommendation.base import ItemScorer
from lmindexer.tasks.recommendation.histories import Histories, HistoryBatch
from lmindexer.tasks.recommendation.losses import IN_BATCH, LOSSES
from lmindexer.tasks.recommendation.setting_rules import WATCHED, check_sequence_settings


@dataclass(frozen=True)
class SequenceSettings:
    """Settings that every neural baseline has; defaults are its improved form's.

    dim               width d of items and states
    dropout           share of numbers dropped in training
    loss              a name of `losses.LOSSES`
    negatives         items drawn a step by "sampled_cross_entropy", and by "softmax" where the items are very many
    max_history       items of a history that are read, the newest
    targets           right items a step, about
    epochs, learning_rate, weight_decay, warmup_steps, schedule, clip, patience, validate_every, seed: see `FitSettings`
    watch             validation metric of early stopping
    validation_users  users of the validation split that it is measured on, drawn once
    """

    dim: int = 64
    dropout: float = 0.2
    loss: str = "softmax"
    negatives: int = 1024
    max_history: int = 50
    targets: int = 512
    epochs: int = 12
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    warmup_steps: int = 100
    schedule: str = "cosine"
    clip: float | None = 1.0
    patience: int = 3
    validate_every: int = 1
    watch: str = "NDCG@10"
    validation_users: int = 4000
    seed: int = 0

    def __post_init__(self):
        check_sequence_settings(self)

    def fit_settings(self) -> FitSettings:
        shared = {f.name: getattr(self, f.name) for f in fields(FitSettings) if hasattr(self, f.name)}
        return FitSettings(**shared)


class SequenceRecommender(ItemScorer):
    """A network over histories, trained to name each next item.

    Args:
        form: "improved" (defaults chosen by validation), or "paper" for what the paper describes.
        name: the model's line in tables.
        device: "auto" takes a GPU where there is one.
        changes: single settings, as in `SASRec(dim=32)`.

    Raises SettingsError for a form or setting that is not known.
    """

    Settings: ClassVar[type[SequenceSettings]]
    forms: ClassVar[dict[str, dict]] = {"improved": {}, "paper": {}}

    @takes(form=TEXT, name=TEXT)
    def __init__(self, form: str = "improved", *, name: str | None = None, device: str = "auto", **changes):
        super().__init__(name, device)
        self.config = self._chosen(form, changes)
        if self.config.loss not in LOSSES:
            raise SettingsError(f"loss is {self.config.loss!r}; choose one of {', '.join(map(repr, LOSSES))}.")
        self.settings = asdict(self.config)
        self.longest = self.config.max_history
        self.network: nn.Module | None = None

    def _chosen(self, form: str, changes: dict) -> SequenceSettings:
        """The settings of a form with changes; an unknown name is told with the nearest."""
        if form not in self.forms:
            raise SettingsError(unknown("form", form, list(self.forms)))
        known = [f.name for f in fields(self.Settings)]
        for key in changes:
            if key not in known:
                raise SettingsError(unknown(f"setting of {type(self).__name__}", key, known))
        return replace(self.Settings(), **self.forms[form] | changes)

    @abstractmethod
    def _network(self, task) -> nn.Module:
        """A fresh network for the task: `forward(HistoryBatch) -> [B, L, d]`, `rows() -> [N, d]`, `bias` or None."""

    # ---- fit -----------------------------------------------------------------------------------------------------

    def _fit(self, task, fitting: Fitting) -> None:
        if task.train.lengths.max() < 2:
            raise CorpusError(
                f"{task.corpus.name}: no user has two items before those that validation and test ask for, so there is "
                "nothing to learn from; give longer sequences, or use Popularity or ItemKNN."
            )
        torch.manual_seed(self.config.seed)
        self.network = self._network(task).to(self.device)
        self._prepare(task)
        asked = task.histories("validation")
        draw = np.random.default_rng(self.config.seed)
        some = np.sort(draw.permutation(len(asked))[: self.config.validation_users])
        judged, histories = task.judgements("validation").take(some), asked.take(some)

        def validate() -> dict[str, float]:
            rankings = self.rank_histories(histories, 11, ("raw",))["raw"]
            return {k: float(v.mean()) for k, v in measure(rankings, judged, WATCHED).items()}

        self.history_ = train(
            self.network,
            self.config.fit_settings(),
            batches=self._batches,
            gather=self._gather,
            loss=self._loss,
            validate=validate,
            watch=self.config.watch,
            fitting=fitting,
            title=self.name,
            answers=self._answers,
        )

    def _prepare(self, task) -> None:
        """Lay out the training data: pieces of at most max_history + 1 items in which every later item is a target."""
        self.pieces = pieces_of(task.train, self.config.max_history)

    def _batches(self, epoch: int) -> list[np.ndarray]:
        """Rows of `pieces`, of like length together, about `targets` targets a batch."""
        return length_batches(self.pieces.lengths - 1, self.config.targets, [self.config.seed, epoch])

    def _gather(self, rows: np.ndarray) -> tuple[HistoryBatch, Tensor]:
        """What `_loss` takes: a batch's histories, and their targets [B, L]."""
        return next_items(self.pieces, rows, self._items)

    def _loss(self, batch: HistoryBatch, targets: Tensor) -> Tensor:
        there = targets < self._items
        states = self.network(batch)[there]  # [M, d]
        return self._item_loss(states, targets[there])

    def _answers(self, batch, targets: Tensor) -> int:
        """How many targets a gathered batch has, over which `_loss` is a mean."""
        return int((targets < self._items).sum())

    @property
    def in_parts(self) -> bool:
        """Whether a row's loss needs no other row."""
        return self.config.loss not in IN_BATCH

    def _item_loss(self, states: Tensor, targets: Tensor) -> Tensor:
        s = self.config
        return LOSSES[s.loss](states, targets, self.network.rows(), self.network.bias, negatives=s.negatives)

    def _networks(self):
        return (self.network,)

    @property
    def _items(self) -> int:
        return len(self.task_.corpus)

    # ---- use -----------------------------------------------------------------------------------------------------

    def score_items(self, batch: HistoryBatch) -> Tensor:
        self.network.eval()
        states = self.network(batch)
        last = states[torch.arange(len(states), device=states.device), batch.lengths.clamp(min=1) - 1]  # [B, d]
        scores = last @ self.network.rows().T
        return scores if self.network.bias is None else scores + self.network.bias

    # ---- files ---------------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> None:
        write_model(folder, self.method, {"settings": self.settings}, self.network.state_dict())

    @classmethod
    def _load_model(cls, folder: Path, task, settings: dict):
        config, tensors = read_model(folder, cls.method)
        model = cls(**config["settings"])
        model.task_ = task
        model.network = model._network_like(task, tensors)
        model.network.load_state_dict(tensors)
        model.network.eval()
        return model

    def _network_like(self, task, tensors: dict[str, Tensor]) -> nn.Module:
        """An empty network that the tensors fit into; where it holds texts, those of the file."""
        return self._network(task)


def pieces_of(histories: Histories, longest: int) -> Histories:
    """Histories cut into pieces of at most longest + 1 items; each begins with the last item of the one before."""
    parts, users = [], []
    for row, length in enumerate(histories.lengths):
        whole = histories[row]
        for start in range(0, max(0, length - 1), longest):
            parts.append(whole[start : start + longest + 1])
            users.append(histories.users[row])
    return Histories.of(parts, users)


def length_batches(weights: np.ndarray, most: int, seed: list[int]) -> list[np.ndarray]:
    """All rows in batches of about `most` summed weight: rows of like weight together, batches in any order."""
    draw = np.random.default_rng(seed)
    order = np.argsort(weights + draw.random(len(weights)), kind="stable")
    batch = np.cumsum(weights[order]) // most
    parts = np.split(order, np.flatnonzero(np.diff(batch)) + 1)
    return [parts[i] for i in draw.permutation(len(parts))]


def next_items(pieces: Histories, rows: np.ndarray, pad: int) -> tuple[HistoryBatch, Tensor]:
    """Of each piece all but its last item as input, all but its first as targets [B, L]; `pad` behind."""
    whole = pieces.padded(rows, int(pieces.lengths[rows].max()), pad)
    return HistoryBatch(whole.items[:, :-1], whole.lengths - 1, whole.users), whole.items[:, 1:]
