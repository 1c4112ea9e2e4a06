"""Page 6: two runs over the same documents, side by side."""

from pathlib import Path

import pandas as pd
import streamlit as st

from explorer_app import context, helplines, links
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export, id_of, md, metrics, table
from lmindexer import plots
from lmindexer.browse import compare, words
from lmindexer.common.errors import LMIndexerError

TITLE, ICON = "Compare", ":material/compare_arrows:"


@st.cache_resource(max_entries=4, show_spinner="Joining the runs …")
def _pair(_a, _b, keys: tuple[str, str, int, int]):
    found = compare.pair(_a, _b)
    return found, compare.contingency(found)


@st.cache_data(max_entries=16, show_spinner="Measuring both runs …")
def _metrics(_found, keys: tuple):
    return compare.metrics(_found), compare.c1_agreement(_found), compare.silent(_found)


def render() -> None:
    """Lay out the page."""
    run = context.current()
    key = context.current_key()
    st.title("Compare two runs")
    options = [name for name in context.shelf().runs if name != key]
    if not options:
        st.info(
            "There is only one run; train another with other settings to compare.", icon=":material/compare_arrows:"
        )
        return
    if links.get("other") and links.get("other") not in options:
        st.warning(
            f"There is no other run **{md(links.get('other'), 80)}** in the folders; choose one here.",
            icon=":material/search_off:",
        )
        links.choose(f"Compare {md(key)} with", ["", *options], "other", "", text=lambda name: name or "choose a run")
        return
    same = [name for name in options if _corpus(name) == _corpus(key)]
    other = links.choose(
        f"Compare {md(key)} with", same + [n for n in options if n not in same], "other", (same or options)[0]
    )
    second = context.opened_or_stop(other)
    keys = (key, other, id(run), id(second))
    try:
        found, cells = _pair(run, second, keys)
    except LMIndexerError as error:
        st.info(md(error, 600), icon=":material/join:")
        st.markdown("Train a second run over the same documents with another setting, and choose both here:")
        corpus = Path(str(run.bundle.manifest["corpus"].get("name") or "corpus.csv")).name
        words_of = f"lmindexer fit {corpus} --set contrastive=off --run runs/{corpus}-two\nlmindexer explore"
        st.code(words_of, language="bash")
        return
    _numbers(found, keys, key, other)
    _where_they_went(found, cells, key, other)


def _corpus(key: str):
    return context.shelf().runs[key].manifest["corpus"].get("fingerprint")


def _numbers(found, keys, name_a: str, name_b: str) -> None:
    table_of, agreement, silent = _metrics(found, keys)
    cells = [("Shared documents", f"{len(found):,}", "Documents, by id, that both runs have.")]
    if agreement is not None:
        cells.append(
            ("AMI of both c1", f"{agreement:.3f}", "Adjusted mutual information of the two runs' first codes.")
        )
    for label, run in (("Unique IDs, first", found.a), ("Unique IDs, second", found.b)):
        cells.append((md(label, 60), f"{run.unique_share:.0%}", helplines.UNIQUE))
    metrics(cells)
    left, right = st.columns([2, 3])
    with left:
        figure = plots.metric_intervals(table_of)
        chart(figure, "compare_intervals")
    with right:
        st.markdown("Metrics on the shared documents", help=helplines.INTERVAL)
        table(_readable(table_of, name_a, name_b), "compare_metrics")
        export("compare", figure, {"metrics": table_of})
    for sentence in silent:
        st.caption(sentence)


def _readable(found, name_a: str, name_b: str):
    """Values and intervals as "0.287 ± 0.007"; names that are equal would make equal columns."""
    columns = {"metric": found["metric"]}
    titles = {"difference": "second − first", "a": f"first: {name_a}", "b": f"second: {name_b}"}
    for side, title in titles.items():
        sign = "+" if side == "difference" else ""
        pairs = zip(found[side], found[f"{side}_half"], strict=True)
        columns[title] = [f"{value:{sign}.3f} ± {half:.3f}" for value, half in pairs]
    return pd.DataFrame(columns)


def _where_they_went(found, cells, name_a: str, name_b: str) -> None:
    st.subheader("Where they disagree")
    share, outside = compare.moved(cells)
    words_a, words_b = words.keywords(found.a), words.keywords(found.b)
    st.markdown(
        f"**{share:.0%}** of the shared documents are not where the best one-to-one matching of first codes puts them. "
        "A click on a cell lists its documents."
    )
    figure = plots.contingency(cells, name_a, name_b, compare.matching(cells), words_a, words_b)
    chart(figure, f"contingency_{name_a}_{name_b}", _pick_cell)
    flows = outside.head(50).reset_index(drop=True)
    for side, named in (("a", words_a), ("b", words_b)):
        flows[f"words_{side}"] = [", ".join(named.get(code, [])[:3]) for code in flows[side]]
    st.markdown("The largest groups of documents that moved")
    shown = flows.assign(a=[id_of((c,)) for c in flows["a"]], b=[id_of((c,)) for c in flows["b"]])
    columns = [Column("a", f"c1 in {name_a}", "code"), Column("words_a", "key words")]
    columns += [Column("b", f"c1 in {name_b}", "code"), Column("words_b", "key words")]
    cell_of = [f"{a}.{b}" for a, b in zip(flows["a"], flows["b"], strict=True)]
    show(
        shown, [*columns, Column("documents", "documents", "number")], "flows", "Groups of documents that moved",
        lambda place: ("compare", links.query(other=name_b, cell=cell_of[place])),
        chosen=cell_of.index(links.get("cell")) if links.get("cell") in cell_of else None,
    )  # fmt: skip
    cell = links.parse_prefix(links.get("cell"))
    if len(cell) != 2:
        return
    moved = compare.documents_in(found, *cell)
    st.subheader(f"Documents with {md(id_of(cell[:1]))} in {md(name_a)} and {md(id_of(cell[1:]))} in {md(name_b)}")
    if moved.empty:
        st.info("No document is in this cell.", icon=":material/search_off:")
        return
    columns = [Column("title", "title"), Column("category", "category", narrow=True)]
    columns += [Column("id_a", f"ID in {name_a}", "code"), Column("id_b", f"ID in {name_b}", "code")]
    show(
        moved, [*columns, Column("doc_id", "document", narrow=True)], "moved", "Documents of the chosen cell",
        lambda place: ("document", links.query(doc=moved["doc_id"].iloc[place])),
    )  # fmt: skip
    export("moved", tables={"documents": moved})


def _pick_cell(chosen: dict) -> None:
    for point in chosen["points"][:1]:
        found = point.get("customdata")
        if found:
            links.put(cell=f"{int(found[0])}.{int(found[1])}")
