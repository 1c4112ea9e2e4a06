"""`SearchModel`: what every search method has in common: texts in, ranked documents out."""

import inspect
from abc import abstractmethod
from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch

from lmindexer.common.errors import LMIndexerError, SettingsError
from lmindexer.common.kinds import COUNT, ITEMS, TEXT, TEXT_OR_NONE, takes
from lmindexer.tasks.allowing import allowed_documents
from lmindexer.tasks.base import DEPTH, TaskModel
from lmindexer.tasks.decoding import where_lost
from lmindexer.tasks.metrics import Judgements, Rankings, measure

LONGEST = 2_000  # characters of a query that are read: more than any question, less than would stop a machine
LOST_AT_ONCE = 256  # judgements that are followed together


class SearchModel(TaskModel):
    """A task model that answers texts.

    A subclass gives `rank_texts`; `search` and `rank` are here.
    """

    kinds = ("retrieval", "product_search")

    @abstractmethod
    def rank_texts(
        self, texts: Sequence[str], depth: int, *, allow: np.ndarray | None = None, progress: bool = False
    ) -> Rankings:
        """The best `depth` documents for each text, [Q, depth]; allow: [N] bool, the documents that may be found."""

    def rank(self, split: str, depth: int = DEPTH, *, progress: bool = False) -> dict[str, Rankings]:
        self.check_fitted()
        return {"all": self.rank_texts(self.task_.texts(split), depth, progress=progress)}

    @takes(query=TEXT, top=COUNT, among=ITEMS, category=TEXT_OR_NONE)
    def search(
        self,
        query: str,
        top: int = 10,
        *,
        among: Sequence[str] | str | None = None,
        category: str | None = None,
        **options,
    ) -> pd.DataFrame:
        """The best documents for a text: rank, doc_id, title, score; with IDs also id and path.

        A query is read up to its first 2,000 characters. The frame's `attrs["note"]` says what a person should know:
        that the query was cut, or why nothing was found. options: `rank_texts`' own, such as exact=True.

        among: find only documents of these ids. category: only those below it, such as "Home > Lamps".

        Raises LMIndexerError for an empty query, SettingsError for an option that this model does not have, and for a
        document or category that the corpus does not have.

        >>> model.search("a ball for my little son", top=3)                             # doctest: +SKIP
        """
        self.check_fitted()
        text, note = checked_query(query)
        if top < 1:
            raise LMIndexerError(f"top is {top}; ask for one document or more.")
        self._check_options(options)
        allow = allowed_documents(self.task_.corpus, among, category)
        found = self.rank_texts([text], min(top, len(self.task_.corpus)), allow=allow, **options)
        frame = self.answers(found.documents[0], found.scores[0])
        why = self.not_understood(text) if len(frame) else self.nothing_found(text)
        if allow is not None and len(frame) < top:
            why = f"{int(allow.sum()):,} of {len(allow):,} documents are allowed. {why}".strip()
        frame.attrs["note"] = " ".join(filter(None, [note, why]))
        return frame

    def _check_options(self, options: dict) -> None:
        known = list(inspect.signature(self.rank_texts).parameters)[2:]
        known = [name for name in known if name not in ("allow", "progress")]
        for name in options:
            if name not in known:
                there = f"it takes {', '.join(known)}" if known else "it has one exact ranking"
                raise SettingsError(f"{self.name} knows no {name!r}; {there}. Leave {name} out.")

    def nothing_found(self, text: str) -> str:
        """Why a query can have no answer."""
        return "No document fits this query; write it in other words."

    def not_understood(self, text: str) -> str:
        """Why an answer means nothing, where the model could read nothing of the query; else empty."""
        return ""


@torch.no_grad()
def lost_by(model, split: str, width: int, rows: Sequence[int] | None = None) -> pd.DataFrame:
    """Where the right documents of a split's queries left the beam (`decoding.where_lost`), one row a judgement.

    model: with `task_`, `scorer(texts)` and `tree`. rows: of the queries; all where left out. The column `query` has
    them.
    """
    judged, texts, parts = model.task_.judgements(split), model.task_.texts(split), []
    asked = np.arange(judged.queries) if rows is None else np.asarray(rows)
    judged = judged.take(asked)
    for first in range(0, len(judged.query), LOST_AT_ONCE):
        some = slice(first, first + LOST_AT_ONCE)
        query = asked[judged.query[some]]
        right = torch.from_numpy(judged.document[some])
        part = where_lost(model.scorer([texts[one] for one in query]), model.tree, right, width)
        parts.append(part.assign(query=query))
    return pd.concat(parts, ignore_index=True)


def checked_query(query: str) -> tuple[str, str]:
    """The text as it is read, and a note where that is not all of it.

    >>> checked_query(" a ball ")
    ('a ball', '')
    """
    text = " ".join(str(query).split())
    if not text:
        raise LMIndexerError('The query is empty; give some words, such as "a ball for my little son".')
    if len(text) <= LONGEST:
        return text, ""
    return text[:LONGEST], f"The query has {len(text):,} characters; its first {LONGEST:,} were read."


def top_of(scores: np.ndarray, depth: int) -> Rankings:
    """The `depth` best of scores [Q, N], equal ones in the corpus's order; -inf is no answer.

    >>> top_of(np.array([[1.0, 3.0, -np.inf]]), 3).documents.tolist()
    [[1, 0, -1]]
    """
    scores = np.asarray(scores)
    wanted = min(depth, scores.shape[1])
    if wanted < scores.shape[1]:
        part = np.argpartition(-scores, wanted - 1, axis=1)[:, :wanted]
        part.sort(axis=1)
    else:
        part = np.broadcast_to(np.arange(wanted), scores.shape)
    order = np.argsort(-np.take_along_axis(scores, part, 1), axis=1, kind="stable")
    documents = np.take_along_axis(part, order, 1)
    found = np.take_along_axis(scores, documents, 1)
    return filled(documents, found, depth)


def filled(documents: np.ndarray, scores: np.ndarray, depth: int) -> Rankings:
    """Rankings of exactly `depth` columns; places without an answer (-inf, or beyond the last) hold -1."""
    documents = np.where(np.isneginf(scores), -1, documents)
    missing = depth - documents.shape[1]
    if missing > 0:
        documents = np.pad(documents, ((0, 0), (0, missing)), constant_values=-1)
        scores = np.pad(scores, ((0, 0), (0, missing)), constant_values=-np.inf)
    return Rankings(documents[:, :depth].astype(np.int64), scores[:, :depth].astype(np.float64))


def mean_ndcg(rankings: Rankings, judged: Judgements) -> float:
    """Mean NDCG@10, by which search models choose."""
    return float(measure(rankings, judged, ("NDCG@10",))["NDCG@10"].mean())
