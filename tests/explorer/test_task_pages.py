"""The pages of task models on the bundled runs, by AppTest: what they show, and one sentence for the rest."""

import shutil
import sys
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from explorer_app import context
from lmindexer.datasets import load_sample, samples_folder
from lmindexer.indexers import RandomIndexer
from lmindexer.tasks.recommendation import GenerativeRecommender, Recommendation

APP = Path(context.__file__).with_name("app.py")
RUNS = samples_folder() / "runs"
USER = "G0007 APT28"


@pytest.fixture
def visit(monkeypatch):
    """visit(page, folder=…, **query) -> the page after it was drawn; nothing may raise."""

    def go(page, folder=RUNS, **query):
        monkeypatch.setattr(sys, "argv", ["app.py", str(folder)])
        context.forget_shelf()
        test = AppTest.from_file(str(APP), default_timeout=400)
        test.session_state["goto"] = (page, query)
        test.run()
        assert not test.exception, test.exception[0].value
        assert not any("fault of the program" in error.value for error in test.error), test.error[0].value
        return test

    return go


def charts_on(test) -> str:
    return "".join(str(element.proto.spec) for element in test.get("plotly_chart"))


def words_on(test) -> str:
    kinds = ("title", "header", "markdown", "caption", "info", "warning", "error", "success")
    return "\n".join(str(element.value) for kind in kinds for element in getattr(test, kind)).replace("\\", "")


def test_a_user_with_history_recommendations_and_where_the_item_was_lost(visit):
    test = visit("recommend", run="attack", model="attack-recommend-0", user=USER, beam="1")
    said = words_on(test)
    for part in (f"The history of {USER}", "What came next", "Recommendations", "The way down the tree",
                 "Exact beside beam"):  # fmt: skip
        assert part in said
    assert "was lost at" in said or "The beam of 1 found" in said
    next(button for button in test.button if button.label == "One that was lost").click().run()
    assert not test.exception and "was lost at" in words_on(test)
    next(button for button in test.button if button.label == "A random user").click().run()
    assert not test.exception and "The history of" in words_on(test)


def test_users_are_found_by_a_part_of_their_name(visit):
    assert "user's name holds these letters" in words_on(visit("recommend", run="attack", find="no such user"))
    assert "no user" in words_on(visit("recommend", run="attack", user="<script>", find="apt28"))


def test_a_model_without_ids_says_that_there_is_no_way(visit):
    said = words_on(visit("recommend", run="attack", model="attack-sasrec", user=USER, view="raw"))
    assert "goes down no tree" in said and "The way down the tree" not in said


def test_results_over_methods_and_the_queries_that_went_wrong(visit):
    test = visit("methods", run="attack")
    assert "What went wrong: Generative, LMIndexer IDs" in words_on(test)
    assert "attack: 691 items" in words_on(test).replace("\\", "")  # in words, not as Python writes a task
    assert [box.options for box in test.selectbox if box.label == "Task"] == [["recommendation", "document retrieval"]]
    assert "by the rank of the right document" in words_on(visit("methods", run="attack", model="attack-knn"))
    test = visit("methods", run="attack", task="retrieval", lost="1", beam="1", **{"from": "9999"})
    assert "What went wrong: generative, LMIndexer IDs" in words_on(test)


def test_a_text_is_searched_as_on_the_shell_beside_bm25_and_dense(visit):
    said = words_on(visit("try", run="attack", scorer="attack-search", text="stealing passwords from memory"))
    for part in ("generative, LMIndexer IDs", "bm25", "dense, no training", "The way down the tree", "Nobody judged"):
        assert part in said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Type a text"),
        ("   ", "Type a text"),
        ("xqzzy wvvk", "No word of this query stands in any document"),
        ("passwords " * 10_000, "The way down the tree"),
        ("<b>x</b> **y** 💥", "The way down the tree"),
    ],
)
def test_queries_that_are_empty_unknown_and_huge(visit, text, said):
    assert said in words_on(visit("try", run="attack", scorer="attack-search", text=text))


def test_a_pasted_text_is_cut_and_that_is_said(visit):
    test = visit("try", run="attack", scorer="attack-bm25", text="password")
    next(box for box in test.text_input if box.label == "Text").set_value("password " * 12_000).run()
    assert not test.exception and "has 108,000 characters; its first 2,000 are read" in words_on(test)


def test_what_does_not_fit_is_said_in_a_sentence(visit, tmp_path):
    assert "is not in the folders" in words_on(visit("recommend", run="attack", model="../etc"))
    assert "another corpus or task" in words_on(visit("recommend", run="attack", model="attack-bm25"))
    said = words_on(visit("recommend", run="wordnet"))
    assert "No finished run for recommendation is in the folders for the corpus of **wordnet**" in said
    assert "no search model" in words_on(visit("try", run="wordnet", scorer="attack-search", text="a ball"))


def test_a_corpus_without_task_runs_is_told_what_it_can_be_asked(visit):
    test = visit("methods", run="wordnet")
    assert "No finished run of a task model is in the folders for the corpus of **wordnet**" in words_on(test)
    (commands,) = [block.value for block in test.code]
    assert "bench search wordnet" in commands and "recommendation" not in commands


def test_the_runs_page_lists_and_changes_task_runs(visit, tmp_path):
    shutil.copytree(RUNS / "attack-knn", tmp_path / "knn")
    test = visit("runs", tmp_path)
    assert "Runs of task models" in words_on(test) and test.selectbox(key="changed_run").options == ["knn"]
    next(box for box in test.text_input if box.label == "New name").set_value("neighbours")
    next(button for button in test.button if button.label == "Rename it").click().run()
    assert not test.exception and [path.name for path in tmp_path.iterdir()] == ["neighbours"]


def test_task_runs_alone_and_broken_ones(visit, tmp_path):
    shutil.copytree(RUNS / "attack-knn", tmp_path / "knn")  # without the run of its corpus: titles lead nowhere
    shutil.copytree(RUNS / "attack-sasrec", tmp_path / "sasrec")
    said = words_on(visit("recommend", tmp_path, user=USER, model="knn"))
    assert f"The history of {USER}" in said
    (tmp_path / "sasrec" / "splits.parquet").unlink()
    for page in ("methods", "recommend"):
        test = visit(page, tmp_path, model="sasrec", user=USER)
        said = words_on(test) + "".join(warning.value for warning in test.sidebar.warning)
        assert "splits.parquet" in said.replace("\\", "")


def test_ids_and_what_they_are_worth(visit, tmp_path):
    """Two methods with IDs: agreement with the categories beside the metric, when it is asked for."""
    for name in ("attack", "attack-recommend-0"):
        shutil.copytree(RUNS / name, tmp_path / name)
    corpus = load_sample("attack")
    ids = RandomIndexer(positions=2, codebook_size=16).fit(corpus)
    small = {"epochs": 1, "dim": 8, "layers": 1, "text": None, "ties": "suffix", "validation_users": 20}
    model = GenerativeRecommender(ids, name="random IDs", **small).fit(Recommendation(corpus), progress=False)
    model.save(tmp_path / "random")
    test = visit("methods", tmp_path)
    switch = next(one for one in test.toggle if "agree with the categories" in one.label)
    assert "c1 with level 1" not in charts_on(test)
    switch.set_value(True).run()
    assert not test.exception and "AMI of c1 with level 1" in charts_on(test) and "random IDs" in charts_on(test)
    one_method = visit("methods")
    assert not any("agree with the categories" in one.label for one in one_method.toggle)
