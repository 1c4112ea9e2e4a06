"""Hint masks as a picture: which words each query of the reconstructor may see."""

import plotly.graph_objects as go

from lmindexer.common.palette import COLOURS, OTHER, text_on
from lmindexer.plots.style import dress, empty, plain

KINDS = {"hidden": OTHER, "hint": COLOURS[5], "asked for": COLOURS[1]}


def hint_masks(visible, words, asked=None, rows=None, title: str = "What the reconstructor may see") -> go.Figure:
    """One row a mask, one column a word: blue = a hint, orange = asked for (so hidden), grey = hidden, not asked for.

    Args:
        visible: [M, L] True where the word is a hint.
        words: L words.
        asked: [M, L] True where the word is asked for; None: every hidden word is.
        rows: M names for the masks.
    """
    visible = [[bool(seen) for seen in row] for row in visible]
    if not visible or not len(words):
        return empty(title, "There is no word to draw.")
    asked = [[not seen for seen in row] for row in visible] if asked is None else asked
    kinds = [
        ["hint" if seen else "asked for" if ask else "hidden" for seen, ask in zip(*pair, strict=True)]
        for pair in zip(visible, asked, strict=True)
    ]
    words, names = [plain(word, 24) for word in words], [plain(row, 30) for row in rows or range(1, len(kinds) + 1)]
    order = list(KINDS)
    steps = [[edge, KINDS[kind]] for place, kind in enumerate(order) for edge in (place / 3, (place + 1) / 3)]
    figure = go.Figure(
        go.Heatmap(
            z=[[order.index(kind) for kind in row] for row in kinds], zmin=-0.5, zmax=2.5, colorscale=steps,
            showscale=False, xgap=2, ygap=2, customdata=[[[word, kind] for word, kind in zip(words, row, strict=True)]
                                                         for row in kinds],
            hovertemplate="mask %{y}: %{customdata[0]} is %{customdata[1]}<extra></extra>",
        )
    )  # fmt: skip
    if len(kinds) <= 16 and len(words) <= 16:
        for row, line in enumerate(kinds):
            for column, kind in enumerate(line):
                text = "·" if kind == "hidden" else words[column]
                ink = {"size": 11, "color": text_on(KINDS[kind])}
                figure.add_annotation(x=column, y=row, text=text, showarrow=False, font=ink)
    for kind in order:
        mark = {"symbol": "square", "size": 11, "color": KINDS[kind]}
        figure.add_scatter(x=[None], y=[None], mode="markers", marker=mark, name=kind)
    dress(figure, title, "Word", "Mask", 150 + 30 * min(len(kinds), 24))
    figure.update_xaxes(tickvals=list(range(len(words))), ticktext=words, tickangle=-40, showgrid=False)
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=names, autorange="reversed", showgrid=False)
    figure.update_layout(legend={"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 1, "xanchor": "right"})
    return figure
