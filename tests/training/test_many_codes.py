"""k-means in cells: as near as k-means of everything against everything, at any shape of rows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cluster import KMeans

from lmindexer.training import clustering
from lmindexer.training.clustering import distances, kmeans_rows
from lmindexer.training.many_codes import kmeans_in_cells, shared_out


def distance(rows, centres):
    return float(np.concatenate([part.min(1) for _, part in distances(rows, centres)]).mean())


@pytest.mark.parametrize("spread", [0.1, 10.0])
def test_as_near_as_k_means_that_compares_everything(spread):
    rng = np.random.default_rng(0)
    rows = (rng.normal(size=(30, 8))[rng.integers(0, 30, 4000)] + spread * rng.normal(size=(4000, 8))).astype("f4")
    exact = KMeans(200, init="random", n_init=1, max_iter=10, random_state=0).fit(rows).cluster_centers_
    found = kmeans_in_cells(rows, 200)
    assert found.shape == (200, 8) and found.dtype == np.float32
    assert distance(rows, found) < 1.02 * distance(rows, exact)
    assert np.array_equal(found, kmeans_in_cells(rows, 200))


def test_a_centre_for_each_row_is_the_rows():
    rows = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    found = kmeans_in_cells(rows, 60)
    assert np.allclose(found[np.lexsort(found.T)], rows[np.lexsort(rows.T)], atol=1e-5)


def test_equal_rows_leave_centres_that_are_alike():
    rows = np.repeat(np.float32([[1, 2], [3, 4]]), 50, axis=0)
    found = kmeans_in_cells(rows, 20)
    assert found.shape == (20, 2) and np.isfinite(found).all()
    assert distance(rows, found) < 1e-6


def test_many_codes_go_there(monkeypatch):
    rows = np.random.default_rng(0).normal(size=(300, 4))
    monkeypatch.setattr(clustering, "MANY", 40)
    assert np.array_equal(kmeans_rows(rows, 41), kmeans_in_cells(rows.astype(np.float32), 41))
    monkeypatch.setattr(clustering, "kmeans_in_cells", lambda *_: 1 / 0)
    kmeans_rows(rows, 40, restarts=1)


@given(st.lists(st.integers(0, 30), min_size=1, max_size=12).filter(any), st.data())
def test_codes_are_shared_out_in_proportion(sizes, data):
    sizes = np.array(sizes)
    clusters = data.draw(st.integers(1, int(sizes.sum())))
    shares = shared_out(clusters, sizes)
    assert shares.sum() == clusters and (shares <= sizes).all()
    for one in range(len(sizes)):  # a larger cell never gets less
        assert (shares[sizes > sizes[one]] >= shares[one]).all()
