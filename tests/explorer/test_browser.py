"""The app in a real browser: charts, clicks, links, the back button, keyboard, upload, hostile words, screenshots.

Skipped where Debian's /usr/bin/chromium (or the one in LMINDEXER_CHROMIUM) is missing. Screenshots of the pages are
kept in artefacts/explorer, which git ignores.
"""

import re
import time
from pathlib import Path

import pytest
import run_bundles
from app_server import CHROMIUM, serving
from axe import AXE, serious

ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "explorer"
PATIENCE = 180_000  # milliseconds; the machine may be busy
QUIET = (
    "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
    " && !document.querySelector('[data-testid=stSkeleton]')"
)

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def address(fitted, tmp_path_factory):
    """Where the app listens, over the test bundles and a tiny trained run."""
    folder = run_bundles.write_all(tmp_path_factory.mktemp("runs"))
    fitted.save(folder / "tiny", progress=False)
    with serving(tmp_path_factory.mktemp("log") / "app.log", str(folder)) as (_, listening):
        yield listening


@pytest.fixture
def page(chromium, address):
    """A page of 1280 × 1000 with `visit(path)`; scripts from documents would set window.pwned."""
    tab = chromium.new_context(viewport={"width": 1280, "height": 1000}).new_page()
    tab.set_default_timeout(PATIENCE)
    tab.set_default_navigation_timeout(PATIENCE)
    tab.visit = lambda path: (tab.goto(address + path), tab.wait_for_selector("h1"), settle(tab))
    yield tab
    tab.context.close()


def settle(tab) -> None:
    """Wait until the server has answered and everything is drawn."""
    tab.wait_for_timeout(300)
    tab.wait_for_function(QUIET, timeout=PATIENCE)
    tab.wait_for_timeout(700)


def until(tab, sign, act=None, pause: int = 5_000) -> None:
    """Do `act` again and again until `sign()` holds; without one only wait for the sign.

    A click that comes before a chart listens is lost, so one click proves nothing. The act is repeated only when
    nothing has come of it for `pause` milliseconds and the server is not at work: a slow answer is waited for.
    """
    from playwright.sync_api import Error

    end = time.monotonic() + PATIENCE / 1000
    while True:
        try:
            if act is not None:
                act()
            if _comes(tab, sign, pause, end):
                return
        except Error as error:  # a place that was drawn anew under the mouse
            last = error
        else:
            last = None
        assert time.monotonic() < end, f"nothing came of it at {tab.url}: {last or 'no sign'}"


def _comes(tab, sign, pause: int, end: float) -> bool:
    soon = time.monotonic() + pause / 1000
    while time.monotonic() < end and (time.monotonic() < soon or not tab.evaluate(QUIET)):
        if sign():
            return True
        tab.wait_for_timeout(100)
    return sign()


def box_of(tab, place) -> dict:
    """Where something stands on the screen, after it was scrolled there and has come to rest."""
    place.scroll_into_view_if_needed()
    last, box = None, place.bounding_box()
    while box is None or box != last:
        tab.wait_for_timeout(250)
        last, box = box, place.bounding_box()
    return box


def point_and_click(tab, place, across: float = 0.5, down: float = 0.5, right: float = 0, below: float = 0) -> None:
    """Move the mouse onto a part of a place (shares of its size plus pixels), let the chart see it, and click."""
    box = box_of(tab, place)
    x, y = box["x"] + across * box["width"] + right, box["y"] + down * box["height"] + below
    tab.mouse.move(x - 3, y - 2)
    tab.mouse.move(x, y, steps=3)
    tab.wait_for_timeout(250)  # plotly answers clicks on what it knows to be under the mouse
    tab.mouse.click(x, y)


def open_first_row(tab, to: str) -> None:
    """Open the first row whose link holds `to`, by keyboard alone."""
    link = tab.locator(f"[data-testid=stMain] table a[href*='{to}']:visible").first  # a closed tab's links do not count
    link.focus()
    tab.keyboard.press("Enter")


NAME_IN_FOCUS = """(() => {
  let place = document.activeElement;
  while (place?.shadowRoot?.activeElement) place = place.shadowRoot.activeElement;
  return place.getAttribute("aria-label");
})()"""


def in_link(tab, name: str) -> str | None:
    found = re.search(rf"[?&]{name}=([^&]*)", tab.url)
    return found[1] if found else None


def test_a_click_on_the_tree_goes_down_and_back_comes_up(page):
    below = page.get_by_text("What lies under")
    page.visit("?run=good")
    part = page.locator(".tree > li > a").first
    until(page, lambda: in_link(page, "prefix") and below.count(), part.click)
    assert re.fullmatch(r"\d", in_link(page, "prefix"))
    page.go_back()
    until(page, lambda: in_link(page, "prefix") is None and not below.count())
    page.go_forward()
    until(page, lambda: in_link(page, "prefix") and below.count())


def test_the_sunburst_goes_down_too(page):
    page.visit("?run=good&shape=sunburst")
    slice_ = page.locator("g.slice").nth(1)
    until(page, lambda: in_link(page, "prefix"), lambda: point_and_click(page, slice_))


def test_arrows_walk_through_the_tree_say_what_is_there_and_enter_goes_down(page):
    page.visit("?run=good")
    page.locator(".tree > li > a").first.focus()
    codes = [page.evaluate(NAME_IN_FOCUS)]
    for key in ("ArrowDown", "ArrowRight", "ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
        codes.append(page.evaluate(NAME_IN_FOCUS))
    assert codes[4] == codes[1] != codes[0] and len(set(codes)) == 4, codes
    code = codes[1].partition(">")[0].removeprefix("<")
    assert f"<{code}>" in page.locator(".tip").inner_text() and "documents" in page.locator(".tip").inner_text()
    page.keyboard.press("Enter")
    until(page, lambda: in_link(page, "prefix") == code)


def test_the_overview_draws_its_first_view_without_a_drawing_library(page):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.visit("?run=good")
    assert page.locator(".tree a").count() > 4 and not [one for one in asked if "Plotly" in one]
    folded = page.locator("details", has_text="The same as figures")
    folded.locator("summary").click()  # once: a second click would fold it again
    until(page, lambda: page.locator(".js-plotly-plot").count() == 2)
    assert [one for one in asked if "Plotly" in one], "the name of the library's file has changed"


def test_a_click_on_a_bar_and_a_row_go_on_and_a_link_brings_the_same_page(page):
    heading = page.locator("h2", has_text="<")
    page.visit("prefixes?run=good")
    bar = page.locator("g.points g.point path").first
    until(page, lambda: in_link(page, "prefix") and heading.count(), lambda: point_and_click(page, bar))
    settle(page)
    prefix, said = in_link(page, "prefix"), heading.first.inner_text()
    page.visit(f"prefixes?run=good&prefix={prefix}")
    until(page, lambda: heading.first.inner_text() == said)
    until(page, lambda: (in_link(page, "prefix") or "").startswith(f"{prefix}."),
          lambda: open_first_row(page, f"prefix={prefix}."))  # fmt: skip
    page.visit("document?run=good")
    why = page.get_by_text("Why this ID")
    until(page, lambda: in_link(page, "doc") and why.count(), lambda: open_first_row(page, "doc="))
    page.go_back()
    until(page, lambda: in_link(page, "doc") is None and page.get_by_text("Find a document by the search").count())


def test_back_from_a_document_returns_to_its_prefix(page):
    page.visit("prefixes?run=good&prefix=1")
    heading = page.locator("h2", has_text="<")
    until(page, lambda: in_link(page, "doc"), lambda: open_first_row(page, "/document"))
    settle(page)
    page.go_back()
    until(page, lambda: in_link(page, "prefix") == "1" and heading.count())


def test_the_key_of_the_search_works_on_every_page_and_leads_to_the_exact_title(page):
    def look_for():
        page.keyboard.press("/")
        page.wait_for_timeout(200)
        page.keyboard.type("wood 4")
        page.keyboard.press("Enter")

    for path in ("", "collapse", "map"):
        page.visit(f"{path}?run=good")
        until(page, lambda: "/search" in page.url and in_link(page, "q"), look_for)


def test_open_it_leads_to_the_run_at_once(page):
    page.visit("corpus?run=other&job=good")
    button = page.get_by_role("button", name="Open it")
    until(page, lambda: in_link(page, "run") == "good" and "/corpus" not in page.url, button.click)


def test_links_of_the_sidebar_keep_the_run_and_the_keyboard_reaches_them(page):
    def tab_there_and_enter():
        for _ in range(20):
            page.keyboard.press("Tab")
            if "Prefixes" in page.evaluate("document.activeElement.innerText || ''"):
                return page.keyboard.press("Enter")

    page.visit("?run=other")
    until(page, lambda: "/prefixes" in page.url, tab_there_and_enter)
    until(page, lambda: in_link(page, "run") == "other")


def test_a_search_is_in_the_link_and_back_takes_it_out(page):
    def search():
        box = page.get_by_label("Search ids and titles")
        box.fill("")
        box.fill("saw")
        box.press("Enter")

    page.visit("prefixes?run=good")
    until(page, lambda: in_link(page, "q") == "saw", search)
    settle(page)
    page.go_back()
    until(page, lambda: in_link(page, "q") is None and page.get_by_label("Search ids and titles").input_value() == "")


def test_a_cell_of_the_comparison_lists_its_documents(page):
    page.visit("compare?run=good&other=other")
    cells, listed = page.locator(".heatmaplayer image").first, page.get_by_text("Documents with")
    until(page, lambda: in_link(page, "cell") and listed.count(), lambda: point_and_click(page, cells, 0.1, 0.1))
    assert re.fullmatch(r"\d\.\d", in_link(page, "cell"))


def test_a_selection_on_the_map_is_in_the_link_and_in_view(page):
    def draw_a_box():
        page.locator(".js-plotly-plot").first.hover(force=True)
        page.locator("[data-title='Box Select']").first.click()
        plot = box_of(page, page.locator(".js-plotly-plot .nsewdrag").first)
        page.mouse.move(plot["x"] + 20, plot["y"] + 20)
        page.mouse.down()
        page.mouse.move(plot["x"] + plot["width"] - 20, plot["y"] + plot["height"] - 20, steps=6)
        page.mouse.up()

    page.visit("map?run=good")
    heading = page.get_by_text("150 documents selected")
    until(page, heading.count, draw_a_box)
    settle(page)
    assert 0 <= heading.bounding_box()["y"] < 1000
    page.goto(page.url)
    until(page, heading.count)


@pytest.mark.parametrize("path", ["", "prefixes", "document", "collapse", "map", "compare", "try", "corpus"])
def test_hostile_words_do_nothing_but_stand_there(page, path):
    asked = []
    page.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    page.visit(f"{path}?run=hostile&doc=h1&prefix=1&text=%3Cscript%3Ewindow.pwned%3D1%3C%2Fscript%3E&q=script")
    for trace in page.locator(".js-plotly-plot").all()[:3]:
        trace.hover(force=True)
    page.wait_for_timeout(300)
    assert page.evaluate("window.pwned") is None and not asked
    assert not page.locator("[data-testid=stMain] img[onerror], [data-testid=stMain] a[href^='javascript']").count()
    if path == "document":
        assert page.get_by_text("# head **md** [x](javascript:window.pwned=1) $x^2$ :red[hi] `code`").count()


def test_upload_says_what_is_wrong_with_which_row_and_then_reads(page, tmp_path):
    def upload(name: str):
        return lambda: page.locator("input[type=file]").set_input_files(tmp_path / name)

    def said(words: str):
        return lambda: page.locator("[data-testid=stAlert]", has_text=words).count()

    (tmp_path / "things.csv").write_text("sku,name,body\n1,saw,cuts wood\n1,axe,fells trees\n", encoding="utf-8")
    page.visit("corpus?run=good")
    until(page, said("things.csv, row 3"), upload("things.csv"))
    assert page.get_by_text("What the columns hold").count()
    left_out = page.get_by_text("1 row was left out")
    until(page, left_out.count, lambda: page.get_by_text("Leave bad rows out", exact=True).click())
    until(page, page.get_by_text("3. Train").count)
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    page.visit("corpus?run=good")
    until(page, said("picture.csv"), upload("picture.csv"))


def text_of(tab) -> str:
    return tab.locator("[data-testid=stMain]").inner_text()


def test_an_id_is_found_and_the_search_has_a_second_page(page):
    page.visit("search?run=good&q=%3C1%3E%3C0%3E")
    until(page, page.locator("[data-testid=stMain] a[href*='prefix=1.0']").count)
    page.visit("search?run=good&q=wood")
    until(page, lambda: in_link(page, "from") == "20", page.get_by_role("button", name="Next").click)


def test_what_is_not_there_is_said_and_no_page_shows_a_traceback_or_leads_out(page):
    said = {"compare?run=good&other=nope": "no other run nope", "?run=nowhere": "no run nowhere"}
    said |= {"document?run=good&doc=none": "no document none", "corpus?run=good&job=good": "good is finished"}
    said |= {"prefixes?run=good&from=100000000": "141–150 of 150"}
    said |= {"prefixes?run=good&prefix=9.9": "no document of this run has an ID"}
    for path, sentence in said.items():
        page.visit(path)
        until(page, lambda sentence=sentence: sentence in text_of(page).replace("\n", " "))
        assert "Traceback" not in text_of(page) and "Curves appear after" not in text_of(page), path
        links = page.locator("a[href]").evaluate_all("found => found.map(one => one.href)")
        assert all(link.startswith("http://127.0.0.1") for link in links), path


def test_a_text_that_turns_the_line_does_not_turn_its_neighbours(page):
    page.visit("prefixes?run=hostile")
    cell = page.locator("[data-testid=stMain] table td").first
    assert cell.evaluate("cell => getComputedStyle(cell).unicodeBidi") == "isolate"
    cut = page.locator("td.long span.cut[role=button]").first  # a long text is cut and unfolds by a key
    cut.focus()
    page.keyboard.press("Enter")
    assert cut.get_attribute("aria-expanded") == "true"
    assert cut.evaluate("cut => cut.scrollHeight <= cut.clientHeight + 2")
    page.visit("document?run=hostile&doc=h3")
    text = page.locator("[data-testid=stText]").first
    assert text.evaluate("one => getComputedStyle(one).unicodeBidi") == "plaintext"


def test_the_numbers_of_a_figure_unfold_by_keyboard(page):
    page.visit("collapse?run=good")
    folded = page.get_by_text("The numbers of the figure").first
    table = page.locator("table[aria-label^='Perplexity over training']")

    def unfold():
        folded.locator("xpath=ancestor::summary").focus()
        page.keyboard.press("Enter")

    until(page, table.count, unfold)
    assert "position 1" in table.inner_text()


CONTRAST = """() => {
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const light = (rgb) => rgb.slice(0, 3).map((c) => c / 255).map((c) => c <= 0.04045 ? c / 12.92 :
    ((c + 0.055) / 1.055) ** 2.4).reduce((sum, c, n) => sum + c * [0.2126, 0.7152, 0.0722][n], 0);
  const back = parts(getComputedStyle(document.querySelector("[data-testid=stApp]")).backgroundColor);
  return [...document.querySelectorAll(".js-plotly-plot :is(.xtick, .ytick, .g-xtitle, .g-ytitle) text")].map((one) => {
    const style = getComputedStyle(one), opacity = Number(style.fillOpacity);
    const seen = parts(style.fill).slice(0, 3).map((c, n) => opacity * c + (1 - opacity) * back[n]);
    const [a, b] = [light(seen), light(back)].sort((x, y) => y - x);
    return (a + 0.05) / (b + 0.05);
  });
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_words_of_a_figures_axes_can_be_read(page, scheme):
    page.emulate_media(color_scheme=scheme)
    page.visit("collapse?run=good")
    until(page, page.locator(".js-plotly-plot .xtick text").count)
    contrasts = page.evaluate(CONTRAST)
    assert len(contrasts) > 10 and min(contrasts) >= 4.5, min(contrasts)


def test_a_group_of_the_map_opens_by_keyboard_and_codes_keep_their_colours(page):
    page.visit("map?run=good&by=position+1")
    colours = page.evaluate(
        "Object.fromEntries(document.querySelector('.js-plotly-plot')._fullData"
        ".filter(one => one.marker?.color && one.x?.length)"
        ".map(one => [one.name, one.marker.color + one.marker.symbol]))"
    )
    assert len(set(colours.values())) == len(colours) >= 4
    assert page.evaluate("document.querySelector('.js-plotly-plot').layout.dragmode") == "lasso"
    page.locator("summary", has_text="The groups of the map").click()
    until(page, lambda: in_link(page, "area") and "selected" in text_of(page), lambda: open_first_row(page, "area="))


def test_the_chosen_cell_is_framed_beside_its_documents_and_the_runs_are_swapped(page):
    page.visit("compare?run=good&other=other&cell=0.1")
    until(page, page.get_by_text("Documents with <0> in good and <1> in other").count)
    frames = page.evaluate(
        "[...document.querySelectorAll('.js-plotly-plot')].filter(one => one.data.some(is => is.type === 'heatmap'))"
        ".map(one => (one.layout.shapes || []).length)"
    )
    assert frames == [1], "one table of codes, one cell of it framed"
    swap = page.get_by_role("button", name="Swap the two")
    until(page, lambda: (in_link(page, "run"), in_link(page, "other")) == ("other", "good"), swap.click)


SEEN = ("", "search", "prefixes", "document", "collapse", "map", "compare", "try", "runs", "corpus", "studies")


@pytest.mark.skipif(not AXE.exists(), reason="no axe-core: npm install axe-core, or give its file by LMINDEXER_AXE")
def test_axe_finds_nothing_serious_on_any_page(page):
    for path in SEEN:
        page.visit(f"{path}?run=good&doc=d1&prefix=1&q=saw&text=a+bird{'&other=other' if path == 'compare' else ''}")
        assert not (found := serious(page)), (path, found)


@pytest.mark.parametrize(("width", "scheme"), [(390, "light"), (1280, "light"), (1920, "dark")])
def test_pages_fit_their_width_and_are_kept_as_pictures(chromium, address, width, scheme):
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    tab = chromium.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme).new_page()
    tab.set_default_timeout(PATIENCE)
    for path in SEEN:
        tab.goto(f"{address}{path}?q=saw&run={'tiny' if path in ('try', 'document') else 'good'}&doc=d1&text=a+bird")
        tab.wait_for_selector("h1")
        settle(tab)
        wide = tab.evaluate("(() => { const m = document.querySelector('[data-testid=stMain]');"
                            " return m.scrollWidth - m.clientWidth })()")  # fmt: skip
        assert wide <= 1, f"{path} is {wide} pixels too wide at {width}"
        assert not tab.locator("[data-testid=stException]").count(), path
        tall = tab.evaluate("document.querySelector('[data-testid=stMain]').scrollHeight")
        tab.set_viewport_size({"width": width, "height": min(tall + 20, 3600)})
        settle(tab)
        tab.screenshot(path=ARTEFACTS / f"{path or 'overview'}-{width}-{scheme}.png")
        tab.set_viewport_size({"width": width, "height": 1000})
    tab.context.close()
    assert len(list(ARTEFACTS.glob(f"*-{width}-{scheme}.png"))) == len(SEEN)
