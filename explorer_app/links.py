"""The state that a link carries: everything a page shows follows from the URL's query.

A widget that belongs to the state takes its value from the URL before it is drawn and writes it back when a person
changes it. So a link can be sent, and the browser's back button brings every widget back.
"""

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import streamlit as st

from explorer_app.escaped import md

KEPT = ("run", "with", "level")  # what goes along from page to page


def get(name: str, default: str = "") -> str:
    """A value of the URL's query."""
    return st.query_params.get(name, default)


def get_all(name: str) -> list[str]:
    """All values of a name that may occur several times."""
    return st.query_params.get_all(name)


def put(**values) -> None:
    """Write values into the URL; None or "" takes a name out."""
    for name, value in values.items():
        name = name.rstrip("_")
        if value in (None, "", []):
            st.query_params.pop(name, None)
        else:
            st.query_params[name] = [str(v) for v in value] if isinstance(value, list) else str(value)


def prefix() -> tuple[int, ...]:
    """The prefix in the URL ("3.17"), or () when there is none or it is no prefix."""
    return parse_prefix(get("prefix"))


def parse_prefix(text: str) -> tuple[int, ...]:
    """
    >>> parse_prefix("3.17"), parse_prefix("<b>"), parse_prefix("")
    ((3, 17), (), ())
    """
    parts = text.split(".") if text else []
    good = len(parts) <= 16 and all(part.isdecimal() and part.isascii() and len(part) < 9 for part in parts)
    return tuple(int(part) for part in parts) if good else ()


def query(**changes) -> dict:
    """The query of a link to another page: the run and what goes along, with changes (None takes out)."""
    kept = {name: get_all(name) for name in KEPT if get_all(name)}
    kept |= {name.rstrip("_"): value for name, value in changes.items()}
    return {
        name: [str(v) for v in value] if isinstance(value, list) else str(value)
        for name, value in kept.items()
        if value not in (None, "", [])
    }


def choose(
    label: str,
    options: Sequence,
    name: str,
    default,
    *,
    text: Callable = str,
    kind: str = "selectbox",
    where=st,
    said: bool = False,
    **more,
):
    """A choice that lives in the URL under `name`; what the URL says and is no option counts as the default.

    said: whether the page itself says so; otherwise it is said here.
    """
    options = list(options)
    by_name = {str(option): option for option in options}
    value = by_name.get(get(name), default if default in options else options[0])
    if get(name) and get(name) not in by_name and not said:
        not_here([get(name)], text(value))
    key = f"choice_{name}"
    st.session_state[key] = value
    draw = getattr(where, kind)
    if kind == "segmented_control":
        more.setdefault("required", True)
    draw(label, options, key=key, format_func=text, on_change=_store, args=(name, key, default), **more)
    return value


def not_here(names: Sequence[str], instead: str = "") -> None:
    """Say that a link asks for what is not there, and what is shown in its place."""
    if names:
        asked = ", ".join(f"**{md(one, 80)}**" for one in names)
        shown = f"; shown is **{md(instead, 80)}**" if instead else ""
        st.warning(f"The link asks for {asked}, which is not here{shown}.", icon=":material/search_off:")


def toggle(label: str, name: str, default: bool = False, where=st, **more) -> bool:
    """A switch that lives in the URL as 1 or 0."""
    value = {"1": True, "0": False}.get(get(name), default)
    key = f"choice_{name}"
    st.session_state[key] = value
    where.toggle(label, key=key, on_change=_store, args=(name, key, default), **more)
    return value


def words(label: str, name: str, where=st, **more) -> str:
    """A line of text that lives in the URL."""
    value, key = get(name)[:2000], f"choice_{name}"
    st.session_state[key] = value
    where.text_input(label, key=key, on_change=_store, args=(name, key, ""), max_chars=2000, **more)
    return value


LONGEST = 2000  # characters of a text that a link holds


def long_words(label: str, name: str, where=st, **more) -> str:
    """`words` for texts that may be pasted: one that is too long is cut and that is said, where `words` takes none."""
    value, key = get(name)[:LONGEST], f"choice_{name}"
    st.session_state[key] = value
    where.text_input(label, key=key, on_change=_store_cut, args=(name, key), **more)
    pasted = st.session_state.get(f"cut_{name}", (value, 0))
    if pasted[0] == value and pasted[1] > LONGEST:
        st.caption(f"The text has {pasted[1]:,} characters; its first {LONGEST:,} are read.")
    return value


def _store_cut(name: str, key: str) -> None:
    whole = st.session_state[key]
    st.session_state[f"cut_{name}"] = whole[:LONGEST], len(whole)
    put(**{name: whole[:LONGEST], "from": None})


def several(
    label: str, options: Sequence[str], name: str, where=st, default=(), kind: str = "multiselect", said=False, **more
) -> list[str]:
    """Several choices that live in the URL; `default` is chosen where the URL says nothing. `said` as in `choose`."""
    known, key = dict.fromkeys(get_all(name)), f"choice_{name}"
    value = [one for one in known if one in options] or list(default)
    if not said:
        not_here([one for one in known if one and one not in options])
    st.session_state[key] = value
    draw = getattr(where, kind)
    draw(label, list(options), key=key, on_change=_store, args=(name, key, list(default)), **more)
    return value


def number(name: str, low: int, high: int, default: int) -> int:
    """A whole number of the URL, kept within bounds."""
    text = get(name)
    return min(max(int(text), low), high) if text.isdecimal() and len(text) < 10 else default


def _store(name: str, key: str, default) -> None:
    value = st.session_state[key]
    if isinstance(value, bool):
        value = None if value == default else int(value)
    put(**{name: None if value == default else value, "from": None})


def address(page: str, query_of: dict) -> str:
    """Where a page of the app is, relative to the app.

    >>> address("prefixes", {"run": "a b", "prefix": "3.17"})
    'prefixes?run=a+b&prefix=3.17'
    """
    return f"{'./' if page == 'overview' else page}?{urlencode(query_of, doseq=True)}"


# For components that draw links of their own: the page changes as by one of Streamlit's links, without a new load.
FOLLOW = """
const follow = (event, link) => {
  if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  window.history.pushState({}, "", link.href);
  window.dispatchEvent(new PopStateEvent("popstate"));
};
"""


def page_link(page: str, label: str, icon: str | None = None, where=st, **changes) -> None:
    """A link to another page of the app that keeps the run; `label` is Markdown."""
    where.page_link(st.session_state["pages"][page], label=label, icon=icon, query_params=query(**changes))


def goto(page: str, **changes) -> None:
    """Ask for another page (or this one with another state) from a callback; `follow` does it."""
    st.session_state["goto"] = (page, query(**changes))


def follow_from_fragment() -> None:
    """Draw the whole page when a callback inside a fragment asked for another one: a fragment alone cannot go there."""
    if "goto" in st.session_state:
        st.rerun()


def follow(pages: dict) -> None:
    """Go where a callback asked to go."""
    wanted = st.session_state.pop("goto", None)
    if wanted is not None:
        st.switch_page(pages[wanted[0]], query_params=wanted[1])
