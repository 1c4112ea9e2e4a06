"""Runs as folders: how large one is, another name for it, taking it away."""

import os
import shutil
import uuid
from pathlib import Path

from lmindexer.common.arguments import resolved
from lmindexer.common.errors import BundleError
from lmindexer.common.jsonfiles import read_json, write_json
from lmindexer.runs import jobs
from lmindexer.runs.bundle import CHECKPOINTS
from lmindexer.runs.manifest import MANIFEST


def size_of(run: Path) -> int:
    """Bytes of all files of a run; what is taken away meanwhile counts as nothing."""
    total = 0
    for folder, _, names in os.walk(run):
        for name in names:
            try:
                total += (Path(folder) / name).lstat().st_size
            except OSError:
                continue
    return total


def rename(run: Path, name: str) -> Path:
    """Give a finished run another name, as a folder and for people; returns its new folder.

    Raises:
        SettingsError: when the name cannot be a folder's.
        BundleError: when the name is taken, or the folder cannot be changed.
    """
    run, target = _checked(run), resolved(run).with_name(jobs.check_name(name))
    if target.exists():
        raise BundleError(f"There is something called {name} beside the run; choose another name.")
    manifest = read_json(run / MANIFEST)
    try:
        aside = run / f".{MANIFEST}.{os.getpid()}.part"
        write_json(aside, manifest | {"name": name})
        aside.replace(run / MANIFEST)
        os.rename(run, target)
    except OSError as error:
        raise BundleError(f"{run} cannot be renamed ({error.strerror}); check whose folder it is.") from error
    return target


def delete(run: Path) -> None:
    """Take a run away for good, finished or not; one that is being fitted is refused.

    The folder is renamed first, so that nobody opens half a run.

    Raises:
        BundleError: when it is no run, is being fitted, or cannot be taken away.
    """
    run = _checked(run, unfinished=True)
    if jobs.status(run).state == "running":
        raise BundleError(f"{run} is being fitted; stop the fit first.")
    aside = run.with_name(f".{run.name}.deleted-{uuid.uuid4().hex[:8]}")
    try:
        os.rename(run, aside)
    except OSError as error:
        raise BundleError(f"{run} cannot be deleted ({error.strerror}); check whose folder it is.") from error
    shutil.rmtree(aside, ignore_errors=True)


def _checked(run: Path, unfinished: bool = False) -> Path:
    """The folder, if it is a run's; nothing else is ever renamed or deleted, nor what a link leads to."""
    run = Path(run)
    there = (run / MANIFEST).is_file() or (unfinished and (run / CHECKPOINTS).is_dir())
    if run.is_symlink() or not there:
        raise BundleError(f"{run} is no run; give the folder of one.")
    return resolved(run)
