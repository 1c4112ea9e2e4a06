"""Agreement statistics and intervals against hand-made numbers, other libraries, and simulations."""

import json
import math
import warnings
from pathlib import Path

import krippendorff
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom
from statsmodels.stats import inter_rater
from statsmodels.stats.proportion import proportion_confint

from lmindexer.common.errors import LMIndexerError
from lmindexer.human_eval.results.agreement import (
    agreement_table,
    cohen_kappa,
    describe,
    fleiss_kappa,
    gwet_ac,
    krippendorff_alpha,
    percent_agreement,
)
from lmindexer.human_eval.results.intervals import bca, clustered_mean, clustered_share, wilson

ORACLE = json.loads((Path(__file__).parent / "oracles" / "agreement.json").read_text(encoding="utf-8"))


def as_array(entry) -> np.ndarray:
    return np.array([[np.nan if value is None else value for value in row] for row in entry["ratings"]])


def same(ours: float, theirs: float | None, places: float = 1e-9) -> bool:
    if theirs is None or not math.isfinite(theirs):
        return math.isnan(ours)
    return math.isclose(ours, theirs, abs_tol=places, rel_tol=0)


# ----------------------------------------------------------------------------------------------------- the oracles


def test_the_oracle_has_two_hundred_tables_with_missing_answers():
    assert len(ORACLE) == 200
    assert sum(None in row for entry in ORACLE for row in entry["ratings"]) > 500


@pytest.mark.parametrize("scale", ["identity", "ordinal"])
def test_fleiss_gwet_and_cohen_equal_irrcac(scale):
    mine = "nominal" if scale == "identity" else "ordinal"
    for entry in ORACLE:
        table, categories, said = as_array(entry), range(1, entry["q"] + 1), entry["irrCAC"]
        assert same(fleiss_kappa(table, categories, mine), said[f"fleiss_{scale}"])
        assert same(gwet_ac(table, categories, mine), said[f"gwet_{scale}"])
        if said[f"cohen_{scale}"] is not None:
            assert same(cohen_kappa(table[:, 0], table[:, 1], categories, mine), said[f"cohen_{scale}"])
    assert sum(entry["irrCAC"][f"cohen_{scale}"] is not None for entry in ORACLE) > 180


def test_percent_equals_irrcac():
    for entry in ORACLE:
        assert same(percent_agreement(as_array(entry)), entry["irrCAC"]["percent"] or 0.0)


@pytest.mark.parametrize("scale", ["nominal", "ordinal"])
def test_alpha_equals_krippendorff(scale):
    for entry in ORACLE:
        table, categories = as_array(entry), list(range(1, entry["q"] + 1))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # 0 / 0 where all answers are alike
            theirs = krippendorff.alpha(table.T, level_of_measurement=scale, value_domain=categories)
        assert same(krippendorff_alpha(table, categories, scale), float(theirs))


def test_fleiss_and_cohen_equal_statsmodels():
    for entry in ORACLE:
        table, q = as_array(entry), entry["q"]
        whole = table[np.isfinite(table).all(1)].astype(int)
        if len(whole) > 2:
            counts = (whole[:, :, None] == np.arange(1, q + 1)).sum(1)
            with np.errstate(all="ignore"):
                theirs = float(inter_rater.fleiss_kappa(counts, method="fleiss"))
            assert same(fleiss_kappa(whole, range(1, q + 1)), theirs)
        both = table[np.isfinite(table[:, :2]).all(1)][:, :2].astype(int) - 1
        square = np.zeros((q, q))
        np.add.at(square, (both[:, 0], both[:, 1]), 1)
        if len(both) > 1 and max(square.sum(0).max(), square.sum(1).max()) < len(both):
            for scale in ("nominal", "ordinal"):
                found = inter_rater.cohens_kappa(square, weights=_distances(q, scale)).kappa
                assert same(cohen_kappa(table[:, 0], table[:, 1], range(1, q + 1), scale), float(found))


def _distances(q, scale):
    if scale == "nominal":
        return None
    apart = np.abs(np.subtract.outer(np.arange(q), np.arange(q)))
    return apart * (apart + 1) / (q * (q - 1))  # statsmodels wants distances where we speak of agreement


# --------------------------------------------------------------------------------------------------------- by hand


def test_by_hand():
    # 3 of 4 equal; chance: first (½, ½), second (¾, ¼) -> ½; (0.75 − 0.5) / 0.5
    assert cohen_kappa([1, 1, 2, 2], [1, 1, 2, 1]) == pytest.approx(0.5)
    table = [[1, 1], [1, 1], [2, 2], [2, 1]]
    # shares π = (5/8, 3/8): Fleiss' chance 34/64, Gwet's 2·(5/8)(3/8) = 30/64
    assert fleiss_kappa(table) == pytest.approx((3 / 4 - 34 / 64) / (1 - 34 / 64))
    assert gwet_ac(table) == pytest.approx((3 / 4 - 30 / 64) / (1 - 30 / 64))
    # D_o = 2/8, D_e = 2·5·3 / (8·7)
    assert krippendorff_alpha(table) == pytest.approx(1 - (2 / 8) / (30 / 56))


def test_gwet_counts_categories_that_nobody_chose():
    table = [["1", "1"], ["1", "2"], ["2", "2"]]
    assert gwet_ac(table, ["1", "2", "3", "4", "5"]) > gwet_ac(table)


def test_words_and_missing_answers_are_taken():
    assert percent_agreement([["yes", None], ["yes", "yes"], ["no", "yes"]]) == 0.5
    assert math.isnan(percent_agreement([["yes", None], [None, "no"]]))
    assert math.isnan(cohen_kappa(["a", "a"], ["a", "a"]))


@pytest.mark.parametrize(
    ("ratings", "more", "says"),
    [([[1, 2]], {"scale": "interval"}, "scale"), ([1, 2], {}, "a table of"), ([[1, 9]], {"categories": [1]}, "9")],
)
def test_what_is_no_table_is_refused(ratings, more, says):
    with pytest.raises(LMIndexerError, match=says):
        agreement_table(ratings, **more)


TABLES = st.integers(2, 4).flatmap(
    lambda raters: st.lists(
        st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=raters, max_size=raters), min_size=2, max_size=8
    )
)


@given(TABLES, st.randoms(use_true_random=False))
def test_neither_order_nor_names_matter(table, random):
    swapped = [random.sample(row, len(row)) for row in random.sample(table, len(table))]
    renamed = [[{"a": "z", "b": "a", "c": "k", None: None}[value] for value in row] for row in swapped]
    for statistic in (percent_agreement, fleiss_kappa, krippendorff_alpha, gwet_ac):
        first, second = statistic(table, ["a", "b", "c"]), statistic(renamed, ["k", "a", "z"])
        assert (math.isnan(first) and math.isnan(second)) or first == pytest.approx(second, abs=1e-12)
        assert math.isnan(first) or first <= 1 + 1e-12


# ------------------------------------------------------------------------------------------------------- the table


def test_the_table_has_every_statistic_with_its_n():
    rng = np.random.default_rng(4)
    true = rng.integers(1, 6, (60, 1))
    ratings = np.clip(true + rng.integers(-1, 2, (60, 3)), 1, 5).astype(float)
    ratings[rng.random(ratings.shape) < 0.2] = np.nan
    table = agreement_table(ratings, range(1, 6), "ordinal", ["Ada", "Ben", "Cem"], resamples=300)
    assert list(table["statistic"][:6]) == [
        "percent", "Fleiss κ", "Krippendorff α (nominal)", "Gwet AC1", "Krippendorff α (ordinal)", "Gwet AC2",
    ]  # fmt: skip
    assert list(table["annotators"][6:]) == ["Ada & Ben", "Ada & Cem", "Ben & Cem"]
    assert (table["low"] < table["value"]).all() and (table["value"] < table["high"]).all()
    rated = np.isfinite(ratings).sum(1)
    assert table["units"][0] == (rated >= 2).sum() and table["ratings"][0] == rated[rated >= 2].sum()
    assert table["units"][6] == np.isfinite(ratings[:, :2]).all(1).sum()
    again = agreement_table(ratings, range(1, 6), "ordinal", ["Ada", "Ben", "Cem"], resamples=300)
    assert table.equals(again)


def test_full_agreement_is_not_certain():
    table = agreement_table([["a", "a"], ["b", "b"], ["a", "a"]], resamples=50).set_index("statistic")
    assert table.loc["percent", "value"] == 1 and table.loc["percent", "high"] == 1
    assert table.loc["percent", "low"] == pytest.approx(float(wilson(3, 3)[0]))
    assert table.loc["Cohen κ", "low"] < table.loc["percent", "low"]


def test_nothing_to_compare_gives_no_number():
    table = agreement_table([["a", None], [None, "b"]])
    assert table["value"].isna().all() and (table["units"] == 0).all()
    assert agreement_table(np.empty((0, 2)))["value"].isna().all()


def test_words_for_values():
    assert [describe(v) for v in (-0.1, 0.1, 0.3, 0.5, 0.7, 0.9)] == [
        "worse than chance", "slight", "fair", "moderate", "substantial", "almost perfect",
    ]  # fmt: skip
    assert describe(0.1, 30) == "slight"
    assert describe(0.1, 29) == describe(0.9, 3) == "too few questions for a word"


@given(st.integers(1, 12), st.integers(2, 4), st.sampled_from(["nominal", "ordinal"]), st.integers(0, 999))
@settings(max_examples=60, deadline=None)
def test_intervals_of_agreement_stay_on_their_scale(units, annotators, scale, seed):
    rng = np.random.default_rng(seed)
    ratings = np.where(rng.random((units, annotators)) < 0.9, 1, rng.integers(1, 4, (units, annotators)))
    table = agreement_table(ratings, (1, 2, 3), scale, resamples=60)
    found = table[np.isfinite(table["low"])]
    assert (found["low"] >= -1).all() and (found["high"] <= 1).all() and (found["low"] <= found["value"]).all()


def test_full_agreement_of_few_questions_does_not_leave_the_scale():
    # nine questions answered "a" by both and one answered "b": chance is .82, Wilson's bound of 10 of 10 is .722
    table = agreement_table([["a", "a"]] * 9 + [["b", "b"]], resamples=50).set_index("statistic")
    assert table.loc["Fleiss κ", "low"] == pytest.approx((float(wilson(10, 10)[0]) - 0.82) / 0.18)
    table = agreement_table([["a", "a"]] * 3 + [["b", "b"]], resamples=50).set_index("statistic")
    assert table.loc["Fleiss κ", "low"] >= -1


# ------------------------------------------------------------------------------------------------------- intervals


def test_wilson_equals_statsmodels():
    for n in (1, 7, 80, 1000):
        hits = np.arange(0, n + 1, max(n // 7, 1))
        for level in (0.9, 0.95):
            theirs = proportion_confint(hits, n, 1 - level, method="wilson")
            np.testing.assert_allclose(wilson(hits, n, level), theirs, atol=1e-12)
    assert [float(bound) for bound in wilson(0, 0)] == [0, 1]


def test_wilson_covers():
    """Exactly, over all outcomes: the mean coverage over shares is the stated one."""
    n = 80
    low, high = wilson(np.arange(n + 1), n)
    shares = np.linspace(0.1, 0.9, 81)
    cover = [binom.pmf(np.arange(n + 1), n, p)[(low <= p) & (p <= high)].sum() for p in shares]
    assert 0.945 < np.mean(cover) < 0.96 and min(cover) > 0.92


def test_clusters_that_say_nothing_new_count_once():
    same_answers = clustered_share(np.repeat([1, 0, 1, 1], 5), np.repeat(list("abcd"), 5))
    assert same_answers.effective == pytest.approx(4) and same_answers.answers == 20
    low, high = wilson(3, 4)
    assert (same_answers.low, same_answers.high) == pytest.approx((float(low), float(high)))
    assert clustered_share([1] * 6, ["a", "b", "c"] * 2).high == 1
    assert clustered_share([1, 1, 1], ["a"] * 3).effective == 1
    assert clustered_share([], []).answers == 0 and math.isnan(clustered_mean([], []).value)
    assert math.isnan(clustered_mean([3, 4], ["a", "a"]).low)


def test_right_answers_of_few_questions_count_by_question():
    found = clustered_share([1] * 50, np.repeat(np.arange(10), 5))
    assert (found.value, found.effective, found.high) == (1, 10, 1)
    assert found.low == pytest.approx(float(wilson(10, 10)[0])) and found.low < 0.73


def test_clustered_share_covers_where_answers_to_a_question_are_always_the_same():
    """Ten questions, five annotators, p = .9: exactly, over the number of questions that are right."""
    held = sum(
        binom.pmf(right, 10, 0.9)
        for right in range(11)
        if (found := clustered_share(np.repeat(np.arange(10) < right, 5), np.repeat(np.arange(10), 5))).low <= 0.9
        and found.high >= 0.9
    )
    assert held > 0.92  # it was 0.58 with the number of answers


def test_intervals_of_ratings_stay_on_their_scale():
    found = clustered_mean([5, 5, 4, 5], ["a", "a", "b", "b"], scale=(1, 5))
    half = 12.7062 * 0.25  # Student's t with one degree of freedom; the question means lie .5 apart
    assert (found.low, found.high) == (pytest.approx(4.75 - half, abs=1e-3), 5)
    same = clustered_mean([5] * 6, ["a", "a", "b", "b", "c", "c"], scale=(1, 5))
    assert same.value == 5 and math.isnan(same.low) and math.isnan(same.high)


def _answers(rng, questions: int, each: int, spread: float):
    """Shares of right answers differ by question; the mean share over all possible questions is returned too."""
    ease = rng.normal(0.9, spread, questions)
    p = 1 / (1 + np.exp(-ease))
    right = rng.random((questions, each)) < p[:, None]
    return right, np.repeat(np.arange(questions), each)


@pytest.mark.parametrize("spread", [0.0, 1.5])
def test_clustered_share_covers_at_the_stated_rate(spread):
    rng = np.random.default_rng(8)
    truth = np.mean(1 / (1 + np.exp(-np.random.default_rng(1).normal(0.9, spread, 400_000))))
    inside = plain = 0
    for _ in range(1500):
        right, question = _answers(rng, 40, 3, spread)
        found = clustered_share(right.ravel(), question)
        inside += found.low <= truth <= found.high
        low, high = wilson(right.sum(), right.size)
        plain += low <= truth <= high
    assert 0.935 <= inside / 1500 <= 0.975
    if spread:
        assert plain / 1500 < 0.92  # which is why clusters are respected


def test_clustered_mean_covers_at_the_stated_rate():
    rng = np.random.default_rng(3)
    inside = 0
    for _ in range(1500):
        values = (rng.normal(3.4, 0.8, (30, 1)) + rng.normal(0, 0.6, (30, 2))).ravel()
        found = clustered_mean(values, np.repeat(np.arange(30), 2))
        inside += found.low <= 3.4 <= found.high
    assert 0.935 <= inside / 1500 <= 0.965


def test_bca_by_hand():
    resampled = np.linspace(-1, 1, 2001)  # symmetric around the estimate, no skew: percentiles
    low, high = bca(0.0, resampled, np.array([-1.0, 0.0, 1.0]))
    assert (low, high) == pytest.approx((-0.95, 0.95), abs=0.005)
    assert all(math.isnan(bound) for bound in bca(0.0, [math.nan] * 9, [0.0]))


@pytest.mark.long
@pytest.mark.parametrize("statistic", ["Krippendorff α (nominal)", "Gwet AC1", "Fleiss κ", "Cohen κ", "percent"])
def test_agreement_intervals_cover_at_the_stated_rate(statistic):
    inside, studies = coverage(statistic)
    assert 0.925 <= inside / studies <= 0.975, (statistic, inside / studies)


def coverage(statistic: str, studies: int = 400, units: int = 60) -> tuple[int, int]:
    """Simulated studies of two annotators whose interval holds the value of a very large study."""
    rng = np.random.default_rng(21)

    def drawn(number):
        true = rng.choice([1, 2, 3], number, p=[0.5, 0.3, 0.2])
        ratings = np.where(rng.random((number, 2)) < 0.75, true[:, None], rng.integers(1, 4, (number, 2))).astype(float)
        ratings[rng.random((number, 2)) < 0.05] = np.nan
        return ratings

    truth = _only(drawn(200_000), statistic)
    inside = 0
    for number in range(studies):
        table = agreement_table(drawn(units), [1, 2, 3], resamples=400, seed=number)
        found = table.set_index("statistic").loc[statistic]
        inside += found["low"] <= truth <= found["high"]
    return inside, studies


def _only(ratings, statistic):
    return {
        "percent": percent_agreement, "Fleiss κ": fleiss_kappa, "Gwet AC1": gwet_ac,
        "Krippendorff α (nominal)": krippendorff_alpha, "Cohen κ": lambda table, c: cohen_kappa(*table.T, c),
    }[statistic](ratings, [1, 2, 3])  # fmt: skip
