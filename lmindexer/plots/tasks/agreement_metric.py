"""Does agreement with the categories foretell the metric? One point a method that answers by IDs."""

import plotly.graph_objects as go

from lmindexer.common.kinds import TABLE, takes
from lmindexer.common.palette import COLOURS, SHAPES
from lmindexer.plots.style import BELOW, dress, empty, plain


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
    figure = go.Figure()
    for place, row in enumerate(rows.to_dict("records")):  # names in a legend: equal points would cover each other's
        colour = COLOURS[place % len(COLOURS)]
        figure.add_scatter(
            x=[row["ami"]], y=[row[metric]], mode="markers", cliponaxis=False, name=plain(row["method"], 40),
            marker={"size": 12, "color": colour, "symbol": SHAPES[place % len(SHAPES)]},
            error_y={
                "type": "data", "array": [row[f"{metric} high"] - row[metric]],
                "arrayminus": [row[metric] - row[f"{metric} low"]], "thickness": 1.4, "width": 4, "color": colour,
            },
            customdata=[[row[f"{metric} low"], row[f"{metric} high"], row["shared"]]],
            hovertemplate="AMI %{x:.3f}<br>%{y:.4f} (%{customdata[0]:.4f} to %{customdata[1]:.4f})<br>"
            "documents that share their codes: %{customdata[2]:.0%}",
        )  # fmt: skip
    dress(figure, title, f"AMI of {of}", metric, 380 + 20 * len(rows))
    return figure.update_layout(showlegend=True, legend=BELOW | {"orientation": "v"}, margin={"b": 80 + 20 * len(rows)})
