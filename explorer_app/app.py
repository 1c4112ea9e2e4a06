"""The entry script: `streamlit run explorer_app/app.py -- FOLDER …`."""

import streamlit as st

from explorer_app import links
from explorer_app.context import current_key, shelf
from explorer_app.show import md
from explorer_app.views import PAGES


def sidebar(pages: dict) -> None:
    """The run, the pages as links that keep it, and what could not be opened."""
    found = shelf()
    with st.sidebar:
        st.markdown("### Semantic ID explorer")
        if found.runs:
            links.choose(
                "Run", list(found.runs), "run", next(iter(found.runs)), help="Finished runs in the given folders"
            )
        for name, page in pages.items():
            st.page_link(page, query_params=links.query(run=links.get("run") or None, **_along(name)))
        for broken in found.broken:
            st.warning(f"**{md(broken.path.name)}** cannot be opened: {md(broken.reason)}", icon=":material/warning:")


def _along(page: str) -> dict:
    """The prefix goes along between the pages that know prefixes."""
    return {"prefix": links.get("prefix") or None} if page in ("overview", "prefixes", "map") else {}


# Less empty space at the top and at the sides than Streamlit leaves; no data comes near this.
SPACE = """<style>
[data-testid="stMainBlockContainer"] { padding: 2.2rem 3rem 4rem; max-width: 1800px; }
[data-testid="stMainBlockContainer"] h1 { font-size: 2rem; padding: 0.4rem 0; }
[data-testid="stMetricValue"] { font-size: 1.4rem; }
[data-testid="stMetric"] { padding: 0.5rem 0; }
[data-testid="stSidebarHeader"] { height: 1.2rem; }
</style>"""


def main() -> None:
    """Lay out the frame and run the chosen page."""
    st.set_page_config(page_title="Semantic ID explorer", page_icon=":material/account_tree:", layout="wide")
    pages = {
        name: st.Page(page.render, title=page.TITLE, icon=page.ICON, url_path=name, default=name == "overview")
        for name, page in PAGES.items()
    }
    st.html(SPACE)
    chosen = st.navigation(list(pages.values()), position="hidden")
    links.follow(pages)
    sidebar(pages)
    if links.get("run") and links.get("run") not in shelf().runs:
        st.warning(
            f"There is no run **{md(links.get('run'), 80)}** in the folders; "
            f"shown is **{md(current_key() or 'none')}**.",
            icon=":material/search_off:",
        )
    chosen.run()


main()
