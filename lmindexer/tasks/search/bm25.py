"""`BM25`: words that query and document share, weighed by how rare they are; k1 and b chosen on validation."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.common.errors import BundleError, SettingsError
from lmindexer.common.kinds import NUMBER, TEXT, TEXT_OR_NONE, takes
from lmindexer.tasks.base import Task, register
from lmindexer.tasks.fitting import Fitting
from lmindexer.tasks.metrics import Rankings, measure
from lmindexer.tasks.search.base import SearchModel, filled
from lmindexer.tasks.search.setting_rules import checked_settings

# BEIR's published lines are made at .9 and .4, Lucene's own settings are 1.2 and .75, bm25s' 1.5 and .75
GRID = [(k1, b) for k1 in (0.4, 0.9, 1.2, 1.5, 2.0, 3.0) for b in (0.0, 0.2, 0.4, 0.6, 0.75, 0.9)]
STOPWORDS = ("en", "english_plus", "none")
_WORD = r"(?u)\b\w\w+\b"  # bm25s' own


@register
class BM25(SearchModel):
    """BM25 as Lucene counts it (bm25s), over stemmed words.

        score(q, d) = Σ_{w ∈ q} ln(1 + (N − n_w + ½) / (n_w + ½)) · f / (f + k1 (1 − b + b |d| / mean |d|))

    with f the times w stands in d and n_w the documents that hold w. Documents that share no word with the query are
    no answer.

    Args:
        k1, b: numbers, or None to have both chosen by NDCG@10 on the validation queries.
        stemmer: a Snowball language (PyStemmer), or None. It matters more than k1 and b (docs/results/retrieval.md).
        stopwords: "en" (33 words), "english_plus" (also how, what, do, …) or "none".
        training_queries: append each training query to its right documents, so that words learned from people count.

    >>> BM25(k1=0.9, b=0.4).fit(task).search("angle bracket")                            # doctest: +SKIP
    """

    method = "bm25"
    label = "bm25"

    @takes(k1=NUMBER, b=NUMBER, stemmer=TEXT_OR_NONE, stopwords=TEXT, name=TEXT)
    def __init__(
        self,
        k1: float | None = None,
        b: float | None = None,
        *,
        stemmer: str | None = "english",
        stopwords: str = "english_plus",
        training_queries: bool = False,
        seed: int = 0,
        name: str | None = None,
    ):
        super().__init__(name or ("bm25 + training queries" if training_queries else None))
        if (k1 is None) != (b is None):
            raise SettingsError("Give both k1 and b, or neither to have them chosen on the validation queries.")
        if k1 is not None and not (k1 >= 0 and 0 <= b <= 1):
            raise SettingsError(f"k1 is {k1} and b {b}; k1 is 0 or more and b between 0 and 1.")
        if stopwords not in STOPWORDS:
            raise SettingsError(f"stopwords are {stopwords!r}; give one of {', '.join(STOPWORDS)}.")
        self.settings = {"k1": k1, "b": b, "stemmer": stemmer, "stopwords": stopwords}
        self.settings |= {"training_queries": training_queries, "seed": seed}
        self.settings = checked_settings(self.settings)
        self.k1_, self.b_, self._index, self._tokens = k1, b, None, None

    # ---- fit -----------------------------------------------------------------------------------------------------

    def _fit(self, task: Task, fitting: Fitting) -> None:
        self._tokens = self._tokenised(self._documents(task))
        if self.settings["k1"] is None:
            self.history_ = self._chosen(task)
            best = self.history_["NDCG@10"].idxmax()
            self.k1_, self.b_ = (float(self.history_.loc[best, name]) for name in ("k1", "b"))
        self._index = self._indexed(self.k1_, self.b_)

    def _documents(self, task: Task) -> list[str]:
        documents = task.corpus.documents()
        if self.settings["training_queries"]:
            judged, texts = task.judgements("train"), task.texts("train")
            for query, document in zip(judged.query.tolist(), judged.document.tolist(), strict=True):
                documents[document] += f" {texts[query]}"
        return documents

    def _chosen(self, task: Task) -> pd.DataFrame:
        """NDCG@10 of every k1 and b of the grid on the validation queries; the middle of the grid without any."""
        texts = task.texts("validation")
        if not texts:
            return pd.DataFrame([{"k1": 0.9, "b": 0.4, "NDCG@10": np.nan, "seconds": 0.0}]).fillna({"NDCG@10": 0.0})
        judged, rows = task.judgements("validation"), []
        words = self._query_words(texts)
        for k1, b in GRID:
            ranked = self._ranked(self._indexed(k1, b), words, 50)
            rows.append({"k1": k1, "b": b, "NDCG@10": float(measure(ranked, judged, ("NDCG@10",))["NDCG@10"].mean())})
        return pd.DataFrame(rows).assign(seconds=0.0)

    # ---- words and the index -------------------------------------------------------------------------------------

    def _tokenised(self, texts: Sequence[str], ids: bool = True):
        import bm25s

        stopwords = None if self.settings["stopwords"] == "none" else self.settings["stopwords"]
        return bm25s.tokenize(
            list(texts),
            stopwords=stopwords,
            stemmer=_stemmer(self.settings["stemmer"]),
            token_pattern=_WORD,
            return_ids=ids,
            show_progress=False,
        )

    def _query_words(self, texts: Sequence[str]) -> list[list[str]]:
        return [list(words) for words in self._tokenised(texts, ids=False)]

    def _indexed(self, k1: float, b: float):
        import bm25s

        index = bm25s.BM25(method="lucene", k1=k1, b=b)
        index.index(self._tokens, show_progress=False)
        return index

    def _ranked(self, index, words: list[list[str]], depth: int, allow: np.ndarray | None = None) -> Rankings:
        documents = len(self.task_.corpus)
        wanted = min(depth, documents)
        known = [[word for word in query if word in index.vocab_dict] for query in words]
        places, scores = np.full((len(words), wanted), -1), np.full((len(words), wanted), -np.inf)
        asked = [row for row, query in enumerate(known) if query]
        if asked:
            weight = None if allow is None else allow.astype(np.float32)  # a score of 0 is no answer
            some = [known[row] for row in asked]
            found = index.retrieve(some, k=wanted, show_progress=False, n_threads=1, weight_mask=weight)
            places[asked], scores[asked] = found.documents, np.where(found.scores > 0, found.scores, -np.inf)
        order = np.lexsort((places, -scores), axis=1)  # equal scores in the corpus's order
        return filled(np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1), depth)

    def rank_texts(
        self, texts: Sequence[str], depth: int, *, allow: np.ndarray | None = None, progress: bool = False
    ) -> Rankings:
        self.check_fitted()
        return self._ranked(self._index, self._query_words(texts), depth, allow)

    def nothing_found(self, text: str) -> str:
        return "No word of this query stands in any document (common words do not count); write it in other words."

    # ---- save and load -------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> None:
        (folder / "config.json").write_text(json.dumps({"k1": self.k1_, "b": self.b_}), encoding="utf-8")

    @classmethod
    def _load_model(cls, folder: Path, task: Task, settings: dict) -> "BM25":
        model = cls(**settings)
        try:
            kept = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            model.k1_, model.b_ = float(kept["k1"]), float(kept["b"])
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise BundleError(f"{folder} holds no bm25 that can be read ({error}); fit it again.") from error
        model._tokens = model._tokenised(model._documents(task))  # seconds for a million documents: nothing is stored
        model._index = model._indexed(model.k1_, model.b_)
        return model


def _stemmer(language: str | None):
    if language is None:
        return None
    import Stemmer

    try:
        return Stemmer.Stemmer(language)
    except KeyError:
        known = ", ".join(Stemmer.algorithms())
        raise SettingsError(f"There is no stemmer for {language!r}; give one of {known}, or None.") from None
