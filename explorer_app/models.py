"""The runs' models and trees, loaded once for everybody."""

import streamlit as st

from explorer_app.show import md
from lmindexer.browse import RunBrowser, inside
from lmindexer.common.errors import LMIndexerError


@st.cache_resource(max_entries=2, show_spinner="Loading the model …")
def _model(_run: RunBrowser, key: tuple):
    return inside.load_model(_run)


@st.cache_resource(max_entries=2, show_spinner="Building the tree of IDs …")
def _trie(_run: RunBrowser, key: tuple):
    return inside.trie_of(_run)


def key_of(run: RunBrowser) -> tuple:
    """What tells one opened run from another, also after it was replaced on disk."""
    found = (run.bundle.path / "manifest.json").stat()
    return str(run.bundle.path), found.st_ino, found.st_mtime_ns


def model(run: RunBrowser):
    """The run's indexer, or None after words about why there is none."""
    if not inside.has_model(run):
        st.info(
            f"This run ({md(run.bundle.method)}) holds no model that gives probabilities; runs of `lmindexer fit` do.",
            icon=":material/model_training:",
        )
        return None
    try:
        return _model(run, key_of(run))
    except (LMIndexerError, OSError) as error:
        st.error(f"The model cannot be loaded: {md(error, 600)}", icon=":material/error:")
        return None


def trie(run: RunBrowser):
    """The tree of the run's IDs."""
    return _trie(run, key_of(run))
