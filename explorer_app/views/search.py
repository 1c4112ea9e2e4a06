"""The search page: one box for titles, document ids, semantic IDs, key words and texts; "/" leads to it."""

from functools import partial

import streamlit as st

from explorer_app import context, links
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column, show
from explorer_app.show import export
from explorer_app.views.parts import PAGE_SIZE, documents_table, pager
from lmindexer.browse import RunBrowser, words
from lmindexer.browse.search import TEXTS_UP_TO, everything, search

FOUND_IN = Column("found_in", "found in")


def render() -> None:
    """Lay out the page."""
    run = context.current()
    st.title("Search")
    with st.container(key="find_here"):
        wanted = links.words(
            "Find documents and codes", "q", placeholder="a title, an id, an ID such as <3><17>, key words, any words"
        )
    in_texts = run.documents <= TEXTS_UP_TO
    if not in_texts:
        in_texts = links.toggle("in texts too", "intext", help="Reads every text: slower for a large run.")
    if not wanted.strip():
        st.info("Type what you look for. The key / leads here from every page.", icon=":material/search:")
        return
    offset = links.number("from", 0, 10**9, 0)
    found = search(run, wanted, offset, PAGE_SIZE, in_texts)
    if found.total and offset >= found.total:
        offset = (found.total - 1) // PAGE_SIZE * PAGE_SIZE
        found = search(run, wanted, offset, PAGE_SIZE, in_texts)
    _prefix(run, found.prefix)
    if not offset:
        _codes(found.codes)
    _documents(run, found, wanted, offset, in_texts)


def _prefix(run: RunBrowser, prefix: tuple[int, ...]) -> None:
    if not prefix:
        return
    name = words.name_of(run, prefix, 4)
    number = run.count(prefix)
    said = f"{id_of(prefix)} {name}: {number:,} document{'' if number == 1 else 's'}"
    links.page_link("prefixes", md(said, 160), ":material/tag:", prefix=".".join(map(str, prefix)))


def _codes(codes) -> None:
    if codes.empty:
        return
    st.header("Codes with these key words", anchor=False)
    rows = codes.assign(ID=[id_of(prefix) for prefix in codes["prefix"]])
    show(
        rows, [Column("ID", "ID", "code"), Column("words", "key words"), Column("documents", "documents", "number")],
        "found_codes", "Codes with these key words",
        lambda place: ("prefixes", links.query(prefix=".".join(map(str, rows["prefix"].iloc[place])))),
    )  # fmt: skip


def _documents(run: RunBrowser, found, wanted: str, offset: int, in_texts: bool) -> None:
    if not found.total:
        if not found.prefix:
            st.info("Nothing matches; take fewer or other words.", icon=":material/search_off:")
        return
    st.header("Documents", anchor=False)
    documents_table(found.documents, "found", [FOUND_IN], "Documents found")
    pager(found, offset, "found")
    every = f"all {'more than ' if found.capped else ''}{found.total:,} with texts"
    tables = {"documents of this page": found.documents, every: partial(everything, run, wanted, in_texts)}
    export("found", tables=tables)
