"""How a question of a study is drawn: its documents, its answers, its guideline."""

import streamlit as st

from explorer_app.escaped import md
from lmindexer.human_eval.planning.guide import GENERAL, guide_of

SIDE_BY_SIDE = ("ab", "level")  # their groups stand beside each other, others' below each other
SHORT = 12  # characters of a label that fits a third of a phone's width
STYLE = """<style>
[data-testid="stMainBlockContainer"]:has([class*="st-key-label_"]) { padding-top: 3.4rem; padding-bottom: 0; }
[data-testid="stMainBlockContainer"]:has(.st-key-label_top) h2 { font-size: 1.5rem; padding: .1rem 0 .7rem; }
[data-testid="stMainBlockContainer"]:has(.st-key-label_top) h3 { font-size: 1.05rem; padding: .2rem 0 .7rem; }
.st-key-label_top h1 { font-size: 1rem; font-weight: 600; padding: 0; opacity: .75; }
[data-testid="stButton"] [aria-label^="Shortcut"], .st-key-label_tools .stMarkdownBadge {
  border: 1px solid rgb(128 128 128 / .5); border-radius: .3rem; padding: 0 .4em; font-weight: 600; opacity: 1;
  background: rgb(128 128 128 / .12) !important; color: inherit !important; font-size: .85em; line-height: 1.5; }
.st-key-label_documents { container-type: inline-size; }
[class*="st-key-label_cards_"], .st-key-label_groups { display: grid; gap: .8rem; align-items: stretch;
  grid-template-columns: minmax(0, 1fr); }
[class*="st-key-label_cards_"] > div, [class*="st-key-label_cards_"] > div > div { height: 100%; }
@container (min-width: 34rem) {
  [class*="st-key-label_cards_2"], [class*="st-key-label_cards_4"], [class*="st-key-label_cards_5"],
  .st-key-label_groups {
    grid-template-columns: repeat(2, minmax(0, 1fr)); } }
@container (min-width: 54rem) {
  [class*="st-key-label_cards_3"], [class*="st-key-label_cards_5"], [class*="st-key-label_cards_6"] {
    grid-template-columns: repeat(3, minmax(0, 1fr)); }
  .st-key-label_groups { grid-template-columns: repeat(auto-fit, minmax(12rem, 1fr)); } }
@container (min-width: 84rem) {
  [class*="st-key-label_cards_4"] { grid-template-columns: repeat(4, minmax(0, 1fr)); }
  [class*="st-key-label_cards_5"] { grid-template-columns: repeat(5, minmax(0, 1fr)); } }
[class*="st-key-label_group_"], [class*="st-key-label_card_"] { gap: .5rem; }
[class*="st-key-label_card_"] [data-testid="stText"], [class*="st-key-label_card_"] p {
  white-space: pre-wrap; overflow-wrap: anywhere; unicode-bidi: plaintext; text-align: start; font-family: inherit; }
.st-key-label_guide_pane { max-height: max(14rem, calc(100vh - 20rem)); overflow: auto; gap: .6rem; }
[class*="st-key-label_example_"] { flex-shrink: 0; }
[data-testid="stLayoutWrapper"]:has(> .st-key-label_bar) { position: sticky; bottom: 0; z-index: 50; }
.st-key-label_bar { padding: .6rem 0 .6rem; gap: .4rem; border-top: 1px solid rgb(128 128 128 / .3);
  background: var(--label-background, Canvas); }
[class*="st-key-label_answers"] { display: grid; gap: .5rem; }
.st-key-label_answers_short { grid-template-columns: repeat(auto-fit, minmax(6.5rem, 1fr)); }
.st-key-label_answers_long { grid-template-columns: repeat(auto-fit, minmax(9.2rem, 1fr)); }
[class*="st-key-label_answers"] button { min-height: 2.8rem; height: 100%; padding: .25rem .2rem; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"]:has([class*="st-key-label_"]) { padding: 4rem .9rem 0; }
  [data-testid="stMainBlockContainer"]:has(.st-key-label_top) h2 { font-size: 1.25rem; }
  [data-testid="stColumn"]:has(.st-key-label_guide_pane) { order: -1; }
  .st-key-label_guide_pane { max-height: 50vh; }
  [data-testid="stTextInput"] input { font-size: 16px; } /* smaller, and phones zoom in when it is touched */
}
</style>"""
ALONE = """<style>
[data-testid="stHeader"], [data-testid="stSidebar"], [data-testid="stExpandSidebarButton"] { display: none; }
[data-testid="stMainBlockContainer"]:has([class*="st-key-label_"]) { padding-top: 1rem; }
</style>"""


def documents(view) -> None:
    """The documents of a question, each in a card; their words are shown as they are, never as markup."""
    with st.container(key="label_documents"):
        if view.type in SIDE_BY_SIDE:
            with st.container(key="label_groups"):
                for place, group in enumerate(view.groups):
                    with st.container(key=f"label_group_{place}"):
                        _group(group, place)
            return
        for place, group in enumerate(view.groups):
            if len(view.groups) > 1:
                _heading(group)
            with st.container(key=f"label_cards_{len(group.items)}_{place}"):
                _cards(group, place)


def _group(group, place: int) -> None:
    _heading(group)
    _cards(group, place)


def _cards(group, place: int) -> None:
    for number, item in enumerate(group.items):
        _card(item, f"{place}_{number}")


def answer_grid(labels):
    """The container of the answers' buttons: narrow columns where all labels are short."""
    return st.container(key="label_answers_long" if max(map(len, labels)) > SHORT else "label_answers_short")


def _heading(group) -> None:
    if group.heading:
        st.subheader(md(group.heading, 120), anchor=False)


def _card(item, place: str) -> None:
    with st.container(border=True, key=f"label_card_{place}"):
        badge = f":blue-badge[**{md(item.choice)}**] " if item.choice else ""
        if badge or item.title:
            st.markdown(f"{badge}**{md(item.title, 200)}**" if item.title else badge)
        if not item.whole:
            st.text(item.text)
            return
        opened = st.session_state.get(f"label_whole_{place}_{hash(item.whole)}", False)
        st.text(item.whole if opened else item.text)
        st.toggle("Whole text", key=f"label_whole_{place}_{hash(item.whole)}")


def guide(kind: str) -> None:
    """The guideline of a question type, with its worked examples."""
    found = guide_of(kind)
    st.subheader(md(found.title, 120), anchor=False)
    st.markdown(md(found.task, 400))
    st.markdown("\n".join(f"- {md(rule, 400)}" for rule in found.rules))
    for number, example in enumerate(found.examples, start=1):
        with st.container(border=True, key=f"label_example_{number}", gap="xsmall"):
            st.markdown(f"**Example {number}**")
            for label, text in example.shown:
                st.markdown(f"**{md(label, 40)}:** {md(text)}" if label else md(text))
            st.markdown(f":material/check: **{md(example.answer, 80)}**. {md(example.why)}")
    st.markdown("**In general**")
    st.markdown("\n".join(f"- {md(rule, 400)}" for rule in GENERAL))
