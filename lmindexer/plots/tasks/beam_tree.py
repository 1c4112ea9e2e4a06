"""A beam on its way down the ID tree: kept branches bold, dropped ones grey, the right document's path marked."""

import math

import numpy as np
import plotly.graph_objects as go

from lmindexer.common.kinds import TABLE, takes
from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import LINE, dress, id_text, plain

TITLE = "The way down the tree of IDs: percent = probability of the whole path from the text to there"
ROOT = 0.4  # where the text stands; the first position is 1
DROPPED = 4  # dropped branches drawn at each position
STYLES = {  # of each kind of branch: the colour of its node and its line
    "dropped": (OTHER, {"color": LINE, "width": 1, "dash": "dot"}),
    "kept": (COLOURS[0], {"color": COLOURS[0], "width": 2}),
    "right, dropped": (COLOURS[4], {"color": COLOURS[4], "width": 2, "dash": "dash"}),
    "right": (COLOURS[2], {"color": COLOURS[2], "width": 3}),
}
LABEL = 0.64  # the part of the way to the next position that a label takes; branches run level below it, then part


@takes(steps=TABLE)
def beam_tree(
    steps,
    names=None,
    paths=None,
    *,
    most: int | None = None,
    levels: int | None = None,
    start: str = "text",
    brief: bool = False,
) -> go.Figure:
    """Positions from left to right; each node is a branch with the probability of the path from the text to there.

    All branches begin at their parent, those of the first position at the text. A square says that the ID ends.

    Args:
        steps: `Beam.steps` or `Descent.steps`; with the column `right`, branches to right documents are marked.
        names: {prefix: key words}.
        paths: `Beam.paths`: tells where an ID that is shorter than others ends.
        most: kept branches drawn at a position, the best ones; None for all.
        levels: positions of codes; one behind them is the suffix's. None: all are codes'.
        start: what stands at the root.
        brief: codes without key words, for a narrow screen.
    """
    names, places, figure = ({} if brief else names or {}), {(): (ROOT, 0.0)}, go.Figure()
    ends = set() if paths is None else {codes for codes in paths["codes"] if len(codes) < steps["position"].max()}
    steps = steps if "right" in steps else steps.assign(right=False)
    shown, last = [], int(steps["position"].max())
    for position, part in steps.groupby("position"):
        rows = _drawn(part.sort_values(["score"], ascending=False, kind="stable"), places, most)
        rows.sort(key=lambda row: (places[row.prefix[:-1]][1], -row.score))
        for number, row in enumerate(rows):
            places[row.prefix] = (position, number - (len(rows) - 1) / 2)
        shown += rows
    groups = {kind: [row for row in shown if _kind(row) == kind] for kind in STYLES}
    for kind, rows in groups.items():
        _edges(figure, rows, places, kind)
    for kind, rows in groups.items():
        if rows or kind not in ("right", "right, dropped"):
            labels = {row.prefix: _label(row, names, levels, last, ends) for row in rows}
            _nodes(figure, rows, places, kind, labels, names)
    figure.add_scatter(
        x=[ROOT], y=[0], mode="markers+text", text=["" if brief else plain(start, 20)], textposition="bottom center",
        hoverinfo="skip", marker={"size": 16, "color": OTHER}, showlegend=False,
    )  # fmt: skip
    most_rows = max((sum(row.position == t for row in shown) for t in steps["position"].unique()), default=1)
    dress(figure, TITLE.replace("the text", start), None, None, 130 + 34 * most_rows)
    spoken = [_position(t, levels, brief) for t in range(1, last + 1)]
    figure.update_xaxes(
        tickvals=list(range(1, last + 1)), ticktext=spoken,
        range=[ROOT - 0.1, last + (0.8 if last <= 3 or brief else 1.1)], showgrid=False, zeroline=False,
    )  # fmt: skip
    figure.update_yaxes(visible=False, autorange="reversed")
    figure.update_layout(legend={"orientation": "h", "y": 1.06, "x": 1, "xanchor": "right"}, margin={"l": 8})
    return figure


def _position(position: int, levels: int | None, brief: bool) -> str:
    if levels is not None and position > levels:
        return "doc" if brief else "document"
    return f"c{position}" if brief else f"position {position}"


def _drawn(part, places, most: int | None) -> list:
    """The branches of one position that are drawn: kept ones, the best dropped ones, and all of right documents."""
    there = part[[prefix[:-1] in places for prefix in part["prefix"]]]
    kept, dropped = there[there["kept"]], there[~there["kept"]]
    kept = kept if most is None else kept[kept["right"] | (np.arange(len(kept)) < most)]
    return [*kept.itertuples(), *dropped[dropped["right"]].itertuples(),
            *dropped[~dropped["right"]].head(DROPPED).itertuples()]  # fmt: skip


def _kind(row) -> str:
    return {(True, True): "right", (True, False): "right, dropped", (False, True): "kept", (False, False): "dropped"}[
        bool(row.right), bool(row.kept)
    ]


def _percent(probability: float) -> str:
    if probability < 0.0005:
        return "under 0.1%"
    return f"{probability:.0%}" if probability >= 0.1 else f"{probability:.1%}"


def _edges(figure, rows, places, kind: str) -> None:
    x, y = [], []
    for row in rows:
        start, end = places[row.prefix[:-1]], places[row.prefix]
        level = [start[0] + LABEL] if start[0] >= 1 else []  # below the parent's label
        x += [start[0], *level, end[0], None]
        y += [start[1], *[start[1]] * len(level), end[1], None]
    figure.add_scatter(x=x, y=y, mode="lines", line=STYLES[kind][1], hoverinfo="skip", showlegend=False)


def _label(row, names, levels: int | None, last: int, ends: set) -> tuple[str, str, str]:
    """A branch's words, where they stand, and its sign: more words where there are few positions, or none behind."""
    several = 2 if last <= 3 else 1
    room = 26 if last <= 3 or row.position == last else 12
    code = "(ends)" if row.code < 0 else id_text((row.code,))
    if levels is not None and row.position > levels:
        code = f"#{row.code}"
    words = plain(", ".join(names.get(row.prefix, [])[:several]), room)
    end = " · an ID ends here" if row.prefix in ends else ""
    sign = "star" if row.right else "square" if end else "circle"
    where = "middle right" if row.position == last else "top right"
    return f"  {code} {words} {_percent(math.exp(row.score))}{end}", where, sign


def _nodes(figure, rows, places, kind: str, labels: dict, names) -> None:
    words, where, signs = zip(*(labels[row.prefix] for row in rows), strict=True) if rows else ((), (), ())
    figure.add_scatter(
        x=[places[row.prefix][0] for row in rows],
        y=[places[row.prefix][1] for row in rows],
        mode="markers+text",
        name=kind,
        text=list(words),
        textposition=list(where),
        textfont={"size": 11, "color": OTHER} if kind == "dropped" else {"size": 12},
        marker={
            "size": [9 + 13 * math.sqrt(math.exp(row.score)) for row in rows],
            "color": STYLES[kind][0],
            "symbol": list(signs),
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
