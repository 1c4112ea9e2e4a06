"""`encode` on a local Ray cluster of two workers: the IDs of one process, also where a worker is killed on its way."""

import os
import shutil
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
from themed import QUICK, themed_corpus, themed_records

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.indexers import LMIndexer, load_indexer
from lmindexer.indexers.on_ray import _together, _Worker, encode_on_ray

COLUMNS = {"id": "doc_id", "title": "title", "text": "text", "category": ["area", "kind"]}
ROOT = Path(__file__).parents[2]


def test_without_ray_or_without_ids_the_remedy_is_said(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(SettingsError, match=r'pip install "lmindexer\[ray\]"'):
        encode_on_ray(tmp_path, tmp_path, id="doc_id")


def test_batches_of_workers_come_together_as_one_encode(run):
    folder, _, frame = run
    worker = _Worker(str(folder), COLUMNS, "keep")
    parts = [worker(frame.iloc[rows].reset_index(drop=True)) for rows in np.array_split(np.arange(len(frame)), 7)]
    expected = load_indexer(folder).encode(Corpus.from_frame(frame, **COLUMNS), details=True)
    same(_together(load_indexer(folder), pd.concat(parts, ignore_index=True)), expected)
    with pytest.raises(CorpusError, match="'d0' comes twice"):
        _together(load_indexer(folder), pd.concat([parts[0], parts[0]], ignore_index=True))
    refused = worker(pd.concat([frame[:2], frame[:1]], ignore_index=True))
    with pytest.raises(CorpusError, match="d0"):
        _together(load_indexer(folder), pd.concat([parts[0], refused], ignore_index=True))


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip("ray", reason='pip install "lmindexer[ray]"')
    pytest.importorskip("ray.data")
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    started = ray.init(
        num_cpus=3, include_dashboard=False, log_to_driver=False, object_store_memory=200 * 2**20,
        runtime_env={"env_vars": {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1"}},
    )  # fmt: skip
    yield started
    ray.shutdown()


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run, and two Parquet files: documents of the fit, a changed one, new ones."""
    folder = tmp_path_factory.mktemp("ray")
    with pytest.MonkeyPatch.context() as patched:
        from themed import line_map

        patched.setattr("lmindexer.indexers.maps.umap_map", line_map)
        LMIndexer("tiny", seed=1, **QUICK).fit(themed_corpus(), run=folder / "run", progress=False)
    records = themed_records(48)[:20] + themed_records(400, seed=5, name="new")
    records[3]["text"] = "hammer nail steel"
    frame = pd.DataFrame(records)
    (folder / "files").mkdir()
    for number, part in enumerate(np.array_split(np.arange(len(frame)), 2)):
        frame.iloc[part].to_parquet(folder / "files" / f"part-{number}.parquet")
    return folder / "run", folder / "files", frame


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_two_workers_give_the_ids_of_one_process_and_a_killed_one_is_missed_by_nobody(cluster, run):
    folder, files, frame = run
    expected = load_indexer(folder).encode(Corpus.from_frame(frame, **COLUMNS), details=True)
    found = encode_on_ray(folder, files, batch_size=32, **COLUMNS)
    same(found, expected)

    killed, done = [], threading.Event()

    def kill_one():
        """The first worker that has loaded its run, as soon as it is there."""
        while not done.is_set() and not killed:
            for process in psutil.process_iter(["cmdline", "pid"]):
                line = " ".join(process.info["cmdline"] or [])
                if line.startswith("ray::") and "MapWorker" in line and not line.endswith("__init__"):
                    process.kill()
                    killed.append(process.info["pid"])
                    break
            time.sleep(0.01)

    killer = threading.Thread(target=kill_one)
    killer.start()
    try:
        found = encode_on_ray(folder, files, batch_size=4, **COLUMNS)
    finally:
        done.set()
        killer.join()
    assert killed
    same(found, expected)


def same(found, expected):
    assert found.ids == expected.ids and found.new_collisions == expected.new_collisions
    assert np.allclose(found.probabilities, expected.probabilities, atol=1e-5)
    assert found.changed.tolist() == expected.changed.tolist() == [3]


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_an_id_that_comes_twice_is_named(cluster, run):
    folder, files, _ = run
    again = files.parent / "again.parquet"
    shutil.copy(files / "part-0.parquet", again)
    with pytest.raises(CorpusError, match="d0"):
        encode_on_ray(folder, [str(files / "part-0.parquet"), str(again)], **COLUMNS)
    with pytest.raises(SettingsError, match="needs the column of document ids"):
        encode_on_ray(folder, files, text="text")
