"""The application: one line and exit code 2 for an error of ours, one line and 130 for Ctrl-C."""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.core import TyperGroup

from lmindexer._version import __version__
from lmindexer.cli.remedies import on_the_command_line
from lmindexer.common.errors import LMIndexerError

ERROR, STOPPED = 2, 130  # exit codes; 130 is the shell's own for Ctrl-C


class Stopped(Exception):
    """Ctrl-C, with a sentence for the person."""


class OneLineErrors(TyperGroup):
    """Prints what went wrong as one line; only a fault in the program itself still shows a traceback."""

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except LMIndexerError as error:
            _say_and_exit(f"Error: {on_the_command_line(error)}", ERROR)
        except Stopped as stopped:
            _say_and_exit(str(stopped), STOPPED)
        except KeyboardInterrupt:
            _say_and_exit("Stopped.", STOPPED)


def is_first() -> bool:
    """Whether this process writes and speaks: the only one, or the first of those that a launcher started."""
    return os.environ.get("RANK", "0") == "0"


def _say_and_exit(message: str, code: int):
    typer.echo(" ".join(message.split()), err=True)
    raise typer.Exit(code) from None


app = typer.Typer(
    name="lmindexer",
    cls=OneLineErrors,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # plain help: examples keep their lines, and can be copied
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _print_version(wanted: bool):
    if wanted:
        typer.echo(f"lmindexer {__version__}")
        raise typer.Exit


@app.callback()
def _lmindexer(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and stop.")
    ] = False,
):
    """Learn semantic IDs from text: short codes, coarse to fine, that say what a document is about.

    \b
    Learn IDs for a bundled corpus, and look at them:
      lmindexer fit wordnet
      lmindexer explore runs/wordnet
    \b
    For a file of your own:
      lmindexer data check products.csv --id sku --text title --text body --category path
      lmindexer fit products.csv --id sku --text title --text body --category path
      lmindexer encode runs/products new.csv --id sku --text title --text body -o new_ids.csv

    Each command explains itself: lmindexer fit --help.
    """


def program() -> str:
    """How the person started this program, for commands to copy: "lmindexer", ".venv/bin/lmindexer", …"""
    started = Path(sys.argv[0])
    if started.name == "__main__.py":
        return "python -m lmindexer"
    if started.name != "lmindexer":
        return "lmindexer"
    try:
        return str(started.resolve().relative_to(Path.cwd()))
    except ValueError:
        return "lmindexer"


def main() -> None:
    """Run the command line with this process's arguments, and exit."""
    if not is_first():
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115  for as long as the process lasts
    try:
        app()
    except SystemExit as end:
        if end.code == STOPPED:  # at once: Python's own clearing up after a half-done step can take a minute
            sys.stdout.flush()
            os._exit(STOPPED)
        raise
