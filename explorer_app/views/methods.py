"""Task results: methods by metrics with intervals and seeds, and what one of them did with every query."""

import pandas as pd
import streamlit as st

from explorer_app import links, task_context
from explorer_app.escaped import md
from explorer_app.link_table import Column, show
from explorer_app.show import chart, export
from explorer_app.views import way_parts
from explorer_app.views.parts import PAGE_SIZE
from lmindexer import plots
from lmindexer.browse import task_methods
from lmindexer.tasks.decoding import lost_table

VIEWS = {
    "raw": "all items", "unseen": "new items only", "all": "the path's score", "ties": "ties by state",
    "hybrid": "path and dense together",
}  # fmt: skip


def render() -> None:
    """Lay out the page."""
    st.title("Task results")
    st.caption("What the IDs are worth in use: methods on one task, and the queries that each of them lost.")
    runs = task_context.runs_of()
    if not runs:
        task_context.none_here()
    tasks = task_methods.by_task(runs)
    columns = st.columns([2, 2, 5], vertical_alignment="bottom")
    wanted = links.get("model")
    usual = next((name for name, some in tasks.items() if wanted in some), next(iter(tasks)))
    name = links.choose("Task", list(tasks), "task", usual, text=_spoken, where=columns[0])
    group = tasks[name]
    found = task_context.measured(group, tuple(task_context.stamp(run) for run in group.values()))
    for key, why in found.broken.items():
        st.warning(f"**{md(key)}** is left out: {md(why, 400)}", icon=":material/warning:")
    views = found.evaluation.views
    view = links.choose("Ranking", views, "view", views[0], text=lambda one: VIEWS.get(one, one), where=columns[1])
    metric = links.choose("Metric", list(found.task.metrics), "metric", found.task.metrics[0], where=columns[2],
                          kind="segmented_control")  # fmt: skip
    table = found.table(view)
    key = wanted if any(wanted in keys for keys in found.keys.values()) else table["key"].iloc[0]
    if wanted and wanted != key:
        links.not_here([wanted], key)
    _table(found, table, view, metric, key)
    _ids(group, found, view, metric)
    _queries(group, found, view, key)


def _spoken(name: str) -> str:
    kind, _, mark = name.partition(" ")
    return f"{task_context.SPOKEN.get(kind, kind)} {mark}".strip()


def _about(task) -> str:
    """What a task is made of, in words: its corpus and its counts."""
    inside = str(task).partition("(")[2].removesuffix(")")
    return inside.replace(repr(task.corpus.name), f"{task.corpus.name}:", 1).replace(":,", ":", 1)


def _here(**changes) -> dict:
    """This page's link with changes."""
    names = ("task", "view", "metric", "model", "beam", "lost", "ids", "codes", "level")
    return links.query(**({name: links.get(name) for name in names if links.get(name)} | changes))


def _table(found: task_methods.Methods, table: pd.DataFrame, view: str, metric: str, key: str) -> None:
    st.markdown(f"**{md(_about(found.task), 300)}**")
    rows = table[["method", "seeds", "processor_seconds"]].copy()
    columns = [Column("method", "method")]
    for name in found.task.metrics:
        rows[name] = [_interval(row, name) for _, row in table.iterrows()]
        columns.append(Column(name, name, "code", narrow=name != metric, help="mean (95 % interval over queries)"))
    if (table["seeds"] > 1).any():
        rows["sd"] = table[f"{metric} sd"]
        columns.append(Column("sd", "sd over seeds", "number", 4, f"of {metric}", narrow=True))
    columns.append(Column("seeds", "seeds", "number"))
    columns.append(Column("processor_seconds", "seconds", "number", 1, "processor seconds of a fit", narrow=True))
    own = [found.keys[method] for method in rows["method"]]
    show(rows, columns, "methods", "Methods by metrics",
         lambda place: ("methods", _here(model=own[place][0], **{"from": None})),
         chosen=next(place for place, keys in enumerate(own) if key in keys))  # fmt: skip
    seeds = {method: [float(one.mean()) for one in found.evaluation.seeds_of(method, metric, view)]
             for method in table["method"]}  # fmt: skip
    figure = plots.method_metric(table, metric, seeds)
    chart(figure, f"metric_{metric}_{view}", beside=True)
    export("methods", figure, {"methods": table.drop(columns="key")})


def _ids(group: dict, found: task_methods.Methods, view: str, metric: str) -> None:
    """Where several methods answer by IDs: what their IDs are beside what they reach, when it is asked for."""
    keys = [keys[0] for keys in found.keys.values()]
    keys = [key for key in keys if group[key].model_folder is not None and task_methods.writes_ids(group[key])]
    levels = found.task.corpus.levels
    if len(keys) < 2 or not levels:
        return
    if not links.toggle("Do IDs that agree with the categories answer better?", "ids"):
        return
    models = {key: task_context.model(group[key]) for key in keys}
    depth = max(len(model.ids_.codebook_sizes) for model in models.values())
    columns = st.columns([2, 2, 5])
    length = links.choose("Codes", range(1, depth + 1), "codes", 1, where=columns[0])
    level = links.choose("Category level", range(1, levels + 1), "level", 1, where=columns[1])
    rows = task_methods.ids_and_metric(found, models, view, length, level)
    of = f"c1 … c{length}" if length > 1 else "c1"
    figure = plots.agreement_metric(rows, metric, f"{of} with level {level}")
    chart(figure, f"ids_{metric}_{view}_{length}_{level}", beside=True)
    rows = rows[["method", "ami", "shared", metric]].rename(columns={metric: "value"})
    columns = [Column("method", "method"), Column("ami", "AMI", "number", 3), Column("value", metric, "number", 4)]
    columns.insert(2, Column("shared", "share their codes", "number", 3, "share of documents whose codes another has"))
    show(rows, columns, "ids_table", "IDs and what they are worth")
    export("ids", figure, {"ids": rows})


def _interval(row, name: str) -> str:
    return f"{row[name]:.4f} ({row[f'{name} low']:.4f}–{row[f'{name} high']:.4f})"


def _queries(group: dict, found: task_methods.Methods, view: str, key: str) -> None:
    run = group[key]
    st.header(f"What went wrong: {md(run.label, 80)}", anchor=False)
    keys = next(keys for keys in found.keys.values() if key in keys)
    left, right = st.columns([3, 2], vertical_alignment="bottom")
    if len(keys) > 1:
        chosen = links.choose("Seed (run)", keys, "model", key, where=left, said=True)
        run = group[chosen]
    outcomes = task_methods.outcomes(run, found.task, view)
    lost, width, levels = None, 0, 0
    model = task_context.model(run) if run.model_folder is not None else None
    if model is not None and task_methods.goes_down_a_tree(model):
        width, levels = way_parts.beam(right), len(model.ids_.codebook_sizes)
        lost = task_context.losses(model, task_context.stamp(run), width)
        _positions(lost, levels, width, len(outcomes))
    elif model is not None:
        st.caption(f"{md(run.label)} goes down no tree: its queries are sorted by the rank of the right document.")
    rows = task_methods.went_wrong(outcomes, lost)
    if lost is not None:
        rows = _filtered(rows, levels)
    _list(rows, run.kind, view, key if len(keys) == 1 else links.get("model") or key, levels)


def _positions(lost: pd.DataFrame, levels: int, width: int, queries: int) -> None:
    table = lost_table(lost)
    figure = plots.lost_positions(table, levels, width)
    chart(figure, f"lost_{width}", beside=True)
    last = sum(name.startswith("lost_at_") for name in table.columns)
    row = table.iloc[0]
    rows = pd.DataFrame(
        {
            "position": [way_parts.position_name(t, levels) for t in range(1, last + 1)] + ["never lost"],
            "share": [*(row[f"lost_at_{t}"] for t in range(1, last + 1)), row["found"]],
            "right": [*(row[f"p{t}"] for t in range(1, last + 1)), None],
        }
    )
    columns = [Column("position", "lost at"), Column("share", "share of queries", "bar")]
    columns.append(Column("right", "P(right code)", "number", 3, "geometric mean, after the right codes before it"))
    with st.expander("The same as a table"):
        show(rows, columns, "lost_table", "Where right answers are lost")
    if len(lost) < queries:
        st.caption(f"{len(lost):,} of {queries:,} queries, drawn at random, were followed down the tree.")
    export("lost", figure, {"positions": rows})


def _filtered(rows: pd.DataFrame, levels: int) -> pd.DataFrame:
    known = ["all", *sorted({str(lost) for lost in rows["lost"] if lost}), "0"]

    def said(one: str) -> str:
        return {"all": "all", "0": "never lost"}.get(one) or way_parts.position_name(int(one), levels)

    wanted = links.choose("Lost at", known, "lost", "all", text=said, kind="segmented_control")
    return rows if wanted == "all" else rows[rows["lost"] == int(wanted)].reset_index(drop=True)


def _list(rows: pd.DataFrame, kind: str, view: str, key: str, levels: int) -> None:
    if rows.empty:
        st.info("No query was lost there.", icon=":material/check_circle:")
        return
    offset = min(links.number("from", 0, 10**9, 0), (len(rows) - 1) // PAGE_SIZE * PAGE_SIZE)
    shown = rows.iloc[offset : offset + PAGE_SIZE].reset_index(drop=True)
    searches = kind != "recommendation"
    named = shown.assign(
        name=shown["asked"] if searches else shown["query"],
        placed=[str(rank or "–") for rank in shown["rank"]],
    )
    columns = [Column("name", "query" if searches else "user"), Column("title", "right document")]
    if "lost" in shown:
        named["lost_at"] = [way_parts.position_name(lost, levels) if lost else "never" for lost in shown["lost"]]
        columns += [Column("lost_at", "lost at"), Column("exact_rank", "exact rank", "number", narrow=True)]
    columns.append(Column("placed", "kept rank", "code", help="of the best right document in the ranking that the run "
                          "keeps; – is beyond it", narrow="lost" in shown))  # fmt: skip
    show(named, columns, "wrong", "Queries, the earliest lost first",
         lambda place: _way_of(shown.loc[place], searches, view, key))  # fmt: skip
    _pager(offset, len(rows))
    export("queries", tables={"queries": rows})


def _way_of(row: pd.Series, searches: bool, view: str, key: str):
    """The page that shows a query's way down the tree, in the ranking that is looked at."""
    more = {"view": view, "beam": links.get("beam") or None}
    if searches:
        return "try", links.query(text=row["asked"][:2000], scorer=key, query=row["query"], **more)
    return "recommend", links.query(user=row["query"], model=key, **more)


def _pager(offset: int, total: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        st.button("Previous", icon=":material/chevron_left:", key="wrong_previous", disabled=offset == 0,
                  on_click=links.put, kwargs={"from": max(offset - PAGE_SIZE, 0) or None})  # fmt: skip
        st.markdown(f"{offset + 1:,}–{min(offset + PAGE_SIZE, total):,} of {total:,}", width="content")
        st.button("Next", icon=":material/chevron_right:", key="wrong_next", disabled=offset + PAGE_SIZE >= total,
                  on_click=links.put, kwargs={"from": offset + PAGE_SIZE})  # fmt: skip
