"""What the report says of recommenders by semantic IDs: the IDs beside the recommender, and where answers are lost."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pandas as pd

from lmindexer.corpus.corpus import Corpus
from lmindexer.quality import category_agreement
from lmindexer.runs.task_run import TaskRun
from lmindexer.studies.tables import leaf_level
from lmindexer.tasks import load_task_model
from lmindexer.tasks.base import MODELS, Task
from lmindexer.tasks.decoding import lost_table
from lmindexer.tasks.recommendation.by_ids import IDRecommender

METRICS = ("Recall@5", "NDCG@5")
WIDTH = 20  # of the beam whose losses are told
STEPS = (0, 1, 6, 21)  # interactions of the right item in the training data: the first of each group


def ids_frame(task: Task, runs: Sequence[tuple[TaskRun, IDRecommender]]) -> pd.DataFrame:
    """One row a finished run and its model: its IDs and what they are worth.

    model, seed, AMI at 1 … AMI at T (of the prefixes of that length with `leaf_labels`; missing where it says nothing),
    shared (share of documents whose codes another document has too), Recall@5 and NDCG@5 of the test, raw.
    """
    labels = leaf_labels(task.corpus)
    rows = []
    for run, model in runs:
        codes = model.ids_.codes
        row = {"model": model.name, "seed": model.settings.get("seed")}
        for length in range(1, codes.shape[1] + 1) if labels is not None else ():
            groups = pd.factorize(pd.MultiIndex.from_arrays(codes[:, :length].T))[0]
            agreement = category_agreement(labels, groups)
            row[f"AMI at {length}"] = None if agreement.says_nothing else agreement.ami
        counts = pd.Series(list(map(tuple, codes.tolist()))).duplicated(keep=False)
        row["shared"] = float(counts.mean())
        found = task.evaluate(run, metrics=METRICS)
        rows.append(row | {metric: float(np.mean(found.seeds_of(run.label, metric))) for metric in METRICS})
    return pd.DataFrame(rows)


def leaf_labels(corpus: Corpus) -> np.ndarray | None:
    """[N] categories at the level that AMI is asked of (`tables.leaf_level`); None without categories."""
    by_level = {level: corpus.labels(level) for level in range(1, corpus.levels + 1)}
    classes = {level: len(np.unique(labels[labels != ""])) for level, labels in by_level.items()}
    return by_level[leaf_level(classes, int((by_level[1] != "").sum()))] if by_level else None


def lost_by_popularity(model: IDRecommender, width: int = WIDTH) -> pd.DataFrame:
    """`lost_table` of the test split, by how often the right item stands in the training data (0: a new item)."""
    lost = model.where_lost("test", width, exact=False)
    often = np.bincount(model.task_.train.items, minlength=len(model.task_.corpus))[lost["document"]]
    names = [f"{a}–{b - 1}" if b - a > 1 else f"{a}" for a, b in pairwise(STEPS)] + [f"{STEPS[-1]} or more"]
    group = np.searchsorted(STEPS, often, side="right") - 1
    found = lost_table(lost, group)
    return pd.concat([found.assign(group=[names[g] for g in found["group"]]), lost_table(lost)], ignore_index=True)


def by_ids(task: Task, runs: Sequence[TaskRun]) -> list[str]:
    """The parts of the report: IDs and recall where there are several models, losses of the best one."""
    kept = [run for run in runs if issubclass(MODELS.get(run.method, object), IDRecommender) and run.model_folder]
    both = [(run, load_task_model(run.path)) for run in kept]
    if not both:
        return []
    parts, frame = [], ids_frame(task, both)
    if len(both) > 1:
        parts.append("The IDs, and what they are worth (raw):\n\n" + _table(frame.sort_values("Recall@5")))
    best = both[int(frame["Recall@5"].argmax())][1]
    said = (
        f"Where {best.name} loses the answer, beam {WIDTH}, by how often the right item stands in the training data "
        "(shares of queries; p: geometric mean of the probability of each right code after the right ones before it):"
    )
    return [*parts, f"{said}\n\n{_table(lost_by_popularity(best))}"]


def _table(frame: pd.DataFrame) -> str:
    lines = [frame.columns, ["---"] * frame.shape[1], *(map(_cell, row) for row in frame.itertuples(index=False))]
    return "\n".join("| " + " | ".join(map(str, line)) + " |" for line in lines)


def _cell(value) -> str:
    if pd.isna(value):  # such as an agreement that says nothing
        return "-"
    return f"{value:z.4f}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)
