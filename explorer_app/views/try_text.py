"""Page 7: any text on its way down the tree of IDs, by the run's indexer or by a search model of its corpus."""

import numpy as np
import pandas as pd
import streamlit as st

from explorer_app import context, helplines, links, models, task_context
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export
from explorer_app.views import search_answers, way_parts
from explorer_app.views.parts import documents_table
from lmindexer import plots
from lmindexer.browse import RunBrowser, inside, likeness, neighbours, words

SHOWN = 20
EXAMPLES = ("a ball for my little son", "a small wild animal that eats insects", "stealing passwords from memory")

OWN = "the run's indexer"


def render() -> None:
    """Lay out the page."""
    run = context.current() if context.current_key() is not None else None
    st.title("Try a text")
    st.caption("Type a new product, or a wish; watch how the model sends it down the tree of IDs that exist.")
    searching = task_context.runs_of(task_context.SEARCH)
    if run is None and not searching:
        context.no_runs()
    left, middle, right = st.columns([5, 2, 3], vertical_alignment="bottom")
    text = links.long_words("Text", "text", where=left, placeholder=EXAMPLES[0]).strip()
    width = way_parts.beam(middle)
    options = [*([OWN] if run is not None else []), *searching]
    wanted = links.get("scorer")
    if wanted and wanted not in options:
        st.warning(f"There is no search model **{md(wanted, 80)}** for this corpus; shown is another.",
                   icon=":material/search_off:")  # fmt: skip
    scorer = links.choose("Model", options, "scorer", options[0], where=right, text=_model_name, said=True)
    if not text:
        st.info("Type a text, or take one of these.", icon=":material/edit_note:")
        with st.container(horizontal=True):
            for number, example in enumerate(EXAMPLES):
                st.button(md(example), key=f"example_{number}", on_click=links.put, kwargs={"text": example})
        return
    if scorer != OWN:
        search_answers.answers(scorer, text, width)
        return
    indexer = models.model(run)
    if indexer is None:
        return
    with st.spinner("Going down the tree …"):
        way = _way(run, indexer, text, width, models.key_of(run))
    _told_unlike(run, text, way)
    _paths(run, way)
    _ranking(run, way, width)
    _documents(run, way)


def _model_name(scorer: str) -> str:
    return scorer if scorer == OWN else search_answers.title_of_run(scorer)


@st.cache_data(max_entries=16, show_spinner=False)
def _way(_run: RunBrowser, _indexer, text: str, width: int, key: tuple) -> inside.Way:
    return inside.way_of(_run, _indexer, text, models.trie(_run), width)


def _told_unlike(run: RunBrowser, text: str, way: inside.Way) -> None:
    """Whether the text is like the corpus; where it is not, every probability below is about the wrong question."""
    found = likeness.likeness(run, text, way.state)
    said = []
    if found.known is not None:
        low, middle = found.usual_known
        share = f"{found.known:.0%} of its words are in the corpus (of a document's own words {middle:.0%} as a rule"
        missing = f"; unknown: {', '.join(found.unknown)}" if found.unknown else ""
        said.append(f"{share}, {low:.0%} or more for 19 of 20{missing})")
    if found.cosine is not None:
        low, middle = found.usual_cosine
        said.append(
            f"its nearest document has cosine {found.cosine:.2f} ({middle:.2f} between documents as a rule, "
            f"{low:.2f} or more for 19 of 20)"
        )
    if found.unlike:
        st.warning(
            f"This text is unlike the corpus: {md('; '.join(said), 500)}. The model has to choose one of the IDs that "
            "exist, so its probabilities say little here.", icon=":material/travel_explore:",
        )  # fmt: skip
    elif said:
        st.caption(f"The text is like the corpus: {md('; '.join(said), 500)}.")


def _paths(run: RunBrowser, way: inside.Way) -> None:
    steps = way.beam.steps
    names = {}
    for prefix in [(), *steps[steps["kept"]]["prefix"]]:
        if len(prefix) < run.positions:
            names |= {(*prefix, code): found for code, found in words.keywords(run, prefix).items()}
    best = way.beam.paths.iloc[0]
    st.markdown(
        f"## {md(id_of(best['codes']))} with probability {np.exp(best['score']):.1%}",
        help="The product of the code's probabilities along the path; dropped and impossible branches take the rest.",
    )
    figure = plots.beam_tree(steps, names, way.beam.paths, **way_parts.on_a_phone())
    seen = steps.assign(ID=[id_of(prefix) for prefix in steps["prefix"]], probability=np.exp(steps["score"]))
    seen = seen[["position", "ID", "log_probability", "probability", "kept", "documents"]]
    chart(figure, "beam", told=seen[seen["kept"]].drop(columns=["log_probability", "kept"]))
    export("beam", figure, {"branches": seen})


def _ranking(run: RunBrowser, way: inside.Way, width: int) -> None:
    st.header("All IDs, ranked exactly, beside the beam")
    if way.exact is None:
        st.info(
            "This run has too many IDs to rank them all while you wait; the beam stands alone.", icon=":material/speed:"
        )
        return
    beam = {codes: rank for rank, codes in enumerate(way.beam.paths["codes"], start=1)}
    top = way.exact.head(SHOWN)
    rows = pd.DataFrame(
        {
            "exact rank": range(1, len(top) + 1),
            "rank in beam": [beam.get(codes) for codes in top["codes"]],
            "ID": [id_of(codes) for codes in top["codes"]],
            "probability": np.exp(top["score"].to_numpy()),
            "log probability": top["score"].to_numpy(),
            "documents": [len(found) for found in top["documents"]],
            "key words": [words.name_of(run, [c for c in codes if c >= 0], 5) for codes in top["codes"]],
        }
    )
    both = len(set(way.exact["codes"].head(width)) & set(beam))
    st.caption(
        f"The beam of {width} found {both} of the {min(width, len(way.exact))} best of {len(way.exact):,} IDs "
        "in the corpus."
    )
    columns = [
        Column("exact rank", "exact rank", "number"), Column("rank in beam", "rank in beam", "number"),
        Column("ID", "ID", "code"), Column("probability", "probability", "number", 4),
        Column("log probability", "log probability", "number", 2, narrow=True),
        Column("documents", "documents", "number", narrow=True), Column("key words", "key words", "long", narrow=True),
    ]  # fmt: skip
    show(rows, columns, "ranking", "The exact ranking beside the beam's")


def _documents(run: RunBrowser, way: inside.Way) -> None:
    left, right = st.columns(2)
    with left:
        st.header("At the end of the best paths")
        found = inside.found_documents(run, way.beam.paths, SHOWN)
        extra = [Column("path", "path", "number"), Column("probability", "probability", "number", 3)]
        documents_table(found, "at_the_end", extra, "Documents at the end of the best paths", brief=True)
    with right:
        st.header("Nearest by state", help=helplines.COSINE)
        states = neighbours.states(run)
        if states is None or way.state is None:
            st.info("There are no states to compare with.", icon=":material/blur_off:")
            return
        near = neighbours.nearest(run, way.state, SHOWN)
        cosine = [Column("cosine", "cosine", "number", 3)]
        documents_table(near, "near", cosine, "Nearest documents by state", brief=True)
