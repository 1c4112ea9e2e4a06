"""What the labelling screen needs beyond Streamlit's own shortcuts: a small component without network.

Streamlit presses a button when its shortcut's key goes down, also for the repeats of a key that is held, and knows no
"?". The component keeps repeats and the second half of a double click away from the buttons, leaves the first moments
of a new question without an answer, presses the guide's button for "?", moves the focus to the comment and back, tells
screen readers which question is shown, and brings each new question's beginning onto the screen.
"""

import streamlit as st

from lmindexer.human_eval.answering.screen import SETTLE

_HTML = '<div role="status" aria-live="polite" aria-atomic="true"></div>'
_CSS = "div { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }"
_JS = """
export default function ({ data, parentElement }) {
  const state = (window.lmindexerLabelling ??= { token: null, until: 0 });
  const button = (key) => document.querySelector(`[class*="st-key-${key}"] button:not([disabled])`);
  const editable = (place) =>
    place && (place.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(place.tagName));
  const acts = (place) => place instanceof Element && place.closest("[class*='st-key-act_']");
  const fromTheQuestion = (tries) => {  // once the pressed button is gone, Tab goes on from the new question
    const heading = document.querySelector("[data-testid=stMain] h2");
    if (document.activeElement === document.body && heading) {
      heading.tabIndex = -1;
      heading.style.outline = "none";
      heading.focus({ preventScroll: true });
    } else if (tries > 0) setTimeout(fromTheQuestion, 100, tries - 1);
  };
  if (state.token !== data.token) {
    state.token = data.token;
    state.says = data.says;
    state.until = performance.now() + data.settle;
    parentElement.querySelector("[role=status]").textContent = data.says;
    if (editable(document.activeElement)) document.activeElement.blur();
    document.querySelector("[data-testid=stMain]")?.scrollTo(0, 0);
    if (state.tabbing) setTimeout(fromTheQuestion, 50, 30);
  }
  const paint = () => {
    const app = document.querySelector("[data-testid=stApp]");
    if (app) document.documentElement.style.setProperty("--label-background", getComputedStyle(app).backgroundColor);
  };
  paint();
  const scheme = window.matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => setTimeout(paint, 300);  // once the page itself has its new colours
  scheme.addEventListener("change", repaint);
  const stop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
  const early = () => performance.now() < state.until;
  const onClick = (event) => {
    if (acts(event.target) && (event.detail > 1 || early())) stop(event);
  };
  const onKey = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (editable(event.target)) {
      const leaves = event.key === "Escape" || (event.key === "Enter" && event.target.tagName === "INPUT");
      if (leaves && event.target.closest("[class*='st-key-label_comment']")) setTimeout(() => event.target.blur(), 0);
      return;
    }
    const presses = (event.key === "Enter" || event.key === " ") && acts(event.target);
    const shortcut = event.key.length === 1 && event.key !== " ";
    state.tabbing = Boolean(presses);
    if ((shortcut || presses) && (event.repeat || early())) return stop(event);
    const comment = document.querySelector("[class*='st-key-label_comment'] input");
    if (event.key === "?") { stop(event); button("act_guide")?.click(); }
    else if (event.key.toLowerCase() === "n" && comment) { stop(event); comment.focus(); }
    else if (/^[1-9]$/.test(event.key) && event.code.startsWith("Numpad")) {
      stop(event);
      button(`act_choice_${event.key}_`)?.click();
    }
  };
  window.addEventListener("click", onClick, true);
  window.addEventListener("keydown", onKey, true);
  return () => {
    scheme.removeEventListener("change", repaint);
    window.removeEventListener("click", onClick, true);
    window.removeEventListener("keydown", onKey, true);
  };
}
"""


@st.cache_resource(show_spinner=False)
def _component():
    return st.components.v2.component("lmindexer_keyboard", html=_HTML, css=_CSS, js=_JS)


def watch(token: str, says: str) -> None:
    """Put the component on the page.

    Args:
        token: what tells this screen from the one before; a new one starts the pause and is announced.
        says: what a screen reader says when the screen is new. Plain text.
    """
    _component()(key="label_keyboard", data={"token": token, "says": says, "settle": 1000 * SETTLE}, height="content")
