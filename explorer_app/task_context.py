"""The runs of task models that answer for the chosen corpus, and their models, loaded once for everybody."""

import time

import streamlit as st

from explorer_app import context, links
from explorer_app.show import md
from lmindexer.browse import RunBrowser, task_answers, task_methods
from lmindexer.common.errors import LMIndexerError
from lmindexer.runs.task_run import TaskRun

SEARCH = ("retrieval", "product_search")
MAKE = {
    "recommendation": "lmindexer bench recommendation attack\nlmindexer explore runs/studies/recommendation/attack",
    "search": "lmindexer bench search wordnet --only generative-nodes\nlmindexer explore runs/studies/search/wordnet",
}
PAST = 3  # models in memory


def runs_of(kinds: tuple[str, ...] | None = None) -> dict[str, TaskRun]:
    """Task runs over the chosen run's corpus (over any, where there is no run), of these kinds."""
    found = context.shelf().task_runs
    key = context.current_key()
    if key is not None:
        found = task_methods.of_corpus(found, context.shelf().runs[key].manifest["corpus"].get("fingerprint"))
    return {name: run for name, run in found.items() if kinds is None or run.kind in kinds}


def none_here(what: str) -> None:
    """Say that no task run answers for this corpus, where others are, and how to make one; ends the page."""
    kinds = ("recommendation",) if what == "recommendation" else SEARCH
    here = context.current_key()
    said = f"No finished run for {what} is in the folders"
    st.info(f"{said} for the corpus of **{md(here, 80)}**." if here else f"{said}.", icon=":material/inventory_2:")
    elsewhere = [run for run in context.shelf().task_runs.values() if run.kind in kinds]
    prints = {run.manifest["corpus"].get("fingerprint") for run in elsewhere}
    page = "recommend" if what == "recommendation" else "methods"
    for key, bundle in context.shelf().runs.items():
        if bundle.manifest["corpus"].get("fingerprint") in prints:
            said = f"There are some for the corpus of {md(key, 80)}"
            links.page_link(page, said, ":material/arrow_forward:", run=key)
    st.markdown("Make one on the shell, and it appears here:")
    st.code(MAKE[what], language="bash")
    st.stop()


def choose(runs: dict[str, TaskRun], where=st, label: str = "Model", name: str = "model") -> str:
    """The key of the chosen task run; what the link names and is not there is said."""
    wanted = links.get(name)
    if wanted and wanted not in runs:
        known = context.shelf().task_runs
        why = "answers for another corpus or task" if wanted in known else "is not in the folders"
        st.warning(f"The model **{md(wanted, 80)}** {why}; shown is another.", icon=":material/search_off:")
    names = {key: f"{run.label} ({key})" for key, run in runs.items()}
    return links.choose(label, list(runs), name, next(iter(runs)), text=names.get, where=where)


def stamp(run: TaskRun) -> tuple:
    """What tells one run from another, also after it was replaced on disk."""
    found = (run.path / "manifest.json").stat()
    return str(run.path), found.st_ino, found.st_mtime_ns


@st.cache_resource(max_entries=PAST, show_spinner="Loading the model …")
def _model(path: str, key: tuple):
    from lmindexer.tasks.loading import load_task_model  # torch takes seconds to load

    return load_task_model(path)


def model(run: TaskRun):
    """The run's model, or None after words about why there is none."""
    try:
        return _model(str(run.path), stamp(run))
    except (LMIndexerError, OSError) as error:
        st.error(f"The model cannot be loaded: {md(error, 600)}", icon=":material/error:")
        return None


@st.cache_resource(max_entries=2, show_spinner="Setting up bm25 …")
def bm25(_model, key: tuple):
    """bm25 over the model's documents, or None for a large corpus."""
    return task_answers.bm25_beside(_model)


@st.cache_resource(max_entries=PAST, show_spinner=False)
def _own_browser(_model, key: tuple) -> RunBrowser | None:
    return task_answers.browser_of(_model)


def browser_for(model, run: TaskRun) -> RunBrowser | None:
    """Key words for the model's IDs: the chosen run where it has the same IDs (and names people gave), else its own."""
    mine = context.current_key()
    if mine is not None and task_answers.same_ids(model, opened := context.opened_or_stop(mine)):
        return opened
    return _own_browser(model, stamp(run))


@st.cache_data(max_entries=6, show_spinner="Following the queries down the tree …")
def losses(_model, key: tuple, width: int):
    """Where each test query's right path left the beam."""
    return task_methods.losses(_model, width)


@st.cache_resource(max_entries=4, show_spinner="Measuring the methods …")
def measured(_runs: dict[str, TaskRun], key: tuple) -> task_methods.Methods:
    """The runs of one task, measured."""
    return task_methods.measured(_runs)


def document_link(doc_id: str):
    """(page, query) of a document's page in the chosen run; None where no run is open."""
    return ("document", links.query(doc=doc_id)) if context.current_key() is not None else None


def draw(most: int) -> int:
    """A number below `most`, another one at each press."""
    return time.time_ns() // 1_000_003 % max(most, 1)
