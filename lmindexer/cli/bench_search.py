"""lmindexer bench search: the slides' Tables 4 and 6 on any corpus with queries."""

from pathlib import Path
from typing import Annotated

import typer

from lmindexer.cli.inputs import Columns, QueryFile, read_corpus, takes_columns
from lmindexer.cli.studies import check_output, command_of_report, deliver, may_be_stopped, numbers
from lmindexer.common.errors import SettingsError


@takes_columns
def search(
    columns: Columns,
    queries: QueryFile,
    sources: Annotated[
        list[str] | None,
        typer.Argument(metavar="[FOLDER|FILE|NAME]…", help="Folders as `data prepare` writes them, files, samples."),
    ] = None,
    irrelevant: Annotated[
        float | None,
        typer.Option(metavar="SCORE", help="The score that means: does not fit. It makes this product search."),
    ] = None,
    sample: Annotated[
        str | None,
        typer.Option(metavar="TRAIN,VALIDATION,TEST", help="So many queries of each split, drawn by a hash."),
    ] = None,
    sample_seed: Annotated[int, typer.Option(min=0, help="Of the sample.")] = 0,
    only: Annotated[list[str] | None, typer.Option(metavar="LINE", help="This line alone; may be given again.")] = None,
    seeds: Annotated[str, typer.Option(help="Seeds, with commas.")] = "0",
    folder: Annotated[Path, typer.Option(metavar="FOLDER", help="Where runs are kept.")] = Path("runs/studies/search"),
    report_only: Annotated[bool, typer.Option("--report-only", help="Fit nothing: report what is finished.")] = False,
    output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the report.")] = None,
):
    """Tables 4 and 6: which document does a query mean? bm25, dense, SEAL and generative search on one split.

    \b
      lmindexer bench search wordnet --only bm25 --only dense --only generative-nodes
      lmindexer bench search ../shared/data/nfcorpus --seeds 0,1,2 -o retrieval.md
      lmindexer bench search ../shared/data/homedepot --irrelevant 1 -o product_search.md
      lmindexer bench search attack --sample 5000,500,800 --only generative-nodes

    Each line is kept as a run that `lmindexer search` opens. Ctrl-C stops at any moment; the same command goes on
    from there.
    """
    from lmindexer.studies.recommendation.running import run_lines
    from lmindexer.studies.search.lines import lines_for
    from lmindexer.studies.search.writing import report

    check_output(output)
    if queries.queries is not None and len(sources or []) != 1:
        raise SettingsError("--queries goes with one corpus; name one.")
    results, chosen = [], numbers(seeds)
    drawn = None if sample is None else numbers(sample)
    if drawn is not None and len(drawn) != 3:
        raise SettingsError(f"--sample is {sample!r}; give three numbers of queries, as in --sample 5000,500,800.")
    with may_be_stopped():
        for source in sources or ["wordnet", "attack"]:
            task = _task(source, columns, queries, irrelevant)
            task = task if drawn is None else task.sample(*drawn, seed=sample_seed)
            typer.echo(repr(task))
            for note in task.notes:
                typer.echo(f"  {note}")
            known = lines_for(task.corpus)
            unknown = [word for word in only or [] if word not in known]
            if unknown:
                raise SettingsError(f"There is no line {unknown[0]!r} in this study; give one of {', '.join(known)}.")
            lines = [known[word] for word in only or known]
            results.append(
                (task, run_lines(task, lines, chosen, folder, report_only=report_only, progress=True, say=typer.echo))
            )
    deliver(report(results, command_of_report()), output)


def _task(source: str, columns: Columns, queries: QueryFile, irrelevant: float | None):
    from lmindexer.tasks.search import ProductSearch, Retrieval

    corpus = read_corpus(source, columns)
    asked = queries.read()
    return Retrieval(corpus, asked) if irrelevant is None else ProductSearch(corpus, asked, irrelevant=irrelevant)
