"""Which runs there are and which are chosen; opened runs are kept between interactions."""

import sys
import threading
from pathlib import Path

import streamlit as st

from explorer_app import links
from explorer_app.escaped import id_of, md
from lmindexer.browse import RunBrowser, Shelf, words
from lmindexer.common.errors import LMIndexerError
from lmindexer.runs.bundle import Bundle

NEW_RUNS = "runs"  # where the app writes runs when no given folder can take them


def folders() -> tuple[str, ...]:
    """The folders given on the command line, or the bundled runs and ./runs."""
    given = [word for word in sys.argv[1:] if not word.startswith("-")]
    if given:
        return tuple(given)
    from lmindexer.datasets import samples_folder

    return (str(samples_folder() / "runs"), NEW_RUNS)


def writable_folder() -> Path:
    """Where the app may write new runs: the last given folder that is no run itself, else ./runs."""
    own = [Path(folder) for folder in folders() if not (Path(folder) / "manifest.json").exists()]
    return (own[-1] if own else Path(NEW_RUNS)).resolve()


@st.cache_resource(ttl=4, show_spinner=False)
def _shelf(given: tuple[str, ...]) -> Shelf:
    return Shelf(given)


def shelf() -> Shelf:
    """The runs in the folders; looked up again every few seconds, so new runs appear."""
    return _shelf(folders())


def forget_shelf() -> None:
    """Look the runs up again at once."""
    _shelf.clear()


@st.cache_resource(max_entries=6, show_spinner="Opening the run …")
def _browser(path: str, stamp: tuple) -> RunBrowser:
    run = RunBrowser.from_bundle(Bundle.open(path))
    threading.Thread(target=words.prepare, args=(run,), daemon=True).start()
    return run


def open_run(bundle: Bundle) -> RunBrowser:
    """The run of a bundle, opened once for everybody.

    Raises:
        LMIndexerError: when it cannot be read.
    """
    found = (bundle.path / "manifest.json").stat()
    return _browser(str(bundle.path), (found.st_ino, found.st_mtime_ns))


def current_key() -> str | None:
    """The run in the URL if there is such a run, else the first that can be opened."""
    runs = shelf().runs
    wanted = links.get("run")
    return wanted if wanted in runs else next(iter(runs), None)


def current() -> RunBrowser:
    """The chosen run, or the page ends with words about what to do."""
    key = current_key()
    if key is None:
        no_runs()
    return opened_or_stop(key)


def opened_or_stop(key: str) -> RunBrowser:
    """A run by its key; where it cannot be opened the page says so and ends."""
    try:
        return open_run(shelf().runs[key])
    except (LMIndexerError, OSError) as error:
        st.error(f"The run **{md(key)}** cannot be opened: {md(error)}", icon=":material/error:")
        st.stop()


def others(label: str = "Compare with") -> dict[str, RunBrowser]:
    """Further runs that the page lays over the chosen one, by key."""
    mine = current_key()
    options = [key for key in shelf().runs if key != mine]
    chosen = links.several(label, options, "with", placeholder="other runs") if options else []
    found = {}
    for key in chosen:
        try:
            found[key] = open_run(shelf().runs[key])
        except (LMIndexerError, OSError) as error:
            st.warning(f"**{md(key)}** is left out: {md(error)}", icon=":material/warning:")
    return found


def prefix(run: RunBrowser) -> tuple[int, ...]:
    """The link's prefix; of one that no document of this run has it is said, and it counts as none."""
    wanted = links.prefix()
    fits = len(wanted) <= run.positions and all(c < k for c, k in zip(wanted, run.codebook_sizes, strict=False))
    if links.get("prefix") and not (wanted and fits and run.count(wanted)):
        st.warning(
            f"The link asks for **{md(id_of(wanted) or links.get('prefix'), 80)}**; no document of this run has an ID "
            "that begins so. All documents are shown.", icon=":material/search_off:",
        )  # fmt: skip
        return ()
    return wanted


def level(run: RunBrowser, where=st, label: str = "Category level") -> int | None:
    """The category level in the URL, with its widget; None for a corpus without categories."""
    if not run.levels:
        return None
    options = list(range(1, run.levels + 1))
    return links.choose(label, options, "level", 1, where=where, kind="segmented_control")


def no_runs():
    """Say what to do where there is no run, and end the page."""
    st.info("There is no finished run in the folders yet.", icon=":material/inventory_2:")
    st.markdown("Make one on the page **Your corpus**, or on the shell, and it appears here:")
    st.code("lmindexer fit wordnet --run runs/wordnet\nlmindexer explore runs", language="bash")
    st.stop()
