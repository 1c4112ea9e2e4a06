"""What earlier versions wrote still opens: a run and a study of commit 378f3fa, and the bundled ones.

`written_before/` was made by that commit: a tiny LMIndexer of 36 themed documents, saved as a run, and a study of its
IDs against random ones in which one person has answered twice.
"""

import shutil
from pathlib import Path

import numpy as np
import pytest
from themed import themed_corpus

from lmindexer.datasets import samples_folder
from lmindexer.human_eval import Study, open_demonstration
from lmindexer.indexers import load_indexer
from lmindexer.quality import evaluate_ids
from lmindexer.runs.bundle import Bundle

WRITTEN = Path(__file__).parent / "written_before"


def test_a_run_written_before_opens_and_its_model_gives_the_same_ids():
    bundle = Bundle.open(WRITTEN / "run")
    assert bundle.ids.strings()[:5].tolist() == ["<1><1>", "<2><0>", "<2><0>", "<1><1>", "<0><2>"]
    indexer = load_indexer(WRITTEN / "run")
    codes = indexer.encode(themed_corpus(36).documents()).codes
    assert np.array_equal(codes, bundle.ids.codes)
    assert indexer.encode(["red bird"]).strings().tolist() == ["<1><1>"]
    found = evaluate_ids(bundle.ids, bundle.corpus).to_dict()["perplexity"]
    assert found == pytest.approx(bundle.metrics["perplexity"], rel=1e-12)  # sums end otherwise on another processor


def test_a_run_whose_settings_say_an_earlier_word_for_every_epoch_opens(tmp_path):
    shutil.copytree(WRITTEN / "run", tmp_path / "run")
    config = tmp_path / "run" / "model" / "config.json"
    said = config.read_text(encoding="utf-8")
    assert '"diagnose_every": 1' in said
    config.write_text(said.replace('"diagnose_every": 1', '"diagnose_every": 0'), encoding="utf-8")
    assert load_indexer(tmp_path / "run").settings["diagnose_every"] == 1


def test_a_study_written_before_goes_on(tmp_path):
    with Study.open(shutil.copy(WRITTEN / "study.sqlite", tmp_path / "study.sqlite")) as study:
        before = study.answers(early="to see that they are kept")
        assert before["seconds"].tolist() == [3.0, 2.5] and before["annotator"].tolist() == ["Ada", "Ada"]
        session = study.sign_in("Ada")
        session.next()
        session.answer("1")
        assert session.progress().answered == 3


@pytest.mark.parametrize("name", ["wordnet", "attack"])
def test_the_bundled_runs_open(name):
    bundle = Bundle.open(samples_folder() / "runs" / name)
    assert len(bundle.ids) == len(bundle.corpus) and bundle.model_folder is not None


def test_the_demonstration_study_opens(tmp_path):
    with open_demonstration(tmp_path) as study:
        assert study.simulated and study.unblinded and len(study.answers())
