"""A fit in the background as pages show it: progress, curves, stop and go on."""

from pathlib import Path

import streamlit as st

from explorer_app import context, links
from explorer_app.escaped import md
from explorer_app.show import chart
from lmindexer import plots
from lmindexer.browse.history import measures_in
from lmindexer.common.errors import LMIndexerError
from lmindexer.human_eval.answering.screen import time_left
from lmindexer.runs import jobs

SPOKEN = {
    "reconstructor_warmup": "reconstructor warm-up",
    "continuous": "continuous warm-up",
    "codebook_init": "k-means start of the codebook",
    "discrete": "learning codes",
}
CURVES = ("perplexity", "diff_ratio", "macro_f1", "loss")


@st.fragment(run_every=1.5)
def watch(run: Path, key: str, curves: bool = True, over: tuple[Path, ...] = ()) -> None:
    """The run's progress, looked at again every second and a half; what it needs stands on disk.

    Args:
        over: earlier runs, whose curves are laid over this one's.
    """
    links.follow_from_fragment()
    found = jobs.status(run)
    with st.container(border=True):
        _line(run, found, key)
        if curves:
            _curves(run, key, found.state, over)
    if found.state == "finished":
        context.forget_shelf()
        if st.session_state.get(f"seen_{run}") != "finished":
            st.session_state[f"seen_{run}"] = "finished"
            st.rerun()
    else:
        st.session_state[f"seen_{run}"] = found.state


def _line(run: Path, found: jobs.Status, key: str) -> None:
    name = run.name
    if found.state == "finished":
        st.success(f"**{md(name)}** is finished.", icon=":material/check_circle:")
        st.button("Open it", key=f"{key}_open", type="primary", on_click=links.goto, args=("overview",),
                  kwargs={"run": name, "prefix": None})  # fmt: skip
        return
    progress = found.progress
    words = "reading the documents"
    if progress:
        stage = SPOKEN.get(progress.get("stage"), str(progress.get("stage")))
        words = (
            f"position {progress.get('position')}: {stage}, epoch {progress.get('epoch')} of {progress.get('epochs')}"
        )
        words += f", stage {progress.get('stage_index', 0) + 1} of {progress.get('stages')}"
    if found.state == "running":
        seconds = progress.get("seconds") or 0
        left = jobs.seconds_left(found)
        words += f" · {seconds:,.0f} s" + (f", about {time_left(left)} to go" if left is not None else "")
        st.progress(found.share, text=f"**{md(name)}** · {md(words)}")
        st.button("Stop", key=f"{key}_stop", icon=":material/stop_circle:", on_click=jobs.stop, args=(run,))
        return
    if found.state == "failed":
        st.error(f"**{md(name)}** ended with an error.", icon=":material/error:")
        st.code(found.log[-2000:] or "It printed nothing.", language=None)
        return
    st.warning(
        f"**{md(name)}** was stopped at {found.share:.0%}; it can go on from there.", icon=":material/pause_circle:"
    )
    if jobs.can_go_on(run):
        st.button("Go on", key=f"{key}_on", icon=":material/play_circle:", on_click=_go_on, args=(run,))
    else:
        st.caption("It was started from a program; the same call of fit with the same folder goes on with it.")
    if failed := st.session_state.pop(f"failed_{run}", None):
        st.error(md(failed, 600), icon=":material/error:")


def _go_on(run: Path) -> None:
    try:
        jobs.go_on(run)
    except (LMIndexerError, OSError) as error:
        st.session_state[f"failed_{run}"] = str(error)


def _curves(run: Path, key: str, state: str, over: tuple[Path, ...]) -> None:
    history = jobs.history(run)
    if history is None or history.empty:
        said = "This method has no curves." if state == "finished" else "Curves appear after the first epoch."
        st.caption(said)
        return
    histories = {run.name: history}
    for path in over:
        earlier = jobs.history(path)
        if earlier is not None and not earlier.empty:
            histories[path.name] = earlier
    there = [name for name in CURVES if name in measures_in(histories)]
    for column, name in zip(st.columns(2) * 2, there, strict=False):
        with column:
            chart(plots.training_curves(histories, name), f"{key}_{name}")
