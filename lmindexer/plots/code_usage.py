"""How many documents hold each code of a position, dead codes counted."""

import numpy as np
import plotly.graph_objects as go

from lmindexer.browse import usage
from lmindexer.common.palette import COLOURS
from lmindexer.plots.style import as_run, dress, id_text, plain

BARS = 2_048  # a larger codebook is drawn as a line


def code_usage(ids, corpus=None, position: int = 1, by_size: bool = True, names=None) -> go.Figure:
    """Documents per code of a position.

    Args:
        ids: SemanticIDs (then `corpus` too) or a RunBrowser.
        by_size: the most used code first; otherwise in the codebook's order.
        names: {code: key words} for the hover (of position 1).
    """
    run = as_run(ids, corpus)
    table = usage.code_usage(run, position)
    if by_size:
        table = table.sort_values(["documents", "code"], ascending=[False, True], ignore_index=True)
    size, names = len(table), names or {}
    hover = [
        id_text((code,)) + (f" · {plain(', '.join(names[code][:4]), 60)}" if names.get(code) else "")
        for code in table["code"]
    ]
    draw = {"x": np.arange(size) if by_size else table["code"], "y": table["documents"], "customdata": hover}
    draw["hovertemplate"] = "%{customdata}<br>%{y:,} documents<extra></extra>"
    if size <= BARS:
        figure = go.Figure(go.Bar(**draw, marker={"color": COLOURS[0]}, name="documents"))
    else:
        figure = go.Figure(go.Scattergl(**draw, mode="lines", line={"color": COLOURS[0]}, name="documents"))
    even = table["documents"].sum() / size
    figure.add_hline(
        y=even, line={"dash": "dot", "width": 1.3, "color": "#D55E00"},
        annotation={"text": f"even use: {even:,.0f}", "font": {"size": 11, "color": "#D55E00"}},
        annotation_position="top right",
    )  # fmt: skip
    dead = int((table["documents"] == 0).sum())
    title = f"Use of the codes at position {position}: {size - dead:,} of {size:,} used, {dead:,} dead"
    dress(figure, title, "Code, the most used first" if by_size else "Code", "Documents", 340)
    figure.update_layout(bargap=0.12, showlegend=False)
    return figure
