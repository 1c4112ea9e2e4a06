"""A short run of the killing of each kind of work; the long one is `make kill`."""

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parent))
import killing


@pytest.mark.parametrize("name", list(killing.WORKS))
def test_killed_at_random_moments_it_ends_as_if_undisturbed(name):
    counts = killing.run(name, kills=2, seed=1)
    assert counts["killed"] == 2 and counts["ended"] >= 1


def test_another_result_is_seen(monkeypatch):
    def drifting(folder):
        (folder / "drift").write_text(str(len(list(folder.parent.glob("*/drift")))))

    def drift(folder):
        return {"drift": np.array(int((folder / "drift").read_text()))} if (folder / "drift").exists() else None

    monkeypatch.setitem(killing.WORKS, "drifting", killing.Work(drifting, drift))
    with pytest.raises(AssertionError, match="another result"):
        killing.run("drifting", kills=3)
