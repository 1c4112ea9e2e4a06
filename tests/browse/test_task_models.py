"""What the task pages ask, of models that are not among the bundled runs: TIGER, and SEAL, which has no tree of IDs."""

import numpy as np
import pytest
from search_task import shop
from shop import ring_corpus

import lmindexer as lmi
from lmindexer.browse import Shelf, task_answers, task_methods
from lmindexer.datasets import samples_folder
from lmindexer.runs.task_run import TaskRun
from lmindexer.tasks.loading import load_task_model
from lmindexer.tasks.recommendation import TIGER, Recommendation
from lmindexer.tasks.search import SEAL, Retrieval

TINY = {"dim": 16, "layers": 1, "inner": 32, "epochs": 1, "targets": 64, "warmup_steps": 1}


@pytest.fixture
def opened(tmp_path):
    """opened(model, task) -> (its run on a shelf, its model as the pages load it)."""

    def fit_and_open(model, task):
        model.fit(task, tmp_path / model.method, progress=False)
        shelf = Shelf([tmp_path])
        assert not shelf.broken and list(shelf.task_runs) == [model.method]
        run = shelf.task_runs[model.method]
        return run, load_task_model(run.path)

    return fit_and_open


def test_tiger_goes_down_its_tree(opened):
    task = Recommendation(ring_corpus())
    codes = np.random.default_rng(0).integers(0, 4, (len(task.corpus), 2))
    ids = lmi.SemanticIDs.from_codes(list(task.corpus.doc_ids), codes, (4, 4))
    run, model = opened(TIGER(ids, "small", **TINY), task)
    assert task_methods.goes_down_a_tree(model)
    found = task_answers.recommended(model, 0, "raw", 24)
    assert found["right"].sum() == 1 and set(found["id"]) == set(ids.unique_strings())
    way = task_answers.way_of_user(model, 0, "raw", 2, 5)
    names = task_answers.names_on_the_way(model, way, task_answers.browser_of(model))
    assert names and task_answers.id_columns(model, [3]) == [ids.unique_strings()[3]]
    lost = task_methods.losses(model, 2)
    assert lost.set_index("query")["lost"][0] == next(iter(way.lost.values()))
    wrong = task_methods.went_wrong(task_methods.outcomes(run, model.task_, "raw"), lost)
    assert len(wrong) == len(task.query_ids("test"))


def test_seal_answers_and_has_no_way(opened):
    task = Retrieval(shop())
    run, model = opened(SEAL(epochs=1, beam=3, longest=3, validate_on=1), task)
    assert not task_methods.goes_down_a_tree(model)
    text = task.texts("test")[0]
    judged = task_answers.judged_of(model.task_, task_answers.query_of_text(model.task_, text))
    answer = task_answers.answered(model, text, 5, judged)
    assert answer.method == "SEAL" and "id" not in answer.found and set(answer.found["gain"]) <= {0.0, 1.0}
    assert task_answers.way_of_text(model, text, 3, 5, judged) is None
    assert task_answers.browser_of(model) is None and task_answers.dense_beside(model, text, 5, judged) is None
    assert len(task_answers.bm25_beside(model).search(text, top=3)) <= 3
    wrong = task_methods.went_wrong(task_methods.outcomes(run, model.task_, "all"), None)
    assert wrong["rank"].where(wrong["rank"] > 0, np.inf).is_monotonic_decreasing
    assert task_methods.measured({"seal": run}).table("all")["method"].tolist() == ["SEAL"]


def test_whether_a_run_answers_by_ids_is_told_without_its_model():
    runs = [TaskRun.open(samples_folder() / "runs" / name) for name in ("attack-recommend-0", "attack-knn")]
    assert [task_methods.writes_ids(run) for run in runs] == [True, False]
