"""What every `bench` command does: lists of numbers, a stop that can be gone on from, a report written aside."""

import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer

from lmindexer.cli.app import Stopped, program
from lmindexer.cli.outputs import write_text
from lmindexer.common.errors import SettingsError


def numbers(text: str) -> list[int]:
    """Whole numbers with commas between them.

    >>> numbers("0,1,2")
    [0, 1, 2]
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise SettingsError(f"{text!r} is no list of whole numbers; write them with commas, as in 0,1,2.") from None


def check_output(output: Path | None) -> None:
    """Refuse a report's place before anything is run."""
    if output is not None and (output.is_dir() or not output.parent.is_dir()):
        raise SettingsError(f"{output} cannot be written; name a file in a folder that is there.")


@contextmanager
def may_be_stopped() -> Iterator[None]:
    """Ctrl-C ends the runs with the command that goes on from there."""
    try:
        yield
    except KeyboardInterrupt:
        again = f"{program()} {shlex.join(sys.argv[1:])}"
        raise Stopped(f"Stopped; finished runs are kept. Go on with the same command: {again}") from None


def command_of_report() -> str:
    """The command that makes the report, as it is printed in it."""
    return "lmindexer " + shlex.join(word for word in sys.argv[1:] if word != "--report-only")


def deliver(text: str, output: Path | None) -> None:
    """Print a report, or write it to its file."""
    if output is None:
        typer.echo("\n" + text)
        return
    write_text(text, output)
    typer.echo(f"Written to {output}")
