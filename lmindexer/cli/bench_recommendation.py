"""lmindexer bench recommendation: the slides' Table 3 on any corpus with interactions."""

from pathlib import Path
from typing import Annotated

import typer

from lmindexer.cli.inputs import Columns, read_corpus, read_side, takes_columns
from lmindexer.cli.studies import check_output, command_of_report, deliver, may_be_stopped, numbers
from lmindexer.common.errors import SettingsError

OPTIONS = {"user_id": "user-column", "doc_id": "item-column", "position": "time-column"}
OPTIONS |= {"on_error": "interactions-on-error"}


@takes_columns
def recommendation(
    columns: Columns,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FOLDER|FILE|NAME]…", help="Folders as `data prepare` writes them, files, or attack."),
    ] = None,
    interactions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Who took what, beside a corpus in a file.")
    ] = None,
    user_column: Annotated[str, typer.Option(metavar="COLUMN", help="Of FILE: the users.")] = "user_id",
    item_column: Annotated[str, typer.Option(metavar="COLUMN", help="Of FILE: the documents.")] = "doc_id",
    time_column: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Of FILE: a date or number to sort by.  [default: row order]")
    ] = None,
    interactions_on_error: Annotated[
        str | None, typer.Option(metavar="raise|skip", help="Of FILE: stop at a bad row, or leave it out.")
    ] = None,
    only: Annotated[
        list[str] | None, typer.Option(metavar="MODEL", help="This model alone; may be given again.")
    ] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, with commas.")] = "0",
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="Where runs are kept.")] = Path(
        "runs/studies/recommendation"
    ),
    report_only: Annotated[bool, typer.Option("--report-only", help="Fit nothing: report what is finished.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the report.")] = None,
):
    """Table 3: which item does a user take next? HGN, GRU4Rec, BERT4Rec, FDSA, SASRec and others on one split.

    \b
      lmindexer bench recommendation attack
      lmindexer bench recommendation ../shared/data/amazon-beauty --seeds 0,1,2 -o recommendation.md
      lmindexer bench recommendation shop.csv --id sku --text title --interactions orders.csv \\
          --user-column customer --item-column sku --time-column ordered_at

    Leave-one-out, all items ranked, with and without the items of the history. Each model is kept as a run that
    `lmindexer recommend` opens. Ctrl-C stops at any moment; the same command goes on from there.
    """
    from lmindexer.studies.recommendation.lines import LINES
    from lmindexer.studies.recommendation.running import others, run_lines
    from lmindexer.studies.recommendation.writing import report

    check_output(output)
    lines = [_line(word, LINES) for word in only or LINES]
    if interactions is not None and len(sources or []) != 1:
        raise SettingsError("--interactions goes with one corpus; name one.")
    own = (user_column, item_column, time_column, interactions_on_error)
    given = dict(zip(("user_id", "doc_id", "position", "on_error"), own, strict=True))
    results = []
    with may_be_stopped():
        for source in sources or ["attack"]:
            task = _task(source, columns, interactions, given)
            typer.echo(repr(task))
            runs = run_lines(
                task, lines, numbers(seeds), folder, report_only=report_only, progress=True, say=typer.echo
            )
            results.append((task, runs + ([] if only else others(task, folder, runs))))
    deliver(report(results, command_of_report()), output)


def _line(word: str, lines: dict):
    if word not in lines:
        raise SettingsError(f"There is no model {word!r} in this study; give one of {', '.join(lines)}.")
    return lines[word]


def _task(source: str, columns: Columns, interactions: Path | None, given: dict):
    from lmindexer.corpus.relations import Interactions
    from lmindexer.tasks.recommendation import Recommendation

    corpus = read_corpus(source, columns)
    if interactions is None:
        return Recommendation(corpus)
    return Recommendation(corpus, read_side(Interactions, interactions, given, OPTIONS, corpus))
