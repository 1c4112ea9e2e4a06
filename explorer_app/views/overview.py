"""Page 1: what a run learned, in one look."""

from functools import partial

import pandas as pd
import streamlit as st

from explorer_app import context, helplines, links, tree_picture
from explorer_app.escaped import id_of, md
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export, metrics, table
from explorer_app.views.parts import breadcrumbs
from lmindexer import plots
from lmindexer.browse import RunBrowser, documents, usage, words
from lmindexer.browse.prefixes import children, tree

DEPTH = 2  # levels of the tree at once; a click shows the next one
PER_LEVEL = {"icicle": 240, "sunburst": 96}  # parts of a level: what has a pixel, what plotly draws in time
HOW = {
    "icicle": "A click on a part goes down into it, the path above goes back up. Keys: arrows move, Enter goes down.",
    "sunburst": "A click on a part goes down into it, a click on the middle goes back up.",
}
KINDS = ("run", "AMI", "perplexity", "unique")  # of the columns of the runs' numbers, in their order
AMI_HELP = "Agreement of the first codes with the categories: 0 is what chance gives, 1 is the same grouping."
PERPLEXITY_HELP = "How many codes of the position are in even use."
MOODS = {"good": ":green[:material/check_circle:]", "fair": ":orange[:material/info:]", "bad": ":red[:material/error:]"}


def render() -> None:
    """Lay out the page."""
    run = context.current()
    manifest = run.bundle.manifest
    st.title(md(run.name, 80))
    corpus = manifest["corpus"].get("name") or "a corpus"
    made = str(manifest.get("created", "at an unknown time"))[:10]
    st.caption(f"{md(run.bundle.method)} on {md(corpus, 80)}, made {md(made)}")
    _numbers(run)
    _verdict(run)
    _tree(run)
    _against(run)
    with st.expander("Settings, seed, versions and timings", key="facts_open", on_change="rerun",
                     icon=":material/tune:") as folded:  # fmt: skip
        if folded.open:
            table(_facts(manifest), "facts", "Settings, seed, versions and timings")


def _numbers(run: RunBrowser) -> None:
    quality = run.quality
    cells = [("Documents", f"{run.documents:,}", "Documents that have an ID in this run.")]
    cells.append(("ID length", f"{run.positions}", "Learned positions T; the suffix is not counted."))
    sizes = " · ".join(f"{size:,}" for size in run.codebook_sizes)
    cells.append(("Codebooks", sizes, "K, the number of codes at each position."))
    if quality is not None and quality.levels:
        scores = [(quality.telling_ami(1, level), level) for level in range(1, quality.levels + 1)]
        best, level = max(((score, level) for score, level in scores if score is not None), default=(None, None))
        shown = "–" if best is None else f"{best:z.3f}"
        where = [] if best is None else [f"The best of the levels is shown: level {level}."]
        cells.append(("AMI of c1", shown, " ".join([helplines.AMI, *where, *quality.silent([1])])))
    if quality is not None and quality.perplexity[0] is not None:
        cells.append(("Perplexity c1", f"{quality.perplexity[0]:.1f}", helplines.PERPLEXITY))
    cells.append(("Unique IDs", f"{run.unique_share:.0%}", helplines.UNIQUE))
    metrics(cells)


def _verdict(run: RunBrowser) -> None:
    if run.quality is None:
        st.info(
            "This run has no metrics and is too large to measure while you wait; `lmindexer evaluate RUN` adds them.",
            icon=":material/straighten:",
        )
        return
    for remark in usage.remarks(run):
        st.markdown(f"{MOODS[remark.mood]} {md(remark.text, 600)}")


def _tree(run: RunBrowser) -> None:
    st.header("The tree of IDs")
    prefix = context.prefix(run)
    left, middle, _ = st.columns([2, 2, 3], vertical_alignment="bottom")
    level = context.level(run, where=left, label="Colour by category level")
    kind = links.choose("Shape", ["icicle", "sunburst"], "shape", "icicle", where=middle, kind="segmented_control")
    breadcrumbs(run, prefix, "overview")
    if len(prefix) >= run.positions:
        st.info("A full ID has nothing below it; go up by the path above.", icon=":material/account_tree:")
        return
    named = words.prepared(run)
    names = _names(run, prefix) if named else {}
    says = f"What lies under {id_of(prefix)}" if prefix else "The tree of IDs"
    colour = f", colour = leading category (level {level})" if level else ""
    figure = partial(plots.hierarchy, run, (), prefix, DEPTH, level or 1, kind, names, PER_LEVEL[kind])
    if kind == "icicle":
        st.markdown(f"**{md(says)}**: height = documents{colour}")
        tree_picture.show(tree(run, prefix, DEPTH, level or 1, PER_LEVEL[kind]), prefix, names, says)
    else:
        chart(figure(), f"tree_{'.'.join(map(str, prefix))}", lambda chosen: _drill(chosen, prefix), beside=True)
    if not named:
        _await_names(run)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(HOW[kind])
        ids = partial(documents.whole, run, prefix, texts=False)
        nodes = partial(tree, run, prefix, 3, level or 1, 400)
        tables = {"nodes": nodes, f"all IDs {'under this prefix' if prefix else 'of the run'}": ids}
        export("tree", figure, tables)
    links.page_link(
        "prefixes", f"Look closely at {md(id_of(prefix) or 'the first codes')}", ":material/bar_chart:",
        prefix=".".join(map(str, prefix)) or None,
    )  # fmt: skip
    _below(run, prefix, names)


def _below(run: RunBrowser, prefix: tuple[int, ...], names: dict) -> None:
    """The same codes as links, for keys and screen readers."""
    with st.expander("The codes of the picture as a list", key="tree_open", on_change="rerun",
                     icon=":material/list:") as folded:  # fmt: skip
        if not folded.open:
            return
        rows = children(run, prefix, None)
        start = ".".join(map(str, prefix)) + "." if prefix else ""
        rows["ID"] = [id_of((*prefix, code)) for code in rows["code"]]
        rows["words"] = [", ".join(names.get(f"{start}{code}", [])) for code in rows["code"]]
        columns = [Column("ID", "ID", "code"), Column("words", "key words"), Column("documents", "documents", "number")]
        show(
            rows, columns, "tree_list", "Codes below",
            lambda place: ("overview", links.query(prefix=f"{start}{rows['code'].iloc[place]}")),
        )  # fmt: skip


def _names(run: RunBrowser, prefix: tuple[int, ...]) -> dict[str, list[str]]:
    """Key words of the nodes of the first two levels shown."""
    names = {}
    top = words.keywords(run, prefix)
    start = ".".join(map(str, prefix)) + "." if prefix else ""
    for code, found in top.items():
        names[f"{start}{code}"] = found
    if run.documents <= words.EXACT_UP_TO:
        for code in top:
            for deeper, found in words.keywords(run, (*prefix, code)).items():
                names[f"{start}{code}.{deeper}"] = found
    return names


@st.fragment(run_every=0.5)
def _await_names(run: RunBrowser) -> None:
    """The page of a large run is there before its key words; when their texts are read it is drawn again."""
    st.caption("The key words of the codes are still being counted.")
    if words.prepared(run):
        st.rerun()


def _drill(chosen: dict, prefix: tuple[int, ...]) -> None:
    for point in chosen["points"][:1]:
        node = point.get("id") or ""
        wanted = links.parse_prefix(node.removesuffix(".rest")) if node != "all" else ()
        if wanted == prefix:
            wanted = prefix[:-1]
        links.put(prefix=".".join(map(str, wanted)), from_=None)


def _against(run: RunBrowser) -> None:
    st.header("Against the categories and against collapse")
    runs = {context.current_key(): run, **context.others("Lay other runs over this one")}
    qualities = {key: one.quality for key, one in runs.items() if one.quality is not None}
    if not qualities:
        st.info("None of these runs has metrics; `lmindexer evaluate RUN` adds them.", icon=":material/straighten:")
        return
    frame = _side_by_side(qualities)
    _bars(frame, qualities)
    export("runs", tables={"numbers": frame})
    for key, quality in qualities.items():
        for sentence in quality.silent([1]):
            st.caption(f"{md(key, 80)}: {sentence}")
    with st.expander(
        "The same as figures", key="against_open", on_change="rerun", icon=":material/bar_chart:"
    ) as folded:
        if folded.open:
            left, right = st.columns(2)
            with left:
                chart(plots.agreement(qualities), "overview_agreement")
            with right:
                chart(plots.perplexity(qualities), "overview_perplexity")


def _side_by_side(qualities: dict) -> pd.DataFrame:
    """One row a run: its AMI by category level, its perplexity by position, its unique IDs."""
    rows = []
    for key, quality in qualities.items():
        row = {"run": key}
        row |= {f"AMI, level {level}": quality.telling_ami(1, level) for level in range(1, quality.levels + 1)}
        row |= {f"perplexity {t}": value for t, value in enumerate(quality.perplexity, start=1)}
        rows.append(row | {"unique IDs": quality.collisions.unique_share})
    names = dict.fromkeys(name for row in rows for name in row)
    found = pd.DataFrame(rows, columns=sorted(names, key=lambda name: KINDS.index(name.split()[0].rstrip(","))))
    return found.astype({name: float for name in found if name != "run"})


def _bars(frame: pd.DataFrame, qualities: dict) -> None:
    """The table with a bar behind each number; a perplexity's is full at min(K, N)."""
    columns = [Column("run", "run")]
    for name in frame.columns[1:]:
        if name.startswith("AMI"):
            columns.append(Column(name, name, "bar", 3, AMI_HELP))
        elif name.startswith("perplexity"):
            place = int(name.rsplit(" ", 1)[1])
            most = max(min(quality.codebook_sizes[place - 1], quality.documents)
                       for quality in qualities.values() if quality.positions >= place)  # fmt: skip
            columns.append(Column(name, name, "bar", 1, f"{PERPLEXITY_HELP} The bar is full at {most:,}.", most=most))
        else:
            columns.append(Column(name, name, "bar", 2, helplines.UNIQUE))
    says = "Runs by agreement, perplexity and unique IDs"
    show(frame, columns, "overview_runs", says, lambda place: ("overview", {"run": frame["run"].iloc[place]}))


def _facts(manifest: dict) -> pd.DataFrame:
    parts = {"seed": {"seed": manifest.get("seed")}}
    parts |= {name: manifest.get(name) or {} for name in ("settings", "versions", "timings", "corpus")}
    rows = [(part, str(name), str(value)) for part, facts in parts.items() for name, value in facts.items()]
    return pd.DataFrame(rows, columns=["part", "name", "value"])
