"""Task runs back from disk, whatever the task and the method."""

from pathlib import Path

from lmindexer.common.errors import BundleError
from lmindexer.runs.task_run import TaskRun
from lmindexer.tasks import recommendation, search  # noqa: F401 (their models and tasks are known from here on)
from lmindexer.tasks.base import MODELS, Task, TaskModel, task_of


def load_task(folder: str | Path) -> Task:
    """The task of a task run: its corpus and splits.

    Raises BundleError for a task that this version does not know.
    """
    return task_of(TaskRun.open(folder))


def load_task_model(folder: str | Path) -> TaskModel:
    """The model of a task run, with its task; it computes where a new one would, see `TaskModel.to`.

    Raises BundleError for a method that this version does not know.
    """
    run = TaskRun.open(folder)
    if run.method not in MODELS:
        known = ", ".join(sorted(MODELS))
        raise BundleError(f"{run.path} is a run of {run.method!r}; this version can use {known}. Upgrade lmindexer.")
    return MODELS[run.method].from_run(run)
