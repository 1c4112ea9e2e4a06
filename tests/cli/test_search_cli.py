"""lmindexer search, on runs of a toy shop."""

import json

import pytest
from search_task import shop
from typer.testing import CliRunner

import lmindexer as lmi
from lmindexer.cli import app
from lmindexer.tasks.search import BM25, GenerativeRetriever, Retrieval


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder, task = tmp_path_factory.mktemp("runs"), Retrieval(shop())
    BM25(0.9, 0.4).fit(task, run=folder / "bm25", progress=False)
    indexer = lmi.ResidualKMeansIndexer(positions=2, codebook_size=6, embeddings="tfidf").fit(
        task.corpus, progress=False
    )
    model = GenerativeRetriever(indexer, rows=2, embeddings="tfidf", epochs=2)
    model.fit(task, run=folder / "generative", progress=False)
    return folder


def run(*words):
    result = CliRunner().invoke(app, ["search", *map(str, words)])
    return result.exit_code, result.output


def test_titles_ids_scores_and_paths(runs):
    code, said = run(runs / "generative", "red ball", "--top", 3)
    assert code == 0 and "red ball" in said and "path" in said and "→" in said and len(said.splitlines()) == 4
    for more in (["--exact"], ["--view", "hybrid"]):
        code, said = run(runs / "generative", "red ball", "--top", 1, *more)
        assert code == 0 and "d10" in said


def test_json_and_a_file_of_queries(runs, tmp_path):
    file = tmp_path / "queries.txt"
    file.write_text("red ball\n\nold rope\nzyxwv\n", encoding="utf-8")
    code, said = run(runs / "bm25", "--queries", file, "--json", "--top", 2)
    found = [json.loads(line) for line in said.splitlines()]
    assert code == 0 and [one["query"] for one in found] == ["red ball", "old rope", "zyxwv"]
    assert found[0]["documents"][0]["doc_id"] == "d10" and not found[2]["documents"]
    assert "No word of this query" in found[2]["note"]
    assert run(runs / "bm25", "--queries", file)[1].count("doc_id") == 2


def test_unusual_queries_get_a_clear_answer(runs):
    assert "its first 2,000 were read" in run(runs / "bm25", "ball " * 20_000)[1]
    code, said = run(runs / "bm25", "  ")
    assert code == 2 and said.startswith("Error: The query is empty")
    code, said = run(runs / "bm25", "ball", "--exact")
    assert code == 2 and "leave --exact and --view out" in said
    assert run(runs / "bm25")[0] == run(runs / "nowhere", "ball")[0] == 2
    assert run(runs / "generative", "ball", "--view", "best")[0] == 2
