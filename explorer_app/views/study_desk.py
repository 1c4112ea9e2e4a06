"""Studies of human evaluation: made from runs with the plan shown first, watched while they are answered, ended."""

import re
from pathlib import Path

import pandas as pd
import streamlit as st

from explorer_app import context, links, studies
from explorer_app.escaped import md
from explorer_app.link_table import Column, show
from lmindexer.common.errors import LMIndexerError
from lmindexer.human_eval import Study
from lmindexer.human_eval.answering.screen import time_left
from lmindexer.human_eval.planning.guide import PROMPTS, TYPES

PASSWORD = "study_password"
NAMES = "3, or: Ada, Ben, Cleo. With names, nobody else may sign in."


def render() -> None:
    """Lay out the page."""
    st.title("Studies", anchor=False)
    options = studies.found()
    studies.say_if_missing(options)
    if options:
        _list(options)
        key = studies.asked_for(options) or next(iter(options))
        try:
            _watched(key, studies.open_study(options[key]))
        except studies.TROUBLE as error:
            st.error(f"The study **{md(key, 80)}** cannot be opened: {md(error, 600)}", icon=":material/error:")
    else:
        st.info("There is no study in the folders yet; make one here.", icon=":material/ballot:")
    if not studies.only():
        _make()


# ------------------------------------------------------------------------------------------------------ the list


def _list(options: dict[str, Path]) -> None:
    rows = pd.DataFrame([_row(key, path) for key, path in options.items()])
    columns = [Column("title", "title"), Column("state", "state"), Column("share", "answered", "bar")]
    columns += [Column("annotators", "annotators"), Column("made", "made", narrow=True)]
    columns += [Column("file", "file", narrow=True)]
    show(rows, columns, "studies", "Studies", lambda place: ("studies", {"study": rows["key"].iloc[place]}))


def _row(key: str, path: Path) -> dict:
    row = {"key": key, "title": studies.title_of(path), "file": str(path)}
    try:
        study = studies.open_study(path)
        progress = study.progress()
        people = f"{len(study.annotators())} of {study.facts['slots']}"
        return row | {
            "state": state_of(study), "share": progress["done"] / max(progress["total"], 1),
            "annotators": people, "made": study.created[:16].replace("T", " "),
        }  # fmt: skip
    except studies.TROUBLE:
        return row | {"state": "cannot be opened", "share": None, "annotators": "", "made": ""}


def state_of(study: Study) -> str:
    """How a study stands, in words."""
    if study.simulated:
        return "simulated"
    if not study.ended:
        return "open"
    return "ended, unblinded" if study.unblinded else "ended, blinded"


# ------------------------------------------------------------------------------------------------ one, watched


def _watched(key: str, study: Study) -> None:
    st.header(md(study.name, 120), anchor=False)
    _progress(key, study)
    with st.container(horizontal=True):
        st.page_link(st.session_state["pages"]["label"], label="Label", query_params={"study": key})
        st.page_link(st.session_state["pages"]["results"], label="Results", query_params={"study": key})
        if not study.ended:
            studies.end_form(study, key="end_at_desk")
    with st.expander("The plan", icon=":material/checklist:"):
        st.text(study.plan)


@st.fragment(run_every=10)
def _progress(key: str, study: Study) -> None:
    """Looked at again every ten seconds; shows no answers."""
    found = study.progress()
    done, total = found["done"], found["total"]
    st.progress(done / max(total, 1), text=f"{done:,} of {total:,} screens are done; {total - done:,} are left")
    rows = study.paces()
    if rows.empty:
        st.info("Nobody has signed in yet.", icon=":material/group:")
        return
    rows["share"] = rows["done"] / rows["total"].clip(lower=1)
    rows["of"] = [f"{row.done:,} of {row.total:,}" for row in rows.itertuples()]
    rows["pace"] = [None if pd.isna(each) else f"{max(each, 1):.0f} s an answer" for each in rows["seconds_each"]]
    rows["left"] = [_left(row) for row in rows.itertuples()]
    rows["last"] = rows["last"].fillna("").str.slice(0, 16).str.replace("T", " ")
    columns = [Column("annotator", "annotator"), Column("of", "screens"), Column("share", "done", "bar")]
    columns += [Column("pace", "pace"), Column("left", "what is left"), Column("last", "last answer, UTC", narrow=True)]
    show(rows, columns, f"paces_{key}", "Progress by annotator")
    missing = study.facts["slots"] - len(rows)
    if missing > 0 and not study.ended:
        st.caption(f"{missing} {'place is' if missing == 1 else 'places are'} free.")


def _left(row) -> str | None:
    if row.done >= row.total:
        return "done"
    return None if pd.isna(row.seconds_left) else f"about {time_left(row.seconds_left)}"


# ------------------------------------------------------------------------------------------------------- made


def _make() -> None:
    st.header("Make a study", anchor=False)
    runs = context.shelf().runs
    if len(runs) < 2:
        st.info("A study compares at least two finished runs over one corpus.", icon=":material/compare_arrows:")
        return
    left, right = st.columns(2)
    chosen = left.multiselect("Runs over one corpus", list(runs), key="study_runs", placeholder="two or more")
    title = right.text_input("Title that annotators see", "Which texts belong together?", max_chars=80,
                             help="It must not say what the methods are.")  # fmt: skip
    usual = ["intruder", "pair"]
    asked = "\n".join(f"- {kind}: {PROMPTS[kind]}" for kind in TYPES)
    types = left.multiselect("Questions", TYPES, usual, help=asked)  # the kinds alone: two prompts do not fit the box
    per_method = right.number_input("Questions of each type for each run", 1, 1000, 40)
    people = left.text_input("Annotators: how many, or their names", "2", help=NAMES)
    overlap = right.number_input("Annotators of each question", 1, 100, 2)
    more = _more()
    if len(chosen) < 2 or not types:
        st.caption("Choose two runs or more and a type of question. The plan is shown before anything is kept.")
        return
    design = {"questions": list(types), "per_method": int(per_method), "overlap": int(overlap), **more}
    design["annotators"] = _people(people)
    if st.button("Show the plan", icon=":material/checklist:"):
        st.session_state["study_plan"] = (chosen, title, design)
    planned = st.session_state.get("study_plan")
    if planned == (chosen, title, design):
        _planned([runs[name] for name in chosen], title, design)
    elif planned:
        st.caption("The choices have changed since the plan was shown; show it again.")


def _more() -> dict:
    with st.expander("Further choices", icon=":material/tune:"):
        first, second, third, fourth = st.columns(4)
        repeats = first.slider("Hidden repeats", 0.0, 0.5, 0.1, help="Share that comes twice, unannounced.")
        gold = second.slider("Gold questions", 0.0, 0.5, 0.1, help="Share added with a known, easy answer.")
        length = third.number_input("Codes that make a prefix (0: as usual)", 0, 8, 0)
        seed = fourth.number_input("Seed", 0, 10**6, 0)
        first.text_input("Password (optional)", type="password", max_chars=200, key=PASSWORD)
    return {"repeats": repeats, "gold": gold, "length": int(length) or None, "seed": int(seed)}


def _people(text: str) -> int | list[str]:
    """
    >>> _people(" 3 "), _people("Ada, Ben")
    (3, ['Ada', 'Ben'])
    """
    text = text.strip()
    return int(text) if text.isdecimal() else [name.strip() for name in text.split(",") if name.strip()]


@st.cache_data(max_entries=8, show_spinner="Drawing the questions …")
def _plan(paths: list[str], design: dict) -> str:
    return Study.plan_of(paths, **design)


def _planned(bundles: list, title: str, design: dict) -> None:
    paths = [str(bundle.path) for bundle in bundles]
    try:
        with st.container(border=True):
            st.markdown("**The plan.** Nothing is kept yet.")
            st.text(_plan(paths, design))
            if st.button("Keep it and make the study", type="primary", icon=":material/save:"):
                path = free_path(context.writable_folder(), title)
                path.parent.mkdir(parents=True, exist_ok=True)
                Study.create(paths, path=path, name=title.strip() or None,
                             password=st.session_state.get(PASSWORD) or None, **design).close()  # fmt: skip
                st.session_state.pop("study_plan")
                studies.forget()
                links.goto("studies", study=studies.key_of(path))
                st.rerun()
    except (LMIndexerError, OSError) as error:
        st.error(md(error, 600), icon=":material/error:")


def free_path(folder: Path, title: str) -> Path:
    """A file for a new study after its title, with a number where it is taken."""
    slug = re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:40] or "study"
    path, number = folder / f"{slug}.sqlite", 2
    while path.exists():
        path, number = folder / f"{slug}-{number}.sqlite", number + 1
    return path
