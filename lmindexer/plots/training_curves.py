"""A measure over training: one panel a position, one colour a run, one dash a stage, warm-ups shaded."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmindexer.browse.history import MEASURES, curves, stage_spans
from lmindexer.common.kinds import TEXT, takes
from lmindexer.common.palette import COLOURS
from lmindexer.plots.kinds import HISTORIES
from lmindexer.plots.style import BELOW, HEALTHY, dress, empty, plain
from lmindexer.quality.diagnostics import COLLAPSE_BOUND

DASHES = {"reconstructor_warmup": "dot", "continuous": "dash", "codebook_init": "dashdot", "discrete": "solid"}
MARKERS = {"reconstructor_warmup": "circle-open", "continuous": "circle", "codebook_init": "star", "discrete": "square"}
SHADES = {"reconstructor_warmup": "rgba(128,134,139,0.30)", "continuous": "rgba(128,134,139,0.13)"}
WARMUPS = {"reconstructor_warmup": "reconstructor warm-up", "continuous": "continuous warm-up"}
BOUND = "#D55E00"


@takes(histories=HISTORIES, measure=TEXT)
def training_curves(histories, measure: str, codebook_sizes=None, documents: int | None = None) -> go.Figure:
    """Draw one measure of one or several runs' histories.

    Args:
        histories: {run: history frame} or a single history frame.
        measure: a column of the histories, such as "perplexity", "diff_ratio", "macro_f1" or "loss".
        codebook_sizes: K by position: draws the healthy range of the perplexity, 10 % of min(K, N) to K.
        documents: N.
    """
    histories = histories if isinstance(histories, dict) else {"run": histories}
    table, name = curves(histories, measure), MEASURES.get(measure, measure)
    title = f"{name[:1].upper()}{name[1:]} over training"
    if table.empty:
        return empty(title, "No run holds this measure; it is written while a run trains.")
    positions, spans = sorted(table["position"].unique()), stage_spans(histories)
    figure = make_subplots(
        cols=len(positions), shared_yaxes=True, horizontal_spacing=0.03,
        subplot_titles=[f"position {position}" for position in positions],
    )  # fmt: skip
    for column, position in enumerate(positions, start=1):
        part = table[table["position"] == position]
        _shade(figure, spans[spans["position"] == position], column)
        if measure == "perplexity" and codebook_sizes and position <= len(codebook_sizes):
            _healthy(figure, codebook_sizes[position - 1], documents, column)
        for number, run in enumerate(histories):
            _draw(figure, part[part["run"] == run], run, COLOURS[number % len(COLOURS)], column, column == 1)
    _legend(figure, spans, measure == "perplexity" and bool(codebook_sizes))
    dress(figure, title, None, None, 400)
    figure.update_yaxes(title_text=plain(name), col=1)
    figure.update_xaxes(title_text="epoch, all stages", col=(len(positions) + 1) // 2)
    figure.update_annotations(selector={"yanchor": "bottom"}, font_size=12)
    if measure == "perplexity" and codebook_sizes:
        figure.update_yaxes(range=[0, 1.06 * max(codebook_sizes)])
    figure.update_layout(legend=BELOW | {"font": {"size": 12}}, margin={"b": 116})
    return figure


def _draw(figure, part, run: str, colour: str, column: int, legend: bool) -> None:
    """The line of one run in one panel; each stage goes on from the last point of the one before."""
    if legend:
        figure.add_scatter(
            x=[None],
            y=[None],
            mode="lines",
            name=plain(run, 40),
            legendgroup=plain(run, 40),
            line={"color": colour, "width": 3},
        )
    before: list = []
    for stage, piece in part.groupby("stage", sort=False):
        joined = [*before[-1:], *piece.itertuples()]
        figure.add_scatter(
            x=[row.record for row in joined],
            y=[row.value for row in joined],
            mode="lines+markers",
            name=plain(run, 40),
            legendgroup=plain(run, 40),
            showlegend=False,
            line={"color": colour, "width": 2.2, "dash": DASHES.get(stage, "solid")},
            marker={"size": 8, "symbol": [MARKERS.get(row.stage, "circle") for row in joined], "color": colour},
            customdata=[[plain(row.stage, 30), row.epoch] for row in joined],
            hovertemplate=f"{plain(run, 40)}<br>%{{customdata[0]}}, epoch %{{customdata[1]}}<br>%{{y:.4g}}"
            "<extra></extra>",
            row=1,
            col=column,
        )
        before = joined


def _shade(figure, spans, column: int) -> None:
    """Grey behind the warm-up stages."""
    for span in spans[spans["stage"].isin(list(WARMUPS))].itertuples():
        figure.add_vrect(
            x0=span.first - 0.5, x1=span.last + 0.5, row=1, col=column, exclude_empty_subplots=False,
            fillcolor=SHADES[span.stage], line_width=0, layer="below",
        )  # fmt: skip


def _legend(figure, spans, bound: bool) -> None:
    """What the shades and the bound mean, as traces without points: words in narrow panels lie over each other."""
    square = {"symbol": "square", "size": 12}
    for stage, name in WARMUPS.items():
        if (spans["stage"] == stage).any():
            figure.add_scatter(x=[None], y=[None], mode="markers", name=name, marker=square | {"color": SHADES[stage]})
    if bound:
        healthy = square | {"color": HEALTHY.replace("0.10", "0.4")}
        figure.add_scatter(x=[None], y=[None], mode="markers", name="healthy range", marker=healthy)
        figure.add_scatter(
            x=[None], y=[None], mode="lines", name="collapse below", line={"dash": "dot", "width": 1.5, "color": BOUND}
        )


def _healthy(figure, size: int, documents: int | None, column: int) -> None:
    reachable = min(size, documents) if documents else size
    figure.add_hrect(
        y0=COLLAPSE_BOUND * reachable,
        y1=reachable,
        row=1,
        col=column,
        fillcolor=HEALTHY,
        line_width=0,
        layer="below",
        exclude_empty_subplots=False,
    )
    figure.add_hline(
        y=COLLAPSE_BOUND * reachable, row=1, col=column, exclude_empty_subplots=False,
        line={"dash": "dot", "width": 1.5, "color": BOUND},
    )  # fmt: skip
