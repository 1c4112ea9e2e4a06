"""The whole model in one picture: what flows where, in which shape, under which equation, and who is taught by whom."""

import plotly.graph_objects as go

from lmindexer.common.palette import COLOURS
from lmindexer.course.setting import INK
from lmindexer.plots.style import dress

BLUE, ORANGE, GREEN, RED = COLOURS[0], COLOURS[1], COLOURS[2], COLOURS[4]
WIDE, HIGH = 1.04, 0.36  # half a box

# name → (x, y, text, colour)
BOXES = {
    "text": (0.0, 4, "document d<br>[B, L] words", INK),
    "encoder": (2.4, 4, "<b>TransEncoder</b><br>[B, L, d]", BLUE),
    "decoder": (4.8, 4, "<b>TransDecoder</b> (1)<br>h¹ … hᵗ [B, t, d]", BLUE),
    "book": (7.2, 4, "<b>codebook Eᵗ</b> (2)<br>log P<sub>s</sub> [B, K]", GREEN),
    "code": (7.2, 2.6, "cᵗ = argmax (3)<br>[B]", INK),
    "before": (4.8, 2.6, "codes so far c<sup>&lt;t</sup><br>rows [B, t−1, d]", INK),
    "through": (7.2, 1.2, "<b>ĉᵗ</b> (4) [B, d]<br>hard →, soft ←", GREEN),
    "hints": (0.0, 1.2, "hints d<sub>h</sub><br>seen [B, L]", INK),
    "recon": (4.8, 1.2, "<b>Reconstructor</b> (5)<br>q: codes; k, v: hints", ORANGE),
    "words": (2.4, 1.2, "P<sub>recon</sub> (6)<br>[B, V]", ORANGE),
    "commit": (9.8, 4, "<b>commitment</b> (10)<br>P<sub>s</sub> of c<sup>&lt;t</sup> stays", RED),
    "contrast": (4.8, 5.4, "<b>contrastive</b> (9)<br>same prefix: differ", RED),
    "loss": (2.4, -0.2, "<b>reconstruction</b><br>(7), (8) hidden words", RED),
}
# (from, to): side by side or one above the other
ARROWS = (
    ("text", "encoder"), ("encoder", "decoder"), ("decoder", "book"), ("book", "code"), ("code", "through"),
    ("before", "decoder"), ("code", "before"), ("through", "recon"), ("recon", "words"), ("words", "loss"),
    ("text", "hints"), ("book", "commit"), ("decoder", "contrast"), ("before", "recon"),
)  # fmt: skip


def model_picture() -> go.Figure:
    """Boxes, arrows, equations (1) to (10) and shapes; red boxes are losses. It has no numbers in it.

    >>> len(model_picture().layout.shapes) == len(BOXES)
    True
    """
    figure = go.Figure(go.Scatter(x=[0], y=[0], mode="markers", marker={"opacity": 0}, hoverinfo="skip"))
    for x, y, text, colour in BOXES.values():
        line = {"color": colour, "width": 3 if colour == RED else 2, "dash": "dot" if colour == RED else "solid"}
        figure.add_shape(x0=x - WIDE, x1=x + WIDE, y0=y - HIGH, y1=y + HIGH, line=line, fillcolor="rgba(0,0,0,0)")
        figure.add_annotation(x=x, y=y, text=text, showarrow=False, font={"size": 11, "color": INK})
    for begin, end in ARROWS:
        _arrow(figure, BOXES[begin][:2], BOXES[end][:2])
    _arrow_along_the_hints(figure)
    said = "then t + 1"
    figure.add_annotation(x=6.0, y=3.08, text=said, showarrow=False, font={"size": 10, "color": INK})
    dress(figure, "The whole model: solid boxes are computed, dotted red ones are losses", height=520)
    figure.update_xaxes(visible=False, range=[-1.3, 11.1])
    figure.update_yaxes(visible=False, range=[-0.8, 6.0])
    figure.update_layout(margin={"l": 8, "r": 8, "b": 8}, showlegend=False)
    return figure


def _arrow(figure: go.Figure, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """From edge to edge of two boxes."""
    (x0, y0), (x1, y1) = begin, end
    side = (x1 > x0) - (x1 < x0)
    up = 0 if side else (y1 > y0) - (y1 < y0)
    figure.add_annotation(
        x=x1 - side * WIDE, y=y1 - up * HIGH, ax=x0 + side * WIDE, ay=y0 + up * HIGH, xref="x", yref="y", axref="x",
        ayref="y", text="", showarrow=True, arrowhead=2, arrowwidth=1.5, arrowcolor=INK,
    )  # fmt: skip


def _arrow_along_the_hints(figure: go.Figure) -> None:
    """Hints go to the reconstructor past the box of the words that it says."""
    (x0, y0), (x1, y1) = BOXES["hints"][:2], BOXES["recon"][:2]
    low = y0 + 0.75
    figure.add_scatter(
        x=[x0 + 0.6, x0 + 0.6, x1 - WIDE + 0.3], y=[y0 + HIGH, low, low], mode="lines", hoverinfo="skip",
        line={"color": INK, "width": 1.5},
    )  # fmt: skip
    figure.add_annotation(
        x=x1 - WIDE + 0.3, y=y1 + HIGH, ax=x1 - WIDE + 0.3, ay=low, xref="x", yref="y", axref="x", ayref="y", text="",
        showarrow=True, arrowhead=2, arrowwidth=1.5, arrowcolor=INK,
    )  # fmt: skip
