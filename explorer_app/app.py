"""The entry script: `streamlit run explorer_app/app.py -- FOLDER …`."""

import traceback
from pathlib import Path

import streamlit as st

from explorer_app import finder, links, studies
from explorer_app.context import current_key, shelf
from explorer_app.escaped import md
from explorer_app.views import PAGES
from lmindexer.common.errors import LMIndexerError

FEW = 2  # runs that cannot be opened and are told at once
BROKEN = "This page met a fault of the program"


def sidebar(pages: dict, with_box: bool) -> None:
    """The run, the pages as links that keep it, and what could not be opened."""
    found = shelf()
    with st.sidebar:
        st.markdown("### Semantic ID explorer")
        if found.runs:
            links.choose(
                "Run", list(found.runs), "run", next(iter(found.runs)), said=True,
                help="Finished runs in the given folders",
            )  # fmt: skip
            if with_box:
                finder.box()
        for name, page in pages.items():
            query = links.query(run=links.get("run") or None, **_along(name))
            st.page_link(page, query_params=_study() if name in STUDY_PAGES else query)
        _broken(found.broken)


def _broken(runs: list) -> None:
    """What could not be opened and why; many are folded, so that they do not hide what can be."""
    if not runs:
        return
    place = st.container() if len(runs) <= FEW else st.expander(f"{len(runs)} runs cannot be opened",
                                                                icon=":material/warning:")  # fmt: skip
    for one in runs:
        place.warning(f"**{md(one.path.name)}** cannot be opened: {md(one.reason)}", icon=":material/warning:")


def _along(page: str) -> dict:
    """The prefix goes along between the pages that know prefixes."""
    return {"prefix": links.get("prefix") or None} if page in ("overview", "prefixes", "map") else {}


ICON = Path(__file__).with_name("icon.svg")  # a ":material/…:" one would be fetched from the network
# Pages about studies, where no run is chosen; annotators get the first alone, without a word about runs or IDs.
STUDY_PAGES = ("label", *(name for name, page in PAGES.items() if page.coordinator))


def _study() -> dict:
    return {name: links.get(name) for name in ("study", "as") if links.get(name)}


def shown_pages() -> dict:
    """The pages of this app: all, or only those about studies when it was started with --study=FILE."""
    if not studies.only():
        return PAGES
    return {name: PAGES[name] for name in STUDY_PAGES if name == "label" or studies.coordinator()}


def study_sidebar(pages: dict) -> None:
    """Beside a page about studies: the other such pages for who may see them, and the way back to the explorer."""
    with st.sidebar:
        st.markdown("### Human evaluation")
        for name in STUDY_PAGES:
            if name in pages:
                st.page_link(pages[name], query_params=_study())
        if "overview" in pages:
            st.page_link(pages["overview"], label="Back to the explorer", icon=":material/arrow_back:")


# Less empty space at the top and at the sides than Streamlit leaves; no data comes near this.
SPACE = """<style>
[data-testid="stMainBlockContainer"] { padding: 2.2rem 3rem 4rem; max-width: 1800px; }
[data-testid="stMainBlockContainer"] h1 { font-size: 2rem; padding: 0.4rem 0; }
[data-testid="stMainBlockContainer"] h2 { font-size: 1.5rem; padding: .8rem 0 .5rem; }
[data-testid="stMainBlockContainer"] h3 { font-size: 1.2rem; padding: .5rem 0 .4rem; }
[data-testid="stMetricValue"] { font-size: 1.4rem; }
[data-testid="stMetric"] { padding: 0.5rem 0; }
[data-testid="stSidebarHeader"] { height: 1.2rem; }
[data-testid="stCaptionContainer"], [data-testid="stCaptionContainer"] p { color: inherit !important; opacity: .9; }
.js-plotly-plot :is(.xtick, .ytick, .g-xtitle, .g-ytitle, .colorbar) text { fill: currentColor !important;
  fill-opacity: .85 !important; }
[data-testid="stMultiSelect"] [data-tag], [data-testid="stBaseButton-primary"],
[data-testid="stBaseButton-primaryFormSubmit"] { background-color: #005a8c; border-color: #005a8c; color: #fff; }
[data-testid="stButtonGroup"] [data-variant="segmented_control"] { min-height: 2.5rem; }
[data-testid="stPageLink"] p { white-space: normal; overflow: visible; }
[data-testid="stText"] { unicode-bidi: plaintext; overflow-wrap: anywhere; }
@media (max-width: 640px) {
  [data-testid="stMainBlockContainer"] { padding: 4rem .9rem 3rem; }
  [data-testid="stMainBlockContainer"] h1 { font-size: 1.5rem; }
  [data-testid="stMainBlockContainer"] h2 { font-size: 1.2rem; }
  [data-testid="stMainBlockContainer"] h3 { font-size: 1.05rem; }
  [data-testid="stHorizontalBlock"]:has([data-testid="stMetric"]) { flex-direction: row; flex-wrap: wrap; gap: .5rem; }
  [data-testid="stHorizontalBlock"]:has([data-testid="stMetric"]) > [data-testid="stColumn"] {
    flex: 1 1 calc(50% - .5rem); min-width: calc(50% - .5rem); }
  [data-testid="stHorizontalBlock"]:has([data-testid="stMetric"]) > [data-testid="stColumn"]:empty { display: none; }
  [data-testid="stMetricValue"] { font-size: 1.1rem; } }
</style>"""


def main() -> None:
    """Lay out the frame and run the chosen page."""
    title = "Labelling" if studies.only() else "Semantic ID explorer"
    st.set_page_config(page_title=title, page_icon=ICON, layout="wide")
    known = shown_pages()
    pages = {
        name: st.Page(page.render, title=page.title, icon=page.icon, url_path=name, default=name == next(iter(known)))
        for name, page in known.items()
    }
    st.html(SPACE)
    chosen = st.navigation(list(pages.values()), position="hidden")
    st.session_state["pages"] = pages
    links.follow(pages)
    if any(chosen is pages.get(name) for name in STUDY_PAGES):
        if len(pages) > 1:
            study_sidebar(pages)
        if chosen is not pages["label"]:  # whose screens have keys of their own and no figures
            finder.listen(leads="search" in pages)
        _run(chosen)
        return
    sidebar(pages, with_box=chosen is not pages["search"])
    finder.listen()
    if links.get("run") and links.get("run") not in shelf().runs:
        st.warning(
            f"There is no run **{md(links.get('run'), 80)}** in the folders; "
            f"shown is **{md(current_key() or 'none')}**.",
            icon=":material/search_off:",
        )
    _run(chosen)


def _run(page) -> None:
    """Run a page; what fails in it is said in a sentence, its traceback goes to the terminal."""
    try:
        page.run()
    except (LMIndexerError, OSError) as error:
        st.error(md(error, 600), icon=":material/error:")
    except Exception as error:
        traceback.print_exc()
        st.error(
            f"{BROKEN} ({md(type(error).__name__)}). The terminal that runs the explorer shows where; the other pages "
            "can be used meanwhile.", icon=":material/error:",
        )  # fmt: skip


main()
