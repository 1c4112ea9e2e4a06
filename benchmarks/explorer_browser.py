"""The explorer in a real browser: processor seconds of the browser and of the server for each page and each drill.

    python benchmarks/explorer_browser.py [FOLDER [RUN]]       # default: the bundled WordNet run and two beside it

A chromium (/usr/bin/chromium, or the one in LMINDEXER_CHROMIUM) is driven by Playwright. Each page is opened as a link
of the app opens it, in a tab that has shown the overview; a drill is what a row of a table leads to. The overview,
which has no figure of plotly, and two pages that have some are also opened as the first page of a new browser, beside
an empty page of Streamlit and one with two bars of plotly: what the browser reads and compiles before anything of the
explorer is drawn. The first document is the first page with a figure of its tab, and pays for reading plotly. "Page"
is the processor time of the tab's main thread (scripts, styles, layout: Chrome's TaskDuration in thread ticks),
"browser" that of all its processes, drawing in software included, "server" that of the Streamlit process. Processor
time does not grow on a busy machine as wall time does; wall time is told beside it. The bounds are those of the
project: 1.5 s for a page, 0.7 s for a drill, 3 s for the first document, all of the page's time.
"""

import argparse
import contextlib
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from urllib.parse import quote

import psutil

CHROMIUM = os.environ.get("LMINDEXER_CHROMIUM", "/usr/bin/chromium")
WAITED = 1.25  # seconds that a step waits for quiet
PATIENCE = 600_000  # milliseconds; loading the model takes minutes where others use all cores
BOUNDS = {"page": 1.5, "drill": 0.7, "document": 3.0}
QUIET = (
    "document.querySelector('[data-testid=stApp]')?.dataset.testScriptState === 'notRunning'"
    " && !document.querySelector('[data-testid=stSkeleton]')"
    " && !/is being loaded|still being counted/.test(document.querySelector('[data-testid=stMain]')?.textContent)"
)
FIRST = "{}, the first page of a new browser"
PAGES = ("overview", "search", "prefixes", "collapse", "map", "compare", "runs", "corpus", "studies")
BARE = {
    "an empty page of Streamlit": "import streamlit as st\nst.title('empty')\n",
    "a page of Streamlit with two bars": (
        "import streamlit as st, plotly.graph_objects as go\nst.title('bars')\n"
        "st.plotly_chart(go.Figure(go.Bar(x=[1, 2], y=[1, 2])))\n"
    ),
}
FOLLOW = (  # what a link in the app does: the address changes, the page is not loaded anew
    "address => { window.history.pushState({}, '', new URL(address, document.baseURI.split('?')[0]).href);"
    " window.dispatchEvent(new PopStateEvent('popstate')); }"
)


def steps(run: str) -> list[tuple[str, str, str]]:
    """(what it is called, its bound, its address), in the order in which a person would go."""
    query = f"run={quote(run)}"
    two, three = f"other={quote(run)}-category", f"other={quote(run)}-category&other={quote(run)}-random"
    found = [("first document", "document", f"document?{query}&doc=FIRST")]
    found += [(name, "page", f"{'./' if name == 'overview' else name}?{query}") for name in PAGES]
    found += [("compare, two runs", "page", f"compare?{query}&{two}")]
    found += [("compare, three runs", "page", f"compare?{query}&{three}")]
    found += [("search: man", "page", f"search?{query}&q=man")]
    found += [("try a text", "page", f"try?{query}&text=a+small+bird")]
    found += [("overview again", "page", f"./?{query}")]
    drills = [("tree: a code", "./?{}&prefix=3"), ("tree: two codes", "./?{}&prefix=3.1")]
    drills += [("prefixes: a code", "prefixes?{}&prefix=3"), ("prefixes: two codes", "prefixes?{}&prefix=3.1")]
    drills += [("another document", "document?{}&doc=SECOND"), ("map: by code", "map?{}&by=position+1")]
    return found + [(name, "drill", address.format(query)) for name, address in drills]


def processor_seconds(process: psutil.Process) -> float:
    """User and system time of a process and of all that came from it, ended ones that were waited for included."""
    total = 0.0
    for one in (process, *process.children(recursive=True)):
        with contextlib.suppress(psutil.NoSuchProcess):  # it has just ended
            total += sum(one.cpu_times()[:4])
    return total


def browser_process() -> psutil.Process:
    """The chromium that Playwright has started for this program: the one of its kind that is nobody's helper."""
    found = [
        one for one in psutil.Process().children(recursive=True)
        if "chrom" in one.name() and not any(word.startswith("--type=") for word in one.cmdline())
    ]  # fmt: skip
    return min(found, key=lambda one: one.create_time())


def settle(tab) -> None:
    """Wait until the server has answered and nothing is drawn any more."""
    from playwright.sync_api import TimeoutError as Late

    quiet = 0
    while quiet < 4:  # between two answers the page may look quiet for a moment
        try:
            tab.wait_for_function(QUIET, timeout=15_000, polling=500)
        except Late:  # a model is being loaded: each look costs the page time, so they become rare
            tab.wait_for_function(QUIET, timeout=PATIENCE, polling=5_000)
        tab.wait_for_timeout(250)
        quiet = quiet + 1 if tab.evaluate(QUIET) else 0


def thread_time(session) -> float:
    """Seconds of the tab's main thread so far."""
    metrics = session.send("Performance.getMetrics")["metrics"]
    return next(one["value"] for one in metrics if one["name"] == "TaskDuration")


@contextlib.contextmanager
def new_browser():
    """A browser without anything kept from before: its tab, and what tells the tab's and its own processor time."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        tab = browser.new_context(viewport={"width": 1280, "height": 1000}).new_page()
        tab.set_default_timeout(PATIENCE)
        session = tab.context.new_cdp_session(tab)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        process = browser_process()
        yield tab, lambda: (thread_time(session), processor_seconds(process))
        browser.close()


def opened(tab, times, address: str, server: psutil.Process, step: str) -> dict:
    """An address as the first page of a new browser."""
    before = processor_seconds(server)
    tab.goto(address)
    tab.wait_for_selector("h1")
    settle(tab)
    return _row(step, "page", *times(), processor_seconds(server) - before, 0.0)


def measure(address: str, server: psutil.Process, run: str, documents: tuple[str, str]) -> list[dict]:
    """Go through all steps once, in a new browser; then open pages with figures as the first of a new one."""
    rows = []
    with new_browser() as (tab, times):
        rows.append(opened(tab, times, f"{address}?run={quote(run)}", server, FIRST.format("overview")))
        for name, bound, path in steps(run):
            path = path.replace("FIRST", quote(documents[0])).replace("SECOND", quote(documents[1]))
            start = (time.perf_counter(), *times(), processor_seconds(server))
            tab.evaluate(FOLLOW, path)
            tab.wait_for_timeout(250)  # the server has begun
            settle(tab)
            end = (time.perf_counter(), *times(), processor_seconds(server))
            wall, page, whole, answered = (after - before for before, after in zip(start, end, strict=True))
            shown = tab.locator("[data-testid=stMain]").inner_text()
            if tab.locator("[data-testid=stException]").count() or "no run" in shown or "no document" in shown:
                raise SystemExit(f"{name}: the page shows an error")
            rows.append(_row(name, bound, page, whole, answered, wall - WAITED))
    for page in ("prefixes", "collapse"):
        with new_browser() as (tab, times):
            rows.append(opened(tab, times, f"{address}{page}?run={quote(run)}", server, FIRST.format(page)))
    return rows


def _row(step: str, bound: str, page: float, browser: float, server: float, wall: float) -> dict:
    print(f"{step}: page {page:.2f}, browser {browser:.2f}, server {server:.2f} s", file=sys.stderr, flush=True)
    return {"step": step, "bound": bound, "page": page, "browser": browser, "server": server, "wall": wall}


def bare(step: str, program: str, folder: Path) -> dict:
    """A small program of Streamlit as the first page of a new browser."""
    (folder / "bare.py").write_text(program, encoding="utf-8")
    server, address = serve(folder / "bare.py")
    try:
        with new_browser() as (tab, times):
            return opened(tab, times, address, psutil.Process(server.pid), step)
    finally:
        end(server)


def with_two_more(folder: str, run: str, into: Path) -> str:
    """The runs of a folder, with a category run and a random one over the documents of `run` beside them."""
    from lmindexer.indexers import INDEXERS
    from lmindexer.runs.bundle import Bundle

    shutil.copytree(Path(folder) / run, into / run)
    corpus = Bundle.open(into / run).corpus
    for method in ("category", "random"):
        INDEXERS[method]().fit(corpus, run=into / f"{run}-{method}", progress=False)
    return str(into)


def serve(app: Path, *words_of: str):
    """A program of Streamlit in a process of its own: (process, address)."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    words = [sys.executable, "-m", "streamlit", "run", "--server.port", str(port), "--server.headless", "true"]
    with tempfile.TemporaryFile() as log:
        words += ["--server.fileWatcherType", "none", str(app), "--", *words_of]
        process = subprocess.Popen(words, stdout=log, stderr=subprocess.STDOUT, cwd=app.parent)
    until = time.monotonic() + 120
    while time.monotonic() < until and process.poll() is None:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/_stcore/health", timeout=2).close()
            return process, f"http://127.0.0.1:{port}/"
        except OSError:
            time.sleep(0.2)
    raise SystemExit("the explorer did not start")


def end(process: subprocess.Popen) -> None:
    """End the app; one that is busy is killed, for it has nothing to lose."""
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def report(rounds: list[list[dict]]) -> bool:
    """Print the medians over the rounds; False when a bound is broken."""
    print("| step | page s | bound | browser s | server s | wall s |\n|---|---:|---:|---:|---:|---:|")
    kept = True
    for same in zip(*rounds, strict=True):
        middle = {name: statistics.median(row[name] for row in same) for name in ("page", "browser", "server", "wall")}
        bound = BOUNDS[same[0]["bound"]]
        sign = "" if middle["page"] <= bound else " **broken**"
        kept &= not sign
        wall = f"{middle['wall']:.2f}" if middle["wall"] else ""
        print(f"| {same[0]['step']} | {middle['page']:.2f} | {bound:g}{sign} | {middle['browser']:.2f} | "
              f"{middle['server']:.2f} | {wall} |")  # fmt: skip
    print(f"\nMedians of {len(rounds)} rounds on {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}.")
    return kept


def main() -> None:
    """Measure the bundled WordNet run, or another one."""
    from lmindexer.datasets import samples_folder
    from lmindexer.runs.bundle import Bundle

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", nargs="?", default=str(samples_folder() / "runs"))
    parser.add_argument("run", nargs="?", default="wordnet")
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    ids = Bundle.open(Path(given.folder) / given.run).ids.doc_ids
    two = (str(ids[100]), str(ids[4000 % len(ids)]))
    app = Path(__file__).resolve().parents[1] / "explorer_app" / "app.py"
    rounds = []
    with tempfile.TemporaryDirectory() as kept:
        folder = with_two_more(given.folder, given.run, Path(kept) / "runs")
        for _ in range(given.rounds):
            rows = [bare(step, program, Path(kept)) for step, program in BARE.items()]
            process, address = serve(app, folder)  # anew each time: the first document is then really the first
            try:
                rounds.append(rows + measure(address, psutil.Process(process.pid), given.run, two))
            finally:
                end(process)
    sys.exit(0 if report(rounds) else 1)


if __name__ == "__main__":
    main()
