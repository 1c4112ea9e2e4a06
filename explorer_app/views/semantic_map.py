"""Page 5: the map of documents by their last hidden state, in two dimensions."""

import numpy as np
import streamlit as st

from explorer_app import context, links
from explorer_app.show import chart, export, id_of, table
from explorer_app.views.parts import breadcrumbs, documents_table
from lmindexer import plots
from lmindexer.browse import RunBrowser, mapping, words

TITLE, ICON = "Map", ":material/map:"
LISTED = 200  # documents of a selection that are listed


def render() -> None:
    """Lay out the page."""
    run = context.current()
    st.title("Map of documents")
    if not mapping.has_map(run):
        st.info(
            "This run has no map. `lmindexer fit` writes one; runs of other methods may leave it out.",
            icon=":material/map:",
        )
        return
    prefix = links.prefix()
    if len(prefix) > run.positions or any(c >= k for c, k in zip(prefix, run.codebook_sizes, strict=False)):
        prefix = ()
    choices = [f"position {t}" for t in range(1, run.positions + 1)]
    choices = [f"category {level}" for level in range(1, run.levels + 1)] + choices
    left, right = st.columns([6, 1], vertical_alignment="bottom")
    by = links.choose(
        "Colour by", choices, "by", choices[0], text=_spoken, where=left, kind="segmented_control",
        help="Categories have the same colours on every page; a code's colour follows from its number.",
    )  # fmt: skip
    breadcrumbs(run, prefix, "map")
    kind, number = by.split()
    figure = _figure(run, kind, int(number), prefix)
    with right:
        export("map", figure)
    st.caption(
        "UMAP of the documents' states h. Near neighbours are mostly kept; distances, sizes and gaps on the map are "
        f"not the model's. Draw a box or a lasso to list documents. {_how_drawn(run)}"
    )
    key = f"map_{by}_{prefix}_{run.name}"
    chart(figure, key, lambda chosen: _remember(chosen, key), modes=("points", "box", "lasso"))
    _selection(run, prefix, st.session_state.get("map_chosen"), key)


def _how_drawn(run: RunBrowser) -> str:
    if run.documents <= mapping.POINTS:
        return "Every document is one point."
    return f"More than {mapping.POINTS:,} documents are drawn as counts in cells."


def _spoken(choice: str) -> str:
    kind, number = choice.split()
    return f"code {number}" if kind == "position" else f"category level {number}"


def _figure(run: RunBrowser, kind: str, number: int, prefix):
    by = (kind, number)
    name = f"code {number}" if kind == "position" else f"category level {number}"
    if kind == "category":
        labels = run.labels_of(number, range(40))
        labels[-1] = "(no category)"
    else:
        labels = {code: ", ".join(found[:2]) for code, found in words.keywords(run).items()} if number == 1 else {}
    if run.documents > mapping.POINTS:
        return plots.id_map_raster(mapping.raster(run, by, prefix), name, kind, labels)
    points = mapping.points(run, by, prefix)
    size = float(np.clip(260 / np.sqrt(max(len(points), 1)), 3.5, 9))
    return plots.id_map(points, name, kind, labels, size)


def _remember(chosen: dict, key: str) -> None:
    st.session_state["map_chosen"] = (key, chosen)


def _selection(run: RunBrowser, prefix, remembered, key: str) -> None:
    if not remembered or remembered[0] != key or not _any(remembered[1]):
        st.info("Nothing is selected yet: draw a box or a lasso around some documents.", icon=":material/select_all:")
        return
    rows = _rows(run, prefix, remembered[1])
    if not len(rows):
        st.info("There is no document in the selection; draw it larger.", icon=":material/search_off:")
        return
    found, codes = mapping.of_rows(run, rows, LISTED)
    st.subheader(f"{len(rows):,} documents selected")
    left, right = st.columns([3, 1])
    with left:
        documents_table(found, f"map_documents_{hash(rows.tobytes())}")
        if len(rows) > LISTED:
            st.caption(f"The first {LISTED} are listed.")
        export("map-selection", tables={"selected documents": found})
    with right:
        st.markdown("First codes among them")
        named = words.keywords(run)
        codes.insert(1, "key words", [", ".join(named.get(code, [])[:3]) for code in codes["code"]])
        codes["code"] = [id_of((code,)) for code in codes["code"]]
        table(codes, "map_codes")


def _any(chosen: dict) -> bool:
    return bool(chosen["points"] or chosen["box"] or chosen["lasso"])


def _rows(run: RunBrowser, prefix, chosen: dict) -> np.ndarray:
    """Documents of a selection: those of the box for a raster, the points themselves otherwise."""
    if run.documents > mapping.POINTS:
        boxes = [(box["x"], box["y"]) for box in chosen["box"]]
        boxes += [((min(one["x"]), max(one["x"])), (min(one["y"]), max(one["y"]))) for one in chosen["lasso"]]
        found = [mapping.in_box(run, tuple(x), tuple(y), prefix) for x, y in boxes]
        return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
    rows = [point["customdata"][0] for point in chosen["points"] if point.get("customdata")]
    rows = np.unique(np.array(rows, dtype=np.int64))
    return rows[(rows >= 0) & (rows < run.documents)]
