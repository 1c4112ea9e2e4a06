"""What the widgets share: a box that leaves plain HTML where no front end answers, figures in it, escaped tables."""

import html
import json
from collections.abc import Iterable, Sequence

import ipywidgets
import plotly.graph_objects as go

from lmindexer.browse import RunBrowser
from lmindexer.common.errors import LMIndexerError
from lmindexer.runs.bundle import Bundle

PLOTLY = "application/vnd.plotly.v1+json"
BLOCKS = "▁▂▃▄▅▆▇█"
NOTE = "This is a picture of a widget; run the cell to use it."


class Panel(ipywidgets.VBox):
    """A widget whose last known state is also plain HTML (`static_html`) and plain text (`repr`).

    A front end that knows ipywidgets shows the widget. GitHub, a converter or a mail shows the HTML, which can be read
    without styles and has no scripts.
    """

    def static_html(self) -> str:
        """The state as HTML without scripts, which can be read without styles."""
        raise LMIndexerError(f"{type(self).__name__} has no static form; use one of the widgets built on it.")

    def _repr_mimebundle_(self, **options) -> dict:
        data = super()._repr_mimebundle_(**options)
        return {**data, "text/plain": repr(self), "text/html": f"{self.static_html()}<p><i>{NOTE}</i></p>"}

    def picture(self) -> "Static":
        """The present state as a cell's output without the widget, for a notebook that is to stay small."""
        return Static(self.static_html(), repr(self))


class Static:
    """HTML with its plain text, as the output of a cell."""

    def __init__(self, html_text: str, plain_text: str):
        self.html_text, self.plain_text = html_text, plain_text

    def _repr_html_(self) -> str:
        return self.html_text

    def __repr__(self) -> str:
        return self.plain_text


def as_browser(run) -> RunBrowser:
    """A RunBrowser of what a person may hold: a RunBrowser, a Bundle, or a run's folder."""
    if isinstance(run, RunBrowser):
        return run
    return RunBrowser.from_bundle(run if isinstance(run, Bundle) else Bundle.open(run))


def show_figure(output: ipywidgets.Output, figure: go.Figure | None) -> None:
    """Put a figure in the place of what an Output shows; None empties it. Works in any thread and without a kernel."""
    if figure is None:
        output.outputs = ()
        return
    figure = go.Figure(figure).update_layout(autosize=True)
    data = {PLOTLY: json.loads(figure.to_json()), "text/plain": "a figure"}
    output.outputs = ({"output_type": "display_data", "data": data, "metadata": {}},)


LEFT = ' style="text-align:left"'  # JupyterLab sets tables to the right, words too


def table(columns: Sequence[str], rows: Iterable[Sequence], caption: str = "") -> str:
    """An HTML table; every cell is escaped, numbers stand to the right and words to the left.

    >>> table(["word", "n"], [["<b>", 3]]).split("<tbody>")[1]
    '<tr><td style="text-align:left">&lt;b&gt;</td><td align="right">3</td></tr></tbody></table>'
    """
    rows = [list(row) for row in rows]
    title = f"<caption>{escaped(caption)}</caption>" if caption else ""
    numbers = [_is_number(value) for value in rows[0]] if rows else [False] * len(columns)
    head = "".join(
        f"<th{'' if number else LEFT}>{escaped(name)}</th>" for name, number in zip(columns, numbers, strict=True)
    )
    body = "".join(f"<tr>{''.join(_cell(value) for value in row)}</tr>" for row in rows)
    return f"<table>{title}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _cell(value) -> str:
    if not _is_number(value):
        return f"<td{LEFT}>{escaped(value)}</td>"
    shown = f"{value:,}" if isinstance(value, int) else f"{value:.3f}"
    return f'<td align="right">{shown}</td>'


def escaped(text) -> str:
    """Text as it is, for HTML; None is nothing."""
    return "" if text is None else html.escape(str(text))


def bar(share: float, width: int = 12) -> str:
    """A share as a bar of block signs, which needs no styles.

    >>> bar(0.5, 4), bar(0.0, 4)
    ('██', '')
    """
    eighths = round(max(0.0, min(1.0, share)) * width * 8)
    return "█" * (eighths // 8) + ("", "▏", "▎", "▍", "▌", "▋", "▊", "▉")[eighths % 8]


def sparkline(values: Sequence[float], top: float | None = None) -> str:
    """A curve in one line of block signs, from 0 (the lowest block) to `top`.

    >>> sparkline([0, 1, 2, 4])
    '▁▃▅█'
    """
    top = top or max(values, default=0) or 1
    return "".join(BLOCKS[int(7 * max(0.0, min(1.0, value / top)) + 0.5)] for value in values)
