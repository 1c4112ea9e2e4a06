"""The runs: where they are, how large, fits under way; rename one, delete one."""

import pandas as pd
import streamlit as st

from explorer_app import context, links, task_context
from explorer_app.escaped import md
from explorer_app.link_table import Column, show
from explorer_app.show import export
from explorer_app.views import training
from lmindexer.common.errors import LMIndexerError
from lmindexer.plots.style import one_line
from lmindexer.runs import housekeeping


def render() -> None:
    """Lay out the page."""
    st.title("Runs")
    training.running()
    runs, task_runs = context.shelf().runs, context.shelf().task_runs
    if not runs and not task_runs:
        context.no_runs()
    if runs:
        rows = pd.DataFrame([_row(key, bundle) for key, bundle in runs.items()])
        columns = [
            Column("run", "run"), Column("method", "method"), Column("corpus", "corpus"),
            Column("documents", "documents", "number"), Column("codebooks", "codebooks", "code", narrow=True),
            Column("created", "made", "code", narrow=True), Column("size", "MB", "number", 1),
            Column("path", "folder", narrow=True),
        ]  # fmt: skip
        show(rows, columns, "runs", "Finished runs", lambda place: ("overview", {"run": rows["run"].iloc[place]}))
        export("runs", tables={"runs": rows})
        _compare(runs)
    if task_runs:
        _task_runs(task_runs, runs)
    _change(runs, task_runs)


def _task_runs(task_runs: dict, runs: dict) -> None:
    """The runs of task models; each leads to its task's results."""
    st.header("Runs of task models", anchor=False)
    rows = pd.DataFrame([_task_row(key, run) for key, run in task_runs.items()])
    columns = [
        Column("run", "run"), Column("task", "task"), Column("name", "method"),
        Column("corpus", "corpus", narrow=True), Column("created", "made", "code", narrow=True),
        Column("size", "MB", "number", 1), Column("path", "folder", narrow=True),
    ]  # fmt: skip
    over: dict = {}
    for key, bundle in runs.items():
        over.setdefault(bundle.manifest["corpus"].get("fingerprint"), key)

    def results(place: int):
        """The results page shows runs over the chosen run's corpus; where no run is over it there is nowhere to go."""
        key = rows["run"].iloc[place]
        run = over.get(task_runs[key].manifest["corpus"].get("fingerprint"))
        return None if runs and run is None else ("methods", {"model": key} | ({"run": run} if run else {}))

    show(rows, columns, "task_runs", "Runs of task models", results)
    export("task-runs", tables={"task_runs": rows})


def _task_row(key: str, run) -> dict:
    manifest = run.manifest
    return {
        "run": key, "task": task_context.SPOKEN.get(run.kind, run.kind), "name": run.label, "method": run.method,
        "corpus": str(manifest["corpus"].get("name") or ""), "created": _minute(manifest),
        "size": housekeeping.size_of(run.path) / 1e6, "path": str(run.path),
    }  # fmt: skip


def _minute(manifest: dict) -> str:
    """When a run was made, to the minute."""
    return str(manifest.get("created", ""))[:16].replace("T", " ")


def _row(key: str, bundle) -> dict:
    manifest = bundle.manifest
    settings, corpus = manifest.get("settings") or {}, manifest.get("corpus") or {}
    size = settings.get("codebook_size") or settings.get("branching") or []
    sizes = " · ".join(map(str, size if isinstance(size, list) else [size]))
    return {
        "run": key, "method": bundle.method, "corpus": str(corpus.get("name") or ""),
        "documents": corpus.get("documents"), "codebooks": sizes or None, "created": _minute(manifest),
        "size": housekeeping.size_of(bundle.path) / 1e6, "path": str(bundle.path),
    }  # fmt: skip


def _compare(runs: dict) -> None:
    """For each corpus with several runs: a link that lays them all beside each other."""
    by_corpus: dict = {}
    for key, bundle in runs.items():
        by_corpus.setdefault(bundle.manifest["corpus"].get("fingerprint"), []).append(key)
    several = [keys for fingerprint, keys in by_corpus.items() if fingerprint and len(keys) > 1]
    names = [runs[keys[0]].manifest["corpus"].get("name") or "one corpus" for keys in several]
    for keys, name in zip(several, names, strict=True):
        if names.count(name) > 1:  # corpora of one name: the runs tell them apart
            name = f"{name}: {', '.join(one_line(key, 20) for key in keys[:3])}{', …' if len(keys) > 3 else ''}"
        links.page_link("compare", f"Compare the {len(keys)} runs over {md(name, 100)}", ":material/compare_arrows:",
                        run=keys[0], other=keys[1:8])  # fmt: skip


def _change(runs: dict, task_runs: dict) -> None:
    st.header("Change a run", anchor=False)
    every = runs | {f"{key} ({run.kind})" if key in runs else key: run for key, run in task_runs.items()}
    key = st.selectbox("Run to change", list(every), key="changed_run")
    path = every[key].path
    chosen = key in runs
    left, right = st.columns(2)
    with left.popover("Rename", icon=":material/edit:"), st.form("rename_run", border=False):
        name = st.text_input("New name", path.name, max_chars=60)
        if st.form_submit_button("Rename it", type="primary"):
            _do(lambda: housekeeping.rename(path, name.strip()), name.strip() if chosen else links.get("run"))
    with right.popover("Delete", icon=":material/delete:"):
        st.markdown(
            f"Delete **{md(key, 80)}** for good? Its {housekeeping.size_of(path) / 1e6:,.1f} MB in {md(path)} cannot "
            "be brought back."
        )
        if st.button("Yes, delete it", type="primary", icon=":material/delete_forever:"):
            _do(lambda: housekeeping.delete(path), None if chosen else links.get("run"))


def _do(act, run: str | None) -> None:
    """Change a run, look the folders up anew, and show the page with what is there now."""
    try:
        act()
    except (LMIndexerError, OSError) as error:
        st.error(md(error, 600), icon=":material/error:")
        return
    context.forget_shelf()
    links.put(run=run)
    st.rerun()
