"""From noted runs to tables: one flat row a run, means and standard deviations over seeds, Markdown."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

PREFIXES = ("c1", "c1c2", "c1c2c3", "c1c2c3c4")
SCORES = ("ami", "nmi", "homogeneity", "completeness", "purity")


@dataclass(frozen=True)
class Column:
    """A column of a table: its name in `flat`, its heading, its digits."""

    name: str
    heading: str
    digits: int = 3
    spread: bool = True  # also the standard deviation


def flat(found: dict) -> dict:
    """One row of a noted run, by plain names.

    corpus, category_text, label, method, seed, seconds (`training_seconds`), embedding, embedding_seconds, documents;
    perplexity_c1 …, within_c2, diff_ratio_c2,
    prefixes_c1, prefixes_c1c2 …, unique_share, colliding_documents, largest_group; ami_c1, nmi_c1, … of the leaf
    category (`leaf_level`) for c1 and c1c2, ami_c1_level1 … of each level; neighbours_c1, neighbours_c1c2; and of the
    last epoch of the discrete stage macro_f1_c1, id_consistency, ….
    """
    run, m = found["run"], found["measures"]
    row = {name: run[name] for name in ("corpus", "category_text", "label", "method", "seed")}
    row |= {"seconds": found.get("training_seconds"), "documents": found["documents"]}  # older runs noted none
    row |= {"embedding_seconds": found.get("embedding_seconds"), "embedding": _embedding(found)}
    for place in range(len(m["perplexity"])):
        row[f"perplexity_c{place + 1}"] = m["perplexity"][place]
        row[f"within_c{place + 1}"] = m["within_prefix_perplexity"][place]
        row[f"diff_ratio_c{place + 1}"] = m["diff_ratio"][place]
    for name, count in zip(PREFIXES, m["collisions"]["distinct_prefixes"], strict=False):
        row[f"prefixes_{name}"] = count
    for name in ("unique_share", "colliding_documents", "largest_group"):
        row[name] = m["collisions"][name]
    leaf = leaf_level({one["level"]: one["classes"] for one in m["agreement"]}, _labelled(m["agreement"]))
    for one in m["agreement"]:
        if one["prefix_length"] > len(PREFIXES):
            continue
        prefix = PREFIXES[one["prefix_length"] - 1]
        # a level of one class, or of a class a document, says nothing of any codes; one code for all is a failure, and
        # its AMI of 0 stays in the means
        silent = one["documents"] and one["classes"] in (1, one["documents"])
        scores = {name: None if silent and name == "ami" else one[name] for name in SCORES}
        row[f"ami_{prefix}_level{one['level']}"] = scores["ami"]
        row[f"one_{prefix}"] = bool(one["documents"]) and one["prefixes"] == 1
        if one["level"] == leaf:
            row |= {f"{name}_{prefix}": scores[name] for name in SCORES} | {f"classes_{prefix}": one["classes"]}
    row |= {name: m[name] for name in ("neighbours_c1", "neighbours_c1c2")}
    return row | _trained(m["history"])


def _embedding(found: dict) -> str:
    """What tells one embedding from another: its settings, or the line of the table where it is part of the method."""
    given = found.get("settings", {}).get("embeddings")
    return found["run"]["label"] if given is None else json.dumps(given, sort_keys=True)


def cost_of_embeddings(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with embedding_seconds of whoever made the embedding: the most that any run with it needed.

    Runs of one corpus and text that share an embedding make it once, and read it from the cache after that; the cache
    says what it took (`costs`), which a run noted before 2026-11-27 did not ask.
    """
    if "embedding_seconds" not in frame:
        return frame
    seconds = frame["embedding_seconds"].astype(float)
    by = [frame[name] for name in ("corpus", "category_text", "embedding")]
    return frame.assign(embedding_seconds=seconds.groupby(by).transform("max"))


def leaf_level(classes: Mapping[int, int], documents: int) -> int:
    """The category level that AMI is asked of: the deepest that has two documents a class or more; 0 without levels.

    Where nearly every document has a path of its own, as in ATT&CK, no codes can agree with the whole path.

    >>> leaf_level({1: 14, 2: 216, 3: 691}, 691), leaf_level({1: 9, 2: 39}, 2420)
    (2, 2)
    """
    enough = [level for level, count in classes.items() if 2 * count <= documents]
    return max(enough) if enough else min(classes, default=0)


def _labelled(agreement: list[dict]) -> int:
    return max((one["documents"] for one in agreement), default=0)


def _trained(history: list[dict]) -> dict:
    """What the discrete stages ended with."""
    row = {}
    for one in history:  # in order, so the last epoch stays
        if one["stage"] == "discrete":
            position = int(one["position"])
            row[f"macro_f1_c{position}"] = one.get("macro_f1")
            row[f"trained_perplexity_c{position}"] = one.get("perplexity")
            row[f"trained_diff_ratio_c{position}"] = one.get("diff_ratio")
            if one.get("id_consistency") is not None:
                row["id_consistency"] = one["id_consistency"]
    return row


def mean_sd(values: Iterable, digits: int = 3, spread: bool = True) -> str:
    """Mean ± standard deviation (of the sample, N - 1) of those that are numbers; "-" where there is none.

    >>> mean_sd([0.5, 0.7]), mean_sd([0.5]), mean_sd([-0.00001]), mean_sd([None])
    ('0.600 ± 0.141', '0.500', '0.000', '-')
    """
    numbers = np.array([v for v in values if v is not None and not pd.isna(v)], dtype=float)
    if not len(numbers):
        return "-"
    text = f"{numbers.mean():z.{digits}f}"  # z: an AMI just below chance is 0.000, not -0.000
    return text + (f" ± {numbers.std(ddof=1):.{digits}f}" if spread and len(numbers) > 1 else "")


def markdown(heading: Sequence[str], rows: Iterable[Sequence]) -> str:
    """A Markdown table.

    >>> print(markdown(["a", "b"], [[1, 2]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(
        "|" + "|".join(line) + "|" if line is lines[1] else "| " + " | ".join(str(cell) for cell in line) + " |"
        for line in lines
    )


def one_code(frame: pd.DataFrame) -> str:
    """Which runs gave all documents one first code, as a paragraph; "" where none did.

    >>> one_code(pd.DataFrame({"label": ["HC", "HC"], "seed": [1, 2], "one_c1": [False, True]}))
    'All documents have one first code in HC (seed 2); the AMI of c1 says nothing there and counts as it is, 0.'
    """
    some = frame[frame["one_c1"].astype("boolean").fillna(False)] if "one_c1" in frame else frame[:0]
    if not len(some):
        return ""
    named = [f"{label} (seed {', '.join(map(str, sorted(group['seed'])))})" for label, group in some.groupby("label")]
    where = "; ".join(named)
    return f"All documents have one first code in {where}; the AMI of c1 says nothing there and counts as it is, 0."


def means_table(frame: pd.DataFrame, labels: Sequence[str], columns: Sequence[Column]) -> str:
    """One line a method, in the order of `labels`: number of seeds, then mean ± s.d. of each column that is there."""
    shown = [c for c in columns if c.name in frame and frame[c.name].notna().any()]
    rows = []
    for label in labels:
        group = frame[frame["label"] == label]
        if len(group):
            cells = [mean_sd(group[c.name], c.digits, c.spread) for c in shown]
            rows.append([label, len(group), *cells])
    return markdown(["method", "seeds", *(c.heading for c in shown)], rows)


def settings_of(frame: pd.DataFrame) -> list[tuple[str, bool]]:
    """The (corpus, category_text) pairs that have a finished run, in the order they appear."""
    return list(dict.fromkeys(zip(frame["corpus"], frame["category_text"], strict=True)))


def part(frame: pd.DataFrame, corpus: str, category_text: bool) -> pd.DataFrame:
    """The rows of one corpus and text."""
    return frame[(frame["corpus"] == corpus) & (frame["category_text"] == category_text)]


def title(corpus: str, category_text: bool) -> str:
    return f"{corpus}, {'with' if category_text else 'without'} category text"
