"""Fits in processes of their own: started, watched and stopped by another program, which may itself end meanwhile.

A job is `python -m lmindexer fit …` on a corpus that was written into the run's checkpoints folder, so it can be
started again from there. What is known about it stands in files beside the checkpoints, never in memory:

    <run>/checkpoints/job.json       the process's number, the command, when it was started
    <run>/checkpoints/job.log        what it printed
    <run>/checkpoints/<name>.parquet the corpus
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from lmindexer.common.errors import SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.runs.bundle import CHECKPOINTS, check_target
from lmindexer.runs.manifest import MANIFEST
from lmindexer.settings.text import write_setting

JOB, LOG, PROGRESS, HISTORY = "job.json", "job.log", "progress.json", "history.parquet"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_children: dict[int, subprocess.Popen] = {}  # those of this program, so that ended ones are not kept as zombies


@dataclass(frozen=True)
class Status:
    """What is known about a run.

    Attributes:
        state: "running", "finished", "stopped" (can go on), "failed" or "none".
        progress: what progress.json says (stage, position, epoch, epochs, step, steps, stage_index, stages, …).
        share: of the work that is done, 0 to 1.
        log: the end of what the process printed.
    """

    state: str
    progress: dict
    share: float
    log: str


def check_name(name: str) -> str:
    """A run's name that can be a folder's and leads nowhere else.

    >>> check_name("my-run_1")
    'my-run_1'
    >>> check_name("../up")
    Traceback (most recent call last):
    ...
    lmindexer.common.errors.SettingsError: '../up' is no name for a run; take letters, digits, '-', '_' and '.', at...
    """
    if not _NAME.fullmatch(name) or name.endswith("."):
        raise SettingsError(f"{name!r} is no name for a run; take letters, digits, '-', '_' and '.', at most 60.")
    return name


def start(folder: Path, name: str, corpus: Corpus, preset: str = "minilm", **settings) -> Path:
    """Fit a corpus in a process of its own; returns the run's folder.

    Raises:
        SettingsError: when the name or a setting is wrong, before anything is written.
        BundleError: when something else is at the run's place.
    """
    from lmindexer.settings.settings import make_settings  # which loads torch

    run = Path(folder).resolve() / check_name(name)
    make_settings(preset, **settings)
    if run.exists():
        raise SettingsError(f"There is a run {name!r} already; choose another name.")
    check_target(run)
    checkpoints = run / CHECKPOINTS
    checkpoints.mkdir(parents=True)
    source = checkpoints / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', corpus.name).strip('-')[:40] or 'corpus'}.parquet"
    corpus.to_parquet(source)
    words = ["fit", str(source), "--run", str(run), "--preset", preset, "--no-progress"]
    for key, value in settings.items():
        words += ["--set", f"{key}={write_setting(value)}"]
    _launch(run, [sys.executable, "-m", "lmindexer", *words])
    return run


def go_on(run: Path) -> None:
    """Start a stopped job again from its last checkpoint."""
    _launch(run, _job(run)["command"])


def stop(run: Path, patience: float = 4.0) -> None:
    """Ask a running job to stop (it keeps its checkpoint), and end it if it does not."""
    pid = _alive(run)
    for sign in (signal.SIGINT, signal.SIGTERM):
        if pid is None:
            return
        os.kill(pid, sign)
        until = time.monotonic() + patience
        while time.monotonic() < until and _alive(run) is not None:
            time.sleep(0.05)
        pid = _alive(run)


def status(run: Path) -> Status:
    """How a run stands."""
    run, checkpoints = Path(run), Path(run) / CHECKPOINTS
    if (run / MANIFEST).exists():
        return Status("finished", {}, 1.0, "")
    if not checkpoints.is_dir():
        return Status("none", {}, 0.0, "")
    progress, log = _read(checkpoints / PROGRESS), _tail(checkpoints / LOG)
    if _alive(run) is not None:
        return Status("running", progress, _share(progress), log)
    failed = (bool(_job(run)) and not progress) or "Error" in log or "Traceback" in log
    return Status("failed" if failed else "stopped", progress, _share(progress), log)


def history(run: Path) -> pd.DataFrame | None:
    """The history so far of an unfinished run, or None."""
    path = Path(run) / CHECKPOINTS / HISTORY
    try:
        return pd.read_parquet(path) if path.exists() else None
    except (OSError, ValueError):
        return None  # it is being replaced; the next look finds it


def unfinished(folder: Path) -> list[Path]:
    """Runs under a folder that have checkpoints and no bundle yet."""
    folder = Path(folder)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    return [path for path in paths if (path / CHECKPOINTS).is_dir() and not (path / MANIFEST).exists()]


def _launch(run: Path, command: list[str]) -> None:
    checkpoints = run / CHECKPOINTS
    with (checkpoints / LOG).open("ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    _children[child.pid] = child
    aside = checkpoints / f"{JOB}.part"
    aside.write_text(json.dumps({"pid": child.pid, "command": command, "started": time.time()}), encoding="utf-8")
    aside.replace(checkpoints / JOB)


def _job(run: Path) -> dict:
    return _read(Path(run) / CHECKPOINTS / JOB)


def _alive(run: Path) -> int | None:
    """The number of the job's process if it still runs, and is that job and no later process with its number."""
    pid = _job(run).get("pid")
    if type(pid) is not int or pid <= 1:
        return None
    if pid in _children:
        return pid if _children[pid].poll() is None else None
    found = subprocess.run(["ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False)
    line = found.stdout.strip()
    return pid if line and not line.startswith("Z") and str(Path(run).resolve()) in line else None


def _share(progress: dict) -> float:
    """Finished stages and the part of the present one, as if all stages took as long."""
    stages, steps = progress.get("stages") or 1, progress.get("steps") or 1
    return min((progress.get("stage_index", 0) + min(progress.get("step", 0) / steps, 1)) / stages, 1.0)


def _read(path: Path) -> dict:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _tail(path: Path, size: int = 4000) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - size, 0))
            return file.read().decode("utf-8", errors="replace")
    except OSError:
        return ""
