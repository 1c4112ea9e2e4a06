"""One search to look at: its beam and its exact ranking against brute force over every ID, with variable depth."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.trie import IDTrie
from lmindexer.tasks.decoding import beam_course, greedy_steps, rank_all


class Table:
    """log P of the next code, a fixed random number for each prefix."""

    def __init__(self, sizes, seed: int):
        self.sizes, self.seed, self.asked = sizes, seed, []

    def log_probabilities(self, prefixes):
        self.asked.append(prefixes.shape)
        rows = []
        for prefix in prefixes.tolist():
            rng = np.random.default_rng([self.seed, len(prefix), *prefix])
            logits = rng.normal(size=self.sizes[len(prefix)]) * 2
            rows.append(logits - np.log(np.exp(logits).sum()))
        return np.array(rows)


def brute_force(scorer, codes):
    """{codes: score}, each ID scored on its own, code by code."""
    scores = {}
    for row in {tuple(int(c) for c in row if c >= 0) for row in codes}:
        score = 0.0
        for position, code in enumerate(row):
            prefix = np.array(row[:position], dtype=np.int64).reshape(1, position)
            score += scorer.log_probabilities(prefix)[0, code]
        scores[row] = score
    return scores


def some_codes(seed: int, documents: int = 60, sizes=(4, 3, 5)):
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, size, documents) for size in sizes])
    short = rng.random(documents) < 0.3
    codes[short, 2] = -1
    codes[short & (rng.random(documents) < 0.4), 1] = -1
    return codes


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_exact_ranking_is_brute_force(seed):
    codes = some_codes(seed)
    scorer = Table((4, 3, 5), seed)
    ranked = rank_all(scorer, IDTrie(codes), batch=3)
    expected = brute_force(scorer, codes)
    found = {tuple(c for c in path if c >= 0): score for path, score in zip(ranked.codes, ranked.score, strict=True)}
    assert found.keys() == expected.keys()
    for path, score in expected.items():
        assert found[path] == pytest.approx(score)
    assert (np.diff(ranked.score) <= 0).all()
    assert sorted(np.concatenate(ranked.documents.tolist()).tolist()) == list(range(len(codes)))


@pytest.mark.parametrize("depth", [0, 1, 2])
def test_exact_ranking_where_all_ids_end_early(depth):
    """No ID reaches the last positions: the tree has leaves above its codebooks' number, and all are ranked."""
    codes = np.where(np.arange(3) < depth, some_codes(5), -1)
    codes[codes[:, 0] >= 0, 1] = np.where(depth > 1, np.abs(codes[codes[:, 0] >= 0, 1]), -1)
    scorer = Table((4, 3, 5), 5)
    ranked, expected = rank_all(scorer, IDTrie(codes)), brute_force(scorer, codes)
    found = {tuple(c for c in path if c >= 0): score for path, score in zip(ranked.codes, ranked.score, strict=True)}
    assert found == pytest.approx(expected) and len(ranked) == len(expected)
    assert sorted(np.concatenate(ranked.documents.tolist()).tolist()) == list(range(len(codes)))
    assert all(len(path) == depth for path in found)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000))
def test_beam_as_wide_as_the_tree_is_exact(seed):
    codes = some_codes(seed)
    trie, scorer = IDTrie(codes), Table((4, 3, 5), seed)
    exact, beam = rank_all(scorer, trie), beam_course(scorer, trie, width=200)
    assert beam.paths.codes.tolist() == exact.codes.tolist()
    assert np.allclose(beam.paths.score, exact.score)


def test_beam_only_spells_ids_that_exist_and_keeps_the_best():
    codes = some_codes(3)
    trie, scorer = IDTrie(codes), Table((4, 3, 5), 3)
    beam = beam_course(scorer, trie, width=2)
    existing = {tuple(int(c) for c in row if c >= 0) for row in codes}
    assert len(beam.paths) == 2 and set(beam.paths.codes) <= existing
    for _, step in beam.steps.groupby("position"):
        assert step.kept.sum() <= 2
        kept, left = step[step.kept].score, step[~step.kept].score
        assert kept.empty or left.empty or kept.min() >= left.max()
    first = beam.steps[beam.steps.position == 1]
    assert first.documents.sum() == len(codes)
    for path, documents in zip(beam.paths.codes, beam.paths.documents, strict=True):
        assert all(tuple(c for c in codes[d].tolist() if c >= 0) == path for d in documents)


def test_one_call_a_position_for_the_beam():
    scorer = Table((4, 3, 5), 0)
    beam_course(scorer, IDTrie(some_codes(0)), width=4)
    assert [shape[1] for shape in scorer.asked] == [0, 1, 2] and max(shape[0] for shape in scorer.asked) <= 4


def test_greedy_steps_name_the_own_code_even_when_it_is_unlikely():
    scorer = Table((6, 6), 1)
    p = np.exp(scorer.log_probabilities(np.zeros((1, 0), dtype=np.int64))[0])
    unlikely = int(np.argmin(p))
    steps = greedy_steps(scorer, [unlikely, 2, -1], top=3)
    own = steps[steps.chosen]
    assert own.code.tolist() == [unlikely, 2] and own["rank"].iloc[0] == 6
    first = steps[(steps.position == 1) & ~steps.chosen]
    assert first.probability.tolist() == pytest.approx(sorted(p, reverse=True)[:3])


def test_a_beam_of_no_width_is_an_error():
    with pytest.raises(LMIndexerError, match="at least one path"):
        beam_course(Table((4,), 0), IDTrie(np.array([[1]])), width=0)
