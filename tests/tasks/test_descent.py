"""One input's way down the tree beside the right documents' ways."""

import numpy as np
import pytest
import torch

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.tasks.decoding import DecodingTree, Filter, all_scores, descend, where_lost


class Table:
    """A scorer whose log P of a child hangs on its node alone: softmax over each prefix's children."""

    queries, normalised = 1, True

    def __init__(self, tree, seed: int = 0):
        self.logits = torch.randn(len(tree), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)

    def begin(self):
        return None

    def advance(self, state, rows, nodes, level):
        return None

    def score(self, state, edges):
        logits = self.logits[edges.node]
        parts = [logits[a:b].log_softmax(0) for a, b in zip(edges.offsets[:-1], edges.offsets[1:], strict=True)]
        return torch.cat(parts)


@pytest.fixture(scope="module")
def tree():
    codes = np.random.default_rng(0).integers(0, 4, (60, 3))
    codes[::9, 2] = -1
    return DecodingTree.from_ids(SemanticIDs.from_codes([f"d{n}" for n in range(60)], codes, (4, 4, 4)))


@pytest.mark.parametrize("width", [1, 3, 10])
def test_right_paths_are_lost_where_where_lost_says(tree, width):
    scorer, right = Table(tree), [3, 17, 9, 54]
    way = descend(scorer, tree, width, right, top=5)
    for document in right:
        (row,) = where_lost(scorer, tree, torch.tensor([document]), width).itertuples()
        assert way.lost[document] == row.lost
        ranked = way.ranking.set_index("document").loc[document]
        assert (ranked["beam_rank"], ranked["exact_rank"]) == (row.beam_rank, row.exact_rank)
        assert ranked["score"] == pytest.approx(row.score)
    own = way.steps[way.steps["right"]]
    assert (own.groupby("position").size() <= len(right)).all() and set(own["position"]) == {1, 2, 3, 4}
    assert way.steps[way.steps["kept"]].groupby("position").size().max() <= width
    assert not way.steps.duplicated("prefix").any()


def test_every_branch_has_the_sum_along_its_own_prefixes(tree):
    steps = descend(Table(tree), tree, 3, [17]).steps.set_index("prefix")
    for prefix, row in steps.iterrows():
        before = 0.0 if len(prefix) == 1 else steps.loc[[prefix[:-1]], "score"].iloc[0]
        assert row["score"] == pytest.approx(before + row["log_probability"], abs=1e-5)


def test_what_the_filter_forbids_is_not_found_and_the_rest_moves_up(tree):
    scorer = Table(tree)
    best = int(all_scores(scorer, tree)[0].argmax())
    assert descend(scorer, tree, 5, [best]).ranking["document"][0] == best
    way = descend(scorer, tree, 5, [best], keep=Filter(tree, [[best]]))
    ranked = way.ranking.set_index("document").loc[best]
    assert way.lost[best] and ranked["exact_rank"] == 0 and ranked["beam_rank"] == 0
    assert (way.ranking["exact_rank"] > 0).sum() >= 10


def test_a_beam_without_width_is_refused(tree):
    with pytest.raises(LMIndexerError, match="width"):
        descend(Table(tree), tree, 0)
