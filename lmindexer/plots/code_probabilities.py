"""Why this ID: the most probable codes at each position, the chosen one marked."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import dress, id_text, plain

LABEL = 40  # signs of a label that fit beside a bar of no length


def code_probabilities(
    steps, title: str = "The most probable codes at each position", stacked: bool = False
) -> go.Figure:
    """One panel a position with P_s(c^t | c^{<t}, d) of the best codes.

    Args:
        steps: position, code, probability, chosen, words (`browse.inside.why`).
        stacked: panels below each other, for a narrow screen.
    """
    positions = sorted(steps["position"].unique())
    names = [f"position {t}" for t in positions]
    if stacked:
        figure = make_subplots(rows=len(positions), shared_xaxes=True, subplot_titles=names,
                               vertical_spacing=0.2 / len(positions))  # fmt: skip
    else:
        figure = make_subplots(cols=len(positions), horizontal_spacing=0.02, subplot_titles=names)
    for place, position in enumerate(positions, start=1):
        part = steps[steps["position"] == position].iloc[::-1]
        labels = [f"{id_text((row.code,))} {plain(row.words, _room(row.probability))}" for row in part.itertuples()]
        figure.add_bar(
            x=part["probability"], y=list(range(len(part))), orientation="h", text=labels,
            textposition=["inside" if share >= 0.5 else "outside" for share in part["probability"]],
            insidetextanchor="start", constraintext="none", showlegend=False,
            row=place if stacked else 1, col=1 if stacked else place,
            marker={"color": [COLOURS[0] if own else OTHER for own in part["chosen"]]},
            customdata=[[label, rank] for label, rank in zip(labels, part["rank"], strict=True)],
            hovertemplate="%{customdata[0]}<br>probability %{x:.3f}, rank %{customdata[1]}<extra></extra>",
        )  # fmt: skip
    bars = steps.groupby("position").size()
    dress(figure, title, None, None, 120 + 36 * int(bars.sum()) if stacked else 90 + 40 * int(bars.max()))
    figure.update_xaxes(range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75], tickformat=".0%")
    figure.update_xaxes(title_text="probability", row=len(positions) if stacked else None)
    figure.update_yaxes(visible=False)
    figure.update_annotations(font_size=12)
    figure.update_layout(margin={"l": 8}, bargap=0.25)
    return figure


def _room(probability: float) -> int:
    """Signs of key words that fit beside a bar of this length, or on a bar that is longer than its rest."""
    return max(int((LABEL if probability < 0.5 else LABEL + 8) * max(probability, 1 - probability)) - 6, 8)
