"""Beam, threshold search and all scores against plain enumeration on small trees, with filters and uneven IDs."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

import lmindexer as lmi
from lmindexer.common.errors import LMIndexerError
from lmindexer.tasks import decoding
from lmindexer.tasks.decoding import DecodingTree, Filter


class NodeTable:
    """A random number for each query and node; checks that decoding hands every row its own state."""

    def __init__(
        self,
        tree,
        queries: int,
        seed: int,
        normalised: bool = True,
        whole_levels: bool = False,
        tied=False,
        grids: bool = False,
    ):
        self.grids = grids
        self.tree, self.queries, self.normalised, self.asked = tree, queries, normalised, []
        generator = torch.Generator().manual_seed(seed)
        self.logits = torch.randn(queries, len(tree), generator=generator, dtype=torch.float64) * 2
        if tied:
            self.logits = self.logits.round()
        if whole_levels:
            self.level_scores = lambda level: self.log_p()[:, tree.level_start[level] : tree.level_start[level + 1]]

    def log_p(self):
        """[B, nodes], by a plain loop over prefixes."""
        answer = torch.zeros_like(self.logits)
        for node in range(self.tree.level_start[-2]):
            children = slice(int(self.tree.first_child[node]), int(self.tree.first_child[node + 1]))
            if self.normalised:
                answer[:, children] = self.logits[:, children].log_softmax(1)
            else:
                answer[:, children] = -self.logits[:, children].abs()
        return answer

    def begin(self):
        return torch.arange(self.queries), torch.zeros(self.queries, dtype=torch.long)

    def advance(self, state, rows, nodes, level):
        assert (self.tree.parent[nodes].long() == state[1][rows]).all()
        return state[0][rows], nodes

    def score(self, state, edges):
        assert (state[0] == edges.query).all() and (state[1] == edges.parent).all()
        assert (self.tree.parent[edges.node].long() == edges.parent[edges.row]).all()
        assert edges.width is None or self.grids
        self.asked.append((edges.level, len(edges.parent)))
        return edges.masked(self.log_p()[edges.query[edges.row], edges.node])


def some_ids(seed: int, documents: int = 40, sizes=(3, 4, 3), uneven: bool = True):
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, size, documents) for size in sizes])
    if uneven:
        codes[rng.random(documents) < 0.3, 2] = -1
        codes[(codes[:, 2] == -1) & (rng.random(documents) < 0.4), 1] = -1
    return lmi.SemanticIDs.from_codes([str(i) for i in range(documents)], codes, sizes)


def enumerated(scorer, tree):
    """[B, N] scores of all documents, each path added up by itself."""
    log_p = scorer.log_p()
    rows = []
    for document in range(len(tree.documents)):
        node, total = int(tree.leaf[document]), torch.zeros(scorer.queries, dtype=torch.float64)
        while node:
            total = total + log_p[:, node]
            node = int(tree.parent[node])
        rows.append(total)
    return torch.stack(rows, 1)


def best(scores, tree, k, allowed):
    """The k best allowed documents, equal scores in the order of the IDs."""
    found = []
    place = {int(document): i for i, document in enumerate(tree.documents)}
    for query, row in enumerate(scores):
        some = [d for d in range(len(row)) if allowed[query, d]]
        some.sort(key=lambda d: (-round(float(row[d]), 6), place[d]))
        found.append(some[:k] + [-1] * (k - len(some)))
    return torch.tensor(found)


cases = st.fixed_dictionaries(
    {"seed": st.integers(0, 9999), "k": st.integers(1, 12), "normalised": st.booleans(), "uneven": st.booleans(),
     "suffix": st.booleans(), "grids": st.booleans(),
     "filtered": st.sampled_from(["no", "exclude", "allow", "both", "lines"])}
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(cases)
def test_threshold_search_and_a_wide_beam_equal_enumeration(case):
    tree = DecodingTree.from_ids(some_ids(case["seed"], uneven=case["uneven"]), suffix=case["suffix"])
    scorer = NodeTable(tree, 3, case["seed"], case["normalised"], grids=case["grids"])
    scores = enumerated(scorer, tree)
    rng = np.random.default_rng(case["seed"])
    exclude = [rng.integers(0, 40, rng.integers(0, 60)) for _ in range(3)]
    allow = torch.from_numpy(rng.random((3 if case["filtered"] == "lines" else 1, 40)) < 0.4)
    use = {"exclude": (exclude, None), "allow": (None, allow[0]), "both": (exclude, allow[0]), "lines": (None, allow)}
    given_, keep = use.get(case["filtered"]), None
    allowed = torch.ones(3, 40, dtype=torch.bool)
    if given_ is not None:
        keep = Filter(tree, *given_)
        allowed = allowed & allow if given_[1] is not None else allowed
        for query, some in enumerate(given_[0] or []):
            allowed[query, torch.from_numpy(some)] = False
    expected = best(scores, tree, case["k"], allowed)
    exact = decoding.exact_top(scorer, tree, case["k"], width=1, keep=keep)
    beam = decoding.beam_search(scorer, tree, case["k"], width=100, keep=keep)
    assert exact.documents.tolist() == beam.documents.tolist() == expected.tolist()
    real = expected >= 0
    assert torch.allclose(exact.scores[real], scores.gather(1, expected.clamp(min=0))[real])
    assert (exact.scores[~real] == -torch.inf).all()


def by_hand(scorer, tree, query: int, width: int, allowed) -> list[tuple[float, int]]:
    """(score, leaf node) of a beam that is kept in a plain list; of equal scores the smaller codes stay."""
    log_p, kept = scorer.log_p(), [(0.0, 0)]
    for _ in range(tree.depth):
        ways = [
            (score + float(log_p[query, child]), child)
            for score, node in kept
            for child in range(int(tree.first_child[node]), int(tree.first_child[node + 1]))
            if allowed[tree.documents[int(tree.first_leaf[child]) : int(tree.last_leaf[child])].long()].any()
        ]
        kept = sorted(ways, key=lambda way: (-round(way[0], 9), way[1]))[:width]
    return kept


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 9999), width=st.integers(1, 12), normalised=st.booleans(), tied=st.booleans(),
    filtered=st.booleans(), layout=st.sampled_from(["list", "grid", "grid where dense"]),
)  # fmt: skip
def test_a_narrow_beam_keeps_what_a_beam_by_hand_keeps(seed, width, normalised, tied, filtered, layout):
    tree = DecodingTree.from_ids(some_ids(seed, documents=60, sizes=(3, 9, 4)))
    scorer = NodeTable(tree, 3, seed, normalised, tied=tied and not normalised, grids=layout != "list")
    allow = torch.from_numpy(np.random.default_rng(seed).random((3, 60)) < (0.3 if filtered else 1.0))
    with pytest.MonkeyPatch.context() as patch:
        if layout == "grid where dense":
            patch.setattr(decoding.edges, "SMALL_GRID", 0)
            patch.setattr(decoding.edges, "SPARSE", 1.5)
        found = decoding.beam_search(scorer, tree, width, width, Filter(tree, allow=allow) if filtered else None)
    for query in range(3):
        kept = by_hand(scorer, tree, query, width, allow[query])
        expected = {int(tree.documents[int(tree.first_leaf[node])]): score for score, node in kept}
        documents = [document for document in found.documents[query].tolist() if document >= 0]
        assert sorted(documents) == sorted(expected)
        assert found.scores[query, : len(documents)].tolist() == pytest.approx([expected[d] for d in documents])


def test_a_grid_and_a_list_hold_the_same_edges():
    tree = DecodingTree.from_ids(some_ids(9))
    nodes = torch.arange(*tree.level_start[1:3]).repeat(2)
    query = torch.arange(2).repeat_interleave(len(nodes) // 2)
    flat, grid = (tree.edges(nodes, query, 2, grid=grid) for grid in (False, True))
    assert flat.width is None and grid.width == int(grid.counts.max()) and grid.missing.any()
    there = grid.existing
    for name in ("row", "node", "code"):
        assert torch.equal(getattr(grid, name)[there], getattr(flat, name))
    assert [torch.equal(*parts) for parts in zip(grid.ends(there), flat.ends(torch.arange(len(flat))), strict=True)]
    logits = torch.randn(len(tree))
    alike = [decoding.segment_log_softmax(logits[edges.node], edges) for edges in (flat, grid)]
    assert torch.allclose(alike[1][there], alike[0], atol=1e-6) and (alike[1].exp().sum() - len(nodes)).abs() < 1e-4
    some = torch.tensor([0, 3])
    assert torch.equal(grid.take(some).node, grid.node.view(-1, grid.width)[some].flatten())
    assert torch.equal(flat.take(some).node, flat.node[(flat.row == 0) | (flat.row == 3)])


@pytest.mark.parametrize("whole_levels", [False, True])
def test_all_scores_are_enumeration_and_sum_to_one(whole_levels):
    tree = DecodingTree.from_ids(some_ids(1))
    scorer = NodeTable(tree, 4, 1, whole_levels=whole_levels)
    scores = decoding.all_scores(scorer, tree)
    assert torch.allclose(scores.double(), enumerated(scorer, tree), atol=1e-5)
    assert torch.allclose(scores.exp().sum(1), torch.ones(4, dtype=scores.dtype), atol=1e-5)


def test_blocks_of_queries_change_nothing(monkeypatch):
    tree = DecodingTree.from_ids(some_ids(2))
    scorer = NodeTable(tree, 7, 2)
    whole, ranked = decoding.all_scores(scorer, tree), decoding.exact_top(scorer, tree, 50)
    monkeypatch.setattr(decoding.search, "BLOCK", 20)
    assert torch.equal(decoding.all_scores(scorer, tree), whole)
    assert torch.equal(decoding.exact_top(scorer, tree, 50).documents, ranked.documents)


def test_a_narrow_beam_gives_existing_ids_and_never_runs_out_under_a_filter():
    ids = some_ids(3)
    tree = DecodingTree.from_ids(ids)
    scorer = NodeTable(tree, 5, 3)
    plain = decoding.beam_search(scorer, tree, k=10, width=10)
    seen = [plain.documents[query].numpy() for query in range(5)]  # leave out just what it would have answered
    found = decoding.beam_search(scorer, tree, k=10, width=10, keep=Filter(tree, exclude=seen))
    assert (plain.documents >= 0).all() and (found.documents >= 0).all()
    for query in range(5):
        assert not set(seen[query].tolist()) & set(found.documents[query].tolist())
        assert len(set(found.documents[query].tolist())) == 10
    few = decoding.beam_search(scorer, tree, k=10, width=10, keep=Filter(tree, exclude=[range(37)] * 5))
    assert sorted(few.documents[0, :3].tolist()) == [37, 38, 39] and (few.documents[:, 3:] == -1).all()


def test_equal_scores_go_by_the_order_of_the_ids():
    tree = DecodingTree.from_ids(some_ids(4))
    scorer = NodeTable(tree, 2, 4, tied=True)
    scorer.logits = torch.zeros_like(scorer.logits)
    scorer.normalised = False  # all edges equal: all documents equal
    ranked = decoding.beam_search(scorer, tree, k=6, width=6)
    assert ranked.documents.tolist() == [tree.documents[:6].tolist()] * 2


def test_what_is_certain_is_not_asked():
    ids = lmi.SemanticIDs.from_codes(list("abcd"), [[0, 0], [1, 0], [1, 1], [1, 1]], (2, 2))
    tree = DecodingTree.from_ids(ids)
    scorer = NodeTable(tree, 1, 0)
    decoding.beam_search(scorer, tree, k=4, width=4)
    assert scorer.asked == [(1, 1), (2, 1), (3, 1)]  # below <0> there is one document, below <1> two, below <1><1> two


def test_added_documents_are_found_and_nodes_can_be_matched():
    ids = some_ids(5)
    larger = ids.append(ids.extend(["new"], [[2, 3, 2]])[0])
    old, new = DecodingTree.from_ids(ids), DecodingTree.from_ids(larger)
    for level in range(old.depth + 1):
        nodes = torch.arange(old.level_start[level], old.level_start[level + 1])
        matched = new.node_of(old.codes_of(nodes, level))
        assert (matched >= new.level_start[level]).all() and (matched < new.level_start[level + 1]).all()
        assert torch.equal(new.codes_of(matched, level), old.codes_of(nodes, level))
    only_new = Filter(new, allow=torch.arange(len(larger)) == 40)
    assert decoding.beam_search(NodeTable(new, 1, 5), new, 1, 1, only_new).documents.tolist() == [[40]]


@pytest.mark.parametrize("cells", [0, 1 << 20])
def test_dense_and_compressed_levels_step_alike(cells, monkeypatch):
    monkeypatch.setattr(decoding.tree, "DENSE_CELLS", cells)
    ids = some_ids(6)
    tree = DecodingTree.from_ids(ids)
    paths = torch.from_numpy(np.column_stack([ids.codes, ids.suffix]).astype(np.int64))
    assert len(tree.dense) == (tree.depth if cells else 0)
    assert torch.equal(tree.node_of(paths), tree.leaf.long())
    assert tree.node_of(paths + 50).tolist() == [-1] * 40 and tree.node_of(paths[:, :0]).tolist() == [0] * 40


def test_where_the_answer_was_lost_agrees_with_following_the_beam_by_hand():
    tree = DecodingTree.from_ids(some_ids(7))
    scorer = NodeTable(tree, 40, 7)
    documents = torch.arange(40)
    frame = decoding.where_lost(scorer, tree, documents, width=3)
    scores = enumerated(scorer, tree)
    own = scores.gather(1, documents[:, None])
    assert torch.allclose(torch.tensor(frame["score"].to_numpy()), own[:, 0])
    assert frame["exact_rank"].tolist() == (scores >= own - 1e-9).sum(1).tolist()
    log_p = scorer.log_p()
    for query in range(40):
        kept, lost = [(0.0, 0)], 0
        for level in range(1, tree.depth + 1):
            ways = [
                (score + float(log_p[query, child]), child)
                for score, node in kept
                for child in range(int(tree.first_child[node]), int(tree.first_child[node + 1]))
            ]
            kept = sorted(ways, key=lambda way: (-way[0], way[1]))[:3]
            if not lost and int(tree.paths(documents)[query, level]) not in [node for _, node in kept]:
                lost = level
        assert frame["lost"][query] == lost
    table = decoding.lost_table(frame, ["even", "odd"] * 20)
    shares = table[["found", *(f"lost_at_{level}" for level in range(1, tree.depth + 1))]].sum(axis=1)
    assert table["queries"].tolist() == [20, 20] and np.allclose(shares, 1)


def test_mistakes_are_said():
    tree = DecodingTree.from_ids(some_ids(8))
    with pytest.raises(LMIndexerError, match="at least one path"):
        decoding.beam_search(NodeTable(tree, 1, 0), tree, width=0)
    with pytest.raises(LMIndexerError, match="only the documents 0 to 39"):
        Filter(tree, exclude=[[3, 40]])
    with pytest.raises(LMIndexerError, match="true or false for each of the 40"):
        Filter(tree, allow=torch.ones(12, dtype=torch.bool))


def test_a_filter_that_leaves_nothing_to_anybody_gives_empty_rankings_and_asks_no_further():
    tree = DecodingTree.from_ids(some_ids(3))
    scorer = NodeTable(tree, 2, seed=0)
    for keep in (Filter(tree, [list(range(40))] * 2), Filter(tree, allow=torch.zeros(40, dtype=torch.bool))):
        for found in (decoding.beam_search(scorer, tree, 5, 3, keep), decoding.exact_top(scorer, tree, 5, 3, keep)):
            assert (found.documents == -1).all() and (found.scores == -torch.inf).all()
    assert {level for level, _ in scorer.asked} == {1}
