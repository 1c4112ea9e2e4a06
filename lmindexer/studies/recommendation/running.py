"""Fit what is not there yet: one run a line and seed, each a task run that opens again."""

from collections.abc import Callable, Sequence
from pathlib import Path

from lmindexer.common.errors import BundleError
from lmindexer.common.jsonfiles import json_safe
from lmindexer.runs.task_run import TaskRun, find_task_runs
from lmindexer.settings.rules import with_effect
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

    A finished run of the same settings is taken as it is, a stopped one goes on from its last checkpoint. One of other
    settings is fitted anew, and `say` is told which differ. A line without chance runs once. report_only: fit nothing.

    Raises BundleError where a finished run of another task lies: other documents, queries or splits.
    """
    found = []
    for line in lines:
        for seed in seeds if line.seeded else seeds[:1]:
            place = folder / task.corpus.name / f"{line.word}-{seed}"
            model = line.make(seed)
            run, changed = _finished(place, model, task)
            if run is None and not report_only:
                why = f" (anew, for these settings changed: {', '.join(changed)})" if changed else ""
                say(f"{task.corpus.name}: {line.label}, seed {seed}{why}")
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


def _finished(place: Path, model: TaskModel, task: Task) -> tuple[TaskRun | None, list[str]]:
    """The run to take; otherwise None and which settings of a run that lies there differ."""
    try:
        run = TaskRun.open(place)
    except BundleError:
        return None, []
    if run.manifest["task"].get("fingerprint") != task.fingerprint:
        raise BundleError(
            f"{place}: a finished run of another task lies there (other documents, queries or splits), and would be "
            "lost. Give --folder another folder, or rename this one."
        )
    wanted = with_effect(json_safe(model.settings))
    chosen = with_effect(
        run.manifest["settings"]
    )  # what the fit itself chose by validation stands there in place of None
    changed = [name for name, value in wanted.items() if value is not None and chosen.get(name) != value]
    changed += ["the method"] if run.method != model.method else []
    return (None, changed) if changed else (run, [])
