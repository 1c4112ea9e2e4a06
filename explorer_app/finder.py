"""The search box of every page, reached by the key "/", and what the browser says about its window."""

import streamlit as st

from explorer_app import links

_JS = """
export default function ({ data, setStateValue }) {
  const narrow = window.innerWidth < 640;
  if (narrow !== data.narrow) setStateValue("narrow", narrow);
  const editable = (place) =>
    place && (place.isContentEditable || ["INPUT", "TEXTAREA", "SELECT"].includes(place.tagName));
  const shown = (box) => {
    const place = box?.getBoundingClientRect();
    return place && place.width > 0 && place.left >= 0;
  };
  const onKey = (event) => {
    if (!data.leads || event.key !== "/" || event.ctrlKey || event.metaKey || event.altKey) return;
    if (editable(event.target)) return;
    if (event.target.shadowRoot && editable(event.target.shadowRoot.activeElement)) return;
    const boxes = document.querySelectorAll("[class*='st-key-find_here'] input, [class*='st-key-find_box'] input");
    const box = [...boxes].find(shown);
    event.preventDefault();
    if (box) { box.focus(); box.select(); return; }
    const run = new URLSearchParams(window.location.search).get("run");
    const address = new URL(`search${run ? `?run=${encodeURIComponent(run)}` : ""}`, document.baseURI.split("?")[0]);
    window.history.pushState({}, "", address.href);
    window.dispatchEvent(new PopStateEvent("popstate"));
  };
  window.addEventListener("keydown", onKey, true);
  return () => window.removeEventListener("keydown", onKey, true);
}
"""


@st.cache_resource(show_spinner=False)
def _component():
    return st.components.v2.component("lmindexer_finder", html="<span></span>", js=_JS)


def box() -> None:
    """Draw the box; what is typed there is looked for on the page Search."""
    with st.container(key="find_box"):
        st.text_input(
            "Find", key="find", max_chars=200, placeholder="Find  (press /)", label_visibility="collapsed",
            on_change=_find, icon=":material/search:",
        )  # fmt: skip


def listen(leads: bool = True) -> None:
    """Let the key "/" lead to the box, or to the page where no box is shown; learn whether the window is narrow.

    leads: False where the app has no search.
    """
    data = {"narrow": narrow(), "leads": leads}
    _component()(key="finder", data=data, height="content", on_narrow_change=lambda: None)


def narrow() -> bool:
    """Whether the browser's window is as narrow as a phone's; False until it has said so."""
    return bool((st.session_state.get("finder") or {}).get("narrow", False))


def _find() -> None:
    wanted = st.session_state["find"].strip()
    if wanted:
        links.goto("search", q=wanted)
    st.session_state["find"] = ""
