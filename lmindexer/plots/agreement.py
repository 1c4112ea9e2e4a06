"""AMI of prefixes with category levels, for one or several runs."""

import plotly.graph_objects as go

from lmindexer.common.kinds import COUNT, takes
from lmindexer.common.palette import COLOURS
from lmindexer.plots.kinds import QUALITIES
from lmindexer.plots.style import dress, empty, plain


@takes(qualities=QUALITIES, prefix_length=COUNT)
def agreement(qualities, prefix_length: int = 1) -> go.Figure:
    """AMI of c_1 … c_length with each category level; no bar where it says nothing (`IDQuality.says_nothing`).

    Args:
        qualities: {run: IDQuality} or a single IDQuality.
        prefix_length: 1 … T; compare runs at like numbers of distinct prefixes only.
    """
    qualities = qualities if isinstance(qualities, dict) else {"run": qualities}
    several = len(qualities) > 1  # their corpora may have other classes, which are told when pointed at
    figure = go.Figure()
    for number, (run, quality) in enumerate(qualities.items()):
        if prefix_length > quality.positions or not quality.levels:
            continue
        rows = quality.agreement.query("prefix_length == @prefix_length")
        silent = [quality.says_nothing(prefix_length, level) for level in rows["level"]]
        values = [0.0 if why else value for why, value in zip(silent, rows["ami"], strict=True)]
        pairs = list(zip(silent, values, strict=True))
        shown = ["says nothing" if why else f"{value:.2f}" for why, value in pairs]
        said = [f"AMI says nothing: {why}" if why else f"AMI {value:.3f}" for why, value in pairs]
        figure.add_bar(
            x=[
                f"level {level}" + ("" if several else f"<br>{classes:,} classes")
                for level, classes in zip(rows["level"], rows["classes"], strict=True)
            ],
            y=values,
            name=plain(run, 40),
            marker={"color": COLOURS[number % len(COLOURS)]},
            text=shown,
            textposition="outside",
            cliponaxis=False,
            customdata=rows[["purity", "homogeneity", "completeness", "prefixes", "classes"]].assign(said=said),
            hovertemplate=f"{plain(run, 40)}<br>%{{x}}, %{{customdata[4]:,}} classes<br>%{{customdata[5]}}<br>purity "
            "%{customdata[0]:.3f}, homogeneity %{customdata[1]:.3f}, completeness %{customdata[2]:.3f}<br>"
            "%{customdata[3]:,} prefixes<extra></extra>",
        )
    what = "c1" if prefix_length == 1 else f"c1…c{prefix_length}"
    title = f"Agreement of {what} with the categories"
    if not figure.data:
        return empty(title, "The corpus has no categories to compare with.")
    dress(figure, title, "Category level", "AMI (0 chance, 1 equal)", 340)
    top = max(max(trace.y) for trace in figure.data)
    figure.update_yaxes(range=[min(0, *(min(trace.y) for trace in figure.data)), max(top * 1.18, 0.1)])
    figure.update_layout(showlegend=len(figure.data) > 1, legend={"orientation": "h", "y": -0.25})
    return figure
