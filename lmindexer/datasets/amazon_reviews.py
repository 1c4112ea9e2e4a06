"""Amazon's reviews as the slides use them: users and items with five reviews each, every user's items in time order.

Reads a line of any edition: 2014 and 2018 (reviewerID, asin, unixReviewTime), 2023 (user_id, parent_asin, timestamp;
JSON lines, or the .csv with a header).
"""

import random
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from lmindexer.corpus.checks import shorten_name
from lmindexer.datasets.raw_files import Reading, is_plain

KEYS = (("reviewerID", "asin", "unixReviewTime"), ("user_id", "parent_asin", "timestamp"))  # by edition
CORE = 5


@dataclass(frozen=True)
class Reviews:
    """Who reviewed what, when; users and items numbered in the order in which the file first names them.

    user, item, time: [n] int64. users, items: names by number.
    """

    user: np.ndarray
    item: np.ndarray
    time: np.ndarray
    users: list[str]
    items: list[str]


def read_reviews(path: Path, reading: Reading) -> Reviews:
    """All reviews of a file; the same user, item and second given again are counted and left out."""
    users: dict[str, int] = {}
    items: dict[str, int] = {}
    user, item, time = array("q"), array("q"), array("q")
    for place, who, what, when in _rows(path, reading):
        moment = reading.number(place, when, "time")
        if moment is not None:
            user.append(users.setdefault(who, len(users)))
            item.append(items.setdefault(what, len(items)))
            time.append(int(moment))
    columns = [np.array(column, dtype=np.int64) for column in (user, item, time)]
    first = np.sort(np.unique(np.stack(columns), axis=1, return_index=True)[1])
    if len(first) < len(user):
        reading.left_out["reviews given twice"] += len(user) - len(first)
    return Reviews(*(column[first] for column in columns), list(users), list(items))


def _rows(path: Path, reading: Reading) -> Iterator[tuple[str, str, str, object]]:
    """(place, user, item, time) of every review."""
    if path.name.lower().removesuffix(".gz").endswith(".csv"):
        rows = reading.csv_records(path)
    else:
        rows = reading.objects(path)
    for place, record in rows:
        for names in KEYS:
            who, what, when = (record.get(name) for name in names)
            if who and what and when is not None and is_plain(who) and is_plain(what):
                yield place, str(who), str(what), when
                break
        else:
            wanted = " or ".join(", ".join(names) for names in KEYS)
            there = ", ".join(map(shorten_name, list(record)[:12])) or "nothing"
            reading.bad(place, "rows that are no review", f"a review has {wanted}, and this row has {there}")


def core(reviews: Reviews, least: int = CORE) -> np.ndarray:
    """[n] bool: the reviews that are left when users and items with fewer than `least` go, again until none goes."""
    keep = np.ones(len(reviews.user), dtype=bool)
    while True:
        enough = keep.copy()
        for column, names in ((reviews.user, reviews.users), (reviews.item, reviews.items)):
            counts = np.bincount(column[keep], minlength=len(names))
            enough &= counts[column] >= least
        if (enough == keep).all():
            return keep
        keep = enough


@dataclass(frozen=True)
class Sequences:
    """Users' items in time order, flat: user u (0, 1, …) has items[starts[u]:starts[u + 1]].

    items: [n] numbers from 0, in the order in which the sequences first name them. asins: name by number.
    """

    items: np.ndarray
    starts: np.ndarray
    asins: list[str]


def make_sequences(reviews: Reviews, keep: np.ndarray, shuffle: int | None = None) -> Sequences:
    """The reviews that are kept, by user (first named first), then by time; equal times keep the file's order.

    shuffle: seed of a random order of the users (the slides' is 2023); None keeps the file's.
    """
    user, item, time = (column[keep] for column in (reviews.user, reviews.item, reviews.time))
    order = list(dict.fromkeys(user.tolist()))
    if shuffle is not None:
        random.Random(shuffle).shuffle(order)
    rank = np.zeros(len(reviews.users), dtype=np.int64)
    rank[order] = np.arange(len(order))
    by = np.lexsort((time, rank[user]))  # stable: equal keys stay in the file's order
    named = list(dict.fromkeys(item[by].tolist()))
    number = np.zeros(len(reviews.items), dtype=np.int64)
    number[named] = np.arange(len(named))
    counts = np.bincount(rank[user], minlength=len(order)) if len(user) else np.zeros(0, np.int64)
    starts = np.concatenate([[0], np.cumsum(counts)])
    return Sequences(number[item[by]], starts, [reviews.items[index] for index in named])
