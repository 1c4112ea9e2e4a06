"""lmindexer bench search, on a toy shop in files."""

import pytest
from search_task import shop
from typer.testing import CliRunner

from lmindexer.cli import app
from lmindexer.corpus.relations import Queries
from lmindexer.runs.task_run import TaskRun
from lmindexer.studies.recommendation.running import run_lines
from lmindexer.studies.search.lines import Line, lines_for
from lmindexer.tasks.search import BM25, Retrieval


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder, corpus = tmp_path_factory.mktemp("shop"), shop()
    corpus.frame[["doc_id", "title", "text"]].to_csv(folder / "shop.csv", index=False)
    corpus.queries.frame.assign(score=3).to_csv(folder / "queries.csv", index=False)
    return folder


def bench(folder, *more):
    words = ["bench", "search", str(folder / "shop.csv"), "--queries", str(folder / "queries.csv")]
    result = CliRunner().invoke(app, [*words, "--folder", str(folder / "runs"), *more])
    return result.exit_code, result.output


def test_bench_fits_reports_and_does_not_fit_again(files):
    wanted = ["--only", "bm25", "--only", "bm25-queries", "--irrelevant", "1"]
    code, said = bench(files, *wanted, "-o", str(files / "report.md"))
    assert code == 0, said
    text = (files / "report.md").read_text(encoding="utf-8")
    assert "# Table 4: product search" in text and "| bm25 + training queries |" in text and "Paired over" in text
    made = TaskRun.open(files / "runs" / "shop" / "bm25-0").manifest["created"]
    assert bench(files, *wanted)[0] == 0
    assert TaskRun.open(files / "runs" / "shop" / "bm25-0").manifest["created"] == made


def test_an_unknown_line_is_named(files):
    code, said = bench(files, "--only", "magic")
    assert code == 2 and "There is no line 'magic'" in said and "generative-nodes" in said


def test_every_line_makes_a_model_and_ids_have_equal_sizes():
    lines = lines_for(shop())
    models = [lines[f"{word}-nodes"].make(1) for word in ("kmeans", "rqvae", "random", "lm")]
    sizes = {str(model.settings["ids"]["settings"]["codebook_size"]) for model in models}
    assert sizes == {"[32, 32, 32]"} and lines["hc-codes"].make(0).settings["form"] == "codes"
    assert all(line.make(0).name == line.label for word, line in lines.items() if word not in ("seal", "dual-encoder"))


def test_advice_about_a_file_of_queries_works_as_it_is_printed(files):
    text = (files / "queries.csv").read_text(encoding="utf-8")
    (files / "renamed.csv").write_text(text.replace("query_id,text", "qid,question", 1), encoding="utf-8")
    words = ["bench", "search", str(files / "shop.csv"), "--queries", str(files / "renamed.csv"), "--only", "bm25"]
    words += ["--folder", str(files / "renamed runs")]
    said = CliRunner().invoke(app, words).stderr
    assert "there is no column 'query_id'" in said and "Name it with --queries-id …" in said
    told = CliRunner().invoke(app, [*words, "--queries-id", "qid", "--queries-text", "question"])
    assert told.exit_code == 0 and "# Table 6" in told.output
    (files / "scores.csv").write_text(text.replace(",3\n", ",good\n", 1), encoding="utf-8")
    words[4], words[-1] = str(files / "scores.csv"), str(files / "scores runs")
    assert "Pass --queries-on-error skip to leave such rows out" in CliRunner().invoke(app, words).stderr
    told = CliRunner().invoke(app, [*words, "--queries-on-error", "skip"])
    assert told.exit_code == 0 and "Left out 1 row of" in told.output
    said = CliRunner().invoke(app, [*words[:3], "--only", "bm25"]).stderr
    assert "give --queries FILE with the columns query_id, text and doc_id" in said


def test_a_sample_of_queries_can_be_drawn_again(files):
    code, said = bench(files, "--only", "bm25", "--sample", "20,5,3", "--folder", str(files / "sampled"))
    assert code == 0 and "queries: 20 train, 5 validation, 3 test" in said and "28 were drawn (seed 0)" in said
    splits = TaskRun.open(files / "sampled" / "shop" / "bm25-0").splits
    again = Retrieval(shop(), Queries.from_file(files / "queries.csv")).sample(20, 5, 3)
    assert splits.equals(again.splits_frame())
    code, said = bench(files, "--only", "bm25", "--sample", "20,5")
    assert code == 2 and "give three numbers of queries" in said


def test_a_run_of_another_task_is_never_replaced(files):
    place = ["--only", "bm25", "--folder", str(files / "kept")]
    assert bench(files, *place)[0] == 0
    before = TaskRun.open(files / "kept" / "shop" / "bm25-0").manifest
    code, said = bench(files, *place, "--sample", "20,5,3")
    assert code == 2 and "a finished run of another task lies there" in said and "Give --folder another folder" in said
    assert TaskRun.open(files / "kept" / "shop" / "bm25-0").manifest == before


def test_it_is_said_why_a_line_is_fitted_anew(files):
    task, told = Retrieval(shop(), Queries.from_file(files / "queries.csv")), []
    for k1 in (0.9, 0.9, 1.2):
        line = Line("bm25", "bm25", lambda seed, k1=k1: BM25(k1=k1, b=0.4), seeded=False)
        run_lines(task, [line], [0], files / "anew", say=told.append)
    assert told == ["shop: bm25, seed 0", "shop: bm25, seed 0 (anew, for these settings changed: k1)"]
