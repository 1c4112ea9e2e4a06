"""What people's answers say of each method: shares or ratings with their intervals."""

import plotly.graph_objects as go

from lmindexer.common.kinds import TABLE, takes
from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import BELOW, dress, empty, plain

TYPES = {
    "all": "right answers together", "intruder": "intruder found", "pair": "pair found", "coherence": "coherence, 1-5",
    "level": "division makes sense", "collision": "equal IDs, same thing", "ab": "which of two groups",
}  # fmt: skip


@takes(methods=TABLE)
def method_scores(methods, ratings: bool = False, simulated: bool = False) -> go.Figure:
    """A dot with its interval for each method and type of question; people's answers filled, the judge's hollow.

    Args:
        methods: `human_eval.results.method_results`.
        ratings: the mean ratings (1-5) in place of the shares.
        simulated: says in the title that the annotators are simulated.
    """
    title = ("Simulated" if simulated else "People") + (": mean rating" if ratings else ": share right, or yes")
    rows = methods[(methods["measure"] == "mean rating") == ratings]
    if rows.empty:
        return empty(title, "No question of this kind was asked.")
    types = list(dict.fromkeys(rows["type"]))
    names = sorted(rows["method"].unique())
    figure = go.Figure()
    step = 0.62 / max(len(names), 1)
    for number, name in enumerate(names):
        own = rows[rows["method"] == name]
        place = [-types.index(kind) + (len(names) - 1) / 2 * step - number * step for kind in own["type"]]
        colour = COLOURS[number % len(COLOURS)]
        _people(figure, own, place, plain(name, 40), colour, ratings)
        if own["judge"].notna().any():
            figure.add_scatter(
                x=own["judge"], y=place, mode="markers", name=f"{plain(name, 40)}, automatic judge", showlegend=False,
                marker={"symbol": "diamond-open", "size": 10, "color": colour, "line": {"width": 1.6}},
                hovertemplate=f"automatic judge, {plain(name, 40)}<br>%{{x:.2f}}<extra></extra>",
            )  # fmt: skip
    if rows["judge"].notna().any():
        figure.add_scatter(x=[None], y=[None], mode="markers", name="automatic judge",
                           marker={"symbol": "diamond-open", "size": 10, "color": OTHER})  # fmt: skip
    _chance(figure, rows, types)
    dress(figure, title, "mean rating" if ratings else "share", None, 150 + 62 * len(types))
    figure.update_xaxes(range=[0.8, 5.2] if ratings else [-0.03, 1.03], tickformat=None if ratings else ".0%")
    figure.update_yaxes(tickvals=[-n for n in range(len(types))], ticktext=[TYPES.get(kind, kind) for kind in types],
                        showgrid=False, zeroline=False)  # fmt: skip
    return figure.update_layout(legend=BELOW, margin_b=96)


def _people(figure, own, place, name, colour, ratings) -> None:
    form = ".2f" if ratings else ".1%"
    figure.add_scatter(
        x=own["value"], y=place, mode="markers", name=name, marker={"size": 11, "color": colour},
        error_x={
            "type": "data", "array": own["high"] - own["value"], "arrayminus": own["value"] - own["low"],
            "thickness": 2, "width": 5, "color": colour,
        },
        customdata=own[["low", "high", "answers", "questions", "annotators"]],
        hovertemplate=f"{name}<br>%{{x:{form}}} (%{{customdata[0]:{form}}} to %{{customdata[1]:{form}}})<br>"
        "%{customdata[2]:,} answers to %{customdata[3]:,} questions by %{customdata[4]} annotators<extra></extra>",
    )  # fmt: skip


def _chance(figure, rows, types) -> None:
    """A grey stroke where guessing would lie."""
    first = rows.drop_duplicates("type").dropna(subset="chance")
    for row in first.itertuples():
        y = -types.index(row.type)
        figure.add_shape(type="line", x0=row.chance, x1=row.chance, y0=y - 0.42, y1=y + 0.42,
                         line={"color": OTHER, "width": 1.4, "dash": "dot"})  # fmt: skip
    if len(first):
        figure.add_scatter(x=[None], y=[None], mode="lines", name="guessing",
                           line={"color": OTHER, "width": 1.4, "dash": "dot"})  # fmt: skip
