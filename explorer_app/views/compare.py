"""Page 6: runs over the same documents beside each other; two of them closely."""

from pathlib import Path

import pandas as pd
import streamlit as st

from explorer_app import context, helplines, links
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export, metrics
from lmindexer import plots
from lmindexer.browse import compare, side_by_side, words
from lmindexer.common.errors import LMIndexerError
from lmindexer.quality.verdict import EVEN

MOST = 7  # further runs beside the first one


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
    st.title("Compare runs")
    options = [name for name in context.shelf().runs if name != key]
    if not options:
        st.info(
            "There is only one run; train another with other settings to compare.", icon=":material/compare_arrows:"
        )
        return
    others = _chosen(key, options)
    pairs = _pairs(run, key, {name: context.opened_or_stop(name) for name in others})
    if len(pairs) > 1:
        _several(key, run, pairs)
    elif pairs:
        _settings_that_differ({key: run} | {name: found.b for name, (found, _) in pairs.items()})
    if not pairs:
        return
    other = next(iter(pairs))
    if len(pairs) > 1:
        st.header("Two of them, closely")
        other = links.choose(f"{key} beside", list(pairs), "second", other, kind="segmented_control")
    st.button(
        "Swap the two", icon=":material/swap_horiz:", on_click=_swap, args=(key, other, list(pairs)),
        help="The second run becomes the first, against which all is measured.",
    )  # fmt: skip
    found, cells = pairs[other]
    _numbers(found, (key, other, id(run), id(found.b)), key, other)
    _where_they_went(found, cells, key, other)


def _chosen(key: str, options: list[str]) -> list[str]:
    """The further runs: those of the link, or the first over the same documents."""
    for name in links.get_all("other"):
        if name not in options:
            st.warning(
                f"There is no other run **{md(name, 80)}** in the folders; choose one here.",
                icon=":material/search_off:",
            )
    same = [name for name in options if _corpus(name) == _corpus(key)]
    options = same + [name for name in options if name not in same]
    default = [] if links.get("other") else [options[0]]
    left, right = st.columns([5, 2], vertical_alignment="bottom")
    chosen = links.several(
        f"Compare {md(key, 60)} with", options, "other", where=left, said=True, default=default, max_selections=MOST,
        placeholder="choose a run",
    )  # fmt: skip
    all_of_them = same[:MOST]
    if len(all_of_them) > 1:
        right.button(
            f"All {len(all_of_them) + 1} runs over these documents", icon=":material/library_add:",
            on_click=links.put, kwargs={"other": all_of_them, "second": None, "cell": None},
            disabled=set(all_of_them) == set(chosen),
        )  # fmt: skip
    return chosen[:MOST]


def _pairs(run, key: str, others: dict) -> dict:
    """{name: (the pair, its c1 × c1)} of the runs that share documents with this one; of the others it is said why."""
    pairs = {}
    for name, second in others.items():
        try:
            pairs[name] = _pair(run, second, (key, name, id(run), id(second)))
        except LMIndexerError as error:
            st.info(md(error, 600), icon=":material/join:")
            if len(others) == 1:
                _how_to_get_one(run)
    return pairs


def _how_to_get_one(run) -> None:
    st.markdown("Train a second run over the same documents with another setting, and choose both here:")
    corpus = Path(str(run.bundle.manifest["corpus"].get("name") or "corpus.csv")).name
    words_of = f"lmindexer fit {corpus} --set contrastive=off --run runs/{corpus}-two\nlmindexer explore"
    st.code(words_of, language="bash")


def _swap(first: str, second: str, others: list[str]) -> None:
    links.put(run=second, other=[first, *(name for name in others if name != second)], second=None, cell=None)


def _corpus(key: str):
    return context.shelf().runs[key].manifest["corpus"].get("fingerprint")


SIGNS = {
    side_by_side.BETTER: "▲ better", side_by_side.WORSE: "▼ worse", side_by_side.HIGHER: "↑ higher",
    side_by_side.LOWER: "↓ lower", side_by_side.UNSURE: "≈", side_by_side.OTHER_SCALE: "other K",
    side_by_side.GIVEN: "by its making",
}  # fmt: skip


@st.cache_data(max_entries=16, show_spinner="Measuring the runs …")
def _measured(_pairs: dict, keys: tuple):
    return side_by_side.measured(_pairs)


def _several(key: str, run, pairs: dict) -> None:
    """All runs in one table, against the first; and the settings in which they differ."""
    found = {name: pair for name, (pair, _) in pairs.items()}
    rows = _measured(found, tuple((key, name, id(run), id(pair.b)) for name, pair in found.items()))
    st.markdown("Against the first run, on shared documents", help=helplines.INTERVAL)
    cells: dict[str, dict] = {}
    for row in rows.itertuples():
        line = cells.setdefault(row.metric, {"metric": row.metric, key: with_half(row.first, row.first_half)})
        line[row.run] = f"{with_half(row.value, row.half)}  {SIGNS[row.change]}"
    unique = {"metric": "unique IDs", key: f"{run.unique_share:.0%}"}
    unique |= {name: f"{pair.b.unique_share:.0%}" for name, pair in found.items()}
    documents = {"metric": "documents shared", key: f"{run.documents:,}"}
    documents |= {name: f"{len(pair):,}" for name, pair in found.items()}
    shown = pd.DataFrame([*cells.values(), unique, documents], columns=["metric", key, *found])
    _wide(shown, "several", "Metrics of all chosen runs")
    st.caption(
        "▲ and ▼: better or worse than the first run, and the 95 % interval of the difference leaves out 0. ≈: it does "
        "not, so the two may be equal. ↑ and ↓: higher or lower, which is no merit: perplexity is a sign of health "
        "and codes drawn at random have the most; it is better or worse only where one run reaches the verdict's "
        f"bound, {EVEN[1]:.0%} of min(K, N), and the other does not. By its making: the codes of a category run are "
        "the categories. Perplexities are compared only where the codebooks are of one size."
    )
    export("compare-several", tables={"metrics of all": rows})
    _settings_that_differ({key: run} | {name: pair.b for name, pair in found.items()})


def _settings_that_differ(runs: dict) -> None:
    rows = side_by_side.differing_settings(runs)
    if rows.empty:
        st.caption("The runs say nothing of different settings.")
        return
    said = "1 setting differs" if len(rows) == 1 else f"{len(rows):,} settings differ"
    with st.expander(said, expanded=len(rows) <= 6, icon=":material/tune:"):
        _wide(rows, "settings", "Settings that differ")


def _wide(frame: pd.DataFrame, key: str, says: str) -> None:
    """A table with a column a run; a run may be called as another column is."""
    labels = [str(name) for name in frame]
    columns = [Column(str(place), label) for place, label in enumerate(labels)]
    show(frame.set_axis([column.name for column in columns], axis=1), columns, key, says)


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
        _wide(_readable(table_of, name_a, name_b), "compare_metrics", "Metrics on the shared documents")
        export("compare", figure, {"metrics": table_of})
    for sentence in silent:
        st.caption(sentence)


def with_half(value: float, half: float, sign: str = "") -> str:
    """A value and half its interval; a line may end before the ±, not after it.

    >>> with_half(-0.0081, 0.153, "+")
    '−0.008 ±\\xa00.153'
    """
    return f"{value:{sign}z.3f} ±\u00a0{half:.3f}".replace("-", "−")


def _readable(found, name_a: str, name_b: str):
    """Values and intervals as "0.287 ± 0.007"; names that are equal would make equal columns."""
    columns = {"metric": found["metric"]}
    titles = {"difference": "second − first", "a": f"first: {name_a}", "b": f"second: {name_b}"}
    for side, title in titles.items():
        sign = "+" if side == "difference" else ""
        pairs = zip(found[side], found[f"{side}_half"], strict=True)
        columns[title] = [with_half(value, half, sign) for value, half in pairs]
    return pd.DataFrame(columns)


def _where_they_went(found, cells, name_a: str, name_b: str) -> None:
    st.header("Where they disagree")
    share, outside = compare.moved(cells)
    words_a, words_b = words.keywords(found.a), words.keywords(found.b)
    st.markdown(
        f"**{share:.0%}** of the shared documents are not where the best one-to-one matching of first codes puts them. "
        "A click on a cell lists its documents."
    )
    cell = _cell()
    figure = plots.contingency(cells, name_a, name_b, compare.matching(cells), words_a, words_b, cell)
    sides = st.columns([5, 4]) if cell else [st.container()]
    with sides[0]:
        chart(figure, f"contingency_{name_a}_{name_b}", _pick_cell, told=cells)
    if cell:
        with sides[1]:
            _moved(found, cell, name_a, name_b)
    flows = outside.head(50).reset_index(drop=True)
    for side, named in (("a", words_a), ("b", words_b)):
        flows[f"words_{side}"] = [", ".join(named.get(code, [])[:3]) for code in flows[side]]
    st.markdown("The largest groups of documents that moved")
    shown = flows.assign(a=[id_of((c,)) for c in flows["a"]], b=[id_of((c,)) for c in flows["b"]])
    columns = [Column("a", f"c1 in {name_a}", "code"), Column("b", f"c1 in {name_b}", "code")]
    columns += [Column("documents", "documents", "number"), Column("words_a", f"key words in {name_a}")]
    cell_of = [f"{a}.{b}" for a, b in zip(flows["a"], flows["b"], strict=True)]
    show(
        shown, [*columns, Column("words_b", f"key words in {name_b}")], "flows", "Groups of documents that moved",
        lambda place: ("compare", links.query(**_kept(name_b), cell=cell_of[place])),
        chosen=cell_of.index(links.get("cell")) if links.get("cell") in cell_of else None,
    )  # fmt: skip


def _cell() -> tuple[int, ...] | None:
    """The chosen cell in the link, or None."""
    cell = links.parse_prefix(links.get("cell"))
    return cell if len(cell) == 2 else None


def _moved(found, cell: tuple[int, ...], name_a: str, name_b: str) -> None:
    moved = compare.documents_in(found, *cell)
    st.header(f"Documents with {md(id_of(cell[:1]))} in {md(name_a)} and {md(id_of(cell[1:]))} in {md(name_b)}")
    if moved.empty:
        st.info("No document is in this cell.", icon=":material/search_off:")
        return
    st.button("Clear the cell", icon=":material/deselect:", on_click=links.put, kwargs={"cell": None})
    columns = [Column("title", "title"), Column("category", "category", narrow=True)]
    columns += [Column("id_a", f"ID in {name_a}", "code"), Column("id_b", f"ID in {name_b}", "code")]
    show(
        moved, columns, "moved", "Documents of the chosen cell",
        lambda place: ("document", links.query(doc=moved["doc_id"].iloc[place])),
    )  # fmt: skip
    export("moved", tables={"documents": moved})


def _kept(name_b: str) -> dict:
    """What a link within the page keeps: the runs that are compared."""
    return {"other": links.get_all("other") or [name_b], "second": links.get("second") or None}


def _pick_cell(chosen: dict) -> None:
    for point in chosen["points"][:1]:
        found = point.get("customdata")
        if found:
            links.put(cell=f"{int(found[0])}.{int(found[1])}")
