"""What every task and every task model has in common: splits and measures; fit, save, load, and the run between."""

import hashlib
import json
import textwrap
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import pandas as pd
from torch import nn

from lmindexer.common.arguments import device_named
from lmindexer.common.errors import BundleError, LMIndexerError, SettingsError
from lmindexer.common.kinds import COUNT, PATH, TEXT, kind_of, several, taken, takes
from lmindexer.common.processes import processes
from lmindexer.corpus.corpus import Corpus
from lmindexer.runs.folder import read_part
from lmindexer.runs.task_run import CHECKPOINTS, TaskRun, check_task_target, write_task_run
from lmindexer.tasks.comparison import Evaluation
from lmindexer.tasks.fitting import Fitting
from lmindexer.tasks.metrics import Judgements, Rankings, measure, parse_metric

DEPTH = 50  # documents of a ranking that are kept, deeper than any usual k

TASKS: dict[str, type["Task"]] = {}
MODELS: dict[str, type["TaskModel"]] = {}


def register(kind: type) -> type:
    """Make a task or a task model known to those that open runs; a class decorator."""
    if issubclass(kind, Task):
        TASKS[kind.kind] = kind
    else:
        MODELS[kind.method] = kind
    return kind


class Task(ABC):
    """Questions about a corpus with known answers, split into training, validation and test.

    Attributes: `corpus`, `options` (what the splits depend on, plain JSON), `views` (the ways in which a ranking is
    read, the first being the main one), `metrics` (those of its tables).
    """

    kind: ClassVar[str]
    views: ClassVar[tuple[str, ...]] = ("all",)
    metrics: ClassVar[tuple[str, ...]]
    corpus: Corpus
    options: dict

    @abstractmethod
    def judgements(self, split: str) -> Judgements:
        """The right documents of each query of a split."""

    @abstractmethod
    def query_ids(self, split: str) -> list[str]:
        """The names of a split's queries, in the order of their rows."""

    @abstractmethod
    def splits_frame(self) -> pd.DataFrame:
        """Everything that is asked, and in which split; beside the corpus all that `from_frame` needs."""

    @classmethod
    @abstractmethod
    def from_frame(cls, corpus: Corpus, splits: pd.DataFrame, options: dict) -> Self:
        """The task that `splits_frame` came from."""

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 (hex) over the corpus, the splits and the options."""
        frame = self.splits_frame()
        digest = hashlib.sha256(
            f"{self.kind} {self.corpus.fingerprint} {json.dumps(self.options, sort_keys=True)}".encode()
        )
        digest.update(",".join(frame.columns).encode())
        digest.update(pd.util.hash_pandas_object(frame, index=False).to_numpy().astype("<u8").tobytes())
        return digest.hexdigest()

    @takes(split=TEXT, depth=COUNT)
    def evaluate(
        self,
        models: "Sequence[TaskModel | TaskRun] | TaskModel | TaskRun",
        split: str = "test",
        metrics: Sequence[str] | None = None,
        *,
        depth: int = DEPTH,
        progress: bool = False,
    ) -> Evaluation:
        """Measure fitted models on a split: one table, with intervals over queries and the spread over seeds.

        Args:
            models: fitted on this task, or finished runs (`TaskRun.open`), whose kept rankings of the test split are
                read; models of one name count as seeds of a method.
            metrics: one such as "Recall@5", or several; the task's own where left out.
            depth: documents of each ranking that are looked at; more where a metric asks for more.

        Raises SettingsError for a model of another task, for a split without queries, and for a metric that goes deeper
        than the rankings that a run keeps.
        """
        metrics = (metrics,) if isinstance(metrics, str) else tuple(metrics or self.metrics)
        deepest = max(parse_metric(name)[1] for name in metrics)
        given = [models] if isinstance(models, TaskModel | TaskRun) else taken("evaluate: models", _MODELS, models)
        if not len(given):
            raise SettingsError("There is no model to evaluate; give one or more that were fitted on this task.")
        if not self.query_ids(split):
            raise SettingsError(f"{self!r} asks nothing in its split {split!r}, so there is nothing to measure on.")
        found, depth = Evaluation(f"{self!r}, {split}", metrics), max(depth, deepest + 1)
        for model in given:
            if isinstance(model, TaskRun):
                rankings, name = self._kept(model, split, deepest), model.label
                timings = model.manifest.get("timings") or {}
            else:
                model.check_fitted_on(self)
                rankings, name, timings = model.rank(split, depth, progress=progress), model.name, model.timings_
            found.add(name, self.measured(rankings, split, metrics), timings.get("fit"))
        return found

    def _kept(self, run: TaskRun, split: str, deepest: int) -> dict[str, Rankings]:
        if run.manifest["task"].get("fingerprint") != self.fingerprint:
            raise SettingsError(f"{run.path} answers another task or other splits; fit the model on this one.")
        if split != "test":
            raise SettingsError(f"{run.path} keeps rankings of the test split alone; load its model to rank {split}.")
        kept = run.manifest.get("depth", DEPTH)
        if deepest > kept:
            raise SettingsError(
                f"{run.path} keeps the first {kept} documents of each ranking and a metric asks for {deepest}; load "
                "its model with lmindexer.tasks.load_task_model and evaluate that."
            )
        return rankings_of(run.rankings, self.query_ids("test"), self.corpus.doc_ids)

    def measured(self, rankings: dict[str, Rankings], split: str, metrics: Sequence[str]) -> dict:
        """{view: {metric: [Q]}} of rankings by view."""
        judged = self.judgements(split)
        return {view: measure(one, judged, metrics) for view, one in rankings.items()}


TASK = kind_of(Task, "a Task", "Make one, as lmindexer.tasks.Retrieval(corpus).")


class TaskModel(ABC):
    """Answers the queries of a task; the verbs are fit, recommend or search, save and load.

    Settings are given to the constructor; what `fit` learned ends in an underscore: `task_`, `history_` (one row an
    epoch) and `timings_` ({"fit": processor seconds}).

    Attributes: `method` (in the manifest), `kinds` (tasks it can be fitted on), `settings` (plain JSON), `in_parts`
    (whether several processes can share its batches out), `name` (its line in tables), `base_run` (the run of an
    indexer that it started from, or None), `device` (where it computes; no part of the settings: a fit that was stopped
    may go on, and a run be opened, on any other).
    """

    method: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]
    label: ClassVar[str]
    in_parts = False
    settings: dict

    def __init__(self, name: str | None = None, device: str = "cpu"):
        self.name = name or self.label
        self.device = device_named(device)
        self.base_run: dict | None = None
        self.task_: Task | None = None
        self.history_: pd.DataFrame | None = None
        self.timings_: dict[str, float] = {}

    def __repr__(self) -> str:
        on = f", fitted on {self.task_.corpus.name!r}" if self.task_ is not None else ""
        return f"{type(self).__name__}({self.name!r}{on})"

    # ---- fit -----------------------------------------------------------------------------------------------------

    @takes(task=TASK, run=PATH)
    def fit(self, task: Task, run: str | Path | None = None, *, progress: bool = True, resume: bool = True) -> Self:
        """Learn from the task's training split, with its validation split for early stopping.

        run: a folder; checkpoints go there while the fit lasts, so that the same call goes on where one was
        stopped, and the finished run at the end.
        """
        if task.kind not in self.kinds:
            raise SettingsError(f"{type(self).__name__} answers {' and '.join(self.kinds)}, not {task.kind}.")
        together = processes()  # where several fit, the first one speaks and writes
        if together.number > 1 and not self.in_parts:
            raise SettingsError(
                f"One process fits {self!r}: what it learns from a row depends on the others of the batch, or is no "
                "mean over rows. Start it without accelerate launch and torchrun."
            )
        if run is not None:
            check_task_target(run)
        together.wait()
        identity = {"settings": {"method": self.method, **self.settings}, "corpus": task.fingerprint}
        folder = None if run is None else Path(run) / CHECKPOINTS
        began, self.task_ = time.process_time(), task
        try:
            self._fit(task, Fitting(folder, identity, progress and together.first, resume))
        except BaseException:
            self.task_ = None  # half a model answers nothing
            raise
        seconds = time.process_time() - began
        if self.history_ is not None and len(self.history_):  # a fit that was taken up again cost what came before too
            seconds = max(seconds, float(self.history_["seconds"].sum()))
        self.timings_["fit"] = seconds
        if run is not None and together.first:
            self.save(run)
        together.wait()
        return self

    @abstractmethod
    def _fit(self, task: Task, fitting: Fitting) -> None:
        """Learn; sets `history_` where there are epochs."""

    @abstractmethod
    def rank(self, split: str, depth: int = DEPTH, *, progress: bool = False) -> dict[str, Rankings]:
        """{view: rankings} of all queries of a split."""

    def check_fitted(self) -> None:
        if self.task_ is None:
            raise LMIndexerError(f"This {type(self).__name__} is not fitted yet; call fit(task) or load(folder) first.")

    def check_fitted_on(self, task: Task) -> None:
        """Raise where the model's task is not this one, down to every split."""
        self.check_fitted()
        if self.task_ is not task and self.task_.fingerprint != task.fingerprint:
            raise SettingsError(f"{self.name} was fitted on another task or other splits; fit it on this one.")

    # ---- where it computes ---------------------------------------------------------------------------------------

    def _networks(self) -> Sequence[nn.Module | None]:
        """The modules that compute on `device`; None for one that is not there yet."""
        return ()

    def to(self, device: str) -> Self:
        """Compute on another device from now on: "cpu", "cuda", or "auto", which takes a GPU where there is one.

        Raises SettingsError for one that this machine does not have.
        """
        self.device = device_named(device)
        for network in self._networks():
            if network is not None:
                network.to(self.device)
        return self

    # ---- answers -------------------------------------------------------------------------------------------------

    def answers(self, documents: np.ndarray, scores: np.ndarray) -> pd.DataFrame:
        """One ranking as a frame for people: rank, doc_id, title, score, and what `_id_columns` adds."""
        there = np.asarray(documents) >= 0
        documents, scores = np.asarray(documents)[there], np.asarray(scores)[there]
        corpus = self.task_.corpus
        frame = pd.DataFrame(
            {
                "rank": np.arange(1, len(documents) + 1),
                "doc_id": corpus.doc_ids[documents],
                "title": [title_of(corpus, place) for place in documents],
                "score": scores.astype(float),
            }
        )
        return frame.assign(**self._id_columns(documents))

    def _id_columns(self, documents: np.ndarray) -> dict[str, list]:
        """Further columns of `answers`, of documents by their places: {"id": …, "path": …} where there are IDs."""
        return {}

    # ---- save and load -------------------------------------------------------------------------------------------

    @abstractmethod
    def _save_model(self, folder: Path) -> None:
        """Write model.safetensors and config.json into an empty folder (`write_model`)."""

    @classmethod
    @abstractmethod
    def _load_model(cls, folder: Path, task: Task, settings: dict) -> Self:
        """The model from what `_save_model` wrote, for that task."""

    def save(self, folder: str | Path, *, depth: int = DEPTH) -> TaskRun:
        """Write the run: task, splits, test rankings and their metrics, history, model."""
        self.check_fitted()
        began, task = time.process_time(), self.task_
        rankings = self.rank("test", depth)
        measured = task.measured(rankings, "test", task.metrics)
        mean = lambda values: float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")  # noqa: E731
        figures = {view: {metric: mean(v) for metric, v in found.items()} for view, found in measured.items()}
        self.timings_["rank"] = time.process_time() - began
        manifest = {
            "method": self.method,
            "settings": self.settings,
            "seed": self.settings.get("seed"),
            "timings": self.timings_,
            "label": self.name,
            "base_run": self.base_run,
            "depth": depth,
            "task": {"kind": task.kind, "options": task.options, "fingerprint": task.fingerprint},
        }
        return write_task_run(
            folder,
            manifest=manifest,
            corpus=task.corpus,
            splits=task.splits_frame(),
            rankings=rankings_frame(rankings, task.query_ids("test"), task.corpus.doc_ids),
            metrics={"split": "test", "views": figures},
            history=self.history_,
            save_model=self._save_model,
        )

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """The model of a task run, with its task; it computes where a new one would, see `to`.

        Raises BundleError for another method's run; `load_task_model` takes any.
        """
        return cls.from_run(TaskRun.open(folder))

    @classmethod
    def from_run(cls, run: TaskRun) -> Self:
        """The model of an opened task run."""
        if run.method != cls.method:
            raise BundleError(
                f"{run.path} is a run of {run.method!r}, not of {cls.method!r}. Use lmindexer.tasks.load_task_model, "
                "which picks the class."
            )
        if run.model_folder is None:
            raise BundleError(f"{run.path} holds no model; its rankings can be looked at, but nothing asked anew.")
        task = task_of(run)
        settings = dict(run.manifest["settings"])
        model = read_part(run.model_folder, lambda: cls._load_model(run.model_folder, task, settings))
        model.task_, model.history_ = task, run.history
        model.name, model.base_run = run.label, run.base_run
        model.timings_ = dict(run.manifest.get("timings") or {})
        return model.to(model.device)


def task_of(run: TaskRun) -> Task:
    """The task of an opened task run.

    Raises BundleError for a task that is not known, and for splits that are no longer a task's.
    """
    if run.kind not in TASKS:
        raise BundleError(f"{run.path} answers a task {run.kind!r}; this version knows {', '.join(TASKS)}.")
    kind, options = TASKS[run.kind], run.manifest["task"].get("options") or {}
    return read_part(run.path / "splits.parquet", lambda: kind.from_frame(run.corpus, run.splits, options))


def title_of(corpus: Corpus, place: int) -> str:
    """A document's title for people; where it has none, the beginning of its text."""
    return corpus.titles[place] or textwrap.shorten(corpus.texts[place], 80, placeholder=" …")


def rankings_frame(rankings: dict[str, Rankings], queries: Sequence[str], doc_ids: np.ndarray) -> pd.DataFrame:
    """view, query, rank (from 1), doc_id, score: one row a ranked document."""
    parts = []
    for view, one in rankings.items():
        row, place = np.nonzero(one.documents >= 0)
        parts.append(
            pd.DataFrame(
                {
                    "view": pd.Categorical.from_codes(np.zeros(len(row), int), [view]),
                    "query": pd.Categorical.from_codes(row, list(queries)),
                    "rank": (place + 1).astype(np.int32),
                    "doc_id": pd.Categorical.from_codes(one.documents[row, place], list(doc_ids)),
                    "score": one.scores[row, place].astype(np.float64),  # in float32, broken ties would be equal again
                }
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    return frame.assign(view=frame["view"].astype("category"))


def rankings_of(frame: pd.DataFrame, queries: Sequence[str], doc_ids: np.ndarray) -> dict[str, Rankings]:
    """The rankings that `rankings_frame` laid out."""
    row = pd.Index(queries).get_indexer(frame["query"].astype(str))
    place = pd.Index(doc_ids).get_indexer(frame["doc_id"].astype(str))
    found = {}
    for view in frame["view"].astype(str).unique():
        of_view = (frame["view"].astype(str) == view).to_numpy()
        rank = frame["rank"].to_numpy()[of_view] - 1
        shape = (len(queries), int(rank.max(initial=0)) + 1)
        documents, scores = np.full(shape, -1), np.full(shape, -np.inf)
        documents[row[of_view], rank] = place[of_view]
        scores[row[of_view], rank] = frame["score"].to_numpy()[of_view]
        found[view] = Rankings(documents, scores)
    return found


_MODELS = several(
    kind_of((TaskModel, TaskRun), "a model", "Give models that were fitted on this task, or runs of TaskRun.open."),
    "a model or a list of models",
)
