"""A fit killed at any moment and started again gives the IDs of an undisturbed one, and never of another run's."""

import json
import multiprocessing
import os
import signal

import numpy as np
import pandas as pd
import pytest
from themed import line_map, themed_corpus

from lmindexer.common.errors import BundleError, TrainingError
from lmindexer.indexers import LMIndexer
from lmindexer.runs.bundle import Bundle

TINY = {"positions": 2, "codebook_size": 4, "warmup_epochs": 1, "continuous_epochs": 2, "discrete_epochs": 2}
SETTINGS = {
    "tiny": {**TINY, "batch_size": 10, "macro_f1_documents": 6},
    # Neighbours' votes are kept between steps and must be taken up again too.
    "minilm": {**TINY, "continuous_epochs": 0, "batch_size": 10, "macro_f1_documents": 6, "agreement_until": 2},
}


def small():
    return themed_corpus(24)


# ---- a process that kills itself -------------------------------------------------------------------------------


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(moment):
    """Arrange the death of this process: (where, which), `which` counted from 1."""
    from lmindexer.common import progress
    from lmindexer.runs import bundle, checkpoints, folder

    where, which = moment
    seen = 0

    def reached():
        nonlocal seen
        seen += 1
        return seen == which

    def wrap(owner, name, before=lambda *_: None, after=lambda *_: None):
        inner = getattr(owner, name)

        def outer(*given, **named):
            before(*given, **named)
            result = inner(*given, **named)
            after(*given, **named)
            return result

        setattr(owner, name, outer)

    def cut_short(tensors, path, *_):
        if reached():
            whole = path.read_bytes()
            path.write_bytes(whole[: len(whole) // 2])
            die()

    if where == "step":
        wrap(progress.Progress, "step", after=lambda *_: reached() and die())
    elif where == "writing a checkpoint":
        wrap(checkpoints, "save_file", after=cut_short)
    elif where == "checkpoint written":
        wrap(checkpoints.Checkpoints, "write", after=lambda *_: reached() and die())
    elif where == "writing the bundle":
        wrap(bundle, "_write_parts", after=lambda *_: die())
    elif where == "renaming the bundle":
        wrap(folder, "_put_in_place", before=lambda *_: die())


def fit_and_die(run, preset, moment):
    import lmindexer.indexers.maps

    lmindexer.indexers.maps.umap_map = line_map
    die_at(moment)
    LMIndexer(preset, **SETTINGS[preset]).fit(small(), run, progress=False)
    os._exit(3)  # it was to die before


@pytest.fixture(scope="module")
def processes():
    """Processes forked from one that has imported everything and computed nothing."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["lmindexer.indexers", "sklearn.cluster", "lmindexer.indexers.maps", "themed"])
    return context


@pytest.fixture
def killed(processes, tmp_path):
    def run_and_kill(preset, moment):
        run = tmp_path / "run"
        child = processes.Process(target=fit_and_die, args=(run, preset, moment))
        child.start()
        child.join(600)
        assert child.exitcode == -signal.SIGKILL
        return run

    return run_and_kill


@pytest.fixture(scope="module")
def undisturbed():
    made = {}

    def fitted(preset):
        if preset not in made:
            made[preset] = LMIndexer(preset, **SETTINGS[preset]).fit(small(), progress=False)
        return made[preset]

    return fitted


# 24 documents in batches of 10 (the rest of 4 a batch of its own) are 3 steps an epoch: warm-up 1–3, continuous c1
# 4–9, k-means 10, discrete c1 11–16; position 2 alike from 17 on, to step 29. A checkpoint follows each epoch.
MOMENTS = [
    ("step", 2),  # before any checkpoint
    ("step", 5),  # in the first epoch of a stage
    ("step", 8),  # in a later epoch
    ("step", 10),  # k-means
    ("step", 15),
    ("step", 27),
    ("writing a checkpoint", 1),
    ("writing a checkpoint", 4),
    ("checkpoint written", 1),
    ("checkpoint written", 6),  # between two positions
    ("checkpoint written", 11),  # all is trained
    ("writing the bundle", 1),
    ("renaming the bundle", 1),
]
VOTES = [("step", 6), ("step", 9), ("checkpoint written", 4), ("step", 15)]


@pytest.mark.parametrize(
    ("preset", "moment"),
    [*(("tiny", moment) for moment in MOMENTS), *(("minilm", moment) for moment in VOTES)],
    ids=lambda value: value if isinstance(value, str) else "-".join(map(str, value)),
)
def test_killed_and_started_again_it_ends_with_the_same_ids(preset, moment, killed, undisturbed, quick_map):
    run = killed(preset, moment)
    with pytest.raises(BundleError):
        Bundle.open(run)  # no half-written run is taken for a whole one
    again = LMIndexer(preset, **SETTINGS[preset]).fit(small(), run, progress=False)
    whole = undisturbed(preset)
    assert again.ids_ == whole.ids_
    for one, two in zip(again.codebooks_, whole.codebooks_, strict=True):
        assert np.array_equal(one, two)
    rows = [fit.history_.drop(columns="seconds") for fit in (again, whole)]
    pd.testing.assert_frame_equal(*rows)
    bundle = Bundle.open(run)
    assert bundle.ids == whole.ids_ and not (run / "checkpoints").exists()
    assert [path.name for path in run.parent.iterdir()] == ["run"]  # nothing lies about


def test_killed_twice_and_started_again(killed, undisturbed, quick_map):
    killed("tiny", ("step", 8))
    run = killed("tiny", ("step", 12))  # 12 steps after the last checkpoint: it went on, or it would die earlier
    stage = json.loads((run / "checkpoints" / "progress.json").read_text(encoding="utf-8"))
    assert (stage["stage"], stage["position"]) == ("continuous", 2)
    again = LMIndexer("tiny", **SETTINGS["tiny"]).fit(small(), run, progress=False)
    assert again.ids_ == undisturbed("tiny").ids_


def test_an_unfinished_run_says_how_far_it_came(killed):
    run = killed("tiny", ("step", 15))
    now = json.loads((run / "checkpoints" / "progress.json").read_text(encoding="utf-8"))
    assert set(now) >= {"stage", "position", "epoch", "epochs", "step", "steps", "stage_index", "stages", "pid"}
    assert (now["stage"], now["position"], now["epochs"], now["stage_index"], now["stages"]) == ("discrete", 1, 2, 3, 7)
    history = pd.read_parquet(run / "checkpoints" / "history.parquet")
    stages = ["reconstructor_warmup", "continuous", "continuous", "codebook_init", "discrete"]
    assert history["stage"].tolist() == stages
    with pytest.raises(BundleError, match="holds an unfinished fit"):
        LMIndexer.load(run)


# ---- another run's checkpoints ---------------------------------------------------------------------------------


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """A run stopped by Ctrl-C in its second epoch of training; `stopped.settings` are its own."""
    from lmindexer.common.progress import Progress

    steps, inner = [], Progress.step

    def step(self, epoch, loss):
        steps.append(loss)
        inner(self, epoch, loss)
        if len(steps) == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Progress, "step", step)
        with pytest.raises(KeyboardInterrupt):
            LMIndexer("tiny", **SETTINGS["tiny"]).fit(small(), tmp_path / "run", progress=False)
    return tmp_path / "run"


def test_ctrl_c_leaves_a_run_that_goes_on(stopped, undisturbed, quick_map):
    again = LMIndexer("tiny", **SETTINGS["tiny"]).fit(small(), stopped, progress=False)
    assert again.ids_ == undisturbed("tiny").ids_


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"seed": 7}, r"other settings \(differs: seed\)"),
        ({"codebook_size": 5, "positions": 3}, r"other settings \(differs: codebook_size, positions\)"),
    ],
)
def test_other_settings_are_refused_by_name(changes, sentence, stopped):
    before = (stopped / "checkpoints" / "state.safetensors").read_bytes()
    with pytest.raises(TrainingError, match=sentence) as caught:
        LMIndexer("tiny", **{**SETTINGS["tiny"], **changes}).fit(small(), stopped, progress=False)
    assert "resume=False" in str(caught.value) and str(stopped) in str(caught.value)
    assert (stopped / "checkpoints" / "state.safetensors").read_bytes() == before


def test_a_setting_that_changes_no_result_may_be_another(stopped, undisturbed, quick_map):
    again = LMIndexer("tiny", **SETTINGS["tiny"], diagnose_every=2).fit(small(), stopped, progress=False)
    assert again.ids_ == undisturbed("tiny").ids_


def test_another_corpus_is_refused(stopped):
    with pytest.raises(TrainingError, match=r"other corpus \(differs: corpus\)"):
        LMIndexer("tiny", **SETTINGS["tiny"]).fit(themed_corpus(24, seed=9), stopped, progress=False)


def test_resume_false_begins_anew(stopped, quick_map):
    changed = {**SETTINGS["tiny"], "seed": 7}
    again = LMIndexer("tiny", **changed).fit(small(), stopped, progress=False, resume=False)
    assert again.ids_ == LMIndexer("tiny", **changed).fit(small(), progress=False).ids_


@pytest.mark.parametrize("damage", [b"", b"not a checkpoint", None], ids=["empty", "foreign", "cut"])
def test_a_checkpoint_that_cannot_be_read_says_what_to_do(damage, stopped):
    path = stopped / "checkpoints" / "state.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-100] if damage is None else damage)
    with pytest.raises(TrainingError, match=r"is not a checkpoint that can be read.*Delete the folder") as caught:
        LMIndexer("tiny", **SETTINGS["tiny"]).fit(small(), stopped, progress=False)
    assert "\n" not in str(caught.value)


def test_a_folder_of_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(BundleError, match="holds files but no run"):
        LMIndexer("tiny", **SETTINGS["tiny"]).fit(small(), tmp_path, progress=False)
    assert (tmp_path / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_a_finished_run_can_be_made_again_with_other_settings(tmp_path, quick_map):
    settings = {**SETTINGS["tiny"], "positions": 1, "continuous": False}
    LMIndexer("tiny", **settings).fit(small(), tmp_path / "run", progress=False)
    LMIndexer("tiny", **settings | {"seed": 3}).fit(small(), tmp_path / "run", progress=False)
    assert Bundle.open(tmp_path / "run").manifest["seed"] == 3
