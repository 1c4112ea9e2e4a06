"""A way down the tree of a task model: the figure, the right documents' paths, the beam beside the exact ranking."""

import numpy as np
import pandas as pd
import streamlit as st

from explorer_app import finder, links, task_context
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export
from lmindexer import plots
from lmindexer.browse import task_answers
from lmindexer.runs.task_run import TaskRun
from lmindexer.tasks.decoding import Descent

WIDTHS = (1, 3, 5, 10, 20, 50)
DRAWN, DRAWN_NARROW = 12, 5  # kept branches of a position in the figure, and on a phone
BEAM_HELP = "Prefixes that are kept after each position. A wide beam finds what a narrow one loses, and costs more."


def beam(where=st) -> int:
    """The width of the beam, a slider whose value the link holds."""
    value = links.number("beam", 1, max(WIDTHS), 5)
    value = value if value in WIDTHS else 5
    st.session_state["choice_beam"] = value
    where.select_slider("Beam", WIDTHS, key="choice_beam", help=BEAM_HELP,
                        on_change=lambda: links.put(beam=st.session_state["choice_beam"]))  # fmt: skip
    return value


def way_down(model, run: TaskRun, way: Descent, width: int, start: str) -> None:
    """Draw a descent: what became of the right documents, the figure, its branches, both rankings."""
    st.header("The way down the tree", anchor=False)
    levels = len(model.ids_.codebook_sizes)
    names = task_answers.names_on_the_way(model, way, task_context.browser_for(model, run))
    _fates(model, way, levels, width)
    drawn = {"most": DRAWN} | on_a_phone()
    figure = plots.beam_tree(way.steps, names, levels=levels, start=start, **drawn)
    chart(figure, f"way_{width}", beside=True)
    if width > (most := drawn["most"]):
        st.caption(f"The {most} best of up to {width} kept branches are drawn at each position; the table has all.")
    _branches(way, names, levels, figure)
    _beside(model, way, width)


def on_a_phone() -> dict:
    """How `plots.beam_tree` is drawn where there is little room: fewer branches, without key words."""
    return {"most": DRAWN_NARROW, "brief": True} if finder.narrow() else {}


def position_name(position: int, levels: int) -> str:
    """What a level of the tree is called."""
    return f"position {position}" if position <= levels else "the document itself"


def _fates(model, way: Descent, levels: int, width: int) -> None:
    """A sentence for each right document: where it was lost, or that it was found."""
    corpus = model.task_.corpus
    for document, lost in list(way.lost.items())[:5]:
        rank = way.ranking.set_index("document").loc[document]
        exact = f" By exact scores it has rank {int(rank['exact_rank']):,}." if rank["exact_rank"] else ""
        title = md(task_answers.listed(model.task_, [document])["title"][0], 120)
        if lost:
            st.warning(f"**{title}** ({md(corpus.doc_ids[document], 60)}) was lost at "
                       f"{position_name(lost, levels)}.{exact}", icon=":material/call_split:")  # fmt: skip
        else:
            place = f"at rank {int(rank['beam_rank'])}" if rank["beam_rank"] else "behind those that were asked for"
            st.success(f"The beam of {width} found **{title}** ({md(corpus.doc_ids[document], 60)}) {place}.{exact}",
                       icon=":material/check_circle:")  # fmt: skip


def _branches(way: Descent, names: dict, levels: int, figure) -> None:
    steps = way.steps[way.steps["kept"] | way.steps["right"]]
    steps = steps.sort_values(["position", "score"], ascending=[True, False], kind="stable").reset_index(drop=True)
    rows = pd.DataFrame(
        {
            "position": [position_name(position, levels) for position in steps["position"]],
            "prefix": [_prefix(prefix, levels) for prefix in steps["prefix"]],
            "words": [", ".join(names.get(prefix, [])[:4]) for prefix in steps["prefix"]],
            "code": np.exp(steps["log_probability"]), "path": np.exp(steps["score"]),
            "documents": steps["documents"],
            "mark": [_mark(kept, right) for kept, right in zip(steps["kept"], steps["right"], strict=True)],
        }
    )  # fmt: skip
    columns = [
        Column("position", "position", narrow=True), Column("prefix", "prefix", "code"), Column("words", "key words"),
        Column("mark", "beam"), Column("code", "P(code)", "number", 3, "probability of the last code after its prefix"),
        Column("path", "P(path)", "number", 4, "product of the codes' probabilities"),
        Column("documents", "documents", "number", narrow=True),
    ]  # fmt: skip
    with st.expander(f"The {len(rows)} branches that were kept or lead to a right document, as a table"):
        show(rows, columns, "branches", "Branches on the way down the tree")
    export("way", figure, {"branches": rows})


def _prefix(prefix: tuple[int, ...], levels: int) -> str:
    return id_of(prefix[:levels]) + (f" #{prefix[levels]}" if len(prefix) > levels else "")


def _mark(kept: bool, right: bool) -> str:
    return ("★ kept" if kept else "★ lost") if right else "kept"


def _beside(model, way: Descent, width: int) -> None:
    st.markdown("**Exact beside beam**")
    places = way.ranking["document"].tolist()
    rows = way.ranking.assign(
        **{name: values for name, values in task_answers.listed(model.task_, places).items()},
        id=task_answers.id_columns(model, places),
        exact=[str(rank or "–") for rank in way.ranking["exact_rank"]],
        beam=[str(rank or "lost") for rank in way.ranking["beam_rank"]],
        mark=["★" if right else "" for right in way.ranking["right"]],
        score=way.ranking["score"].replace(-np.inf, np.nan),
    )
    columns = [
        Column("title", "title"), Column("exact", "exact rank", "code"),
        Column("beam", "beam rank", "code", help=f"in a beam of {width}"),
        *([Column("mark", "★", help="right")] if way.lost else []),
        Column("id", "ID", "code", narrow=True),
        Column("score", "log P", "number", 2, "sum of the logarithms along the path"),
        Column("doc_id", "document", narrow=True),
    ]  # fmt: skip
    show(rows, columns, "beside", "Documents by exact score and by the beam",
         lambda place: task_context.document_link(rows["doc_id"][place]))  # fmt: skip
