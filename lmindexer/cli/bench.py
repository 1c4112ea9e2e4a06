"""lmindexer bench: the studies behind the slides' tables and figures, on any corpus."""

import inspect
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lmindexer.cli.inputs import Columns, read_corpus, takes_columns
from lmindexer.cli.studies import check_output, command_of_report, deliver, may_be_stopped, numbers
from lmindexer.common.errors import CorpusError, SettingsError

AMAZON = ("amazon-beauty", "amazon-scientific", "amazon-office2014")
TEXTS = {"with": (True,), "without": (False,), "both": (True, False)}

bench = typer.Typer(
    no_args_is_help=True,
    help="Re-run the slides' tables and figures, on your own data too.",
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)

WHAT = {
    "table1": "Table 1: LMIndexer and two-step indexers at equal K.",
    "table1-slides": "Table 1 with the slides' K: 512, 256, 50.",
    "training": "Figures (a) to (e): parts of the training, on and off.",
    "commitment": "Table 2: the commitment loss, on and off.",
    "layers": "Table 5: layers of the reconstructor (--values 1,2,3).",
    "length": "Length of the ID (--values 1,2,3,4).",
    "codebook": "Size of the codebooks (--values 16,32,64,128,256).",
}

HELP = """{what}

\b
  lmindexer bench {name} wordnet attack
  lmindexer bench {name} amazon-beauty --data FOLDER --seeds 0,1,2 -o {name}.md
  lmindexer bench {name} products.csv --id sku --text title --text body --category path

Without a corpus: the bundled ones, and those under --data. Each run is kept as a bundle that the explorer opens:
lmindexer explore runs/studies/{name}. Ctrl-C stops at any moment; the same command goes on from there. Beside a
report written with -o stands a file of its runs' numbers and codes, from which it also goes on on another machine.
"""


def _command(name: str):
    @takes_columns
    def command(
        columns: Columns,
        sources: Annotated[
            list[str] | None,
            typer.Argument(metavar="[FILE|NAME]…", help="Files, bundled corpora, or names under --data."),
        ] = None,
        data: Annotated[Path | None, typer.Option(metavar="FOLDER", help=f"Folder with {', '.join(AMAZON)}.")] = None,
        seeds: Annotated[str, typer.Option(help="Seeds, with commas.")] = "0,1,2",
        category_text: Annotated[
            str | None,
            typer.Option(metavar="with|without|both", help="Documents that end in their category path (the slides')."),
        ] = None,
        codebook_size: Annotated[int | None, typer.Option("-K", "--codebook-size", help="K.")] = None,
        positions: Annotated[int | None, typer.Option("-T", "--positions", help="T.")] = None,
        values: Annotated[str | None, typer.Option(help="Values of a sweep, with commas.")] = None,
        only: Annotated[
            list[str] | None, typer.Option(metavar="METHOD", help="Only methods that begin so; may be given again.")
        ] = None,
        processes: Annotated[
            int | None, typer.Option(min=0, help="Runs at once, one thread each.  [default: one a core]")
        ] = None,
        folder: Annotated[
            Path | None, typer.Option(metavar="FOLDER", help="Where runs are kept.  [default: runs/studies/NAME]")
        ] = None,
        output: Annotated[Path | None, typer.Option("-o", "--output", metavar="FILE", help="Write the report.")] = None,
        maps: Annotated[bool, typer.Option("--maps", help="Lay out each run's map for the explorer; slow.")] = False,
        report_only: Annotated[
            bool, typer.Option("--report-only", help="Run nothing: report what is finished.")
        ] = False,
    ):
        given = {"codebook_size": codebook_size, "positions": positions, "values": values and numbers(values)}
        given |= {"texts": category_text and _texts(category_text), "seeds": numbers(seeds), "folder": folder}
        study = _study(name, _corpora(sources or [], data, columns), {k: v for k, v in given.items() if v is not None})
        _make(study.only(only or []), processes, maps, report_only, output)

    command.__doc__ = HELP.format(name=name, what=WHAT[name])
    return command


def _study(name: str, corpora: list, options: dict):
    from lmindexer.studies import PLANS

    plan = PLANS[name]
    for option in options:
        if option not in inspect.signature(plan).parameters:
            raise SettingsError(f"--{option.replace('_', '-')} is not for bench {name}; leave it out.")
    return plan(corpora, **options)


def _make(study, processes: int | None, maps: bool, report_only: bool, output: Path | None) -> None:
    from lmindexer.studies import run_study, state_of
    from lmindexer.studies.records import beside

    check_output(output)
    if output is not None:
        study = replace(study, records=beside(output))
    if report_only:
        result = state_of(study)
    else:
        typer.echo(f"{len(study.runs)} {'run' if len(study.runs) == 1 else 'runs'} in {study.folder}")
        with may_be_stopped():
            result = run_study(study, processes, maps=maps, say=typer.echo)
    deliver(result.markdown(command_of_report()), output)
    if output is not None:
        result.keep()


def _corpora(sources: list[str], data: Path | None, columns: Columns) -> list:
    """The corpora of those names; columns are for the files among them."""
    from lmindexer.datasets import list_samples, load_amazon

    names = sources or [*list_samples(), *(name for name in AMAZON if data and (data / name).is_dir())]
    found = []
    for name in names:
        if name in AMAZON:
            if data is None:
                raise CorpusError(f"{name} is not bundled; say with --data FOLDER where it is.")
            found.append(load_amazon(data / name, name=name))
        else:
            found.append(read_corpus(name, Columns() if name in list_samples() else columns))
    return found


def _texts(text: str) -> tuple[bool, ...]:
    if text not in TEXTS:
        raise SettingsError(f"--category-text {text}: give one of {', '.join(TEXTS)}.")
    return TEXTS[text]


for _name in WHAT:
    bench.command(name=_name)(_command(_name))
