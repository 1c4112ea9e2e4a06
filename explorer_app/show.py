"""How pages show things: escaped words, charts that answer clicks, tables, exports."""

import html
import textwrap
from collections.abc import Callable
from functools import partial

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from explorer_app import finder, link_table
from lmindexer import plots
from lmindexer.plots.style import BELOW

Table = pd.DataFrame | Callable[[], pd.DataFrame]
NUMBERS = "The numbers of the figure"
SCALED = 480  # pixels: height on a phone of a figure that is drawn to scale
LONG = 60  # characters from which a cell's text is cut at two lines
LEGEND = 10  # entries of the longest legend that a phone shows


def chart(
    figure: go.Figure, key: str, click: Callable[[dict], None] | None = None, modes=("points",), alt="", beside=False,
    told: pd.DataFrame | None = None,
) -> None:  # fmt: skip
    """Draw a figure and, folded, its numbers as a table; `click` is called with the selection when a person clicks.

    The camera in the figure's bar saves PNG or SVG, as chosen on the page's export menu.

    Args:
        beside: whether the page itself has a table of what the figure shows.
        told: the table to unfold, where it says more than the figure's own points.
    """
    _draw(figure, key, click, modes, alt)
    if not beside:
        _numbers(figure, key, told)


def _numbers(figure: go.Figure, key: str, told: pd.DataFrame | None) -> None:
    """The figure's numbers, made when a person unfolds them."""
    with st.expander(NUMBERS, key=f"numbers_{key}", on_change="rerun", icon=":material/table:") as folded:
        if not folded.open:
            return
        found = plots.numbers(figure) if told is None else told
        if found.empty:
            st.caption("Nothing is drawn here.")
            return
        table(found, f"numbers_{key}", plots.unmarked(figure.layout.title.text or NUMBERS))
        if len(found) >= plots.MOST_NUMBERS:
            st.caption(f"The first {plots.MOST_NUMBERS:,} are listed.")


def _draw(figure: go.Figure, key: str, click, modes, alt: str) -> None:
    if finder.narrow():
        _make_narrow(figure)
    form = st.session_state.get("picture_form", "png")
    config = {"toImageButtonOptions": {"format": form, "filename": key, "scale": 2}, "displaylogo": False}
    config["modeBarButtonsToRemove"] = ["autoScale2d"]
    title = alt or (figure.layout.title.text or key)
    if click is None:
        st.plotly_chart(figure, key=key, config=config, alt=title)
        return
    st.plotly_chart(
        figure, key=key, config=config, alt=title, selection_mode=modes,
        on_select=lambda: click(st.session_state[key]["selection"]),
    )  # fmt: skip


def _make_narrow(figure: go.Figure) -> None:
    """Fit a figure to a phone: its title in lines, its legend below, or none where it would be longer than the figure.

    What a long legend says stands in the tables beside the figures.
    """
    lines = _lines(figure.layout.title.text, 40)
    for axis in (*figure.select_xaxes(), *figure.select_yaxes()):
        axis.title.text = "<br>".join(_lines(axis.title.text, 36)) or None
    named = [trace for trace in figure.data if "showlegend" in trace and trace.showlegend is not False]
    legend = 1 < len(named) <= LEGEND
    below = 24 * len(named) if legend else 0
    titles = 18 if any(not one.showarrow and one.yref == "paper" for one in figure.layout.annotations) else 0
    if any(axis.scaleanchor for axis in figure.select_yaxes()):  # drawn to scale: as high as wide, or there is a gap
        figure.layout.height = min(figure.layout.height or SCALED, SCALED)
    if figure.layout.height and legend:
        figure.layout.height += max(below - 60, 0)
    figure.update_layout(
        title={"text": "<br>".join(lines), "font": {"size": 13}},
        margin={"l": 40, "r": 8, "t": 30 + 20 * len(lines) + titles, "b": 72 + below if legend else 64},
        showlegend=legend,
        legend=BELOW | {"xanchor": "left", "title": {"text": ""}},
    )  # fmt: skip


def _lines(text: str | None, width: int) -> list[str]:
    """A figure's text, which is escaped already, in lines."""
    parts = (text or "").split("<br>")
    return [html.escape(line, quote=False) for part in parts for line in textwrap.wrap(html.unescape(part), width)]


def export(
    name: str, figure: go.Figure | Callable[[], go.Figure] | None = None, tables: dict[str, Table] | None = None
) -> None:
    """A menu to save the figure (HTML here; PNG or SVG by the figure's camera) and the tables (CSV).

    Each may be a function, which is asked when a person saves it: a whole run is not read for a menu.
    """
    with st.popover("Export", icon=":material/download:"):
        for label, table in (tables or {}).items():
            st.download_button(
                f"{label} (CSV)", partial(_csv, table),
                f"{name}-{label.replace(' ', '-')}.csv", "text/csv",
                key=f"csv_{name}_{label}", on_click="ignore",
            )  # fmt: skip
        if figure is not None:
            st.download_button(
                "figure (HTML)", partial(_page_of, figure), f"{name}.html", "text/html",
                key=f"html_{name}", on_click="ignore",
            )  # fmt: skip
            key = f"form_{name}"
            st.session_state[key] = st.session_state.get("picture_form", "png")
            st.segmented_control(
                "The camera above a figure saves", ["png", "svg"], key=key, required=True, format_func=str.upper,
                on_change=lambda: st.session_state.update(picture_form=st.session_state[key]),
            )  # fmt: skip


def _page_of(figure) -> bytes:
    return (figure() if callable(figure) else figure).to_html(include_plotlyjs=True).encode()


def _csv(table) -> bytes:
    return (table() if callable(table) else table).to_csv(index=False).encode()


def table(frame: pd.DataFrame, key: str, says: str) -> None:
    """Show a frame as it is, column by column; long texts are cut and unfold. `says` is for screen readers."""
    columns = []
    for name in frame:
        if pd.api.types.is_numeric_dtype(frame[name]):
            columns.append(link_table.Column(name, name, "number", _places(frame[name])))
        else:
            long = frame[name].astype(str).str.len().max() > LONG
            columns.append(link_table.Column(name, name, "long" if long else "text"))
    link_table.show(frame, columns, key, says)


def _places(values: pd.Series) -> int:
    """Decimal places that tell the values apart: none for counts, else so that the largest has three digits."""
    known = values.dropna()
    if (known == known.round()).all():
        return 0
    largest = known.abs().max()
    return 1 if largest >= 100 else 2 if largest >= 10 else 3


def metrics(cells: list[tuple[str, str, str]]) -> None:
    """Numbers in a row: (label, value, help line); labels and values are escaped by the caller."""
    for column, (label, value, help_line) in zip(st.columns(max(len(cells), 4)), cells, strict=False):
        column.metric(label, value, help=help_line, border=True)
