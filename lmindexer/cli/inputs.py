"""What several commands take: a corpus with its columns, settings as name=value, a finished run."""

import functools
import inspect
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, get_type_hints

import typer

from lmindexer.common.errors import CorpusError, LMIndexerError, SettingsError
from lmindexer.settings.text import read_setting

_SHOWN_ROWS = 10  # of those that were skipped


@dataclass(frozen=True)
class Columns:
    """Options that say how a file is written; the defaults read what `lmindexer data export` writes."""

    id: Annotated[str | None, typer.Option(metavar="COLUMN", help="Column of the ids.  [default: doc_id]")] = None
    number_rows: Annotated[
        bool, typer.Option("--number-rows", help="There is no id column: number the rows 0, 1, ….")
    ] = False
    text: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of the text; give it again for several, joined in order."),
    ] = None
    title: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of the titles.  [default: the first of several --text]"),
    ] = None
    category: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column of a category path; or give it for each level, coarse to fine."),
    ] = None
    separator: Annotated[
        str | None, typer.Option(help="What parts the levels of a category path.  [default: ' > ']")
    ] = None
    on_error: Annotated[
        str | None, typer.Option(metavar="raise|skip", help="Stop at a bad row, or leave it out and say so.")
    ] = None
    encoding: Annotated[str | None, typer.Option(help="Of a text file.  [default: utf-8]")] = None
    delimiter: Annotated[str | None, typer.Option(help="Of a CSV file, as in --delimiter ';'.")] = None
    quote: Annotated[str | None, typer.Option(help="""Quotation mark of a CSV file, or "none".  [default: "]""")] = None

    def given(self) -> dict:
        """The keywords of `Corpus.from_file` that these options stand for; those left out are not in it."""
        options = {f.name: getattr(self, f.name) for f in fields(self) if getattr(self, f.name)}
        if options.pop("number_rows", False):
            if "id" in options:
                raise SettingsError("--id and --number-rows exclude each other; give one of them.")
            options["id"] = None
        for name in ("text", "category"):
            if len(options.get(name, ())) == 1:
                options[name] = options[name][0]
        if options.get("quote") == "none":
            options["quote"] = None
        if options.get("delimiter") == "\\t":
            options["delimiter"] = "\t"
        return options


def takes_columns(command: Callable) -> Callable:
    """Give a command the options of `Columns` in place of its parameter `columns`."""
    parameters, hints = {}, get_type_hints(Columns, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        if name != "columns":
            parameters[name] = parameter
            continue
        for f in fields(Columns):
            parameters[f.name] = inspect.Parameter(
                f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=hints[f.name]
            )

    @functools.wraps(command)
    def with_columns(**given):
        columns = Columns(**{f.name: given.pop(f.name) for f in fields(Columns)})
        return command(columns=columns, **given)

    ordered = [p.replace(kind=inspect.Parameter.KEYWORD_ONLY) for p in parameters.values()]
    with_columns.__signature__ = inspect.Signature(ordered)
    with_columns.__annotations__ = {p.name: p.annotation for p in ordered}
    return with_columns


def read_corpus(source: str, columns: Columns, name: str | None = None):
    """The bundled corpus of that name, or the corpus in that file or folder; prints what was skipped.

    Raises CorpusError when it is neither, SettingsError when columns are given for a bundled corpus.
    """
    from lmindexer.corpus.checks import nearest
    from lmindexer.corpus.corpus import Corpus
    from lmindexer.datasets import list_samples, load_folder, load_sample

    options, samples = columns.given(), list_samples()
    if source in samples:
        if options:
            flag = "--" + next(iter(options)).replace("_", "-")
            raise SettingsError(
                f"{flag} is for files; the bundled corpus {source!r} has its columns. Leave {flag} out, or write "
                f"./{source} for a file of that name."
            )
        return load_sample(source)
    if Path(source).is_dir():
        corpus = load_folder(source)
        corpus.name = name or corpus.name
        return corpus
    if not Path(source).exists() and not Path(source).suffix:
        close = nearest(source, samples)
        guess = f"did you mean {close!r}?" if close else f"The bundled ones are {', '.join(samples)}."
        raise CorpusError(f"{source}: there is neither such a file nor such a bundled corpus; {guess}")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of skipped rows: said below, row by row
        corpus = Corpus.from_file(source, **options, **({"name": name} if name else {}))
    say_skipped(corpus.skipped, source)
    return corpus


def say_skipped(skipped, source: str) -> None:
    """Print the rows that were left out, the first few of them in words."""
    if not len(skipped):
        return
    typer.echo(f"Left out {len(skipped):,} {'row' if len(skipped) == 1 else 'rows'} of {source}:")
    for row in skipped.head(_SHOWN_ROWS).itertuples():
        typer.echo(f"  row {row.row}: {row.problem}")
    if len(skipped) > _SHOWN_ROWS:
        typer.echo(f"  and {len(skipped) - _SHOWN_ROWS:,} more")


def open_run(folder: Path):
    """The bundle in that folder. Raises BundleError when it cannot be opened."""
    from lmindexer.runs.bundle import Bundle

    return Bundle.open(folder)


def parse_settings(assignments: list[str] | None) -> dict:
    """["codebook_size=64,128", "category_text=true"] → {"codebook_size": [64, 128], "category_text": True}.

    Whether a setting of that name exists is for `make_settings` to say.
    """
    changes = {}
    for assignment in assignments or []:
        name, equals, value = assignment.partition("=")
        name = name.strip().replace("-", "_")
        if not equals or not name:
            raise SettingsError(f"--set {assignment}: write a name and a value, as in --set codebook_size=64.")
        if name in changes:
            raise SettingsError(f"--set {name} is given twice; give it once.")
        changes[name] = read_setting(value)
    return changes


_KEYWORD = re.compile(r"""(?<!--set )\b([a-z_]+)=(None|…|"[^"]*"|'[^']*'|\[[^\]]*\]|[\w.]*\w)""")
_FLAGS = {"id=None": "--number-rows", "quote=None": "--quote none", "resume=False": "--restart"}


def on_the_command_line(error: LMIndexerError) -> str:
    """An error's remedy in Python's words → the option to type: on_error="skip" → --on-error skip.

    >>> on_the_command_line(CorpusError('Pass on_error="skip" to leave such rows out.'))
    'Pass --on-error skip to leave such rows out.'
    """
    columns = [f.name for f in fields(Columns)]

    def option(found: re.Match) -> str:
        name, value = found.groups()
        if found.group() in _FLAGS:
            return _FLAGS[found.group()]
        values = re.findall(r"""["']([^"']*)["']""", value) or [value]
        if name in columns:
            return " ".join(f"--{name.replace('_', '-')} {word}" for word in values)
        if isinstance(error, CorpusError):
            return found.group()  # words of the file, perhaps
        return f"--set {name}={','.join(values)}"

    return _KEYWORD.sub(option, str(error))
