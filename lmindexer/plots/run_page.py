"""A run as one page of HTML that needs no network and no program: what one sends to a colleague."""

import html
from datetime import date

import pandas as pd
import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

from lmindexer.browse import RunBrowser, documents, usage, words
from lmindexer.browse.codes import central
from lmindexer.browse.history import MEASURES, measures_in
from lmindexer.browse.mapping import POINTS, has_map, points
from lmindexer.browse.names import table_of
from lmindexer.browse.prefixes import children
from lmindexer.plots.agreement import agreement
from lmindexer.plots.category_distribution import category_distribution
from lmindexer.plots.code_usage import code_usage
from lmindexer.plots.collision_sizes import collision_sizes
from lmindexer.plots.hierarchy import hierarchy
from lmindexer.plots.id_map import id_map
from lmindexer.plots.perplexity import perplexity
from lmindexer.plots.training_curves import training_curves

EXAMPLES, SHOWN = 8, 5  # first codes with example documents, and documents of each
DRAWN = 4_000  # points of the map
CURVES = ("perplexity", "diff_ratio", "macro_f1", "loss")
MOODS = {"good": "✓", "fair": "·", "bad": "✗"}
_STYLE = """
:root { color-scheme: light; }
body { margin: 0; background: #fff; color: #1f2933; font: 16px/1.55 system-ui, sans-serif; }
main { max-width: 68rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
h1 { font-size: 1.8rem; margin-bottom: 0; } h2 { margin: 2.4rem 0 .4rem; font-size: 1.3rem; }
.said { color: #4b5563; } ul.verdict { list-style: none; padding: 0; }
ul.verdict .good { color: #006644; } ul.verdict .bad { color: #a3140a; }
ul.verdict b { display: inline-block; width: 1.2em; }
figure { margin: .8rem 0; overflow-x: auto; } figcaption { color: #4b5563; font-size: .9rem; }
table { border-collapse: collapse; font-size: .9rem; margin: .5rem 0; }
th, td { border-bottom: 1px solid #d8dee4; padding: .25rem .7rem .25rem 0; text-align: start; vertical-align: top;
  unicode-bidi: isolate; overflow-wrap: anywhere; }
td.n { text-align: end; font-variant-numeric: tabular-nums; } .wide { overflow-x: auto; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2.2rem; } dt { color: #4b5563; font-size: .85rem; }
dd { margin: 0; font-size: 1.2rem; } summary { cursor: pointer; color: #00527f; }
"""
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data: blob:"


def run_page(run: RunBrowser) -> str:
    """The page: numbers and verdict, the tree, codes and categories, collapse, the map, examples, settings.

    Every word of a document is escaped, and the page may load nothing from anywhere. With the drawing library it has
    about five megabytes.

    >>> Path("run.html").write_text(run_page(RunBrowser.from_bundle(bundle)), "utf-8")   # doctest: +SKIP
    """
    level = 1 if run.levels else None
    body = [_head(run), _tree(run, level), _codes(run, level), _collapse(run), _map(run), _examples(run), _facts(run)]
    title = html.escape(f"Semantic IDs: {run.name}")
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head><body><main>{''.join(body)}</main></body></html>\n"
    )


# -- the parts ---------------------------------------------------------------------------------------------


def _head(run: RunBrowser) -> str:
    manifest = run.bundle.manifest if run.bundle else {}
    made = [manifest.get("method"), (manifest.get("corpus") or {}).get("name"), str(manifest.get("created", ""))[:10]]
    said = " · ".join(filter(None, map(str, filter(None, made))))
    sizes = " · ".join(f"{size:,}" for size in run.codebook_sizes)
    cells = [("Documents", f"{run.documents:,}"), ("Codes of an ID", str(run.positions)), ("Codebooks", sizes)]
    quality = run.quality
    if quality is not None and quality.levels:
        for level in range(1, quality.levels + 1):
            value, why = quality.telling_ami(1, level), quality.says_nothing(1, level)
            shown = f"says nothing: {why}" if why else "–" if value is None else f"{round(value, 3) + 0.0:.3f}"
            cells.append((f"AMI of c1, level {level}", shown))
    cells.append(("Unique IDs", f"{run.unique_share:.0%}"))
    numbers = "".join(f"<div><dt>{html.escape(name)}</dt><dd>{html.escape(value)}</dd></div>" for name, value in cells)
    remarks = "".join(
        f'<li class="{remark.mood}"><b aria-hidden="true">{MOODS[remark.mood]}</b>{html.escape(remark.text)}</li>'
        for remark in usage.remarks(run)
    )
    return (
        f'<h1>{html.escape(run.name)}</h1><p class="said">{html.escape(said)}</p><dl>{numbers}</dl>'
        f'<ul class="verdict">{remarks}</ul>'
    )


def _tree(run: RunBrowser, level: int | None) -> str:
    names = {str(code): found for code, found in words.keywords(run).items()}
    figure = hierarchy(run, depth=2, level=level or 1, names=names, per_level=160)
    return "<h2>The tree of IDs</h2>" + _figure(figure, "Size = documents, colour = leading category.", 620)


def _codes(run: RunBrowser, level: int | None) -> str:
    parts, names = ["<h2>First codes and categories</h2>"], words.keywords(run)
    if level is not None:
        parts.append(_figure(category_distribution(run, level=level, names=names)))
    rows = children(run, (), level)
    rows.insert(1, "key words", [", ".join(names.get(code, [])) for code in rows["code"]])
    rows["code"] = [f"<{code}>" for code in rows["code"]]
    kept = ["code", "key words", "documents", "share", "category", "purity", "lift"]
    parts.append(_folded("The codes as a table", rows[[name for name in kept if name in rows]]))
    given = table_of(run)
    if len(given):
        parts.append(_folded("Names that people gave", given[["prefix", "name", "documents"]]))
    return "".join(parts)


def _collapse(run: RunBrowser) -> str:
    parts = ["<h2>Use of the codes</h2>"]
    if run.quality is not None:
        parts += [_figure(agreement(run.quality)) if run.quality.levels else "", _figure(perplexity(run.quality))]
    parts += [_figure(code_usage(run, position=1, names=words.keywords(run))), _figure(collision_sizes(run))]
    history = run.bundle.history if run.bundle is not None else None
    if history is not None:
        there = measures_in({run.name: history})
        for name in [name for name in CURVES if name in there]:
            drawn = training_curves({run.name: history}, name, run.codebook_sizes, run.documents)
            parts.append(_figure(drawn, f"{MEASURES[name]} over training; warm-ups are shaded."))
    return "".join(parts)


def _map(run: RunBrowser) -> str:
    if not has_map(run) or run.documents > POINTS:
        return ""
    found = points(run, ("position", 1), ())
    if len(found) > DRAWN:
        found = found.sample(DRAWN, random_state=0).sort_index()
    labels = {code: ", ".join(named[:2]) for code, named in words.keywords(run).items()}
    figure = id_map(found.assign(x=found["x"].round(2), y=found["y"].round(2)), "code 1", "position", labels, 4)
    return "<h2>Map</h2>" + _figure(
        figure, f"{len(found):,} of {run.documents:,} documents; distances are not the model's."
    )


def _examples(run: RunBrowser) -> str:
    parts, names = ["<h2>Examples</h2>"], words.keywords(run)
    for code in children(run, (), None)["code"].head(EXAMPLES):
        found = central(run, (int(code),), SHOWN)
        if found.empty:
            found = documents.page(run, (int(code),), limit=SHOWN).rows
        name = ", ".join(names.get(code, [])[:4])
        parts.append(f"<h3>{html.escape(f'<{code}> {name}')}</h3>" + _table(found[["title", "id", "text"]]))
    return "".join(parts)


def _facts(run: RunBrowser) -> str:
    manifest = run.bundle.manifest if run.bundle else {}
    rows = [
        (part, name, str(value))
        for part in ("settings", "versions", "timings", "corpus")
        for name, value in (manifest.get(part) or {}).items()
    ]
    table = pd.DataFrame(rows, columns=["part", "name", "value"])
    return f"<h2>How it was made</h2>{_folded('Settings, versions, timings', table)}<p class='said'>{date.today()}</p>"


# -- pieces ------------------------------------------------------------------------------------------------


def _figure(figure: go.Figure, caption: str = "", height: int | None = None) -> str:
    if height:
        figure.update_layout(height=height)
    figure.update_layout(paper_bgcolor="#fff", plot_bgcolor="#fff")
    drawn = figure.to_html(full_html=False, include_plotlyjs=False, config={"displaylogo": False, "responsive": True})
    said = f"<figcaption>{html.escape(caption)}</figcaption>" if caption else ""
    return f"<figure>{drawn}{said}</figure>"


def _folded(title: str, frame: pd.DataFrame) -> str:
    return f"<details><summary>{html.escape(title)}</summary>{_table(frame)}</details>"


def _table(frame: pd.DataFrame) -> str:
    head = "".join(f'<th scope="col">{html.escape(str(name))}</th>' for name in frame)
    lines = ("".join(map(_cell, row)) for row in frame.itertuples(index=False))
    rows = "".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _cell(value) -> str:
    if isinstance(value, float):
        return '<td class="n">–</td>' if value != value else f'<td class="n">{round(value, 2) + 0.0:,.2f}</td>'
    if isinstance(value, int) or hasattr(value, "__index__"):
        return f'<td class="n">{int(value):,}</td>'
    return f"<td>{html.escape('–' if value is None else str(value))}</td>"
