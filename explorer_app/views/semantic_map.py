"""Page 5: the map of documents by their last hidden state, in two dimensions."""

import re
from functools import partial

import numpy as np
import streamlit as st

from explorer_app import context, finder, links
from explorer_app.escaped import id_of
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export
from explorer_app.views.parts import breadcrumbs, documents_table
from lmindexer import plots
from lmindexer.browse import RunBrowser, documents, mapping, words

SHOWN = 50  # documents of a selection that are listed; its export has all
SHAPES = 4  # areas that a link holds


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
    prefix = context.prefix(run)
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
        f"not the model's. Draw a lasso or a box to list documents; the link keeps it. {_how_drawn(run)}"
    )
    shapes, at = _shapes(), links.number("at", 0, run.documents - 1, -1)
    with_list = st.columns([5, 4]) if shapes or at >= 0 else [st.container()]
    figure.update_layout(showlegend=len(with_list) == 1)  # beside a list there is no room; labels stand on the map
    with with_list[0]:
        chart(figure, f"map_{by}_{prefix}_{run.name}", _remember, modes=("points", "box", "lasso"), beside=True)
        _groups(run, by, prefix)
    if len(with_list) == 1:
        st.info("Draw a lasso around documents, or press one; they are listed here.", icon=":material/select_all:")
        return
    with with_list[1]:
        found = [mapping.in_shape(run, corners, prefix) for corners in shapes]
        _selection(run, np.unique(np.concatenate([*found, [at] if at >= 0 else []])).astype(int))


def _groups(run: RunBrowser, by: str, prefix) -> None:
    """The groups of the map as links, for keys and screen readers: each opens its documents beside the map."""
    with st.expander("The groups of the map as a list", key="groups_open", on_change="rerun",
                     icon=":material/list:") as folded:  # fmt: skip
        if not folded.open:
            return
        kind, number = by.split()
        found = mapping.groups(run, (kind, int(number)), prefix)
        labels = run.labels_of(int(number), found["value"]) if kind == "category" else {}
        named = words.keywords(run) if by == "position 1" else {}
        found["name"] = [
            labels.get(value, "(no category)") if kind == "category" else
            f"{id_of((value,)) or 'no code'} {', '.join(named.get(value, [])[:3])}" for value in found["value"]
        ]  # fmt: skip
        st.caption("A group opens as the middle half of its documents along both axes.")
        area = [f"{row.x0:.2f},{row.y0:.2f};{row.x1:.2f},{row.y1:.2f}" for row in found.itertuples()]
        show(
            found, [Column("name", "group"), Column("documents", "documents", "number")], "map_groups",
            "Groups of the map",
            lambda place: ("map", links.query(by=by, prefix=links.get("prefix") or None, area=[area[place]])),
        )  # fmt: skip


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
    return plots.id_map(points, name, kind, labels, *((size / 2, 240) if finder.narrow() else (size,)))


def _remember(chosen: dict) -> None:
    """Write a selection into the link: the corners of boxes and lassos in the map's units, or a pressed document."""
    drawn = [list(zip(one["x"], one["y"], strict=True)) for one in (*chosen["lasso"], *chosen["box"])]
    texts = [";".join(f"{x:.2f},{y:.2f}" for x, y in _thinned(corners)) for corners in drawn]
    pressed = [point["customdata"][0] for point in chosen["points"][:1] if point.get("customdata")]
    if texts:
        links.put(area=texts[:SHAPES], at=None)
    elif pressed:
        links.put(at=int(pressed[0]), area=None)


def _thinned(corners: list) -> list:
    """At most 40 corners: a lasso has hundreds, and a link should stay short."""
    return corners[:: -(-len(corners) // 40)]


def _shapes() -> list[list[tuple[float, float]]]:
    """The areas that the link holds; what is no area is passed over."""
    found = []
    for text in links.get_all("area")[:SHAPES]:
        if re.fullmatch(r"(-?\d{1,6}(\.\d+)?,-?\d{1,6}(\.\d+)?;?){2,64}", text):
            found.append([tuple(map(float, corner.split(","))) for corner in text.strip(";").split(";")])
    return found


def _selection(run: RunBrowser, rows: np.ndarray) -> None:
    if not len(rows):
        st.info("There is no document in the selection; draw it larger.", icon=":material/search_off:")
        return
    found, codes = mapping.of_rows(run, rows, SHOWN)
    st.header(f"{len(rows):,} document{'' if len(rows) == 1 else 's'} selected", anchor=False)
    st.button("Clear the selection", icon=":material/deselect:", on_click=links.put, kwargs={"area": None, "at": None})
    named = words.keywords(run)
    codes["words"] = [", ".join(named.get(code, [])[:3]) for code in codes["code"]]
    codes["ID"] = [id_of((code,)) for code in codes["code"]]
    part_documents, part_codes = st.tabs(["Documents", "First codes among them"])
    with part_documents:
        documents_table(found, "map_documents", says="Selected documents", brief=True)
        if len(rows) > SHOWN:
            st.caption(f"The first {SHOWN} are listed; the export has all {len(rows):,}.")
        export("map-selection", tables={"selected documents": partial(documents.whole, run, (), rows.tolist())})
    with part_codes:
        show(
            codes,
            [Column("ID", "ID", "code"), Column("words", "key words"), Column("documents", "documents", "number")],
            "map_codes", "First codes of the selected documents",
            lambda place: ("prefixes", links.query(prefix=str(codes["code"].iloc[place]))),
        )  # fmt: skip
