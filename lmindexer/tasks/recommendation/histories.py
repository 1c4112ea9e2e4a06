"""Histories: the items of many users, oldest first, in two flat arrays."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Histories:
    """Q histories: history q is items[starts[q]:starts[q + 1]], places in the corpus, the oldest first.

    users: [Q] rows of the task's users, -1 for somebody unknown.

    >>> histories = Histories.of([[3, 1], [4]])
    >>> len(histories), histories[0].tolist(), histories.lengths.tolist()
    (2, [3, 1], [2, 1])
    """

    items: np.ndarray
    starts: np.ndarray
    users: np.ndarray

    @classmethod
    def of(cls, histories: Sequence[Iterable[int]], users: Sequence[int] | None = None) -> "Histories":
        """From a list of item lists."""
        parts = [np.asarray(list(one), dtype=np.int32) for one in histories]
        starts = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
        flat = np.concatenate(parts) if parts else np.zeros(0, np.int32)
        return cls(flat, starts, np.full(len(parts), -1) if users is None else np.asarray(users))

    def __len__(self) -> int:
        return len(self.starts) - 1

    def __getitem__(self, row: int) -> np.ndarray:
        return self.items[self.starts[row] : self.starts[row + 1]]

    @property
    def lengths(self) -> np.ndarray:
        """[Q] number of items."""
        return np.diff(self.starts)

    def take(self, rows) -> "Histories":
        """The histories at `rows`, in that order."""
        rows = np.asarray(rows)
        lengths = self.lengths[rows]
        starts = np.concatenate([[0], np.cumsum(lengths)])
        return Histories(self.items[_runs(self.starts[rows], lengths)], starts, self.users[rows])

    def padded(self, rows, longest: int, pad: int) -> "HistoryBatch":
        """The last `longest` items of some histories: the oldest first, `pad` behind the newest."""
        rows = np.asarray(rows)
        lengths = np.minimum(self.lengths[rows], longest)
        table = np.full((len(rows), max(1, int(lengths.max(initial=0)))), pad, dtype=np.int64)
        there = np.arange(table.shape[1]) < lengths[:, None]
        table[there] = self.items[_runs(self.starts[rows + 1] - lengths, lengths)]
        users = torch.from_numpy(np.asarray(self.users[rows], dtype=np.int64))
        return HistoryBatch(torch.from_numpy(table), torch.from_numpy(lengths.astype(np.int64)), users)

    def before(self, rows, places, longest: int, pad: int) -> tuple["HistoryBatch", Tensor]:
        """The last `longest` items before a place of some histories, and the item at that place [B]."""
        rows, places = np.asarray(rows), np.asarray(places)
        lengths = np.minimum(places, longest)
        table = np.full((len(rows), longest), pad, dtype=np.int64)
        table[np.arange(longest) < lengths[:, None]] = self.items[_runs(self.starts[rows] + places - lengths, lengths)]
        users = torch.from_numpy(np.asarray(self.users[rows], dtype=np.int64))
        targets = torch.from_numpy(self.items[self.starts[rows] + places].astype(np.int64))
        return HistoryBatch(torch.from_numpy(table), torch.from_numpy(lengths.astype(np.int64)), users), targets

    def seen(self) -> tuple[np.ndarray, np.ndarray]:
        """(row, item) of every item in every history."""
        return np.repeat(np.arange(len(self)), self.lengths), self.items


@dataclass(frozen=True, eq=False)
class HistoryBatch:
    """Histories as a model reads them.

    items    [B, L] places in the corpus, oldest first, padded behind with N (the number of items)
    lengths  [B] how many are real
    users    [B] rows of the task's users; -1 for somebody unknown
    """

    items: Tensor
    lengths: Tensor
    users: Tensor

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, rows: slice) -> "HistoryBatch":
        return HistoryBatch(self.items[rows], self.lengths[rows], self.users[rows])

    def to(self, device) -> "HistoryBatch":
        return HistoryBatch(self.items.to(device), self.lengths.to(device), self.users.to(device))


def window_rows(histories: Histories) -> np.ndarray:
    """[M, 2] (history, place) of every item that has an item before it.

    >>> window_rows(Histories.of([[7, 8, 9], [4]])).tolist()
    [[0, 1], [0, 2]]
    """
    row = np.repeat(np.arange(len(histories)), histories.lengths)
    place = np.arange(len(row)) - histories.starts[row]
    return np.column_stack([row, place])[place > 0]


def _runs(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """start, start + 1, … of each run, one run after the other.

    >>> _runs(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(lengths)
    return np.arange(ends[-1] if len(ends) else 0) + np.repeat(starts - (ends - lengths), lengths)
