"""Labelling in a real browser: a whole study by keyboard, undo, reload, two annotators, hostile words, a phone's width.

Skipped where Debian's /usr/bin/chromium (or the one in LMINDEXER_CHROMIUM) is missing. Every wait is for the number of
the question shown; no act is repeated that could answer twice. Screenshots are kept in artefacts/labelling, which git
ignores.
"""

import re
import shutil
import signal
from pathlib import Path

import pytest
import run_bundles
from app_server import CHROMIUM, serving
from axe import serious
from studies_for_tests import corpus_of, make

from lmindexer.corpus.corpus import Corpus
from lmindexer.human_eval import SKIP_REASONS, TYPES, Study

ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "labelling"
PATIENCE = 90_000  # milliseconds; the machine may be busy
SMALL = {"annotators": 2, "overlap": 2, "repeats": 0, "gold": 0}
MAIN = "document.querySelector('[data-testid=stMain]')"
HEADING = f"{MAIN}?.querySelector('h1')"

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason=f"no browser at {CHROMIUM}: apt-get install chromium"),
]


def hostile_corpus() -> Corpus:
    """Documents whose titles and texts are scripts, Markdown, emoji, right-to-left words and very long ones."""
    records, words = corpus_of().frame.to_dict("records"), [*run_bundles.HOSTILE[:4], "x" * 3000, "**A** <b>b</b>"]
    for number, record in enumerate(records):
        record |= {"title": words[number % 6], "text": f"{words[number // 6 % 6]} {words[(number + 1) % 6]} {number}"}
    return Corpus.from_records(records, name="hostile")


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """The studies, before anybody answered."""
    folder = tmp_path_factory.mktemp("studies")
    make(folder / "pilot.sqlite", per_method=1, **SMALL).close()
    make(folder / "hostile.sqlite", corpus=hostile_corpus(), per_method=1, **SMALL).close()
    make(folder / "locked.sqlite", password="open sesame", per_method=1, **SMALL).close()
    return folder


@pytest.fixture(scope="module")
def served(kept, tmp_path_factory):
    """The folder of the studies that the app shows, and its address."""
    folder = tmp_path_factory.mktemp("served")
    names = ("one", "undo", "reload", "two", "hostile", "locked", "comment", "fast", "phone", "tabs")
    for name in names:
        source = kept / f"{name if name in ('hostile', 'locked') else 'pilot'}.sqlite"
        shutil.copy(source, folder / f"{name}.sqlite")
    words = [f"--study={folder / name}.sqlite" for name in names]
    with serving(tmp_path_factory.mktemp("log") / "app.log", *words) as (_, address):
        yield folder, address


@pytest.fixture
def annotator(chromium, served):
    """annotator(study, name) -> a tab in a browser of its own, signed in by keyboard, at the first question."""
    open_, (_, address) = [], served

    def sign_in(study: str, name: str | None = None, path: str = "", **options):
        options = {"viewport": {"width": 1280, "height": 900}} | options
        tab = chromium.new_context(**options).new_page()
        open_.append(tab)
        tab.set_default_timeout(PATIENCE)
        tab.set_default_navigation_timeout(PATIENCE)
        tab.goto(f"{path or address}?study={study}")
        box = tab.get_by_role("textbox", name="Your name")
        box.wait_for()
        if name is not None:
            box.fill(name)
            box.press("Enter")
            at(tab, 1)
        return tab

    yield sign_in
    for tab in open_:
        tab.context.close()


def at(tab, number: int) -> None:
    """Wait until this question is shown, has been announced, and takes answers."""
    begins = f"startsWith('Question {number} of ')"
    tab.wait_for_function(f"{HEADING}?.innerText.{begins} && window.lmindexerLabelling?.says.{begins}")
    ready(tab)


def finished(tab) -> None:
    """Wait until there are no more questions."""
    tab.wait_for_function(f"{HEADING}?.innerText === 'All done, thank you'")


def ready(tab) -> None:
    """Wait until the screen has settled: the script has run, and the moments without an answer are over."""
    tab.wait_for_function(
        "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning' &&"
        " window.lmindexerLabelling && performance.now() > window.lmindexerLabelling.until + 50 &&"
        " !document.querySelector('[data-stale=true]')"
    )


def total(tab) -> int:
    return int(re.fullmatch(r"Question \d+ of (\d+)", tab.locator("h1").inner_text())[1])


def given(served, study: str):
    with Study.open(served[0] / f"{study}.sqlite") as opened:
        return opened.answers(early="test").sort_values(["annotator", "place"])


def test_a_whole_study_by_keyboard_alone(annotator, served):
    tab = annotator("one", "Ada")
    last, keys = total(tab), []
    for number in range(1, last + 1):
        at(tab, number)
        answers = tab.locator("[class*='st-key-act_choice_']").count()
        if number == 3:
            tab.keyboard.press("s")
            tab.get_by_text("Why skip it?").wait_for()
            ready(tab)
            tab.keyboard.press("3")
            keys.append("")
            continue
        if number == 4:  # by Tab and Enter instead of a shortcut
            button = tab.locator("[class*='st-key-act_choice_2_'] button")
            for _ in range(40):
                if button.evaluate("button => button === document.activeElement"):
                    break
                tab.keyboard.press("Tab")
            tab.keyboard.press("Enter")
            keys.append("2")
            at(tab, 5)
            tab.wait_for_function("document.activeElement?.matches('h2, h2 *')")  # Tab goes on from the question
            continue
        keys.append(str(1 + number % answers))
        tab.keyboard.press(keys[-1])
    finished(tab)
    found = given(served, "one")
    assert list(found["shown"].fillna("")) == keys and found["reason"].iloc[2] == SKIP_REASONS[2]
    assert ((found["seconds"] > 0) & (found["seconds"] < 90)).all() and set(found["type"]) == set(TYPES)


def test_undo_and_answer_again(annotator, served):
    tab = annotator("undo", "Ada")
    words = tab.locator("[data-testid=stText]").all_inner_texts()
    tab.keyboard.press("1")
    at(tab, 2)
    tab.keyboard.press("u")
    at(tab, 1)
    assert tab.locator("[data-testid=stText]").all_inner_texts() == words
    tab.keyboard.press("2")
    at(tab, 2)
    assert list(given(served, "undo")["shown"]) == ["2"]


def test_a_reload_and_another_day_go_on_where_one_was(annotator, served, chromium):
    tab = annotator("reload", "Ada Lovelace")
    for number in (1, 2):
        tab.keyboard.press("1")
        at(tab, number + 1)
    words = tab.locator("[data-testid=stText]").all_inner_texts()
    tab.reload()
    at(tab, 3)
    assert tab.locator("[data-testid=stText]").all_inner_texts() == words
    tab.keyboard.press("2")
    at(tab, 4)
    link = tab.url
    tab.context.close()
    other = annotator("reload")
    other.goto(link)
    at(other, 4)
    assert list(given(served, "reload")["shown"]) == ["1", "1", "2"]


def test_a_killed_server_loses_no_answer_and_goes_on(kept, annotator, tmp_path):
    study = shutil.copy(kept / "pilot.sqlite", tmp_path / "crash.sqlite")
    with serving(tmp_path / "log", f"--study={study}") as (app, address):
        tab = annotator("crash", "Ada", path=address)
        for number in (1, 2, 3):
            tab.keyboard.press("1")
            at(tab, number + 1)
        app.send_signal(signal.SIGKILL)
        app.wait(20)
    with serving(tmp_path / "log", f"--study={study}") as (_, address):
        tab.goto(f"{address}?study=crash&as=Ada")
        at(tab, 4)
        tab.keyboard.press("2")
        at(tab, 5)
    with Study.open(study) as opened:
        assert list(opened.answers(early="test").sort_values("place")["shown"]) == ["1", "1", "1", "2"]


def test_two_annotators_in_two_browsers(annotator, served):
    ada, bob = annotator("two", "Ada"), annotator("two", "Bob")
    last = total(ada)
    for number in range(1, last + 1):
        ada.keyboard.press("1")
        bob.keyboard.press("2")
        for tab in (ada, bob):
            at(tab, number + 1) if number < last else finished(tab)
        assert "Bob" not in ada.content() and "Ada" not in bob.content()
    found = given(served, "two")
    assert len(found) == 2 * last and not found.duplicated(["annotator", "question_id"]).any()
    assert set(found.query("annotator == 'Ada'")["shown"]) == {"1"}
    assert set(found.query("annotator == 'Bob'")["shown"]) == {"2"}


def test_a_held_key_a_double_click_and_an_early_key_answer_one_question(annotator, served):
    tab = annotator("fast", "Ada")
    for _ in range(40):  # as a keyboard repeats a key that is held
        tab.keyboard.down("1")
        tab.wait_for_timeout(20)
    tab.keyboard.up("1")
    at(tab, 2)
    tab.locator("[class*='st-key-act_choice_1_'] button").dblclick(delay=10)
    at(tab, 3)
    tab.wait_for_timeout(1500)  # time for a second answer to show, if there were one
    assert len(given(served, "fast")) == 2
    tab.evaluate("window.lmindexerLabelling.until = performance.now() + 1500")  # as if it had only just appeared
    tab.keyboard.press("1")
    tab.wait_for_timeout(500)
    assert len(given(served, "fast")) == 2
    at(tab, 3)


def test_a_comment_is_typed_without_answering_and_kept(annotator, served):
    tab = annotator("comment", "Ada")
    tab.keyboard.press("n")
    tab.keyboard.type("1 or 2? s, u, p")
    tab.keyboard.press("Enter")
    tab.wait_for_timeout(300)  # the comment's way to the server begins after the key
    ready(tab)
    assert tab.locator("h1").inner_text().startswith("Question 1 of ")
    tab.keyboard.press("1")
    at(tab, 2)
    assert tab.locator("[class*='st-key-label_comment'] input").input_value() == ""
    tab.locator("[class*='st-key-label_comment'] input").fill("by mouse")
    tab.locator("[class*='st-key-act_choice_2_'] button").click()
    at(tab, 3)
    assert list(given(served, "comment")["comment"]) == ["1 or 2? s, u, p", "by mouse"]


def test_guide_pause_and_what_a_screen_reader_is_told(annotator):
    tab = annotator("phone", "Guided")
    pane = tab.locator(".st-key-label_guide_pane")
    pane.wait_for()  # open at the very first question
    tab.keyboard.press("?")
    pane.wait_for(state="detached")
    ready(tab)
    tab.keyboard.press("?")
    pane.wait_for()
    pane.get_by_text("Example 2").wait_for()
    ready(tab)
    said = tab.evaluate(
        "(() => { const place = document.querySelector('.st-key-label_keyboard [data-testid]');"
        " const all = [document, ...[...document.querySelectorAll('*')].map(e => e.shadowRoot).filter(Boolean)];"
        " return all.map(r => r.querySelector('[role=status][aria-live=polite]')?.textContent || '').join('') })()"
    )
    assert said.startswith("Question 1 of ") and said.endswith("?") and not serious(tab)
    for button in tab.locator("[class*='st-key-act_choice_'] button").all():
        assert re.search(r"\S+.*\d$", button.inner_text(), re.DOTALL)  # words and the key
        assert button.get_by_label(re.compile(r"Shortcut \d")).count() == 1
    tab.keyboard.press("p")
    tab.wait_for_function(f"{HEADING}?.innerText === 'Paused'")
    tab.wait_for_function("!document.querySelector('[data-testid=stText]')")
    ready(tab)
    tab.keyboard.press("p")
    at(tab, 1)


def test_a_password_by_keyboard(annotator, served):
    tab = annotator("locked")
    assert not serious(tab)
    tab.get_by_role("textbox", name="Your name").fill("Ada")
    tab.get_by_label("Password of the study").fill("wrong")
    tab.keyboard.press("Enter")
    tab.locator("[data-testid=stAlert]", has_text="password").wait_for()
    tab.get_by_label("Password of the study").fill("open sesame")
    tab.keyboard.press("Enter")
    at(tab, 1)
    assert "sesame" not in tab.url and "sesame" not in tab.content()
    tab.reload()
    tab.get_by_label("Password of the study").wait_for()


def test_hostile_words_do_nothing_but_stand_there_and_nothing_is_given_away(annotator, served):
    tab = annotator("hostile", "<img src=x onerror=window.pwned=1>")
    asked = []
    tab.on("dialog", lambda dialog: (asked.append(dialog.message), dialog.dismiss()))
    outside = []
    tab.on("request", lambda request: outside.append(request.url) if not request.url.startswith(served[1]) else None)
    last = total(tab)
    for number in range(1, last + 1):
        at(tab, number)
        page = tab.content()
        for hidden in ("METHOD", "TOP1", "LEAF", "doc-", "&lt;0&gt;"):
            assert hidden not in page
        main = tab.locator("[data-testid=stMain]")
        assert not main.locator("img, script, a[href^='javascript'], b:has-text('bold')").count()
        assert tab.evaluate(f"{MAIN}.scrollWidth - {MAIN}.clientWidth") <= 1
        tab.keyboard.press("1")
    finished(tab)
    assert tab.evaluate("window.pwned") is None and not asked
    assert not [url for url in outside if not url.startswith(("data:", "blob:", "ws:"))]


def test_annotators_reach_no_other_page_by_its_address(annotator, served):
    tab = annotator("tabs")
    for path in ("results", "adjudicate", "overview", "prefixes"):
        tab.goto(f"{served[1]}{path}?study=tabs")
        tab.get_by_role("textbox", name="Your name").wait_for()
        assert "METHOD" not in tab.content() and not tab.locator("[data-testid=stSidebar]").is_visible()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light"), (1920, "dark")])
def test_screens_fit_their_width_and_are_kept_as_pictures(annotator, width, scheme):
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    height = 844 if width < 640 else 900
    options = {"viewport": {"width": width, "height": height}, "color_scheme": scheme}
    tab = annotator("phone" if width < 1900 else "tabs", f"Width {width}" if width < 640 else "Guided", **options)
    for number in range(1, total(tab) + 1):
        at(tab, number)
        tab.screenshot(path=ARTEFACTS / f"{number:02d}-{width}-{scheme}.png")
        for name in ("document.documentElement", MAIN):
            assert tab.evaluate(f"{name}.scrollWidth - {name}.clientWidth") <= 1, f"question {number} at {width}"
        bar = tab.locator(".st-key-label_bar").bounding_box()
        assert bar["y"] >= 0 and bar["y"] + bar["height"] <= height + 1  # the answers are always on the screen
        assert bar["x"] >= 0 and bar["x"] + bar["width"] <= width
        tab.keyboard.press("1")
    finished(tab)
