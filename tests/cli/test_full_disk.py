"""A disk that is full, or takes nothing: one sentence, and what was there before is as it was.

A limit on the size of files stands for the full disk: a write fails midway, as it does there.
"""

import multiprocessing
import resource
import shutil
import traceback

import numpy as np
import pytest
from run_bundles import corpus_of
from themed import line_map
from typer.testing import CliRunner

import lmindexer as lmi
import lmindexer.indexers.maps
from lmindexer.cli.app import app
from lmindexer.common.errors import LMIndexerError
from lmindexer.runs.manifest import describe_files
from lmindexer.tasks.recommendation import Recommendation, SASRec

TINY = {"positions": 2, "codebook_size": 4, "warmup_epochs": 1, "continuous_epochs": 1, "discrete_epochs": 1}
SETS = [word for name, value in TINY.items() for word in ("--set", f"{name}={value}")]
COMMANDS = {
    "fit": ["fit", "c.parquet", "--run", "run", "--restart", "--preset", "tiny", *SETS, "--no-progress"],
    "encode": ["encode", "run", "c.parquet", "-o", "out.csv", "--on-change", "new"],
    "report": ["report", "run", "--html", "out.html"],
    "evaluate": ["evaluate", "run", "-o", "out.jsonl"],
    "label create": ["label", "create", "run", "other", "-o", "study.sqlite"],
}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("disk")
    corpus = corpus_of(60)
    corpus.to_parquet(folder / "c.parquet")
    for name, seed in (("run", 0), ("other", 1)):
        indexer = lmi.ResidualKMeansIndexer(embeddings="tfidf", positions=2, codebook_size=4, seed=seed)
        indexer.fit(corpus, progress=False)
        indexer.save(folder / name, map=False, progress=False)
    return folder


def limited(limit, work, answers):
    """Do `work` where no file may be longer than `limit` bytes; what came out as text."""
    lmindexer.indexers.maps.umap_map = line_map
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        answers.put(work())
    except LMIndexerError as error:
        answers.put(f"Error: {error}")
    except BaseException:
        answers.put(traceback.format_exc())


def answer(limit, work) -> str:
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    child = context.Process(target=limited, args=(limit, work, answers))
    child.start()
    said = answers.get(timeout=120)
    child.join()
    return said


def command(name):
    def work():
        result = CliRunner().invoke(app, COMMANDS[name])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return f"{result.exit_code}: {result.output}"

    return work


@pytest.mark.parametrize("limit", [0, 300])
@pytest.mark.parametrize("name", list(COMMANDS))
def test_a_full_disk_is_one_sentence_and_nothing_is_lost(name, limit, place, tmp_path, monkeypatch):
    shutil.copytree(place, tmp_path / "here")
    monkeypatch.chdir(tmp_path / "here")
    before = describe_files(tmp_path / "here")
    said = answer(limit, command(name))
    assert "Error: " in said and "cannot be written" in said and "free space" in said and "Traceback" not in said, said
    after = describe_files(tmp_path / "here")
    assert {path: after.get(path) for path in before} == before
    left = {path for path in set(after) - set(before) if not path.startswith("run/checkpoints/")}
    assert not left, "something half is left over"


def test_a_recommender_that_cannot_keep_its_checkpoint_says_so(tmp_path):
    corpus, rng = corpus_of(60), np.random.default_rng(0)
    rows = [
        {"user_id": f"u{user}", "doc_id": f"d{item}", "position": place}
        for user in range(30)
        for place, item in enumerate(rng.choice(60, 6, replace=False))
    ]
    task = Recommendation(corpus, lmi.Interactions.from_records(rows))
    model = SASRec(dim=16, layers=1, heads=2, epochs=2)
    said = answer(1_000, lambda: str(model.fit(task, run=tmp_path / "run", progress=False)))
    assert said.startswith("Error: ") and "free space" in said and not (tmp_path / "run" / "manifest.json").exists()


def test_a_folder_that_takes_nothing_is_one_sentence():
    said = answer(2**40, lambda: str(lmi.LMIndexer("tiny", **TINY).fit(corpus_of(60), "/proc/run", progress=False)))
    assert said.startswith("Error: /proc/run cannot be written"), said
