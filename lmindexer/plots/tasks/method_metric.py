"""Methods by one metric of a task: the mean over seeds with its interval over queries, and each seed."""

import plotly.graph_objects as go

from lmindexer.common.kinds import TABLE, takes
from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import dress, empty, plain


@takes(table=TABLE)
def method_metric(table, metric: str, seeds: dict | None = None) -> go.Figure:
    """A dot a method, the best on top.

    Args:
        table: `tasks.comparison.Evaluation.table` of one view.
        metric: one of its metrics.
        seeds: {method: its seeds' means}; drawn as small open dots where there are several.
    """
    if table.empty:
        return empty(metric, "There is no method to show.")
    rows = table.sort_values(metric, kind="stable")
    names = [plain(name, 40) for name in rows["method"]]
    figure = go.Figure(
        go.Scatter(
            x=rows[metric], y=names, mode="markers", name="mean over seeds",
            marker={"size": 11, "color": COLOURS[0]},
            error_x={
                "type": "data", "array": rows[f"{metric} high"] - rows[metric],
                "arrayminus": rows[metric] - rows[f"{metric} low"], "thickness": 1.8, "width": 6, "color": COLOURS[0],
            },
            customdata=rows[[f"{metric} low", f"{metric} high", "seeds"]],
            hovertemplate="%{y}<br>%{x:.4f} (%{customdata[0]:.4f} to %{customdata[1]:.4f})<br>"
            "seeds: %{customdata[2]}<extra></extra>",
        )
    )  # fmt: skip
    several = [(name, plain(name, 40), found) for name, found in (seeds or {}).items() if len(found) > 1]
    if several:
        figure.add_scatter(
            x=[value for _, _, found in several for value in found],
            y=[shown for _, shown, found in several for _ in found],
            mode="markers", name="one seed", hovertemplate="%{y}, one seed<br>%{x:.4f}<extra></extra>",
            marker={"size": 8, "color": OTHER, "symbol": "circle-open", "line": {"width": 1.6}},
        )  # fmt: skip
    dress(figure, f"{metric}: 95 % interval over queries", None, None, 150 + 34 * len(rows))
    figure.update_xaxes(rangemode="tozero")
    return figure.update_layout(showlegend=bool(several), legend={"orientation": "h", "y": -0.3})
