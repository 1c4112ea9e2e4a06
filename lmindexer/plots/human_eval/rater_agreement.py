"""How far annotators agree, by type of question: four statistics with their intervals."""

import numpy as np
import plotly.graph_objects as go

from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.human_eval.method_scores import TYPES
from lmindexer.plots.style import BELOW, dress, empty, plain

# The statistic shown, and what takes its place on a scale of ratings.
SHOWN = {
    "percent": "percent", "Fleiss κ": "Fleiss κ", "Krippendorff α (nominal)": "Krippendorff α (ordinal)",
    "Gwet AC1": "Gwet AC2",
}  # fmt: skip
NAMES = ("percent", "Fleiss κ", "Krippendorff α", "Gwet AC1 / AC2")
SIGNS = ("circle", "square", "diamond", "triangle-up")


def rater_agreement(tables) -> go.Figure:
    """A row a type of question, a mark a statistic; ratings have the ordinal α and AC2.

    Args:
        tables: type → `human_eval.agreement.agreement_table`.
    """
    title = "Agreement between annotators"
    kinds = [kind for kind, table in tables.items() if table["value"].notna().any()]
    if not kinds:
        return empty(title, "No question has answers of two annotators.")
    figure = go.Figure()
    for number, ((first, ordinal), name) in enumerate(zip(SHOWN.items(), NAMES, strict=True)):
        rows, place = [], []
        for kind in kinds:
            own = tables[kind].set_index("statistic")
            rows.append(own.loc[ordinal if ordinal in own.index else first])
            place.append(-kinds.index(kind) + 0.27 - 0.18 * number)
        colour = COLOURS[(0, 2, 4, 3)[number]]
        figure.add_scatter(
            x=[row["value"] for row in rows], y=place, mode="markers", name=name,
            marker={"size": 9, "symbol": SIGNS[number], "color": colour},
            error_x={
                "type": "data", "array": [row["high"] - row["value"] for row in rows], "thickness": 1.6, "width": 3,
                "arrayminus": [row["value"] - row["low"] for row in rows], "color": colour,
            },
            customdata=[[row["low"], row["high"], row["units"], row["ratings"], row.name] for row in rows],
            hovertemplate="%{customdata[4]}<br>%{x:.2f} (%{customdata[0]:.2f} to %{customdata[1]:.2f})<br>"
            "%{customdata[2]:,} questions, %{customdata[3]:,} answers<extra></extra>",
        )  # fmt: skip
    figure.add_vline(x=0, line={"width": 1.2, "dash": "dot", "color": OTHER})
    dress(figure, title, "percent: share; others: 0 as by chance, 1 always", None, 170 + 66 * len(kinds))
    lowest = np.nanmin([[0, *np.subtract(trace.x, trace.error_x.arrayminus)] for trace in figure.data])
    figure.update_xaxes(range=[lowest - 0.06, 1.04])
    figure.update_yaxes(tickvals=[-n for n in range(len(kinds))], showgrid=False, zeroline=False,
                        ticktext=[plain(TYPES.get(kind, kind), 40) for kind in kinds])  # fmt: skip
    return figure.update_layout(legend=BELOW, margin_b=96)
