"""Page 2: the categories under a prefix, coloured by the next code: the slides' two figures, live."""

import pandas as pd
import streamlit as st

from explorer_app import context, finder, helplines, links
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export, metrics
from explorer_app.views import code_parts
from explorer_app.views.parts import breadcrumbs, document_list
from lmindexer import plots
from lmindexer.browse import RunBrowser, words
from lmindexer.browse.prefixes import children, distribution, summary


def render() -> None:
    """Lay out the page."""
    run = context.current()
    st.title("Prefixes")
    prefix = context.prefix(run)
    breadcrumbs(run, prefix, "prefixes")
    left, middle, right, last = st.columns([2, 1.4, 2, 1.4], vertical_alignment="bottom")
    level = context.level(run, where=left)
    top = links.choose("Categories named", [10, 20, 40, 80], "top", 20, where=middle)
    shares = links.toggle("Shares instead of counts", "shares", where=right)
    _header(run, prefix, level)
    if prefix:
        code_parts.about(run, prefix, level)
    if len(prefix) < run.positions:
        names = words.keywords(run, prefix)
        found = distribution(run, prefix, level, top) if level is not None else None
        rows = _children(run, prefix, level, names)
        figure = (
            plots.category_distribution(found, shares=shares, names=names, lying=finder.narrow()) if found else None
        )
        with last:
            tables = {"codes": rows} | ({"distribution": found.cells} if found else {})
            export(f"prefix-{id_of(prefix) or 'all'}", figure, tables)
        if figure is None:
            st.info("The corpus has no categories, so there is no distribution to draw.", icon=":material/category:")
        else:
            chart(figure, f"distribution_{prefix}_{level}_{top}_{shares}", lambda chosen: _drill(chosen, prefix))
            st.caption("A click on a part of a bar goes down into that code.")
        _children_table(rows, prefix)
    st.header(f"Documents under {md(id_of(prefix))}" if prefix else "Documents")
    document_list(run, prefix, "prefix_documents")


def _header(run: RunBrowser, prefix: tuple[int, ...], level: int | None) -> None:
    found = summary(run, prefix, level)
    if prefix:
        named = words.keywords(run, prefix[:-1]).get(prefix[-1], [])
        st.markdown(f"## {md(id_of(prefix))} {md(', '.join(named), 120)}", help=helplines.KEYWORDS)
    cells = [("Documents", f"{found['documents']:,}", "Documents under this prefix.")]
    cells.append(("Of the corpus", f"{found['share']:.1%}", "Documents here divided by all documents."))
    if "category" in found and found["category"] is not None:
        cells.append(("Purity", f"{found['purity']:.0%}", helplines.PURITY))
        cells.append(("Lift", f"{found['lift']:.1f}×", helplines.LIFT))
        cells.append(("Entropy", f"{found['entropy']:.2f} bits", helplines.ENTROPY))
    metrics(cells)
    if found.get("category"):
        st.markdown(f"Leading category: {md(found['category'], 160)}")


def _drill(chosen: dict, prefix: tuple[int, ...]) -> None:
    for point in chosen["points"][:1]:
        code = int(point["customdata"][4])
        if code >= 0:
            _go(prefix, code)


def _go(prefix: tuple[int, ...], code: int) -> None:
    links.put(prefix=".".join(map(str, (*prefix, code))), from_=None, codes=None)


def _children(run: RunBrowser, prefix, level, names) -> pd.DataFrame:
    rows = children(run, prefix, level)
    rows["ID"] = [id_of((*prefix, code)) for code in rows["code"]]
    rows["key words"] = [", ".join(names.get(code, [])) for code in rows["code"]]
    order = ["code", "ID", "key words", "documents", "share", "category", "purity", "lift", "entropy", "prefixes"]
    return rows[[name for name in order if name in rows]]


def _children_table(rows: pd.DataFrame, prefix: tuple[int, ...]) -> None:
    position = len(prefix) + 1
    st.header(f"{len(rows):,} codes at position {position}")
    wanted = links.words("Filter by key word, category or ID", "codes", placeholder="for example: plant")
    if wanted:
        text = rows[[name for name in ("ID", "key words", "category") if name in rows]].fillna("").agg(" ".join, axis=1)
        rows = rows[text.str.lower().str.contains(wanted.lower(), regex=False)].reset_index(drop=True)
    if rows.empty:
        st.info("No code matches the filter; clear it to see all.", icon=":material/filter_alt_off:")
        return
    columns = [Column("ID", "ID", "code"), Column("key words", "key words", help="Words that set the prefix apart")]
    columns += [Column("documents", "documents", "number"), Column("share", "share", "bar", help="of the prefix above")]
    columns += [Column("prefixes", "codes below", "number", narrow=True)] if rows["prefixes"].any() else []
    if "category" in rows:
        columns += [
            Column("category", "category", help="The most frequent one under the prefix."),
            Column("purity", "purity", "bar", help="Share of that category here", narrow=True),
            Column("lift", "lift", "number", 1, "How many times more frequent it is here", narrow=True),
            Column("entropy", "entropy, bits", "number", 2, "0 = one category only", narrow=True),
        ]
    show(
        rows, columns, "children", f"Codes at position {position}",
        lambda place: ("prefixes", links.query(prefix=".".join(map(str, (*prefix, int(rows["code"].iloc[place])))))),
    )  # fmt: skip
