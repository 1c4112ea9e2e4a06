"""The runs' models and trees, loaded once for everybody, models in the background."""

from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import nullcontext

import streamlit as st

from explorer_app.escaped import md
from lmindexer.browse import RunBrowser, inside
from lmindexer.common.errors import LMIndexerError

KEPT = 2  # models in memory
PATIENCE = 0.2  # seconds that a page waits before it says that the model is being loaded


@st.cache_resource(show_spinner=False)
def _loads() -> tuple[ThreadPoolExecutor, OrderedDict[tuple, Future]]:
    """Models by run, loaded one after the other beside the pages."""
    return ThreadPoolExecutor(1, "model"), OrderedDict()


def _load(run: RunBrowser) -> Future:
    """The run's model, or the promise of it; the latest two are kept."""
    worker, loads = _loads()
    key = key_of(run)
    if key not in loads:
        loads[key] = worker.submit(inside.load_model, run)
    loads.move_to_end(key)
    while len(loads) > KEPT:
        loads.popitem(last=False)
    return loads[key]


@st.cache_resource(max_entries=2, show_spinner="Building the tree of IDs …")
def _trie(_run: RunBrowser, key: tuple):
    return inside.trie_of(_run)


def key_of(run: RunBrowser) -> tuple:
    """What tells one opened run from another, also after it was replaced on disk."""
    found = (run.bundle.path / "manifest.json").stat()
    return str(run.bundle.path), found.st_ino, found.st_mtime_ns


def awaited(run: RunBrowser) -> bool:
    """Whether the model is still being loaded; the page then goes on without it and is drawn again when it is there.

    Starts the loading.
    """
    if not inside.has_model(run):
        return False
    try:
        wait([_load(run)], PATIENCE)
        if _load(run).done():
            return False
    except OSError:
        return False  # `model` says what is wrong
    _sign(run)
    return True


@st.fragment(run_every=2.0)  # each look costs processor time, which the loading needs
def _sign(run: RunBrowser) -> None:
    st.caption(":material/hourglass_top: The model is being loaded; the rest of the page is there already.")
    if _load(run).done():
        st.rerun()


def model(run: RunBrowser):
    """The run's indexer, waited for, or None after words about why there is none."""
    if not inside.has_model(run):
        st.info(
            f"This run ({md(run.bundle.method)}) holds no model that gives probabilities; runs of `lmindexer fit` do.",
            icon=":material/model_training:",
        )
        return None
    try:
        load = _load(run)
        with st.spinner("Loading the model …") if not load.done() else nullcontext():
            return load.result()
    except (LMIndexerError, OSError) as error:
        st.error(f"The model cannot be loaded: {md(error, 600)}", icon=":material/error:")
        return None
    finally:
        _forget_failed()


def _forget_failed() -> None:
    """A model that could not be loaded is tried again at the next visit, and not before its fault was told."""
    loads = _loads()[1]
    for key in [key for key, load in loads.items() if load.done() and load.exception()]:
        loads.pop(key, None)


def trie(run: RunBrowser):
    """The tree of the run's IDs."""
    return _trie(run, key_of(run))
