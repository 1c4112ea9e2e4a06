"""Results and Adjudicate of the bundled demonstration in a real browser: nothing cut, nothing covered, two widths.

Skipped where Debian's /usr/bin/chromium (or the one in LMINDEXER_CHROMIUM) is missing. Screenshots are kept in
artefacts/results, which git ignores.
"""

from pathlib import Path

import pytest
import run_bundles
from app_server import CHROMIUM, serving
from axe import serious
from studies_for_tests import make

from lmindexer.human_eval.answering.demonstration import demonstration_file

ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "results"
PATIENCE = 120_000  # milliseconds; the machine may be busy
QUIET = (
    "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
    " && !document.querySelector('[data-testid=stSkeleton]')"
)
DEMONSTRATION = demonstration_file().stem
PAGES = ("results", "results?show=agreement", "results?show=annotators", "adjudicate")

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """Where the app listens, over a folder with another study, so that there is a choice beside the demonstration."""
    folder = tmp_path_factory.mktemp("runs")
    make(folder / "other.sqlite", per_method=1, annotators=2, overlap=2).close()
    with serving(tmp_path_factory.mktemp("log") / "app.log", str(folder)) as (_, listening):
        yield listening


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "dark")])
def test_nothing_is_cut_or_covered(chromium, address, width, scheme):
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    tab = chromium.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme).new_page()
    tab.set_default_timeout(PATIENCE)
    for page in PAGES:
        tab.goto(f"{address}{page}{'&' if '?' in page else '?'}study={DEMONSTRATION}")
        tab.locator("h1").wait_for()
        tab.wait_for_timeout(500)
        tab.wait_for_function(QUIET)
        tab.wait_for_timeout(1500)
        name = page.partition("=")[2] or page
        tab.screenshot(path=ARTEFACTS / f"{name}-{width}-{scheme}.png")
        over = tab.locator(".frame").evaluate_all("all => all.map(one => one.scrollWidth - one.clientWidth)")
        assert over or page == "adjudicate", f"no table on {page}"
        assert all(one <= 1 for one in over), f"a table of {page} is wider than its place at {width}: {over}"
        assert tab.evaluate("(m => m.scrollWidth - m.clientWidth)(document.querySelector('[data-testid=stMain]'))") <= 1
        box = tab.locator("[data-testid=stMainBlockContainer] label").first.bounding_box()  # of the choice of a study
        on_top = tab.evaluate("([x, y]) => !document.elementFromPoint(x, y).closest('[data-testid=stHeader]')",
                              [box["x"] + 4, box["y"] + 4])  # fmt: skip
        assert on_top, f"the header covers the first line of {page} at {width}"
        assert not (found := serious(tab)), (page, found)
    tab.context.close()


def test_words_are_not_broken_unless_they_are_very_long_and_long_labels_and_cells_are_cut(chromium, tmp_path):
    corpus = run_bundles.corpus_of(40)
    run_bundles.write(tmp_path, "short", corpus, run_bundles.ids_of(corpus))
    run_bundles.write(tmp_path, "r" * 120, corpus, run_bundles.ids_of(corpus, 1))
    with serving(tmp_path / "app.log", str(tmp_path)) as (_, address):
        tab = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
        tab.set_default_timeout(PATIENCE)
        tab.goto(f"{address}runs")
        method = tab.locator("table td", has_text="hierarchical").first
        method.wait_for()
        lines = method.evaluate("cell => { const all = document.createRange(); all.selectNodeContents(cell);"
                                " return all.getClientRects().length }")  # fmt: skip
        assert lines == 1, "a word of twelve letters is broken"
        tab.goto(f"{address}compare?run=short&other={'r' * 120}")
        table = tab.locator(".frame", has=tab.locator("th", has_text="rrrr")).first
        table.wait_for()
        assert table.evaluate("one => one.scrollWidth - one.clientWidth") <= 200
        head = tab.locator("th", has_text="rrrr").first.inner_text()
        assert head.endswith("…") and len(head) <= 62
        tab.context.close()


def test_figures_are_fitted_to_a_phone_here_too(chromium, address):
    tab = chromium.new_context(viewport={"width": 390, "height": 844}).new_page()
    tab.set_default_timeout(PATIENCE)
    tab.goto(f"{address}results?show=agreement&study={DEMONSTRATION}")
    tab.wait_for_function("document.querySelectorAll('.js-plotly-plot .xtitle tspan').length > 1")  # in two lines
    tab.context.close()
