"""Page 4: did anything collapse, and when: curves over training, use of codes, collisions."""

import streamlit as st

from explorer_app import context, helplines, links
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export
from explorer_app.views import live
from lmindexer import plots
from lmindexer.browse import RunBrowser, usage, words
from lmindexer.browse.history import MEASURES, curves, measures_in
from lmindexer.quality.diagnostics import diagnose_positions

FIRST = "perplexity"  # drawn without being asked; the other measures are a press away, for each takes the browser time
SELDOM = (
    " Epochs without a point: the corpus is large and was not looked at after each; it is with "
    "`lmindexer fit … --set diagnose_every=1`."
)


def render() -> None:
    """Lay out the page."""
    run = context.current()
    st.title("Collapse")
    st.caption(
        "A run collapses when its codes stop telling documents apart: a reconstructor that never learned misguides the "
        "encoder, or an encoder that says too little is ignored. Warm-ups are shaded; the healthy range is green."
    )
    runs = {context.current_key(): run, **context.others("Lay other runs over this one")}
    _diagnosis(run)
    _training(run, runs)
    live.render()
    _codes(run)
    _collisions(run)


def _diagnosis(run: RunBrowser) -> None:
    found = [remark for remark in usage.remarks(run) if remark.mood == "bad"]
    for remark in found:
        st.error(md(remark.text, 600), icon=":material/error:")
    sick = diagnose_positions(_ends(run), run.documents)
    for words_of in sick:
        st.warning(md(words_of, 600), icon=":material/warning:")
    if run.quality is not None and not found and not sick:
        st.success(
            "No sign of a collapse in the final codes or at the end of any stage.", icon=":material/check_circle:"
        )


def _ends(run: RunBrowser) -> list[tuple[str, int, float, int]]:
    """(stage, position, perplexity, K) at the end of each stage of the training that was looked at."""
    history = run.bundle.history
    if history is None or "perplexity" not in history:
        return []
    rows = history[history["perplexity"].notna()].groupby(["position", "stage"], sort=False).tail(1)
    places = [(row.stage, int(row.position), row.perplexity) for row in rows.itertuples()]
    return [(*one, run.codebook_sizes[one[1] - 1]) for one in places if 1 <= one[1] <= run.positions]


def _training(run: RunBrowser, runs: dict[str, RunBrowser]) -> None:
    st.header("Over training")
    histories = {key: one.bundle.history for key, one in runs.items() if one.bundle.history is not None}
    there = measures_in(histories)
    if not there:
        st.info(
            "This run keeps no history of its training (a method without training, or a run made elsewhere).",
            icon=":material/show_chart:",
        )
        return
    chosen = links.several(
        "Measures", there, "measure", default=[FIRST if FIRST in there else there[0]], kind="pills",
        selection_mode="multi", format_func=MEASURES.get,
    )  # fmt: skip
    figures = {name: _curve(histories, name, run) for name in chosen}
    columns = st.columns(min(len(figures), 2))
    for place, (name, figure) in enumerate(figures.items()):
        with columns[place % 2]:
            chart(figure, f"curve_{name}")
            st.markdown(_capital(MEASURES[name]), help=helplines.LOSSES.get(name))
    st.caption(
        "Lines: dotted = reconstructor warm-up, dashed = continuous warm-up, star = k-means start, solid = codes."
        + (SELDOM if any(seldom_looked_at(history) for history in histories.values()) else "")
    )
    export("training", next(iter(figures.values())), {name: curves(histories, name) for name in figures})


def seldom_looked_at(history) -> bool:
    """Whether codes were being learned in epochs after which nobody looked at the whole corpus."""
    known = {"stage", "perplexity"} <= set(history.columns)
    return known and bool(history.loc[history["stage"] == "discrete", "perplexity"].isna().any())


def _curve(histories, name: str, run: RunBrowser):
    return plots.training_curves(histories, name, run.codebook_sizes, run.documents)


def _capital(words_of: str) -> str:
    return words_of[:1].upper() + words_of[1:]


def _codes(run: RunBrowser) -> None:
    st.header("Use of the codes")
    left, right = st.columns([2, 2], vertical_alignment="bottom")
    options = list(range(1, run.positions + 1))
    position = links.choose("Position", options, "position", 1, where=left, kind="segmented_control")
    by_size = not links.toggle("in the codebook's order", "inorder", where=right)
    names = words.keywords(run) if position == 1 else {}
    figure = plots.code_usage(run, position=position, by_size=by_size, names=names)
    sides = st.columns(2)
    with sides[0]:
        used = usage.code_usage(run, position)
        chart(figure, f"usage_{position}_{by_size}", told=used)
        export(f"usage-{position}", figure, {"use": used})
    with sides[1]:
        if run.quality is not None:
            chart(plots.perplexity(run.quality), "collapse_perplexity")
            st.markdown("Perplexity", help=helplines.PERPLEXITY)
            st.markdown("Perplexity inside a prefix", help=helplines.WITHIN)


def _collisions(run: RunBrowser) -> None:
    st.header("Documents with equal codes")
    left, right = st.columns(2)
    with left:
        figure = plots.collision_sizes(run)
        chart(figure, "collisions")
    with right:
        rows = usage.largest_collisions(run)
        if rows.empty:
            st.info("No two documents have equal codes.", icon=":material/fingerprint:")
            return
        codes = rows[[f"c{t}" for t in range(1, run.positions + 1)]].to_numpy().tolist()
        rows = rows.assign(ID=[id_of(code) for code in codes])[["ID", "documents"]]
        st.markdown("The most crowded IDs; a click lists their documents", help=helplines.SUFFIX)
        show(
            rows, [Column("ID", "ID", "code"), Column("documents", "documents", "number")], "crowded",
            "The most crowded IDs",
            lambda place: ("prefixes", links.query(prefix=".".join(str(c) for c in codes[place] if c >= 0))),
        )  # fmt: skip
