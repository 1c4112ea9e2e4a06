"""Does agreement with the categories foretell the metric? One point a method that answers by IDs."""

import plotly.graph_objects as go

from lmindexer.common.kinds import TABLE, takes
from lmindexer.common.palette import COLOURS
from lmindexer.plots.style import dress, empty, plain


@takes(table=TABLE)
def agreement_metric(table, metric: str, of: str = "c1") -> go.Figure:
    """AMI of the IDs' prefixes across, the metric with its interval upwards.

    Args:
        table: `browse.task_methods.ids_and_metric`: method, ami (missing where it says nothing), and the metric with
            `… low` and `… high`.
        metric: one of its metrics.
        of: what the AMI is of, for the axis.
    """
    rows = table.dropna(subset=["ami"])
    title = f"{metric} by the IDs' agreement with categories"
    if rows.empty:
        return empty(title, "There is no method with IDs whose agreement says something.")
    figure = go.Figure(
        go.Scatter(
            x=rows["ami"], y=rows[metric], mode="markers+text", cliponaxis=False,
            text=[plain(name, 28) for name in rows["method"]], textposition=_sides(rows["ami"].tolist()),
            marker={"size": 11, "color": COLOURS[0]},
            error_y={
                "type": "data", "array": rows[f"{metric} high"] - rows[metric],
                "arrayminus": rows[metric] - rows[f"{metric} low"], "thickness": 1.4, "width": 4, "color": COLOURS[0],
            },
            customdata=rows[[f"{metric} low", f"{metric} high", "shared"]],
            hovertemplate="%{text}<br>AMI %{x:.3f}<br>%{y:.4f} (%{customdata[0]:.4f} to %{customdata[1]:.4f})<br>"
            "documents that share their codes: %{customdata[2]:.0%}<extra></extra>",
        )
    )  # fmt: skip
    return dress(figure, title, f"AMI of {of}", metric, 420)


def _sides(values: list[float]) -> list[str]:
    """Names stand right of their points, those of the right half left of them, so that none leaves the figure."""
    middle = (min(values) + max(values)) / 2
    return ["middle left" if value > middle else "middle right" for value in values]
