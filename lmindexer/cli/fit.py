"""lmindexer fit, lmindexer settings."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from lmindexer.cli.app import Stopped, program
from lmindexer.cli.inputs import Columns, open_run, parse_settings, read_corpus, takes_columns
from lmindexer.cli.outputs import report_of
from lmindexer.common.errors import SettingsError
from lmindexer.settings.rules import with_effect
from lmindexer.settings.text import write_setting

Preset = Annotated[
    str | None,
    typer.Option(
        help="minilm (laptop), tiny (seconds, for trying out) or slides (GPU); of other methods: default; rqvae has "
        "tiger, hierarchical has slides.  [default: the first]",
        show_default=False,
    ),
]
Method = Annotated[str, typer.Option(help="lmindexer, rqvae, hierarchical, residual_kmeans, random or category.")]


@takes_columns
def fit(
    source: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A file, or a bundled corpus (data list).")],
    columns: Columns,
    run: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Where the run is kept.  [default: runs/NAME]")
    ] = None,
    method: Method = "lmindexer",
    preset: Preset = None,
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="Change a setting; may be given again."),
    ] = None,
    restart: Annotated[
        bool, typer.Option("--restart", help="Forget what is in the run's folder and start anew.")
    ] = False,
    progress: Annotated[bool, typer.Option(help="Show a bar for every stage.")] = True,
):
    """Learn semantic IDs for a corpus; keep the run; report.

    \b
    A bundled corpus:
      lmindexer fit wordnet
      lmindexer fit attack --run runs/attack-64 --set codebook_size=64
    \b
    A file: CSV, TSV, JSON (each also .gz) or Parquet. Say which columns hold what:
      lmindexer fit products.csv --id sku --text title --text body --category path
      lmindexer fit shop.jsonl --text name --category department --category shelf --on-error skip
    \b
    Settings (lmindexer settings lists them); one value for each position is written with commas:
      lmindexer fit wordnet --preset tiny --set positions=3 --set codebook_size=16,32,64
      lmindexer fit wordnet --set category_text=true --set seed=1
    \b
    Other ways to IDs, to compare with (lmindexer settings --method rqvae lists theirs):
      lmindexer fit wordnet --method rqvae --run runs/wordnet-rqvae --set embeddings=minilm+tfidf
      lmindexer fit wordnet --method hierarchical --run runs/wordnet-hc --set branching=32

    Ctrl-C stops at any moment; the same command goes on from there, also after a crash.
    """
    corpus = read_corpus(source, columns)
    run = run or Path("runs") / corpus.name
    try:
        bundle = _finished(run, corpus, method, preset, parse_settings(changes), restart, progress)
    except KeyboardInterrupt:
        typer.echo(err=True)  # below the bar that was being drawn
        again = shlex.join(word for word in sys.argv[1:] if word != "--restart")
        raise Stopped(f"Stopped. Go on with the same command: {program()} {again}") from None
    typer.echo(f"\n{report_of(bundle)}\n")
    typer.echo(f"The run is in {run}. Use it on new documents:  {program()} encode {run} FILE")
    typer.echo(f"Look at it in the explorer:  {program()} explore {run}")


def _finished(run: Path, corpus, method: str, preset: str | None, changes: dict, restart: bool, progress: bool):
    """The bundle at `run`: the one that is there if it is this very fit's, or a new one."""
    from lmindexer.runs.bundle import CHECKPOINTS, MANIFEST
    from lmindexer.runs.checkpoints import STATE
    from lmindexer.settings.methods import settings_of

    settings = settings_of(method, preset, **changes)  # a wrong one is said before anything is loaded or written
    unfinished = (run / CHECKPOINTS / STATE).exists()  # also beside a finished run that --restart was to replace
    typer.echo(f"{corpus!r} → {run}")
    if (run / MANIFEST).exists() and not unfinished and not restart:
        bundle = open_run(run)
        difference = _difference(bundle, corpus, method, settings.to_dict())
        if difference:
            raise SettingsError(
                f"{run} holds a finished run {difference}; choose another --run, or replace it with --restart."
            )
        typer.echo("This run is finished already (--restart would fit it again).")
        return bundle
    if unfinished and not restart:
        typer.echo("Going on from the last checkpoint.")
    kind = _indexer_class(method)
    indexer = kind(*([preset] if preset else []), **changes).fit(corpus, run=run, progress=progress, resume=not restart)
    for message in [] if progress else indexer.messages_:  # what went wrong in a stage; the bars said it already
        typer.echo(message)
    return open_run(run)


def _indexer_class(method: str) -> type:
    from lmindexer.indexers import INDEXERS  # which loads torch

    return INDEXERS[method]


def _difference(bundle, corpus, method: str, settings: dict) -> str:
    """In what a finished run is not the one asked for, in words; "" if it is."""
    from lmindexer.settings.methods import comparable

    if bundle.method != method:
        return f"of the method {bundle.method!r}"
    if bundle.manifest["corpus"].get("fingerprint") != corpus.fingerprint:
        return f"of other documents ({bundle.manifest['corpus'].get('name')!r})"
    stored = comparable(method, bundle.manifest["settings"])
    wanted = with_effect(settings)
    other = [f"its {name} is {stored.get(name)}" for name, value in wanted.items() if stored.get(name) != value]
    return f"of other settings ({', '.join(other)})" if other else ""


def settings(method: Method = "lmindexer", preset: Preset = None):
    """List the settings that --set changes.

    \b
      lmindexer settings
      lmindexer settings --preset slides
      lmindexer settings --method rqvae

    What each does is said where it stands: help(lmindexer.Settings) in Python, or lmindexer/settings/settings.py; of
    the other methods in lmindexer/settings/methods.py.
    """
    from lmindexer.settings.methods import default_settings, settings_of

    values, defaults = settings_of(method, preset).to_dict(), default_settings(method)
    first = "minilm" if method == "lmindexer" else "default"
    width = max(map(len, values))
    for name, value in values.items():
        note = "" if value == defaults[name] else f"   ({first}: {write_setting(defaults[name])})"
        typer.echo(f"{name:<{width}}  {write_setting(value)}{note}")
