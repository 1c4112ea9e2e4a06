"""Search tasks: a text in, a document out. `Retrieval` (question → passage) and `ProductSearch` (query → product)."""

from functools import cached_property
from typing import ClassVar

import numpy as np
import pandas as pd

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.common.kinds import COUNT, NUMBER, takes
from lmindexer.corpus.corpus import Corpus, Queries
from lmindexer.tasks.base import Task, register
from lmindexer.tasks.kinds import CORPUS, QUERIES
from lmindexer.tasks.metrics import Judgements
from lmindexer.tasks.search.splits import (
    SPLITS,
    checked_shares,
    drawn,
    drawn_split,
    given_split,
    last_split,
    leaking,
)


class SearchTask(Task):
    """Queries with judged documents, split by query.

    A judgement's gain is its `score` minus `irrelevant` (a query without scores: 1); what is not above zero is no
    right document. Splits are the column `split` where every row has it (dev is validation); otherwise they are drawn
    by a hash of the query's words. No question stands in two splits: where given splits repeat one, the later split
    (test before validation before training) keeps it. What was left out on the way is counted in `notes`.

    Args:
        corpus: its `queries` are asked, unless others are given.
        queries: rows query_id, text, doc_id and, if there, score and split. Judgements of documents that the corpus
            does not hold are left out and counted; so are queries that then have no right document.
        irrelevant: the score that says "not relevant": 0, or 1 where grades go from 1 to 3.
        seed, shares: of drawn splits.

    Attributes: `notes` (sentences about what was left out), `frame` (query, document, gain, split).

    Raises CorpusError where nothing is left to ask.
    """

    irrelevant: ClassVar[float] = 0.0

    @takes(corpus=CORPUS, queries=QUERIES, irrelevant=NUMBER, seed=COUNT)
    def __init__(
        self,
        corpus: Corpus,
        queries: Queries | None = None,
        *,
        irrelevant: float | None = None,
        seed: int = 0,
        shares: tuple[float, float, float] = (0.8, 0.1, 0.1),
    ):
        queries = corpus.queries if queries is None else queries
        if queries is None or not len(queries):
            raise CorpusError(
                f"{corpus.name} has no queries, so nothing can be searched for; set corpus.queries = "
                "Queries.from_file(…) with the columns query_id, text and doc_id."
            )
        self.corpus, self.notes = corpus, []
        zero = self.irrelevant if irrelevant is None else float(irrelevant)
        if zero - zero != 0:
            raise SettingsError(f"irrelevant is {zero}; give the score that says 'not relevant', such as 0.")
        self.options = {"irrelevant": zero, "seed": int(seed), "shares": checked_shares(shares)}
        self._read(queries)

    def _read(self, queries: Queries) -> None:
        frame, source = queries.frame, queries.source
        names = frame.drop_duplicates("query_id")
        split = self._splits(names, frame, source)
        left_out = leaking(names["text"].tolist(), split)
        if left_out.any():
            self.notes.append(
                f"{int(left_out.sum()):,} of {len(names):,} queries ask in the same words what a later split asks, and "
                "were left out"
            )
        document = pd.Index(self.corpus.doc_ids).get_indexer(frame["doc_id"].to_numpy())
        score = frame["score"].to_numpy(dtype=float) if "score" in frame else np.ones(len(frame))
        gain = np.where(np.isnan(score), 1.0, score) - (self.options["irrelevant"] if "score" in frame else 0.0)
        unknown = document < 0
        if unknown.any():
            about = frame.loc[unknown, "doc_id"].nunique()
            self.notes.append(
                f"{int(unknown.sum()):,} of {len(frame):,} judgements are about {about:,} documents that the corpus "
                "does not hold, and were left out"
            )
        query = pd.Index(names["query_id"]).get_indexer(frame["query_id"].to_numpy())
        kept = ~unknown & (gain > 0) & ~left_out[query]
        without = np.setdiff1d(np.flatnonzero(~left_out), query[kept])
        if len(without):
            self.notes.append(f"{len(without):,} of {len(names):,} queries have no right document, and were left out")
        if not kept.any():
            raise CorpusError(f"{source}: no query has a right document in {self.corpus.name!r}; check the doc_ids.")
        self._names, self._texts = names["query_id"].to_numpy(dtype=str), names["text"].to_numpy(dtype=object)
        self._split = split
        pairs = pd.DataFrame({"query": query[kept], "document": document[kept], "gain": gain[kept]})
        self._pairs = pairs.sort_values(["query", "document"], kind="stable").reset_index(drop=True)

    def _splits(self, names: pd.DataFrame, frame: pd.DataFrame, source: str) -> np.ndarray:
        """The split of each query in `names`; `frame` has all judgements."""
        if "split" in frame and frame["split"].notna().all():
            query = pd.Index(names["query_id"]).get_indexer(frame["query_id"].to_numpy())
            found, several = last_split(query, given_split(frame["split"], source))
            if several:
                self.notes.append(
                    f"{several:,} of {len(names):,} queries have judgements in several splits, and are in the last "
                    "of them with all of theirs"
                )
            return found
        if "split" in frame and frame["split"].notna().any():
            self.notes.append("some queries name no split, so all were split anew")
        return drawn_split(names["text"].tolist(), self.options["seed"], tuple(self.options["shares"]))

    def __repr__(self) -> str:
        counts = ", ".join(f"{len(self._rows(split)):,} {split}" for split in SPLITS)
        return f"{type(self).__name__}({self.corpus.name!r}, {len(self.corpus):,} documents, queries: {counts})"

    # ---- what is asked -------------------------------------------------------------------------------------------

    @cached_property
    def _rows_of(self) -> dict[str, np.ndarray]:
        asked = np.unique(self._pairs["query"])
        return {split: asked[self._split[asked] == split] for split in SPLITS}

    def _rows(self, split: str) -> np.ndarray:
        if split not in self._rows_of:
            raise SettingsError(f"The split {split!r} is not known; give one of {', '.join(SPLITS)}.")
        return self._rows_of[split]

    def texts(self, split: str) -> list[str]:
        """The texts of a split's queries, a row each."""
        return self._texts[self._rows(split)].tolist()

    def query_ids(self, split: str) -> list[str]:
        return self._names[self._rows(split)].tolist()

    def judgements(self, split: str) -> Judgements:
        rows = self._rows(split)
        place = np.full(len(self._names), -1)
        place[rows] = np.arange(len(rows))
        pairs = self._pairs[place[self._pairs["query"]] >= 0]
        query = place[pairs["query"]]
        return Judgements(query, pairs["document"].to_numpy(), pairs["gain"].to_numpy(dtype=float), len(rows))

    # ---- on disk -------------------------------------------------------------------------------------------------

    @takes(train=COUNT, validation=COUNT, test=COUNT, seed=COUNT)
    def sample(self, train: int, validation: int, test: int, seed: int = 0) -> "SearchTask":
        """The task with that many queries of each split, or all where there are fewer; documents stay all.

        Queries are drawn by a hash of their ids and the seed, so the same ones come from any order of the file and on
        any machine, and a larger sample holds a smaller one.

        >>> Retrieval(lmindexer.load_sample("attack")).sample(5000, 500, 800)           # doctest: +SKIP
        Retrieval('attack', 691 documents, queries: 5,000 train, 500 validation, 800 test)
        """
        wanted, frame = (train, validation, test), self.splits_frame()
        if min(wanted) < 0 or not any(wanted):
            raise SettingsError(f"The sample is {wanted}; give numbers of queries, such as 5000, 500 and 800.")
        parts = (drawn(self.query_ids(split), n, seed) for split, n in zip(SPLITS, wanted, strict=True))
        chosen = [name for part in parts for name in part]
        options = self.options | {"sample": [int(n) for n in wanted], "sample_seed": int(seed)}
        task = type(self).from_frame(self.corpus, frame[frame["query_id"].isin(chosen)], options)
        whole = frame["query_id"].nunique()
        task.notes = [*self.notes, f"of {whole:,} queries {len(chosen):,} were drawn (seed {seed})"]
        return task

    def splits_frame(self) -> pd.DataFrame:
        """query_id, text, doc_id, gain, split: one row a right document."""
        query = self._pairs["query"].to_numpy()
        return pd.DataFrame(
            {
                "query_id": self._names[query],
                "text": self._texts[query],
                "doc_id": self.corpus.doc_ids[self._pairs["document"]],
                "gain": self._pairs["gain"].to_numpy(dtype=float),
                "split": self._split[query],
            }
        )

    @classmethod
    def from_frame(cls, corpus: Corpus, splits: pd.DataFrame, options: dict) -> "SearchTask":
        """The task again: what was left out stays out, and gains are what they were."""
        task = cls.__new__(cls)
        task.corpus, task.options, task.notes = corpus, dict(options), []
        names = splits.drop_duplicates("query_id")
        task._names = names["query_id"].to_numpy(dtype=str)
        task._texts, task._split = names["text"].to_numpy(dtype=object), names["split"].to_numpy(dtype=str)
        query = pd.Index(names["query_id"]).get_indexer(splits["query_id"])
        document = pd.Index(corpus.doc_ids).get_indexer(splits["doc_id"])
        task._pairs = pd.DataFrame({"query": query, "document": document, "gain": splits["gain"].to_numpy(float)})
        return task


@register
class Retrieval(SearchTask):
    """Document retrieval: a question, and the passage that answers it (the slides' Table 6).

    >>> task = Retrieval(lmindexer.load_sample("wordnet"))                              # doctest: +SKIP
    >>> task                                                                            # doctest: +SKIP
    Retrieval('wordnet', 11,044 documents, queries: 9,872 train, 1,197 validation, 1,215 test)
    """

    kind = "retrieval"
    metrics = ("Recall@1", "Recall@10", "NDCG@10", "MRR@10")


@register
class ProductSearch(SearchTask):
    """Product search: a shopper's words, and the products that fit, more or less well (the slides' Table 4).

    Graded labels count as gains in NDCG; Recall and MAP take every gain above zero as right.

    >>> ProductSearch(corpus, queries, irrelevant=1)    # grades 1 (no) to 3 (fits)    # doctest: +SKIP
    """

    kind = "product_search"
    metrics = ("NDCG@5", "MAP@5", "Recall@10", "NDCG@10")
