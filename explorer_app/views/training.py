"""Training from a page: which fits are under way, and the form that starts one of any method."""

import pandas as pd
import streamlit as st

from explorer_app import context, links
from explorer_app.escaped import md
from explorer_app.link_table import Column, show
from explorer_app.progress import watch
from lmindexer.common.errors import LMIndexerError
from lmindexer.runs import jobs
from lmindexer.settings.text import read_setting

METHODS = {
    "lmindexer": "LMIndexer: learned by reconstruction",
    "rqvae": "rq-VAE: residual codes of a small network",
    "residual_kmeans": "residual k-means on text vectors",
    "hierarchical": "hierarchical clustering of text vectors",
    "random": "random IDs, as a control",
    "category": "the categories themselves, as a control",
}
SHAPED = ("lmindexer", "rqvae", "residual_kmeans", "random")  # methods with positions and codebook_size


def running(but: str | None = None) -> None:
    """Fits that are not finished, and the one that was started here last, each with its progress."""
    known = {path.name: path for path in jobs.unfinished(context.writable_folder())}
    last = links.get("job")
    if last in context.shelf().runs and last not in known:
        known[last] = context.shelf().get(last).path
    for name, path in known.items():
        if name != but:
            watch(path, f"job_{name}", curves=name == last)


def started(name: str) -> None:
    """The progress of the fit that was started here, at the place where it was started."""
    known = {path.name: path for path in jobs.unfinished(context.writable_folder())}
    finished = context.shelf().get(name)
    path = known.get(name) or (finished.path if finished else None)
    if path is not None:
        watch(path, f"job_{name}")


def form(corpus) -> None:
    """Name, method and settings of a fit of `corpus`, and the button that starts it."""
    st.header("3. Train")
    first, second, third = st.columns(3)
    name = first.text_input("Name of the run", free_name(corpus.name), max_chars=60)
    method = second.selectbox("Method", list(METHODS), format_func=METHODS.get)
    preset, settings = _settings(method, corpus, first, second, third)
    changes = _changes(method, preset)
    if changes is None or not st.button("Train", type="primary", icon=":material/play_arrow:"):
        return
    try:
        run = jobs.start(context.writable_folder(), name.strip(), corpus, preset, method, **settings | changes)
    except (LMIndexerError, OSError) as error:
        st.error(md(error, 600), icon=":material/error:")
        return
    st.toast(f"{md(run.name)} is being trained.", icon=":material/play_circle:")
    links.put(job=run.name)
    st.rerun()


def _settings(method: str, corpus, first, second, third) -> tuple[str | None, dict]:
    """The choices that a method has: its preset and settings by name."""
    preset, settings = None, {}
    if method == "lmindexer":
        preset = second.segmented_control(
            "Preset", ["tiny", "minilm"], default="minilm", required=True,
            help="tiny: minutes or less, to try out. minilm: the real thing on a laptop.",
        )  # fmt: skip
    small = preset == "tiny"
    if method in SHAPED:
        settings["positions"] = first.slider("Codes in an ID", 1, 4, 2 if small else 3)
        settings["codebook_size"] = second.select_slider(
            "Codes at each position (K)", [4, 8, 16, 32, 64, 128, 256], 8 if small else 32
        )
    elif method == "hierarchical":
        settings["branching"] = second.select_slider("Parts of a group", [2, 4, 8, 16, 32, 64], 32)
        settings["max_depth"] = first.slider("Codes in the longest ID", 1, 6, 3)
    if method not in ("random", "category"):
        settings["category_text"] = third.toggle(
            "Let the model read the categories", disabled=not corpus.levels,
            help="The slides' setting: agreement with the categories is then no surprise.",
        )  # fmt: skip
    if method != "category":
        settings["seed"] = int(third.number_input("Seed", 0, 10_000, 0))
    return preset, settings


def _changes(method: str, preset: str | None) -> dict | None:
    """Further settings, written as on the shell; None while one cannot be read."""
    with st.expander("Further settings", icon=":material/tune:"):
        written = st.text_area(
            "One a line, as name=value", placeholder="learning_rate=0.001", key=f"changes_{method}",
            help="The table below lists them.",
        )  # fmt: skip
        _table_of_settings(method, preset)
    found = {}
    for line in filter(str.strip, written.splitlines()):
        name, equals, value = line.partition("=")
        if not equals:
            st.error(f"{md(line, 80)} is no setting; write name=value.", icon=":material/error:")
            return None
        found[name.strip()] = read_setting(value.strip())
    return found


def _table_of_settings(method: str, preset: str | None) -> None:
    """All settings of the method with the values that they have without a word here."""
    from lmindexer.settings.methods import settings_of  # which loads torch

    usual = settings_of(method, preset).to_dict()
    rows = pd.DataFrame({"name": list(usual), "value": [str(value) for value in usual.values()]})
    show(rows, [Column("name", "setting", "code"), Column("value", "value without a word here")],
         f"settings_{method}_{preset}", "Settings of the method")  # fmt: skip


def free_name(name: str) -> str:
    """A name for a new run after its corpus, with a number where it is taken.

    The corpus's name may hold any sign; what cannot be in a folder's name becomes "-".
    """
    slug = "".join(sign if sign.isascii() and (sign.isalnum() or sign in "._-") else "-" for sign in name)
    slug, number = slug.strip("-.")[:50] or "corpus", 2
    folder, start = context.writable_folder(), slug
    while (folder / slug).exists():
        slug, number = f"{start}-{number}", number + 1
    return slug
