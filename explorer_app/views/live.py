"""The live part of the page Collapse: a tiny run with chosen switches, its curves while it trains."""

import time

import streamlit as st

from explorer_app import context, links
from explorer_app.escaped import md
from explorer_app.progress import watch
from lmindexer.common.errors import LMIndexerError
from lmindexer.datasets import list_samples, load_sample
from lmindexer.runs import jobs

START, STAMP = "live-", len("1231-235959")  # how the names of tiny runs begin, and their time at the end
LAID_OVER = 2  # earlier runs that are laid over a new one without being asked
DOCUMENTS = 1500  # so many of a corpus, so that an epoch takes seconds


def render() -> None:
    """Switches, a start button, and the curves of the run that was started here last."""
    with st.expander(
        "Train a tiny run and watch the curves move", expanded=bool(links.get("live")), icon=":material/science:"
    ):
        st.caption(
            "Leave a warm-up or a loss out and see what collapses: the slides' training study on your own machine."
        )
        _switches()
        known = _known()
        run = known.get(links.get("live"))
        if run is not None:
            earlier = [name for name in known if name != run.name]
            over = links.several(
                "Lay earlier runs over it", earlier, "over", default=earlier[:LAID_OVER], max_selections=6,
                placeholder="earlier runs of this kind",
            ) if earlier else []  # fmt: skip
            watch(run, "live", over=tuple(known[name] for name in over))


def _known() -> dict:
    """{name: folder} of the tiny runs that are there, the latest first; a name never becomes a path."""
    found = {path.name: path for path in jobs.unfinished(context.writable_folder())}
    found |= {key: bundle.path for key, bundle in context.shelf().runs.items()}
    tiny = {name: path for name, path in found.items() if name.startswith(START) or name == links.get("live")}
    return dict(sorted(tiny.items(), key=lambda pair: pair[0][-STAMP:], reverse=True))


def _switches() -> None:
    first, second, third, last = st.columns(4)
    corpus = first.selectbox("Corpus", list_samples(), help=f"Its first {DOCUMENTS:,} documents.")
    epochs = first.slider("Epochs of the discrete stage", 1, 12, 4)
    warmup = second.toggle("Reconstructor warm-up", True)
    continuous = second.toggle("Continuous warm-up", True)
    start = third.segmented_control("Codebook starts at", ["kmeans", "random"], default="kmeans", required=True)
    contrastive = third.segmented_control("Contrastive loss", ["off", "dot", "cosine"], default="cosine", required=True)
    commitment = last.toggle("Commitment loss", True)
    positions = last.slider("Codes in an ID", 1, 3, 2)
    if not st.button("Start", type="primary", icon=":material/play_arrow:"):
        return
    name = f"{START}{corpus}-{time.strftime('%m%d-%H%M%S')}"
    whole = load_sample(corpus)
    settings = {
        "positions": positions, "discrete_epochs": epochs, "reconstructor_warmup": warmup, "continuous": continuous,
        "codebook_init": start, "contrastive": contrastive, "commitment": 1.0 if commitment else 0.0,
    }  # fmt: skip
    try:
        jobs.start(context.writable_folder(), name, whole.take(range(min(DOCUMENTS, len(whole)))), "tiny", **settings)
    except (LMIndexerError, OSError) as error:
        st.error(md(error, 600), icon=":material/error:")
        return
    links.put(live=name, over=None)
    st.rerun()
