"""A study's results on one HTML page that stands alone: findings, figures, tables, how they were made."""

import html
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from lmindexer._version import __version__
from lmindexer.common.errors import StudyError
from lmindexer.common.files import written_aside
from lmindexer.common.kinds import PATH, TABLE, TEXT, takes
from lmindexer.human_eval.planning.kinds import RESULTS, STUDY
from lmindexer.human_eval.planning.view import View
from lmindexer.human_eval.results.agreement import describe
from lmindexer.human_eval.results.findings import NAMES, interval_in_words, number, p_value
from lmindexer.human_eval.results.reliability import answer_labels, disagreements, time_outliers
from lmindexer.human_eval.results.results import Results, study_results, unblinded_words, unblinding_of
from lmindexer.plots import annotator_shares, answer_times, method_scores, preference_shares, rater_agreement

if TYPE_CHECKING:
    from lmindexer.human_eval.answering.study import Study

SIMULATED = (
    "The annotators of this study are simulated: programs answered, no person did. It shows what results look like and "
    "is no evidence about any method."
)
DIVIDED = 5  # questions shown as examples of disagreement
_STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.55 system-ui, sans-serif; color: #1b1f23; background: #fff; max-width: 72rem; margin: 0 auto;
  padding: 2rem 1.2rem 4rem; }
h1 { font-size: 1.8rem; line-height: 1.2; margin: 0 0 .3rem; } h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.4rem 0 .4rem; }
.note { color: #57606a; } .banner { border-left: .3rem solid #D55E00; background: #fdf3ec; padding: .7rem 1rem; }
details { margin: .5rem 0; } summary { cursor: pointer; } ul { padding-left: 1.2rem; } li { margin: .3rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .88rem; font-variant-numeric: tabular-nums; }
th, td { padding: .3rem .6rem; border-bottom: 1px solid #d8dee4; text-align: right; white-space: nowrap; }
th { white-space: normal; vertical-align: bottom; }
th:first-child, td:first-child, td.words, th.words { text-align: left; }
td.words { white-space: normal; min-width: 12rem; }
.question { border: 1px solid #d8dee4; border-radius: .4rem; padding: .6rem 1rem; margin: .8rem 0; }
.question p { margin: .35rem 0; overflow-wrap: anywhere; }
@media print { body { max-width: none; padding: 0; } h2 { break-after: avoid; } .question, tr { break-inside: avoid; } }
"""


def esc(text) -> str:
    """Text as it is for HTML, in words and in attributes."""
    return html.escape(str(text), quote=True)


@takes(study=STUDY, judge=TABLE, found=RESULTS, early=TEXT)
def report_html(
    study: "Study", judge: pd.DataFrame | None = None, found: Results | None = None, *, early: str | None = None
) -> str:
    """The report of a study that has ended; before the un-blinding, without a word about methods.

    Args:
        judge: `embedding_judge(study)`, shown beside what people said.
        found: `study_results(…)` when it is at hand already.
        early: a reason to look before the end, which the study keeps.

    Returns:
        One HTML page with everything in it, scripts of the figures included; every text of the study is escaped.
    """
    found = study_results(study, judge, early=early) if found is None else found
    parts = [_head(study, found), _findings(found), _methods(found), _agreement(found)]
    parts += [_annotators(study, found, early), _judge(found), _divided(study, early), _ways(study, found)]
    title = esc(f"{study.name}: human evaluation")
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>{title}</title>\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{_STYLE}</style></head>\n<body>'
        f"{_with_scripts(parts)}</body></html>\n"
    )


@takes(study=STUDY, path=PATH, judge=TABLE)
def write_report(study: "Study", path: str | Path, judge: pd.DataFrame | None = None, **more) -> Path:
    """Write `report_html(study, judge)` to a file, aside first and then renamed.

    Raises:
        StudyError: when the study may not be looked at, or the file cannot be written.
    """
    path = Path(path)
    text = report_html(study, judge, **more)
    with written_aside(path, StudyError) as aside:
        aside.write_text(text, encoding="utf-8")
    return path


class _Figures:
    """Marks the place of a figure; the plotting library itself goes into the page once, before the first of them."""

    def __init__(self):
        self.scripts_are_in = False

    def __call__(self, figure) -> str:
        figure.update_layout(template="plotly_white", autosize=True)
        text = figure.to_html(
            full_html=False, include_plotlyjs=not self.scripts_are_in, config={"displaylogo": False, "responsive": True}
        )
        self.scripts_are_in = True
        return f"<div>{text}</div>"


def _with_scripts(parts) -> str:
    draw = _Figures()
    return "\n".join("".join(one if isinstance(one, str) else draw(one) for one in part) for part in parts)


def _head(study: "Study", found: Results) -> list:
    counts = found.counts
    words = [f"{counts['answers']:,} answers to {counts['questions']:,} questions by {counts['annotators']} "
             + ("simulated annotators" if found.simulated else "annotators")]  # fmt: skip
    words += [f"{counts[name]:,} {said}" for name, said in (
        ("skipped", "skipped"), ("gold", "to gold questions"), ("repeats", "to hidden repeats"),
        ("imported", "imported"), ("after_unblinding", "after the un-blinding, which are left out"),
    ) if counts[name]]  # fmt: skip
    banner = f'<p class="banner">{esc(SIMULATED)}</p>' if found.simulated else ""
    made = f"Study made on {study.created[:10]}. {'; '.join(words)}."
    return [f'<h1>{esc(study.name)}</h1><p class="note">Human evaluation of semantic IDs. {esc(made)}</p>{banner}']


def _findings(found: Results) -> list:
    if not found.unblinded:
        return [
            "<h2>Results by method</h2><p>The study is blinded: no method is shown before it is unblinded, which the "
            "study keeps on record.</p>"
        ]
    said = "".join(f"<li>{esc(sentence)}</li>" for sentence in found.findings) or "<li>Nothing was compared.</li>"
    return [f"<h2>Findings</h2><ul>{said}</ul>"]


def _methods(found: Results) -> list:
    if not found.unblinded:
        return []
    parts: list = ["<h2>Results by method</h2>"]
    for ratings in (False, True):
        if ((found.methods["measure"] == "mean rating") == ratings).any():
            parts.append(method_scores(found.methods, ratings, found.simulated))
    rows = found.methods
    shown = {
        "questions": rows["type"].map(NAMES), "method": rows["method"], "measure": rows["measure"],
        "value": rows["value"].map(_two), "95 % interval": _interval(rows), "answers": rows["answers"],
        "as if independent": _interval(rows, "plain_low", "plain_high"), "settled": rows["settled"].map(_two),
        "judge": rows["judge"].map(_two), "guessing": rows["chance"].map(_two),
    }  # fmt: skip
    parts.append(_table(shown))
    if len(found.comparisons):
        rows = found.comparisons
        parts.append("<h3>Comparisons</h3>" + _table({
            "questions": rows["type"].map(NAMES), "methods": rows["method_a"] + " − " + rows["method_b"],
            "difference": rows["difference"].map(_two), "95 % interval": _interval(rows),
            "for other annotators": _interval(rows, "low_wide", "high_wide"), "p": rows["p"].map(p_value),
            "corrected": rows["p_holm"].map(p_value), "p, other annotators": rows["p_wide"].map(p_value),
            "in favour": rows["in_favour_of_a"].astype(str) + " of " + rows["annotators"].astype(str),
        }))  # fmt: skip
    if len(found.preferences):
        parts += ["<h3>A/B questions</h3>", preference_shares(found.preferences, found.simulated)]
    return parts


def _agreement(found: Results) -> list:
    parts: list = ["<h2>Agreement between annotators</h2>"]
    if found.agreement:
        parts.append(rater_agreement(found.agreement))
    for kind, table in found.agreement.items():
        rows = _table({
            "statistic": table["statistic"], "annotators": table["annotators"], "value": table["value"].map(_two),
            "95 % interval": _interval(table), "questions": table["units"], "answers": table["ratings"],
            "often called": [
                "" if row.statistic == "percent" else describe(row.value, row.units) for row in table.itertuples()
            ],
        })  # fmt: skip
        parts.append(f"<details><summary>{esc(NAMES[kind][0].upper() + NAMES[kind][1:])}</summary>{rows}</details>")
    if not found.agreement:
        parts.append("<p>No question was answered by two annotators.</p>")
    return parts


def _annotators(study: "Study", found: Results, early: str | None) -> list:
    rows, answers = found.annotators, study.answers(early=early)
    table = _table({
        "annotator": rows["annotator"], "answered": rows["answered"], "skipped": rows["skipped"],
        "gold right": [f"{_two(row.gold_share)} of {row.gold}" for row in rows.itertuples()],
        "repeats alike": [f"{_two(row.consistency)} of {row.repeats}" for row in rows.itertuples()],
        "same as others": rows["with_others"].map(_two), "median seconds": rows["seconds"].map(_two),
        "fast": rows["fast"], "slow": rows["slow"], "remark": rows["remark"],
    }, words=("remark",))  # fmt: skip
    return ["<h2>Annotators</h2>", annotator_shares(rows), table, answer_times(answers, time_outliers(answers))]


def _judge(found: Results) -> list:
    if found.judge is None or found.judge.empty:
        return []
    rows = found.judge
    return [
        "<h2>An automatic judge, for comparison</h2><p>A program answered the same questions by how alike the texts' "
        "embeddings are. Its answers are in none of the numbers above; the table says how often it gives the answer "
        "that people came to. It shares its encoder with indexers that start from MiniLM and leans towards them.</p>",
        _table({
            "questions": rows["type"].map(NAMES), "same answer": rows["share"].map(_two),
            "95 % interval": _interval(rows), "number": rows["questions"], "Cohen κ": rows["kappa"].map(_two),
        }),
    ]  # fmt: skip


def _divided(study: "Study", early: str | None) -> list:
    queue = disagreements(study, early=early)
    if queue.empty:
        return []
    open_, parts = int(queue["settled"].isna().sum()), []
    for row in queue.head(DIVIDED).itertuples():
        labels = answer_labels(study, row.question_id)
        settled = f" Settled: {esc(labels[row.settled])}." if row.settled is not None else ""
        shown = _texts(study.view(row.question_id))
        parts.append(f'<div class="question"><p><b>{esc(shown[0])}</b> Answers: {esc(row.answers)}.{settled}</p>'
                     f"{shown[1]}</div>")  # fmt: skip
    return [
        f"<h2>Disagreements</h2><p>{len(queue):,} questions were answered differently; {open_:,} of them are not "
        f"settled. The most divided:</p>{''.join(parts)}"
    ]


def _texts(view: View) -> tuple[str, str]:
    """The prompt (plain), and the documents as HTML."""
    lines, number = [], 0
    for group in view.groups:
        if len(view.groups) > 1:
            lines.append(f'<p class="note">{esc(group.heading)}</p>')
        for item in group.items:
            number += 1
            label = f"{item.choice}. " if item.choice else ""
            lines.append(f"<p>{esc(label)}<b>{esc(item.title)}</b> {esc(item.text)}</p>")
    return view.prompt, "".join(lines)


def _ways(study: "Study", found: Results) -> list:
    plan = "".join(f"<p>{esc(line)}</p>" for line in study.plan.splitlines() if line.strip())
    return [
        f"<h2>How this was made</h2>{plan}{_unblinding(study)}<p>Intervals of shares are Wilson's with the number of "
        "answers reduced to what it is worth, because answers to one question resemble each other; of ratings, "
        "Student's by question; of agreement and differences, bootstrap intervals (BCa) over questions. p: the labels "
        "of the methods are exchanged at random among matched questions (same type, stratum and distractor), each "
        "with all its answers; corrected by Holm's method for the number of comparisons. “For other annotators”: "
        "two-way cluster-robust variance over annotators and questions. Gold questions, hidden repeats and skips are "
        "in no result by method. “Settled” is the value when each question has one answer: the adjudicated one, or "
        f'the majority\'s.</p><p class="note">lmindexer {esc(__version__)}</p>'
    ]


def _unblinding(study: "Study") -> str:
    record = unblinding_of(study)
    if record is None:
        return "<p>The study has not been unblinded.</p>"
    return f"<p>{esc(unblinded_words(record))}</p>"


def _two(value) -> str:
    return number(value)


def _interval(rows: pd.DataFrame, low: str = "low", high: str = "high") -> list[str]:
    ends = rows[[low, high]].to_numpy(float)
    return [interval_in_words(a, b) for a, b in ends.tolist()]


def _table(columns: dict, words: tuple[str, ...] = ()) -> str:
    """Columns as an HTML table; cells are escaped."""
    head = "".join(f"<th{' class=words' if name in words else ''}>{esc(name)}</th>" for name in columns)
    kinds = ['<td class="words">' if name in words else "<td>" for name in columns]
    rows = zip(*columns.values(), strict=True)
    body = "".join(
        "<tr>" + "".join(f"{kind}{esc(cell)}</td>" for kind, cell in zip(kinds, row, strict=True)) + "</tr>"
        for row in rows
    )
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
