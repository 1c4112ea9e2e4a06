"""How far annotators agree: every statistic with its interval."""

import plotly.graph_objects as go

from lmindexer.palette import COLOURS, OTHER
from lmindexer.plots.style import dress, empty, plain


def rater_agreement(table, what: str = "") -> go.Figure:
    """One row a statistic; Cohen's κ once for each pair of annotators, in another colour.

    Args:
        table: `human_eval.agreement.agreement_table`.
        what: the type of question, for the title.
    """
    title = f"Agreement between annotators: {what}" if what else "Agreement between annotators"
    rows = table[table["value"].notna()]
    if rows.empty:
        return empty(title, "No question has answers of two annotators, or all answers are the same.")
    pairs = rows["annotators"] != "all"
    labels = [
        plain(row.statistic if row.annotators == "all" else f"{row.statistic}, {row.annotators}", 48)
        for row in rows.itertuples()
    ]
    figure = go.Figure(
        go.Scatter(
            x=rows["value"], y=labels, mode="markers",
            marker={"size": 10, "color": [COLOURS[1] if pair else COLOURS[0] for pair in pairs]},
            error_x={
                "type": "data", "array": rows["high"] - rows["value"], "arrayminus": rows["value"] - rows["low"],
                "thickness": 1.8, "width": 5, "color": OTHER,
            },
            customdata=rows[["low", "high", "units", "ratings"]],
            hovertemplate="%{y}<br>%{x:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})<br>%{customdata[2]:,} "
            "questions, %{customdata[3]:,} answers<extra></extra>",
        )
    )  # fmt: skip
    figure.add_vline(x=0, line={"width": 1.2, "dash": "dot", "color": OTHER})
    dress(figure, title, "0 as by chance (percent: never), 1 always", None, 150 + 30 * len(rows))
    low = min(-0.05, float(rows[["low", "value"]].min().min()) - 0.05)
    figure.update_xaxes(range=[max(low, -1.05), 1.05])
    return figure.update_yaxes(autorange="reversed")
