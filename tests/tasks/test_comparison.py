"""Methods side by side: paired bootstrap against scipy's, sign flips, tables over seeds."""

import numpy as np
import pytest
from scipy import stats

from lmindexer.common.errors import SettingsError
from lmindexer.tasks.comparison import Evaluation, compare_scores, drawn_means, interval


def two_methods(queries=400, seed=0):
    rng = np.random.default_rng(seed)
    first = (rng.random(queries) < 0.30).astype(float)
    second = np.where(rng.random(queries) < 0.2, 0.0, first)  # hits lost, none won
    return first, second


def test_interval_equals_scipys_percentile_bootstrap():
    values = two_methods()[0]
    low, high = interval([values], draws=3000)
    oracle = stats.bootstrap((values,), np.mean, n_resamples=3000, method="percentile", rng=1).confidence_interval
    assert (low, high) == pytest.approx((oracle.low, oracle.high), abs=0.01)


def test_draws_are_the_same_for_all_rows():
    values = two_methods()[0]
    first, second = drawn_means(np.stack([values, values + 1]), 20)
    assert second == pytest.approx(first + 1)


def test_a_real_difference_is_found_and_chance_is_not():
    first, second = two_methods()
    chance = np.random.default_rng(5).permutation(first)
    found = {one.second: one for one in compare_scores({"a": [first], "b": [second], "c": [chance]}, "a")}
    assert found["b"].difference == pytest.approx(first.mean() - second.mean())
    assert found["b"].low > 0 and found["b"].p_holm < 0.01
    assert found["c"].low < 0 < found["c"].high and found["c"].p > 0.05
    assert found["b"].p_holm == pytest.approx(2 * found["b"].p)


def test_equal_methods_have_p_one():
    values = two_methods()[0]
    (found,) = compare_scores({"a": [values], "b": [values]}, "a")
    assert (found.difference, found.p) == (0.0, 1.0)


def test_seeds_are_averaged_and_their_spread_is_shown():
    first, second = two_methods()
    found = Evaluation("a task", ("Hit@1",))
    for values in (first, second):
        found.add("both", {"all": {"Hit@1": values}}, seconds=10.0)
    found.add("one", {"all": {"Hit@1": first}}, seconds=30.0)
    table = found.table().set_index("method")
    means = [first.mean(), second.mean()]
    assert table.loc["both", "Hit@1"] == pytest.approx(np.mean(means))
    assert table.loc["both", "Hit@1 sd"] == pytest.approx(np.std(means, ddof=1))
    assert table.loc["both", "seeds"] == 2 and np.isnan(table.loc["one", "Hit@1 sd"])
    assert table.loc["one", "Hit@1 low"] < first.mean() < table.loc["one", "Hit@1 high"]
    assert found.compare("one")["difference"].item() == pytest.approx(first.mean() - np.mean(means))
    assert "both" in repr(found) and "<table" in found._repr_html_()


def test_joined_evaluations_hold_the_seeds_of_both():
    first, second = two_methods()
    one, other = (Evaluation("a task", ("Hit@1",)) for _ in range(2))
    one.add("m", {"all": {"Hit@1": first}})
    other.add("m", {"all": {"Hit@1": second}})
    assert len(one.join(other).seeds_of("m", "Hit@1")) == 2 and len(one.seeds_of("m", "Hit@1")) == 1


def test_unknown_methods_and_metrics_are_named():
    found = Evaluation("a task", ("Hit@1",))
    found.add("m", {"all": {"Hit@1": np.ones(3)}})
    with pytest.raises(SettingsError, match="no results of 'n'; give one of m"):
        found.compare("n")
    with pytest.raises(SettingsError, match="Hit@2 was not measured; give one of Hit@1"):
        found.seeds_of("m", "Hit@2")
