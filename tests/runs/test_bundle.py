"""The run bundle: round trip, replacement in one step, interruption, and folders that are no run."""

import json
import math
import os
import shutil
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest

from lmindexer.common.errors import BundleError
from lmindexer.common.jsonfiles import json_safe, read_json, write_json
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.runs import bundle as bundles
from lmindexer.runs.bundle import Bundle, check_target, find_bundles, write_bundle

ALL_FILES = {
    "corpus.parquet",
    "history.parquet",
    "ids.parquet",
    "manifest.json",
    "map.parquet",
    "metrics.json",
    "model",
    "states.npy",
}


@pytest.fixture(scope="module")
def corpus():
    rows = [
        {
            "doc_id": f"d{n}",
            "title": f"Title {n}",
            "text": f"text, “{n}”",
            "category_1": "a",
            "category_2": deeper,
        }
        for n, deeper in enumerate(["x", None, "y", "x", None])
    ]
    return Corpus.from_records(rows, name="toy")


def parts(corpus, seed=0, **changes):
    random = np.random.default_rng(seed)
    ids = SemanticIDs.from_codes(corpus.doc_ids, random.integers(0, 4, (len(corpus), 2)), (4, 4))
    whole = {
        "manifest": {"method": "random", "settings": {"seed": seed, "weight": math.nan}, "seed": seed},
        "corpus": corpus,
        "ids": ids,
        "history": pd.DataFrame({"stage": ["discrete", "discrete"], "loss": [1.5, math.nan]}),
        "states": random.normal(size=(len(corpus), 3)).astype(np.float32),
        "map": pd.DataFrame({"doc_id": corpus.doc_ids, "x": 0.5, "y": range(len(corpus))}),
        "metrics": {"perplexity": [2.0, math.nan]},
        "save_model": lambda folder: (folder / "config.json").write_text("{}"),
    }
    return {**whole, **changes}


@pytest.fixture
def run(tmp_path, corpus):
    return write_bundle(tmp_path / "runs" / "toy", **parts(corpus))


def edit_manifest(run, **changes):
    path = run.path / "manifest.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def names_under(folder):
    return {path.name for path in folder.iterdir()}


# -- round trip --------------------------------------------------------------------------------------------


def test_round_trip(run, corpus):
    given = parts(corpus)
    read = Bundle.open(run.path)
    read.verify()
    assert names_under(read.path) == ALL_FILES
    assert read.corpus.fingerprint == corpus.fingerprint
    assert read.corpus.name == "toy"
    pd.testing.assert_frame_equal(read.corpus.to_frame(), corpus.to_frame())
    assert read.ids == given["ids"]
    pd.testing.assert_frame_equal(read.history, given["history"], check_dtype=False)
    pd.testing.assert_frame_equal(read.map, given["map"], check_dtype=False)
    assert read.states.dtype == np.float16
    np.testing.assert_array_equal(read.states, given["states"].astype(np.float16))
    assert read.metrics == {"perplexity": [2.0, None]}
    assert (read.model_folder / "config.json").read_text() == "{}"
    assert (read.name, read.method) == ("toy", "random")


def test_manifest_says_how_the_run_was_made(run, corpus):
    manifest = run.manifest
    assert next(iter(manifest)) == "schema_version"
    assert manifest["schema_version"] == 1
    assert manifest["settings"] == {"seed": 0, "weight": None}
    assert manifest["corpus"] == {
        "name": "toy",
        "documents": 5,
        "levels": 2,
        "fingerprint": corpus.fingerprint,
    }
    assert set(manifest["versions"]) == {"python", "torch", "transformers", "numpy"}
    assert manifest["versions"]["numpy"] == np.__version__
    assert set(manifest["files"]) == (ALL_FILES - {"manifest.json", "model"}) | {"model/config.json"}
    assert pd.Timestamp(manifest["created"]).utcoffset().total_seconds() == 0


def test_what_the_caller_says_is_kept_and_the_packages_own_entries_are_not_the_callers(tmp_path, corpus):
    manifest = {
        "method": "random",
        "settings": {},
        "name": "my run",
        "timings": {"fit": 1.5},
        "corpus": {"category_text": True, "documents": 99},
        "schema_version": 99,
        "files": {"x": 1},
    }
    run = write_bundle(tmp_path / "a", **parts(corpus, manifest=manifest))
    assert run.name == "my run"
    assert run.manifest["timings"] == {"fit": 1.5}
    assert run.manifest["corpus"]["category_text"] is True
    assert run.manifest["corpus"]["documents"] == 5
    assert run.manifest["schema_version"] == 1
    assert "x" not in run.manifest["files"]


def test_optional_parts_may_be_missing(tmp_path, corpus):
    nothing = dict.fromkeys(["history", "states", "map", "metrics", "save_model"])
    run = write_bundle(tmp_path / "bare", **parts(corpus, **nothing))
    assert names_under(run.path) == {"corpus.parquet", "ids.parquet", "manifest.json"}
    assert run.history is run.states is run.map is run.metrics is run.model_folder is None


def test_a_moved_run_still_opens(run, tmp_path):
    ids = run.ids
    shutil.move(run.path, tmp_path / "elsewhere")
    moved = Bundle.open(tmp_path / "elsewhere")
    moved.verify()
    assert moved.ids == ids
    assert moved.name == "toy"


def test_no_json_file_holds_a_nan(run):
    texts = [path.read_text() for path in run.path.rglob("*.json")]
    assert len(texts) == 3
    for text in texts:
        json.loads(text, parse_constant=pytest.fail)


# -- replacement -------------------------------------------------------------------------------------------


def test_a_run_is_replaced_whole_and_leaves_nothing_beside_it(run, corpus):
    nothing = dict.fromkeys(["history", "states"])
    again = write_bundle(run.path, **parts(corpus, seed=1, **nothing))
    assert again.manifest["seed"] == 1
    assert again.history is None  # no file of the older run has stayed behind
    assert names_under(run.path.parent) == {"toy"}


def test_files_that_are_no_part_of_a_run_are_kept(run, corpus):
    (run.path / "notes.txt").write_text("mine")
    (run.path / "figures").mkdir()
    (run.path / "figures" / "one.svg").write_text("<svg/>")
    write_bundle(run.path, **parts(corpus, seed=1))
    assert (run.path / "notes.txt").read_text() == "mine"
    assert (run.path / "figures" / "one.svg").exists()
    assert names_under(run.path.parent) == {"toy"}


def test_an_unfinished_fits_folder_becomes_the_run_without_its_checkpoints(tmp_path, corpus):
    (tmp_path / "fit" / "checkpoints").mkdir(parents=True)
    (tmp_path / "fit" / "checkpoints" / "last.safetensors").write_bytes(b"x")
    with pytest.raises(BundleError, match="holds an unfinished fit; start the same fit"):
        Bundle.open(tmp_path / "fit")
    run = write_bundle(tmp_path / "fit", **parts(corpus))
    assert names_under(run.path) == ALL_FILES


def test_foreign_folders_are_never_replaced(tmp_path, corpus):
    photos = tmp_path / "photos"
    photos.mkdir()
    check_target(photos)  # empty
    (photos / "one.jpg").write_bytes(b"x")
    for act in (check_target, lambda folder: write_bundle(folder, **parts(corpus))):
        with pytest.raises(BundleError, match="holds files but no run"):
            act(photos)
    assert names_under(photos) == {"one.jpg"}
    with pytest.raises(BundleError, match="is a file"):
        check_target(photos / "one.jpg")
    other = tmp_path / "other"
    other.mkdir()
    for text, message in (('{"name": "app"}', "not the manifest of a run"), ("{", "cannot be read")):
        (other / "manifest.json").write_text(text)
        with pytest.raises(BundleError, match=message):
            write_bundle(other, **parts(corpus))
        assert (other / "manifest.json").read_text() == text


def test_a_newer_run_is_not_replaced_but_a_damaged_one_of_ours_is(run, corpus):
    edit_manifest(run, schema_version=2)
    with pytest.raises(BundleError, match="upgrade"):
        write_bundle(run.path, **parts(corpus))
    edit_manifest(run, schema_version=1, files="gone")
    with pytest.raises(BundleError, match="'files' is missing or wrong"):
        Bundle.open(run.path)
    write_bundle(run.path, **parts(corpus)).verify()


@pytest.mark.parametrize("stop", ["save_model", "write_json", "rename"])
@pytest.mark.parametrize("signal", [KeyboardInterrupt, OSError])
def test_an_interrupted_write_leaves_the_old_run_intact(run, corpus, monkeypatch, stop, signal):
    def interrupt(*arguments):
        raise signal("stopped")

    changes = {"save_model": interrupt} if stop == "save_model" else {}
    if stop == "write_json":
        monkeypatch.setattr(bundles, "write_json", interrupt)
    if stop == "rename":
        rename = os.rename
        monkeypatch.setattr(os, "rename", lambda a, b: interrupt() if "writing" in str(a) else rename(a, b))
    with pytest.raises(BundleError if signal is OSError else KeyboardInterrupt):
        write_bundle(run.path, **parts(corpus, seed=1, **changes))
    monkeypatch.undo()
    assert names_under(run.path.parent) == {"toy"}
    old = Bundle.open(run.path)
    old.verify()
    assert old.manifest["seed"] == 0


def test_a_write_killed_between_the_renames_is_finished_by_the_next(run, corpus):
    waiting = run.path.with_name(".toy.previous")
    os.rename(run.path, waiting)
    with pytest.raises(BundleError, match=r"a write was interrupted and the former run is .*\.toy\.previous"):
        Bundle.open(run.path)
    (waiting / "notes.txt").write_text("mine")
    write_bundle(run.path, **parts(corpus, seed=1))
    assert names_under(run.path.parent) == {"toy"}
    assert (run.path / "notes.txt").read_text() == "mine"


def test_a_write_killed_while_clearing_up_is_finished_by_the_next(run, corpus):
    waiting = run.path.with_name(".toy.previous")
    shutil.copytree(run.path, waiting)
    (waiting / "notes.txt").write_text("mine")
    assert Bundle.open(run.path).manifest["seed"] == 0
    write_bundle(run.path, **parts(corpus, seed=1))
    assert names_under(run.path.parent) == {"toy"}
    assert (run.path / "notes.txt").read_text() == "mine"


def test_a_killed_process_leaves_the_old_run_and_the_next_write_clears_up(run, corpus):
    program = """if True:
        import os, sys
        from lmindexer.runs.bundle import Bundle, write_bundle
        run = Bundle.open(sys.argv[1])
        write_bundle(run.path, manifest={"method": "random", "settings": {}, "seed": 1}, corpus=run.corpus,
                     ids=run.ids, save_model=lambda folder: os.kill(os.getpid(), 9))
    """
    killed = subprocess.run([sys.executable, "-c", program, str(run.path)], check=False)
    assert killed.returncode == -9
    left = names_under(run.path.parent) - {"toy"}
    assert len(left) == 1
    assert left.pop().startswith(".toy.writing-")
    old = Bundle.open(run.path)
    old.verify()
    assert old.manifest["seed"] == 0
    assert [found.name for found in find_bundles(run.path.parent)[0]] == ["toy"]
    write_bundle(run.path, **parts(corpus, seed=1))
    assert names_under(run.path.parent) == {"toy"}


def test_a_reader_never_mixes_two_runs(run, corpus):
    reader = Bundle.open(run.path)
    before = np.array(reader.states)
    write_bundle(run.path, **parts(corpus, seed=1))
    np.testing.assert_array_equal(reader.states, before)  # already mapped: the old file lives on
    for part in ("corpus", "ids", "history", "map", "metrics"):
        with pytest.raises(BundleError, match="has been replaced since it was opened; open it again"):
            getattr(reader, part)
    with pytest.raises(BundleError, match="open it again"):
        reader.verify()


# -- parts that do not fit together ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"manifest": {"settings": {}}}, "lacks 'method'"),
        ({"manifest": {"method": "random"}}, "lacks 'settings'"),
        ({"states": np.zeros((3, 2))}, r"the shape \[5, d\], not \[3, 2\]"),
        ({"states": np.full((5, 2), 1e6)}, "float16 cannot"),
        ({"states": np.full((5, 2), np.nan)}, "float16 cannot"),
        ({"map": pd.DataFrame({"doc_id": ["d0"], "x": [0.0], "y": [0.0]})}, "The map must have"),
        ({"map": pd.DataFrame({"x": np.zeros(5), "y": np.zeros(5)})}, "The map must have"),
    ],
)
def test_parts_that_do_not_fit_are_refused_and_nothing_is_written(tmp_path, corpus, changes, message):
    with pytest.raises(BundleError, match=message):
        write_bundle(tmp_path / "run", **parts(corpus, **changes))
    assert names_under(tmp_path) == set()


def test_ids_of_other_documents_are_refused(tmp_path, corpus):
    ids = parts(corpus)["ids"].take([1, 0, 2, 3, 4])
    with pytest.raises(BundleError, match="not those of the corpus's documents in the corpus's order"):
        write_bundle(tmp_path / "run", **parts(corpus, ids=ids))


# -- folders that are no run, or no longer one -------------------------------------------------------------


def test_missing_and_foreign_folders(tmp_path):
    with pytest.raises(BundleError, match="does not exist"):
        Bundle.open(tmp_path / "nothing")
    (tmp_path / "photos").mkdir()
    with pytest.raises(BundleError, match=r"is no run, for it has no manifest\.json"):
        Bundle.open(tmp_path / "photos")


@pytest.mark.parametrize("text", ["", "[]", '{"name": "x"}', '{"schema_version": "1"}', '{"schema_version": true}'])
def test_manifests_of_other_programs(run, text):
    (run.path / "manifest.json").write_text(text)
    with pytest.raises(BundleError, match=r"manifest\.json (cannot be read|is not the manifest of a run)"):
        Bundle.open(run.path)


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b'{"schema_version": NaN}', b"[" * 100_000])
def test_manifests_that_are_no_json(run, data):
    (run.path / "manifest.json").write_bytes(data)
    with pytest.raises(BundleError, match=r"manifest\.json cannot be read"):
        Bundle.open(run.path)


def test_a_newer_schema_asks_for_an_upgrade(run):
    edit_manifest(run, schema_version=2, files=None)
    with pytest.raises(BundleError, match=r"schema version 2.*up to 1; upgrade with"):
        Bundle.open(run.path)


@pytest.mark.parametrize("key", ["name", "method", "corpus", "settings", "files"])
def test_incomplete_manifests_name_the_entry(run, key):
    edit_manifest(run, **{key: 3})
    with pytest.raises(BundleError, match=f"'{key}' is missing or wrong"):
        Bundle.open(run.path)


@pytest.mark.parametrize("name", [*sorted(ALL_FILES - {"manifest.json", "model"}), "model/config.json"])
def test_a_missing_file_is_named(run, name):
    (run.path / name).unlink()
    with pytest.raises(BundleError, match=f"{name} is missing"):
        Bundle.open(run.path)


@pytest.mark.parametrize("name", sorted(ALL_FILES - {"manifest.json", "model"}))
def test_a_truncated_file_is_named_when_opened(run, name):
    data = (run.path / name).read_bytes()
    (run.path / name).write_bytes(data[: len(data) // 2])
    with pytest.raises(BundleError, match=f"{name} is damaged: it has {len(data) // 2} bytes, {len(data)} were"):
        Bundle.open(run.path)


@pytest.mark.parametrize("name", sorted(ALL_FILES - {"manifest.json", "model"}))
def test_a_file_damaged_at_equal_length_is_named_when_read_and_when_verified(run, name):
    path = run.path / name
    path.write_bytes(b"\x00" * path.stat().st_size)
    damaged = Bundle.open(run.path)
    with pytest.raises(BundleError, match=f"{name} (cannot be read|has changed)"):
        getattr(damaged, name.split(".")[0])
    with pytest.raises(BundleError, match=f"{name} has changed since it was written"):
        damaged.verify()


def test_pickled_states_are_not_loaded(run):
    path = run.path / "states.npy"
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    entry = {"bytes": path.stat().st_size, "sha256": "0"}
    edit_manifest(run, files={**run.manifest["files"], "states.npy": entry})
    with pytest.raises(BundleError, match=r"states\.npy cannot be read"):
        _ = Bundle.open(run.path).states


def test_ids_of_another_number_of_documents_are_noticed(run):
    edit_manifest(run, corpus={**run.manifest["corpus"], "documents": 4})
    with pytest.raises(BundleError, match=r"ids\.parquet has 5 documents"):
        _ = Bundle.open(run.path).ids


@pytest.mark.parametrize(
    "name",
    [
        "../secret",
        "model/../../secret",
        "/etc/passwd",
        "model/..",
        "..",
        "",
        "model//a",
        "model\\..\\a",
        "model/..\\..\\a",
        "code.py",
        ".",
    ],
)
def test_file_names_that_lead_out_of_the_folder_are_refused(run, name):
    entry = {"bytes": 1, "sha256": "0"}
    edit_manifest(run, files={**run.manifest["files"], name: entry})
    with pytest.raises(BundleError, match="which no run holds"):
        Bundle.open(run.path)


@pytest.mark.parametrize("entry", [None, {}, {"bytes": "1", "sha256": "0"}, {"bytes": 1}])
def test_file_entries_must_have_length_and_sum(run, entry):
    edit_manifest(run, files={**run.manifest["files"], "ids.parquet": entry})
    with pytest.raises(BundleError, match=r"the length or SHA-256 of 'ids\.parquet' is missing"):
        Bundle.open(run.path)


def test_a_manifest_must_name_corpus_and_ids(run):
    edit_manifest(run, files={})
    with pytest.raises(BundleError, match=r"does not name corpus\.parquet"):
        Bundle.open(run.path)


# -- finding -----------------------------------------------------------------------------------------------


def test_finding_runs_and_those_that_cannot_be_opened(run, corpus):
    folder = run.path.parent
    write_bundle(folder / "alpha", **parts(corpus))
    (folder / "photos").mkdir()
    (folder / ".toy.writing-1").mkdir()
    (folder / ".toy.writing-1" / "ids.parquet").write_bytes(b"")
    (folder / "readme.txt").write_text("x")
    (folder / "halfway" / "checkpoints").mkdir(parents=True)
    write_bundle(folder / "lost", **parts(corpus))
    (folder / "lost" / "manifest.json").unlink()
    found, broken = find_bundles(folder)
    assert [bundle.name for bundle in found] == ["alpha", "toy"]
    assert [path.name for path, _ in broken] == ["halfway", "lost"]
    assert "unfinished fit" in str(broken[0][1])
    assert "no manifest.json" in str(broken[1][1])
    assert find_bundles(folder / "nothing") == ([], [])


# -- JSON --------------------------------------------------------------------------------------------------


def test_json_is_plain_and_finite(tmp_path):
    value = {
        "numpy": np.float32(1.5),
        "array": np.array([[1, 2]]),
        "flag": np.bool_(True),
        "nan": [math.nan, np.float64("inf"), -math.inf],
        3: (1, {2, 1}),
        "path": tmp_path,
        "none": None,
    }
    path = tmp_path / "x.json"
    write_json(path, value)
    assert read_json(path) == {
        "numpy": 1.5,
        "array": [[1, 2]],
        "flag": True,
        "nan": [None, None, None],
        "3": [1, [1, 2]],
        "path": str(tmp_path),
        "none": None,
    }
    assert names_under(tmp_path) == {"x.json"}
    path.write_text("[Infinity]")
    with pytest.raises(ValueError, match="Infinity is no JSON"):
        read_json(path)
    with pytest.raises(TypeError, match="has no JSON form"):
        json_safe({"object": object()})
