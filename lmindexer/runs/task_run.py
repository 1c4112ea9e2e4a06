"""A task model's run on disk: what was asked, what was answered, how well, and the model.

<name>/
  manifest.json      as of every run, and task (kind, options, fingerprint), base_run (the indexer's run it began
                     from, with its corpus's fingerprint), label (its line in tables)
  corpus.parquet     doc_id, title, text, category_1 … category_n
  splits.parquet     what the task asks, and in which split; its columns are the task's
  rankings.parquet   view, query, rank, doc_id, score: the test split's answers
  metrics.json       {"split": "test", "views": {view: {metric: mean over queries}}}
  history.parquet    one row an epoch                                                      (optional)
  model/             safetensors, config.json                                              (optional)
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import pandas as pd

from lmindexer.common.errors import BundleError
from lmindexer.common.jsonfiles import write_json
from lmindexer.corpus.corpus import Corpus
from lmindexer.runs import folder as run_folder
from lmindexer.runs.folder import CHECKPOINTS, RunFolder, find_runs, read_part, write_folder
from lmindexer.runs.manifest import TASK_RUN

# Scores hardly repeat: a dictionary of them is larger than they are, and their bytes side by side pack better.
SMALL = {"compression": "zstd", "use_dictionary": ["view", "query", "doc_id", "rank"]}
SMALL |= {"use_byte_stream_split": ["score"]}

__all__ = ["CHECKPOINTS", "TaskRun", "check_task_target", "find_task_runs", "write_task_run"]


class TaskRun(RunFolder):
    """A task model's finished run; its parts are read when they are first asked for.

    >>> run = TaskRun.open("runs/attack-sasrec")                                  # doctest: +SKIP
    >>> run.kind, run.label, run.metrics["views"]["raw"]["Recall@10"]             # doctest: +SKIP
    ('recommendation', 'SASRec', 0.43)
    """

    form = TASK_RUN

    def __repr__(self) -> str:
        return f"TaskRun({self.name!r}, {self.method} for {self.kind})"

    @property
    def kind(self) -> str:
        """The task's kind, such as "recommendation"."""
        return str(self.manifest["task"].get("kind"))

    @property
    def label(self) -> str:
        """The model's line in tables."""
        return str(self.manifest.get("label") or self.method)

    @property
    def base_run(self) -> dict | None:
        """{"folder", "method", "fingerprint"} of the indexer's run that the model started from, or None."""
        return self.manifest.get("base_run")

    @cached_property
    def splits(self) -> pd.DataFrame:
        """What the task asks."""
        path = self._file("splits.parquet")
        return read_part(path, lambda: pd.read_parquet(path))

    @cached_property
    def rankings(self) -> pd.DataFrame:
        """view, query, rank (from 1), doc_id, score of the test split."""
        path = self._file("rankings.parquet")
        return read_part(path, lambda: pd.read_parquet(path))


def write_task_run(
    folder: str | Path,
    *,
    manifest: dict,
    corpus: Corpus,
    splits: pd.DataFrame,
    rankings: pd.DataFrame,
    metrics: dict,
    history: pd.DataFrame | None = None,
    save_model: Callable[[Path], None] | None = None,
) -> TaskRun:
    """Write a run and put it in the place of an older one, if there is one, in one step.

    Args:
        folder: may not exist, be empty, be a task model's run, or hold the checkpoints of an unfinished fit.
        manifest: "method", "settings", "task" and what `write_bundle` takes.

    Raises:
        BundleError: when the folder holds something else (an indexer's run, say), or the disk refuses.
    """
    if not isinstance(manifest.get("task"), dict):
        raise BundleError("The manifest lacks 'task'; a task model's run must say what it answers.")

    def write_parts(staging: Path) -> None:
        splits.to_parquet(staging / "splits.parquet", index=False, compression="zstd", compression_level=9)
        rankings.to_parquet(staging / "rankings.parquet", index=False, **SMALL)
        write_json(staging / "metrics.json", metrics)
        if history is not None:
            history.to_parquet(staging / "history.parquet", index=False)

    return TaskRun.open(write_folder(folder, TASK_RUN, manifest, corpus, write_parts, save_model))


def check_task_target(folder: str | Path) -> None:
    """Make sure that a task model's run may be written at `folder`.

    Raises:
        BundleError: when something else is there, an indexer's run for example.
    """
    run_folder.check_target(folder, TASK_RUN)


def find_task_runs(folder: str | Path) -> tuple[list[TaskRun], list[tuple[Path, BundleError]]]:
    """Every task model's run directly under `folder`, and every one there that cannot be opened, with the reason."""
    return find_runs(folder, TaskRun)
