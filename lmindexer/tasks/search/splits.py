"""Queries into training, validation and test: by query, seeded, so that no query is known from two splits.

A query is one `query_id` with all its judgements. Two queries with the same words (capitals, accents of spacing and
punctuation aside) are one question asked twice: they always share a split, or a model could look its answer up.
"""

import hashlib
import re

import numpy as np
import pandas as pd

from lmindexer.common.errors import CorpusError, SettingsError

SPLITS = ("train", "validation", "test")
_NAMES = {"train": "train", "training": "train", "validation": "validation", "valid": "validation"}
_NAMES |= {"val": "validation", "dev": "validation", "test": "test"}


def same_question(text: str) -> str:
    """The words of a query, by which two queries count as one.

    >>> same_question("  Angle bracket?"), same_question("angle-bracket")
    ('angle bracket', 'angle bracket')
    """
    words = " ".join(re.findall(r"\w+", text.casefold()))
    return words or text.strip()


def given_split(values: pd.Series, source: str = "queries") -> np.ndarray:
    """Split names as this package writes them: "dev" and "valid" are "validation".

    Raises CorpusError naming the first value that is no split.
    """
    found = values.map(lambda value: _NAMES.get(str(value).strip().lower()))
    bad = np.flatnonzero(found.isna().to_numpy())
    if len(bad):
        raise CorpusError(
            f"{source}: {values.iloc[bad[0]]!r} in the column split names no split ({len(bad):,} of {len(values):,} "
            "rows are like it); write train, validation or test, or leave the column out to have the queries split."
        )
    return found.to_numpy(dtype=str)


def drawn_split(texts: list[str], seed: int, shares: tuple[float, float, float]) -> np.ndarray:
    """A split for each query, by a hash of its words and the seed: the same for any order and any other queries.

    shares: of train, validation and test; they are met as closely as a hash meets them.

    >>> drawn_split(["ball", "Ball!", "rope"], seed=0, shares=(1, 0, 0)).tolist()
    ['train', 'train', 'train']
    """
    shares_ = np.asarray(checked_shares(shares))
    bounds = np.cumsum(shares_ / shares_.sum())
    place = np.array([_uniform(same_question(text), seed) for text in texts])
    return np.array(SPLITS)[np.minimum(np.searchsorted(bounds, place, side="right"), 2)]


def checked_shares(shares) -> list[float]:
    """Three numbers of 0 or more, not all zero.

    Raises SettingsError for anything else.
    """
    try:
        found = [float(share) for share in shares]
    except (TypeError, ValueError):
        found = []
    if len(found) != 3 or not all(share >= 0 for share in found) or not 0 < sum(found) < float("inf"):
        raise SettingsError(f"shares are {shares}; give those of train, validation and test, such as (0.8, 0.1, 0.1).")
    return found


def last_split(query: np.ndarray, split: np.ndarray) -> tuple[np.ndarray, int]:
    """(the last split of each query [Q], how many queries had several) from judgements' queries and splits [J].

    >>> last_split(np.array([0, 1, 0]), np.array(["train", "train", "test"]))
    (array(['test', 'train'], dtype='<U10'), 1)
    """
    place = pd.Series(split).map({name: place for place, name in enumerate(SPLITS)}).to_numpy()
    last, first = np.full(int(query.max()) + 1, -1), np.full(int(query.max()) + 1, len(SPLITS))
    np.maximum.at(last, query, place)
    np.minimum.at(first, query, place)
    return np.array(SPLITS)[last], int((last != first).sum())


def drawn(names: list[str], number: int, seed: int) -> list[str]:
    """`number` of the names, those whose hash with the seed is the smallest, or all where there are fewer.

    >>> drawn(["a", "b", "c"], 2, seed=0) == drawn(["c", "b", "a"], 2, seed=0)
    True
    """
    return sorted(sorted(names, key=lambda name: _uniform(name, seed))[:number])


def leaking(texts: list[str], splits: np.ndarray) -> np.ndarray:
    """bool [Q]: queries of training or validation whose words are asked in a later split too.

    >>> leaking(["a ball", "A ball", "rope"], np.array(["train", "test", "train"])).tolist()
    [True, False, False]
    """
    key = pd.Series([same_question(text) for text in texts])
    order = pd.Series(splits).map({name: place for place, name in enumerate(SPLITS)})
    return (order < order.groupby(key).transform("max")).to_numpy()


def _uniform(text: str, seed: int) -> float:
    digest = hashlib.sha256(f"{seed} {text}".encode()).digest()
    return int.from_bytes(digest[:7], "big") / 2**56
