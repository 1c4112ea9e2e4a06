"""A figure as a table: what it draws, for people who hear a page instead of seeing it."""

import html
import re

import pandas as pd
import plotly.graph_objects as go

MOST = 1000  # rows; a map of documents has its own list


def numbers(figure: go.Figure, most: int = MOST) -> pd.DataFrame:
    """One row for each thing drawn: its panel, its series, its name and its values; texts are unescaped.

    Bars, points and lines give a row a point, heat maps a row a cell that is not empty, icicles and sunbursts a row a
    part. Columns without a difference are left out; axis titles name the others.

    >>> numbers(go.Figure(go.Bar(x=[3, 4], y=["a", "b"], orientation="h", name="tools")))
       x  y
    0  3  a
    1  4  b
    """
    rows: list[dict] = []
    for trace in figure.data:
        if len(rows) >= most:
            break
        rows += _rows(trace, figure)
    frame = pd.DataFrame(rows[:most])
    for name in ("panel", "series"):
        if name in frame and frame[name].nunique(dropna=False) < 2:
            frame = frame.drop(columns=name)
    return frame.dropna(axis=1, how="all").reset_index(drop=True)


def _rows(trace, figure: go.Figure) -> list[dict]:
    if trace.type in ("icicle", "sunburst"):
        parts = zip(trace.labels, trace.values, strict=True)
        return [{"part": unmarked(label), "value": value} for label, value in parts]
    if trace.type == "heatmap":
        return _cells(trace, figure)
    if trace.type not in ("bar", "scatter", "scattergl", "histogram") or _says_nothing(trace):
        return []
    x_title, y_title = _titles(trace, figure)
    start = {"panel": _panel(trace, figure), "series": unmarked(trace.name or "")}
    xs, ys = _listed(trace, figure, "x"), _listed(trace, figure, "y")
    labels = trace.text if isinstance(trace.text, tuple | list) and len(trace.text) == len(xs) else [None] * len(xs)
    spread = _spread(trace, len(xs))
    rows = []
    for x, y, label, half in zip(xs, ys, labels, spread, strict=True):
        if x is None or y is None or x != x or y != y:  # a break in a line
            continue
        row = start | {x_title: _value(x), y_title: _value(y), "±": half}
        rows.append(row | {"label": unmarked(label) if label else None})
    return rows


def _says_nothing(trace) -> bool:
    """Lines between nodes, hidden targets of clicks, and traces that only stand in the legend."""
    return (
        trace.x is None or trace.y is None or (trace.type != "bar" and trace.hoverinfo == "skip")
        or (trace.type != "bar" and trace.marker.opacity == 0)
    )  # fmt: skip


def _cells(trace, figure: go.Figure) -> list[dict]:
    x_title, y_title = _titles(trace, figure)
    value = unmarked(trace.colorbar.title.text or "value")
    return [
        {x_title: unmarked(x), y_title: unmarked(y), value: float(z)}
        for y, line in zip(trace.y, trace.z, strict=True)
        for x, z in zip(trace.x, line, strict=True)
        if z is not None and z == z and z != 0
    ]


def _titles(trace, figure: go.Figure) -> tuple[str, str]:
    """The titles of the trace's axes, "x" and "y" where they have none or the same one; those of panels count too."""
    found = []
    for letter in "xy":
        own = figure.layout[_axis(trace, letter)].title.text
        if not own:  # panels share a title that stands at one of them
            own = (
                next((axis.title.text for axis in figure.select_xaxes() if axis.title.text), None)
                if (letter == "x")
                else next((axis.title.text for axis in figure.select_yaxes() if axis.title.text), None)
            )
        found.append(unmarked(own) if own else letter)
    return (found[0], found[1]) if found[0] != found[1] else ("x", "y")


def _axis(trace, letter: str) -> str:
    return f"{letter}axis{(trace[f'{letter}axis'] or letter)[1:]}"


def _panel(trace, figure: go.Figure) -> str | None:
    """The heading of the panel that a trace is drawn in, where a figure has several."""
    headings = [unmarked(note.text) for note in figure.layout.annotations if note.yanchor == "bottom" and note.text]
    number = int((trace.xaxis or "x")[1:] or 1)
    return headings[number - 1] if len(headings) >= number and len(headings) > 1 else None


def _spread(trace, length: int) -> list:
    for bars in (trace.error_x, trace.error_y):
        if bars.array is not None and len(bars.array) == length:
            return [float(half) for half in bars.array]
    return [None] * length


def _listed(trace, figure: go.Figure, letter: str) -> list:
    """The trace's values on an axis; where the axis has words at its ticks, these."""
    axis = figure.layout[_axis(trace, letter)]
    ticks = dict(zip(axis.tickvals, axis.ticktext, strict=True)) if axis.ticktext else {}
    return [ticks.get(value, value) for value in trace[letter]]


def _value(value):
    return unmarked(value) if isinstance(value, str) else value


def unmarked(text) -> str:
    """A figure's text without its markup.

    >>> unmarked("&lt;3&gt;<br>saws")
    '<3> saws'
    """
    return " ".join(html.unescape(re.sub(r"<[^<>]*>", " ", str(text))).split())
