"""lmindexer bench recommendation and lmindexer recommend, on a toy shop in files."""

import json

import pytest
from shop import ring_corpus
from typer.testing import CliRunner

from lmindexer.cli import app
from lmindexer.runs.task_run import TaskRun

WORDS = ["--user-column", "customer", "--item-column", "sku", "--time-column", "when"]


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """shop.csv, orders.csv (dated, rows in no order), and runs of two models."""
    folder = tmp_path_factory.mktemp("shop")
    corpus = ring_corpus(users=20, steps=6)
    corpus.frame[["doc_id", "title"]].to_csv(folder / "shop.csv", index=False)
    orders = corpus.interactions.frame.rename(columns={"user_id": "customer", "doc_id": "sku"})
    orders["when"] = [f"2024-05-{day + 1:02d}T10:00:00" for day in orders.pop("position")]
    orders.sample(frac=1, random_state=0).to_csv(folder / "orders.csv", index=False)
    result = CliRunner().invoke(app, bench(folder, "-o", str(folder / "report.md")))
    assert result.exit_code == 0, result.output
    return folder


def bench(folder, *more) -> list[str]:
    files = [
        str(folder / "shop.csv"),
        "--id",
        "doc_id",
        "--text",
        "title",
        "--interactions",
        str(folder / "orders.csv"),
    ]
    models = ["--only", "popularity", "--only", "item-knn", "--folder", str(folder / "runs")]
    return ["bench", "recommendation", *files, *WORDS, *models, *more]


def test_bench_fits_reports_and_does_not_fit_again(shop):
    text = (shop / "report.md").read_text(encoding="utf-8")
    assert "24 items, 20 users, 120 interactions" in text and "| Item-kNN | - |" in text
    assert "Paired over users" in text and "What differs" in text
    made = TaskRun.open(shop / "runs" / "shop" / "item-knn-0").manifest["created"]
    result = CliRunner().invoke(app, bench(shop, "--report-only"))
    assert result.exit_code == 0 and "Item-kNN" in result.output
    assert TaskRun.open(shop / "runs" / "shop" / "item-knn-0").manifest["created"] == made


def test_dates_order_what_the_file_does_not(shop):
    splits = TaskRun.open(shop / "runs" / "shop" / "item-knn-0").splits
    taken = ring_corpus(users=20, steps=6).interactions.sequences()
    assert {user: one["doc_id"].tolist() for user, one in splits.groupby("user_id")} == taken


def test_recommending_after_a_history_and_to_a_user(shop):
    run = str(shop / "runs" / "shop" / "item-knn-0")
    result = CliRunner().invoke(app, ["recommend", run, "--history", "r0i1,r0i2", "--top", "3", "--json"])
    found = json.loads(result.output)
    assert [one["doc_id"] for one in found["history"]] == ["r0i1", "r0i2"] and len(found["items"]) == 3
    assert found["items"][0]["doc_id"] in {"r0i3", "r0i0"} and found["items"][0]["title"]
    said = CliRunner().invoke(app, ["recommend", run, "--user", "u3"]).output
    assert said.startswith("After 6 items, the last: ") and "rank" in said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Give either --user or --history."),
        (["--history", "r0i1,zz"], "The item 'zz' is not in the corpus 'shop'"),
        (["--history", ","], "The history is empty"),
        (["--user", "nobody"], "The user 'nobody' is not in this task"),
    ],
)
def test_what_recommend_cannot_answer_is_one_sentence(shop, words, said):
    result = CliRunner().invoke(app, ["recommend", str(shop / "runs" / "shop" / "popularity-0"), *words])
    assert result.exit_code == 2 and said in result.stderr and result.stderr.count("\n") == 1


def test_what_bench_cannot_do_is_one_sentence(shop):
    for words, said in (
        (["bench", "recommendation", "attack", "--only", "sasrek"], "There is no model 'sasrek'"),
        (["bench", "recommendation", "wordnet"], "wordnet has no interactions"),
        (["bench", "recommendation", "attack", "--seeds", "a"], "'a' is no list of whole numbers"),
    ):
        result = CliRunner().invoke(app, words)
        assert result.exit_code == 2 and said in result.stderr
