"""The slides' figure: documents by category, coloured by the code that comes next."""

import plotly.graph_objects as go

from lmindexer.browse.prefixes import OTHER, Distribution, distribution
from lmindexer.common.palette import code_colour, code_hatch
from lmindexer.plots.style import as_run, dress, id_text, last_part, plain


def category_distribution(
    ids, corpus=None, prefix=(), level: int = 1, top: int = 20, shares: bool = False, names=None
) -> go.Figure:
    """Documents under `prefix` by category, each bar split by the next code.

    With prefix=() this is the slides' figure (a), categories coloured by c1; with prefix=(c1,) their figure (b),
    the categories of one c1 coloured by c2; and so on down to the last position.

    Args:
        ids: SemanticIDs (then `corpus` too), a RunBrowser, or a Distribution.
        level: category level, 1 the coarsest.
        top: categories to name; the others are one bar.
        shares: show each category's documents as shares that sum up to 100 %.
        names: {code: key words} for the legend and the hover.

    >>> figure = category_distribution(ids, corpus, prefix=(3,))                 # doctest: +SKIP
    """
    found = ids if isinstance(ids, Distribution) else distribution(as_run(ids, corpus), prefix, level, top)
    figure, names = go.Figure(), names or {}
    cells = found.cells
    totals = cells.groupby("rank")["documents"].sum()
    order = sorted(totals.index, key=lambda rank: (rank == OTHER, -totals[rank], rank))
    place = {rank: number for number, rank in enumerate(order)}
    for code, part in sorted(cells.groupby("code"), key=lambda pair: (pair[0] == OTHER, -pair[1]["documents"].sum())):
        whole = part["rank"].map(totals)
        heights = part["documents"] / whole if shares else part["documents"]
        figure.add_bar(
            x=part["rank"].map(place),
            y=heights,
            name=_name(found, code, names),
            marker=_marker(code),
            customdata=[
                [plain(label, 90), _hover_name(found, code, names), n, n / w, int(code)]
                for label, n, w in zip(part["label"], part["documents"], whole, strict=True)
            ],
            hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>%{customdata[2]:,} documents, "
            "%{customdata[3]:.1%} of the category here<extra></extra>",
        )
    labels = dict(zip(cells["rank"], cells["label"], strict=True))
    ticks = [plain(last_part(labels[rank]), 26) for rank in order]
    where = f"under {_bare(found.prefix)}" if found.prefix else "in the corpus"
    title = f"{found.documents:,} documents {where} by category, coloured by code {found.position}"
    dress(figure, title, f"Category (level {found.level})", "Share of documents" if shares else "Documents", 480)
    figure.update_layout(barmode="stack", bargap=0.18, legend={"title": {"text": f"Code at position {found.position}"}})
    figure.update_xaxes(tickvals=list(range(len(order))), ticktext=ticks, tickangle=-38 if len(order) > 8 else 0)
    if shares:
        figure.update_yaxes(tickformat=".0%", range=[0, 1])
    return figure


def _marker(code: int) -> dict:
    """The code's colour with its hatching drawn over it."""
    marker = {"color": code_colour(code), "line": {"width": 0.4, "color": "rgba(255,255,255,0.6)"}}
    if code_hatch(code):
        white = "rgba(255,255,255,0.75)"
        marker["pattern"] = {"shape": code_hatch(code), "fillmode": "overlay", "fgcolor": white, "size": 6}
    return marker


def _bare(prefix) -> str:
    return "".join(f"<{code}>" for code in prefix)


def _name(found: Distribution, code: int, names) -> str:
    if code == OTHER:
        return f"{found.other_codes:,} other codes"
    words = ", ".join(names.get(code, [])[:2])
    return id_text((code,)) + (f" {plain(words, 26)}" if words else "") if code >= 0 else "no code"


def _hover_name(found: Distribution, code: int, names) -> str:
    if code == OTHER:
        return f"{found.other_codes:,} other codes together"
    words = ", ".join(names.get(code, [])[:5])
    return id_text((*found.prefix, code)) + (f" · {plain(words, 70)}" if words else "")
