"""The page of a run: whole without a network, small enough to send, words of documents never markup."""

import re

import pytest
import run_bundles
from typer.testing import CliRunner

from lmindexer.browse import RunBrowser
from lmindexer.cli.app import app
from lmindexer.plots.run_page import run_page
from lmindexer.runs.bundle import Bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_bundles.write_all(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module", params=["good", "bare", "hostile"])
def page(request, folder):
    return request.param, run_page(RunBrowser.from_bundle(Bundle.open(folder / request.param)))


def own_words(text: str) -> str:
    """The page without the drawing library and the figures' data."""
    return re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)


def test_it_asks_nothing_of_a_network_and_can_be_sent(page):
    _, text = page
    assert len(text.encode()) < 8e6 and "default-src 'none'" in text
    assert not re.findall(r"""(?:src|href)=["']?(?:https?:)?//""", own_words(text))


def test_it_has_numbers_figures_and_examples(page):
    name, text = page
    said = own_words(text)
    assert text.count("Plotly.newPlot(") >= (3 if name == "bare" else 6) and "<h2>Examples</h2>" in said
    assert "Unique IDs" in said and f"<h1>{name}</h1>" in said


def test_words_of_documents_are_never_markup(page):
    name, text = page
    assert "<script>window.pwned" not in text and "<img src=x" not in own_words(text)
    if name == "hostile":
        assert "&lt;script&gt;window.pwned=1" in text


def test_the_command_writes_it_and_refuses_a_bad_place(folder, tmp_path):
    done = CliRunner().invoke(app, ["report", str(folder / "bare"), "--html", str(tmp_path / "bare.html")])
    assert done.exit_code == 0 and (tmp_path / "bare.html").stat().st_size > 1e6
    for bad in (tmp_path / "bare.txt", tmp_path / "no" / "bare.html"):
        done = CliRunner().invoke(app, ["report", str(folder / "bare"), "--html", str(bad)])
        assert done.exit_code == 2 and bad.name in done.output


def test_an_ami_that_says_nothing_is_no_number_on_any_page(monkeypatch):
    """A level of one class: AMI 1 or 0 by convention. Figure, page to send and the explorer's Overview say so."""
    from explorer_app.views import overview
    from lmindexer.corpus.corpus import Corpus
    from lmindexer.ids.semantic_ids import SemanticIDs
    from lmindexer.plots.agreement import agreement

    names = [f"d{n}" for n in range(8)]
    corpus = Corpus.from_records([{"doc_id": name, "text": "saw", "category_1": "all"} for name in names])
    ids = SemanticIDs.from_codes(names, [[n % 2] for n in range(8)], (2,))
    run = RunBrowser.from_parts(ids, corpus, "one class")
    (bar,) = agreement(run.quality).data
    assert bar.text == ("says nothing",) and bar.y == (0,) and "there is one class only" in str(bar.customdata)
    assert "<dd>says nothing: there is one class only</dd>" in own_words(run_page(run))
    cells = []
    monkeypatch.setattr(overview, "metrics", cells.extend)
    overview._numbers(run)
    (cell,) = [cell for cell in cells if cell[0] == "AMI of c1"]
    assert cell[1] == "–" and cell[2].endswith("says nothing: there is one class only.")
    table = overview._side_by_side({"one": run.quality})
    assert table["AMI, level 1"].isna().all()
