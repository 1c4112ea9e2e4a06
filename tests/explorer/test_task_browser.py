"""The pages of task models in a real browser, on the bundled runs: a lost user, the way down, a query that went wrong.

Skipped where Debian's /usr/bin/chromium (or the one in LMINDEXER_CHROMIUM) is missing.
"""

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from app_server import CHROMIUM, serving
from axe import serious

from lmindexer.datasets import samples_folder

PATIENCE = 180_000  # milliseconds; the machine may be busy

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A page of the app over the bundled runs; scripts of documents would have raised."""
    from playwright.sync_api import expect, sync_playwright

    expect.set_options(timeout=PATIENCE)
    log = tmp_path_factory.mktemp("log") / "app.log"
    with serving(log, str(samples_folder() / "runs")) as (_, address), sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_context(viewport={"width": 1280, "height": 1000}, base_url=address).new_page()
        tab.set_default_timeout(PATIENCE)
        yield tab
        browser.close()


def in_link(tab, name: str) -> str | None:
    return parse_qs(urlsplit(tab.url).query).get(name, [None])[0]


def table(tab, says: str):
    return tab.locator(f"table[aria-label='{says}']")


def test_a_lost_user_is_picked_and_the_way_is_shown(page):
    from playwright.sync_api import expect

    page.goto("recommend?run=attack&model=attack-recommend-0&beam=1")
    page.get_by_role("button", name="One that was lost").click()
    expect(page.get_by_text("was lost at").first).to_be_visible()
    assert in_link(page, "user") and in_link(page, "beam") == "1"
    expect(page.get_by_role("heading", name="The way down the tree")).to_be_visible()
    expect(page.locator(".js-plotly-plot").first).to_be_visible()
    expect(table(page, "Recommendations").locator("tbody tr")).to_have_count(10)
    beside = table(page, "Documents by exact score and by the beam").locator("tbody tr", has_text="★")
    expect(beside).to_contain_text("lost")
    assert not serious(page)


def test_a_model_without_ids_shows_those_of_the_chosen_run(page):
    from playwright.sync_api import expect

    page.goto("recommend?run=attack&model=attack-knn&user=G0007+APT28")
    expect(table(page, "Recommendations").locator("thead")).to_contain_text("ID of attack")
    expect(table(page, "Recommendations").locator("tbody tr").first).to_contain_text("><")


def test_a_query_of_the_results_leads_to_its_way_and_back(page):
    from playwright.sync_api import expect

    page.goto("runs")
    table(page, "Runs of task models").get_by_role("link", name="attack-recommend-1").click()
    expect(table(page, "Methods by metrics").locator("tr.chosen")).to_contain_text("Generative, LMIndexer IDs")
    assert in_link(page, "model") == "attack-recommend-1"
    first = table(page, "Queries, the earliest lost first").locator("tbody tr a").first
    user = first.inner_text()
    first.click()
    expect(page.get_by_role("heading", name=f"The history of {user}")).to_be_visible()
    assert (in_link(page, "user"), in_link(page, "model")) == (user, "attack-recommend-1")
    expect(page.get_by_text("was lost at position 1").first).to_be_visible()
    page.go_back()
    expect(table(page, "Methods by metrics").locator("tbody tr").first).to_be_visible()
    assert not serious(page)


def test_a_search_query_of_the_results_leads_to_the_text_with_its_right_document(page):
    from playwright.sync_api import expect

    page.goto("methods?run=attack&task=retrieval&model=attack-search&beam=5")
    table(page, "Queries, the earliest lost first").locator("tbody tr a").first.click()
    expect(page.get_by_text("This is a test query with").first).to_be_visible()
    expect(page.get_by_role("heading", name="The way down the tree")).to_be_visible()
    assert in_link(page, "scorer") == "attack-search" and not serious(page)


def test_the_choices_of_the_results_stand_in_one_line(page):
    from playwright.sync_api import expect

    page.goto("methods?run=attack")
    expect(table(page, "Methods by metrics").locator("tbody tr").first).to_be_visible()
    main = page.locator("[data-testid=stMain]")
    places = [main.locator(f"[data-testid={kind}]").first for kind in ("stSelectbox", "stButtonGroup")]
    labels = [place.locator("label").first.bounding_box()["y"] for place in places]
    assert labels[0] == pytest.approx(labels[1], abs=1)
