"""How long answers took, by annotator; outliers stand out."""

import plotly.graph_objects as go

from lmindexer.common.kinds import TABLE, takes
from lmindexer.common.palette import COLOURS, OTHER
from lmindexer.plots.style import BELOW, dress, empty, plain

MARKS = {"": ("usual", OTHER, "circle"), "fast": ("very fast", COLOURS[4], "triangle-left"),
         "slow": ("very slow", COLOURS[0], "triangle-right")}  # fmt: skip


@takes(answers=TABLE)
def answer_times(answers, outliers) -> go.Figure:
    """A strip of dots an annotator on a logarithmic axis.

    Args:
        answers: `Study.answers()`.
        outliers: `human_eval.reliability.time_outliers(answers)`.
    """
    title = "Time for an answer"
    timed = answers[answers["seconds"].gt(0) & ~answers["skipped"]]
    if timed.empty:
        return empty(title, "No times were recorded.")
    names = sorted(timed["annotator"].unique())
    figure = go.Figure()
    for kind, (label, colour, symbol) in MARKS.items():
        own = timed[outliers.loc[timed.index] == kind]
        if own.empty:
            continue
        spread = [names.index(name) + (number % 7 - 3) / 14 for number, name in enumerate(own["annotator"])]
        figure.add_scatter(
            x=own["seconds"], y=spread, mode="markers", name=label,
            marker={"size": 9 if kind else 6, "color": colour, "symbol": symbol, "opacity": 1 if kind else 0.65},
            customdata=[plain(name, 30) for name in own["annotator"]],
            hovertemplate="%{customdata}<br>%{x:.1f} s<extra></extra>",
        )  # fmt: skip
    dress(figure, title, "seconds", None, 160 + 44 * len(names))
    ticks = [n * 10**power for power in (-1, 0, 1, 2, 3) for n in (1, 2, 5)]
    figure.update_xaxes(type="log", tickvals=ticks, ticktext=[f"{tick:g}" for tick in ticks])
    figure.update_yaxes(tickvals=list(range(len(names))), ticktext=[plain(name, 30) for name in names],
                        range=[len(names) - 0.5, -0.5], showgrid=False, zeroline=False)  # fmt: skip
    return figure.update_layout(legend=BELOW, margin_b=96, showlegend=len(figure.data) > 1)
