"""Sequential recommendation: which item does a user take next? Leave-one-out, all items ranked."""

from functools import cached_property

import numpy as np
import pandas as pd

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.common.kinds import takes
from lmindexer.corpus.checks import nearest
from lmindexer.corpus.corpus import Corpus, Interactions
from lmindexer.tasks.base import Task, register
from lmindexer.tasks.kinds import CORPUS, INTERACTIONS
from lmindexer.tasks.metrics import Judgements
from lmindexer.tasks.recommendation.histories import Histories

SHORTEST = 3  # interactions of a user who is asked about: one to learn from, one to validate, one to test


@register
class Recommendation(Task):
    """Next-item recommendation over a corpus's interactions, split as in the published tables.

    Of each user with three items or more the last item is the test's answer, the one before it the validation's,
    and the rest is for training. The history that a model is given holds every earlier item: for the test also the
    validation's answer. Users with fewer items train, but nothing is asked about them. Every document of the corpus
    is ranked, never a sample of them, also those that no history holds.

    Rankings are read in two ways, for published figures differ in it: "raw" over all items, and "unseen" without
    the items of the user's history.

    Args:
        corpus: with `interactions`.
        interactions: in their place, rows about the corpus's documents; `Interactions.from_file` reads a CSV.

    Raises CorpusError where there are no interactions, or no user has three items.

    >>> task = Recommendation(lmindexer.load_sample("attack"))                         # doctest: +SKIP
    >>> task                                                                           # doctest: +SKIP
    Recommendation('attack', 691 items, 843 users, 15,601 interactions)
    """

    kind = "recommendation"
    views = ("raw", "unseen")
    metrics = ("Recall@5", "NDCG@5", "Recall@10", "NDCG@10")

    @takes(corpus=CORPUS, interactions=INTERACTIONS)
    def __init__(self, corpus: Corpus, interactions: Interactions | None = None):
        interactions = corpus.interactions if interactions is None else interactions
        if interactions is None or not len(interactions):
            raise CorpusError(
                f"{corpus.name} has no interactions, so nothing can be recommended; set corpus.interactions = "
                "Interactions.from_file(…) with the columns user_id, doc_id and a time or position."
            )
        interactions.check_against(corpus)
        self.corpus, self.options = corpus, {}
        frame = interactions.frame
        codes, names = pd.factorize(frame["user_id"])
        places = pd.Index(corpus.doc_ids).get_indexer(frame["doc_id"].to_numpy())
        starts = np.concatenate([[0], np.cumsum(np.bincount(codes, minlength=len(names)))]).astype(np.int64)
        self.users = np.asarray(names, dtype=str)
        self.all = Histories(places.astype(np.int32), starts, np.arange(len(names)))
        if not len(self.asked):
            most = int(self.all.lengths.max())
            raise CorpusError(
                f"{interactions.source}: no user has {SHORTEST} items or more (the most is {most}), so none can be "
                "split into training, validation and test; give longer sequences."
            )

    def __repr__(self) -> str:
        counts = f"{len(self.corpus):,} items, {len(self.users):,} users, {len(self.all.items):,} interactions"
        return f"Recommendation({self.corpus.name!r}, {counts})"

    # ---- the splits ----------------------------------------------------------------------------------------------

    @cached_property
    def asked(self) -> np.ndarray:
        """Rows of the users that validation and test ask about."""
        return np.flatnonzero(self.all.lengths >= SHORTEST)

    @cached_property
    def train(self) -> Histories:
        """Every user's items that are neither validation's nor test's answer."""
        lengths = self.all.lengths
        return _first(self.all, np.where(lengths >= SHORTEST, lengths - 2, lengths))

    def histories(self, split: str) -> Histories:
        """What is known of each asked user before the answer: [Q]."""
        held = self._held(split)
        return _first(self.all.take(self.asked), self.all.lengths[self.asked] - held)

    def targets(self, split: str) -> np.ndarray:
        """[Q] places of the answers."""
        return self.all.items[self.all.starts[self.asked + 1] - self._held(split)].astype(np.int64)

    def _held(self, split: str) -> int:
        held = {"validation": 2, "test": 1}
        if split not in held:
            raise SettingsError(f"The split {split!r} is not known; give 'validation' or 'test'.")
        return held[split]

    def judgements(self, split: str) -> Judgements:
        return Judgements.of_targets(self.targets(split))

    def query_ids(self, split: str) -> list[str]:
        self._held(split)
        return self.users[self.asked].tolist()

    def row_of_user(self, user: str) -> int:
        """The row of a user in `users`.

        Raises SettingsError naming close ones.
        """
        place = pd.Index(self.users).get_indexer([str(user)])[0]
        if place < 0:
            close = nearest(user, self.users)
            some = ", ".join(self.users[:3]) + (", …" if len(self.users) > 3 else "")
            guess = f"; did you mean {close!r}?" if close else "."
            raise SettingsError(f"The user {user!r} is not in this task; its users are {some}{guess}")
        return int(place)

    # ---- on disk -------------------------------------------------------------------------------------------------

    def splits_frame(self) -> pd.DataFrame:
        """user_id, doc_id, position, split (train, validation or test) of every interaction."""
        lengths = self.all.lengths
        user = np.repeat(np.arange(len(self.users)), lengths)
        position = np.arange(len(user)) - self.all.starts[user]
        left, asked = lengths[user] - position, lengths[user] >= SHORTEST
        split = np.where(asked & (left == 1), "test", np.where(asked & (left == 2), "validation", "train"))
        doc_id = self.corpus.doc_ids[self.all.items]
        return pd.DataFrame({"user_id": self.users[user], "doc_id": doc_id, "position": position, "split": split})

    @classmethod
    def from_frame(cls, corpus: Corpus, splits: pd.DataFrame, options: dict) -> "Recommendation":
        return cls(corpus, Interactions.from_frame(splits[["user_id", "doc_id", "position"]]))


def _first(histories: Histories, lengths: np.ndarray) -> Histories:
    """The first `lengths` items of each history."""
    place = np.arange(len(histories.items)) - np.repeat(histories.starts[:-1], histories.lengths)
    kept = place < np.repeat(lengths, histories.lengths)
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return Histories(histories.items[kept], starts, histories.users)
