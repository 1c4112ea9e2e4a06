"""Adjudication: one disagreement a screen, settled by whoever runs the study; methods stay hidden as they are."""

import sqlite3

import streamlit as st

from explorer_app import links, questions, studies
from explorer_app.escaped import md
from lmindexer.common.errors import LMIndexerError
from lmindexer.human_eval.results.findings import NAMES
from lmindexer.human_eval.results.reliability import answer_labels, disagreements
from lmindexer.human_eval.results.report import SIMULATED
from lmindexer.human_eval.results.results import last_event

TROUBLE = (LMIndexerError, OSError, sqlite3.Error)


@st.cache_resource(max_entries=8, show_spinner=False)
def _queue(path: str, stamp: int, _study):
    return disagreements(_study)


def render() -> None:
    """Lay out the page."""
    st.html(questions.STYLE)
    _, study = studies.chosen(demonstration=True)
    st.title("Disagreements", anchor=False)
    st.markdown(f"**{md(study.name, 120)}**")
    if study.simulated:
        st.warning(SIMULATED, icon=":material/smart_toy:")
    if not study.ended:
        st.info("Disagreements are shown when the study has ended; nobody's answers are read before.",
                icon=":material/hourglass:")  # fmt: skip
        return
    try:
        _screen(study, _queue(str(study.path), last_event(study), study))
    except TROUBLE as error:
        st.error(md(error, 600), icon=":material/error:")


def _screen(study, queue) -> None:
    if queue.empty:
        st.success("Everybody gave the same answers; there is nothing to settle.", icon=":material/check_circle:")
        return
    settled = int(queue["settled"].notna().sum())
    st.progress(settled / len(queue), text=f"{settled:,} of {len(queue):,} disagreements are settled. Settled answers "
                "count in the column “settled” of the results; people's own answers stay as they are.")  # fmt: skip
    if study.unblinded:
        st.warning("The study is unblinded: whoever settles may know the methods by now.", icon=":material/visibility:")
    if settled == len(queue):
        st.success("All is settled.", icon=":material/check_circle:")
    ids = queue["question_id"].tolist()
    at = ids.index(links.get("question")) if links.get("question") in ids else 0
    if links.get("question") and links.get("question") not in ids:
        links.not_here(["question " + links.get("question")], "the first one")
    row = queue.iloc[at]
    _steps(ids, at, row)
    view = study.view(row["question_id"])
    st.header(md(view.prompt, 300), anchor=False)
    questions.documents(view)
    _votes(study, row)
    _decide(study, row, ids, at)


def _steps(ids: list[str], at: int, row) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Previous", icon=":material/chevron_left:", key="settle_previous", disabled=at == 0,
                  on_click=links.put, kwargs={"question": ids[max(at - 1, 0)]})  # fmt: skip
        place = f"{at + 1:,} of {len(ids):,} · {md(NAMES[row['type']], 60)}, number {row['number']}"
        st.markdown(place, width="content")
        st.button("Next", icon=":material/chevron_right:", key="settle_next", disabled=at == len(ids) - 1,
                  on_click=links.put, kwargs={"question": ids[min(at + 1, len(ids) - 1)]})  # fmt: skip


def _votes(study, row) -> None:
    st.markdown(f"**Answers:** {md(row['answers'], 300)}")
    for comment in row["comments"]:
        st.markdown(f"> {md(comment, 500)}")
    if row["settled"] is not None:
        label = answer_labels(study, row["question_id"])[row["settled"]]
        st.markdown(f":material/gavel: settled as **{md(label, 80)}**; the latest decision counts.")


def _decide(study, row, ids, at) -> None:
    left, right = st.columns(2)
    left.text_input("Your name", key="settle_by", max_chars=60)
    right.text_input("Comment", key=f"settle_comment_{row['question_id']}", max_chars=500)
    labels = answer_labels(study, row["question_id"])
    with st.container(horizontal=True):
        for number, (answer, label) in enumerate(labels.items(), start=1):
            st.button(
                md(label, 80), key=f"settle_{row['question_id']}_{answer}", shortcut=str(number),
                on_click=_settle, args=(study, row["question_id"], answer, ids, at),
            )  # fmt: skip
    failed = st.session_state.pop("settle_failed", None)
    if failed:
        st.error(md(failed, 600), icon=":material/error:")


def _settle(study, question_id: str, answer: str, ids: list[str], at: int) -> None:
    who = (st.session_state.get("settle_by") or "").strip()
    comment = (st.session_state.get(f"settle_comment_{question_id}") or "").strip()
    if not who:
        st.session_state["settle_failed"] = "Please give your name: it is kept with the decision."
        return
    try:
        study.adjudicate(question_id, answer, who, comment)
    except TROUBLE as error:
        st.session_state["settle_failed"] = str(error)
        return
    st.session_state["settle_by"] = who
    following = [one for one in ids[at + 1 :] + ids[:at] if one != question_id]
    links.put(question=following[0] if following else None)
