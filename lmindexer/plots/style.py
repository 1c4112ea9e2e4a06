"""What all figures share: escaped text, one layout that suits light and dark pages, sources."""

import html
import re

import plotly.graph_objects as go

from lmindexer.browse.run import RunBrowser
from lmindexer.common.errors import LMIndexerError
from lmindexer.corpus.corpus import Corpus, expect_corpus
from lmindexer.ids.semantic_ids import SemanticIDs, expect_ids

GRID = "rgba(128, 134, 139, 0.22)"  # visible on white and on near-black
LINE = "rgba(128, 134, 139, 0.55)"
# A legend along the lower edge of the whole figure, whatever its height; leave it a margin of 96.
BELOW = {"orientation": "h", "yref": "container", "y": 0.01, "yanchor": "bottom", "x": 0}
HEALTHY = "rgba(0, 158, 115, 0.10)"

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b\u200e\u200f\u2028-\u202e\u2060\u2066-\u2069\ufeff]+")


def plain(text, limit: int = 60) -> str:
    """Text as it is for a figure: plotly reads labels and hovers as HTML, so signs are escaped; cut at `limit`.

    Control signs become one space, and so do the invisible ones that turn the direction of what follows.

    >>> plain("a <b>bold</b> move", 12)
    'a &lt;b&gt;bold&lt;/…'
    """
    return html.escape(one_line(text, limit), quote=False)


def one_line(text, limit: int = 60) -> str:
    """`plain` without the escaping, for a place that reads no HTML.

    >>> one_line("a <b>bold</b> move", 12)
    'a <b>bold</…'
    """
    text = _CONTROL.sub(" ", str(text)[: 4 * limit]).strip()
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def last_part(label: str) -> str:
    """The last level of a category path.

    >>> last_part("animal > carnivore > canine")
    'canine'
    """
    return str(label).rsplit(" > ", 1)[-1]


def id_text(prefix) -> str:
    """A prefix as people read it, escaped for a figure: (3, 17) is "<3><17>".

    >>> id_text((3, 17))
    '&lt;3&gt;&lt;17&gt;'
    """
    return html.escape("".join(f"<{code}>" for code in prefix if code >= 0) or "all", quote=False)


def dress(figure: go.Figure, title: str, x: str | None = None, y: str | None = None, height: int = 420) -> go.Figure:
    """Give a figure its title, axis names and the common look; titles are escaped here."""
    figure.update_layout(
        title={"text": plain(title, 140), "x": 0, "xanchor": "left", "font": {"size": 16}},
        height=height,
        margin={"l": 64, "r": 16, "t": 56, "b": 56},
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
        legend={"itemsizing": "constant", "font": {"size": 12}},
        hoverlabel={"align": "left"},
        modebar={"bgcolor": "rgba(0,0,0,0)"},
    )
    axis = {"gridcolor": GRID, "linecolor": LINE, "zerolinecolor": LINE, "automargin": True}
    figure.update_xaxes(**axis, **({"title_text": plain(x, 120)} if x else {}))
    figure.update_yaxes(**axis, **({"title_text": plain(y, 120)} if y else {}))
    return figure


def empty(title: str, reason: str) -> go.Figure:
    """A figure that says why there is nothing to draw."""
    figure = go.Figure()
    figure.add_annotation(text=plain(reason, 160), showarrow=False, font={"size": 14})
    figure.update_xaxes(visible=False)
    figure.update_yaxes(visible=False)
    return dress(figure, title, height=240)


def as_run(source: RunBrowser | SemanticIDs, corpus: Corpus | None) -> RunBrowser:
    """A run to ask: `source` itself, or the one made of IDs and their corpus."""
    if isinstance(source, RunBrowser):
        return source
    expect_ids(source)
    if corpus is None:
        raise LMIndexerError("Semantic IDs alone have no categories; give the corpus as well.")
    expect_corpus(corpus)
    return RunBrowser.from_parts(source, corpus)
