"""A toy shop whose next item can be known: every user walks round one of three rings of items."""

import numpy as np

from lmindexer.corpus.corpus import Corpus
from lmindexer.corpus.relations import Interactions

RINGS, EACH = 3, 8
WORDS = ("cup", "plate", "spoon", "fork", "bowl", "pan", "knife", "jug")


def ring_corpus(users: int = 60, steps: int = 9, seed: int = 0) -> Corpus:
    """24 items in three rings; a user starts anywhere in a ring and takes `steps` items in its order."""
    rng = np.random.default_rng(seed)
    items = [
        {
            "doc_id": f"r{ring}i{place}",
            "title": f"{('red', 'green', 'blue')[ring]} {WORDS[place]}",
            "text": "",
            "category_1": f"ring {ring}",
        }
        for ring in range(RINGS)
        for place in range(EACH)
    ]
    corpus = Corpus.from_records(items, name="rings")
    rows = []
    for user in range(users):
        ring, start = rng.integers(RINGS), rng.integers(EACH)
        taken = [f"r{ring}i{(start + step) % EACH}" for step in range(steps)]
        rows += [{"user_id": f"u{user}", "doc_id": doc_id, "position": step} for step, doc_id in enumerate(taken)]
    corpus.interactions = Interactions.from_records(rows)
    return corpus


def corpus_of(sequences: dict[str, list[str]], extra: tuple[str, ...] = ()) -> Corpus:
    """A corpus of the items in some users' sequences, and of further ones that nobody took."""
    names = list(dict.fromkeys([item for one in sequences.values() for item in one] + list(extra)))
    corpus = Corpus.from_records([{"doc_id": name, "title": f"item {name}", "text": ""} for name in names], name="toy")
    rows = [{"user_id": user, "doc_id": item} for user, taken in sequences.items() for item in taken]
    corpus.interactions = Interactions.from_records(rows)
    return corpus
