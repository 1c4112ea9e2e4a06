"""A small matrix as a picture with its numbers written in: probabilities, scores, gradients."""

import numpy as np
import plotly.graph_objects as go

from lmindexer.common.palette import COLOURS, SEQUENTIAL, text_on
from lmindexer.plots.style import dress, empty, plain

WRITTEN = 400  # cells; beyond, the numbers are left to the hover
# Blue for below zero, white for zero, vermilion for above: told apart with every kind of colour vision.
DIVERGING = ((0.0, "#1F6EA8"), (0.5, "#F7F7F7"), (1.0, "#D55E00"))


def matrix(
    values, rows, columns, title: str, *, x: str = "", y: str = "", marked=None, signed: bool = False, digits: int = 2
) -> go.Figure:
    """Draw values [R, C]; dark is more, or with `signed` blue is below zero and orange above.

    Args:
        rows, columns: names, R and C of them.
        marked: column of each row to frame (the chosen code), or None.
        digits: of the numbers written into the cells.
    """
    values = np.asarray(values, dtype=float)
    if not values.size:
        return empty(title, "There is nothing to draw.")
    finite = values[np.isfinite(values)]
    most = float(np.abs(finite).max()) if finite.size else 1.0
    low, high = (-most, most) if signed else (float(min(0.0, finite.min(initial=0.0))), most)
    high = high if high > low else low + 1.0
    scale = DIVERGING if signed else SEQUENTIAL
    row_names, column_names = [plain(name, 40) for name in rows], [plain(name, 24) for name in columns]
    figure = go.Figure(
        go.Heatmap(
            z=values, zmin=low, zmax=high, colorscale=[list(step) for step in scale], xgap=1, ygap=1,
            showscale=values.size > WRITTEN, customdata=np.broadcast_to(np.array(row_names)[:, None], values.shape),
            hovertemplate="%{customdata}, %{text}<extra></extra>",
            text=[[f"{name}: {value:.{digits}f}" for name, value in zip(column_names, row, strict=True)]
                  for row in values],
        )
    )  # fmt: skip
    if values.size <= WRITTEN:
        for row, column in np.ndindex(values.shape):
            value = values[row, column]
            share = (value - low) / (high - low) if np.isfinite(value) else 0.0
            ink = {"size": 11, "color": text_on(_nearest(scale, share)) if np.isfinite(value) else COLOURS[0]}
            text = f"{value:.{digits}f}" if np.isfinite(value) else "–"
            figure.add_annotation(x=column, y=row, text=text, showarrow=False, font=ink)
    for row, column in enumerate([] if marked is None else marked):
        edge = {"line": {"color": COLOURS[1], "width": 3}, "fillcolor": "rgba(0,0,0,0)"}
        figure.add_shape(x0=column - 0.48, x1=column + 0.48, y0=row - 0.46, y1=row + 0.46, **edge)
    dress(figure, title, x or None, y or None, 130 + 30 * min(len(values), 20))
    figure.update_xaxes(tickvals=list(range(len(column_names))), ticktext=column_names, showgrid=False, zeroline=False)
    figure.update_yaxes(
        tickvals=list(range(len(row_names))), ticktext=row_names, autorange="reversed", showgrid=False, zeroline=False
    )
    return figure


def _nearest(scale, share: float) -> str:
    """The scale's colour nearest to a share in [0, 1], for the choice of ink."""
    return min(scale, key=lambda step: abs(step[0] - share))[1]
