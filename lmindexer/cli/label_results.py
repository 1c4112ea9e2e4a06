"""lmindexer label results | unblind | report: what a study found, on the terminal or on one page."""

from pathlib import Path
from typing import Annotated

import typer

from lmindexer.cli.label import By, StudyFile, _by, _opened, label
from lmindexer.common.errors import StudyError

Judge = Annotated[
    bool, typer.Option("--judge", help="Also an automatic judge (embedding similarity), beside people, never mixed in.")
]
Early = Annotated[str | None, typer.Option(metavar="REASON", help="Look before the end; this is kept in the study.")]


@label.command()
def results(study: StudyFile, judge: Judge = False, early: Early = None):
    """Print agreement, annotators and, once the study is unblinded, the results by method.

    \b
      lmindexer label results study.sqlite
      lmindexer label results study.sqlite --judge
    """
    from lmindexer.human_eval.results.results import study_results

    opened = _opened(study)
    found = study_results(opened, _judge(opened) if judge else None, early=early)
    for line in _lines(opened, found):
        typer.echo(line)


@label.command()
def unblind(
    study: StudyFile,
    by: By = None,
    reason: Annotated[str, typer.Option(help="Why; kept.")] = "",
    early: Annotated[bool, typer.Option("--early", help="Before the study has ended; this is kept, too.")] = False,
):
    """Show methods and right answers from now on. Who did it, when and why is kept; it cannot be taken back.

    \b
      lmindexer label unblind study.sqlite --reason "all disagreements are settled"
    """
    from lmindexer.human_eval.results.results import unblinded_words, unblinding_of

    opened = _opened(study)
    before = unblinding_of(opened)
    if before is None:
        opened.unblind(_by(by), reason, early=early)
        typer.echo(unblinded_words(unblinding_of(opened)))
    else:
        typer.echo(f"Nothing to do: {unblinded_words(before)}")


@label.command()
def report(
    study: StudyFile,
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The page (.html).")] = Path(
        "report.html"
    ),
    judge: Judge = False,
    early: Early = None,
):
    """Write the results as one HTML page with figures, which opens without a network.

    \b
      lmindexer label report study.sqlite -o report.html
    """
    from lmindexer.human_eval.results.report import write_report

    if output.suffix.lower() not in (".html", ".htm"):
        raise StudyError(f"{output}: a report is a page; give a name that ends in .html.")
    opened = _opened(study)
    write_report(opened, output, _judge(opened) if judge else None, early=early)
    typer.echo(f"Written to {output}.")


def _judge(study):
    from lmindexer.human_eval.results.judge import embedding_judge

    return embedding_judge(study)


def _lines(study, found) -> list[str]:
    """The results as lines of text."""
    from lmindexer.human_eval.results.findings import NAMES, number
    from lmindexer.human_eval.results.report import SIMULATED
    from lmindexer.human_eval.results.results import unblinded_words, unblinding_of

    counts = found.counts
    lines = [SIMULATED, ""] if found.simulated else []
    lines += [
        f"{study.name}: {counts['answers']:,} answers to {counts['questions']:,} questions by {counts['annotators']} "
        f"annotators ({counts['skipped']} skipped, {counts['gold']} gold, {counts['repeats']} repeats).",
        "", "Agreement (95 % interval)",
    ]  # fmt: skip
    for kind, table in found.agreement.items():
        lines.append(f"  {NAMES[kind]}")
        lines += [
            f"    {row.statistic + ('' if row.annotators == 'all' else ', ' + row.annotators):<40} "
            f"{number(row.value):>5}  ({number(row.low)} to {number(row.high)}), {row.units} questions"
            for row in table.itertuples()
        ]
    lines += ["", "Annotators"]
    for row in found.annotators.itertuples():
        remark = f"; {row.remark}" if row.remark else ""
        lines.append(
            f"  {row.annotator}: gold {number(row.gold_share)} of {row.gold}, repeats alike {number(row.consistency)} "
            f"of {row.repeats}, same as others {number(row.with_others)}, median {number(row.seconds, '.1f')} s{remark}"
        )
    lines.append("")
    if not found.unblinded:
        return [*lines, "Methods are hidden until the study is unblinded:  lmindexer label unblind STUDY"]
    lines += [unblinded_words(unblinding_of(study)), "", "By method (95 % interval)"]
    for row in found.methods.itertuples():
        judged = f", judge {number(row.judge)}" if found.judge is not None else ""
        lines.append(
            f"  {NAMES[row.type]:<40} {row.method:<28} {row.measure} {number(row.value)} ({number(row.low)} to "
            f"{number(row.high)}), {row.answers} answers{judged}"
        )
    return [*lines, "", *found.findings]
