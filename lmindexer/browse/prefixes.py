"""What lies under a prefix: its codes, their categories, and the tree c1 → c2 → … for a picture."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmindexer.browse.run import Prefix, RunBrowser, remembered
from lmindexer.common.errors import LMIndexerError


@dataclass(frozen=True)
class Distribution:
    """Documents under a prefix by category and next code: the slides' figure as a table.

    Attributes:
        prefix: the prefix; () is the whole corpus.
        position: of the next code, counted from 1.
        level: category level.
        cells: label, rank (-2 = all categories past the most frequent ones), code (-2 = all codes past the most
            frequent ones), documents; one row per non-empty cell.
        documents: in all of them.
        other_categories, other_codes: how many are summed up in -2.
    """

    prefix: tuple[int, ...]
    position: int
    level: int
    cells: pd.DataFrame
    documents: int
    other_categories: int
    other_codes: int


OTHER = -2  # stands for everything past the most frequent ones


@remembered
def distribution(
    run: RunBrowser, prefix: Prefix = (), level: int = 1, top: int = 20, top_codes: int = 40
) -> Distribution:
    """Categories of the documents under `prefix`, split by the code that comes next.

    Args:
        level: category level, 1 … n.
        top: so many categories are named, the most frequent under this prefix; the rest are summed up.
        top_codes: the same for codes.
    """
    prefix = run.checked(prefix)
    if len(prefix) >= run.positions:
        raise LMIndexerError("No code comes after a full ID.")
    code, group = f"c{len(prefix) + 1}", f"g{run.checked_level(level)}"
    cells = run.frame(
        f"SELECT {group} AS rank, {code} AS code, count(*) AS documents FROM docs "
        f"WHERE {run.where(prefix)} GROUP BY ALL"
    )
    ranks, other_categories = _most_frequent(cells, "rank", top)
    codes, other_codes = _most_frequent(cells, "code", top_codes)
    cells["rank"] = cells["rank"].where(cells["rank"].isin(ranks), OTHER)
    cells["code"] = cells["code"].where(cells["code"].isin(codes), OTHER)
    cells = cells.groupby(["rank", "code"], as_index=False)["documents"].sum()
    labels = {**run.labels_of(level, ranks), OTHER: f"other ({other_categories:,} categories)"}
    cells.insert(0, "label", cells["rank"].map(labels))
    documents = int(cells["documents"].sum())
    return Distribution(prefix, len(prefix) + 1, level, cells, documents, other_categories, other_codes)


def _most_frequent(cells: pd.DataFrame, column: str, top: int) -> tuple[set[int], int]:
    totals = cells.groupby(column)["documents"].sum().sort_values(ascending=False, kind="stable")
    return set(totals.index[:top].tolist()), max(len(totals) - top, 0)


@remembered
def children(run: RunBrowser, prefix: Prefix = (), level: int | None = 1) -> pd.DataFrame:
    """One row for each code that follows `prefix`, the most frequent first.

    Columns: code, documents, share (of the prefix's documents), prefixes (distinct codes one position further,
    0 at the last), and with a category level: category (the leading one), rank, purity = share of the leading
    category among the labelled documents, lift = purity / share of that category in the labelled corpus,
    entropy = -Σ p log₂ p over the categories, in bits.
    """
    prefix = run.checked(prefix)
    if len(prefix) >= run.positions:
        return pd.DataFrame(columns=["code", "documents", "share", "prefixes"])
    code = f"c{len(prefix) + 1}"
    deeper = f"count(DISTINCT c{len(prefix) + 2})" if len(prefix) + 2 <= run.positions else "0"
    found = run.frame(
        f"SELECT {code} AS code, count(*) AS documents, {deeper} AS prefixes FROM docs "
        f"WHERE {run.where(prefix)} GROUP BY {code} ORDER BY documents DESC, code"
    )
    found.insert(2, "share", found["documents"] / max(found["documents"].sum(), 1))
    if level is None or not run.levels:
        return found
    return found.merge(_agreement(run, prefix, code, level), on="code", how="left")


def _agreement(run: RunBrowser, prefix: Prefix, code: str, level: int) -> pd.DataFrame:
    group = f"g{run.checked_level(level)}"
    cells = run.frame(
        f"SELECT {code} AS code, {group} AS rank, count(*) AS n FROM docs "
        f"WHERE {run.where(prefix)} AND {group} >= 0 GROUP BY ALL"
    )
    grouped = cells.sort_values(["code", "n", "rank"], ascending=[True, False, True]).groupby("code")
    leading = grouped.first().join(grouped["n"].sum().rename("labelled"))
    share = cells["n"] / grouped["n"].transform("sum").reindex(cells.index)
    leading["entropy"] = -(share * np.log2(share)).groupby(cells["code"]).sum() + 0.0
    sizes = run.frame(f"SELECT rank, documents FROM category_{level}").set_index("rank")["documents"]
    leading["purity"] = leading["n"] / leading["labelled"]
    leading["lift"] = leading["purity"] / (leading["rank"].map(sizes) / sizes.sum())
    leading["category"] = leading["rank"].map(run.labels_of(level, leading["rank"]))
    return leading.reset_index()[["code", "category", "rank", "purity", "lift", "entropy"]]


@remembered
def summary(run: RunBrowser, prefix: Prefix, level: int | None = 1) -> dict:
    """The numbers of one prefix: documents, share of the corpus, and its leading category (see `children`)."""
    prefix = run.checked(prefix)
    documents = run.count(prefix)
    found = {"documents": documents, "share": documents / max(run.documents, 1)}
    if level is None or not run.levels or not prefix or not documents:
        return found
    row = _agreement(run, prefix, f"c{len(prefix)}", level)
    return {**found, **(row.iloc[0].to_dict() if len(row) else {})}


@remembered
def tree(run: RunBrowser, prefix: Prefix = (), depth: int = 3, level: int = 1, per_level: int = 400) -> pd.DataFrame:
    """The prefixes below `prefix` as nodes of a tree, at most `per_level` of each length.

    Columns: id ("3.17"), parent (id; "" at the top), length, code (-2 = the sum of what is left out below the
    parent), documents, category, rank, purity. The largest prefixes are kept; what is left out of a parent is
    one node, so that children always sum up to their parent.
    """
    prefix = run.checked(prefix)
    top = pd.DataFrame({"id": [key(prefix)], "documents": [run.count(prefix)]})
    parts, parents = [_node(run, prefix, level)], top
    for length in range(len(prefix) + 1, min(len(prefix) + depth, run.positions) + 1):
        nodes = _level_of_tree(run, prefix, length, level, per_level)
        nodes = nodes[nodes["parent"].isin(parents["id"])]
        kept = nodes.groupby("parent")["documents"].sum()
        parents = parents.assign(kept=parents["id"].map(kept).fillna(0))
        rest = parents[parents["kept"] < parents["documents"]]
        names = [f"{one}.rest" for one in rest["id"]]  # no sum: without rows the ids are no texts
        left = pd.DataFrame({"id": names, "parent": rest["id"], "length": length, "code": OTHER})
        left["documents"] = (rest["documents"] - rest["kept"]).astype(np.int64)
        parts += [nodes, left.assign(category="", rank=-1, purity=np.nan)]
        parents = nodes[["id", "documents"]]
    return pd.concat(parts, ignore_index=True)


def key(prefix: Prefix) -> str:
    """A prefix as a word for links and figures: (3, 17) is "3.17", the empty prefix "all".

    >>> key((3, 17)), key(())
    ('3.17', 'all')
    """
    return ".".join(map(str, prefix)) or "all"


def _node(run: RunBrowser, prefix: tuple[int, ...], level: int) -> pd.DataFrame:
    row = {"id": key(prefix), "parent": "", "length": len(prefix), "code": prefix[-1] if prefix else OTHER}
    found = summary(run, prefix, level if run.levels else None)
    row |= {"documents": found["documents"], "category": found.get("category", "")}
    return pd.DataFrame([{**row, "rank": found.get("rank", -1), "purity": found.get("purity", np.nan)}])


def _level_of_tree(run: RunBrowser, prefix, length: int, level: int, per_level: int) -> pd.DataFrame:
    group = f"g{run.checked_level(level)}" if run.levels else "-1"
    columns = run.codes(length)
    frame = run.frame(
        f"WITH cells AS (SELECT {columns}, {group} AS rank, count(*) AS n FROM docs "
        f"WHERE {run.where(prefix)} AND c{length} >= 0 GROUP BY ALL) "
        f"SELECT {columns}, sum(n)::BIGINT AS documents, arg_max(rank, n) FILTER (rank >= 0) AS rank, "
        f"coalesce(max(n) FILTER (rank >= 0), 0) / nullif(sum(n) FILTER (rank >= 0), 0) AS purity "
        f"FROM cells GROUP BY {columns} ORDER BY documents DESC, {columns} LIMIT {int(per_level)}"
    )
    codes = frame[[f"c{t}" for t in range(1, length + 1)]].to_numpy().tolist()
    ids, parent = [key(row) for row in codes], [key(row[:-1]) for row in codes]
    rank = frame["rank"].fillna(-1).astype(int)
    labels = run.labels_of(level, rank) if run.levels else {-1: ""}
    nodes = pd.DataFrame({"id": ids, "parent": parent, "length": length, "code": frame[f"c{length}"]})
    nodes["documents"] = frame["documents"]
    return nodes.assign(category=rank.map(labels), rank=rank, purity=frame["purity"])
