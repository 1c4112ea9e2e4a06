"""The tree of prefixes as an icicle or a sunburst: sizes are documents, colours leading categories."""

import pandas as pd
import plotly.graph_objects as go

from lmindexer.browse.prefixes import tree
from lmindexer.common.palette import text_on
from lmindexer.plots.style import as_run, dress, plain
from lmindexer.plots.tree_words import colour_of, label_of, legend_of, lines_of

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
    colours = [colour_of(node, len(prefix)) for node in nodes.itertuples()]
    labels = [plain(label_of(node, names, 2 if kind == "icicle" else 1)) for node in nodes.itertuples()]
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
            textfont={"size": 13, "color": [text_on(colour) for colour in colours]},
            customdata=["<br>".join(plain(line, 90) for line in lines_of(node, names)) for node in nodes.itertuples()],
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


def _legend(figure: go.Figure, nodes: pd.DataFrame) -> None:
    """Colours of the leading categories, as empty traces; the tree itself has no legend."""
    for name, colour in legend_of(nodes):
        figure.add_scatter(
            x=[None], y=[None], mode="markers", name=plain(name, 30), hoverinfo="skip",
            marker={"size": 11, "symbol": "square", "color": colour},
        )  # fmt: skip
