"""Perplexity of every position, over the corpus and inside a prefix, against what is possible."""

import plotly.graph_objects as go

from lmindexer.common.kinds import takes
from lmindexer.common.palette import COLOURS
from lmindexer.plots.kinds import QUALITIES
from lmindexer.plots.style import dress, plain
from lmindexer.quality.diagnostics import COLLAPSE_BOUND

BOUND = {"dash": "dot", "width": 1.5, "color": "#D55E00"}


@takes(qualities=QUALITIES)
def perplexity(qualities) -> go.Figure:
    """Share of the reachable perplexity, min(K, N), by position: solid over the corpus, hatched inside a prefix.

    Args:
        qualities: {run: IDQuality} or a single IDQuality.
    """
    qualities = qualities if isinstance(qualities, dict) else {"run": qualities}
    figure = go.Figure()
    for number, (run, quality) in enumerate(qualities.items()):
        reach = [min(size, quality.documents) for size in quality.codebook_sizes]
        series = (
            ("over the corpus", quality.perplexity, ""),
            ("inside a prefix", quality.within_prefix_perplexity, "/"),
        )
        for words, values, hatch in series:
            label = words if len(qualities) == 1 else f"{run}, {words}"
            figure.add_bar(
                x=[f"position {t}" for t in range(1, quality.positions + 1)],
                y=[None if value is None else value / most for value, most in zip(values, reach, strict=True)],
                name=plain(label, 60),
                marker={"color": COLOURS[number % len(COLOURS)], "pattern": {"shape": hatch, "solidity": 0.35}},
                text=["" if value is None else f"{value:.1f}" for value in values],
                textposition="outside" if len(qualities) == 1 else "none",  # of several the numbers would overlap
                cliponaxis=False,
                customdata=[[value, most] for value, most in zip(values, reach, strict=True)],
                hovertemplate=f"{plain(label, 60)}<br>%{{x}}: perplexity %{{customdata[0]:.2f}} of %{{customdata[1]:,}}"
                "<extra></extra>",
            )
    figure.add_hline(y=COLLAPSE_BOUND, line=BOUND)
    figure.add_scatter(x=[None], y=[None], mode="lines", line=BOUND, name="below 10 %: collapse", hoverinfo="skip")
    title = "Perplexity by position" + (" (number = perplexity)" if len(qualities) == 1 else "")
    dress(figure, title, None, "Share of min(K, N)", 340)
    figure.update_yaxes(tickformat=".0%", range=[0, 1.12])
    figure.update_layout(legend={"orientation": "h", "y": -0.2})
    return figure
