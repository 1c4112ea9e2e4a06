"""A beam on its way down the ID tree: kept branches bold, dropped ones grey."""

import math

import plotly.graph_objects as go

from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import LINE, dress, id_text, plain

TITLE = "The way down the tree of IDs: percent = probability of the whole path from the text to there"
ROOT = 0.4  # where the text stands; the first position is 1
DROPPED = 4  # dropped branches drawn at each position
LABEL = 0.64  # the part of the way to the next position that a label takes; branches run level below it, then part


def beam_tree(steps, names=None, paths=None) -> go.Figure:
    """Positions from left to right; each node is a branch with the probability of the path from the text to there.

    All branches begin at their parent, those of the first position at the text. A square says that the ID ends.

    Args:
        steps: `Beam.steps`.
        names: {prefix: key words}.
        paths: `Beam.paths`: tells where an ID that is shorter than others ends.
    """
    ends = set() if paths is None else {codes for codes in paths["codes"] if len(codes) < steps["position"].max()}
    names, places, figure = names or {}, {(): (ROOT, 0.0)}, go.Figure()
    shown = []
    for position, part in steps.groupby("position"):
        part = part.sort_values(["score"], ascending=False, kind="stable")
        rows = [*part[part["kept"]].itertuples(), *part[~part["kept"]].head(DROPPED).itertuples()]
        rows.sort(key=lambda row: (places[row.prefix[:-1]][1], -row.score))
        for number, row in enumerate(rows):
            places[row.prefix] = (position, number - (len(rows) - 1) / 2)
        shown += rows
    for kept in (False, True):
        _edges(figure, [row for row in shown if row.kept == kept], places, kept)
    for kept in (False, True):
        _nodes(figure, [row for row in shown if row.kept == kept], places, kept, names, ends)
    figure.add_scatter(
        x=[ROOT], y=[0], mode="markers+text", text=["text"], textposition="bottom center", hoverinfo="skip",
        marker={"size": 16, "color": OTHER}, showlegend=False,
    )  # fmt: skip
    most = max((sum(row.position == t for row in shown) for t in steps["position"].unique()), default=1)
    last = int(steps["position"].max())
    dress(figure, TITLE, None, None, 130 + 34 * most)
    figure.update_xaxes(
        tickvals=list(range(1, last + 1)), ticktext=[f"position {t}" for t in range(1, last + 1)],
        range=[ROOT - 0.1, last + 0.8], showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(visible=False, autorange="reversed")
    figure.update_layout(legend={"orientation": "h", "y": 1.06, "x": 1, "xanchor": "right"}, margin={"l": 8})
    return figure


def _percent(probability: float) -> str:
    if probability < 0.0005:
        return "under 0.1%"
    return f"{probability:.0%}" if probability >= 0.1 else f"{probability:.1%}"


def _edges(figure, rows, places, kept: bool) -> None:
    x, y = [], []
    for row in rows:
        start, end = places[row.prefix[:-1]], places[row.prefix]
        level = [start[0] + LABEL] if start[0] >= 1 else []  # below the parent's label
        x += [start[0], *level, end[0], None]
        y += [start[1], *[start[1]] * len(level), end[1], None]
    line = {"color": COLOURS[0], "width": 2} if kept else {"color": LINE, "width": 1, "dash": "dot"}
    figure.add_scatter(x=x, y=y, mode="lines", line=line, hoverinfo="skip", showlegend=False)


def _nodes(figure, rows, places, kept: bool, names, ends) -> None:
    last = max((row.position for row in rows), default=0)
    labels = [f"{id_text((row.code,))} {plain(', '.join(names.get(row.prefix, [])[:2]), 26)}" for row in rows]
    said = [" · an ID ends here" if row.prefix in ends else "" for row in rows]
    figure.add_scatter(
        x=[places[row.prefix][0] for row in rows],
        y=[places[row.prefix][1] for row in rows],
        mode="markers+text",
        name="kept" if kept else "dropped",
        text=[
            f"  {label} {_percent(math.exp(row.score))}{end}"
            for label, end, row in zip(labels, said, rows, strict=True)
        ],
        textposition=["middle right" if row.position == last else "top right" for row in rows],
        textfont={"size": 12} if kept else {"size": 11, "color": OTHER},
        marker={
            "size": [9 + 13 * math.sqrt(math.exp(row.score)) for row in rows],
            "color": COLOURS[0] if kept else OTHER,
            "symbol": ["square" if row.prefix in ends else "circle" for row in rows],
        },
        customdata=[
            [
                id_text(row.prefix), plain(", ".join(names.get(row.prefix, [])[:5]), 70), math.exp(row.log_probability),
                math.exp(row.score), int(row.documents),
            ]
            for row in rows
        ],
        hovertemplate="%{customdata[0]} %{customdata[1]}<br>this code %{customdata[2]:.1%}, path so far "
        "%{customdata[3]:.2%}<br>%{customdata[4]:,} documents below<extra></extra>",
    )  # fmt: skip
