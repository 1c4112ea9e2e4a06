"""What several commands take: a corpus with its columns, settings as name=value, a finished run."""

import functools
import inspect
import re
import warnings
from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, get_type_hints

import typer

from lmindexer.cli.remedies import INTERACTIONS, QUERIES, SideFileError, on_the_command_line
from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.settings.text import read_setting

_SIGNS = ("delimiter", "quote", "escape", "separator")  # keywords of readers that hold signs
_NONE = ("quote", "query_id", "position")  # keywords that can be None
_WRITTEN = re.compile(r"\\(?:t|x([0-9a-fA-F]{2}))")
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
    escape: Annotated[
        str | None, typer.Option(help="What stands before a quotation mark within a field, as in --escape '\\'.")
    ] = None
    missing: Annotated[
        str | None,
        typer.Option(metavar="empty|keep", help="Take NULL, nan, None and \\N as nothing, or as they stand."),
    ] = None
    html: Annotated[str | None, typer.Option(metavar="keep|strip", help="HTML in texts.")] = None

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
        return options | written({name: options[name] for name in _SIGNS if name in options})


def written(form: dict) -> dict:
    r"""Options as typed → what they stand for: "none" for nothing, "\t" for a tab, "\x01" for a sign without a key.

    >>> written({"delimiter": r"\t", "quote": "none"})
    {'delimiter': '\t', 'quote': None}
    """
    form = {name: _WRITTEN.sub(_sign, value) if name in _SIGNS else value for name, value in form.items()}
    return {name: None if name in _NONE and value == "none" else value for name, value in form.items()}


def _sign(found: re.Match) -> str:
    r"""What \t or \x01 stand for."""
    return "\t" if found.group(1) is None else chr(int(found.group(1), 16))


def _side_option(what: str, default: str = ""):
    return Annotated[str | None, typer.Option(metavar="COLUMN", help=f"{what}  [default: {default}]")]


@dataclass(frozen=True)
class QueryFile:
    """Options of a file of queries beside the corpus."""

    queries: Annotated[Path | None, typer.Option(metavar="FILE", help="Also queries: query_id, text, doc_id.")] = None
    queries_id: _side_option("Its column of query ids.", "query_id") = None
    queries_text: _side_option("Its column of texts.", "text") = None
    queries_document: _side_option("Its column of document ids.", "doc_id") = None
    queries_missing: Annotated[str | None, typer.Option(metavar="empty|keep", help="As --missing, of that file.")] = (
        None
    )
    queries_encoding: Annotated[str | None, typer.Option(help="As --encoding, of that file.")] = None
    queries_delimiter: Annotated[str | None, typer.Option(help="As --delimiter, of that file.")] = None
    queries_quote: Annotated[str | None, typer.Option(help="As --quote, of that file.")] = None
    queries_escape: Annotated[str | None, typer.Option(help="As --escape, of that file.")] = None
    queries_on_error: Annotated[
        str | None, typer.Option(metavar="raise|skip", help="Stop at a bad row of that file, or leave it out.")
    ] = None

    def read(self, corpus=None):
        """The Queries, or None without a file; with a corpus, they must be about its documents (see `read_side`)."""
        from lmindexer.corpus.corpus import Queries

        return read_side(Queries, self.queries, _given(self, QUERIES), QUERIES, corpus)


@dataclass(frozen=True)
class InteractionFile:
    """Options of a file of interactions beside the corpus."""

    interactions: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also interactions: user_id, doc_id, position.")
    ] = None
    interactions_user: _side_option("Its column of users.", "user_id") = None
    interactions_document: _side_option("Its column of document ids.", "doc_id") = None
    interactions_position: _side_option("Its column to sort by.", "position") = None
    interactions_missing: Annotated[
        str | None, typer.Option(metavar="empty|keep", help="As --missing, of that file.")
    ] = None
    interactions_encoding: Annotated[str | None, typer.Option(help="As --encoding, of that file.")] = None
    interactions_delimiter: Annotated[str | None, typer.Option(help="As --delimiter, of that file.")] = None
    interactions_quote: Annotated[str | None, typer.Option(help="As --quote, of that file.")] = None
    interactions_escape: Annotated[str | None, typer.Option(help="As --escape, of that file.")] = None
    interactions_on_error: Annotated[
        str | None, typer.Option(metavar="raise|skip", help="Stop at a bad row of that file, or leave it out.")
    ] = None

    def read(self, corpus=None):
        """The Interactions, or None without a file; with a corpus as `QueryFile.read`."""
        from lmindexer.corpus.corpus import Interactions

        return read_side(Interactions, self.interactions, _given(self, INTERACTIONS), INTERACTIONS, corpus)


def _given(group, options: dict[str, str]) -> dict:
    return {name: getattr(group, option.replace("-", "_")) for name, option in options.items()}


def read_side(kind: type, path: Path | None, given: dict, options: dict[str, str], corpus=None):
    """Queries or Interactions from a file beside the corpus, or None without a file; prints what was skipped.

    given: what the reader takes, None where an option was left out. options: keyword → the option's name, for remedies.
    corpus: rows about documents that it does not hold are bad rows too: an error, or left out and counted (on_error).
    """
    found = written({name: value for name, value in given.items() if value})
    if path is None and found:
        flag = f"--{options[next(iter(found))]}"
        raise SettingsError(f"{flag} says how a file is written; name the file with --{flag[2:].split('-')[0]}.")
    if path is None:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of skipped rows: said below, row by row
            relation = kind.from_file(path, **found)
        if corpus is not None and found.get("on_error") == "skip":
            known = relation.within(corpus)
            if len(known) < len(relation):
                gone = len(relation) - len(known)
                typer.echo(f"Left out {gone:,} of {len(relation):,} rows of {path}: about documents not in the corpus.")
            relation = known
        elif corpus is not None:
            relation.check_against(corpus)
    except CorpusError as error:
        raise SideFileError(error, options) from None
    say_skipped(relation.skipped, str(path))
    return relation


def takes_columns(command: Callable) -> Callable:
    """Give a command the options of a dataclass (`Columns`, `QueryFile`, …) in place of a parameter of that type."""
    parameters, groups = {}, {}
    hints = get_type_hints(command, include_extras=True)
    for name, parameter in inspect.signature(command).parameters.items():
        kind = hints.get(name)
        if not is_dataclass(kind):
            parameters[name] = parameter
            continue
        groups[name], options = kind, get_type_hints(kind, include_extras=True)
        for f in fields(kind):
            parameters[f.name] = inspect.Parameter(
                f.name, inspect.Parameter.KEYWORD_ONLY, default=f.default, annotation=options[f.name]
            )

    @functools.wraps(command)
    def with_columns(**given):
        made = {name: kind(**{f.name: given.pop(f.name) for f in fields(kind)}) for name, kind in groups.items()}
        return command(**made, **given)

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


def say_remarks(corpus) -> None:
    """Print what may not be meant as it was read, of the corpus and what goes with it."""
    for remark in corpus.remarks:
        typer.echo(f"Look at this: {on_the_command_line(remark)}")
    for part, options in ((corpus.queries, QUERIES), (corpus.interactions, INTERACTIONS)):
        for remark in part.remarks if part is not None else ():
            typer.echo(f"Look at this: {part.source}: {on_the_command_line(remark, options)}")


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
