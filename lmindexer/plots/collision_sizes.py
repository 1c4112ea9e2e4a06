"""Documents by how many documents share their codes."""

import plotly.graph_objects as go

from lmindexer.browse import usage
from lmindexer.common.palette import COLOURS
from lmindexer.plots.style import as_run, dress

BINS = ((1, 1), (2, 2), (3, 3), (4, 4), (5, 9), (10, 19), (20, 49), (50, 99), (100, 999), (1000, None))


def collision_sizes(ids, corpus=None) -> go.Figure:
    """Share of the documents that are alone under their codes, in pairs, in threes, ….

    Args:
        ids: SemanticIDs (then `corpus` too) or a RunBrowser.
    """
    run = as_run(ids, corpus)
    table = usage.collision_sizes(run)
    labels, shares, hovers = [], [], []
    for low, high in BINS:
        part = table[(table["size"] >= low) & ((table["size"] <= high) if high else True)]
        if part.empty:
            continue
        labels.append("alone" if low == 1 else f"{low}" if low == high else f"{low}–{high}" if high else f"{low}+")
        shares.append(part["documents"].sum() / run.documents)
        hovers.append([int(part["documents"].sum()), int(part["ids"].sum())])
    figure = go.Figure(
        go.Bar(
            x=labels, y=shares, customdata=hovers, text=[f"{share:.0%}" for share in shares],
            textposition="outside", cliponaxis=False,
            marker={"color": [COLOURS[2] if label == "alone" else COLOURS[0] for label in labels]},
            hovertemplate="%{customdata[0]:,} documents under %{customdata[1]:,} IDs<extra></extra>",
        )
    )  # fmt: skip
    title = "Documents alone under their codes, and not"
    dress(figure, title, "Documents with equal codes", "Share of documents", 340)
    figure.update_xaxes(type="category")
    figure.update_yaxes(tickformat=".0%", range=[0, max(shares, default=1) * 1.15])
    return figure
