"""The jackknife of AMI differences, sign flips and Holm's correction, by hand, scikit-learn, scipy, statsmodels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics
from statsmodels.stats.multitest import multipletests

from lmindexer.common.errors import LMIndexerError
from lmindexer.quality import compare_methods, neighbour_preservation
from lmindexer.quality.significance import AgreementSample, holm, jackknife_error, sign_flip_test


def drawn_labels(documents=120, classes=5, groups=7, noise=0.3, seed=0):
    generator = np.random.default_rng(seed)
    true = generator.integers(0, classes, documents)
    pred = np.where(generator.random(documents) < noise, generator.integers(0, groups, documents), true)
    return true.astype(str), pred


# ---- AMI without each document --------------------------------------------------------------------------------


@given(st.lists(st.tuples(st.sampled_from("abc"), st.integers(0, 4)), min_size=3, max_size=25))
def test_left_out_amis_equal_scikit_learns(pairs):
    true, pred = (np.array(column) for column in zip(*pairs, strict=True))
    found = AgreementSample(true).left_out(pred)
    for i in range(len(true)):
        rest_true, rest_pred = np.delete(true, i), np.delete(pred, i)
        assert found[i] == pytest.approx(metrics.adjusted_mutual_info_score(rest_true, rest_pred), abs=1e-8)


def test_ami_equals_scikit_learns_and_documents_without_a_class_are_left_out():
    true, pred = drawn_labels()
    some = np.where(np.arange(len(true)) % 3 == 0, "", true)
    kept = some != ""
    sample = AgreementSample(some)
    assert sample.ami(pred) == pytest.approx(metrics.adjusted_mutual_info_score(true[kept], pred[kept]))
    assert len(sample.left_out(pred)) == kept.sum()


def test_the_jackknifes_error_of_a_mean_is_s_over_root_n():
    values = np.random.default_rng(0).normal(size=40)
    left_out = (values.sum() - values) / 39
    assert jackknife_error(left_out) == pytest.approx(values.std(ddof=1) / 40**0.5)


# ---- the comparison --------------------------------------------------------------------------------------------


def test_interval_and_p_are_students_with_a_slow_jackknifes_error():
    true, first = drawn_labels(noise=0.2)
    _, second = drawn_labels(noise=0.4)
    rest = [np.arange(len(true)) != i for i in range(len(true))]
    slow = np.array([
        np.subtract(*(metrics.adjusted_mutual_info_score(true[keep], codes[keep]) for codes in (first, second)))
        for keep in rest
    ])  # fmt: skip
    error = np.sqrt((len(true) - 1) * slow.var())
    (found,) = compare_methods(true, {"a": [first], "b": [second]}, "a")
    whole = np.subtract(*(metrics.adjusted_mutual_info_score(true, codes) for codes in (first, second)))
    student = stats.t(len(true) - 1, loc=whole, scale=error)
    assert (found.difference, found.error) == pytest.approx((whole, error))
    assert (found.low, found.high) == pytest.approx(student.interval(0.95))
    assert found.p == pytest.approx(2 * stats.t.sf(abs(whole) / error, len(true) - 1))


def null(generator, documents, classes, groups, noise=0.4):
    """Two equally good methods: each puts a document into its class's group, or into any group by its own noise."""
    true = generator.integers(0, classes, documents)
    codes = [np.where(generator.random(documents) < noise, generator.integers(0, groups, documents), true % groups)
             for _ in range(2)]  # fmt: skip
    return true.astype(str), codes


@pytest.mark.parametrize("size", [(400, 10, 10), (400, 50, 32), (691, 216, 64)])
def test_without_a_difference_few_samples_find_one(size):
    """The rates of docs/results/significance.md, with fewer samples: .05 up to chance (2 s.e. of 250 are .028)."""
    generator, samples, found, errors, differences = np.random.default_rng(5), 250, 0, [], []
    for _ in range(samples):
        true, (one, other) = null(generator, *size)
        (pair,) = compare_methods(true, {"one": [one], "other": [other]}, "one")
        assert (pair.p <= 0.05) == (not pair.low <= 0 <= pair.high)  # the interval says what p says
        found += pair.p <= 0.05
        errors.append(pair.error)
        differences.append(pair.difference)
    assert found / samples <= 0.075
    # the error is what the differences spread, at most a tenth too wide (the bootstrap's was a third too narrow)
    assert 0.9 < np.sqrt(np.mean(np.square(errors))) / np.std(differences) < 1.2


def test_a_real_difference_is_found():
    generator = np.random.default_rng(6)
    found = 0
    for _ in range(40):
        true, (one, other) = null(generator, 691, 216, 64, 0.3)
        worse = np.where(generator.random(691) < 0.25, generator.integers(0, 64, 691), other)
        (pair,) = compare_methods(true, {"one": [one], "worse": [worse]}, "one")
        found += pair.p <= 0.05
    assert found >= 36


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
    same, half = compare_methods(true, {"a": [pred, other], "b": [other, pred], "c": [other]}, "a")
    assert (same.difference, same.low, same.high) == pytest.approx((0, 0, 0)) and same.p == 1.0
    scores = [metrics.adjusted_mutual_info_score(true, codes) for codes in (pred, other)]
    assert half.difference == pytest.approx(np.mean(scores) - scores[1])


def test_only_seeds_that_both_methods_have_are_compared():
    true, good = drawn_labels(noise=0.05)
    _, poor = drawn_labels(noise=0.9)
    codes = {"ours": {0: poor, 1: good, 2: good}, "half": {0: poor[::-1]}, "none": {7: good}}
    (found,) = compare_methods(true, codes, "ours")
    assert (found.second, found.seeds) == ("half", 1)
    scores = [metrics.adjusted_mutual_info_score(true, one) for one in (poor, poor[::-1])]
    assert found.difference == pytest.approx(scores[0] - scores[1])  # not the mean over three less one


def test_one_clustering_under_two_names_is_compared_and_corrected_once():
    true, pred = drawn_labels()
    _, other = drawn_labels(noise=0.6)
    _, third = drawn_labels(noise=0.5, seed=3)
    codes = {"a": {0: pred}, "HC": {0: other}, "b": {0: third}, "k-means": {0: 99 - other}}
    once = compare_methods(true, codes, "a")
    assert [(one.second, one.same) for one in once] == [("HC", ("k-means",)), ("b", ())]
    assert [one.p_holm for one in once] == holm([one.p for one in once])


def test_differences_that_no_document_moves():
    perfect = ["x", "y"] * 10
    (same,) = compare_methods(perfect, {"a": [[0, 1] * 10], "b": [[5, 3] * 10]}, "a")
    assert (same.difference, same.p) == (0, 1)
    (apart,) = compare_methods(perfect, {"a": [[0, 1] * 10], "one code": [[0] * 20]}, "a")
    assert apart.difference == pytest.approx(1) and 0 < apart.p < 1e-4
    (one,) = compare_methods(["x"], {"a": [[0]], "b": [[1]]}, "a")
    assert one.p == 1 and np.isnan(one.low)


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
