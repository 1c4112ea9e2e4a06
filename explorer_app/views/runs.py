"""The runs: where they are, how large, fits under way; rename one, delete one."""

import pandas as pd
import streamlit as st

from explorer_app import context, links
from explorer_app.link_table import Column, show
from explorer_app.show import export, md
from explorer_app.views import training
from lmindexer.common.errors import LMIndexerError
from lmindexer.runs import housekeeping


def render() -> None:
    """Lay out the page."""
    st.title("Runs")
    training.running()
    runs = context.shelf().runs
    if not runs:
        context.no_runs()
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
    _change(runs)


def _row(key: str, bundle) -> dict:
    manifest = bundle.manifest
    settings, corpus = manifest.get("settings") or {}, manifest.get("corpus") or {}
    size = settings.get("codebook_size") or settings.get("branching") or ""
    return {
        "run": key, "method": bundle.method, "corpus": str(corpus.get("name") or ""),
        "documents": corpus.get("documents"), "codebooks": str(size), "created": str(manifest.get("created", ""))[:16],
        "size": housekeeping.size_of(bundle.path) / 1e6, "path": str(bundle.path),
    }  # fmt: skip


def _compare(runs: dict) -> None:
    """For each corpus with several runs: a link that lays them all beside each other."""
    by_corpus: dict = {}
    for key, bundle in runs.items():
        by_corpus.setdefault(bundle.manifest["corpus"].get("fingerprint"), []).append(key)
    for fingerprint, keys in by_corpus.items():
        if fingerprint and len(keys) > 1:
            name = runs[keys[0]].manifest["corpus"].get("name") or "one corpus"
            links.page_link("compare", f"Compare the {len(keys)} runs over {md(name, 60)}", ":material/compare_arrows:",
                            run=keys[0], other=keys[1:8])  # fmt: skip


def _change(runs: dict) -> None:
    st.subheader("Change a run", anchor=False)
    key = st.selectbox("Run to change", list(runs), key="changed_run")
    left, right = st.columns(2)
    with left.popover("Rename", icon=":material/edit:"), st.form("rename_run", border=False):
        name = st.text_input("New name", key, max_chars=60)
        if st.form_submit_button("Rename it", type="primary"):
            _do(lambda: housekeeping.rename(runs[key].path, name.strip()), name.strip())
    with right.popover("Delete", icon=":material/delete:"):
        path = runs[key].path
        st.markdown(
            f"Delete **{md(key, 80)}** for good? Its {housekeeping.size_of(path) / 1e6:,.1f} MB in {md(path)} cannot "
            "be brought back."
        )
        if st.button("Yes, delete it", type="primary", icon=":material/delete_forever:"):
            _do(lambda: housekeeping.delete(path), None)


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
