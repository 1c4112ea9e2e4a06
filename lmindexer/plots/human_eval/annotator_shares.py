"""How far each annotator can be relied on: gold questions, hidden repeats, agreement with the others."""

import plotly.graph_objects as go

from lmindexer.common.kinds import TABLE, takes
from lmindexer.common.palette import COLOURS
from lmindexer.plots.style import BELOW, dress, empty, plain

SHARES = {
    "gold_share": "gold questions right",
    "consistency": "repeats answered alike",
    "with_others": "same as others",
}


@takes(annotators=TABLE)
def annotator_shares(annotators) -> go.Figure:
    """Three marks an annotator, each with its own sign and colour.

    Args:
        annotators: `human_eval.reliability.annotator_reliability`.
    """
    title = "Gold, repeats, same as others"
    figure = go.Figure()
    names = [plain(name, 30) for name in annotators["annotator"]]
    for (column, label), symbol, colour in zip(SHARES.items(), ("star", "square", "circle"), COLOURS, strict=False):
        if annotators[column].notna().any():
            figure.add_scatter(
                x=annotators[column], y=names, mode="markers", name=label,
                marker={"symbol": symbol, "size": 11, "color": colour, "opacity": 0.85},
                hovertemplate=f"%{{y}}<br>{label}: %{{x:.0%}}<extra></extra>",
            )  # fmt: skip
    if not figure.data:
        return empty(title, "There are no gold questions, no repeats and no second annotator.")
    dress(figure, title, "share", None, 180 + 34 * len(names))
    figure.update_xaxes(range=[-0.03, 1.05], tickformat=".0%")
    figure.update_yaxes(autorange="reversed")
    return figure.update_layout(legend=BELOW, margin_b=96)
