"""Parts that several pages share: breadcrumbs, a list of documents by page, links to a document."""

from functools import partial

import streamlit as st

from explorer_app import helplines, links
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column, show
from explorer_app.show import export
from lmindexer.browse import RunBrowser, documents, words

PAGE_SIZE = 20


def breadcrumbs(run: RunBrowser, prefix: tuple[int, ...], page: str) -> None:
    """All › <3> key words › <3><17> key words, each a button up the tree; nothing at the top."""
    if not prefix:
        return
    with st.container(horizontal=True, gap="small", vertical_alignment="center"):
        for length in range(len(prefix) + 1):
            part = prefix[:length]
            name = words.name_of(run, part, 2) if part else ""
            label = f"{md(id_of(part[-1:]))} {md(name, 50)}" if part else "All documents"
            if length:
                st.markdown(":material/chevron_right:", width="content")
            st.button(
                label, key=f"crumb_{page}_{length}", type="tertiary", disabled=length == len(prefix),
                on_click=links.put, kwargs={"prefix": ".".join(map(str, part)), "from": None},
            )  # fmt: skip


def document_list(run: RunBrowser, prefix: tuple[int, ...], key: str, category=None) -> None:
    """The documents under a prefix: search, pages, a click opens one."""
    left, right = st.columns([3, 1], vertical_alignment="bottom")
    search = links.words("Search ids and titles", "q", where=left, placeholder="part of an id or a title")
    in_text = links.toggle("in texts too", "intext", where=right, help="Reads every text: slower for large runs.")
    offset = links.number("from", 0, 10**9, 0)
    found = documents.page(run, prefix, category, search, in_text, offset, PAGE_SIZE)
    if found.total and offset >= found.total:  # a link from a longer list
        offset = (found.total - 1) // PAGE_SIZE * PAGE_SIZE
        found = documents.page(run, prefix, category, search, in_text, offset, PAGE_SIZE)
    if not found.total:
        st.info("No document here matches the search; shorten it or search in texts too.", icon=":material/search_off:")
        return
    documents_table(found.rows, key, says=f"Documents under {id_of(prefix)}" if prefix else "All documents")
    pager(found, offset, key)
    listed = "under this prefix" if prefix else "of the run"
    tables = {"documents of this page": found.rows}
    if search and found.total:
        where = run.where(prefix, category)
        tables[f"all {'more than ' if found.capped else ''}{found.total:,} that match"] = lambda: documents.whole(
            run, rows=documents.matches(run, search, in_text, where, most=run.documents)
        )
    tables[f"all documents {listed}, with texts"] = partial(documents.whole, run, prefix)
    tables[f"all IDs {listed}"] = partial(documents.whole, run, prefix, texts=False)
    export(f"documents-{id_of(prefix) or 'all'}", tables=tables)


def documents_table(rows, key: str, extra: list[Column] | None = None, says: str = "Documents", brief=False) -> None:
    """Documents as a table; titles lead to them. `extra` columns stand behind the ID; `brief` leaves texts out."""
    rows = rows.assign(suffixed=[f"{code} #{suffix}" for code, suffix in zip(rows["id"], rows["suffix"], strict=True)])
    columns = [Column("title", "title"), Column("suffixed", "ID", "code", help=helplines.SUFFIX), *(extra or [])]
    columns += [Column("category", "category", narrow=True)] if (rows["category"] != "").any() else []
    columns += (
        []
        if brief
        else [Column("text", "text (beginning)", "long", narrow=True), Column("doc_id", "document", narrow=True)]
    )
    named = rows.assign(title=rows["title"].where(rows["title"].fillna("") != "", rows["doc_id"]))
    show(named, columns, key, says, lambda place: ("document", links.query(doc=rows["doc_id"].iloc[place])))


def pager(found, offset: int, key: str) -> None:
    """Previous and next page of a list with `total` and `capped`."""
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button(
            "Previous", icon=":material/chevron_left:", key=f"{key}_previous", disabled=offset == 0,
            on_click=links.put, kwargs={"from": max(offset - PAGE_SIZE, 0) or None},
        )  # fmt: skip
        last = min(offset + PAGE_SIZE, found.total)
        more = "more than " if found.capped else ""
        st.markdown(f"{offset + 1:,}–{last:,} of {more}{found.total:,}", width="content")
        st.button(
            "Next", icon=":material/chevron_right:", key=f"{key}_next", disabled=last >= found.total,
            on_click=links.put, kwargs={"from": offset + PAGE_SIZE},
        )  # fmt: skip
