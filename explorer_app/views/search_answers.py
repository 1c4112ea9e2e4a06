"""Try a text with a search model: the answer of `lmindexer search`, beside bm25 and dense, and the way to it."""

import streamlit as st

from explorer_app import context, links, task_context
from explorer_app.escaped import md
from explorer_app.link_table import Column, show
from explorer_app.show import export
from explorer_app.views import way_parts
from lmindexer.browse import task_answers, task_methods
from lmindexer.browse.task_answers import Answer
from lmindexer.common.errors import LMIndexerError
from lmindexer.tasks.search.base import checked_query

TOP = 10
VIEWS = {"all": "the path's score", "ties": "ties by state", "hybrid": "path and dense together"}


def answers(key: str, text: str, width: int) -> None:
    """Lay out what the chosen task model says to the text."""
    runs = task_context.runs_of(task_context.SEARCH)
    run = runs[key]
    model = task_context.model(run)
    if model is None:
        return
    try:
        text, _ = checked_query(text)
    except LMIndexerError as error:
        st.info(md(error), icon=":material/edit_note:")
        return
    task = model.task_
    row = task_answers.row_of_query(task, links.get("query")) if links.get("query") else None
    if row is None or " ".join(task.texts("test")[row].split()) != text:
        row = task_answers.query_of_text(task, text)
    judged = task_answers.judged_of(task, row)
    if judged:
        st.caption(f"This is a test query with {len(judged)} right document{'' if len(judged) == 1 else 's'}: ★.")
    elif row is None:
        st.caption("Nobody judged this text: no document is marked as right.")
    with st.spinner("Searching …"):
        found = _all_answers(model, run, runs, text, judged)
    for place, answer in zip(_places(len(found)), found, strict=False):
        with place:
            _answer(answer, bool(judged))
    way = task_answers.way_of_text(model, text, width, TOP, judged)
    if way is None:
        st.info(f"{md(model.name)} goes down no tree; choose a generative model to see a way.",
                icon=":material/account_tree:")  # fmt: skip
        return
    way_parts.way_down(model, run, way, width, "text")


def _places(number: int):
    return st.columns([4, *[3] * (number - 1)]) if number > 1 else [st.container()]


def _all_answers(model, run, runs: dict, text: str, judged: dict) -> list[Answer]:
    """The model's answer, then those of bm25 and dense: from their own runs of this task, or set up here."""
    options = {}
    if task_methods.goes_down_a_tree(model):
        views = [view for view in ("all", "ties", "hybrid") if view in _views(model)]
        if len(views) > 1:
            view = links.choose("Ranking", views, "view", "all", text=VIEWS.get, kind="segmented_control")
            options = {"view": view}
    found = [task_answers.answered(model, text, TOP, judged, **options)]
    for what in ("bm25", "dense"):
        if not task_answers.is_beside(model, what):
            other = _beside(what, model, run, runs)
            if other is not None:
                found.append(task_answers.answered(other, text, TOP, judged))
            elif what == "dense" and (dense := task_answers.dense_beside(model, text, TOP, judged)) is not None:
                found.append(dense)
    return found


def _views(model) -> tuple[str, ...]:
    form = getattr(model, "form_", None)
    return ("all",) if form is None else ("all", "ties", "hybrid") if form.ties else ("all", "hybrid")


def _beside(what: str, model, run, runs: dict):
    """A fitted bm25 or dense model of the same task among the runs; bm25 is set up where there is none."""
    print_ = run.manifest["task"].get("fingerprint")
    method = {"bm25": "bm25", "dense": "dual_encoder"}[what]
    for other in runs.values():
        if other.method == method and other.manifest["task"].get("fingerprint") == print_:
            return task_context.model(other)
    return task_context.bm25(model, task_context.stamp(run)) if what == "bm25" else None


def _answer(answer: Answer, judged: bool) -> None:
    st.header(md(answer.method, 60), anchor=False)
    if answer.note:
        st.caption(md(answer.note, 300))
    rows = answer.found
    if rows.empty:
        if not answer.note:
            st.info("No document fits this query; write it in other words.", icon=":material/search_off:")
        return
    rows = rows.assign(mark=["★" if gain > 0 else "" for gain in rows["gain"]])
    columns = [Column("rank", "rank", "number"), Column("title", "title")]
    columns += [Column("mark", "right", help="judged right for this query")] if judged else []
    columns += [Column("id", "ID", "code", narrow=True)] if "id" in rows else []
    columns += [Column("score", "score", "number", 2)]
    first = int(rows["gain"].to_numpy().argmax()) if (rows["gain"] > 0).any() else None
    show(rows, columns, f"answer_{answer.method}", f"Documents by {answer.method}",
         lambda place: task_context.document_link(rows["doc_id"][place]), chosen=first)  # fmt: skip
    export(f"answer-{answer.method}", tables={"documents": rows.drop(columns="mark")})


def title_of_run(key: str) -> str:
    """How a search run is named among the models."""
    return f"{context.shelf().task_runs[key].label} ({key})"
