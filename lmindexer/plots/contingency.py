"""c1 of one run against c1 of another: where the documents of each code went."""

import numpy as np
import plotly.graph_objects as go

from lmindexer.plots.style import dress, one_line, plain

# From nearly nothing to full blue, so that an empty cell is the page's own colour, dark or light.
DEEPENING = ((0.0, "rgba(0, 114, 178, 0.06)"), (1.0, "rgba(0, 114, 178, 1)"))
NAME = 24  # characters of a run's name
FRAME = "#D55E00"  # around the chosen cell


def contingency(
    cells, name_a: str, name_b: str, matched: dict[int, int], words_a=None, words_b=None, chosen=None
) -> go.Figure:
    """Heat map of shared documents; rows and columns ordered so that matched codes lie on the diagonal.

    Args:
        cells: a, b, documents (`browse.compare.contingency`).
        matched: {code of a: code of b} (`browse.compare.matching`).
        words_a, words_b: {code: key words} for the hover.
        chosen: (code of a, code of b) of a cell to frame, or None.
    """
    sizes = cells.groupby("a")["documents"].sum().sort_values(ascending=False)
    rows = sizes.index.tolist()
    columns = [matched[code] for code in rows if code in matched]
    columns += sorted(set(cells["b"].tolist()) - set(columns))
    table = np.zeros((len(rows), len(columns)), dtype=np.int64)
    row_of, column_of = {c: i for i, c in enumerate(rows)}, {c: i for i, c in enumerate(columns)}
    table[cells["a"].map(row_of), cells["b"].map(column_of)] = cells["documents"]
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    names = [f"&lt;{code}&gt;" for code in columns], [f"&lt;{code}&gt;" for code in rows]
    figure = go.Figure(
        go.Heatmap(
            z=shares, x=names[0], y=names[1], colorscale=DEEPENING, zmin=0, zmax=1, xgap=1, ygap=1, hoverinfo="skip",
            colorbar={"title": {"text": "share of row"}, "tickformat": ".0%", "thickness": 14, "len": 0.5},
        )
    )  # fmt: skip
    hover = [
        (a, b, int(table[i, j]), _words(words_a, a), _words(words_b, b), float(shares[i, j]))
        for i, a in enumerate(rows)
        for j, b in enumerate(columns)
    ]
    figure.add_trace(_targets(*names, hover, plain(name_a, NAME), plain(name_b, NAME)))
    if chosen and chosen[0] in row_of and chosen[1] in column_of:
        i, j = row_of[chosen[0]], column_of[chosen[1]]
        frame = {"color": FRAME, "width": 3}
        figure.add_shape(type="rect", x0=j - 0.5, x1=j + 0.5, y0=i - 0.5, y1=i + 0.5, line=frame)
    figure.update_layout(hovermode="closest", hoverdistance=-1)  # the nearest centre, however large the cells are
    name_a, name_b = one_line(name_a, NAME), one_line(name_b, NAME)
    title = f"First codes of {name_a} × {name_b}"
    dress(figure, title, f"First code in {name_b}", f"First code in {name_a}", min(260 + 17 * len(rows), 900))
    figure.update_xaxes(type="category", showgrid=False)
    figure.update_yaxes(type="category", showgrid=False, autorange="reversed")
    return figure


def _targets(x: list[str], y: list[str], hover: list, name_a: str, name_b: str) -> go.Scatter | go.Scattergl:
    """An unseen point in the middle of each cell: a click can choose points, not the cells of a heat map."""
    kind = go.Scattergl if len(hover) > 4000 else go.Scatter
    unseen = {"marker": {"opacity": 0}}
    return kind(
        x=x * len(y), y=[name for name in y for _ in x], mode="markers", marker={"opacity": 0}, showlegend=False,
        selected=unseen, unselected=unseen, customdata=hover,
        hovertemplate=f"{name_a} %{{y}} %{{customdata[3]}}<br>{name_b} %{{x}} %{{customdata[4]}}"
        "<br>%{customdata[2]:,} documents, %{customdata[5]:.0%} of the row<extra></extra>",
    )  # fmt: skip


def _words(words, code: int) -> str:
    return plain(", ".join((words or {}).get(code, [])[:3]), 50)
