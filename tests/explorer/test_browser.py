"""The app in a real browser: charts, clicks, links, the back button, keyboard, upload, hostile words, screenshots.

Skipped where Debian's /usr/bin/chromium (or the one in LMINDEXER_CHROMIUM) is missing. Screenshots of the pages are
kept in artefacts/explorer, which git ignores.
"""

import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
import run_bundles

from explorer_app import context

CHROMIUM = os.environ.get("LMINDEXER_CHROMIUM", "/usr/bin/chromium")
APP = Path(context.__file__).with_name("app.py")
ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "explorer"
PATIENCE = 90_000  # milliseconds; the machine may be busy

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def address(fitted, tmp_path_factory):
    """Where the app listens, over the test bundles and a tiny trained run."""
    folder = run_bundles.write_all(tmp_path_factory.mktemp("runs"))
    fitted.save(folder / "tiny", progress=False)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", "--server.port", str(port), "--server.headless", "true"]
    log = tmp_path_factory.mktemp("log") / "app.log"
    with log.open("wb") as out:
        app = subprocess.Popen([*words, str(APP), "--", str(folder)], stdout=out, stderr=subprocess.STDOUT)
    try:
        _await_health(port, app, log)
        yield f"http://127.0.0.1:{port}/"
    finally:
        app.terminate()
        app.wait(20)


def _await_health(port: int, app, log: Path) -> None:
    until = time.monotonic() + 90
    while time.monotonic() < until:
        assert app.poll() is None, log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2) as answer:
                if answer.status == 200:
                    return
        except OSError:
            time.sleep(0.2)
    raise AssertionError(log.read_text())


@pytest.fixture(scope="module")
def chromium():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        options = ["--no-sandbox", "--use-gl=swiftshader", "--enable-unsafe-swiftshader"]
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        yield browser
        browser.close()


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
    done = "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    quiet = f"{done} && !document.querySelector('[data-testid=stSkeleton]')"
    tab.wait_for_function(quiet, timeout=PATIENCE)
    tab.wait_for_timeout(700)


def box_of(tab, place) -> dict:
    """Where something stands on the screen, after it was scrolled there."""
    place.scroll_into_view_if_needed()
    tab.wait_for_timeout(300)
    return place.bounding_box()


def in_link(tab, name: str) -> str | None:
    found = re.search(rf"[?&]{name}=([^&]*)", tab.url)
    return found[1] if found else None


def test_a_click_on_the_tree_goes_down_and_back_comes_up(page):
    page.visit("?run=good")
    page.locator("g.slice").nth(1).click()
    page.wait_for_url("**prefix=*")
    settle(page)
    assert re.fullmatch(r"\d", in_link(page, "prefix"))
    assert page.get_by_text("What lies under").count()
    page.go_back()
    settle(page)
    assert in_link(page, "prefix") is None and not page.get_by_text("What lies under").count()
    page.go_forward()
    settle(page)
    assert in_link(page, "prefix") and page.get_by_text("What lies under").count()


def test_a_click_on_a_bar_and_a_row_go_on_and_a_link_brings_the_same_page(page):
    page.visit("prefixes?run=good")
    page.locator("g.points g.point path").first.click(force=True)
    page.wait_for_url("**prefix=*")
    settle(page)
    prefix = in_link(page, "prefix")
    assert prefix and page.locator("h4").count()
    heading = page.locator("h4").first.inner_text()
    page.visit(f"prefixes?run=good&prefix={prefix}")
    assert page.locator("h4").first.inner_text() == heading
    table = box_of(page, page.locator("[data-testid=stDataFrame]").first)
    page.mouse.click(table["x"] + 18, table["y"] + 52)
    page.wait_for_url(f"**prefix={prefix}.*")
    page.visit("document?run=good")
    table = box_of(page, page.locator("[data-testid=stDataFrame]").first)
    page.mouse.click(table["x"] + 18, table["y"] + 52)
    page.wait_for_url("**doc=*")
    settle(page)
    assert page.get_by_text("Why this ID").count()
    page.go_back()
    settle(page)
    assert in_link(page, "doc") is None and page.get_by_text("Find a document above").count()


def test_links_of_the_sidebar_keep_the_run_and_the_keyboard_reaches_them(page):
    page.visit("?run=other")
    for _ in range(20):
        page.keyboard.press("Tab")
        if "Prefixes" in page.evaluate("document.activeElement.innerText || ''"):
            break
    page.keyboard.press("Enter")
    page.wait_for_url("**/prefixes*")
    settle(page)
    assert in_link(page, "run") == "other"


def test_a_search_is_in_the_link_and_back_takes_it_out(page):
    page.visit("prefixes?run=good")
    box = page.get_by_label("Search ids and titles")
    box.fill("saw")
    box.press("Enter")
    page.wait_for_url("**q=saw*")
    settle(page)
    assert in_link(page, "q") == "saw"
    page.go_back()
    settle(page)
    assert in_link(page, "q") is None and page.get_by_label("Search ids and titles").input_value() == ""


def test_a_cell_of_the_comparison_lists_its_documents(page):
    page.visit("compare?run=good&other=other")
    cells = box_of(page, page.locator(".heatmaplayer image").first)
    page.mouse.click(cells["x"] + cells["width"] * 0.1, cells["y"] + cells["height"] * 0.1)
    page.wait_for_url("**cell=*")
    settle(page)
    assert re.fullmatch(r"\d\.\d", in_link(page, "cell")) and page.get_by_text("Documents with").count()


def test_a_box_on_the_map_lists_documents(page):
    page.visit("map?run=good")
    plot = box_of(page, page.locator(".js-plotly-plot .nsewdrag").first)
    page.locator("[data-title='Box Select']").first.click()
    page.mouse.move(plot["x"] + 20, plot["y"] + 20)
    page.mouse.down()
    page.mouse.move(plot["x"] + plot["width"] - 20, plot["y"] + plot["height"] - 20, steps=6)
    page.mouse.up()
    page.get_by_text("150 documents selected").wait_for()


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
    (tmp_path / "things.csv").write_text("sku,name,body\n1,saw,cuts wood\n1,axe,fells trees\n", encoding="utf-8")
    page.visit("corpus?run=good")
    page.locator("input[type=file]").set_input_files(tmp_path / "things.csv")
    page.get_by_text("What the columns hold").wait_for()
    settle(page)
    said = page.locator("[data-testid=stAlert]").all_inner_texts()
    assert any("things.csv, row 3" in one for one in said), said
    page.get_by_text("Leave bad rows out").click()
    page.get_by_text("1 row was left out").wait_for()
    page.get_by_text("3. Train").wait_for()
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(64))
    page.visit("corpus?run=good")
    page.locator("input[type=file]").set_input_files(tmp_path / "picture.csv")
    page.locator("[data-testid=stAlert]", has_text="picture.csv").wait_for()


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (1920, "dark")])
def test_pages_fit_their_width_and_are_kept_as_pictures(chromium, address, width, scheme):
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    tab = chromium.new_context(viewport={"width": width, "height": 1000}, color_scheme=scheme).new_page()
    tab.set_default_timeout(PATIENCE)
    for path in ("", "prefixes", "document", "collapse", "map", "compare", "try", "corpus"):
        tab.goto(f"{address}{path}?run={'tiny' if path in ('try', 'document') else 'good'}&doc=d1&text=a+bird")
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
    assert len(list(ARTEFACTS.glob(f"*-{width}-{scheme}.png"))) == 8
