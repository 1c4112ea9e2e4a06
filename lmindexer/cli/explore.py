"""lmindexer explore: start the explorer on runs."""

import importlib.util
import os
import socket
import sys
from pathlib import Path
from typing import Annotated

import typer

from lmindexer.common.arguments import resolved
from lmindexer.common.errors import BundleError, LMIndexerError

_FIRST_PORT, _PORTS = 8501, 50


def explore(
    runs: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[RUN|FOLDER]...", help="Runs, or folders of runs.  [default: the bundled runs and ./runs]"
        ),
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=1, max=65535, help="[default: the first free one from 8501 on]")
    ] = None,
    host: Annotated[str, typer.Option(help="Address to listen at; 0.0.0.0 lets other machines in.")] = "127.0.0.1",
    browser: Annotated[bool, typer.Option(help="Open the browser.")] = True,
    study: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="Open only the labelling of this study, as for annotators; may be repeated."),
    ] = None,
):
    """Open the explorer: see and judge runs in the browser.

    It is a web page on this machine; Ctrl-C closes it.

    \b
      lmindexer explore
      lmindexer explore runs/wordnet
      lmindexer explore runs --port 8600 --no-browser
      lmindexer explore --study study.sqlite
    """
    if study and runs:
        raise LMIndexerError("Give runs or --study, not both: annotators must not see the IDs that the explorer shows.")
    if study:
        folders = [study_word(path) for path in study]
    else:
        folders = [_checked(path) for path in runs] if runs else _default_folders()
    application = application_path()
    port = _free_port(host) if port is None else _checked_port(host, port)
    sys.exit(_serve(application, folders, host, port, browser))


def application_path() -> Path:
    """The Streamlit application, beside the package in a checkout and in an installation."""
    found = importlib.util.find_spec("explorer_app")
    for folder in found.submodule_search_locations or [] if found else []:
        if (Path(folder) / "app.py").is_file():
            return Path(folder) / "app.py"
    raise LMIndexerError("The explorer is missing from this installation; install lmindexer again.")


def study_word(path: Path) -> str:
    """How the application is told of a study, once it is clear that `path` is one."""
    from lmindexer.human_eval import Study

    with Study.open(path) as study:
        return f"--study={study.path}"


def _default_folders() -> list[Path]:
    from lmindexer.datasets import samples_folder

    folders = [path for path in (samples_folder() / "runs", Path("runs")) if path.is_dir()]
    if not folders:
        raise BundleError("There are no runs yet; make one with: lmindexer fit wordnet")
    return [resolved(folder) for folder in folders]


def _checked(path: Path) -> Path:
    from lmindexer.runs.bundle import CHECKPOINTS, MANIFEST, Bundle, find_bundles
    from lmindexer.runs.manifest import recognise
    from lmindexer.runs.task_run import TaskRun, find_task_runs

    if (path / MANIFEST).exists():
        return (TaskRun if "task" in recognise(path) else Bundle).open(path).path
    if (path / CHECKPOINTS).is_dir():
        return resolved(path).parent  # the explorer shows an unfinished fit among the runs of its folder
    if not path.is_dir():
        raise BundleError(f"{path}: there is no such folder; give a run, or a folder of runs.")
    if not any(find_bundles(path)) and not any(find_task_runs(path)):
        raise BundleError(f"{path} holds no run; make one with: lmindexer fit wordnet --run {path / 'wordnet'}")
    return resolved(path)


def _is_free(host: str, port: int) -> bool:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        if os.name == "posix":  # as the server does, so that a port just left counts as free
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except PermissionError:
            raise LMIndexerError(f"Port {port} is not for everybody; give one above 1023, as --port 8501.") from None
        except socket.gaierror:
            raise LMIndexerError(f"{host!r} is no address of this machine; try --host 127.0.0.1.") from None
        except OSError:
            return False
    return True


def _checked_port(host: str, port: int) -> int:
    if not _is_free(host, port):
        raise LMIndexerError(f"Port {port} of {host} cannot be had; leave --port out to take a free one.")
    return port


def _free_port(host: str) -> int:
    for port in range(_FIRST_PORT, _FIRST_PORT + _PORTS):
        if _is_free(host, port):
            return port
    last = _FIRST_PORT + _PORTS - 1
    raise LMIndexerError(f"{host} has no free port from {_FIRST_PORT} to {last}; give one with --port.")


def _serve(application: Path, folders: list[Path | str], host: str, port: int, browser: bool) -> int:
    """Run Streamlit in this process, so that signals reach it. The application finds the folders in sys.argv[1:]."""
    from streamlit.web import cli as streamlit

    options = {
        "server.address": host,
        "server.port": port,
        "server.headless": str(not browser).lower(),
        "server.showEmailPrompt": "false",
        "server.fileWatcherType": "none",
        "browser.gatherUsageStats": "false",
    }
    arguments = ["run", str(application)]
    for name, value in options.items():
        arguments += [f"--{name}", str(value)]
    return streamlit.main([*arguments, "--", *map(str, folders)], standalone_mode=False) or 0
