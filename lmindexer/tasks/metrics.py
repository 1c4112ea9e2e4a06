"""How good a ranking is: Recall, Hit, NDCG, MAP and MRR at any k, for each query on its own.

With g_r the gain of the document at rank r, R the number of relevant documents (gain > 0) of the query and g*_r the
gains of all its relevant documents in falling order:

    Hit@k      1 if any of the first k is relevant
    Recall@k   relevant among the first k / R
    NDCG@k     Σ_{r≤k} g_r / log2(r + 1)  over  Σ_{r≤k} g*_r / log2(r + 1)
    MAP@k      1/R Σ_{r≤k} [g_r > 0] · relevant among the first r / r
    MRR@k      1 / rank of the first relevant one, 0 where it is beyond k

These are trec_eval's definitions (recall_k, success_k, ndcg_cut_k, map_cut_k, recip_rank of a list cut at k): the
ideal and R know all relevant documents, not only those that were found.

Equal scores are ranked pessimistically: among documents with one score the relevant ones come last. A model that
gives every document one score so gets nothing by the luck of an order.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmindexer.common.errors import SettingsError

NAMES = ("Hit", "Recall", "NDCG", "MAP", "MRR")


@dataclass(frozen=True, eq=False)
class Rankings:
    """The best documents of each query.

    documents  [Q, D] places in the corpus, the best first; -1 where there is no further document
    scores     [Q, D] falling along each row; of no meaning where the document is -1
    """

    documents: np.ndarray
    scores: np.ndarray

    def __len__(self) -> int:
        return len(self.documents)

    @property
    def depth(self) -> int:
        return self.documents.shape[1]


@dataclass(frozen=True, eq=False)
class Judgements:
    """Which documents are right for which query: P pairs of a query (0 … queries - 1), a document and its gain > 0."""

    query: np.ndarray
    document: np.ndarray
    gain: np.ndarray
    queries: int

    @classmethod
    def of_targets(cls, documents: Sequence[int]) -> "Judgements":
        """One right document a query, with gain 1.

        >>> Judgements.of_targets([7, 3]).document.tolist()
        [7, 3]
        """
        documents = np.asarray(documents, dtype=np.int64)
        return cls(np.arange(len(documents)), documents, np.ones(len(documents)), len(documents))

    def take(self, rows) -> "Judgements":
        """Those of the queries at `rows` (each once), numbered anew in that order."""
        place = np.full(self.queries, -1)
        place[np.asarray(rows)] = np.arange(len(rows))
        kept = place[self.query] >= 0
        order = np.argsort(place[self.query[kept]], kind="stable")
        parts = (place[self.query], self.document, self.gain)
        return Judgements(*(part[kept][order] for part in parts), len(rows))

    @property
    def counts(self) -> np.ndarray:
        """[Q] number of right documents."""
        return np.bincount(self.query, minlength=self.queries)

    def gains_of(self, documents: np.ndarray) -> np.ndarray:
        """[Q, D] gains of ranked documents [Q, D]; 0 for those that are not judged right, and for -1."""
        width = int(max(documents.max(initial=0), self.document.max(initial=0))) + 1
        key = self.query * width + self.document
        order = np.argsort(key, kind="stable")
        wanted = np.arange(len(documents))[:, None] * width + documents
        place = np.searchsorted(key[order], wanted).clip(max=max(0, len(key) - 1))
        if not len(key):
            return np.zeros(documents.shape)
        found = (key[order][place] == wanted) & (documents >= 0)
        return np.where(found, self.gain[order][place], 0.0)

    def ideal(self, depth: int) -> np.ndarray:
        """[Q, depth] each query's gains in falling order, 0 after the last."""
        order = np.lexsort((-self.gain, self.query))
        query = self.query[order]
        place = np.arange(len(query)) - np.concatenate([[0], np.cumsum(self.counts)])[query]
        table = np.zeros((self.queries, depth))
        there = place < depth
        table[query[there], place[there]] = self.gain[order][there]
        return table


def measure(rankings: Rankings, judgements: Judgements, metrics: Sequence[str]) -> dict[str, np.ndarray]:
    """Each metric of each query: {"Recall@5": [Q], …}; the mean over queries is the figure of a table.

    A query without any right document has NaN everywhere. Give lists deeper than the largest k: then documents tied
    with the last one listed count as missed, for others with their score may stand behind it. What a list does not
    hold is not found: a list shorter than k is taken to be all that the model has to say.

    Raises SettingsError for a metric that is not known.

    >>> rankings = Rankings(np.array([[4, 2, 9]]), np.array([[3.0, 2.0, 1.0]]))
    >>> {name: value.round(3).tolist() for name, value in
    ...  measure(rankings, Judgements.of_targets([2]), ["Recall@1", "Recall@2", "MRR@3", "NDCG@3"]).items()}
    {'Recall@1': [0.0], 'Recall@2': [1.0], 'MRR@3': [0.5], 'NDCG@3': [0.631]}
    """
    wanted = [parse_metric(name) for name in metrics]
    deepest = max((k for _, k in wanted), default=1)
    if len(rankings) != judgements.queries:
        raise SettingsError(
            f"There are rankings of {len(rankings):,} queries and judgements of {judgements.queries:,}; give both of "
            "the same queries."
        )
    gains = pessimistic_gains(rankings, judgements, deepest)
    ideal, relevant = judgements.ideal(deepest), judgements.counts.astype(float)
    relevant[relevant == 0] = np.nan
    return {
        name: _FORMULAS[kind](gains[:, :k], ideal[:, :k], relevant)
        for name, (kind, k) in zip(metrics, wanted, strict=True)
    }


def parse_metric(name: str) -> tuple[str, int]:
    """ "NDCG@10" → ("NDCG", 10).

    Raises SettingsError for anything else.
    """
    found = re.fullmatch(r"([A-Za-z]+)@([1-9][0-9]*)", str(name))
    if not found or found[1] not in NAMES:
        raise SettingsError(f"{name!r} is no metric; write one of {', '.join(NAMES)} with a depth, as in NDCG@10.")
    return found[1], int(found[2])


def pessimistic_gains(rankings: Rankings, judgements: Judgements, depth: int) -> np.ndarray:
    """[Q, depth] gains by rank, the relevant documents last among those with one score."""
    documents, scores = rankings.documents, np.asarray(rankings.scores, dtype=float)
    if documents.shape[1] < depth:
        spare = depth - documents.shape[1]
        documents = np.pad(documents, ((0, 0), (0, spare)), constant_values=-1)
        scores = np.pad(scores, ((0, 0), (0, spare)), constant_values=-np.inf)
    scores = np.where(documents < 0, -np.inf, scores)
    gains = judgements.gains_of(documents)
    if documents.shape[1] > depth:  # ties may go on behind the end of the list
        gains = np.where((scores == scores[:, -1:]) & (documents[:, -1:] >= 0), 0.0, gains)
    order = np.lexsort((gains, -scores), axis=1)[:, :depth]
    return np.take_along_axis(gains, order, axis=1)


# ---- the formulas: gains [Q, k] by rank, ideal [Q, k], relevant [Q] with NaN for 0 ------------------------------


def _hit(gains, ideal, relevant):
    return np.where(np.isnan(relevant), np.nan, (gains > 0).any(1).astype(float))


def _recall(gains, ideal, relevant):
    return (gains > 0).sum(1) / relevant


def _ndcg(gains, ideal, relevant):
    discount = 1 / np.log2(np.arange(2, gains.shape[1] + 2))
    best = ideal @ discount
    return np.divide(gains @ discount, best, out=np.full(len(gains), np.nan), where=best > 0)


def _map(gains, ideal, relevant):
    hits = gains > 0
    precision = hits.cumsum(1) / np.arange(1, gains.shape[1] + 1)
    return (hits * precision).sum(1) / relevant


def _mrr(gains, ideal, relevant):
    hits = gains > 0
    first = np.where(hits.any(1), 1 / (hits.argmax(1) + 1), 0.0)
    return np.where(np.isnan(relevant), np.nan, first)


_FORMULAS = dict(zip(NAMES, (_hit, _recall, _ndcg, _map, _mrr), strict=True))
