"""Documents and codebook rows as arrows in a plane: which code points the way a document lies."""

import numpy as np
import plotly.graph_objects as go

from lmindexer.common.palette import code_colour
from lmindexer.plots.style import dress, id_text, plain


def code_plane(points, rows, codes, names, title: str = "Documents and codes in the plane") -> go.Figure:
    """Points are documents in the colour of their code; arrows from the origin are the codebook's rows.

    Args:
        points: [N, 2] states of documents.
        rows: [K, 2] codebook.
        codes: [N] chosen codes.
        names: N names for the documents.
    """
    points, rows, codes = np.asarray(points, float), np.asarray(rows, float), np.asarray(codes)
    figure = go.Figure()
    for code, (x, y) in enumerate(rows):
        figure.add_annotation(
            x=x, y=y, ax=0, ay=0, axref="x", ayref="y", text="", arrowhead=2, arrowwidth=2.4,
            arrowcolor=code_colour(code), showarrow=True,
        )  # fmt: skip
        length = float(np.hypot(x, y)) or 1.0
        figure.add_annotation(  # beside the middle of the arrow: documents lie about its tip
            x=0.5 * x, y=0.5 * y, xshift=16 * y / length, yshift=-16 * x / length, text=id_text((code,)),
            showarrow=False, font={"color": code_colour(code), "size": 14},
        )  # fmt: skip
    labels = [plain(name, 40) for name in names]
    for code in np.unique(codes):
        own = np.flatnonzero(codes == code)
        figure.add_scatter(
            x=points[own, 0], y=points[own, 1], mode="markers+text" if len(points) <= 24 else "markers",
            text=[labels[i] for i in own], textposition="top center", name=id_text((code,)),
            marker={"size": 11 if len(points) <= 24 else 6, "color": code_colour(int(code))},
            hovertemplate="%{text}<br>(%{x:.2f}, %{y:.2f})<extra></extra>",
        )  # fmt: skip
    dress(figure, title, "First number of h", "Second number of h", 460)
    reach = 1.25 * float(max(np.abs(points).max(initial=0), np.abs(rows).max(initial=0), 1e-9))
    figure.update_xaxes(range=[-reach, reach])
    figure.update_yaxes(range=[-reach, reach], scaleanchor="x")
    return figure
