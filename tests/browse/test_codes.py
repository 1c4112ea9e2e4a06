"""A code's page: names that people give, categories with lift, central documents, codes like it."""

import json

import numpy as np
import pytest
import run_bundles

from lmindexer.browse import RunBrowser, codes, names, words
from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.runs.bundle import Bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_bundles.write_all(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run(folder):
    (folder / "good" / names.FILE).unlink(missing_ok=True)
    return RunBrowser.from_bundle(Bundle.open(folder / "good"))


def test_a_name_is_kept_beside_the_run_and_stands_before_the_key_words(run, folder):
    before = words.keywords(run)[1]
    names.give_name(run, (1,), "  Things that\n cut ", by="Ada")
    assert words.keywords(run)[1] == ["“Things that cut”", *before][:6]
    assert words.name_of(run, (1,)).startswith("“Things that cut”")
    again = RunBrowser.from_bundle(Bundle.open(folder / "good"))
    assert names.names_of(again) == {(1,): "Things that cut"}
    assert names.table_of(again).iloc[0]["documents"] == run.count((1,))
    names.give_name(run, (1,), "")
    assert names.names_of(run) == {} and words.keywords(run)[1] == before
    Bundle.open(folder / "good").verify()


@pytest.mark.parametrize("text", ["{half", "[]", '{"9.9.9.9": {"name": "x"}}', '{"a": 3}', '{"1": {"name": 3}}'])
def test_a_file_of_names_that_is_none_counts_as_empty(run, folder, text):
    (folder / "good" / names.FILE).write_text(text)
    assert names.names_of(run) == {}


def test_a_name_for_what_is_no_code_is_refused(run, folder):
    for prefix in ((), (99,), (0, 0, 0, 0)):
        with pytest.raises(LMIndexerError):
            names.give_name(run, prefix, "x")
    with pytest.raises(BundleError):
        names.give_name(RunBrowser.from_parts(*run.parts), (1,), "x")
    assert not (folder / "good" / names.FILE).exists()


def test_shares_and_lift_are_those_of_a_slow_count(run):
    ids, corpus = run.parts
    labels = np.asarray(corpus.labels(1))
    under = ids.codes[:, 0] == 2
    row = codes.make_up(run, (2,), 1).iloc[0]
    here, there = (
        (labels[under & (labels != "")] == row["category"]).mean(),
        (labels[labels != ""] == row["category"]).mean(),
    )
    assert row["share"] == pytest.approx(here) and row["lift"] == pytest.approx(here / there)


def test_central_documents_are_nearest_to_the_middle_and_lie_under_the_prefix(run):
    found = codes.central(run, (1,), 5)
    assert (found["c1"] == 1).all() and found["cosine"].is_monotonic_decreasing
    matrix = np.asarray(run.bundle.states, dtype=float)
    matrix /= np.linalg.norm(matrix, axis=1, keepdims=True)
    inside = np.flatnonzero(run.parts[0].codes[:, 0] == 1)
    middle = matrix[inside].mean(axis=0)
    assert found["row"].iloc[0] == inside[np.argmax(matrix[inside] @ middle)]


def test_similar_codes_are_others_under_the_same_prefix(run):
    found = codes.similar(run, (1, 0))
    assert 0 not in found["code"].tolist() and found["cosine"].is_monotonic_decreasing
    assert found["documents"].tolist() == [run.count((1, int(code))) for code in found["code"]]


def test_weights_go_down_and_the_words_are_the_key_words(run):
    found = codes.keyword_weights(run, (1,), 6)
    assert found["weight"].is_monotonic_decreasing and found["word"].tolist() == words.keywords(run)[1]


def test_a_run_without_states_has_no_middle(folder):
    bare = RunBrowser.from_bundle(Bundle.open(folder / "bare"))
    assert codes.central(bare, (1,)).empty and codes.similar(bare, (1,)).empty
    assert ".part" not in " ".join(json.dumps([path.name for path in (folder / "good").iterdir()]))
