"""Page 3: one document: its text, its ID, why this ID, and who is near."""

import streamlit as st

from explorer_app import context, finder, helplines, links, models
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column
from explorer_app.show import chart, export
from explorer_app.views.parts import documents_table
from lmindexer import plots
from lmindexer.browse import RunBrowser, documents, inside, neighbours, words

SIBLINGS = 50


def render() -> None:
    """Lay out the page."""
    run = context.current()
    st.title("One document")
    wanted = links.get("doc")
    row = documents.row_of(run, wanted) if wanted else None
    if row is None:
        if wanted:
            st.warning(f"This run has no document **{md(wanted, 80)}**.", icon=":material/search_off:")
        st.info("Find a document by the search (key /), or take one of these.", icon=":material/search:")
        documents_table(documents.page(run).rows, "first_documents", says="The first documents of the corpus")
        return
    found = documents.document(run, row, links.number("from", 0, 10**9, 0))
    _card(run, found)
    _why(run, found)
    _siblings(run, found)
    _near(run, found)


def _card(run: RunBrowser, found: dict) -> None:
    with st.container(border=True):
        left, right = st.columns([3, 2])
        with left:
            st.caption(f"document {md(found['doc_id'], 120)}")
            st.header(md(found["title"], 200) or "(no title)", anchor=False)
            st.text(found["text"])
            _more_text(found)
            if found["categories"]:
                st.caption("Category")
                st.text(found["categories"][-1])
        with right:
            st.caption("Semantic ID")
            st.markdown(f"## {md(found['id'])} :gray[#{found['suffix']}]", help=helplines.SUFFIX)
            for length in range(1, run.positions + 1):
                part = found["codes"][:length]
                if part[-1] < 0:
                    break
                name = words.name_of(run, part, 4)
                links.page_link(
                    "prefixes", f"{md(id_of(part))} {md(name, 90)} ({run.count(part):,})",
                    ":material/subdirectory_arrow_right:", prefix=".".join(map(str, part)),
                )  # fmt: skip


def _more_text(found: dict) -> None:
    """Long texts are shown by pieces."""
    start = links.number("from", 0, 10**9, 0)
    end = start + documents.TEXT_PIECE
    if found["characters"] <= documents.TEXT_PIECE:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Before", key="text_before", disabled=not start, on_click=links.put,
                  kwargs={"from": max(start - documents.TEXT_PIECE, 0) or None})  # fmt: skip
        shown = f"characters {start + 1:,}–{min(end, found['characters']):,} of {found['characters']:,}"
        st.markdown(shown, width="content")
        st.button("After", key="text_after", disabled=end >= found["characters"], on_click=links.put,
                  kwargs={"from": end})  # fmt: skip


@st.cache_data(max_entries=32, show_spinner="Asking the model …")
def _steps(_run: RunBrowser, _indexer, row: int, key: tuple):
    return inside.why(_run, _indexer, row)


@st.cache_data(max_entries=32, show_spinner="Asking the reconstructor …")
def _reconstruction(_run: RunBrowser, _indexer, row: int, hints: float, seed: int, key: tuple):
    return _indexer.reconstruct(inside.document_of(_run, row), hint_share=hints, seed=seed)


def _why(run: RunBrowser, found: dict) -> None:
    st.header("Why this ID")
    if models.awaited(run):
        return
    indexer = models.model(run)
    if indexer is None:
        return
    steps = _steps(run, indexer, found["row"], models.key_of(run))
    said = "P(code | codes before it, document); the ID's own is blue"
    figure = plots.code_probabilities(steps, said, stacked=finder.narrow())
    chart(figure, f"why_{found['row']}")
    if not hasattr(indexer, "reconstruct"):
        return
    left, middle, right = st.columns([2, 1, 1], vertical_alignment="bottom")
    hints = links.choose("Share of the words shown as hints", [0.0, 0.1, 0.3, 0.5], "hints", 0.1, where=left,
                         kind="segmented_control", text=lambda share: f"{share:.0%}")  # fmt: skip
    seed = links.choose("Draw of the hints", list(range(6)), "draw", 0, where=middle)
    words_of = _reconstruction(run, indexer, found["row"], hints, seed, models.key_of(run))
    figure = plots.reconstruction(words_of)
    with right:
        export("why", figure, {"codes": steps, "words": words_of})
    chart(figure, f"reconstruction_{found['row']}_{hints}_{seed}")


def _siblings(run: RunBrowser, found: dict) -> None:
    codes = tuple(code for code in found["codes"] if code >= 0)
    st.header("Under the same prefix")
    lengths = list(range(len(codes), 0, -1))
    length = links.choose(
        "Prefix", lengths, "siblings", lengths[0], kind="segmented_control",
        text=lambda t: id_of(codes[:t]) + (" (equal codes)" if t == len(codes) else ""),
    )  # fmt: skip
    number = run.count(codes[:length])
    if number == 1:
        st.info("No other document is under this prefix; choose a shorter one.", icon=":material/fingerprint:")
        return
    rows = documents.page(run, codes[:length], limit=SIBLINGS).rows
    rows = rows[rows["row"] != found["row"]].reset_index(drop=True)
    if length == len(codes):
        st.caption(f"{number:,} documents have these codes; the suffix tells them apart.")
    elif number > SIBLINGS:
        st.caption(f"The first {SIBLINGS} of {number:,} are shown; the page Prefixes lists all.")
    documents_table(rows, "siblings", says="Documents under the same prefix")


def _near(run: RunBrowser, found: dict) -> None:
    st.header("Near by state", help=helplines.COSINE)
    states = neighbours.states(run)
    if states is None:
        st.info("This run keeps no states, so nearest documents cannot be found.", icon=":material/blur_off:")
        return
    first = found["codes"][:1]
    elsewhere = neighbours.nearest(run, states[found["row"]], 10, first, found["row"])
    left, right = st.columns(2)
    with left:
        st.markdown(f"Nearest with another first code than {md(id_of(first))}")
        _near_table(elsewhere, "elsewhere", "Nearest with another first code")
    with right:
        st.markdown("Nearest of all")
        _near_table(neighbours.nearest(run, states[found["row"]], 10, (), found["row"]), "nearest", "Nearest of all")


def _near_table(rows, key: str, says: str) -> None:
    cosine = Column("cosine", "cosine", "number", 3, "of the documents' last hidden states h")
    documents_table(rows, key, [cosine], says, brief=True)
