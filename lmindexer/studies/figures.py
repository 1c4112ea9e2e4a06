"""The training study as the slides draw it: figures (a) to (e), with and without a part, epoch by epoch."""

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from lmindexer.common.kinds import COUNT, TEXT, TRUTH, having, takes
from lmindexer.common.palette import COLOURS
from lmindexer.plots.style import dress, empty
from lmindexer.studies.catalogue import OURS
from lmindexer.studies.sections import FIGURES
from lmindexer.studies.tables import part

RESULT = having("a StudyResult", "Give what run_study or state_of answers.", "history", "frame")


@takes(result=RESULT, corpus=TEXT, category_text=TRUTH, position=COUNT, form=TEXT)
def training_figure(result, corpus: str, category_text: bool = True, position: int = 1, form: str = OURS) -> go.Figure:
    """Five panels: the quantity of each figure by epoch of the discrete stage; bars are the seeds' range.

    Args:
        result: of the study "training".
        position: whose codes are looked at; the contrastive term of LMIndexer's own form begins at 2.
        form: a label of `catalogue.FORMS`.
    """
    title = f"Training study: {form}, {corpus}, {'with' if category_text else 'without'} category text, c{position}"
    history = part(result.history(), corpus, category_text)
    history = history[(history["stage"] == "discrete") & (history["position"] == position)]
    if history.empty:
        return empty(title, "No run of this corpus is finished.")
    names = [f"({letter}) {what}: {heading}" for letter, (what, _, _, heading) in FIGURES.items()]
    figure = make_subplots(rows=1, cols=len(FIGURES), subplot_titles=names, horizontal_spacing=0.05)
    for column, (_, off, quantity, _) in enumerate(FIGURES.values(), 1):
        for label, shown, colour in ((form, "with", COLOURS[0]), (f"{form}, {off}", "without", COLOURS[1])):
            values = history[history["label"] == label].groupby("epoch")[quantity.removeprefix("trained_")]
            mean, low, high = values.mean().astype(float), values.min().astype(float), values.max().astype(float)
            figure.add_scatter(
                x=mean.index,
                y=mean,
                error_y={"type": "data", "array": high - mean, "arrayminus": mean - low},
                name=shown,
                legendgroup=shown,
                showlegend=column == 1,
                line={"color": colour, "dash": "solid" if shown == "with" else "dash"},
                mode="lines+markers",
                row=1,
                col=column,
            )
    figure.update_annotations(font_size=12)
    dress(figure, title, "epoch", None, 340)
    figure.update_xaxes(dtick=1)
    return figure.update_layout(legend={"orientation": "h", "y": -0.25})
