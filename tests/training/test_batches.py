"""The order of documents, negatives of one prefix, k-means and neighbours, against loops and scikit-learn."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.neighbors import NearestNeighbors

from lmindexer.training.batches import epoch_batches, negative_mask
from lmindexer.training.clustering import kmeans_rows
from lmindexer.training.neighbours import nearest_neighbours
from lmindexer.training.votes import CodeVotes

earlier = hnp.arrays(np.int32, st.tuples(st.integers(1, 60), st.integers(0, 3)), elements=st.integers(0, 2))


def batches_of(codes, size, seed=0, **options):
    return [b.tolist() for b in epoch_batches(codes, size, np.random.default_rng(seed), **options)]


@given(earlier, st.integers(2, 20), st.integers(0, 99))
def test_every_document_once_and_no_batch_of_one(codes, size, seed):
    batches = batches_of(codes, size, seed)
    assert sorted(number for batch in batches for number in batch) == list(range(len(codes)))
    assert all(len(batch) <= size + 1 for batch in batches)
    if len(codes) > 1:
        assert all(len(batch) > 1 for batch in batches)


@given(earlier, st.integers(0, 99))
def test_from_the_second_position_on_documents_stand_in_groups_of_one_prefix(codes, seed):
    order = [number for batch in batches_of(codes, 10, seed) for number in batch]
    if not codes.shape[1]:
        return
    runs = [1]  # lengths of runs of one prefix
    for a, b in pairwise(order):
        if (codes[a] == codes[b]).all():
            runs[-1] += 1
        else:
            runs.append(1)
    _, counts = np.unique(codes, axis=0, return_counts=True)
    assert len(runs) <= np.ceil(counts / 5).sum()  # groups of five, a prefix's last may be smaller


def test_most_documents_find_four_negatives_of_their_prefix():
    codes = np.random.default_rng(0).integers(0, 4, (400, 1))
    found = [negative_mask(torch.from_numpy(codes[batch])).sum(1) for batch in batches_of(codes, 50)]
    assert (torch.cat(found) >= 4).float().mean() > 0.95


def test_the_seed_decides_the_order():
    codes = np.zeros((30, 1), int)
    assert batches_of(codes, 8, 1) == batches_of(codes, 8, 1) != batches_of(codes, 8, 2)


@given(earlier)
def test_negatives_by_a_slow_loop(codes):
    found = negative_mask(torch.from_numpy(codes)).tolist()
    for i, row in enumerate(codes.tolist()):
        assert found[i] == [j != i and row == other for j, other in enumerate(codes.tolist())]


# ---- k-means ---------------------------------------------------------------------------------------------------


def test_k_means_finds_what_is_there():
    centres = np.array([[0, 0], [10, 0], [0, 10]], np.float32)
    rows = np.repeat(centres, 20, axis=0) + np.random.default_rng(0).normal(size=(60, 2), scale=0.1)
    found = kmeans_rows(rows, 3)
    assert found.dtype == np.float32
    assert np.allclose(found[np.lexsort(found.T)], centres[np.lexsort(centres.T)], atol=0.1)
    assert np.array_equal(found, kmeans_rows(rows, 3))


def test_k_means_with_fewer_distinct_rows_than_clusters_is_finite_and_silent(recwarn):
    found = kmeans_rows(np.ones((10, 3)), 4)
    assert found.shape == (4, 3) and (found == 1).all()
    assert not recwarn.list


@pytest.mark.filterwarnings("ignore")
def test_many_rows_go_to_faiss_with_a_like_result(monkeypatch):
    from lmindexer.training import clustering

    rows = np.random.default_rng(0).normal(size=(600, 4)).astype(np.float32)

    def inertia(centres):
        return float(((rows[:, None] - centres[None]) ** 2).sum(-1).min(1).sum())

    small = inertia(kmeans_rows(rows, 8))
    monkeypatch.setattr(clustering, "LARGE", 100)
    large = kmeans_rows(rows, 8)
    assert large.shape == (8, 4) and inertia(large) < 1.1 * small


# ---- neighbours ------------------------------------------------------------------------------------------------


def test_neighbours_are_those_of_brute_force():
    rows = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = NearestNeighbors(n_neighbors=5, metric="cosine").fit(rows).kneighbors(return_distance=False)
    assert np.array_equal(nearest_neighbours(rows, 5), expected)


@given(st.integers(2, 12), st.integers(1, 20))
def test_no_document_is_its_own_neighbour_even_among_copies(documents, neighbours):
    rows = np.ones((documents, 3), np.float32)
    found = nearest_neighbours(rows, neighbours)
    assert found.shape == (documents, min(neighbours, documents - 1))
    for number, row in enumerate(found.tolist()):
        assert number not in row and len(set(row)) == len(row) and min(row) >= 0


def test_an_inverted_file_finds_nearly_all(monkeypatch):
    from lmindexer.training import neighbours

    rows = np.random.default_rng(0).normal(size=(3000, 8)).astype(np.float32)
    exact = nearest_neighbours(rows, 5)
    monkeypatch.setattr(neighbours, "EXACT", 1000)
    found = nearest_neighbours(rows, 5)
    assert found.shape == exact.shape and found.min() >= 0
    assert not (found == np.arange(3000)[:, None]).any()
    recall = np.mean([len(set(a) & set(b)) / 5 for a, b in zip(found.tolist(), exact.tolist(), strict=True)])
    assert recall > 0.4


# ---- votes -----------------------------------------------------------------------------------------------------


def test_votes_of_neighbours_with_the_same_prefix():
    neighbours = np.array([[1, 2], [0, 2], [0, 1], [0, 1]])
    prefix = np.array([[0], [0], [0], [1]])
    votes = CodeVotes(neighbours, prefix, np.array([2, 0, 2, 1]))
    shares, counts = votes.of(torch.tensor([0, 1, 3]), 3)
    assert shares.tolist() == [[0.5, 0, 0.5], [0, 0, 1], [0, 0, 0]]
    assert counts.tolist() == [True, True, False]  # document 3 has no neighbour of its prefix
    votes.update(torch.tensor([1]), torch.tensor([1]))
    assert votes.of(torch.tensor([0]), 3)[0].tolist() == [[0, 0.5, 0.5]]
