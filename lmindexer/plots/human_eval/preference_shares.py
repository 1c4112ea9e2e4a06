"""A/B questions: how often one method's group was preferred to another's."""

import plotly.graph_objects as go

from lmindexer.common.kinds import TABLE, takes
from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import BELOW, dress, empty, plain


@takes(preferences=TABLE)
def preference_shares(preferences, simulated: bool = False) -> go.Figure:
    """One row a pair of methods: the share of answers that prefer the first, with its interval; ½ is no preference.

    Args:
        preferences: `human_eval.results.preference_results`.
    """
    title = "Simulated: which group was preferred" if simulated else "People: which group was preferred"
    if preferences.empty:
        return empty(title, "No A/B question was asked.")
    names = [f"{plain(row.method_a, 26)}<br>over {plain(row.method_b, 26)}" for row in preferences.itertuples()]
    figure = go.Figure(
        go.Scatter(
            x=preferences["share_a"], y=names, mode="markers", name="people" if not simulated else "simulated",
            marker={"size": 11, "color": COLOURS[0]},
            error_x={
                "type": "data", "array": preferences["high"] - preferences["share_a"], "thickness": 2, "width": 5,
                "arrayminus": preferences["share_a"] - preferences["low"], "color": COLOURS[0],
            },
            customdata=preferences[["low", "high", "answers", "questions"]],
            hovertemplate="%{y}<br>%{x:.1%} (%{customdata[0]:.1%} to %{customdata[1]:.1%})<br>%{customdata[2]:,} "
            "answers to %{customdata[3]:,} questions<extra></extra>",
        )
    )  # fmt: skip
    if preferences["judge"].notna().any():
        figure.add_scatter(
            x=preferences["judge"], y=names, mode="markers", name="automatic judge",
            marker={"symbol": "diamond-open", "size": 10, "color": OTHER, "line": {"width": 1.6}},
        )  # fmt: skip
    figure.add_vline(x=0.5, line={"width": 1.2, "dash": "dot", "color": OTHER})
    dress(figure, title, "share of answers", None, 190 + 40 * len(names))
    figure.update_xaxes(range=[-0.03, 1.03], tickformat=".0%")
    return figure.update_layout(legend=BELOW, margin_b=96)
