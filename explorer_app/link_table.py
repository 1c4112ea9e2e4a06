"""Tables whose rows lead somewhere: real links in a real table, for keys, fingers, screen readers and mice alike.

Streamlit's own table is a picture on a canvas: its rows open by a small box at their left edge and by nothing else. The
rows here have addresses, so a person can tab to them, open them in another window, and come back by the browser's
button. Words are set as text by the browser and never read as markup.
"""

from dataclasses import asdict, dataclass

import pandas as pd
import streamlit as st

from explorer_app import links


@dataclass(frozen=True)
class Column:
    """How a column of the frame is shown.

    Attributes:
        name: of the column in the frame.
        label: what stands above it.
        kind: "text", "long" (cut at two lines, unfolded by a press), "code" (an ID), "number" or "bar" (a number
            behind a bar).
        places: decimal places of a number; a bar has two where nothing else is said.
        most: the number at which a bar is full.
        help: shown when the label is pointed at or focused; plain text.
        narrow: whether the column is left out where the screen is narrow.
    """

    name: str
    label: str
    kind: str = "text"
    places: int | None = None
    help: str = ""
    narrow: bool = False
    most: float = 1.0


def show(frame: pd.DataFrame, columns: list[Column], key: str, says: str, link=None, chosen: int | None = None) -> None:
    """Draw the table; `link(place)` gives (page, query) of a row's address, or None for a row without one.

    Args:
        columns: the first one that is no number carries the link.
        says: what the table is, for a screen reader.
        chosen: the place of a row to mark.
    """
    rows = [[_cell(value, column) for value, column in zip(row, columns, strict=True)]
            for row in frame[[column.name for column in columns]].itertuples(index=False)]  # fmt: skip
    targets = [link(place) if link else None for place in range(len(frame))]
    addresses = [links.address(*target) if target else None for target in targets]
    first = next((n for n, column in enumerate(columns) if column.kind not in ("number", "bar")), 0)
    data = {"columns": [asdict(column) for column in columns], "rows": rows, "addresses": addresses}
    data |= {"first": first, "says": says, "chosen": chosen}
    _component()(key=f"table_{key}", data=data, height="content")


def _cell(value, column: Column):
    if value is None or value is pd.NA or (isinstance(value, float) and value != value):
        return None
    if column.kind in ("number", "bar"):
        places = (2 if column.kind == "bar" else 0) if column.places is None else column.places
        number = round(float(value), places) + 0.0  # never "-0.00"
        return {"value": number, "shown": f"{number:,.{places}f}".replace("-", "−")}
    return {"value": str(value).lower()[:80], "shown": str(value)}


@st.cache_resource(show_spinner=False)
def _component():
    return st.components.v2.component("lmindexer_link_table", html=_HTML, css=_CSS, js=links.FOLLOW + _JS)


_HTML = '<div class="frame"><table></table></div>'
_CSS = """
.frame { overflow-x: auto; max-height: 30rem; overflow-y: auto; border: 1px solid var(--st-border-color);
  border-radius: .5rem; }
table { border-collapse: collapse; width: 100%; font-size: .875rem; font-family: var(--st-font);
  color: var(--st-text-color); }
th { position: sticky; top: 0; background: var(--st-secondary-background-color); text-align: start; padding: 0;
  font-weight: 400; z-index: 1; vertical-align: bottom; }
th button { all: unset; cursor: pointer; padding: .45rem .6rem; display: block; width: 100%; box-sizing: border-box; }
th.number button { text-align: end; }
td { padding: .4rem .6rem; border-top: 1px solid var(--st-border-color-light, var(--st-border-color));
  vertical-align: top; unicode-bidi: isolate; max-width: 34rem; }
.broken { overflow-wrap: anywhere; min-width: 6rem; }
td.number { text-align: end; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.code { white-space: nowrap; font-variant-numeric: tabular-nums; }
td.long { min-width: 12rem; overflow-wrap: anywhere; }
td > span.cut, td > a { display: -webkit-box; -webkit-box-orient: vertical; overflow: hidden; }
td > span.cut { -webkit-line-clamp: 2; }
td > a { -webkit-line-clamp: 4; width: fit-content; }
td > span.cut[role="button"] { cursor: pointer; }
td > span.cut[aria-expanded="true"] { display: block; }
tr.linked:hover td, tr.chosen td { background: var(--st-secondary-background-color); }
tr.chosen td:first-child { box-shadow: inset 3px 0 var(--st-primary-color); }
a { color: var(--st-link-color); text-decoration: underline; text-underline-offset: 2px; }
a:focus-visible, th button:focus-visible, td span:focus-visible {
  outline: 2px solid var(--st-primary-color); outline-offset: -2px;
  border-radius: .2rem; }
.bar { display: inline-block; width: 4.5rem; height: .5rem; border-radius: .25rem; margin-inline-end: .4rem;
  background: linear-gradient(to right, var(--st-primary-color) var(--share),
    var(--st-border-color) var(--share)); }
table:has(th:nth-child(7)) .bar { width: 1.8rem; }
@media (max-width: 640px) {
  .narrow { display: none; }
  .bar { width: 2rem; }
  td, th button { padding-inline: .4rem; }
  .broken { min-width: 4.2rem; }
  td.long { min-width: 9rem; } }
"""
_JS = """
const LONG_WORD = /\\S{17}/;  // a word that may be broken; others are not, however narrow the screen
const CUT = 200, HEAD = 60;  // characters from which a cell is cut at two lines, and a label at its end
export default function ({ data, parentElement }) {
  const table = parentElement.querySelector("table");
  const make = (name, className, text) => {
    const made = document.createElement(name);
    if (className) made.className = className;
    if (text !== undefined) made.textContent = text;
    return made;
  };
  const cellOf = (found, column, address) => {
    const numeric = ["number", "bar"].includes(column.kind);
    const cell = make("td", `${numeric ? "number" : column.kind}${column.narrow ? " narrow" : ""}`);
    const shown = found === null ? "–" : found.shown;
    if (!numeric && LONG_WORD.test(shown)) cell.classList.add("broken");
    if (column.kind === "bar" && found !== null) {
      const bar = make("span", "bar");
      bar.style.setProperty("--share", `${100 * Math.min(Math.max(found.value / column.most, 0), 1)}%`);
      cell.append(bar);
    }
    if (address) {
      const link = make("a", "", shown || "(no title)");
      link.href = new URL(address, document.baseURI.split("?")[0]).href;
      link.addEventListener("click", (event) => follow(event, link));
      cell.append(link);
    } else cell.append(column.kind === "long" || shown.length > CUT ? make("span", "cut", shown) : shown);
    return cell;
  };
  const unfoldable = (cut) => {  // a text that is cut can be read whole: by mouse, finger and key
    cut.setAttribute("role", "button");
    cut.setAttribute("aria-expanded", "false");
    cut.tabIndex = 0;
    const turn = () => cut.setAttribute("aria-expanded", cut.getAttribute("aria-expanded") === "false");
    cut.addEventListener("click", turn);
    cut.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      turn();
    });
  };
  let order = data.rows.map((_, place) => place);
  let sorted = { column: null, down: false };
  const draw = () => {
    table.replaceChildren();
    table.setAttribute("aria-label", data.says);
    const head = make("tr");
    data.columns.forEach((column, number) => {
      const numeric = ["number", "bar"].includes(column.kind);
      const place = make("th", `${numeric ? "number" : ""}${column.narrow ? " narrow" : ""}`);
      place.scope = "col";
      const sign = sorted.column === number ? (sorted.down ? " ↓" : " ↑") : "";
      const label = column.label.length > HEAD ? `${column.label.slice(0, HEAD)}…` : column.label;
      const button = make("button", LONG_WORD.test(label) ? "broken" : "", label + sign);
      button.type = "button";
      button.title = column.help || `Sort by ${column.label}`;
      if (sorted.column === number) place.setAttribute("aria-sort", sorted.down ? "descending" : "ascending");
      button.addEventListener("click", () => {
        sorted = { column: number, down: sorted.column === number ? !sorted.down : numeric };
        const of = (row) => data.rows[row][number]?.value ?? (numeric ? -Infinity : "");
        order.sort((a, b) => {
          const x = of(a), y = of(b);
          return (x < y ? -1 : x > y ? 1 : a - b) * (sorted.down ? -1 : 1);
        });
        draw();
        table.querySelectorAll("th button")[number].focus();
      });
      place.append(button);
      head.append(place);
    });
    const top = make("thead");
    top.append(head);
    const body = make("tbody");
    for (const row of order) {
      const address = data.addresses[row];
      const line = make("tr", `${address ? "linked" : ""}${row === data.chosen ? " chosen" : ""}`);
      data.rows[row].forEach((found, number) => {
        line.append(cellOf(found, data.columns[number], number === data.first ? address : null));
      });
      body.append(line);
    }
    table.append(top, body);
    const frame = parentElement.querySelector(".frame");
    if (frame.scrollHeight > frame.clientHeight + 2 || frame.scrollWidth > frame.clientWidth + 2) frame.tabIndex = 0;
    for (const cut of table.querySelectorAll("td > span.cut")) {
      if (cut.scrollHeight > cut.clientHeight + 2) unfoldable(cut);
    }
  };
  draw();
}
"""
