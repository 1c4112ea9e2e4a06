"""The report in Markdown: a table a corpus beside published figures, paired tests, what is met and missed."""

import datetime
import os
import platform
from collections.abc import Sequence

import numpy as np

from lmindexer.runs.task_run import TaskRun
from lmindexer.studies.recommendation.by_ids import by_ids
from lmindexer.studies.recommendation.published import DIFFERENCES, RERUNS, SLIDES
from lmindexer.tasks.base import Task
from lmindexer.tasks.comparison import Evaluation

METRIC = "Recall@5"  # what models are compared by


def report(results: Sequence[tuple[Task, list[TaskRun]]], command: str = "") -> str:
    """The whole report.

    Args:
        results: of each corpus its task and the finished runs on it.
        command: the line that made it.
    """
    parts = ["# Table 3: which item comes next?"]
    parts += [f"```sh\n{command}\n```"] if command else []
    parts.append(
        f"- written {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC on {platform.machine()}, one thread of "
        f"{os.cpu_count()} cores; *seconds* are processor seconds of one fit, which include a share of other programs' "
        "work on the same cores\n"
        "- intervals: 95 %, percentile bootstrap over users; ± is the standard deviation over seeds"
    )
    for task, runs in results:
        parts += _corpus(task, runs)
    parts.append("## What differs from the published set-ups\n\n" + "\n".join(f"- {line}" for line in DIFFERENCES))
    return "\n\n".join(parts) + "\n"


def _corpus(task: Task, runs: list[TaskRun]) -> list[str]:
    title = f"## {task.corpus.name}"
    counts = f"{len(task.corpus):,} items, {len(task.users):,} users, {len(task.all.items):,} interactions"
    asked = f"{counts}; the test asks about {len(task.asked):,} users."
    if not runs:
        return [title, f"{asked} No run is finished yet."]
    found = task.evaluate(runs)
    parts = [title, asked, results_table(found, task.corpus.name)]
    if len(found.methods) > 1:
        parts.append(_tests(found))
    parts += _published(task.corpus.name, found)
    return [*parts, *by_ids(task, runs), _settings(runs)]


def results_table(found: Evaluation, corpus: str) -> str:
    """One line a model: the slides' figures, ours raw with an interval, ours without seen items."""
    slides = SLIDES.get(corpus, {})
    table = {view: frame.set_index("method") for view, frame in found.table().groupby("view", sort=False)}
    raw, unseen = table["raw"], table["unseen"]
    order = raw[METRIC].sort_values().index
    head = ["model", "slides R@5 / N@5", "R@5 (interval)", "N@5", "R@10", "N@10"]
    head += ["unseen R@5", "N@5", "R@10", "N@10", "seeds", "seconds"]
    rows = []
    for method in order:
        line, other = raw.loc[method], unseen.loc[method]
        said = "{:.4f} / {:.4f}".format(*slides[method]) if method in slides else "-"
        first = f"{_spread(line, METRIC)} ({line[f'{METRIC} low']:.4f}–{line[f'{METRIC} high']:.4f})"
        rest = [_spread(line, m) for m in ("NDCG@5", "Recall@10", "NDCG@10")]
        rest += [_spread(other, m) for m in ("Recall@5", "NDCG@5", "Recall@10", "NDCG@10")]
        rows.append([method, said, first, *rest, str(line["seeds"]), f"{line['processor_seconds']:,.0f}"])
    return _markdown(head, rows)


def _spread(line, metric: str) -> str:
    sd = line[f"{metric} sd"]
    return f"{line[metric]:.4f}" + (f" ± {sd:.4f}" if sd == sd else "")


def _tests(found: Evaluation) -> str:
    best = max(found.methods, key=lambda method: _mean(found, method))
    compared = found.compare(best, METRIC)
    head = [f"{best} against", f"difference in raw {METRIC}", "95 % interval", "p (Holm)"]
    rows = [
        [one.second, f"{one.difference:+.4f}", f"{one.low:+.4f} to {one.high:+.4f}", _p(one.p_holm)]
        for one in compared.itertuples()
    ]
    return "Paired over users (bootstrap, sign flips):\n\n" + _markdown(head, rows)


def _mean(found: Evaluation, method: str) -> float:
    return float(np.mean(found.seeds_of(method, METRIC)))


def _p(value: float) -> str:
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _published(corpus: str, found: Evaluation) -> list[str]:
    if corpus not in SLIDES:
        return []
    rows = [[model, f"{recall:.4f}", whose] for model, (recall, whose) in RERUNS[corpus].items()]
    parts = ["Others on the same split:\n\n" + _markdown(["model", "R@5", "from"], rows)]
    lines = []
    for model, (recall, _) in SLIDES[corpus].items():
        if model in found.methods:
            ours = _mean(found, model)
            met = "met" if ours >= recall else "**missed**"
            lines.append(f"- {model}: {ours:.4f} here, {recall:.4f} on the slides: {met}")
    return [*parts, "Against the slides (raw Recall@5):\n\n" + "\n".join(lines)] if lines else parts


def _settings(runs: list[TaskRun]) -> str:
    """What each model was fitted with, that a reader can repeat it: one line a model, of its first run."""
    first = {run.label: run for run in reversed(runs)}
    lines = []
    for label, run in sorted(first.items()):
        said = ", ".join(f"{name}={value}" for name, value in run.manifest["settings"].items() if name != "seed")
        epochs = "" if run.history is None else f" ({len(run.history)} epochs run)"
        lines.append(f"- {label}{epochs}: {said or 'nothing to set'}")
    return "<details><summary>Settings</summary>\n\n" + "\n".join(lines) + "\n\n</details>"


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)
