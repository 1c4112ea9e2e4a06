"""What the nodes of a tree of prefixes are called and how they are coloured, in a figure or in a page's own picture."""

import pandas as pd

from lmindexer.browse.prefixes import OTHER
from lmindexer.common.palette import OTHER as GREY
from lmindexer.common.palette import category_colour
from lmindexer.plots.style import last_part, one_line

LEGEND = 16  # categories named in the legend


def colour_of(node, top: int) -> str:
    """The colour of a row of `browse.prefixes.tree`: of its leading category; `top` is the length of the root."""
    if node.code == OTHER and node.length > top:
        return GREY
    return category_colour(node.rank) if node.length else "#C9CED4"


def label_of(node, names: dict, number: int, room: int = 30) -> str:
    """What stands on a node: its code and at most `number` key words in `room` signs; not escaped."""
    if not node.parent:
        return "All documents" if node.id == "all" else prefix_string(node.id)
    if node.code == OTHER:
        return "further codes"
    words = ", ".join(names.get(node.id, [])[:number])
    return f"<{node.code}>" + (f" {one_line(words, room)}" if words else "")


def lines_of(node, names: dict) -> list[str]:
    """What is said of a node that is pointed at: its prefix, key words, leading category; not escaped."""
    if node.code == OTHER and node.parent:
        return ["Smaller prefixes together"]
    lines = [prefix_string(node.id) if node.id != "all" else "All documents", ", ".join(names.get(node.id, [])[:5])]
    if node.category and not pd.isna(node.purity):
        lines.append(f"{one_line(node.category, 80)}: {node.purity:.0%}")
    return [one_line(line, 90) for line in lines if line]


def prefix_string(key: str) -> str:
    return "".join(f"<{code}>" for code in key.split("."))


def legend_of(nodes: pd.DataFrame) -> list[tuple[str, str]]:
    """(category, colour) of the leading categories of the nodes, "other categories" for what is grey at the end."""
    named = nodes[nodes["rank"] >= 0].groupby(["rank", "category"])["documents"].sum().reset_index()
    known = named["rank"].map(lambda rank: category_colour(rank) != GREY).astype(bool)
    coloured = named[known].sort_values("rank")
    found = [
        (last_part(category), category_colour(rank))
        for rank, category in coloured[["rank", "category"]].head(LEGEND).itertuples(index=False)
    ]
    return [*found, ("other categories", GREY)] if len(found) < len(named) else found
