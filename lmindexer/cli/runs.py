"""lmindexer encode, evaluate, report: what a finished run is used for."""

from pathlib import Path
from typing import Annotated

import typer

from lmindexer.cli.app import is_first
from lmindexer.cli.inputs import Columns, open_run, read_corpus, takes_columns
from lmindexer.cli.outputs import check_output, check_page, report_of, write_table, write_text

Run = Annotated[Path, typer.Argument(metavar="RUN", help="Folder of a finished run.")]
Output = Annotated[
    Path | None,
    typer.Option("-o", "--output", metavar="FILE", help="Write there: .csv, .tsv, .jsonl or .parquet."),
]


@takes_columns
def encode(
    run: Run,
    source: Annotated[str, typer.Argument(metavar="FILE|NAME", help="New documents, as for fit.")],
    columns: Columns,
    output: Output = None,
    on_change: Annotated[
        str,
        typer.Option(metavar="keep|new|error", help="A document of the fit has another text: keep its ID, or not."),
    ] = "keep",
):
    """Give new documents their semantic IDs, by a run.

    \b
      lmindexer encode runs/products new.csv --id sku --text title --text body -o new_ids.csv

    The table has doc_id, the codes c1, c2, …, a suffix that tells documents with equal codes apart, the ID as
    text, and p1, p2, …: how probable each code is. Documents that the run was fitted on, known by their ids, keep their
    IDs unless --on-change new; rows that are only numbered (--number-rows) are new documents.
    Without -o the first rows are shown.
    """
    from lmindexer.indexers import load_indexer

    if output is not None:
        check_output(output)
    corpus = read_corpus(source, columns)
    encoded = load_indexer(run).encode(corpus, details=True, on_change=on_change)
    if not is_first():  # of several processes, which shared the work out
        return
    frame = encoded.ids.to_frame()
    for position in range(encoded.ids.positions):
        frame[f"p{position + 1}"] = encoded.probabilities[:, position].round(4)
    if output is None:
        typer.echo(frame.head(20).to_string(index=False))
    else:
        write_table(frame, output)
    if len(encoded.changed):
        say_changes(corpus, encoded.changed, on_change)
    typer.echo(
        f"{_count(len(frame), 'document')}; {_count(encoded.new_collisions, 'new collision')} (documents whose codes "
        "another has)" + (f"; written to {output}" if output else "")
    )


def evaluate(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN", help="Folders of finished runs.")],
    output: Output = None,
):
    """Measure the IDs of one run or several.

    \b
      lmindexer evaluate runs/wordnet
      lmindexer evaluate runs/a runs/b -o comparison.csv

    Agreement with the categories, use of the codes, distinct prefixes: one row for each position. ami compares
    the prefixes up to there with the whole category path (0 is chance, 1 is equal); perplexity counts the codes
    in use, as if all were used alike; diff_ratio says how different the codes of documents with one prefix are.
    """
    import pandas as pd

    from lmindexer.quality import evaluate_ids

    if output is not None:
        check_output(output)
    frames, silent = [], []
    for bundle in [open_run(run) for run in runs]:
        quality = evaluate_ids(bundle.ids, bundle.corpus)
        frame = quality.to_frame()
        frame.insert(0, "run", bundle.name)
        frames.append(frame)
        silent += [f"{bundle.name}: {sentence}" for sentence in quality.silent()]
    table = pd.concat(frames, ignore_index=True)
    typer.echo(table.to_string(index=False, float_format="%.3f", na_rep="-"))
    for sentence in silent:
        typer.echo(sentence)
    if output is not None:
        write_table(table, output)
        typer.echo(f"Written to {output}")


def report(
    run: Run,
    samples: Annotated[int, typer.Option(min=0, help="Number of sample prefixes.")] = 5,
    page: Annotated[
        Path | None,
        typer.Option(
            "--html", metavar="FILE", help="Write a page with figures there, to be sent: it needs no network."
        ),
    ] = None,
):
    """Report on a run, as text or as a page to send.

    \b
      lmindexer report runs/wordnet
      lmindexer report runs/wordnet --html wordnet.html
    """
    if page is None:
        typer.echo(report_of(open_run(run), samples))
        return
    from lmindexer.browse import RunBrowser
    from lmindexer.plots.run_page import run_page

    check_page(page)
    text = run_page(RunBrowser.from_bundle(open_run(run)))
    write_text(text, page)
    typer.echo(f"Written to {page} ({len(text.encode()) / 1e6:.1f} MB)")


def say_changes(corpus, changed, on_change: str) -> None:
    """Print how many known documents have another text than in the fit, their rows and what was done."""
    from lmindexer.indexers.identity import changes_of

    done = "they keep their IDs (--on-change new gives IDs by the texts of now)"
    if on_change == "new":
        done = "they have new IDs by these texts"
    typer.echo(f"{changes_of(corpus, changed)}: {done}")


def _count(number: int, what: str) -> str:
    """
    >>> _count(1, "document"), _count(1200, "document")
    ('1 document', '1,200 documents')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
