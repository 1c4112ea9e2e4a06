"""The text report: what it says, how wide it is, which prefixes it shows."""

import dataclasses

import numpy as np
import pytest

from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality import evaluate_ids
from lmindexer.quality.report import sample_prefixes, text_report


def report_on(codes, levels=2, samples=5, title="Title {}", sizes=None):
    codes = np.asarray(codes)
    rows = [
        {"doc_id": str(n), "title": title.format(n), "text": f"saw number {n}"}
        | {f"category_{level + 1}": f"{n % (level + 2)}" for level in range(levels)}
        for n in range(len(codes))
    ]
    corpus = Corpus.from_records(rows, name="tools")
    ids = SemanticIDs.from_codes(corpus.doc_ids, codes, sizes or (64,) * codes.shape[1])
    return text_report(ids, corpus, evaluate_ids(ids, corpus), samples), evaluate_ids(ids, corpus)


@pytest.fixture
def codes():
    return np.random.default_rng(0).integers(0, (3, 4, 2), (40, 3))


def test_numbers_of_the_result_are_in_the_report(codes):
    report, quality = report_on(codes)
    lines = report.splitlines()
    assert lines[0] == "Semantic IDs of 'tools': 40 documents, 3 positions, codebook sizes 64, 64, 64"
    row = next(line for line in lines if line.split()[:2] == ["c1", "c2"] and "c3" not in line)
    assert row.split()[2:] == [f"{quality.ami(2, level):.3f}".replace("-0.000", "0.000") for level in (1, 2)]
    row = next(line for line in lines if line.split()[:1] == ["2"])
    assert row.split() == [
        "2",
        *["4", "of", "64"],
        f"{quality.perplexity[1]:.1f}",
        f"{quality.within_prefix_perplexity[1]:.2f}",
        f"{quality.diff_ratio[1]:.3f}",
        f"{quality.diff_ratio_released[1]:.3f}",
        str(quality.collisions.distinct_prefixes[1]),
    ]
    assert f"{quality.collisions.colliding_documents} documents share their codes" in report
    assert f"{100 * quality.collisions.unique_share:.1f} %" in report


def test_samples_show_prefix_key_words_and_titles(codes):
    report, _ = report_on(codes, samples=2)
    block = report.split("Sample prefixes\n")[1].splitlines()
    heads = [line for line in block if line.startswith("  <")]
    assert len(heads) == 2
    assert all("documents: " in line and "saw" in line for line in heads)
    assert sum(line.startswith("    - Title ") for line in block) == 8
    assert "Sample prefixes" not in report_on(codes, samples=0)[0]


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"levels": 15},
        {"title": "Number {}:" + 5 * " a very long title about saws and more saws"},
        {"title": "Word{}" + "withoutanyspace" * 9},
    ],
)
def test_no_line_is_wider_than_100_columns(codes, options):
    report, quality = report_on(codes, **options)
    assert max(map(len, report.splitlines())) <= 100
    for level in range(1, quality.levels + 1):
        assert f"level {level}" in report


def test_many_codebook_sizes_are_wrapped():
    report, _ = report_on(np.zeros((4, 40), dtype=int))
    assert max(map(len, report.splitlines())) <= 100
    assert "c1 … c40" in report


def test_long_titles_are_cut_visibly(codes):
    report, _ = report_on(codes, title="Word{}" + "withoutanyspace" * 9)
    titles = [line for line in report.splitlines() if line.startswith("    - Word")]
    assert len(titles) > 4
    assert all(len(line) == 100 and line.endswith("…") for line in titles)


def test_without_categories_it_says_so(codes):
    report, _ = report_on(codes, levels=0)
    assert "The corpus has no categories, so there is no AMI." in report


def test_a_class_for_every_document_is_pointed_out(codes):
    report, _ = report_on(codes[:3], levels=2)
    assert "* The AMI of every prefix with level 2 says nothing: every document is a class of its own." in report
    assert "* The AMI of c1 with level 1" not in report


def test_ids_that_are_all_distinct_agree_with_classes_that_are_and_it_says_nothing():
    """A class for every document: AMI 1 when the IDs are all distinct too, so "no grouping can do better" is false."""
    report, quality = report_on(np.arange(3)[:, None], levels=2)
    assert quality.ami(1, 2) == pytest.approx(1)
    assert "1.000*" in report
    assert "says nothing: every document is a class of its own" in report
    assert "no grouping can" not in report


def test_a_collapsed_run_and_a_level_of_one_class_are_marked():
    collapsed, quality = report_on(np.zeros((40, 2), int), levels=2)
    assert "* The AMI of every prefix with every level says nothing: all documents have one code." in collapsed
    assert quality.telling_ami(1, 1) is None
    corpus = Corpus.from_records([{"doc_id": str(n), "text": "saw", "category_1": "a"} for n in range(4)])
    ids = SemanticIDs.from_codes(corpus.doc_ids, [[0], [0], [1], [1]], (2,))
    report = text_report(ids, corpus, evaluate_ids(ids, corpus))
    assert "* The AMI of c1 with the categories says nothing: there is one class only." in report


def test_a_rounded_zero_has_no_sign(codes):
    corpus = Corpus.from_records([{"doc_id": str(n), "text": "saw", "category_1": "a"} for n in range(40)])
    ids = SemanticIDs.from_codes(corpus.doc_ids, codes, (3, 4, 2))
    quality = evaluate_ids(ids, corpus)
    below = dataclasses.replace(quality, agreement=quality.agreement.assign(ami=-1e-9))
    assert "-0.000" not in text_report(ids, corpus, below)
    assert " 0.000" in text_report(ids, corpus, below)


def test_undefined_numbers_are_dashes_and_short_ids_have_names():
    report, _ = report_on([[0, -1], [-1, -1], [1, -1]])
    assert "nan" not in report.lower()
    assert "None" not in report
    assert "<0>  1 document:" in report
    assert "(no code)  1 document:" in report
    row = next(line for line in report.splitlines() if line.split()[:1] == ["2"])
    assert row.split()[1:] == ["0", "of", "64", "-", "-", "-", "-", "3"]


def test_samples_are_the_largest_prefixes_under_the_largest_first_codes():
    codes = [[2, 0], [2, 1], [2, 1], [0, 5], [0, 4], [1, 3]]
    ids = SemanticIDs.from_codes([str(n) for n in range(6)], codes, (6, 6))
    assert sample_prefixes(ids, 2, 2) == [(2, 1), (0, 4)]
    assert sample_prefixes(ids, 1, 9) == [(2,), (0,), (1,)]
