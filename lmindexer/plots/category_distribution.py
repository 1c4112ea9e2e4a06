"""The slides' figure: documents by category, coloured by the code that comes next."""

import plotly.graph_objects as go

from lmindexer.browse.prefixes import OTHER, Distribution, distribution
from lmindexer.common.arguments import codes_of
from lmindexer.common.kinds import COUNT, MAPPING, takes
from lmindexer.common.palette import code_colour, code_hatch
from lmindexer.plots.style import GRID, as_run, dress, id_text, last_part, plain

LYING = 24  # bars; more of them lie


@takes(level=COUNT, top=COUNT, names=MAPPING)
def category_distribution(
    ids, corpus=None, prefix=(), level: int = 1, top: int = 20, shares: bool = False, names=None, lying: bool = False,
) -> go.Figure:  # fmt: skip
    """Documents under `prefix` by category, each bar split by the next code.

    With prefix=() this is the slides' figure (a), categories coloured by c1; with prefix=(c1,) their figure (b),
    the categories of one c1 coloured by c2; and so on down to the last position.

    Args:
        ids: SemanticIDs (then `corpus` too), a RunBrowser, or a Distribution.
        level: category level, 1 the coarsest.
        top: categories to name; the others are one bar, with a scale of its own where it would flatten the rest.
            More than 24 bars lie on their side, so that every name can be read.
        shares: show each category's documents as shares that sum up to 100 %.
        names: {code: key words} for the legend and the hover.
        lying: bars lie however few they are, for a narrow screen.

    >>> figure = category_distribution(ids, corpus, prefix=(3,))                 # doctest: +SKIP
    """
    found = ids if isinstance(ids, Distribution) else distribution(as_run(ids, corpus), codes_of(prefix), level, top)
    figure, names = go.Figure(), names or {}
    cells = found.cells
    totals = cells.groupby("rank")["documents"].sum()
    order = sorted(totals.index, key=lambda rank: (rank == OTHER, -totals[rank], rank))
    apart = not shares and _dwarfs(totals)
    lying = lying or len(order) > LYING
    place = {rank: number for number, rank in enumerate(order)}
    for code, part in sorted(cells.groupby("code"), key=lambda pair: (pair[0] == OTHER, -pair[1]["documents"].sum())):
        for summed in (False, True) if apart else (None,):
            some = part if summed is None else part[(part["rank"] == OTHER) == summed]
            _add_bars(figure, found, code, some, totals, place, names, shares, lying, bool(summed))
    where = f"under {_bare(found.prefix)}" if found.prefix else "in the corpus"
    title = f"{found.documents:,} documents {where} by category, coloured by code {found.position}"
    _lay_out(figure, found, title, order, shares, apart, lying)
    return figure


def _dwarfs(totals) -> bool:
    """Whether the sum of the categories past the named ones would flatten their bars."""
    named = totals.drop(OTHER, errors="ignore")
    return OTHER in totals and len(named) > 0 and totals[OTHER] > 1.5 * named.max()


def _add_bars(figure, found, code, part, totals, place, names, shares, lying, apart) -> None:
    """The parts of one code in all bars; those `apart` belong to the axes of the sum of all other categories."""
    whole = part["rank"].map(totals)
    along, across = part["rank"].map(place), part["documents"] / whole if shares else part["documents"]
    if apart:
        along = along * 0
    figure.add_bar(
        x=across if lying else along,
        y=along if lying else across,
        orientation="h" if lying else "v",
        name=_name(found, code, names),
        marker=_marker(code),
        legendgroup=str(code),
        showlegend=not apart,
        customdata=[
            [plain(label, 90), _hover_name(found, code, names), n, n / w, int(code)]
            for label, n, w in zip(part["label"], part["documents"], whole, strict=True)
        ],
        hovertemplate="%{customdata[0]}<br>%{customdata[1]}<br>%{customdata[2]:,} documents, "
        "%{customdata[3]:.1%} of the category here<extra></extra>",
        **({"xaxis": "x2", "yaxis": "y2"} if apart else {}),
    )


def _lay_out(figure, found, title: str, order: list, shares: bool, apart: bool, lying: bool) -> None:
    labels = dict(zip(found.cells["rank"], found.cells["label"], strict=True))
    shown = [rank for rank in order if not (apart and rank == OTHER)]
    names = {
        "tickvals": list(range(len(shown))), "ticktext": [plain(last_part(labels[rank]), 26) for rank in shown],
        "title_text": f"Category (level {found.level})",
    }  # fmt: skip
    counts = {"title_text": "Share of documents" if shares else "Documents"}
    counts |= {"tickformat": ".0%", "range": [0, 1]} if shares else {}
    dress(figure, title, height=160 + 19 * len(order) if lying else 480)
    figure.update_layout(barmode="stack", bargap=0.18, legend={"title": {"text": f"Code at position {found.position}"}})
    if lying:
        figure.update_xaxes(**counts)
        figure.update_yaxes(**names, autorange="reversed")
    else:
        figure.update_xaxes(**names, tickangle=-38 if len(order) > 8 else 0)
        figure.update_yaxes(**counts)
    if not apart:
        return
    said = {"tickvals": [0], "ticktext": [f"{found.other_categories:,} others"], "title_text": ""}
    plain_axis = {"gridcolor": GRID, "automargin": True}
    if lying:  # a strip of its own below, with its own scale: as high as a bar, whatever the figure's height
        rest = 80 / figure.layout.height
        figure.update_layout(yaxis={"domain": [0.7 * rest + 0.05, 1]},
                             yaxis2=said | {"domain": [0, 0.25 * rest], "anchor": "x2"},
                             xaxis2=plain_axis | {"anchor": "y2", "title_text": counts["title_text"]},
                             xaxis={"anchor": "y", "title_text": ""})  # fmt: skip
    else:
        figure.update_layout(xaxis={"domain": [0, 0.88]}, xaxis2=said | {"domain": [0.94, 1], "anchor": "y2"},
                             yaxis2=plain_axis | {"anchor": "x2"})  # fmt: skip


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
