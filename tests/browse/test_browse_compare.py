"""Comparing runs: joins, matching, what moved, intervals."""

import numpy as np
import pytest
import run_bundles

from lmindexer.browse import RunBrowser, compare
from lmindexer.common.errors import LMIndexerError
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality.diagnostics import perplexity


@pytest.fixture(scope="module")
def runs():
    corpus = run_bundles.corpus_of(120)
    return tuple(RunBrowser.from_parts(run_bundles.ids_of(corpus, seed), corpus, f"run{seed}") for seed in (0, 1))


def test_documents_are_joined_by_id_whatever_their_order():
    corpus = run_bundles.corpus_of(40)
    ids = run_bundles.ids_of(corpus)
    back = np.arange(39, 4, -1)
    other = RunBrowser.from_parts(ids.take(back), corpus.take(back))
    found = compare.pair(RunBrowser.from_parts(ids, corpus), other)
    assert len(found) == 35 and (found.codes_a == found.codes_b).all()
    assert found.rows_a.tolist() == list(range(5, 40)) and found.rows_b.tolist() == list(range(34, -1, -1))


def test_runs_without_a_common_document_cannot_be_compared(runs):
    corpus = Corpus.from_records([{"doc_id": "elsewhere", "text": "x"}])
    alone = RunBrowser.from_parts(SemanticIDs.from_codes(["elsewhere"], [[0]], (1,)), corpus)
    with pytest.raises(LMIndexerError, match="share no document"):
        compare.pair(runs[0], alone)


def test_a_run_with_renamed_codes_has_moved_nothing(runs):
    ids, corpus = runs[0].parts
    turned = SemanticIDs.from_codes(ids.doc_ids, np.where(ids.codes >= 0, (ids.codes + 1) % 4, -1), ids.codebook_sizes)
    found = compare.pair(runs[0], RunBrowser.from_parts(turned, corpus))
    cells = compare.contingency(found)
    assert compare.matching(cells) == {code: (code + 1) % 4 for code in set(ids.codes[:, 0].tolist())}
    share, outside = compare.moved(cells)
    assert share == 0 and outside.empty and compare.c1_agreement(found) == pytest.approx(1)


def test_moved_documents_are_those_outside_the_matching(runs):
    found = compare.pair(*runs)
    cells = compare.contingency(found)
    matched = compare.matching(cells)
    expected = [matched.get(a) != b for a, b in zip(found.codes_a[:, 0], found.codes_b[:, 0], strict=True)]
    share, outside = compare.moved(cells)
    assert share == pytest.approx(np.mean(expected)) and outside.documents.sum() == sum(expected)
    top = outside.iloc[0]
    listed = compare.documents_in(found, top.a, top.b)
    assert len(listed) == top.documents and listed.id_a.str.startswith(f"<{top.a}>").all()


def test_metrics_are_the_library_s_with_jackknife_intervals(runs):
    found = compare.pair(*runs)
    table = compare.metrics(found).set_index("metric")
    assert list(table.index[:2]) == ["AMI of c1 with category level 1", "AMI of c1 with category level 2"]
    row = table.loc["perplexity at position 1"]
    assert row.a == pytest.approx(perplexity(found.codes_a[:, 0])) and row.difference == pytest.approx(row.b - row.a)
    chosen = np.random.default_rng(0).permutation(120)
    left = np.array([perplexity(found.codes_a[chosen[np.arange(120) % 20 != k], 0]) for k in range(20)])
    assert row.a_half == pytest.approx(2.093 * np.sqrt(19 / 20 * ((left - left.mean()) ** 2).sum()))
    assert (table.filter(like="half") > 0).all().all()


def test_a_run_does_not_differ_from_itself(runs):
    table = compare.metrics(compare.pair(runs[0], runs[0]))
    assert (table.difference == 0).all() and (table.difference_half == 0).all() and (table.a_half > 0).all()


def test_intervals_cover_about_as_often_as_they_say():
    """Perplexity of codes drawn from known shares: the true value lies inside in most of many draws."""
    shares = np.array([0.4, 0.3, 0.2, 0.1])
    truth = float(np.exp(-(shares * np.log(shares)).sum()))
    inside = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        codes = rng.choice(4, (400, 1), p=shares)
        values = [perplexity(codes[np.arange(400) % 20 != k, 0]) for k in range(20)]
        half = compare.T_95 * compare._jackknife_error(np.array(values)[:, None])[0]
        inside += abs(perplexity(codes[:, 0]) - truth) <= half
    assert 52 <= inside <= 60


def test_an_ami_that_says_nothing_is_said(runs):
    """The sentences of the Compare page: one run collapsed, one level of one class."""
    assert compare.silent(compare.pair(*runs)) == []
    names = [f"d{n}" for n in range(6)]
    records = [
        {"doc_id": name, "text": name, "category_1": "all", "category_2": str(n % 2)} for n, name in enumerate(names)
    ]
    corpus = Corpus.from_records(records)
    sides = [SemanticIDs.from_codes(names, np.array(codes)[:, None], (3,)) for codes in ([0] * 6, [0, 1, 2, 0, 1, 2])]
    found = compare.pair(*(RunBrowser.from_parts(ids, corpus) for ids in sides))
    assert compare.silent(found) == [
        "The AMI of both c1 says nothing: all documents have one code in the first run.",
        "AMI of c1 with category level 1 says nothing of the first run: there is one class only.",
        "AMI of c1 with category level 1 says nothing of the second run: there is one class only.",
        "AMI of c1 with category level 2 says nothing of the first run: all documents have one code.",
    ]
