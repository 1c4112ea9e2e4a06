"""At which position right answers leave the beam."""

import plotly.graph_objects as go

from lmindexer.common.kinds import TABLE, takes
from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import dress, empty


@takes(table=TABLE)
def lost_positions(table, levels: int, width: int) -> go.Figure:
    """A bar a position: the share of queries whose right path left the beam there, and how probable its code was.

    Args:
        table: one row of `tasks.decoding.lost_table`.
        levels: positions of codes; the one behind them is the suffix's.
        width: of the beam, for the title.
    """
    title = f"Where a beam of {width} loses the right answer"
    if table.empty:
        return empty(title, "There is no query to follow.")
    row = table.iloc[0]
    last = sum(str(name).startswith("lost_at_") for name in table.columns)
    names = [f"position {t}" if t <= levels else "document" for t in range(1, last + 1)]
    shares = [float(row[f"lost_at_{t}"]) for t in range(1, last + 1)]
    right = [float(row[f"p{t}"]) for t in range(1, last + 1)]
    figure = go.Figure()
    figure.add_bar(
        x=[*names, "never"], y=[*shares, float(row["found"])], marker={"color": [COLOURS[4]] * last + [COLOURS[2]]},
        name="share of queries", hovertemplate="lost at %{x}: %{y:.1%}<extra></extra>", texttemplate="%{y:.0%}",
        textposition="outside", cliponaxis=False, offsetgroup="share",
    )  # fmt: skip
    figure.add_scatter(
        x=names, y=right, mode="markers", name="P(right code | right codes before it), geometric mean",
        marker={"symbol": "diamond-open", "size": 11, "color": OTHER, "line": {"width": 2}}, offsetgroup="right",
        hovertemplate="%{x}: the right code has %{y:.1%}<extra></extra>",
    )  # fmt: skip
    dress(figure, title, "lost at", "share", 380)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.08])
    # Beside the bar and not on it: its label stands where the diamond would be.
    figure.update_layout(barmode="group", scattermode="group")
    return figure.update_layout(legend={"orientation": "h", "y": -0.28}, margin={"b": 90})
