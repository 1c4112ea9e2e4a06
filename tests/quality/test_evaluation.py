"""Agreement with categories against scikit-learn and hand-worked numbers; one result that survives JSON."""

import json
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from lmindexer.common.errors import LMIndexerError
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality import (
    CategoryAgreement,
    IDQuality,
    category_agreement,
    diagnostics,
    evaluate_ids,
    merged_classes,
)
from lmindexer.quality.categories import expected_mutual_information

label_pairs = st.lists(st.tuples(st.sampled_from(["", "a", "b", "c"]), st.integers(0, 4)), max_size=40)


def corpus_of(paths):
    rows = [
        {"doc_id": f"d{n}", "text": f"text {n}", "category_1": one, "category_2": two}
        for n, (one, two) in enumerate(paths)
    ]
    return Corpus.from_records(rows)


@pytest.fixture
def corpus():
    return corpus_of([("a", "x"), ("a", "y"), ("a", None), ("b", "x"), ("b", "x"), (None, None)])


@pytest.fixture
def ids(corpus):
    codes = [[0, 0], [0, 1], [0, 1], [1, 0], [1, 0], [1, 2]]
    return SemanticIDs.from_codes(corpus.doc_ids, codes, (2, 4))


# -- agreement ---------------------------------------------------------------------------------------------


def test_purity_by_hand():
    # group 0: a a b, group 1: b; largest classes 2 and 1 of 4
    assert category_agreement(["a", "a", "b", "b"], [0, 0, 0, 1]).purity == 0.75


@given(label_pairs)
def test_agreement_equals_scikit_learns_over_the_labelled_documents(pairs):
    found = category_agreement([label for label, _ in pairs], [group for _, group in pairs])
    kept = [(label, group) for label, group in pairs if label]
    if not kept:
        assert found == CategoryAgreement(None, None, None, None, None, 0, 0, 0)
        return
    true, pred = zip(*kept, strict=True)
    assert found.ami == pytest.approx(metrics.adjusted_mutual_info_score(true, pred), abs=1e-9)
    assert found.nmi == pytest.approx(metrics.normalized_mutual_info_score(true, pred), abs=1e-9)
    assert found.homogeneity == pytest.approx(metrics.homogeneity_score(true, pred), abs=1e-9)
    assert found.completeness == pytest.approx(metrics.completeness_score(true, pred), abs=1e-9)
    largest = metrics.cluster.contingency_matrix(true, pred).max(axis=0).sum()
    assert found.purity == largest / len(kept)
    assert (found.documents, found.prefixes, found.classes) == (len(kept), len(set(pred)), len(set(true)))


def test_expected_mutual_information_by_hand():
    # Of the three ways to pair four documents up, one equals a given way (MI = ln 2), two share nothing.
    assert expected_mutual_information(np.array([2, 2]), np.array([2, 2])) == pytest.approx(math.log(2) / 3)
    assert expected_mutual_information(np.array([4]), np.array([1, 1, 2])) == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("documents", [1, 2, 100_000])
def test_equal_partitions_agree_fully_even_where_chance_reaches_all_there_is(documents):
    alone = np.arange(documents)
    for group in (alone, alone * 0):
        found = category_agreement([f"class {number}" for number in group], group)
        assert (found.ami, found.nmi) == pytest.approx((1, 1))
    if documents > 1:
        apart = category_agreement([f"class {number}" for number in alone], alone * 0)
        assert apart.ami == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize(("documents", "classes", "groups"), [(3000, 2, 3), (3000, 50, 900), (20000, 7, 64)])
def test_ami_equals_scikit_learns_on_large_and_uneven_groups(documents, classes, groups):
    random = np.random.default_rng(1)
    true = (classes * random.random(documents) ** 3).astype(int)
    pred = np.where(random.random(documents) < 0.3, true % groups, (groups * random.random(documents) ** 2).astype(int))
    found = category_agreement([f"class {label}" for label in true], pred)
    assert found.ami == pytest.approx(metrics.adjusted_mutual_info_score(true, pred), abs=1e-10)


@given(label_pairs.filter(lambda pairs: any(label for label, _ in pairs)), st.randoms(use_true_random=False))
def test_agreement_ignores_order_and_names(pairs, random):
    renamed = [(label and {"a": "x > y", "b": "q", "c": "longer"}[label], 7 - group) for label, group in pairs]
    random.shuffle(renamed)
    first = category_agreement(*zip(*pairs, strict=True))
    second = category_agreement(*zip(*renamed, strict=True))
    for name in ("ami", "nmi", "homogeneity", "completeness", "purity"):
        assert getattr(first, name) == pytest.approx(getattr(second, name), abs=1e-9)


def test_groups_may_have_any_type_and_lengths_must_agree():
    labels = np.array(["a", "a", "b", ""], dtype=object)
    as_numbers = category_agreement(labels, np.array([5, 5, 9, 9]))
    assert as_numbers == category_agreement(labels, ["<5>", "<5>", "<9>", "<9>"])
    assert as_numbers.ami == pytest.approx(1)
    with pytest.raises(LMIndexerError, match="cannot be compared"):
        category_agreement(["a"], [1, 2])


# -- evaluate_ids ------------------------------------------------------------------------------------------


def test_every_prefix_length_meets_every_level(ids, corpus):
    quality = evaluate_ids(ids, corpus)
    assert quality.agreement[["prefix_length", "level"]].to_numpy().tolist() == [
        [1, 1],
        [1, 2],
        [2, 1],
        [2, 2],
    ]
    assert quality.agreement["documents"].tolist() == [5] * 4  # the document without category is left out
    assert quality.agreement["classes"].tolist() == [
        2,
        4,
        2,
        4,
    ]  # a path that ends early is a class of its own
    assert quality.agreement["prefixes"].tolist() == [2, 2, 3, 3]
    assert quality.ami(1, level=1) == pytest.approx(1)
    leaf = ["a > x", "a > y", "a", "b > x", "b > x"]
    expected = metrics.adjusted_mutual_info_score(leaf, [0, 1, 1, 2, 2])
    assert quality.ami(prefix_length=2) == quality.ami(2, level=2) == pytest.approx(expected)


def test_numbers_come_from_the_diagnostics(ids, corpus):
    quality = evaluate_ids(ids, corpus, neighbours=2)
    assert quality.documents == 6
    assert quality.used_codes == (2, 3)
    assert quality.perplexity[0] == pytest.approx(2)
    assert quality.within_prefix_perplexity[1] == diagnostics.within_prefix_perplexity(ids.codes)
    assert quality.diff_ratio[1] == diagnostics.diff_ratio(ids.codes, 2)
    assert quality.diff_ratio_released == (None, diagnostics.diff_ratio_released(ids.codes, 2))
    assert quality.collisions == diagnostics.collisions(ids)
    drawn = evaluate_ids(ids, corpus, neighbours=1, seed=3)
    assert drawn.diff_ratio[1] == diagnostics.diff_ratio(ids.codes, 1, seed=3)


def test_the_order_of_ids_and_corpus_does_not_matter(ids, corpus):
    order = [3, 0, 5, 1, 4, 2]
    quality = evaluate_ids(ids, corpus)
    for other in (evaluate_ids(ids.take(order), corpus), evaluate_ids(ids, corpus.take(order))):
        pd.testing.assert_frame_equal(other.agreement, quality.agreement)
        assert other.diff_ratio == quality.diff_ratio
        assert other.perplexity == quality.perplexity


def test_without_categories_there_is_no_ami(ids):
    plain = Corpus.from_records([{"doc_id": f"d{n}", "text": "x"} for n in range(6)])
    quality = evaluate_ids(ids, plain)
    assert quality.ami() is None
    assert quality.levels == 0
    assert quality.agreement.empty
    assert quality.to_frame()["ami"].isna().all()


def test_a_level_nobody_has_is_none_and_a_level_that_is_not_there_is_an_error(ids):
    quality = evaluate_ids(ids, corpus_of([(None, None)] * 6))
    assert quality.levels == 2
    assert quality.ami(1) is None
    with pytest.raises(LMIndexerError, match="no AMI of 3 codes with level 1: the IDs have 2 positions"):
        quality.ami(3, level=1)


def test_ids_of_unknown_documents_and_no_ids_are_refused(ids, corpus):
    with pytest.raises(LMIndexerError, match="not in the corpus, the first is 'd5'"):
        evaluate_ids(ids, corpus.take(range(5)))
    with pytest.raises(LMIndexerError, match="no IDs to evaluate"):
        evaluate_ids(ids.take([]), corpus)


def test_ids_of_variable_depth():
    corpus = corpus_of([("a", None), ("a", None), ("b", None)])
    ids = SemanticIDs.from_codes(corpus.doc_ids, [[0, -1, -1], [0, 1, -1], [1, 0, -1]], (2, 2, 2))
    quality = evaluate_ids(ids, corpus)
    assert quality.used_codes == (2, 2, 0)
    assert quality.perplexity[2] is quality.diff_ratio[2] is quality.within_prefix_perplexity[2] is None
    assert quality.collisions.distinct_prefixes == (2, 3, 3)


# -- through JSON and to a frame ---------------------------------------------------------------------------


@pytest.mark.parametrize("codes", [[[0], [0], [1]], [[0, -1], [1, -1], [2, -1]], [[0, 1], [0, 1], [0, 1]]])
@pytest.mark.parametrize("paths", [[("a", "x"), ("b", None), (None, None)], [(None, None)] * 3])
def test_through_json_and_back(codes, paths):
    corpus = corpus_of(paths)
    ids = SemanticIDs.from_codes(corpus.doc_ids, codes, (4,) * len(codes[0]))
    quality = evaluate_ids(ids, corpus)
    text = json.dumps(quality.to_dict(), allow_nan=False)
    back = IDQuality.from_dict(json.loads(text))
    pd.testing.assert_frame_equal(back.agreement, quality.agreement)
    assert back.to_dict() == quality.to_dict()
    assert back.collisions == quality.collisions
    assert back.perplexity == quality.perplexity
    assert back.ami(1) == quality.ami(1)


def test_metrics_of_something_else_are_refused(ids, corpus):
    values = evaluate_ids(ids, corpus).to_dict()
    for broken in ({}, {**values, "collisions": {"groups": 1}}, {**values, "collisions": None}):
        with pytest.raises(LMIndexerError, match="not the metrics of semantic IDs"):
            IDQuality.from_dict(broken)


def test_frame_has_a_row_a_position(ids, corpus):
    quality = evaluate_ids(ids, corpus)
    frame = quality.to_frame()
    assert frame["position"].tolist() == [1, 2]
    assert frame["codebook_size"].tolist() == [2, 4]
    assert frame["distinct_prefixes"].tolist() == [2, 4]
    assert frame["ami"].tolist() == [quality.ami(1), quality.ami(2)]
    assert math.isnan(frame["diff_ratio_released"][0])
    assert frame["perplexity"].dtype == float


@given(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=60), st.integers(1, 10))
def test_merged_classes_are_whole_classes_in_so_many_groups(labels, groups):
    codes = merged_classes(labels, groups)
    assert len(set(codes)) == min(groups, len(set(labels))) and codes.min() == 0
    assert category_agreement(codes.astype(str), labels).homogeneity == pytest.approx(1)  # no class is in two groups
    if groups >= len(set(labels)):
        assert category_agreement(labels, codes).ami == pytest.approx(1)
