"""Why this ID: the most probable codes at each position, the chosen one marked."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import dress, id_text, plain


def code_probabilities(steps, title: str = "The most probable codes at each position") -> go.Figure:
    """One panel a position with P_s(c^t | c^{<t}, d) of the best codes.

    Args:
        steps: position, code, probability, chosen, words (`browse.inside.why`).
    """
    positions = sorted(steps["position"].unique())
    names = [f"position {t}" for t in positions]
    figure = make_subplots(cols=len(positions), horizontal_spacing=0.02, subplot_titles=names)
    for column, position in enumerate(positions, start=1):
        part = steps[steps["position"] == position].iloc[::-1]
        labels = [
            f"{id_text((code,))} {plain(words, 34)}" for code, words in zip(part["code"], part["words"], strict=True)
        ]
        figure.add_bar(
            x=part["probability"], y=list(range(len(part))), orientation="h", text=labels, textposition="auto",
            insidetextanchor="start", constraintext="none", row=1, col=column, showlegend=False,
            marker={"color": [COLOURS[0] if own else OTHER for own in part["chosen"]]},
            customdata=[[label, rank] for label, rank in zip(labels, part["rank"], strict=True)],
            hovertemplate="%{customdata[0]}<br>probability %{x:.3f}, rank %{customdata[1]}<extra></extra>",
        )  # fmt: skip
    dress(figure, title, None, None, 90 + 40 * int(steps.groupby("position").size().max()))
    figure.update_xaxes(range=[0, 1], tickvals=[0, 0.25, 0.5, 0.75], tickformat=".0%", title_text="probability")
    figure.update_yaxes(visible=False)
    figure.update_annotations(font_size=12)
    figure.update_layout(margin={"l": 8}, bargap=0.25)
    return figure
