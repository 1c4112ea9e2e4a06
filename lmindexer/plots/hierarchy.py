"""The tree of prefixes as an icicle or a sunburst: sizes are documents, colours leading categories."""

import pandas as pd
import plotly.graph_objects as go

from lmindexer.browse.prefixes import OTHER, tree
from lmindexer.common.palette import OTHER as GREY
from lmindexer.common.palette import category_colour, text_on
from lmindexer.plots.style import as_run, dress, last_part, plain

LEGEND = 16  # categories named in the legend
# Share of those shown from which a node has room for its words; the browser measures every word it is given, which
# takes longer than drawing the nodes.
READABLE = {"icicle": 0.015, "sunburst": 0.008}


def hierarchy(
    ids, corpus=None, prefix=(), depth: int = 3, level: int = 1, kind: str = "icicle", names=None, per_level: int = 400
) -> go.Figure:
    """Prefixes below `prefix`, `depth` positions deep.

    Args:
        ids: SemanticIDs (then `corpus` too) or a RunBrowser.
        level: category level of the colours.
        kind: "icicle" or "sunburst".
        names: {node id such as "3.17": key words}.
        per_level: so many prefixes of each length at most; the rest of a parent is one grey node.
    """
    run = as_run(ids, corpus)
    nodes = tree(run, prefix, depth, level, per_level)
    names = names or {}
    colours = [
        GREY if code == OTHER and length > len(prefix) else category_colour(rank) if length else "#C9CED4"
        for code, length, rank in zip(nodes["code"], nodes["length"], nodes["rank"], strict=True)
    ]
    text = [text_on(colour) if colour.startswith("#") else None for colour in colours]
    labels = [_label(node, names, 2 if kind == "icicle" else 1) for node in nodes.itertuples()]
    least = READABLE.get(kind, 0) * nodes["documents"].max()
    draw = go.Icicle if kind == "icicle" else go.Sunburst
    shape = (
        {"tiling": {"orientation": "h"}, "leaf": {"opacity": 1}}
        if kind == "icicle"
        else {"insidetextorientation": "radial", "leaf": {"opacity": 1}}
    )
    figure = go.Figure(
        draw(
            ids=nodes["id"],
            parents=nodes["parent"],
            labels=labels,
            text=[label if n >= least else "" for label, n in zip(labels, nodes["documents"], strict=True)],
            textinfo="text",
            values=nodes["documents"],
            branchvalues="total",
            sort=False,
            marker={
                "colors": colours,
                "line": {"width": _widths(nodes, len(prefix)), "color": "rgba(255,255,255,0.8)"},
            },
            textfont={"size": 13, "color": [colour or "rgba(128,134,139,1)" for colour in text]},
            customdata=[_hover(node, names) for node in nodes.itertuples()],
            hovertemplate="%{customdata}<br>%{value:,} documents, %{percentRoot:.1%} of those shown<extra></extra>",
            **shape,
        )
    )
    _legend(figure, nodes[nodes["length"] > len(prefix)])
    where = "".join(f"<{code}>" for code in prefix)
    title = f"What lies under {where}" if prefix else "The tree of IDs"
    dress(
        figure,
        f"{title}: size = documents, colour = leading category (level {level})",
        height=840 if kind == "icicle" else 720,
    )
    figure.update_layout(
        margin={"l": 4, "r": 4, "t": 56, "b": 8},
        legend={"orientation": "h", "y": -0.02, "yanchor": "top", "x": 0},
        uniformtext={"minsize": 10, "mode": "hide"},
    )
    figure.update_xaxes(visible=False, fixedrange=True)
    figure.update_yaxes(visible=False, fixedrange=True)
    return figure


def _widths(nodes: pd.DataFrame, top: int) -> list[float]:
    """White lines between the nodes; thinner the deeper, or they would cover the small ones."""
    return [{0: 1.0, 1: 1.0, 2: 0.4}.get(length - top, 0.0) for length in nodes["length"]]


def _label(node, names, number: int) -> str:
    if not node.parent:
        return "All documents" if node.id == "all" else plain(_string(node.id))
    if node.code == OTHER:
        return "further codes"
    words = ", ".join(names.get(node.id, [])[:number])
    return plain(f"<{node.code}>", 20) + (f" {plain(words, 30)}" if words else "")


def _hover(node, names) -> str:
    if node.code == OTHER and node.parent:
        return "Smaller prefixes together"
    lines = [plain(_string(node.id)) if node.id != "all" else "All documents"]
    words = ", ".join(names.get(node.id, [])[:5])
    if words:
        lines.append(plain(words, 80))
    if node.category and not pd.isna(node.purity):
        lines.append(f"{plain(node.category, 80)}: {node.purity:.0%}")
    return "<br>".join(lines)


def _string(key: str) -> str:
    return "".join(f"<{code}>" for code in key.split("."))


def _legend(figure: go.Figure, nodes: pd.DataFrame) -> None:
    """Colours of the leading categories, as empty traces; the tree itself has no legend."""
    named = nodes[nodes["rank"] >= 0].groupby(["rank", "category"])["documents"].sum().reset_index()
    known = named["rank"].map(lambda rank: category_colour(rank) != GREY).astype(bool)
    coloured = named[known].sort_values("rank")
    for rank, category in coloured[["rank", "category"]].head(LEGEND).itertuples(index=False):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=plain(last_part(category), 30), hoverinfo="skip",
            marker={"size": 11, "symbol": "square", "color": category_colour(rank)},
        )  # fmt: skip
    if len(coloured) < len(named) or len(coloured) > LEGEND:
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name="other categories", hoverinfo="skip",
            marker={"size": 11, "symbol": "square", "color": GREY},
        )  # fmt: skip
