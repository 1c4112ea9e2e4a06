"""lmindexer data list and data prepare: what they print, and folders where other commands take a file."""

import shlex

from raw_data import write_json_lines, write_lines, write_literals
from typer.testing import CliRunner

from lmindexer.cli import app


def run(line: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, shlex.split(line))
    assert result.exit_code == code, result.output
    return result.output if code == 0 else result.stderr


def test_what_can_be_prepared_is_listed():
    printed = run("data list")
    assert "wordnet" in printed and "msmarco" in printed and "trec-dl" in printed
    printed = run("data list esci")
    assert "Apache 2.0" in printed and "github.com/amazon-science/esci-data" in printed and "--set items=…" in printed
    assert "did you mean 'esci'" in run("data list ecsi", code=2)


def test_prepare_prints_counts_beside_the_slides_and_the_folder_is_a_corpus(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    meta = [{"asin": f"A{n}", "title": f"Polish {n}", "categories": [["Beauty", "Nails"]]} for n in range(3)]
    write_literals(tmp_path / "raw" / "meta_Beauty.json.gz", meta)
    reviews = [
        {"reviewerID": f"u{user}", "asin": f"A{item}", "unixReviewTime": item} for user in range(2) for item in range(3)
    ]
    write_json_lines(tmp_path / "raw" / "reviews_Beauty_5.json.gz", reviews)
    printed = run("data prepare amazon --raw raw --out beauty --category Beauty --set least=2")
    lines = {line.split()[0]: line.split()[1:] for line in printed.splitlines() if line.strip()}
    assert lines["documents"] == ["3", "12,101"] and lines["users"] == ["2", "22,363"]
    assert lines["interactions"] == ["6"] and "fit beauty" in printed
    printed = run("data check beauty")
    assert "3 documents, 2 category levels" in printed and "6 interactions" in printed
    assert "is there already" in run("data prepare amazon --raw raw --out beauty", code=2)


def test_a_broken_row_has_a_remedy_that_can_be_typed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_lines(tmp_path / "raw" / "corpus.jsonl", ['{"_id": "a", "text": "x"}', "{"])
    write_lines(tmp_path / "raw" / "queries.jsonl", ['{"_id": "q", "text": "x"}'])
    write_lines(tmp_path / "raw" / "test.tsv", ["query-id\tcorpus-id\tscore", "q\ta\t1"])
    told = run("data prepare beir --raw raw --out out", code=2)
    assert "corpus.jsonl, row 2: this line is not valid JSON" in told and "--on-error skip" in told
    assert "Left out: 1 broken rows" in run("data prepare beir --raw raw --out out --on-error skip")
    assert "must be of type bool" in run("data prepare beir --raw raw --out x --set irrelevant=3", code=2)
