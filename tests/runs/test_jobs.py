"""Fits in the background: started, watched from disk alone, stopped, gone on with, failed."""

import json
import os
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
import run_bundles

from lmindexer.common.errors import BundleError, SettingsError
from lmindexer.runs import jobs
from lmindexer.runs.bundle import Bundle


def wait(run, *states, seconds: float = 240.0) -> jobs.Status:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = jobs.status(run)
        if found.state in states:
            return found
        time.sleep(0.1)
    raise AssertionError(f"{jobs.status(run)} after {seconds} s")


@pytest.fixture(autouse=True)
def nothing_runs_on(tmp_path):
    """A test that fails leaves no fit behind that would slow the others."""
    yield
    for run in jobs.unfinished(tmp_path):
        if jobs.status(run).state == "running":
            jobs.stop(run)


@pytest.mark.long
def test_a_fit_runs_on_its_own_stops_and_goes_on(tmp_path):
    corpus = run_bundles.corpus_of(48)
    run = jobs.start(tmp_path, "mine", corpus, "tiny", codebook_size=[6, 4], discrete_epochs=400)
    assert jobs.unfinished(tmp_path) == [run]
    until = time.monotonic() + 240
    while (jobs.history(run) is None or not jobs.status(run).share) and time.monotonic() < until:  # written by turns
        assert jobs.status(run).state == "running", jobs.status(run).log
        time.sleep(0.1)
    watched = jobs.status(run)
    assert watched.progress["stages"] >= 4 and 0 < watched.share < 1
    jobs._children.clear()  # as after a restart of the app: only the files and the process are left
    jobs.stop(run)
    stopped = wait(run, "stopped")
    assert stopped.progress["stage"] == watched.progress["stage"] or stopped.share >= watched.share
    jobs.go_on(run)
    wait(run, "running")
    jobs.stop(run)
    assert wait(run, "stopped").share >= watched.share


@pytest.mark.long
def test_a_finished_fit_is_a_run_over_the_same_documents(tmp_path):
    corpus = run_bundles.corpus_of(48)
    run = jobs.start(tmp_path, "short", corpus, "tiny", positions=1, codebook_size=4, discrete_epochs=1)
    wait(run, "finished")
    assert Bundle.open(run).corpus.fingerprint == corpus.fingerprint
    assert Bundle.open(run).manifest["settings"]["codebook_size"] == 4 and not jobs.unfinished(tmp_path)


def test_wrong_settings_and_names_are_said_before_anything_is_written(tmp_path):
    corpus = run_bundles.corpus_of(12)
    for name in ("../up", "a/b", "", ".hidden", "x" * 61, "-x", "a b"):
        with pytest.raises(SettingsError, match="no name for a run"):
            jobs.start(tmp_path, name, corpus)
    with pytest.raises(SettingsError, match="nearest is 'codebook_size'"):
        jobs.start(tmp_path, "a", corpus, codebok_size=4)
    (tmp_path / "there").mkdir()
    with pytest.raises(SettingsError, match="already"):
        jobs.start(tmp_path, "there", corpus, "tiny")
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_fit_that_cannot_be_says_why(tmp_path):
    run = jobs.start(tmp_path, "hopeless", run_bundles.corpus_of(3), "tiny", codebook_size=200)
    found = wait(run, "failed")
    assert "200" in found.log


def sleeping() -> subprocess.Popen:
    """A Python process that does nothing, as a fit of the shell looks to others."""
    return subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])


def _fit_of_the_shell(run, pid: int, command: list[str]) -> None:
    (run / "checkpoints").mkdir(parents=True)
    told = {"stage": "discrete", "stage_index": 1, "stages": 4, "step": 5, "steps": 10, "pid": pid, "command": command}
    (run / "checkpoints" / "progress.json").write_text(json.dumps(told | {"cwd": str(run.parent), "seconds": 3}))


def test_a_fit_that_the_shell_started_is_seen_to_run_and_can_be_gone_on_with(tmp_path, monkeypatch):
    run = tmp_path / "mine"
    child = sleeping()
    try:
        _fit_of_the_shell(run, child.pid, ["python", "/bin/lmindexer", "fit", "wordnet", "--run", "mine", "--restart"])
        assert jobs.status(run).state == "running" and jobs.seconds_left(jobs.status(run)) == pytest.approx(5)
        old = time.time() - 3600  # the process began after the last writing: it only has the number of the fit's
        os.utime(run / "checkpoints" / "progress.json", (old, old))
        assert jobs.status(run).state == "stopped"
    finally:
        child.kill()
        child.wait()
    asked = []
    monkeypatch.setattr(jobs.subprocess, "Popen", lambda command, **more: asked.append((command, more)) or child)
    assert jobs.can_go_on(run)
    jobs.go_on(run)
    command, more = asked[0]
    assert command == [sys.executable, "-m", "lmindexer", "fit", "wordnet", "--run", str(run)]
    assert more["cwd"] == str(tmp_path)


def test_a_fit_of_a_notebook_is_not_gone_on_with_by_a_command(tmp_path):
    run = tmp_path / "mine"
    child = sleeping()
    try:
        _fit_of_the_shell(run, child.pid, ["python", "-m", "ipykernel_launcher", "-f", "fit"])
        assert jobs.status(run).state == "running" and not jobs.can_go_on(run)
    finally:
        child.kill()
        child.wait()
    with pytest.raises(BundleError, match="repeat the same fit"):
        jobs.go_on(run)


def test_what_a_run_s_files_say_is_never_run_as_another_program(tmp_path, monkeypatch):
    run = tmp_path / "mine"
    _fit_of_the_shell(run, 0, ["sh", "-c", "touch /tmp/x", "lmindexer", "fit", "wordnet"])
    asked = []
    child = SimpleNamespace(pid=9, poll=lambda: 0)
    monkeypatch.setattr(jobs.subprocess, "Popen", lambda command, **more: asked.append(command) or child)
    jobs.go_on(run)
    assert asked == [[sys.executable, "-m", "lmindexer", "fit", "wordnet", "--run", str(run)]]


def test_the_history_of_a_finished_run_is_still_there(tmp_path):
    run_bundles.write_all(tmp_path)
    assert len(jobs.history(tmp_path / "good")) == len(run_bundles.history())
    assert jobs.history(tmp_path / "bare") is None


def test_a_number_of_another_process_is_not_the_job_s(tmp_path):
    checkpoints = tmp_path / "run" / "checkpoints"
    checkpoints.mkdir(parents=True)
    (checkpoints / "job.json").write_text(json.dumps({"pid": os.getppid(), "command": []}))
    (checkpoints / "progress.json").write_text(
        '{"stage": "discrete", "stage_index": 1, "stages": 4, "step": 5, "steps": 10}'
    )
    found = jobs.status(tmp_path / "run")
    assert found.state == "stopped" and found.share == pytest.approx(1.5 / 4)
    jobs.stop(tmp_path / "run")  # must not touch the other process
    (checkpoints / "progress.json").write_text("{half")
    assert jobs.status(tmp_path / "run").progress == {}
    assert jobs.status(tmp_path / "none").state == "none"
