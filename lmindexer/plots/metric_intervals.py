"""Differences between two runs with their 95 % intervals."""

import plotly.graph_objects as go

from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import dress, plain


def metric_intervals(table) -> go.Figure:
    """One row a metric: b − a relative to a, with its interval; grey where the interval holds 0.

    Args:
        table: `browse.compare.metrics`.
    """
    scale = table["a"].abs().clip(lower=1e-9)
    relative, half = table["difference"] / scale, table["difference_half"] / scale
    sure = table["difference"].abs() > table["difference_half"]
    figure = go.Figure(
        go.Scatter(
            x=relative, y=table["metric"].map(lambda name: plain(name, 60)), mode="markers",
            error_x={"type": "data", "array": half, "thickness": 1.6, "width": 6, "color": OTHER},
            marker={"size": 11, "color": [COLOURS[0] if yes else OTHER for yes in sure]},
            customdata=table[["a", "b", "difference", "difference_half"]],
            hovertemplate="%{y}<br>%{customdata[0]:.4g} → %{customdata[1]:.4g}<br>difference %{customdata[2]:.4g} ± "
            "%{customdata[3]:.2g}<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=0, line={"width": 1.2, "dash": "dot", "color": OTHER})
    dress(figure, "Difference with 95 % interval", "(second − first) / first", None, 160 + 34 * len(table))
    figure.update_xaxes(tickformat="+.0%")
    figure.update_yaxes(autorange="reversed")
    return figure
