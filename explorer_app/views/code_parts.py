"""What a code stands for, on the page Prefixes: its name, key words, categories, central documents, similar codes."""

import streamlit as st

from explorer_app import helplines, links
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column, show
from explorer_app.show import export
from explorer_app.views.parts import documents_table
from lmindexer.browse import RunBrowser, codes, names, words
from lmindexer.common.errors import LMIndexerError


def about(run: RunBrowser, prefix: tuple[int, ...], level: int | None) -> None:
    """Name, key words, categories, central documents and similar codes of a prefix."""
    _name(run, prefix)
    parts = ["Key words", *(["Categories"] if level is not None else []), "Central documents", "Similar codes"]
    drawn = dict(zip(parts, st.tabs(parts), strict=True))
    with drawn["Key words"]:
        _keywords(run, prefix)
    if level is not None:
        with drawn["Categories"]:
            _categories(run, prefix, level)
    with drawn["Central documents"]:
        found = codes.central(run, prefix)
        if found.empty:
            st.info("This run keeps no states, so its middle cannot be found.", icon=":material/blur_off:")
        else:
            st.caption("Nearest to the middle of all documents here, by their last hidden states.")
            documents_table(found, "central", [Column("cosine", "cosine", "number", 3)], "Central documents")
    with drawn["Similar codes"]:
        _similar(run, prefix)


def _name(run: RunBrowser, prefix: tuple[int, ...]) -> None:
    given, tables = names.names_of(run), names.table_of(run)
    with st.container(horizontal=True):
        label = "Rename this code" if prefix in given else "Name this code"
        with st.popover(label, icon=":material/label:"), st.form("name_code", border=False):
            st.markdown("The name is kept beside the run and shown wherever the code is.")
            name = st.text_input("Name", given.get(prefix, ""), max_chars=names.LONGEST)
            by = st.text_input("Your name (optional)", max_chars=names.LONGEST)
            if st.form_submit_button("Keep it", type="primary"):
                try:
                    names.give_name(run, prefix, name, by)
                except LMIndexerError as error:
                    st.error(md(error, 600), icon=":material/error:")
                else:
                    st.rerun()
        if len(tables):
            export("names", tables={"names of codes": tables})


def _keywords(run: RunBrowser, prefix: tuple[int, ...]) -> None:
    found = codes.keyword_weights(run, prefix)
    if found.empty:
        st.info("No word sets these documents apart.", icon=":material/label_off:")
        return
    found["share"] = found["weight"] / found["weight"].max()
    columns = [Column("word", "word"), Column("share", "weight", "bar", help="class-based TF-IDF, the heaviest = 1")]
    show(
        found,
        columns,
        "weights",
        "Key words of the code",
        lambda place: ("search", links.query(q=found["word"][place])),
    )
    st.caption("A word leads to the search for it.", help=helplines.KEYWORDS)


def _categories(run: RunBrowser, prefix: tuple[int, ...], level: int) -> None:
    found = codes.make_up(run, prefix, level)
    if found.empty:
        st.info("No document here has a category at this level.", icon=":material/category:")
        return
    columns = [
        Column("category", "category"), Column("documents", "documents", "number"),
        Column("share", "share here", "bar"),
        Column("corpus_share", "share of the corpus", "bar", narrow=True),
        Column("lift", "lift", "number", 1, "share here / share of the corpus"),
    ]  # fmt: skip
    show(found, columns, "make_up", "Categories under the prefix")


def _similar(run: RunBrowser, prefix: tuple[int, ...]) -> None:
    found = codes.similar(run, prefix)
    if found.empty:
        st.info("There is no other code here, or no state to compare by.", icon=":material/blur_off:")
        return
    whole = [(*prefix[:-1], int(code)) for code in found["code"]]
    rows = found.assign(ID=[id_of(one) for one in whole], words=[words.name_of(run, one, 5) for one in whole])
    columns = [Column("ID", "ID", "code"), Column("words", "key words"), Column("cosine", "cosine", "number", 3)]
    show(
        rows, [*columns, Column("documents", "documents", "number")], "similar", "Codes whose documents are alike",
        lambda place: ("prefixes", links.query(prefix=".".join(map(str, whole[place])))),
    )  # fmt: skip
