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


def test_advice_about_a_file_beside_the_corpus_works_as_it_is_printed(shop):
    orders = (shop / "orders.csv").read_text(encoding="utf-8").splitlines()
    broken = [*orders[:4], "u1,,2024-05-01T10:00:00", "u1,gone,2024-05-01T10:00:00", *orders[4:]]
    (shop / "broken.csv").write_text("\n".join(broken), encoding="utf-8")
    words = [str(shop / "broken.csv") if word.endswith("orders.csv") else word for word in bench(shop)]
    said = CliRunner().invoke(app, words).stderr
    assert "broken.csv, row 5" in said and "Pass --interactions-on-error skip to leave such rows out" in said
    told = CliRunner().invoke(app, [*words, "--interactions-on-error", "skip"])
    assert told.exit_code == 0 and "row 5: the document id in 'sku' is empty" in told.output
    assert "Left out 1 of 121 rows" in told.output and "24 items, 20 users, 120 interactions" in told.output
    (shop / "broken.csv").write_text("\n".join([*orders, broken[5]]), encoding="utf-8")
    said = CliRunner().invoke(app, words).stderr
    assert "'gone' is not in the corpus" in said and "leave such rows out with --interactions-on-error skip" in said
    said = CliRunner().invoke(app, [word for word in words if word not in ("--interactions", words[7])]).stderr
    assert "give --interactions FILE with the columns user_id, doc_id and a time or position" in said


def test_nothing_left_to_recommend_is_said(shop):
    run = str(shop / "runs" / "shop" / "popularity-0")
    every = ",".join(ring_corpus().doc_ids.tolist())
    said = CliRunner().invoke(app, ["recommend", run, "--history", every])
    assert said.exit_code == 0 and "Nothing is left to recommend. The corpus has 24 items, and 24" in said.output
    assert "With --seen, items come again" in said.output
    found = json.loads(CliRunner().invoke(app, ["recommend", run, "--history", every, "--json"]).output)
    assert found["items"] == [] and found["note"].startswith("The corpus has 24 items")
    close = CliRunner().invoke(app, ["recommend", run, "--user", "U-3"]).stderr
    assert "did you mean 'u3'?" in close


def test_recommending_among_given_items(shop):
    run = str(shop / "runs" / "shop" / "popularity-0")
    words = ["recommend", run, "--history", "r0i1", "--among", "r2i5,r2i6", "--json"]
    found = json.loads(CliRunner().invoke(app, words).output)
    assert {one["doc_id"] for one in found["items"]} == {"r2i5", "r2i6"}
    said = CliRunner().invoke(app, ["recommend", run, "--history", "r0i1", "--category", "Toys"])
    assert said.exit_code == 2 and "The category 'Toys' is not in the corpus 'shop'" in said.stderr
