"""lmindexer data list, data prepare, data check, data export."""

import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from lmindexer.cli.app import ERROR, program
from lmindexer.cli.inputs import (
    Columns,
    InteractionFile,
    QueryFile,
    parse_settings,
    read_corpus,
    say_remarks,
    takes_columns,
)
from lmindexer.cli.outputs import write_table
from lmindexer.common.errors import LMIndexerError, SettingsError

_FORMATS = ("csv", "tsv", "jsonl", "parquet")

data = typer.Typer(
    no_args_is_help=True, rich_markup_mode=None, help="List data sets; prepare official files; check a file; export."
)


@data.command("list")
def list_corpora(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="All about one that can be prepared.")] = None,
):
    """List the bundled corpora, and the public data sets that can be prepared.

    \b
      lmindexer data list
      lmindexer data list msmarco
    """
    from lmindexer.datasets import SOURCES, list_samples, load_sample, samples_folder

    if name is not None:
        return _describe_source(name)
    typer.echo("Bundled:")
    for sample in list_samples():
        corpus = load_sample(sample)
        classes = " / ".join(f"{len(set(corpus.labels(level))):,}" for level in range(1, corpus.levels + 1))
        parts = [f"{len(corpus):,} documents", f"{classes} classes", f"{len(corpus.queries):,} queries"]
        if corpus.interactions is not None:
            parts.append(f"{len(corpus.interactions.sequences()):,} users")
        typer.echo(f"  {sample:<10} {', '.join(parts)}")
    typer.echo(f"How each was made, and under which licence: {samples_folder()}")
    typer.echo("From their official files, which you fetch yourself:")
    for source in SOURCES.values():
        typer.echo(f"  {source.name:<10} {source.what}")
    typer.echo(f"Where to get one, its licence and settings:  {program()} data list NAME")
    return None


def _describe_source(name: str) -> None:
    from lmindexer.datasets import source_of

    source = source_of(name)
    typer.echo(f"{source.name}: {source.what}")
    typer.echo(f"Files:   {source.files}")
    typer.echo(f"From:    {source.where}")
    typer.echo(f"Licence: {source.licence}")
    for option, meaning in source.options.items():
        flag = "--category NAME" if option == "category" else f"--set {option}=…"
        typer.echo(f"  {flag:<18} {meaning}")
    for count, number in source.slides.items():
        typer.echo(f"  {number:>10,} {count} on the slides")
    typer.echo(source.note + "\n" * bool(source.note) + f"{program()} data prepare {name} --raw DIR --out DIR")


@data.command()
def prepare(
    name: Annotated[str, typer.Argument(metavar="NAME", help="As `lmindexer data list` has it.")],
    raw: Annotated[Path, typer.Option(metavar="DIR", help="The folder with the official files, gzipped or not.")],
    out: Annotated[Path, typer.Option(metavar="DIR", help="The folder to make.")],
    category: Annotated[
        str | None, typer.Option(metavar="NAME", help="Of Amazon: Beauty, Sports and Outdoors, ….")
    ] = None,
    on_error: Annotated[
        str, typer.Option(metavar="raise|skip", help="Stop at a bad row, or leave it out and count it.")
    ] = "raise",
    changes: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="NAME=VALUE", help="A setting of this data set; see data list NAME."),
    ] = None,
):
    """Read a public data set's official files into a folder that every command takes.

    Row by row, so that memory does not grow with the files. At the end the counts stand beside the slides'.

    \b
      lmindexer data prepare amazon --raw amazon2014 --category Beauty --out data/beauty
      lmindexer data prepare esci --raw esci --set items=data/beauty --out data/beauty-search
      lmindexer data prepare msmarco --raw msmarco --out data/msmarco-1m
      lmindexer fit data/beauty
    """
    from lmindexer.datasets import prepare as read
    from lmindexer.datasets.prepared import counts_in_words

    options = parse_settings(changes) | ({"category": category} if category else {})
    about = read(name, raw, out, on_error=on_error, show=sys.stderr.isatty(), **options)
    typer.echo(f"{about['name']} ({about['licence']})")
    typer.echo(counts_in_words(about))
    typer.echo(f"Written to {out}. Fit it:  {program()} fit {out}")


@data.command()
@takes_columns
def check(
    source: Annotated[str, typer.Argument(metavar="FILE|NAME", help="A file, a bundled corpus, or a folder of data.")],
    columns: Columns,
    queries: QueryFile,
    interactions: InteractionFile,
):
    """Read a file as fit would; list the bad rows.

    \b
      lmindexer data check products.csv --id sku --text title --text body --category path
      lmindexer data check wordnet

    Says what may not be meant as it was read: HTML, words such as NULL, categories that are not parted. Exit code 2
    when a row cannot be used.
    """
    from lmindexer.datasets import list_samples

    if source not in list_samples() and columns.on_error is None:
        columns = replace(columns, on_error="skip")  # so that every bad row is listed, not only the first
    corpus = read_corpus(source, columns)
    corpus.queries = queries.read(corpus) or corpus.queries
    corpus.interactions = interactions.read(corpus) or corpus.interactions
    _describe(corpus)
    say_remarks(corpus)
    if len(corpus.skipped):
        typer.echo("Mend these rows, or fit without them: --on-error skip.")
        raise typer.Exit(ERROR)


def _describe(corpus) -> None:
    typer.echo(repr(corpus))
    words = [len(document.split()) for document in corpus.documents()]
    typer.echo(f"Words in a document: {sum(words) / len(words):.0f} on average, at most {max(words):,}")
    for what, relation in (("queries", corpus.queries), ("interactions", corpus.interactions)):
        if relation is not None:
            typer.echo(f"{len(relation):,} {what}, each about a document that is there")
    typer.echo(f"The first document: {corpus.doc_ids[0]}")
    typer.echo(f"  {corpus.documents()[0][:300]}")
    if corpus.levels:
        typer.echo(f"  category: {corpus.labels()[0] or 'none'}")


@data.command()
def export(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A bundled corpus.")],
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where to write.")],
    form: Annotated[str, typer.Option("--format", metavar="|".join(_FORMATS))] = "csv",
):
    """Write a bundled corpus as plain files.

    Corpus, queries, interactions, and the licence that goes with them.

    \b
      lmindexer data export attack -o attack
      lmindexer fit attack/corpus.csv --category category_1 --category category_2 --category category_3
    """
    from lmindexer.datasets import load_sample, samples_folder

    if form not in _FORMATS:
        raise SettingsError(f"--format is {form!r}; choose one of {', '.join(_FORMATS)}.")
    corpus = load_sample(name)
    tables = {"corpus": corpus.to_frame()}
    for part in ("queries", "interactions"):
        if getattr(corpus, part) is not None:
            tables[part] = getattr(corpus, part).frame
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for part in ("LICENSE", "README.md"):
            shutil.copyfile(samples_folder() / name / part, folder / part)
    except OSError as error:
        raise LMIndexerError(f"{folder} cannot be written ({error.strerror}); choose another folder.") from error
    for part, frame in tables.items():
        path = folder / f"{part}.{form}"
        write_table(frame, path)
        typer.echo(f"{path}: {len(frame):,} rows")
    # a corpus's own column names need no options, in any format
    typer.echo(f"Fit it:  {program()} fit {folder / f'corpus.{form}'} --run runs/{name}")
