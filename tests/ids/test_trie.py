"""IDTrie against plain dictionaries: round trip, walking, stepping, masks, ends, leaves."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.ids.trie import IDTrie

K = 4
tables = hnp.arrays(np.int64, st.tuples(st.integers(1, 30), st.integers(1, 4)), elements=st.integers(-1, K - 1))


def every_prefix(table):
    return {tuple(row[:length]) for row in table.tolist() for length in range(table.shape[1] + 1)}


@given(tables)
def test_paths_give_the_rows_back(table):
    found = {path: documents.tolist() for path, documents in IDTrie(table).paths()}
    expected = {}
    for document, row in enumerate(table.tolist()):
        expected.setdefault(tuple(row), []).append(document)
    assert found == expected
    assert list(found) == sorted(expected)


@given(tables)
def test_every_prefix_is_a_node_of_its_own_and_nothing_else_is(table):
    trie = IDTrie(table)
    prefixes = every_prefix(table)
    nodes = {prefix: trie.walk(prefix) for prefix in prefixes}
    assert sorted(nodes.values()) == list(range(len(trie)))
    assert nodes[()] == 0
    for prefix, node in nodes.items():
        codes, children = trie.children(node)
        expected = sorted(p[-1] for p in prefixes if len(p) == len(prefix) + 1 and p[:-1] == prefix)
        assert codes.tolist() == expected
        assert children.tolist() == [nodes[(*prefix, code)] for code in expected]
        below = [row for row, path in enumerate(table.tolist()) if tuple(path[: len(prefix)]) == prefix]
        assert sorted(trie.leaves(node).tolist()) == below
        for code in set(range(-3, K + 2)) - set(expected):
            assert trie.walk((*prefix, code)) is None


@given(tables, st.lists(st.integers(-1, 200), min_size=1, max_size=20), st.integers(1, K + 2))
def test_masks_and_steps_agree_with_children(table, nodes, size):
    trie = IDTrie(table)
    nodes = np.array([min(node, len(trie) - 1) for node in nodes])
    mask = trie.allowed(nodes, size)
    steps = trie.step(nodes[:, None], np.arange(size))
    ends = trie.may_end(nodes)
    assert mask.shape == (len(nodes), size)
    np.testing.assert_array_equal(mask, steps >= 0)
    for row, node in enumerate(nodes.tolist()):
        codes, children = trie.children(node) if node >= 0 else (np.array([]), np.array([]))
        fits = (codes >= 0) & (codes < size)
        assert np.flatnonzero(mask[row]).tolist() == codes[fits].tolist()
        assert steps[row][mask[row]].tolist() == children[fits].tolist()
        assert ends[row] == (node >= 0 and (-1 in codes.tolist() or not len(codes)))


@given(tables, st.randoms(use_true_random=False))
def test_the_order_of_documents_changes_only_their_numbers(table, random):
    order = list(range(len(table)))
    random.shuffle(order)
    trie, shuffled = IDTrie(table), IDTrie(table[order])
    np.testing.assert_array_equal(trie.code, shuffled.code)
    np.testing.assert_array_equal(trie.first_child, shuffled.first_child)
    np.testing.assert_array_equal(table[trie.order], table[order][shuffled.order])


def test_with_the_suffix_every_path_names_one_document():
    codes = np.array([[0, 1], [0, 1], [2, -1], [0, -1], [0, 1]])
    ids = SemanticIDs.from_codes(list("abcde"), codes, (3, 3))
    trie = IDTrie.from_ids(ids)
    assert trie.depth == 3
    assert {path: documents.tolist() for path, documents in trie.paths()} == {
        (0, -1, 0): [3],
        (0, 1, 0): [0],
        (0, 1, 1): [1],
        (0, 1, 2): [4],
        (2, -1, 0): [2],
    }
    assert trie.may_end(np.array([trie.walk([0]), trie.walk([2]), trie.walk([0, 1]), 0])).tolist() == [
        True,
        True,
        False,
        False,
    ]
    bare = IDTrie.from_ids(ids, suffix=False)
    assert bare.leaves(bare.walk([0, 1])).tolist() == [0, 1, 4]


def test_a_suffix_beyond_every_codebook_is_walked():
    ids = SemanticIDs.from_codes([str(n) for n in range(100)], np.zeros((100, 1), int), (2,))
    trie = IDTrie.from_ids(ids)
    assert trie.leaves(trie.walk([0, 99])).tolist() == [99]
    assert trie.allowed(np.array([trie.walk([0])]), 200).sum() == 100


@pytest.mark.parametrize("paths", [np.zeros((0, 2), int), np.zeros((2, 0), int), [[-2]], [[0.5]], [1, 2]])
def test_impossible_paths_are_refused(paths):
    with pytest.raises(LMIndexerError, match="A trie needs at least one ID"):
        IDTrie(np.asarray(paths))
