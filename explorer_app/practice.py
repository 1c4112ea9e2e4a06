"""Practice: a worked example of the guideline as a question, its answer explained; nothing of it is kept."""

import streamlit as st

from explorer_app import questions
from explorer_app.escaped import md
from lmindexer.human_eval.planning.guide import guide_of

_AT = "label_practice"  # (token of the question it was opened at, the answer given or None)
_DONE = "label_practised"  # types practised already


def offer(view) -> None:
    """The button in the guideline's pane, once for each type."""
    if view.type not in st.session_state.get(_DONE, set()):
        st.button(
            "Practise with an example", key=f"act_practise_{view.token}", icon=":material/fitness_center:",
            on_click=_open, args=(view,),
        )  # fmt: skip


def under_way(view) -> bool:
    """Whether the example is on the screen in place of the question."""
    return st.session_state.get(_AT, (None,))[0] == view.token


def screen(view) -> None:
    """The example: first its answers, then whether the chosen one is right, and why."""
    example, given = guide_of(view.type).examples[0], st.session_state[_AT][1]
    st.title("Practice: this answer is not kept", anchor=False)
    st.header(md(view.prompt, 300), anchor=False)
    with st.container(key=f"label_cards_{len(example.shown)}_practice"):
        for label, text in example.shown:
            with st.container(border=True, key=f"label_card_practice_{label}"):
                st.markdown(f"**{md(label, 40)}**")
                st.text(text)
    if given is not None:
        meant = _label_of(example.answer, answers_of(view, example))
        say = st.success if given == meant else st.info
        right = "Right" if given == meant else f"The usual answer is “{md(meant, 80)}”"
        say(f"{right}. {md(example.why)}", icon=":material/lightbulb:")
        st.button("Go on to the question", key="act_practised", type="primary", on_click=_close, args=(view,))
        return
    labels = answers_of(view, example)
    with st.container(key="label_bar"), questions.answer_grid(labels):
        for number, label in enumerate(labels, start=1):
            st.button(
                md(label, 120), key=f"act_choice_{number}_practice", shortcut=str(number), width="stretch",
                on_click=_give, args=(view, label),
            )  # fmt: skip


def answers_of(view, example) -> list[str]:
    """The buttons: the documents of the example where one is picked, else those of the question."""
    shown = [label for label, _ in example.shown if label.startswith(("Document", "Group"))]
    own = [choice.label for choice in view.choices]
    return shown if example.answer in shown else own


def _label_of(answer: str, labels: list[str]) -> str:
    """The button of an answer; a rating's has words behind its number."""
    return next((label for label in labels if label == answer or label.startswith(f"{answer}:")), answer)


def _open(view) -> None:
    st.session_state[_AT] = (view.token, None)


def _give(view, label: str) -> None:
    st.session_state[_AT] = (view.token, label)


def _close(view) -> None:
    st.session_state.pop(_AT, None)
    st.session_state.setdefault(_DONE, set()).add(view.type)
    st.session_state["label_shown"] = {}  # the question's time begins when it is seen again
