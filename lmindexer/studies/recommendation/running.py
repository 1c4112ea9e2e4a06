"""Fit what is not there yet: one run a line and seed, each a task run that opens again."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lmindexer.common.errors import BundleError
from lmindexer.common.jsonfiles import json_safe
from lmindexer.runs.task_run import TaskRun, find_task_runs
from lmindexer.studies.recommendation.lines import Line
from lmindexer.tasks.base import Task, TaskModel


def run_lines(
    task: Task,
    lines: Sequence[Line],
    seeds: Sequence[int],
    folder: Path,
    *,
    report_only: bool = False,
    progress: bool = False,
    say: Callable[[str], None] = print,
) -> list[TaskRun]:
    """Every line with every seed on a task, under `folder`/<corpus>/<line>-<seed>.

    A finished run of the same settings and splits is taken as it is, a stopped one goes on from its last checkpoint.
    A line without chance runs once. report_only: fit nothing.
    """
    found = []
    for line in lines:
        for seed in seeds if line.seeded else seeds[:1]:
            place = folder / task.corpus.name / f"{line.word}-{seed}"
            model = line.make(seed)
            run = _finished(place, model, task)
            if run is None and not report_only:
                say(f"{task.corpus.name}: {line.label}, seed {seed}")
                model.fit(task, run=place, progress=progress)
                run = TaskRun.open(place)
            if run is not None:
                found.append(run)
    return found


def others(task: Task, folder: Path, known: Sequence[TaskRun]) -> list[TaskRun]:
    """Further finished runs of the same task under `folder`/<corpus>, such as a generative model's."""
    runs, _ = find_task_runs(folder / task.corpus.name)
    have = {run.path for run in known}
    same = [run for run in runs if run.manifest["task"].get("fingerprint") == task.fingerprint]
    return [run for run in same if run.path not in have]


def _finished(place: Path, model: TaskModel, task: Task) -> TaskRun | None:
    try:
        run = TaskRun.open(place)
    except BundleError:
        return None
    same = run.manifest["task"].get("fingerprint") == task.fingerprint
    wanted = json_safe(model.settings)
    chosen = run.manifest["settings"]  # what the fit itself chose by validation stands there in place of None
    kept = {name: value if value is None else chosen.get(name) for name, value in wanted.items()}
    return run if same and run.method == model.method and kept == wanted else None
