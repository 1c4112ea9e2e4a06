"""Curves over a common axis, each with a name: the plainest figure there is."""

import plotly.graph_objects as go

from lmindexer.common.palette import COLOURS
from lmindexer.plots.style import dress, empty, plain

DASHES = ("solid", "dash", "dot", "dashdot")


def lines(at, curves: dict, title: str, *, x: str = "", y: str = "", markers: bool = False) -> go.Figure:
    """Draw `curves`, {name: values}, over the points `at`; colour and dash tell them apart.

    Args:
        at: [P] numbers or names on the horizontal axis.
        markers: draw the points too.
    """
    if not curves or not len(at):
        return empty(title, "There is nothing to draw.")
    figure = go.Figure()
    for number, (name, values) in enumerate(curves.items()):
        figure.add_scatter(
            x=list(at), y=[None if value is None else float(value) for value in values], name=plain(name, 60),
            mode="lines+markers" if markers else "lines",
            line={"color": COLOURS[number % len(COLOURS)], "width": 2.4, "dash": DASHES[number % len(DASHES)]},
            hovertemplate=f"{plain(name, 60)}<br>%{{x}}: %{{y:.4g}}<extra></extra>",
        )  # fmt: skip
    dress(figure, title, x or None, y or None, 380)
    figure.update_layout(legend={"orientation": "h", "y": -0.25}, margin={"b": 84})
    return figure
