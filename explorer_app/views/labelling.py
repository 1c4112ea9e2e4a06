"""Labelling: one decision a screen, by keyboard, mouse or finger; nothing here knows methods, IDs or categories."""

import contextlib
import sqlite3
import time

import streamlit as st

from explorer_app import keyboard, links, practice, questions, studies
from explorer_app.escaped import md
from lmindexer.common.errors import LMIndexerError
from lmindexer.human_eval import SKIP_REASONS
from lmindexer.human_eval.answering.screen import pace

LATELY = "label_session"
TROUBLE = (LMIndexerError, OSError, sqlite3.Error)  # what a file can do to us; said, never raised


def render() -> None:
    """Lay out the page."""
    st.html(questions.STYLE + ("" if studies.coordinator() else questions.ALONE))
    key, study = studies.chosen(choice=False)
    session = _session(key, study)
    if session is None:
        _sign_in(key, study)
        return
    try:
        _screen(session)
    except TROUBLE as error:
        _trouble(error)


# ------------------------------------------------------------------------------------------------------ signing in


def _session(key: str, study):
    """The session of the person who signed in here, or who comes back by a link with a name known to the study."""
    if links.get("study") and studies.asked_for(studies.found()) != key:
        return None  # the link's study is not here: who came for it is not to answer another one unawares
    kept = st.session_state.get(LATELY)
    name = links.get("as")
    if kept and kept[0] == key and (not name or kept[1].annotator == name):
        if not name:
            links.put(**{"as": kept[1].annotator})
        return kept[1]
    if name and not study.has_password and name in set(study.annotators()["annotator"]):
        return _signed_in(key, study, name, None)
    return None


def _signed_in(key: str, study, name: str, password: str | None):
    try:
        session = study.sign_in(name, password)
    except TROUBLE as error:
        st.error(md(error, 600), icon=":material/error:")
        return None
    _forget()
    st.session_state[LATELY] = (key, session)
    links.put(**{"study": key, "as": session.annotator})
    return session


def _forget() -> None:
    for name in [name for name in st.session_state if str(name).startswith("label_")]:
        del st.session_state[name]


def _sign_out() -> None:
    _forget()
    links.put(**{"as": None})


def _sign_out_button() -> None:
    st.button("Sign out", key="act_sign_out", type="tertiary", icon=":material/logout:", on_click=_sign_out)


def _sign_in(key: str, study) -> None:
    studies.choose()
    st.title(md(study.name, 80), anchor=False)
    if study.simulated:
        st.info(
            "This study was answered by simulated annotators only, to show what results look like; people cannot "
            "sign in.", icon=":material/smart_toy:",
        )  # fmt: skip
        return
    st.markdown("You will see short texts and decide one question after the other; your first impression is wanted.")
    with st.form("sign_in", border=False), st.container(width=420):
        name = st.text_input("Your name", links.get("as")[:60], max_chars=60, autocomplete="username")
        password = None
        if study.has_password:
            password = st.text_input("Password of the study", type="password", max_chars=200)
        wanted = st.form_submit_button("Begin or go on", type="primary", icon=":material/login:")
    st.caption(
        "Come back under the same name and you go on where you left off. Kept are your answers under this name, your "
        "comments, and how long each answer took. No other annotator sees them."
    )
    if not wanted:
        return
    if not name.strip():
        st.error("Please give a name.", icon=":material/error:")
    elif _signed_in(key, study, name.strip(), password) is not None:
        st.rerun()


# --------------------------------------------------------------------------------------------------------- screens


def _screen(session) -> None:
    view = session.next()
    token = view.token if view else f"end_{session.annotator}"
    st.session_state["label_open"] = token  # buttons of another screen are refused
    if failed := st.session_state.pop("label_failed", None):
        _failed(failed)
    if view is None:
        keyboard.watch(token, "There are no more questions. Thank you.")
        _end(session)
    elif practice.under_way(view):
        keyboard.watch(f"{token}_practice", "Practice. This answer is not kept.")
        practice.screen(view)
    elif st.session_state.get("label_paused"):
        keyboard.watch(f"{token}_paused", "Paused. Press P to go on.")
        _paused(session)
    else:
        shown = st.session_state.setdefault("label_shown", {})
        if token not in shown:
            st.session_state["label_shown"] = {token: time.monotonic()}
        keyboard.watch(token, f"Question {view.number} of {view.total}. {view.prompt}")
        _question(session, view)


def _question(session, view) -> None:
    progress = session.progress()
    _top(session, view, progress)
    if _guided(session, view):
        left, right = st.columns([5, 2])
        with right, st.container(key="label_guide_pane", border=True):
            practice.offer(view)
            questions.guide(view.type)
        with left:
            questions.documents(view)
    else:
        questions.documents(view)
    token = view.token
    with st.container(key="label_bar"):
        if st.session_state.get("label_skipping") == token:
            _reasons(session, view)
        else:
            _answers(session, view)


def _guided(session, view) -> bool:
    """Whether the guideline stands beside the question: as last chosen, and always at a type that is new to them."""
    if view.type not in st.session_state.setdefault("label_types", session.types_met()):
        return st.session_state.get("label_guide_at") != view.token
    return bool(st.session_state.get("label_guide"))


def _turn_guide(view, guided: bool) -> None:
    st.session_state["label_guide"] = not guided
    st.session_state["label_guide_at"] = view.token if guided else None


def _comment(token: str) -> None:
    st.text_input("Comment", key=f"label_comment_{token}", max_chars=1000, label_visibility="collapsed",
                  placeholder="Comment (N); Enter keeps it", width=260)  # fmt: skip


def _top(session, view, progress) -> None:
    with st.container(key="label_top", horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.title(f"Question {view.number} of {view.total}", anchor=False, width="content")
        with st.container(key="label_tools", horizontal=True, width="content", gap="small"):
            guided = _guided(session, view)
            st.button("Guide :gray-badge[?]", key=f"act_guide_{view.token}", type="tertiary",
                      icon=":material/menu_book:", on_click=_turn_guide, args=(view, guided))  # fmt: skip
            st.button("Pause", key=f"act_pause_{view.token}", type="tertiary", icon=":material/pause:", shortcut="P",
                      on_click=_pause)  # fmt: skip
    st.progress(min(progress.share, 1.0), text=pace(progress))
    st.header(md(view.prompt, 300), anchor=False)


def _answers(session, view) -> None:
    with questions.answer_grid([choice.label for choice in view.choices]):
        for choice in view.choices:
            st.button(
                md(choice.label, 120), key=f"act_choice_{choice.key}_{view.token}", shortcut=choice.key,
                width="stretch", on_click=_answer, args=(session, view, choice.key),
            )  # fmt: skip
    with st.container(key="label_acts", horizontal=True):
        st.button("Skip", key=f"act_skip_{view.token}", type="tertiary", shortcut="S", icon=":material/skip_next:",
                  on_click=_keep, args=("label_skipping", view.token))  # fmt: skip
        st.button("Undo", key=f"act_undo_{view.token}", type="tertiary", shortcut="U", icon=":material/undo:",
                  disabled=view.number == 1, on_click=_undo, args=(session, view.token))  # fmt: skip
        _comment(view.token)


def _reasons(session, view) -> None:
    token = view.token
    st.markdown("**Why skip it?**")
    with questions.answer_grid(SKIP_REASONS):
        for number, reason in enumerate(SKIP_REASONS, start=1):
            st.button(
                md(reason, 120), key=f"act_choice_{number}_{token}_skip", shortcut=str(number), width="stretch",
                on_click=_answer, args=(session, view, reason), kwargs={"skips": True},
            )  # fmt: skip
    with st.container(key="label_acts", horizontal=True):
        st.button("Back to the question", key=f"act_back_{token}", type="tertiary", shortcut="Esc",
                  icon=":material/arrow_back:", on_click=_keep, args=("label_skipping", None))  # fmt: skip
        _comment(token)


def _paused(session) -> None:
    st.title("Paused", anchor=False)
    st.markdown("The time of this pause does not count. The question comes back as it was.")
    st.button("Go on", key="act_resume", type="primary", shortcut="P", icon=":material/play_arrow:",
              on_click=_resume, args=(session,))  # fmt: skip
    _sign_out_button()


def _end(session) -> None:
    progress = session.progress()
    if progress.done < progress.total:
        st.title("The study has ended, thank you", anchor=False)
        st.markdown(f"It takes no more answers. Your {progress.done:,} of {progress.total:,} are saved.")
        _sign_out_button()
        return
    st.title("All done, thank you", anchor=False)
    skipped = f", {progress.skipped:,} skipped" if progress.skipped else ""
    st.markdown(f"You have answered {progress.answered:,} of {progress.total:,} questions{skipped}. Everything is "
                "saved; this page may be closed.")  # fmt: skip
    st.button("Undo the last answer", key=f"act_undo_end_{session.annotator}", type="tertiary", shortcut="U",
              icon=":material/undo:", on_click=_undo, args=(session, f"end_{session.annotator}"))  # fmt: skip
    _sign_out_button()


def _trouble(error) -> None:
    st.error(f"The study cannot be read just now: {md(error, 600)}", icon=":material/error:")
    st.markdown("Every answer that was followed by the next question is saved.")
    st.button("Try again", type="primary", icon=":material/refresh:")


def _failed(error: str) -> None:
    st.error(f"That was not saved: {md(error, 600)} Please answer this question again.", icon=":material/error:")


# ------------------------------------------------------------------------------------------------------------ acts


def _keep(name: str, value) -> None:
    st.session_state[name] = value


def _is_open(token: str) -> bool:
    """Whether the screen that a button belongs to is still the one shown; a second press finds it closed."""
    return st.session_state.get("label_open") == token


def _seconds(token: str) -> float | None:
    shown = st.session_state.get("label_shown", {}).get(token)
    return None if shown is None else max(time.monotonic() - shown, 0.0)


def _answer(session, view, given: str, skips: bool = False) -> None:
    token = view.token
    if not _is_open(token):
        return
    comment = (st.session_state.get(f"label_comment_{token}") or "").strip()
    act = session.skip if skips else session.answer
    try:
        act(given, seconds=_seconds(token), comment=comment, token=token)
    except TROUBLE as error:
        st.session_state["label_failed"] = str(error)
        return
    st.session_state["label_open"] = None
    st.session_state.setdefault("label_types", set()).add(view.type)


def _undo(session, token: str) -> None:
    if not _is_open(token):
        return
    try:
        session.undo()
    except TROUBLE as error:
        st.session_state["label_failed"] = str(error)
        return
    st.session_state["label_open"] = None


def _pause() -> None:
    st.session_state["label_paused"] = time.monotonic()


def _resume(session) -> None:
    """Go on: the question counts as shown later by the length of the pause, and the pause is noted in the study."""
    began = st.session_state.pop("label_paused", None)
    if began is None:
        return
    seconds = time.monotonic() - began
    shown = st.session_state.get("label_shown", {})
    st.session_state["label_shown"] = {token: at + seconds for token, at in shown.items()}
    with contextlib.suppress(*TROUBLE):  # a note that could not be written takes nothing from the answers
        session.log("note:pause", {"seconds": round(seconds, 1)})
