"""The tree of IDs as nested lists of links: a picture that the browser draws itself, and keys and screen readers read.

Plotly's icicle looks alike but cannot be reached by keys, and reading plotly takes a browser more than a second; the
first page that a person sees does without it. Every part has an address; the height of a part is its share of the
documents, its colour that of its leading category. Words of documents are set as text and never read as markup.
"""

import pandas as pd
import streamlit as st

from explorer_app import links
from lmindexer.common.palette import text_on
from lmindexer.plots.style import one_line
from lmindexer.plots.tree_words import colour_of, label_of, legend_of, lines_of

HEIGHT = 760  # pixels of the whole picture
READABLE = 15  # pixels of a part from which its words stand on it


def show(nodes: pd.DataFrame, prefix: tuple[int, ...], names: dict, says: str) -> None:
    """Draw two levels of a tree below `prefix`; a press on a part goes down into it.

    Args:
        nodes: as `browse.prefixes.tree(run, prefix, depth=2)` gives them; the first is the prefix itself.
        names: {node id such as "3.17": key words}.
        says: what the picture is, for a screen reader.
    """
    whole = max(int(nodes["documents"].iloc[0]), 1)
    parts = [_part(node, whole, len(prefix), names) for node in nodes.iloc[1:].itertuples()]
    legend = [{"name": one_line(name, 30), "colour": colour} for name, colour in legend_of(nodes.iloc[1:])]
    heads = [f"code {t}" for t in sorted(set(nodes["length"].iloc[1:]))]
    data = {"parts": parts, "legend": legend, "heads": heads, "says": says, "height": HEIGHT}
    _component()(key="tree_picture", data=data, height="content")


def _part(node, whole: int, top: int, names: dict) -> dict:
    colour, label = colour_of(node, top), label_of(node, names, 6, 90)
    said = [*lines_of(node, names), f"{node.documents:,} documents, {node.documents / whole:.1%} of those shown"]
    rest = node.id.endswith(".rest")
    goal = node.id.removesuffix(".rest").removeprefix("all")
    beyond = rest and node.length == top + 1  # what has no room here is listed on the page of the prefix
    return {
        "inside": node.parent if node.length > top + 1 else "", "id": node.id, "documents": int(node.documents),
        "colour": colour, "ink": text_on(colour), "label": label, "said": said,
        "shown": node.documents / whole * HEIGHT >= READABLE,
        "address": links.address("prefixes" if beyond else "overview", links.query(prefix=goal)),
    }  # fmt: skip


@st.cache_resource(show_spinner=False)
def _component():
    return st.components.v2.component("lmindexer_tree_picture", html=_HTML, css=_CSS, js=links.FOLLOW + _JS)


_HTML = """
<div class="heads" aria-hidden="true"></div><ul class="tree"></ul><ul class="legend"></ul><div class="tip" hidden></div>
"""
_CSS = """
:host, div, ul { font-family: var(--st-font); color: var(--st-text-color); }
ul { list-style: none; margin: 0; padding: 0; }
.heads { display: flex; font-size: .8rem; opacity: .9; padding-bottom: .2rem; }
.heads span { flex: 1; }
.tree { display: flex; flex-direction: column; border-radius: .3rem; overflow: hidden; }
.tree li { display: flex; min-height: 0; overflow: hidden; }
.tree > li { border-top: 1px solid var(--st-background-color); }
.tree ul { flex: 1; display: flex; flex-direction: column; margin-inline-start: 1px; min-width: 0; }
.tree a { flex: 1; min-width: 0; padding: 0 .5rem; font-size: .8125rem; line-height: 15px; text-decoration: none;
  white-space: nowrap; overflow: hidden; text-overflow: ellipsis; unicode-bidi: plaintext; box-sizing: border-box; }
.tree ul li.shown { border-top: 1px solid color-mix(in srgb, var(--st-background-color) 60%, transparent); }
.tree a:hover { filter: brightness(1.12); }
.tree a:focus-visible { outline: 3px solid var(--st-text-color); outline-offset: -3px; box-shadow: inset 0 0 0 5px
  var(--st-background-color); }
.tip { position: fixed; z-index: 9; pointer-events: none; max-width: min(24rem, 90vw); padding: .4rem .6rem;
  border-radius: .3rem; font-size: .8125rem; background: var(--st-secondary-background-color);
  border: 1px solid var(--st-border-color); box-shadow: 0 2px 8px rgba(0, 0, 0, .3); }
.tip div { unicode-bidi: isolate; overflow-wrap: anywhere; }
.tip div:first-child { font-weight: 600; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; padding-top: .5rem; font-size: .8125rem; }
.legend i { display: inline-block; width: .7rem; height: .7rem; border-radius: .15rem; margin-inline-end: .35rem; }
"""
_JS = """
export default function ({ data, parentElement }) {
  const at = (place) => parentElement.querySelector(place);
  const [heads, tree, tip, legend] = [".heads", ".tree", ".tip", ".legend"].map(at);
  const make = (name, text) => Object.assign(document.createElement(name), { textContent: text ?? "" });
  const wasIn = tree.contains(tree.getRootNode().activeElement);
  heads.replaceChildren(...data.heads.map((head) => make("span", head)));
  legend.replaceChildren(...data.legend.map(({ name, colour }) => {
    const entry = make("li"), square = make("i");
    square.style.background = colour;
    entry.append(square, name);
    return entry;
  }));
  tree.replaceChildren();
  tree.setAttribute("aria-label", data.says);
  tree.style.height = `${data.height}px`;
  const lists = { "": tree }, parts = new Map();
  for (const part of data.parts) {
    const item = make("li"), link = make("a", part.shown ? part.label : "");
    item.style.flex = `${part.documents} 0 0`;
    if (part.shown) item.className = "shown";
    link.style.background = part.colour;
    link.style.color = part.ink;
    link.style.paddingTop = part.shown ? "1px" : "0";
    link.href = new URL(part.address, document.baseURI.split("?")[0]).href;
    link.setAttribute("aria-label", [part.label, ...part.said.slice(1)].join(", "));
    link.tabIndex = -1;
    parts.set(link, part.said);
    item.append(link);
    const into = lists[part.inside] ??= (() => {
      const list = make("ul");
      lists[`item ${part.inside}`].append(list);
      return list;
    })();
    into.append(item);
    lists[`item ${part.id}`] = item;
  }
  const first = tree.querySelector("a");
  if (first) first.tabIndex = 0;  // one stop of the key Tab; the arrows go on from there
  const partOf = (event) => event.target.closest?.("a");
  const hide = () => { tip.hidden = true; };
  const tell = (event) => {
    const link = partOf(event);
    if (!link) return hide();
    tip.replaceChildren(...parts.get(link).map((line) => make("div", line)));
    tip.hidden = false;
    const box = link.getBoundingClientRect(), mouse = event.type === "pointermove";
    const [x, y] = mouse ? [event.clientX + 14, event.clientY + 14] : [box.left + 24, box.bottom + 4];
    tip.style.left = `${Math.max(4, Math.min(x, window.innerWidth - tip.offsetWidth - 8))}px`;
    tip.style.top = `${Math.max(4, Math.min(y, window.innerHeight - tip.offsetHeight - 8))}px`;
  };
  const level = (link) => [...tree.querySelectorAll(link.closest("ul") === tree ? ":scope > li > a" : "ul a")];
  const onKey = (event) => {
    const link = partOf(event);
    if (event.key === "Escape") return hide();
    if (!link || event.ctrlKey || event.metaKey || event.altKey) return;
    const among = level(link), place = among.indexOf(link);
    const to = {
      ArrowDown: among[place + 1], ArrowUp: among[place - 1], Home: among[0], End: among.at(-1),
      ArrowRight: link.nextElementSibling?.querySelector("a"),
      ArrowLeft: link.closest("ul").previousElementSibling,
    }[event.key];
    if (to?.tagName !== "A") return;
    event.preventDefault();
    link.tabIndex = -1;
    to.tabIndex = 0;
    to.focus();
  };
  tree.onclick = (event) => { if (partOf(event)) { hide(); follow(event, partOf(event)); } };
  for (const link of parts.keys()) Object.assign(link, { onfocus: tell, onblur: hide });
  tree.onpointermove = tell;
  tree.onpointerleave = hide;
  tree.onkeydown = onKey;
  if (wasIn) first?.focus();  // whoever went down by a key goes on from there
}
"""
