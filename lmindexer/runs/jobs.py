"""Fits in processes of their own: started, watched and stopped by another program, which may itself end meanwhile.

A job is `python -m lmindexer fit …` on a corpus that was written into the run's checkpoints folder, so it can be
started again from there. What is known about it stands in files beside the checkpoints, never in memory:

    <run>/checkpoints/job.json       the process's number, the command, when it was started
    <run>/checkpoints/job.log        what it printed
    <run>/checkpoints/<name>.parquet the corpus

A fit that a person started on the shell or in a notebook has none of these; its progress.json says which process
writes it and by which command it was started, so it is watched and stopped in the same way.
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

from lmindexer.common.arguments import resolved
from lmindexer.common.errors import BundleError, SettingsError
from lmindexer.common.files import written_aside
from lmindexer.corpus.corpus import Corpus
from lmindexer.runs.bundle import CHECKPOINTS, check_target
from lmindexer.runs.manifest import MANIFEST
from lmindexer.settings.text import write_setting

JOB, LOG, PROGRESS, HISTORY = "job.json", "job.log", "progress.json", "history.parquet"
QUIET = 180.0  # seconds without a word after which a fit inside another program counts as stopped
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


def start(
    folder: Path, name: str, corpus: Corpus, preset: str | None = None, method: str = "lmindexer", **settings
) -> Path:
    """Fit a corpus in a process of its own; returns the run's folder.

    Args:
        preset: of the method's settings; None is its first one.
        method: as on the shell: "lmindexer", "rqvae", "hierarchical", "residual_kmeans", "random" or "category".

    Raises:
        SettingsError: when the name or a setting is wrong, before anything is written.
        BundleError: when something else is at the run's place.
    """
    from lmindexer.settings.methods import settings_of  # which loads torch

    run = resolved(folder) / check_name(name)
    settings_of(method, preset, **settings)
    if run.exists():
        raise SettingsError(f"There is a run {name!r} already; choose another name.")
    check_target(run)
    checkpoints = run / CHECKPOINTS
    checkpoints.mkdir(parents=True)
    source = checkpoints / f"{re.sub(r'[^A-Za-z0-9_-]+', '-', corpus.name).strip('-')[:40] or 'corpus'}.parquet"
    corpus.to_parquet(source)
    words = [str(source), "--method", method, "--no-progress", *(["--preset", preset] if preset else [])]
    for key, value in settings.items():
        words += ["--set", f"{key}={write_setting(value)}"]
    _launch(run, words)
    return run


def can_go_on(run: Path) -> bool:
    """Whether it is known how the fit was started; one of a notebook is gone on with there, by the same call."""
    return _words(run) is not None


def go_on(run: Path) -> None:
    """Start a stopped job again from its last checkpoint.

    Raises:
        BundleError: when it is not known how it was started.
    """
    words = _words(run)
    if words is None:
        raise BundleError(f"{run} does not say how its fit was started; repeat the same fit with this run's folder.")
    _launch(Path(run), words, _read(Path(run) / CHECKPOINTS / PROGRESS).get("cwd"))


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
    """How a run stands; a fit whose process still lives is running, whoever started it."""
    run, checkpoints = Path(run), Path(run) / CHECKPOINTS
    if (run / MANIFEST).exists():
        return Status("finished", {}, 1.0, "")
    if not checkpoints.is_dir():
        return Status("none", {}, 0.0, "")
    progress, log = _read(checkpoints / PROGRESS), _tail(checkpoints / LOG)
    if _alive(run) is not None:
        return Status("running", progress, _share(progress), log)
    failed = ((checkpoints / JOB).exists() and not progress) or "Error" in log or "Traceback" in log
    return Status("failed" if failed else "stopped", progress, _share(progress), log)


def history(run: Path) -> pd.DataFrame | None:
    """The history of a run so far, or the whole one when it is finished; None when there is none yet."""
    for path in (Path(run) / CHECKPOINTS / HISTORY, Path(run) / HISTORY):
        try:
            if path.exists():
                return pd.read_parquet(path)
        except (OSError, ValueError):
            pass  # it is being replaced; the next look finds it
    return None


def seconds_left(found: Status) -> float | None:
    """What a running fit still takes: as it says itself, or guessed from its share and the seconds it has run.

    None where it does not say so, in its first 2 %.

    >>> seconds_left(Status("running", {"seconds": 30.0}, 0.25, ""))
    90.0
    """
    if isinstance(said := found.progress.get("seconds_left"), int | float):
        return float(said)
    seconds = found.progress.get("seconds")
    if found.share < 0.02 or not isinstance(seconds, int | float):
        return None
    return seconds * (1 - found.share) / found.share


def unfinished(folder: Path) -> list[Path]:
    """Runs under a folder that have checkpoints and no bundle yet."""
    folder = Path(folder)
    paths = sorted(folder.iterdir()) if folder.is_dir() else []
    paths = [path for path in paths if not path.name.startswith(".")]  # a folder put aside while it is replaced
    return [path for path in paths if (path / CHECKPOINTS).is_dir() and not (path / MANIFEST).exists()]


def _launch(run: Path, words: list[str], cwd: str | None = None) -> None:
    """Run `lmindexer fit WORDS --run RUN`; never another program, whatever the files of a run say."""
    checkpoints = run / CHECKPOINTS
    command = [sys.executable, "-m", "lmindexer", "fit", *words, "--run", str(run)]
    with (checkpoints / LOG).open("ab") as log:
        child = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            cwd=cwd if cwd and Path(cwd).is_dir() else None,
        )  # fmt: skip
    _children[child.pid] = child
    with written_aside(checkpoints / JOB, BundleError) as aside:
        aside.write_text(json.dumps({"pid": child.pid, "command": command, "started": time.time()}), encoding="utf-8")


def _words(run: Path) -> list[str] | None:
    """What followed "lmindexer fit" when the fit was started, without --run and --restart; None where unknown."""
    for name in (JOB, PROGRESS):
        command = _read(Path(run) / CHECKPOINTS / name).get("command")
        if not isinstance(command, list) or "fit" not in command:
            continue
        before, after = command[: command.index("fit")], command[command.index("fit") + 1 :]
        if any(Path(str(word)).name in ("lmindexer", "__main__.py") for word in before):
            return _without_run([str(word) for word in after])
    return None


def _without_run(words: list[str]) -> list[str]:
    """
    >>> _without_run(["wordnet", "--run", "runs/a", "--restart", "--set", "seed=1"])
    ['wordnet', '--set', 'seed=1']
    """
    kept, skips = [], False
    for word in words:
        if not skips and word != "--run" and word != "--restart" and not word.startswith("--run="):
            kept.append(word)
        skips = word == "--run"
    return kept


def _alive(run: Path) -> int | None:
    """The number of the fit's process if it still runs, and is that fit and no later process with its number."""
    checkpoints = Path(run) / CHECKPOINTS
    pid = _read(checkpoints / JOB).get("pid")
    if pid in _children:
        return pid if _children[pid].poll() is None else None
    if (found := _process(pid)) is not None and str(resolved(run)) in found[1]:
        return pid
    pid = _read(checkpoints / PROGRESS).get("pid")
    return pid if _writes(pid, checkpoints / PROGRESS, QUIET if _words(run) is None else float("inf")) else None


def _writes(pid, file: Path, patience: float) -> bool:
    """Whether this process wrote the file less than `patience` seconds ago.

    A later process with its number began after the last writing; a notebook's lives on when its fit was interrupted.
    """
    found = _process(pid)
    try:
        written = file.stat().st_mtime
    except OSError:
        return False
    if found is None or "python" not in found[1].lower():
        return False
    return time.time() - found[0] <= written + 2 and time.time() < written + patience


def _process(pid) -> tuple[float, str] | None:
    """(seconds since its start, command line) of a process that runs, or None."""
    if type(pid) is not int or pid <= 1:
        return None
    asked = ["ps", "-o", "stat=,etime=,command=", "-p", str(pid)]
    parts = subprocess.run(asked, capture_output=True, text=True, check=False).stdout.split(None, 2)
    if len(parts) < 3 or parts[0].startswith("Z"):
        return None
    return _seconds(parts[1]), parts[2]


def _seconds(elapsed: str) -> float:
    """Seconds of what ps prints as [[days-]hours:]minutes:seconds.

    >>> _seconds("01:05"), _seconds("1-00:00:07")
    (65.0, 86407.0)
    """
    days, _, clock = elapsed.rpartition("-")
    total = 0
    for part in clock.split(":"):
        total = 60 * total + int(part)
    return float(int(days or 0) * 86_400 + total)


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
