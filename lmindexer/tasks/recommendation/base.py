"""`Recommender`: what every model of next-item recommendation shares; `ItemScorer`: one that scores every item."""

from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm.auto import tqdm

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import COUNT, ITEMS, ONE_TRUTH, TEXT_OR_NONE, takes
from lmindexer.corpus.checks import nearest
from lmindexer.tasks.allowing import allowed_documents
from lmindexer.tasks.base import DEPTH, TaskModel
from lmindexer.tasks.metrics import Rankings
from lmindexer.tasks.recommendation.histories import Histories, HistoryBatch

SCORED_AT_ONCE = 256  # histories


class Recommender(TaskModel):
    """Recommends the next items after a history."""

    kinds = ("recommendation",)

    @abstractmethod
    def rank_histories(
        self,
        histories: Histories,
        depth: int,
        views: Sequence[str] = ("raw", "unseen"),
        *,
        allow: np.ndarray | None = None,
        progress: bool = False,
    ) -> dict[str, Rankings]:
        """The best `depth` items after each history: "raw" among all items, "unseen" without the history's own.

        allow: [N] bool, the items that may be ranked at all.
        """

    def rank(self, split: str, depth: int = DEPTH, *, progress: bool = False) -> dict[str, Rankings]:
        self.check_fitted()
        return self.rank_histories(self.task_.histories(split), depth, self.task_.views, progress=progress)

    @takes(history=ITEMS, user=TEXT_OR_NONE, top=COUNT, seen=ONE_TRUTH, among=ITEMS, category=TEXT_OR_NONE)
    def recommend(
        self,
        history: Sequence[str] | str | None = None,
        *,
        user: str | None = None,
        top: int = 10,
        seen: bool = False,
        among: Sequence[str] | str | None = None,
        category: str | None = None,
    ) -> pd.DataFrame:
        """What comes next after a history of document ids (oldest first), or after all that a user of the task took.

        seen: recommend items of the history too.
        among: recommend only documents of these ids.
        category: recommend only documents below this category, such as "Home > Lamps".

        Returns rank, doc_id, title, score (and id, path where the model goes by semantic IDs). The frame's
        `attrs["note"]` says why there are fewer than `top`, if there are.

        Raises SettingsError for an item, user or category that is not known, an empty history, or both a history and a
        user.

        >>> model.recommend(["T1566.001", "T1204.002"], top=3)                         # doctest: +SKIP
        """
        self.check_fitted()
        if top < 1:
            raise SettingsError(f"top is {top}; ask for 1 item or more.")
        view = "raw" if seen else "unseen"
        asked = self._history_of(history, user)
        items, allow = len(self.task_.corpus), allowed_documents(self.task_.corpus, among, category)
        found = self.rank_histories(asked, min(top, items), (view,), allow=allow)[view]
        frame = self.answers(found.documents[0], found.scores[0])
        frame.attrs["note"] = ""
        if len(frame) < top:
            taken = np.unique(asked[0])
            known = f"The corpus has {items:,} items"
            if allow is not None:
                known, taken = f"{int(allow.sum()):,} of {items:,} items are allowed", taken[allow[taken]]
            frame.attrs["note"] = f"{known}." if seen else f"{known}, and {len(taken):,} of them are in the history."
        return frame

    def _history_of(self, history, user) -> Histories:
        task = self.task_
        if (history is None) == (user is None):
            raise SettingsError("Give either a history of document ids or a user of the task.")
        if user is not None:
            row = task.row_of_user(user)
            return task.all.take([row])
        history = [str(one) for one in ([history] if isinstance(history, str) else history)]
        if not len(history):
            raise SettingsError("The history is empty; give at least one document id, the oldest first.")
        places = pd.Index(task.corpus.doc_ids).get_indexer(history)
        if (places < 0).any():
            unknown = history[int(np.argmax(places < 0))]
            close = nearest(unknown, pd.Index(task.corpus.doc_ids))
            guess = f"did you mean {close!r}?" if close else "give the ids of documents of the corpus."
            raise SettingsError(f"The item {unknown!r} is not in the corpus {task.corpus.name!r}; {guess}")
        return Histories.of([places])


class ItemScorer(Recommender):
    """A recommender that gives every item a score, so that all are ranked exactly."""

    @abstractmethod
    def score_items(self, batch: HistoryBatch) -> Tensor:
        """[B, N] scores of all items after each history, higher is better; those of probability are logarithms."""

    longest: int = 50  # items of a history that `score_items` reads, the newest ones

    def _read(self, histories: Histories, rows) -> HistoryBatch:
        """Some histories as the model reads them, where it computes."""
        return histories.padded(rows, self.longest, pad=len(self.task_.corpus)).to(self.device)

    @torch.no_grad()
    def rank_histories(
        self, histories, depth, views=("raw", "unseen"), *, allow=None, progress=False
    ) -> dict[str, Rankings]:
        items = len(self.task_.corpus)
        depth = min(depth, items)
        found = {view: ([], []) for view in views}
        order = np.argsort(histories.lengths, kind="stable")  # those of like length go together
        bar = tqdm(total=len(histories), desc=f"{self.name}: ranking", unit=" histories", disable=not progress)
        for first in range(0, len(order), SCORED_AT_ONCE):
            rows = order[first : first + SCORED_AT_ONCE]
            scores = self.score_items(self._read(histories, rows)).float()  # [B, N]
            if allow is not None:
                scores[:, torch.from_numpy(~allow)] = -torch.inf
            for view in views:
                if view == "unseen":
                    row, item = histories.take(rows).seen()
                    scores[torch.from_numpy(row), torch.from_numpy(item.astype(np.int64))] = -torch.inf
                for parts, part in zip(found[view], best_items(scores, depth), strict=True):
                    parts.append(part)
            bar.update(len(rows))
        bar.close()
        back = np.argsort(order)
        return {
            view: Rankings(np.concatenate(documents)[back], np.concatenate(scores)[back])
            for view, (documents, scores) in found.items()
        }


def best_items(scores: Tensor, depth: int) -> tuple[np.ndarray, np.ndarray]:
    """The best `depth` items [B, depth] and their scores; equal ones by their places, -1 where the score is -inf."""
    best = scores.topk(depth, dim=1)
    last, places = best.values[:, -1:], best.indices
    tied = (scores >= last).sum(1) > depth
    if bool(tied.any()):  # topk takes any of those that tie at the end: take the earliest
        some, end = scores[tied], last[tied]
        equal = some == end
        wanted = depth - (some > end).sum(1, keepdim=True)
        kept = (some > end) | (equal & (equal.cumsum(1) <= wanted))
        places = places.clone()
        places[tied] = kept.nonzero()[:, 1].view(-1, depth)
    values = scores.gather(1, places).cpu().numpy()
    items = np.where(values == -np.inf, -1, places.cpu().numpy())
    order = np.lexsort((items, -values), axis=1)
    return np.take_along_axis(items, order, 1), np.take_along_axis(values, order, 1)
