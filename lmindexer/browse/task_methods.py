"""Methods side by side on one task: which runs belong together, their table, and what each did with every query."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.grouping import group_rows
from lmindexer.quality import category_agreement
from lmindexer.runs.task_run import TaskRun
from lmindexer.tasks import recommendation  # noqa: F401 (its models are known from here on)
from lmindexer.tasks.base import MODELS, Task, TaskModel, rankings_of, task_of
from lmindexer.tasks.comparison import Evaluation
from lmindexer.tasks.search import SearchModel

LOST_UP_TO = 2_000  # queries of a split that are followed down the tree; of more, this many drawn at random
FOUND = 0  # the position at which a path that was never lost was lost


def of_corpus(runs: Mapping[str, TaskRun], fingerprint: str | None) -> dict[str, TaskRun]:
    """The task runs over one corpus; all of them where none is named."""
    return {key: run for key, run in runs.items() if fingerprint in (None, run.manifest["corpus"].get("fingerprint"))}


def by_task(runs: Mapping[str, TaskRun]) -> dict[str, dict[str, TaskRun]]:
    """{name of a task: its runs}: the same corpus, splits and options, the task with the most runs first.

    A name is the kind, with the beginning of the fingerprint where two tasks of a kind differ.
    """
    found: dict[tuple, dict[str, TaskRun]] = {}
    for key, run in runs.items():
        found.setdefault((run.kind, str(run.manifest["task"].get("fingerprint"))), {})[key] = run
    kinds = [kind for kind, _ in found]
    ordered = sorted(found.items(), key=lambda pair: -len(pair[1]))
    return {kind if kinds.count(kind) == 1 else f"{kind} {mark[:6]}": some for (kind, mark), some in ordered}


@dataclass(frozen=True, eq=False)
class Methods:
    """The runs of one task, measured.

    Attributes:
        task: what they were asked.
        evaluation: every metric of every query, by method and seed.
        keys: {method: keys of its runs, a seed each}.
        broken: {key: why it was left out}.
    """

    task: Task
    evaluation: Evaluation
    keys: dict[str, list[str]]
    broken: dict[str, str]

    def table(self, view: str) -> pd.DataFrame:
        """`Evaluation.table` of one view, the best by the first metric first, with `key` of the method's first run."""
        table = self.evaluation.table()
        table = table[table["view"] == view].drop(columns="view")
        table = table.sort_values(self.task.metrics[0], ascending=False, kind="stable", ignore_index=True)
        return table.assign(key=[self.keys[method][0] for method in table["method"]])


def measured(runs: Mapping[str, TaskRun]) -> Methods:
    """Measure the runs of one task by the rankings that they keep.

    Raises LMIndexerError where none can be read.
    """
    task, found, keys, broken = None, None, {}, {}
    for key, run in runs.items():
        try:
            task = task or task_of(run)
            one = task.evaluate(run)
        except (LMIndexerError, OSError) as error:
            broken[key] = str(error)
            continue
        found = one if found is None else found.join(one)
        keys.setdefault(run.label, []).append(key)
    if found is None:
        raise LMIndexerError(next(iter(broken.values()), "There is no run of this task."))
    return Methods(task, found, keys, broken)


def ids_and_metric(found: Methods, models: Mapping[str, TaskModel], view: str, length: int, level: int) -> pd.DataFrame:
    """What the IDs of each method are, beside what the method reaches: `Methods.table` of those with IDs, and

    ami (of the prefixes of `length` codes, or of whole IDs that are shorter, with a category level; missing where it
    says nothing), shared (share of documents whose codes another one has too). Several seeds: the first one's IDs.

    Args:
        models: {key of a run: its model}, at least of the methods' first runs; others are left out.
    """
    table = found.table(view)
    table = table[table["key"].isin(models)].reset_index(drop=True)
    labels, rows = found.task.corpus.labels(level), []
    for key in table["key"]:
        codes = models[key].ids_.codes
        agreement = category_agreement(labels, group_rows(codes[:, :length]).index)
        counts = group_rows(codes).counts
        ami = None if agreement.says_nothing else agreement.ami
        rows.append({"ami": ami, "shared": float(counts[counts > 1].sum() / len(codes))})
    return table.join(pd.DataFrame(rows, columns=["ami", "shared"], dtype=float))


def outcomes(run: TaskRun, task: Task, view: str) -> pd.DataFrame:
    """What a run did with every query of the test split, in the task's order.

    Columns: query (its name), asked (a search's text; "" elsewhere), document (doc_id of the right one, of several
    the best ranked), title, right (their number), rank (of the best one; 0: not among those that the run keeps).

    Raises BundleError where a file of the run is gone.
    """
    queries, judged, corpus = task.query_ids("test"), task.judgements("test"), task.corpus
    ranking = rankings_of(run.rankings, queries, corpus.doc_ids).get(view)
    first = pd.Series(judged.document).groupby(judged.query).first().reindex(range(judged.queries)).to_numpy(np.int64)
    rank = np.zeros(judged.queries, np.int64)
    if ranking is not None:
        hit = judged.gains_of(ranking.documents) > 0
        rank = np.where(hit.any(1), hit.argmax(1) + 1, 0)
        best = ranking.documents[np.arange(len(hit)), hit.argmax(1)]
        first = np.where(hit.any(1), best, first)
    asked = task.texts("test") if hasattr(task, "texts") else [""] * len(queries)
    titles = corpus.titles
    frame = {"query": queries, "asked": asked, "document": corpus.doc_ids[first]}
    frame |= {"title": [titles[place] for place in first], "right": judged.counts, "rank": rank}
    return pd.DataFrame(frame)


def writes_ids(run: TaskRun) -> bool:
    """Whether the run's model answers by semantic IDs; told without loading it."""
    return hasattr(MODELS.get(run.method), "tree")


def goes_down_a_tree(model: TaskModel) -> bool:
    """Whether the model answers by semantic IDs, code by code."""
    return hasattr(model, "tree") and hasattr(model, "scorer")


def losses(model: TaskModel, width: int, up_to: int = LOST_UP_TO, seed: int = 0) -> pd.DataFrame:
    """Where each query's right path left a beam of `width`, one row a query of the test split (or of `up_to` drawn).

    Columns: those of `decoding.where_lost`. Of several right documents the one that came furthest counts; it is found
    where one is. `query` is the row in the task's order.
    """
    queries = model.task_.judgements("test").queries
    rows = np.arange(queries)
    if queries > up_to:
        rows = np.sort(np.random.default_rng(seed).choice(queries, up_to, replace=False))
    if isinstance(model, SearchModel):
        frame = model.lost("test", width, rows)
    else:
        frame = model.where_lost("test", width, rows=rows)
    depth = frame["lost"].where(frame["lost"] != FOUND, frame["lost"].max() + 1)
    best = frame.assign(depth=depth).sort_values(["query", "depth", "score"], ascending=[True, False, False])
    return best.drop_duplicates("query").drop(columns="depth").reset_index(drop=True)


def went_wrong(found: pd.DataFrame, lost: pd.DataFrame | None) -> pd.DataFrame:
    """`outcomes` with what `losses` says (lost, beam_rank, exact_rank), the earliest lost first.

    Queries whose path was kept follow, those with the worst rank first. Without a tree: by rank alone.
    """
    if lost is not None:
        said = lost.set_index("query")[["lost", "beam_rank", "exact_rank"]]
        found = found.join(said, how="inner")
    last = found["rank"].max() + 1
    rank = -found["rank"].where(found["rank"] > 0, last)
    lost_at = rank * 0 if lost is None else found["lost"].where(found["lost"] != FOUND, 1 + found["lost"].max())
    order = np.lexsort((rank, lost_at))
    return found.iloc[order].reset_index(drop=True)
