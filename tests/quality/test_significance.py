"""Paired bootstrap, sign-flip test and Holm's correction against hand numbers, scikit-learn, scipy and statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from statsmodels.stats.multitest import multipletests

from lmindexer.common.errors import LMIndexerError
from lmindexer.quality import compare_methods, neighbour_preservation
from lmindexer.quality.significance import AgreementDraws, ExpectedMI, draw_weights, holm, sign_flip_test


def drawn_labels(documents=120, classes=5, groups=7, noise=0.3, seed=0):
    generator = np.random.default_rng(seed)
    true = generator.integers(0, classes, documents)
    pred = np.where(generator.random(documents) < noise, generator.integers(0, groups, documents), true)
    return true.astype(str), pred


# ---- AMI on draws ----------------------------------------------------------------------------------------------


def test_ami_of_a_draw_is_the_ami_of_the_repeated_documents():
    true, pred = drawn_labels()
    sample = AgreementDraws(true)
    for weights in draw_weights(len(true), 20):
        expected = metrics.adjusted_mutual_info_score(np.repeat(true, weights), np.repeat(pred, weights))
        assert sample.ami(pred, weights) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), min_size=2, max_size=30))
def test_remembered_terms_give_the_expected_mutual_information(pairs):
    true, pred = (np.unique(column, return_inverse=True)[1] for column in zip(*pairs, strict=True))
    expected = metrics.cluster.expected_mutual_information(
        metrics.cluster.contingency_matrix(true, pred, sparse=True), len(pairs)
    )
    chance = ExpectedMI(len(pairs))
    for _ in range(2):  # the second time from memory
        assert chance(np.bincount(true), np.bincount(pred)) == pytest.approx(expected, abs=1e-9)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), min_size=2, max_size=30))
def test_contributions_have_the_ami_as_their_mean(pairs):
    true, pred = zip(*pairs, strict=True)
    found = AgreementDraws(true).contributions(pred).mean()
    assert found == pytest.approx(metrics.adjusted_mutual_info_score(true, pred), abs=1e-9)


def test_documents_without_a_class_are_left_out_before_the_draw():
    true, pred = drawn_labels()
    some = np.where(np.arange(len(true)) % 3 == 0, "", true)
    kept = some != ""
    sample = AgreementDraws(some)
    assert sample.ami(pred) == pytest.approx(metrics.adjusted_mutual_info_score(true[kept], pred[kept]))
    assert len(sample.contributions(pred)) == kept.sum()


# ---- the comparison --------------------------------------------------------------------------------------------


def test_interval_equals_scipys_percentile_bootstrap():
    true, first = drawn_labels(noise=0.2)
    _, second = drawn_labels(noise=0.5)

    def difference(index):
        scores = (metrics.adjusted_mutual_info_score(true[index], codes[index]) for codes in (first, second))
        return np.subtract(*scores)

    (found,) = compare_methods(true, {"a": [first], "b": [second]}, "a", draws=400, flips=500)
    oracle = stats.bootstrap(
        (np.arange(len(true)),), difference, n_resamples=400, vectorized=False, method="percentile", rng=1
    ).confidence_interval
    assert found.difference == pytest.approx(difference(np.arange(len(true))))
    # other draws of the same kind, centred at the difference
    assert found.high - found.low == pytest.approx(oracle.high - oracle.low, abs=0.03)
    assert found.low < found.difference < found.high


def test_sign_flips_by_hand():
    # 2^3 flips of (1, 2, 4): the sum is 7; |sum| = 7 is reached by + + + and - - - only
    assert sign_flip_test([1.0, 2.0, 4.0]) == 0.25
    assert sign_flip_test([1.0, -1.0]) == 1.0
    assert sign_flip_test([0.0] * 30, flips=99) == 1.0


@pytest.mark.parametrize("value", [0.7, 0.1, 1 / 3])
def test_sign_flips_keep_ties_and_leave_zeros_out(value):
    # all six the same way: 2 of 2^6 flips reach it, whatever the zeros do; in float32 the sums missed their ties
    assert sign_flip_test([value] * 6 + [0.0] * 94) == 2 / 64
    many = sign_flip_test([value] * 12 + [-value] * 8, flips=4000)  # drawn: P(|20 tosses - 10| >= 2) by hand
    assert many == pytest.approx(1 - stats.binom.pmf([9, 10, 11], 20, 0.5).sum(), abs=0.03)


@pytest.mark.parametrize("documents", [8, 200])
def test_sign_flips_equal_scipys_permutation_test(documents):
    generator = np.random.default_rng(3)
    a, b = generator.normal(0.15, 1, documents), generator.normal(0, 1, documents)
    oracle = stats.permutation_test(
        (a, b), lambda x, y: np.mean(x - y), permutation_type="samples", n_resamples=4000, rng=0
    )
    assert sign_flip_test(a - b, flips=4000) == pytest.approx(oracle.pvalue, abs=1e-9 if documents == 8 else 0.02)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_equals_statsmodels(p_values):
    assert holm(p_values) == pytest.approx(multipletests(p_values, method="holm")[1].tolist())


def test_equal_methods_do_not_differ_and_seeds_are_averaged():
    true, pred = drawn_labels()
    _, other = drawn_labels(seed=0, noise=0.6)
    same, half = compare_methods(true, {"a": [pred, other], "b": [other, pred], "c": [other]}, "a", draws=50, flips=200)
    assert (same.difference, same.low, same.high) == pytest.approx((0, 0, 0)) and same.p == 1.0
    scores = [metrics.adjusted_mutual_info_score(true, codes) for codes in (pred, other)]
    assert half.difference == pytest.approx(np.mean(scores) - scores[1])
    again = compare_methods(true, {"a": [pred, other], "b": [other, pred], "c": [other]}, "a", draws=50, flips=200)
    assert again == [same, half]  # the same numbers twice


def test_what_cannot_be_compared_says_so():
    with pytest.raises(LMIndexerError, match="No document has a category"):
        compare_methods(["", ""], {"a": [[0, 1]]}, "a")
    with pytest.raises(LMIndexerError, match="no codes of 'x'; give one of a"):
        compare_methods(["p", "q"], {"a": [[0, 1]]}, "x")
    with pytest.raises(LMIndexerError, match="do not fit the labels"):
        compare_methods(["p", "q"], {"a": [[0]]}, "a")


# ---- neighbours ------------------------------------------------------------------------------------------------


def test_neighbour_preservation_by_hand():
    neighbours = np.array([[1, 2], [0, 2], [0, 1]])
    codes = np.array([[4, 0], [4, 1], [4, 1]])
    assert neighbour_preservation(neighbours, codes[:, 0]) == 1.0
    assert neighbour_preservation(neighbours, codes) == pytest.approx(2 / 6)  # only documents 1 and 2 share both
    assert neighbour_preservation(np.zeros((3, 0), int), codes) is None
    with pytest.raises(LMIndexerError, match="do not fit the codes of 2"):
        neighbour_preservation(neighbours, codes[:2])


@given(st.integers(2, 20), st.integers(1, 5), st.integers(0, 99))
def test_neighbour_preservation_equals_a_loop(documents, k, seed):
    generator = np.random.default_rng(seed)
    neighbours = generator.integers(0, documents, (documents, k))
    codes = generator.integers(0, 3, (documents, 2))
    shared = [np.array_equal(codes[i], codes[j]) for i in range(documents) for j in neighbours[i]]
    assert neighbour_preservation(neighbours, codes) == pytest.approx(np.mean(shared))
