"""The two-dimensional map of documents: points, or counts in cells for large runs."""

import numpy as np
import plotly.graph_objects as go

from lmindexer.browse.mapping import Raster
from lmindexer.common.palette import OTHER as GREY
from lmindexer.common.palette import category_colour, code_shade, code_shape, visible
from lmindexer.plots.style import dress, id_text, last_part, plain

NOTE = "no unit; distances are not the model's"
NAMED = {"category": 16, "position": 64}  # values with a colour of their own
SIGN, LINE = 7, 17  # pixels: a label's sign, a label's height
FEW_CELLS = 4000  # are drawn without WebGL, which shows some cells of unlike strength black
LABELLED = 24  # groups whose name stands at their middle


def id_map(points, by: str, kind: str, labels: dict[int, str], marker_size: float = 5, drawn: int = 460) -> go.Figure:
    """Documents as points (WebGL), coloured by a code or a category; a lasso is the first tool.

    Each of up to 64 codes has a look of its own: hue and, past the sixteenth, lightness and shape. The names of the
    largest groups stand at their middles.

    Args:
        points: x, y, value, inside, row, title, id (`browse.mapping.points`).
        by: what the colours are, for the title ("c1", "category level 1").
        kind: "category" or "position".
        labels: {value: name} for the legend.
        drawn: pixels of the map's side at least; on a smaller map fewer names have room.
    """
    figure = go.Figure()
    outside = points[~points["inside"]]
    if len(outside):
        _scatter(figure, outside, "other prefixes", "rgba(154,160,166,0.25)", marker_size * 0.8, {})
    inside = points[points["inside"]]
    named = _named(inside["value"].value_counts(), kind)
    for value in named:
        part = inside[inside["value"] == value]
        shape = code_shape(value) if kind == "position" else "circle"
        _scatter(figure, part, _name(value, kind, labels), _colour(value, kind), marker_size, labels, shape)
    rest = inside[~inside["value"].isin(named)]
    if len(rest):
        number = rest["value"].nunique()
        _scatter(figure, rest, f"{number:,} other{'s' if number > 1 else ''}", GREY, marker_size, labels)
    _label_groups(figure, inside[inside["value"].isin(named)], kind, labels, drawn)
    title = f"Map of {len(inside):,} documents by {by}"
    return _finish(figure, title)


def id_map_raster(raster: Raster, by: str, kind: str, labels: dict[int, str]) -> go.Figure:
    """Cells with counts: the colour is the cell's most frequent value, the strength its number of documents."""
    cells, figure = raster.cells, go.Figure()
    named = _named(cells.groupby("value")["documents"].sum().sort_values(ascending=False), kind)
    size, most = int(cells[["col", "line"]].max().max()) + 1, max(int(cells["documents"].max()), 1)
    strength = 0.25 + 0.75 * np.log1p(cells["documents"]) / np.log1p(most)
    draw = go.Scatter if len(cells) <= FEW_CELLS else go.Scattergl
    for value in [*named, None]:
        chosen = ~cells["value"].isin(named) if value is None else cells["value"] == value
        part = cells[chosen]
        if part.empty:
            continue
        colour = GREY if value is None else _colour(value, kind)
        figure.add_trace(draw(
            x=part["x"], y=part["y"], mode="markers",
            name="others" if value is None else _name(value, kind, labels),
            marker={"symbol": "square", "size": max(640 / size, 2.2), "color": colour, "opacity": strength[chosen]},
            customdata=np.column_stack([part["documents"], part["share"]]),
            hovertemplate="%{customdata[0]:,} documents, %{customdata[1]:.0%} of them the colour's<extra></extra>",
        ))  # fmt: skip
    title = f"Map of {raster.documents:,} documents as {size} × {size} cells, by {by}"
    return _finish(figure, title)


def _named(counts, kind: str) -> list[int]:
    known = [int(value) for value in counts.index if value >= 0]
    if kind == "category":  # only these ranks have a colour of their own
        known = [value for value in known if category_colour(value) != GREY]
        return sorted(known)[: NAMED[kind]]
    return known[: NAMED[kind]]


def _colour(value: int, kind: str) -> str:
    return visible(category_colour(value) if kind == "category" else code_shade(value))


def _name(value: int, kind: str, labels: dict[int, str]) -> str:
    if kind == "category":
        return plain(last_part(labels.get(value, str(value))), 34)
    words = labels.get(value, "")
    return id_text((value,)) + (f" {plain(words, 28)}" if words else "")


def _label_groups(figure, points, kind: str, labels: dict[int, str], drawn: int) -> None:
    """The first word of a group's name at the median of its points, for the largest groups, none over another."""
    unit = max(np.ptp(points["x"]), np.ptp(points["y"]), 1e-9) / drawn if len(points) else 1.0  # of the map, a pixel
    taken: list[tuple[float, float, float]] = []
    middles = points.groupby("value").agg(x=("x", "median"), y=("y", "median"), n=("x", "size"))
    for value, row in middles.nlargest(LABELLED, "n").iterrows():
        name = labels.get(value, "")
        text = last_part(name) if kind == "category" else name.split(", ")[0] or f"<{value}>"
        place = (row["x"], row["y"], SIGN * min(len(text), 18) * unit)
        if any(abs(place[0] - x) < (place[2] + wide) / 2 and abs(place[1] - y) < LINE * unit for x, y, wide in taken):
            continue
        taken.append(place)
        figure.add_annotation(
            x=row["x"], y=row["y"], text=plain(text, 18), showarrow=False, font={"size": 11, "color": "#111111"},
            bgcolor="rgba(255,255,255,0.72)", borderpad=1,
        )  # fmt: skip


def _scatter(figure, part, name: str, colour: str, size: float, labels, shape: str = "circle") -> None:
    figure.add_scattergl(
        x=part["x"], y=part["y"], mode="markers", name=name,
        marker={"size": size, "color": colour, "opacity": 0.85, "symbol": shape},
        customdata=[
            [int(row), plain(title, 60), plain(code, 60), plain(labels.get(value, ""), 60)]
            for row, title, code, value in zip(part["row"], part["title"], part["id"], part["value"], strict=True)
        ],
        hovertemplate="%{customdata[1]}<br>%{customdata[2]}<br>%{customdata[3]}<extra></extra>",
    )  # fmt: skip


def _finish(figure: go.Figure, title: str) -> go.Figure:
    dress(figure, title, f"UMAP 1 ({NOTE})", "UMAP 2", 640)
    figure.update_yaxes(scaleanchor="x", zeroline=False, constrain="domain")
    figure.update_xaxes(zeroline=False, constrain="domain")
    figure.update_layout(legend={"title": {"text": "click hides, double click isolates"}}, dragmode="lasso")
    return figure
