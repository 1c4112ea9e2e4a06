"""Diagnostics against numbers worked out by hand, slow loops, scikit-learn, and their invariants."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import f1_score

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality import diagnostics

K = 4
columns = hnp.arrays(np.int64, st.integers(1, 60), elements=st.integers(0, K - 1))
tables = hnp.arrays(np.int64, st.tuples(st.integers(1, 25), st.integers(1, 3)), elements=st.integers(0, K - 1))
tables_with_gaps = hnp.arrays(
    np.int64, st.tuples(st.integers(1, 25), st.integers(1, 3)), elements=st.integers(-1, K - 1)
)


# -- slow references, as the definitions read --------------------------------------------------------------


def slow_perplexity(codes):
    shares = [list(codes).count(code) / len(codes) for code in set(codes)]
    return math.exp(-sum(share * math.log(share) for share in shares))


def groups_of(table):
    groups = {}
    for row in table.tolist():
        if row[-1] >= 0:
            groups.setdefault(tuple(row[:-1]), []).append(row[-1])
    return list(groups.values())


def slow_within_prefix_perplexity(table):
    groups = [group for group in groups_of(table) if len(group) > 1]
    if not groups:
        return None
    return sum(len(group) * slow_perplexity(group) for group in groups) / sum(map(len, groups))


def slow_diff_ratio(table, neighbours):
    """Every possible draw of neighbours, one by one."""
    ratios = []
    for group in groups_of(table):
        m = min(neighbours, len(group) - 1)
        for place, code in enumerate(group):
            others = group[:place] + group[place + 1 :]
            if m:
                draws = [len({code, *draw}) / (m + 1) for draw in itertools.combinations(others, m)]
                ratios.append(sum(draws) / len(draws))
    return sum(ratios) / len(ratios) if ratios else None


def slow_diff_ratio_released(table, neighbours):
    rows = [row for row in table.tolist() if row[-1] >= 0]
    ratios = []
    for place, row in enumerate(rows):
        pool = [other[-1] for at, other in enumerate(rows) if at != place and other[:-1] == row[:-1]][:neighbours]
        drawn = [pool[n % len(pool)] if pool else row[-1] for n in range(neighbours)]
        ratios.append(len({row[-1], *drawn}) / (1 + neighbours))
    return sum(ratios) / len(ratios) if ratios else None


# -- perplexity --------------------------------------------------------------------------------------------


def test_perplexity_by_hand():
    assert diagnostics.perplexity(np.array([0, 1, 2, 3]), 4) == pytest.approx(4)
    assert diagnostics.perplexity(np.array([7, 7, 7])) == 1.0
    # shares 1/2, 1/4, 1/4: H = 1.5 ln 2
    assert diagnostics.perplexity(np.array([0, 0, 1, 2])) == pytest.approx(2**1.5)
    assert diagnostics.perplexity(np.array([0, -1, 0, -1])) == 1.0
    assert diagnostics.perplexity(np.array([-1, -1])) is None
    assert diagnostics.perplexity(np.array([], dtype=int)) is None


def test_perplexity_refuses_codes_that_the_codebook_lacks():
    with pytest.raises(LMIndexerError, match="Code 4 does not fit a codebook of 4"):
        diagnostics.perplexity(np.array([0, 4]), 4)
    with pytest.raises(LMIndexerError, match=r"the shape \[documents\]"):
        diagnostics.perplexity(np.zeros((2, 2), int))


@given(columns, st.randoms(use_true_random=False))
def test_perplexity_lies_between_one_and_the_used_codes_and_ignores_order_and_names(codes, random):
    value = diagnostics.perplexity(codes, K)
    assert value == pytest.approx(slow_perplexity(codes.tolist()))
    assert 1 <= value <= diagnostics.used_codes(codes) + 1e-9 <= K + 1e-9
    shuffled = codes.tolist()
    random.shuffle(shuffled)
    assert diagnostics.perplexity(np.array(shuffled)) == pytest.approx(value)
    assert diagnostics.perplexity(K - 1 - codes) == pytest.approx(value)


@given(columns)
def test_used_codes_are_the_distinct_ones(codes):
    assert diagnostics.used_codes(codes) == len(set(codes.tolist()))


def test_within_prefix_perplexity_by_hand():
    # prefix 0: three documents, codes 0, 1, 2, perplexity 3; prefix 1: two documents, one code, perplexity 1;
    # prefix 2: a single document, which cannot differ from anybody
    table = np.array([[0, 0], [0, 1], [0, 2], [1, 5], [1, 5], [2, 3]])
    assert diagnostics.within_prefix_perplexity(table) == pytest.approx((3 * 3 + 2 * 1) / 5)
    assert diagnostics.within_prefix_perplexity(np.array([[0, 1], [1, 1]])) is None


@given(tables_with_gaps)
def test_within_prefix_perplexity_equals_the_loop(table):
    assert diagnostics.within_prefix_perplexity(table) == pytest.approx(slow_within_prefix_perplexity(table))


@given(columns.filter(lambda codes: len(codes) > 1))
def test_without_a_prefix_both_perplexities_are_one_thing(codes):
    inside = diagnostics.within_prefix_perplexity(codes[:, None])
    assert inside == pytest.approx(diagnostics.perplexity(codes))


@given(columns.filter(lambda codes: len(codes) > len(set(codes.tolist()))))
def test_a_position_that_repeats_its_prefix_has_within_prefix_perplexity_one(codes):
    assert diagnostics.within_prefix_perplexity(np.column_stack([codes, codes])) == 1.0


# -- diff ratio --------------------------------------------------------------------------------------------


def test_diff_ratio_by_hand():
    # Prefix 0 holds codes 0, 0, 1; H = 1 draws one of the two others.
    # A document with code 0 meets 0 or 1 evenly: (1/2 + 1) / 2 = 3/4; the one with code 1 always differs: 1.
    table = np.array([[0, 0], [0, 0], [0, 1], [1, 9]])
    assert diagnostics.diff_ratio(table, neighbours=1) == pytest.approx((3 / 4 + 3 / 4 + 1) / 3)
    # H = 4 takes both others: two distinct codes among three documents for each.
    assert diagnostics.diff_ratio(table, neighbours=4) == pytest.approx(2 / 3)
    assert diagnostics.diff_ratio(np.array([[0, 1], [1, 1]])) is None
    assert diagnostics.diff_ratio(np.array([[0, -1], [0, 1]])) is None


def test_released_diff_ratio_by_hand():
    # H = 2. Document 0 meets 1 and 2, document 1 meets 0 and 2, documents 2 and 3 meet 0 and 1.
    table = np.array([[0, 5], [0, 5], [0, 6], [0, 7]])
    assert diagnostics.diff_ratio_released(table, 2) == pytest.approx((2 + 2 + 2 + 2) / 3 / 4)
    # A document alone is compared with copies of itself, one with a single neighbour meets it H times.
    assert diagnostics.diff_ratio_released(np.array([[0, 1]]), 4) == pytest.approx(1 / 5)
    assert diagnostics.diff_ratio_released(np.array([[0, 1], [0, 2]]), 4) == pytest.approx(2 / 5)
    assert diagnostics.diff_ratio_released(np.zeros((0, 2), int)) is None


@given(tables_with_gaps.filter(lambda table: len(table) <= 12), st.integers(1, 5))
def test_diff_ratio_is_the_mean_over_every_possible_draw(table, neighbours):
    assert diagnostics.diff_ratio(table, neighbours) == pytest.approx(slow_diff_ratio(table, neighbours))


@given(tables_with_gaps, st.integers(1, 5))
def test_released_diff_ratio_equals_the_loop(table, neighbours):
    expected = slow_diff_ratio_released(table, neighbours)
    assert diagnostics.diff_ratio_released(table, neighbours) == pytest.approx(expected)


@given(tables, st.integers(1, 5), st.randoms(use_true_random=False))
def test_diff_ratio_is_bounded_and_ignores_the_order_of_documents(table, neighbours, random):
    value = diagnostics.diff_ratio(table, neighbours)
    order = list(range(len(table)))
    random.shuffle(order)
    assert diagnostics.diff_ratio(table[order], neighbours) == pytest.approx(value)
    if value is not None:
        assert 1 / (neighbours + 1) - 1e-9 <= value <= 1 + 1e-9


@given(tables, st.integers(1, 5), st.integers(0, 9))
def test_one_draw_is_bounded_and_exact_where_everybody_is_drawn(table, neighbours, seed):
    drawn = diagnostics.diff_ratio(table, neighbours, seed=seed)
    exact = diagnostics.diff_ratio(table, neighbours)
    if exact is None:
        assert drawn is None
        return
    assert 1 / (neighbours + 1) - 1e-9 <= drawn <= 1 + 1e-9
    assert diagnostics.diff_ratio(table, neighbours, seed=seed) == drawn
    if max(map(len, groups_of(table))) <= neighbours + 1:
        assert drawn == pytest.approx(exact)


def test_draws_scatter_around_the_exact_value():
    random = np.random.default_rng(3)
    table = random.integers(0, (3, 6), (200, 2))
    draws = [diagnostics.diff_ratio(table, 4, seed=seed) for seed in range(200)]
    assert np.std(draws) > 0
    assert np.mean(draws) == pytest.approx(diagnostics.diff_ratio(table, 4), abs=4 * np.std(draws) / 200**0.5)


def test_diff_ratio_refuses_no_neighbours_and_wrong_shapes():
    for measure in (diagnostics.diff_ratio, diagnostics.diff_ratio_released):
        with pytest.raises(LMIndexerError, match="at least one neighbour"):
            measure(np.array([[0, 1]]), neighbours=0)
        with pytest.raises(LMIndexerError, match=r"\[documents, positions\]"):
            measure(np.array([0, 1]))


# -- consistency and F1 ------------------------------------------------------------------------------------


def test_consistency_by_hand():
    now = np.array([[1, 2], [1, 3], [4, 2], [0, 0]])
    stored = np.array([[1, 2], [1, 2], [0, 2], [0, 0]])
    assert diagnostics.id_consistency(now, stored) == 0.5
    assert diagnostics.id_consistency(now[:0], stored[:0]) is None
    with pytest.raises(LMIndexerError, match="cannot be compared"):
        diagnostics.id_consistency(now, stored[:2])


def test_mean_f1_by_hand():
    # type 1: predicted twice, true once, one hit, F1 = 2/3; type 2: never predicted, F1 = 0; type 3: F1 = 1
    hits, occurrences = np.array([0, 1, 0, 1]), np.array([0, 3, 1, 2])
    assert diagnostics.mean_f1(hits, occurrences) == pytest.approx((2 / 3 + 0 + 1) / 3)
    assert diagnostics.mean_f1(np.zeros(2), np.zeros(2)) is None


@given(hnp.arrays(np.int64, st.tuples(st.integers(1, 80), st.just(2)), elements=st.integers(0, 30)))
def test_mean_f1_equals_scikit_learns(pairs):
    predicted, true = pairs.T
    hits = np.bincount(true[predicted == true], minlength=31)
    occurrences = np.bincount(predicted, minlength=31) + np.bincount(true, minlength=31)
    expected = f1_score(true, predicted, average="macro")
    assert diagnostics.mean_f1(hits, occurrences) == pytest.approx(expected)


# -- collisions --------------------------------------------------------------------------------------------


def test_collisions_by_hand():
    codes = [[0, 1], [0, 1], [0, 2], [3, 3], [3, 3], [3, 3]]
    found = diagnostics.collisions(SemanticIDs.from_codes(list("abcdef"), codes, (4, 4)))
    assert found == diagnostics.Collisions(
        documents=6,
        colliding_documents=5,
        groups=2,
        largest_group=3,
        unique_share=1 / 6,
        distinct_prefixes=(2, 3),
        sizes={1: 1, 2: 1, 3: 1},
    )


def test_collisions_without_documents():
    found = diagnostics.collisions(SemanticIDs.from_codes([], np.zeros((0, 1), int), (4,)))
    assert (found.largest_group, found.unique_share, found.sizes) == (0, None, {})


@given(tables)
def test_collision_counts_add_up(table):
    ids = SemanticIDs.from_codes([str(row) for row in range(len(table))], table, (K,) * table.shape[1])
    found = diagnostics.collisions(ids)
    assert sum(size * number for size, number in found.sizes.items()) == found.documents == len(table)
    assert found.colliding_documents == round(len(table) * (1 - found.unique_share))
    assert sum(found.sizes.values()) == found.distinct_prefixes[-1]
    assert found.largest_group == ids.suffix.max() + 1
    assert list(found.distinct_prefixes) == sorted(found.distinct_prefixes)


# -- words about a collapse --------------------------------------------------------------------------------


def test_a_collapse_is_said_in_words_with_its_bound():
    words = diagnostics.diagnose(6.3, 64, 1000, "discrete", 2)
    assert words.startswith("Position 2 has collapsed at the end of stage 'discrete': perplexity 6.30")
    assert "less than 6.4" in words
    assert "k-means" in words
    assert diagnostics.diagnose(6.5, 64, 1000, "discrete", 2) is None


def test_the_bound_follows_the_smaller_of_codebook_and_corpus():
    assert diagnostics.diagnose(4.0, 512, 30, "continuous", 1) is None
    assert "can reach 30" in diagnostics.diagnose(2.9, 512, 30, "continuous", 1)


def test_one_code_for_all_is_a_collapse_in_any_codebook():
    assert "perplexity 1.00" in diagnostics.diagnose(1.0, 4, 100, "codebook_init", 1)
    assert diagnostics.diagnose(1.2, 4, 100, "codebook_init", 1) is None
    assert diagnostics.diagnose(1.0, 4, 1, "discrete", 1) is None  # one document has one code
    assert diagnostics.diagnose(None, 4, 100, "discrete", 1) is None


def test_each_stage_has_its_own_advice():
    stages = ("reconstructor_warmup", "continuous", "codebook_init", "discrete")
    assert len({diagnostics.diagnose(1.0, 64, 100, stage, 1).split("What to try")[1] for stage in stages}) == 4
    assert "What to try" in diagnostics.diagnose(1.0, 64, 100, "another stage", 1)
