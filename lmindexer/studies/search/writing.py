"""The report in Markdown: a table a corpus, IDs with the sizes of their groups, paired tests, cost, what differs."""

import datetime
import os
import platform
from collections.abc import Sequence

import numpy as np

from lmindexer.ids.grouping import group_rows
from lmindexer.quality import category_agreement
from lmindexer.runs.task_run import TaskRun
from lmindexer.studies.search.published import DIFFERENCES, PRODUCTS, RETRIEVAL
from lmindexer.tasks.base import Task
from lmindexer.tasks.comparison import Evaluation
from lmindexer.tasks.loading import load_task_model
from lmindexer.tasks.search import GenerativeRetriever

METRIC = "NDCG@10"  # what methods are compared by
VIEWS = {"all": "", "ties": ", ties by vector", "hybrid": ", + λ · dense"}


def report(results: Sequence[tuple[Task, list[TaskRun]]], command: str = "") -> str:
    """The whole report: results of each corpus its task and the finished runs on it; the line that made it."""
    product = bool(results) and results[0][0].kind == "product_search"
    parts = [f"# {'Table 4: product search' if product else 'Table 6: document retrieval'}"]
    parts += [f"```sh\n{command}\n```"] if command else []
    parts.append(
        f"- written {datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC on {platform.machine()}, one thread of "
        f"{os.cpu_count()} cores; *seconds* are processor seconds of one fit, encoding of texts included unless the "
        "cache had them\n"
        "- intervals: 95 %, percentile bootstrap over queries; ± is the standard deviation over seeds"
    )
    for task, runs in results:
        parts += _corpus(task, runs)
    parts.append(_slides(product))
    parts.append("## What differs from the slides\n\n" + "\n".join(f"- {line}" for line in DIFFERENCES))
    return "\n\n".join(parts) + "\n"


def _corpus(task: Task, runs: list[TaskRun]) -> list[str]:
    parts = [f"## {task.corpus.name}", f"{task!r}." + "".join(f" {note}." for note in task.notes)]
    if not runs:
        return [*parts, "No run is finished yet."]
    models = [load_task_model(run.path) for run in runs]
    found = task.evaluate(models)
    parts += [results_table(found, task.metrics), _ids_table(task, models, found)]
    if len(found.methods) > 1:
        parts.append(_tests(found))
    return [part for part in parts if part]


def results_table(found: Evaluation, metrics: Sequence[str]) -> str:
    """One line a method and view, in order of the first view's NDCG@10."""
    table = found.table()
    rows = []
    for line in table.sort_values(METRIC).to_dict(orient="records"):
        numbers = [_spread(line, metric) for metric in metrics]
        low, high = line[f"{METRIC} low"], line[f"{METRIC} high"]
        name = f"{line['method']}{VIEWS.get(line['view'], line['view'])}"
        rows.append([name, *numbers, f"{low:.4f}–{high:.4f}", str(line["seeds"]), f"{line['processor_seconds']:,.0f}"])
    return _markdown(["method", *metrics, f"{METRIC} interval", "seeds", "seconds"], rows)


def _ids_table(task: Task, models: list, found: Evaluation) -> str:
    """IDs of generative models: sizes of the groups of equal codes, agreement with the categories, what search gets."""
    rows, seen = [], set()
    labels = task.corpus.labels(1 if task.corpus.levels else None)  # whole paths may nearly all be different
    for model in models:
        if not isinstance(model, GenerativeRetriever) or model.name in seen:
            continue
        seen.add(model.name)
        sizes = np.sort(group_rows(model.ids_.codes).counts)[::-1]
        of_c1 = category_agreement(labels, model.ids_.codes[:, 0])
        ami = "-" if of_c1.ami is None or of_c1.says_nothing else f"{of_c1.ami:z.3f}"
        values = [np.mean([v.mean() for v in found.seeds_of(model.name, METRIC, view)]) for view in ("all", "hybrid")]
        shares = f"{(sizes > 1) @ sizes / sizes.sum():.1%}", str(sizes[0]), f"{(sizes**2).sum() / sizes.sum():.1f}"
        rows.append([model.name, f"{len(sizes):,}", *shares, ami, *(f"{value:.4f}" for value in values)])
    if not rows:
        return ""
    head = ["IDs and form", "distinct IDs", "documents that share one", "largest group", "mean group of a document"]
    text = _markdown([*head, "AMI of c¹ with level 1", METRIC, f"{METRIC} + λ · dense"], rows)
    return f"### The IDs\n\n{text}"


def _tests(found: Evaluation) -> str:
    best = max(found.methods, key=lambda method: np.mean([v.mean() for v in found.seeds_of(method, METRIC, "all")]))
    rows = [
        [one.second, f"{one.difference:+.4f}", f"{one.low:+.4f} to {one.high:+.4f}", f"{one.p_holm:.3f}"]
        for one in found.compare(best, METRIC, "all").itertuples()
    ]
    head = ["against", f"difference in {METRIC}", "95 % interval", "p (Holm)"]
    return f"### Paired over queries, against {best}\n\n{_markdown(head, rows)}"


def _slides(product: bool) -> str:
    if product:
        head = ["slides' Table 4", *(f"{name} {m}" for name in ("Beauty", "Sports", "Toys") for m in ("N@5", "MAP@5"))]
    else:
        head = ["slides' Table 6", "NQ R@1", "NQ R@10", "TREC-DL R@10", "TREC-DL N@10", "MACRO MRR@10"]
    lines = PRODUCTS if product else RETRIEVAL
    rows = [[name, *("-" if value is None else f"{value:.4f}" for value in line)] for name, line in lines.items()]
    return f"## The slides' table\n\n{_markdown(head, rows)}"


def _spread(line: dict, metric: str) -> str:
    sd = line[f"{metric} sd"]
    return f"{line[metric]:.4f}" + (f" ± {sd:.4f}" if sd == sd else "")


def _markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
