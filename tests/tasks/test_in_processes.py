"""Several processes that fit a task model: the losses and answers of one, written by one."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from search_task import shop
from themed import themed_corpus

import lmindexer as lmi
from lmindexer.common.errors import SettingsError
from lmindexer.runs.task_run import TaskRun
from lmindexer.tasks import base
from lmindexer.tasks.recommendation import (
    FDSA,
    HGN,
    TIGER,
    BERT4Rec,
    GenerativeRecommender,
    GRU4Rec,
    Recommendation,
    SASRec,
    SlidesRecommender,
)
from lmindexer.tasks.search import DualEncoder, GenerativeRetriever, Retrieval

SMALL = {"dim": 16, "epochs": 3, "targets": 37, "learning_rate": 1e-2, "warmup_steps": 2}  # 37: parts of two lengths


def recommendation() -> Recommendation:
    corpus, rng = themed_corpus(40), np.random.default_rng(0)
    rows = [
        {"user_id": f"u{user}", "doc_id": corpus.doc_ids[item], "position": place}
        for user in range(50)
        for place, item in enumerate(rng.choice(len(corpus), rng.integers(4, 9), replace=False))
    ]
    return Recommendation(corpus, lmi.Interactions.from_records(rows))


def random_ids(task):
    return lmi.RandomIndexer(positions=2, codebook_size=5).fit(task.corpus, progress=False)


def language_model():
    """An indexer that is not fitted: the recommender's fit begins with its fit, in as many processes."""
    quick = {"warmup_epochs": 1, "continuous_epochs": 1, "discrete_epochs": 1}
    return lmi.LMIndexer(positions=2, codebook_size=4, device="cpu", **quick)


def models() -> dict:
    """Models by name, with their tasks, fitted on nothing yet."""
    users, search = recommendation(), Retrieval(shop())
    shape = SMALL | {"layers": 1, "heads": 2}
    return {
        "sasrec": (SASRec(**shape), users),
        "gru4rec": (GRU4Rec(**SMALL, hidden=12), users),
        "fdsa": (FDSA(**shape, text="tfidf", text_dims=8), users),
        "hgn": (HGN(**SMALL, loss="softmax"), users),
        "generative": (GenerativeRecommender(random_ids(users), **shape), users),
        "codes": (GenerativeRecommender(random_ids(users), "prototype", **shape | {"dropout": 0.0}), users),
        "tiger": (TIGER(random_ids(users), **SMALL | {"dropout": 0.0}), users),
        "slides": (SlidesRecommender(language_model(), max_tokens=24, epochs=2, targets=37, warmup_steps=2), users),
        "nodes": (GenerativeRetriever(random_ids(search), embeddings="tfidf", epochs=2, batch=33), search),
        "prefix": (GenerativeRetriever(random_ids(search), "prefix", embeddings="tfidf", epochs=2, batch=33), search),
    }


def fit_all(folder: Path) -> None:
    for name, (model, task) in models().items():
        model.fit(task, run=folder / name, progress=False)


@pytest.mark.long
def test_two_processes_find_the_losses_and_answers_of_one(tmp_path):
    here = Path(__file__).parents[1]
    path = os.pathsep.join(map(str, [here.parent, here / "helpers", here / "tasks"]))
    launch = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    script = tmp_path / "script.py"
    script.write_text(f"from pathlib import Path\nimport test_in_processes as t\nt.fit_all(Path({str(tmp_path)!r}))\n")
    done = subprocess.run(
        [sys.executable, *launch, str(script)],
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": path, "LMINDEXER_CACHE": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    for name, (model, task) in models().items():
        one = model.fit(task, run=tmp_path / "one" / name, progress=False)
        two = TaskRun.open(tmp_path / name)
        two.verify()
        np.testing.assert_allclose(two.history["loss"], one.history_["loss"], rtol=1e-4, err_msg=name)
        assert one.history_["loss"].nunique() == len(one.history_), "it learns"
        alone = TaskRun.open(tmp_path / "one" / name).rankings
        assert (two.rankings["doc_id"].to_numpy() == alone["doc_id"].to_numpy()).mean() > 0.98, name


def test_models_whose_batches_hang_together_want_one_process(monkeypatch):
    monkeypatch.setattr(base, "processes", lambda: base_of_two)
    base_of_two = type("Two", (), {"number": 2, "first": True})()
    task = recommendation()
    for model in (BERT4Rec(), SASRec(loss="bpr_max"), SASRec(loss="top1")):
        with pytest.raises(SettingsError, match=r"One process fits .* without accelerate launch and torchrun"):
            model.fit(task, progress=False)
    with pytest.raises(SettingsError, match="One process fits"):
        DualEncoder("map", embeddings="tfidf").fit(Retrieval(shop()), progress=False)
