"""lmindexer bench: a file of one's own in one command, the report, what cannot be done as one line."""

import functools
import shlex

import pandas as pd
import pytest
from themed import themed_records
from typer.testing import CliRunner

from lmindexer import studies
from lmindexer.cli import app
from lmindexer.cli.bench import AMAZON, WHAT
from lmindexer.studies import Method, Study, cross

TINY = {"preset": "tiny", "codebook_size": 4, "positions": 2, "batch_size": 16, "macro_f1_documents": 8,
        "warmup_epochs": 0, "continuous_epochs": 0, "discrete_epochs": 1}  # fmt: skip


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder to work in, with shop.csv, and a study of two quick methods in the place of Table 1."""
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame(themed_records(30))
    frame["path"] = frame["area"] + " > " + frame["kind"]
    frame[["doc_id", "title", "text", "path"]].to_csv("shop.csv", index=False)

    def quick(corpora, *, codebook_size=4, seeds=(0,), texts=(True,), folder=None):
        methods = (
            Method("LMIndexer", "lmindexer", {**TINY, "codebook_size": codebook_size}),
            Method("other", "lmindexer", TINY, "two-step"),
        )
        named = {corpus.name: corpus for corpus in corpora}
        runs = cross(list(named), texts, methods, seeds)
        return Study("table1", runs, named, folder or tmp_path / "runs", methods, {"seeds": seeds})

    monkeypatch.setitem(studies.PLANS, "table1", quick)
    monkeypatch.setattr(studies, "run_study", functools.partial(studies.run_study, reference=False))
    return tmp_path


COLUMNS = "--id doc_id --text title --text text --category path"


def run(line, code=0):
    result = CliRunner().invoke(app, shlex.split(line))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def error(line):
    result = CliRunner().invoke(app, shlex.split(line))
    assert result.exit_code == 2 and result.stderr.count("\n") == 1, result.stderr
    return result.stderr


def test_a_file_of_ones_own_in_one_command(shop):
    said = run(f"bench table1 shop.csv {COLUMNS} --processes 0 --seeds 0,1 -o report.md")
    text = (shop / "report.md").read_text(encoding="utf-8")
    assert "4 runs in" in said and "[4/4] shop.with.other.s1" in said and "Written to report.md" in said
    assert "## shop, with category text" in text and "all runs are finished" in text
    again = run(f"bench table1 shop.csv {COLUMNS} --processes 0 --seeds 0,1")
    assert "4 of 4 runs are there already." in again and "| LMIndexer | 2 |" in again
    more = run(f"bench table1 shop.csv {COLUMNS} --report-only --seeds 0,1,2")
    assert "4 of 6 runs" in more and "Still to be run" in more


def test_only_some_methods(shop):
    said = run(f"bench table1 shop.csv {COLUMNS} --processes 0 --only other --seeds 0")
    assert "1 run in" in said and "shop.with.lmindexer" not in said


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("table1 amazon-beauty", "say with --data FOLDER"),
        ("table1 nothing.csv", "nothing.csv"),
        (f"table1 shop.csv {COLUMNS} --seeds one", "'one' is no list of whole numbers"),
        (f"table1 shop.csv {COLUMNS} --category-text maybe", "give one of with, without, both"),
        (f"table1 shop.csv {COLUMNS} --only foo", "No method is called 'foo'"),
        (f"table1 shop.csv {COLUMNS} -o nowhere/report.md", "cannot be written"),
        (f"table1 shop.csv {COLUMNS} --values 1,2", "--values is not for bench table1"),
        ("layers shop.csv --id doc_id --text text", "no categories"),
    ],
)
def test_what_cannot_be_done_is_one_line(line, sentence, shop):
    assert sentence in error(f"bench {line}")


def test_every_study_has_its_command():
    assert set(WHAT) == set(studies.PLANS)
    for name in WHAT:
        assert f"lmindexer bench {name} wordnet" in run(f"bench {name} --help")


def test_corpora_without_a_name_are_the_bundled_ones_and_those_under_data(tmp_path, monkeypatch):
    import lmindexer.datasets as datasets
    from lmindexer.cli.bench import _corpora
    from lmindexer.cli.inputs import Columns

    (tmp_path / AMAZON[0]).mkdir()
    monkeypatch.setattr(datasets, "load_amazon", lambda folder, name: name)
    monkeypatch.setattr(datasets, "load_sample", lambda name: name)
    assert _corpora([], tmp_path, Columns()) == ["attack", "wordnet", AMAZON[0]]
    assert _corpora([], None, Columns()) == ["attack", "wordnet"]
