"""Rows of integers grouped by equality: what prefixes, suffixes, tries and diagnostics all stand on.

Everything here is one sort over one integer per row, so a million documents take about a second;
`np.unique(axis=0)` compares rows byte by byte and takes several times as long.
"""

from typing import NamedTuple

import numpy as np

_KEY_LIMIT = 2**62  # a row's key must stay below this to leave room in int64


class RowGroups(NamedTuple):
    """Groups of equal rows: `rows` [G, t] lexicographic, `index` [N] group of each row, `counts` [G]."""

    rows: np.ndarray
    index: np.ndarray
    counts: np.ndarray


def row_keys(codes: np.ndarray) -> np.ndarray:
    """One int64 per row of `codes` [N, t]: equal for equal rows only, and in the rows' lexicographic order.

    Columns are folded as digits of a mixed-radix number; when the number would leave int64, the keys so far
    are replaced by their ranks, which keeps both properties.

    >>> row_keys(np.array([[1, 0], [0, 2], [1, 0]])).tolist()
    [3, 2, 3]
    """
    codes = np.asarray(codes)
    keys = np.zeros(len(codes), dtype=np.int64)
    if not len(codes):
        return keys
    span = 1  # keys lie in [0, span)
    for column in codes.T:
        lowest = int(column.min())
        radix = int(column.max()) - lowest + 1
        if span * radix >= _KEY_LIMIT:
            keys = np.unique(keys, return_inverse=True)[1].astype(np.int64)
            span = int(keys.max()) + 1
        keys = keys * radix + (column.astype(np.int64) - lowest)
        span *= radix
    return keys


def group_rows(codes: np.ndarray) -> RowGroups:
    """Group equal rows of an integer array.

    Args:
        codes: [N, t] integers; t may be 0 (then every row is the empty row and all rows form one group).

    Returns:
        `RowGroups` with the G distinct rows in lexicographic order, the group of each row and the group
        sizes.

    >>> groups = group_rows(np.array([[1, 0], [0, 2], [1, 0]]))
    >>> groups.rows.tolist(), groups.index.tolist(), groups.counts.tolist()
    ([[0, 2], [1, 0]], [1, 0, 1], [1, 2])
    """
    codes = np.asarray(codes)
    _, first, index, counts = np.unique(row_keys(codes), return_index=True, return_inverse=True, return_counts=True)
    return RowGroups(codes[first], index, counts)


def rank_within_groups(index: np.ndarray) -> np.ndarray:
    """How many earlier rows belong to the same group: 0, 1, 2, … along each group, in row order.

    >>> rank_within_groups(np.array([5, 3, 5, 5, 3])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(index, kind="stable")
    ordered = index[order]
    starts = np.r_[True, ordered[1:] != ordered[:-1]] if len(index) else np.zeros(0, dtype=bool)
    positions = np.arange(len(index))
    first = np.maximum.accumulate(np.where(starts, positions, 0))
    rank = np.empty(len(index), dtype=np.int64)
    rank[order] = positions - first
    return rank
