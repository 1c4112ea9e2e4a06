"""Recommend: one user's history, what a model recommends, and its way down the tree of IDs."""

import pandas as pd
import streamlit as st

from explorer_app import links, task_context
from explorer_app.escaped import md
from explorer_app.link_table import Column, show
from explorer_app.show import export
from explorer_app.views import way_parts
from lmindexer.browse import task_answers, task_methods
from lmindexer.runs.task_run import TaskRun

NEWEST = 30  # items of a history that are listed
TOP = 10
VIEWS = {"unseen": "new items only", "raw": "all items"}


def render() -> None:
    """Lay out the page."""
    st.title("Recommend")
    st.caption("One user's past, what comes next by a fitted model, and where the right item was lost.")
    runs = task_context.runs_of(("recommendation",))
    # A model by IDs is shown first: this page is about its way down the tree.
    runs = dict(sorted(runs.items(), key=lambda named: not task_methods.writes_ids(named[1])))
    if not runs:
        task_context.none_here("recommendation")
    left, middle, right = st.columns([4, 2, 2], vertical_alignment="bottom")
    key = task_context.choose(runs, left)
    view = links.choose("Recommend", list(VIEWS), "view", "unseen", text=VIEWS.get, where=middle,
                        help="Without the items of the history, or among all.")  # fmt: skip
    width = way_parts.beam(right)
    model = task_context.model(runs[key])
    if model is None:
        return
    row = _user(model, runs[key], width)
    if row is None:
        return
    _past(model, row)
    _answers(model, row, view)
    way = _way(model, task_context.stamp(runs[key]), row, view, width)
    if way is None:
        st.info(f"{md(model.name)} gives every item a score and goes down no tree; choose a model by IDs to see a way.",
                icon=":material/account_tree:")  # fmt: skip
        return
    way_parts.way_down(model, runs[key], way, width, "history")


@st.cache_data(max_entries=32, show_spinner="Going down the tree …")
def _way(_model, key: tuple, row: int, view: str, width: int):
    return task_answers.way_of_user(_model, row, view, width, TOP)


def _user(model, run: TaskRun, width: int) -> int | None:
    """The chosen user's row; without one, users to choose from."""
    task = model.task_
    users = task.query_ids("test")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        part = links.words("Find a user", "find", placeholder="part of a user's name", width=320)
        st.button("A random user", icon=":material/casino:",
                  on_click=lambda: links.put(user=users[task_context.draw(len(users))], find=None))  # fmt: skip
        if task_methods.goes_down_a_tree(model):
            st.button("One that was lost", icon=":material/call_split:", on_click=_lost_user,
                      args=(model, task_context.stamp(run), width, users))  # fmt: skip
    if st.session_state.pop("none_lost", False):
        st.success(f"A beam of {width} loses no user's item.", icon=":material/check_circle:")
    user = links.get("user")
    row = task_answers.row_of_query(task, user) if user else None
    if user and row is None:
        st.warning(f"The task asks about no user **{md(user, 80)}**; choose one below.", icon=":material/search_off:")
    if part.strip() or row is None:
        _users(task, part)
    return row


def _lost_user(model, key: tuple, width: int, users: list[str]) -> None:
    found = task_context.losses(model, key, width)
    rows = found.loc[found["lost"] != task_methods.FOUND, "query"].tolist()
    st.session_state["none_lost"] = not rows
    if rows:
        links.put(user=users[rows[task_context.draw(len(rows))]], find=None)


def _users(task, part: str) -> None:
    found = task_answers.users_like(task, part)
    if not found:
        st.info("No user's name holds these letters; take fewer.", icon=":material/search_off:")
        return
    lengths = dict(zip(task.query_ids("test"), task.histories("test").lengths.tolist(), strict=True))
    rows = pd.DataFrame({"user": found, "items": [lengths[user] for user in found]})
    show(rows, [Column("user", "user"), Column("items", "items before the answer", "number")], "users", "Users",
         lambda place: ("recommend", _here(user=found[place], find=None)))  # fmt: skip
    if len(found) == task_answers.MATCHES:
        st.caption(f"The first {task_answers.MATCHES} users are listed; a part of a name finds others.")


def _here(**changes) -> dict:
    """This page's link with changes."""
    kept = {name: links.get(name) for name in ("model", "view", "beam") if links.get(name)}
    return links.query(**(kept | changes))


def _past(model, row: int) -> None:
    task = model.task_
    past = task_answers.history_of(task, row)
    left, right = st.columns([3, 2])
    with left:
        st.header(f"The history of {md(task.query_ids('test')[row], 80)}", anchor=False)
        shown = past.head(NEWEST)
        columns = [Column("title", "title"), Column("place", "place", "number", help="1 is the oldest item")]
        show(shown, [*columns, Column("doc_id", "document", narrow=True)], "history", "History, the newest first",
             lambda place: task_context.document_link(shown["doc_id"][place]))  # fmt: skip
        if len(past) > NEWEST:
            st.caption(f"The newest {NEWEST} of {len(past):,} items.")
    with right:
        st.header("What came next", anchor=False)
        target = int(task.targets("test")[row])
        true = task_answers.listed(task, [target])
        columns = [Column("title", "title"), *_ids(model, true), Column("doc_id", "document", narrow=True)]
        show(true, columns, "true", "The item that the user took next",
             lambda place: task_context.document_link(true["doc_id"][place]))  # fmt: skip
        if true["doc_id"][0] in set(past["doc_id"]):
            st.caption("The user had it before: it can be found among all items only.")


def _ids(model, rows: pd.DataFrame) -> list[Column]:
    """The column of the documents' IDs, written into `rows`; [] where there are none."""
    label, ids = task_context.ids_of(model, rows["doc_id"].tolist())
    if not any(ids):
        return []
    rows["id"] = ids
    return [Column("id", label, "code", narrow=label != "ID")]


def _answers(model, row: int, view: str) -> None:
    st.header("Recommendations", anchor=False)
    found = task_answers.recommended(model, row, view, TOP)
    rows = found.assign(mark=["★ the true next item" if right else "" for right in found["right"]])
    columns = [Column("rank", "rank", "number"), Column("title", "title")]
    columns += _ids(model, rows)
    columns += [Column("score", "score", "number", 3, "of a model by IDs: log P of the whole ID")]
    columns += [Column("mark", "", help="what the user took next"), Column("doc_id", "document", narrow=True)]
    show(rows, columns, "recommended", "Recommendations",
         lambda place: task_context.document_link(rows["doc_id"][place]),
         chosen=int(rows["right"].to_numpy().argmax()) if rows["right"].any() else None)  # fmt: skip
    if not rows["right"].any():
        st.caption(f"The item that the user took next is not among these {len(rows)}.")
    export("recommendations", tables={"recommendations": rows.drop(columns=["mark", "path"], errors="ignore")})
