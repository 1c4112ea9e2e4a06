"""Runs as folders: renamed whole, deleted whole, and nothing else is ever touched."""

import pytest
import run_bundles

from lmindexer.common.errors import BundleError, SettingsError
from lmindexer.runs import housekeeping, jobs
from lmindexer.runs.bundle import Bundle


@pytest.fixture
def runs(tmp_path):
    corpus = run_bundles.corpus_of(20)
    for name in ("one", "two"):
        run_bundles.write(tmp_path, name, corpus, run_bundles.ids_of(corpus), states=None, map=None)
    return tmp_path


def test_a_run_has_its_new_name_everywhere_and_is_whole(runs):
    before = housekeeping.size_of(runs / "one")
    moved = housekeeping.rename(runs / "one", "uno")
    assert moved == runs / "uno" and Bundle.open(moved).name == "uno" and not (runs / "one").exists()
    Bundle.open(moved).verify()
    assert abs(housekeeping.size_of(moved) - before) < 10 and before > 1000


def test_a_name_that_is_taken_or_leads_elsewhere_is_refused(runs):
    with pytest.raises(BundleError, match="choose another name"):
        housekeeping.rename(runs / "one", "two")
    for name in ("../up", "", ".hidden"):
        with pytest.raises(SettingsError):
            housekeeping.rename(runs / "one", name)
    assert Bundle.open(runs / "one").name == "one"


def test_a_deleted_run_is_gone_and_the_other_is_not(runs):
    housekeeping.delete(runs / "one")
    assert [path.name for path in runs.iterdir()] == ["two"] and Bundle.open(runs / "two")


def test_only_runs_are_deleted_and_none_that_is_being_fitted(runs, monkeypatch):
    (runs / "notes").mkdir()
    (runs / "link").symlink_to(runs / "one", target_is_directory=True)
    for name in ("notes", "link", "nothing"):
        with pytest.raises(BundleError, match="is no run"):
            housekeeping.delete(runs / name)
    monkeypatch.setattr(jobs, "status", lambda run: jobs.Status("running", {}, 0.5, ""))
    with pytest.raises(BundleError, match="stop the fit"):
        housekeeping.delete(runs / "one")
    assert (runs / "one").is_dir() and (runs / "notes").is_dir()
