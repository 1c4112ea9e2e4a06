"""Methods side by side and single answers, on the bundled runs."""

import numpy as np
import pytest

from lmindexer.browse import RunBrowser, Shelf, task_answers, task_methods
from lmindexer.datasets import samples_folder
from lmindexer.tasks.loading import load_task_model

RUNS = samples_folder() / "runs"


@pytest.fixture(scope="module")
def shelf():
    return Shelf([RUNS])


@pytest.fixture(scope="module")
def model(shelf):
    return load_task_model(shelf.task_runs["attack-recommend-0"].path)


def test_the_shelf_finds_task_runs_beside_the_corpus_run(shelf):
    assert list(shelf.runs) == ["attack", "wordnet"] and "attack-recommend-0" in shelf.task_runs
    assert not shelf.broken
    print_ = shelf.runs["attack"].manifest["corpus"]["fingerprint"]
    assert task_methods.of_corpus(shelf.task_runs, print_) == shelf.task_runs
    assert task_methods.of_corpus(shelf.task_runs, shelf.runs["wordnet"].manifest["corpus"]["fingerprint"]) == {}
    alone = Shelf([RUNS / "attack-knn"])
    assert list(alone.task_runs) == ["attack-knn"] and not alone.runs


def test_the_table_has_seeds_intervals_and_what_the_runs_say(shelf):
    tasks = task_methods.by_task(shelf.task_runs)
    assert set(tasks) == {"recommendation", "retrieval"}
    found = task_methods.measured(tasks["recommendation"])
    table = found.table("raw").set_index("method")
    assert table.loc["Generative, LMIndexer IDs", "seeds"] == 2
    kept = shelf.task_runs["attack-knn"].metrics["views"]["raw"]["Recall@10"]
    assert table.loc["Item-kNN", "Recall@10"] == pytest.approx(kept)
    assert (table["Recall@5 low"] <= table["Recall@5"]).all() and table["Recall@5"].is_monotonic_decreasing


def test_what_went_wrong_is_sorted_by_where_the_path_was_lost(shelf, model):
    run = shelf.task_runs["attack-recommend-0"]
    found = task_methods.outcomes(run, model.task_, "raw")
    hits = (found["rank"].between(1, 10)).mean()
    assert hits == pytest.approx(run.metrics["views"]["raw"]["Recall@10"])
    lost = task_methods.losses(model, 5, up_to=120)
    rows = task_methods.went_wrong(found, lost)
    assert len(rows) == 120
    never = np.flatnonzero(rows["lost"] == 0)
    assert rows["lost"].iloc[: never[0]].is_monotonic_increasing and len(never) == len(rows) - never[0]


def test_recommendations_mark_the_true_item_and_match_the_kept_ranking(shelf, model):
    run, task = shelf.task_runs["attack-recommend-0"], model.task_
    outcomes = task_methods.outcomes(run, task, "raw")
    row = int(outcomes.index[outcomes["rank"].between(1, 10)][0])
    found = task_answers.recommended(model, row, "raw", 10)
    assert found["rank"][found["right"]].tolist() == [outcomes["rank"][row]]
    way = task_answers.way_of_user(model, row, "raw", 50, 10)
    assert way.ranking.set_index("right").loc[True, "exact_rank"] == outcomes["rank"][row]
    history = task_answers.history_of(task, row)
    assert history["place"].tolist() == list(range(len(history), 0, -1))


def test_names_on_the_way_are_those_of_the_run_with_the_same_ids(shelf, model):
    run = RunBrowser.from_bundle(shelf.runs["attack"])
    assert task_answers.same_ids(model, run)
    assert not task_answers.same_ids(model, RunBrowser.from_bundle(shelf.runs["wordnet"]))
    way = task_answers.way_of_user(model, 0, "unseen", 3, 5)
    names = task_answers.names_on_the_way(model, way, run)
    assert all(prefix in names for prefix in way.steps[way.steps["position"] == 1]["prefix"])


def test_users_are_found_by_a_part_of_their_name(model):
    assert task_answers.users_like(model.task_, "G0007 APT28")[0] == "G0007 APT28"
    assert task_answers.row_of_query(model.task_, "nobody at all") is None


def test_a_run_names_the_ids_of_documents_that_a_model_ranked(shelf):
    ids = shelf.runs["attack"].ids
    run, named = RunBrowser.from_bundle(shelf.runs["attack"]), ids.unique_strings()
    asked = [ids.doc_ids[5], "not there", ids.doc_ids[2]]
    assert task_answers.ids_in_run(run, asked) == [named[5], "", named[2]]
    assert task_answers.ids_in_run(run, []) == []
