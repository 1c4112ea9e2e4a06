"""The runs of task models that answer for the chosen corpus, and their models, loaded once for everybody."""

import time

import pandas as pd
import streamlit as st

from explorer_app import context, links
from explorer_app.escaped import md
from lmindexer.browse import RunBrowser, task_answers, task_methods
from lmindexer.common.errors import LMIndexerError
from lmindexer.runs.task_run import TaskRun

SEARCH = ("retrieval", "product_search")
SPOKEN = {"recommendation": "recommendation", "retrieval": "document retrieval", "product_search": "product search"}
TASKS = {"recommendation": ("recommendation",), "search": SEARCH}
MAKE = {
    "recommendation": "lmindexer bench recommendation {0}\nlmindexer explore runs/studies/recommendation/{0}",
    "search": "lmindexer bench search {0} --only generative-nodes\nlmindexer explore runs/studies/search/{0}",
}
EXAMPLES = {"recommendation": "attack", "search": "wordnet"}  # bundled corpora that can be asked this
PAST = 3  # models in memory


def runs_of(kinds: tuple[str, ...] | None = None) -> dict[str, TaskRun]:
    """Task runs over the chosen run's corpus (over any, where there is no run), of these kinds."""
    found = context.shelf().task_runs
    key = context.current_key()
    if key is not None:
        found = task_methods.of_corpus(found, context.shelf().runs[key].manifest["corpus"].get("fingerprint"))
    return {name: run for name, run in found.items() if kinds is None or run.kind in kinds}


def none_here(what: str | None = None) -> None:
    """Say that no task run answers for this corpus, where others are, and how to make one; ends the page.

    what: "recommendation" or "search"; any of the two where left out.
    """
    here = context.current_key()
    kinds = TASKS[what] if what else tuple(TASKS["recommendation"] + TASKS["search"])
    said = f"No finished run {f'for {what}' if what else 'of a task model'} is in the folders"
    st.info(f"{said} for the corpus of **{md(here, 80)}**." if here else f"{said}.", icon=":material/inventory_2:")
    elsewhere = [run for run in context.shelf().task_runs.values() if run.kind in kinds]
    prints = {run.manifest["corpus"].get("fingerprint") for run in elsewhere}
    page = "recommend" if what == "recommendation" else "methods"
    for key, bundle in context.shelf().runs.items():
        if bundle.manifest["corpus"].get("fingerprint") in prints:
            said = f"There are some for the corpus of {md(key, 80)}"
            links.page_link(page, said, ":material/arrow_forward:", run=key)
    st.markdown("Make one on the shell, and it appears here:")
    name = str(context.shelf().runs[here].manifest["corpus"].get("name")) if here else ""
    st.code("\n".join(_commands(name, [what] if what else list(TASKS))), language="bash")
    st.stop()


def _commands(corpus: str, wanted: list[str]) -> list[str]:
    """Commands that make runs for these tasks: on a bundled corpus its own as far as it can be asked, else examples."""
    from lmindexer.datasets import list_samples, samples_folder

    holds = {"recommendation": "interactions.jsonl.gz", "search": "queries.jsonl.gz"}
    own = [task for task in wanted if corpus in list_samples() and (samples_folder() / corpus / holds[task]).exists()]
    return [MAKE[task].format(corpus) for task in own] or [MAKE[task].format(EXAMPLES[task]) for task in wanted]


def choose(runs: dict[str, TaskRun], where=st, label: str = "Model", name: str = "model") -> str:
    """The key of the chosen task run; what the link names and is not there is said."""
    wanted = links.get(name)
    if wanted and wanted not in runs:
        known = context.shelf().task_runs
        why = "answers for another corpus or task" if wanted in known else "is not in the folders"
        st.warning(f"The model **{md(wanted, 80)}** {why}; shown is another.", icon=":material/search_off:")
    names = {key: f"{run.label} ({key})" for key, run in runs.items()}
    return links.choose(label, list(runs), name, next(iter(runs)), text=names.get, where=where, said=True)


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


def ids_of(model, doc_ids) -> tuple[str, list[str]]:
    """(what the column is called, IDs of documents): the model's own, or for a model without any the chosen run's.

    "" for a document that the chosen run does not hold; ("ID", []) where no run is open either.
    """
    if getattr(model, "ids_", None) is not None:
        places = pd.Index(model.task_.corpus.doc_ids).get_indexer(doc_ids)
        return "ID", task_answers.id_columns(model, places)
    mine = context.current_key()
    if mine is None:
        return "ID", []
    return f"ID of {mine}", task_answers.ids_in_run(context.opened_or_stop(mine), doc_ids)


def document_link(doc_id: str):
    """(page, query) of a document's page in the chosen run; None where no run is open."""
    return ("document", links.query(doc=doc_id)) if context.current_key() is not None else None


def draw(most: int) -> int:
    """A number below `most`, another one at each press."""
    return time.time_ns() // 1_000_003 % max(most, 1)
