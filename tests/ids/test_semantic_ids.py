"""SemanticIDs: suffixes, extension that changes nothing, strings, prefix groups, files, refusals."""

import collections

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.ids.grouping import group_rows, rank_within_groups, row_keys
from lmindexer.ids.semantic_ids import SemanticIDs

K = 3
rows_of_codes = st.integers(1, 4).flatmap(
    lambda t: hnp.arrays(np.int64, st.tuples(st.integers(1, 40), st.just(t)), elements=st.integers(0, K - 1))
)


@st.composite
def ragged_codes(draw):
    """Codes of IDs that may be shorter than T: -1 from some position on."""
    codes = draw(rows_of_codes)
    depth = draw(hnp.arrays(np.int64, len(codes), elements=st.integers(0, codes.shape[1])))
    return np.where(np.arange(codes.shape[1]) < depth[:, None], codes, -1)


def make(codes, start=0, sizes=None):
    codes = np.asarray(codes)
    names = [f"d{start + row}" for row in range(len(codes))]
    return SemanticIDs.from_codes(names, codes, sizes or (K,) * codes.shape[1])


# -- grouping ----------------------------------------------------------------------------------------------


@given(hnp.arrays(np.int64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=12), elements=st.integers(-1, 3)))
def test_group_rows_equals_numpys_unique_over_rows(codes):
    rows, index, counts = np.unique(codes, axis=0, return_inverse=True, return_counts=True)
    groups = group_rows(codes)
    np.testing.assert_array_equal(groups.rows, rows)
    np.testing.assert_array_equal(groups.index, index.ravel())
    np.testing.assert_array_equal(groups.counts, counts)


def test_keys_stay_exact_and_ordered_where_plain_digits_would_overflow():
    big = 2**40
    codes = np.array([[big, 0, 5], [0, big, 0], [big, 0, 6], [0, big, 0], [0, 0, big]])
    keys = row_keys(codes)
    assert keys[1] == keys[3]
    assert np.argsort(keys, kind="stable").tolist() == [4, 1, 3, 0, 2]


def test_rows_without_columns_are_one_group():
    groups = group_rows(np.zeros((3, 0), dtype=int))
    assert groups.counts.tolist() == [3]
    assert groups.index.tolist() == [0, 0, 0]


@given(hnp.arrays(np.int64, st.integers(0, 30), elements=st.integers(0, 4)))
def test_rank_within_groups_counts_earlier_equals(index):
    seen = collections.Counter()
    expected = []
    for group in index.tolist():
        expected.append(seen[group])
        seen[group] += 1
    assert rank_within_groups(index).tolist() == expected


# -- suffixes ----------------------------------------------------------------------------------------------


def test_suffix_by_hand():
    ids = make([[0, 1], [0, 1], [2, 1], [0, 1], [2, 1]])
    assert ids.suffix.tolist() == [0, 1, 0, 2, 1]
    assert ids.unique_strings().tolist() == ["<0><1>#0", "<0><1>#1", "<2><1>#0", "<0><1>#2", "<2><1>#1"]


@given(ragged_codes())
def test_codes_and_suffix_name_exactly_one_document(codes):
    ids = make(codes)
    assert len(set(ids.unique_strings().tolist())) == len(ids)
    for row in np.unique(codes, axis=0):
        assert ids.suffix[(codes == row).all(axis=1)].tolist() == list(range((codes == row).all(axis=1).sum()))


def test_suffix_goes_past_the_codebook_size():
    ids = make(np.zeros((50, 2), dtype=int), sizes=(2, 2))
    assert ids.suffix.tolist() == list(range(50))
    assert ids.strings().tolist() == ["<0><0>"] * 50


@given(rows_of_codes, st.data())
def test_extending_in_any_batches_is_extending_at_once(codes, data):
    cut, middle = sorted(data.draw(st.tuples(st.integers(0, len(codes)), st.integers(0, len(codes)))))
    whole = make(codes)
    ids, collisions = make(codes[:cut], sizes=whole.codebook_sizes), 0
    for start, stop in ((cut, middle), (middle, len(codes))):
        before = ids
        new, number = ids.extend(whole.doc_ids[start:stop], codes[start:stop])
        ids = ids.append(new)
        collisions += number
        assert ids.take(slice(0, len(before))) == before  # nothing that existed has changed
    assert ids == whole
    assert collisions == int((whole.suffix[cut:] > 0).sum())


def test_known_documents_keep_their_suffix_and_changed_ones_collide_with_nobody():
    ids = make([[1], [1], [2]])
    new, collisions = ids.extend(["d1", "d2", "new"], [[1], [1], [1]])
    assert new.suffix.tolist() == [1, 2, 3]  # d1 as stored; d2 has other codes now and comes after all of <1>
    assert collisions == 2
    with pytest.raises(LMIndexerError, match="'d2' already has another ID"):
        ids.append(new)
    other_suffix = SemanticIDs(["d1"], [[1]], [5], ids.codebook_sizes)
    with pytest.raises(LMIndexerError, match="'d1' already has another ID"):
        ids.append(other_suffix)


def test_extension_goes_on_after_the_highest_suffix_even_where_lower_ones_are_free():
    ids = make([[1], [1], [1]]).take([2])
    new, collisions = ids.extend(["x"], [[1]])
    assert (new.suffix.tolist(), collisions) == ([3], 1)


def test_extending_refuses_what_does_not_fit():
    ids = make([[0, 1]])
    with pytest.raises(LMIndexerError, match="IDs of 2 positions cannot be extended by codes of 1"):
        ids.extend(["x"], [[0]])
    with pytest.raises(LMIndexerError, match="'x' has code 3 at position 2"):
        ids.extend(["x"], [[0, 3]])
    with pytest.raises(LMIndexerError, match="'x' occurs twice"):
        ids.extend(["x", "x"], [[0, 0], [0, 0]])
    with pytest.raises(LMIndexerError, match="codebook sizes"):
        ids.append(make([[0, 1]], start=5, sizes=(9, 9)))


# -- looking -----------------------------------------------------------------------------------------------


def test_strings_leave_positions_without_code_out():
    ids = make([[1, 2], [1, -1], [-1, -1]])
    assert ids.strings().tolist() == ["<1><2>", "<1>", ""]
    assert len(set(ids.unique_strings().tolist())) == 3


def test_frame_has_the_designs_columns():
    frame = make([[0, 1], [0, 1]]).to_frame()
    assert list(frame.columns) == ["doc_id", "c1", "c2", "suffix", "id"]
    assert frame.iloc[1].tolist() == ["d1", 0, 1, 1, "<0><1>"]


@given(ragged_codes(), st.data())
def test_groups_and_selection_agree_with_a_loop(codes, data):
    ids = make(codes)
    length = data.draw(st.integers(0, ids.positions))
    prefixes, index, counts = ids.prefix_groups(length)
    expected = collections.defaultdict(list)
    for row, code in enumerate(codes.tolist()):
        expected[tuple(code[:length])].append(row)
    assert [tuple(prefix) for prefix in prefixes.tolist()] == sorted(expected)
    assert ids.number_of_prefixes(length) == len(expected)
    for group, prefix in enumerate(prefixes.tolist()):
        assert ids.select(prefix).tolist() == expected[tuple(prefix)] == np.flatnonzero(index == group).tolist()
        assert counts[group] == len(expected[tuple(prefix)])


def test_selecting_a_prefix_that_no_document_has_or_that_is_too_long():
    ids = make([[0, 1]])
    assert ids.select([2]).tolist() == []
    with pytest.raises(LMIndexerError, match="A prefix of 3 codes"):
        ids.select([0, 1, 0])


def test_rows_in_a_corpus_of_another_order():
    class Corpus:
        doc_ids = np.array(["d2", "extra", "d0", "d1"])

    ids = make([[0], [1], [2]])
    assert ids.rows_in(Corpus).tolist() == [2, 3, 0]
    Corpus.doc_ids = np.array(["d2"])
    with pytest.raises(LMIndexerError, match="2 documents with an ID are not in the corpus, the first is 'd0'"):
        ids.rows_in(Corpus)


def test_arrays_are_read_only_copies():
    codes = np.array([[0, 1]])
    ids = make(codes)
    codes[0, 0] = 2
    assert ids.codes[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        ids.codes[0, 0] = 1


def test_equality_looks_at_everything():
    ids = make([[0], [0]])
    assert ids == make([[0], [0]])
    assert ids != make([[0], [1]])
    assert ids != make([[0], [0]], start=1)
    assert ids != make([[0], [0]], sizes=(9,))
    assert ids != SemanticIDs(ids.doc_ids, ids.codes, [1, 0], ids.codebook_sizes)
    assert ids != "ids"


# -- what is refused ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("doc_ids", "codes", "sizes", "message"),
    [
        (["a"], [[3]], (3,), "'a' has code 3 at position 1, where the codebook has 3"),
        (["a"], [[-2]], (3,), "'a' has code -2"),
        (["a", "b"], [[0, 0], [-1, 0]], (3, 3), "'b' has no code at position 1 but one after it"),
        (["a", "a"], [[0], [1]], (3,), "'a' occurs twice"),
        (["a"], [[0.5]], (3,), "codes must be integers"),
        (["a"], [[0, 0]], (3,), "as many codebook sizes"),
        (["a", "b"], [[0]], (3,), r"must have the shape \[2, T\]"),
        (["a"], [0], (3,), r"must have the shape \[1, T\]"),
        (["a"], np.zeros((1, 0), int), (), r"must have the shape \[1, T\]"),
    ],
)
def test_impossible_codes_are_named(doc_ids, codes, sizes, message):
    with pytest.raises(LMIndexerError, match=message):
        SemanticIDs.from_codes(doc_ids, codes, sizes)


@pytest.mark.parametrize(
    ("suffix", "message"),
    [
        ([0, 0], "'b' has the same codes and suffix"),
        ([0, -1], "'b' has a negative"),
        ([0], "as many suffixes"),
    ],
)
def test_impossible_suffixes_are_named(suffix, message):
    with pytest.raises(LMIndexerError, match=message):
        SemanticIDs(["a", "b"], [[0], [0]], suffix, (3,))


# -- files -------------------------------------------------------------------------------------------------


@given(codes=ragged_codes())
def test_parquet_round_trip(tmp_path_factory, codes):
    path = tmp_path_factory.mktemp("ids") / "ids.parquet"
    ids = make(codes, sizes=tuple(range(K, K + codes.shape[1])))
    ids.to_parquet(path)
    assert SemanticIDs.from_parquet(path) == ids
    assert pq.read_table(path).column_names == [
        "doc_id",
        *(f"c{t + 1}" for t in range(ids.positions)),
        "suffix",
    ]


def test_no_documents_at_all_round_trip(tmp_path):
    ids = SemanticIDs.from_codes([], np.zeros((0, 2), int), (4, 4))
    ids.to_parquet(tmp_path / "ids.parquet")
    assert SemanticIDs.from_parquet(tmp_path / "ids.parquet") == ids
    assert ids.strings().tolist() == ids.unique_strings().tolist() == []


def test_files_that_are_no_ids(tmp_path):
    path = tmp_path / "ids.parquet"
    with pytest.raises(BundleError, match="does not exist"):
        SemanticIDs.from_parquet(path)
    path.write_bytes(b"doc_id,c1\na,1\n")
    with pytest.raises(BundleError, match="damaged or no Parquet file"):
        SemanticIDs.from_parquet(path)
    pq.write_table(pa.table({"doc_id": ["a"], "c1": [0], "suffix": [0]}), path)
    with pytest.raises(BundleError, match="no file of semantic IDs"):
        SemanticIDs.from_parquet(path)
    ids = make([[0], [0]])
    ids.to_parquet(path)
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["suffix"]), path)
    with pytest.raises(BundleError, match="lacks the column 'suffix'"):
        SemanticIDs.from_parquet(path)
    pq.write_table(table.set_column(2, "suffix", pa.array([0, 0])), path)
    with pytest.raises(BundleError, match=r"ids\.parquet holds IDs that cannot be used: Document 'd1'"):
        SemanticIDs.from_parquet(path)
