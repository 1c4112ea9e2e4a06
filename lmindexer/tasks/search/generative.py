"""`GenerativeRetriever`: a query in, a document's ID out, code by code down the tree of IDs that exist."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import COUNT, NUMBER, TEXT, takes
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers import load_indexer
from lmindexer.indexers.base import Indexer
from lmindexer.runs.bundle import Bundle
from lmindexer.tasks.adding import joined
from lmindexer.tasks.base import DEPTH, Task, register
from lmindexer.tasks.decoding import Filter, all_scores, beam_search
from lmindexer.tasks.fitting import FitSettings, Fitting, train
from lmindexer.tasks.metrics import Rankings
from lmindexer.tasks.search import generative_files
from lmindexer.tasks.search.adding import extended
from lmindexer.tasks.search.asked import Asked
from lmindexer.tasks.search.base import SearchModel, filled, lost_by, mean_ndcg, top_of
from lmindexer.tasks.search.forms import NodeRows, PrefixRows, SharedRows
from lmindexer.tasks.search.pseudo_queries import checked_kinds, pseudo_queries
from lmindexer.tasks.search.setting_rules import checked_settings
from lmindexer.tasks.search.training_pairs import TrainingPairs, batches_of
from lmindexer.tasks.search.vectors import TextVectors
from lmindexer.tasks.search.views import cut, rescored, ties_by

FORMS = {"nodes": "rows of the node", "prefix": "rows from the prefix's codes", "codes": "shared rows"}
LAMBDAS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 40.0, 80.0)
BATCH = 256  # queries that are decoded together
WITHIN_TIES = 1_000  # documents of a beam that are looked at where many may have one score


@register
class GenerativeRetriever(SearchModel):
    """Search by generating IDs: score(d | q) = Σ_t log P(c^t | q, c^{<t}), the suffix (or the document) being last.

    The query's vector q (of a frozen encoder) goes through a learned map, h = q + A q. Three forms of the rest:

    - form="codes", the slides': a row for each code, shared by all prefixes, and a depth decoder that knows the
      prefix. Documents with equal codes have equal scores.
    - form="prefix": a code's row is moved by the codes before it, in `rank` directions (`prefix_rows`). No vector of a
      node or a document is kept; documents with equal codes have equal scores.
    - form="nodes": up to `rows` vectors for each node of the ID tree, so rows depend on the prefix; the documents'
      own vectors are the rows of the last level, and beside them those of the training queries that ask for each
      (`summaries`, `asked`).

    `rank` gives several views: "all" is the path's score alone; "ties" (not form="nodes") orders documents of
    equal scores by h · d; "hybrid" is the path's score + λ h · d over the beam's documents, λ chosen on validation.

    Args:
        indexer: its IDs are generated, and new documents get theirs from it: a fitted one, the folder of its run, or
            one that is not fitted yet (it is fitted on the task's corpus first, at the expense of this fit). Bare
            `SemanticIDs` will do too where no documents are added later.
        rows: m of form="nodes".
        learn_rows: form="nodes" also learns the rows of documents, d + r_d: better where most documents have training
            queries, worse where few have.
        query_weight: form="nodes": w of a training query's vector beside the 1 of a document's own text; 0 for none,
            None to have it chosen on the validation queries before training. Documents that are added later were never
            asked for: with a weight they are found less often (docs/results/retrieval.md).
        rank: of form="prefix".
        embeddings: of queries and documents.
        pseudo: what stands in for queries of documents that have none (`pseudo_queries.KINDS`), () for none.
        pseudo_share: of the pseudo-queries, how many each epoch sees.
        normalise: of form="codes": "tree", over the codes that exist after the prefix, or "codebook" (the slides').
        beam: prefixes kept after each code, or as many as documents are asked for where those are more.
        ids: what a run says of the indexer it was made with; for loading.
        device: "auto" takes a GPU where there is one.

    >>> model = GenerativeRetriever("runs/wordnet").fit(task, run="runs/wordnet-search")   # doctest: +SKIP
    >>> model.search("a ball for my little son", top=3)                                    # doctest: +SKIP
    """

    method = "generative_retriever"
    in_parts = True
    label = "generative"

    @takes(form=TEXT, rows=COUNT, epochs=COUNT, learning_rate=NUMBER, batch=COUNT, beam=COUNT, seed=COUNT, name=TEXT)
    def __init__(
        self,
        indexer: "Indexer | SemanticIDs | str | Path | None" = None,
        form: str = "nodes",
        *,
        rows: int = 8,
        learn_rows: bool = False,
        query_weight: float | None = None,
        rank: int = 256,
        embeddings="minilm",
        epochs: int = 6,
        learning_rate: float = 1e-3,
        batch: int = 256,
        pseudo: Sequence[str] = ("document",),
        pseudo_share: float = 0.5,
        normalise: str = "tree",
        beam: int = 50,
        seed: int = 0,
        name: str | None = None,
        ids: dict | None = None,
        device: str = "auto",
    ):
        if form not in FORMS:
            raise SettingsError(f"form is {form!r}; give one of {', '.join(FORMS)}.")
        super().__init__(name or f"generative, {FORMS[form]}", device)
        self.indexer_, self.base_run = _indexer_and_run(indexer)
        self._given = indexer if isinstance(indexer, SemanticIDs) else None
        self.vectors_ = TextVectors(embeddings)
        settings = {"form": form, "rows": rows, "embeddings": self.vectors_.spec, "epochs": epochs}
        settings |= {"learning_rate": learning_rate, "batch": batch, "pseudo": checked_kinds(pseudo)}
        settings |= {"pseudo_share": pseudo_share, "normalise": normalise, "beam": beam}
        described = ids or _described(self.indexer_ or self._given)
        settings |= {"learn_rows": learn_rows, "query_weight": query_weight, "rank": rank}
        settings |= {"seed": seed, "ids": described}
        self.settings = checked_settings(settings) | {"pseudo": settings["pseudo"]}
        self.ids_: SemanticIDs | None = None
        self.form_: NodeRows | PrefixRows | SharedRows | None = None
        self.documents_: np.ndarray | None = None
        self.lambda_ = 0.0

    # ---- fit -----------------------------------------------------------------------------------------------------

    def _fit(self, task: Task, fitting: Fitting) -> None:
        torch.manual_seed(self.settings["seed"])
        self.ids_ = ids_for(self.indexer_, self._given, task)
        self.documents_ = self.vectors_.documents(task.corpus, progress=fitting.progress)
        queries = {name: self.vectors_.texts(task.texts(name)) for name in ("train", "validation")}
        self.form_ = self._new_form(task, queries).to(self.device)
        pairs = self._pairs(task, queries["train"])
        rated = task.judgements("validation")

        def validate() -> dict[str, float]:
            if not rated.queries:
                return {}
            return {"NDCG@10": mean_ndcg(self._plain(queries["validation"], 50, False), rated)}

        size, settings = self.settings["batch"], self.settings
        steps = -(-(pairs.queries + round(pairs.share * len(pairs.extra_documents))) // size)
        self.history_ = train(
            self.form_,
            FitSettings(
                epochs=settings["epochs"],
                learning_rate=settings["learning_rate"],
                weight_decay=0.01,
                warmup_steps=max(1, steps * settings["epochs"] // 20),
                schedule="cosine",
                clip=1.0,
                seed=settings["seed"],
            ),
            batches=lambda epoch: batches_of(*pairs.epoch(epoch, settings["seed"]), size),
            gather=pairs.gather,
            loss=self.form_.loss,
            fitting=fitting,
            validate=validate,
            watch="NDCG@10",
            title="generative retriever",
            answers=lambda vectors, documents, own: len(documents),
        )
        self.form_.eval()
        if rated.queries:
            self.lambda_ = self._best_lambda(queries["validation"], rated)

    def _new_form(self, task: Task, queries: dict[str, np.ndarray]) -> "NodeRows | PrefixRows | SharedRows":
        settings, width = self.settings, self.documents_.shape[1]
        if settings["form"] == "nodes":
            asked = Asked.of_task(task, queries, self.documents_, settings["query_weight"])
            rows, seed, learn = settings["rows"], settings["seed"], settings["learn_rows"]
            return NodeRows(self.ids_, self.documents_, rows, seed, learn, asked)
        books = code_means(self.ids_, self.documents_)
        if settings["form"] == "prefix":
            return PrefixRows(self.ids_, width, settings["rank"], books, self.documents_)
        return SharedRows(self.ids_, width, books, settings["normalise"])

    def _pairs(self, task: Task, queries: np.ndarray) -> TrainingPairs:
        vectors, documents = [queries], []
        for kind in self.settings["pseudo"]:
            if kind == "document":  # an indexing pair: the document's own text, whose vector is known already
                vectors.append(self.documents_)
                documents.append(np.arange(len(self.documents_)))
                continue
            texts, places = pseudo_queries(task.corpus, kind, seed=self.settings["seed"])
            vectors.append(self.vectors_.texts(texts))
            documents.append(places)
        places = np.concatenate(documents) if documents else ()
        return TrainingPairs(task.judgements("train"), np.concatenate(vectors), places, self.settings["pseudo_share"])

    def _best_lambda(self, queries: np.ndarray, rated) -> float:
        found = [mean_ndcg(ranking, rated) for ranking in self._hybrids(queries, DEPTH, LAMBDAS)]
        return float(LAMBDAS[int(np.argmax(found))])  # the first of equal ones: the smallest

    # ---- search --------------------------------------------------------------------------------------------------

    def rank_texts(
        self,
        texts: Sequence[str],
        depth: int,
        *,
        exact: bool = False,
        view: str = "all",
        allow: np.ndarray | None = None,
        progress: bool = False,
    ) -> Rankings:
        """The best documents by the beam, or among all documents (exact)."""
        views = self.rank_views(texts, depth, exact=exact, allow=allow)
        if view not in views:
            raise SettingsError(f"{self.name} has no ranking {view!r}; give one of {', '.join(views)}.")
        return views[view]

    def rank(self, split: str, depth: int = DEPTH, *, progress: bool = False) -> dict[str, Rankings]:
        self.check_fitted()
        return self.rank_views(self.task_.texts(split), depth)

    def rank_views(
        self, texts: Sequence[str], depth: int, *, exact: bool = False, allow: np.ndarray | None = None
    ) -> dict[str, Rankings]:
        """Each view's rankings, from one search; allow: [N] bool, the documents that may be found."""
        self.check_fitted()
        vectors = self.vectors_.texts(texts)
        plain = self._plain(vectors, max(depth, WITHIN_TIES if self.form_.ties else DEPTH), exact, depth, allow)
        dense = self._dense(vectors, plain.documents)
        views = {"all": cut(plain, depth)}
        if self.form_.ties:
            views["ties"] = cut(ties_by(plain, dense), depth)
        return views | {"hybrid": cut(rescored(plain, dense, self.lambda_), depth)}

    def scorer(self, texts: Sequence[str]):
        """What `tasks.decoding` asks, for these queries: for a beam to look at, or `where_lost`."""
        with torch.no_grad():
            return self.form_.scorer(self._states(self.vectors_.texts(texts)))

    def _states(self, vectors: np.ndarray) -> torch.Tensor:
        """h of queries [B, d], where the model computes."""
        return self.form_.states(torch.from_numpy(vectors).to(self.device))

    def _networks(self):
        return (self.form_,)

    @property
    def tree(self):
        """The tree of IDs that is decoded."""
        return self.form_.tree

    def lost(self, split: str = "test", width: int = 20, rows: Sequence[int] | None = None) -> pd.DataFrame:
        """`base.lost_by` of a split: where the right documents of its queries left a beam."""
        self.check_fitted()
        return lost_by(self, split, width, rows)

    @torch.no_grad()
    def _plain(self, vectors: np.ndarray, depth: int, exact: bool, asked: int = 1, allow=None) -> Rankings:
        """Rankings down to `depth`; by a beam that is wide enough for `asked` documents."""
        parts, depth = [], min(depth, len(self.documents_))
        width = max(self.settings["beam"], asked)
        keep = None if allow is None else Filter(self.tree, allow=torch.from_numpy(allow))
        for at in range(0, len(vectors), BATCH):
            scorer = self.form_.scorer(self._states(vectors[at : at + BATCH]))
            if exact:
                scores = all_scores(scorer, self.tree).cpu().numpy()
                parts.append(top_of(scores if allow is None else np.where(allow, scores, -np.inf), depth))
                continue
            found = beam_search(scorer, self.tree, depth, width, keep)
            parts.append(filled(*found.arrays(), depth))
        if not parts:
            return Rankings(np.zeros((0, depth), np.int64), np.zeros((0, depth)))
        return Rankings(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("documents", "scores")))

    @torch.no_grad()
    def _dense(self, vectors: np.ndarray, documents: np.ndarray) -> np.ndarray:
        """h · d of ranked documents [Q, D]; of no meaning at -1."""
        states = self._states(vectors).cpu().numpy()
        found = np.empty(documents.shape, np.float64)
        for at in range(0, len(states), BATCH):
            rows = self.documents_[documents[at : at + BATCH]]
            found[at : at + BATCH] = np.einsum("qd,qkd->qk", states[at : at + BATCH], rows)
        return found

    def _hybrids(self, vectors: np.ndarray, depth: int, weights: Sequence[float]) -> list[Rankings]:
        plain = self._plain(vectors, max(depth, WITHIN_TIES if self.form_.ties else DEPTH), False)
        dense = self._dense(vectors, plain.documents)
        return [rescored(plain, dense, weight) for weight in weights]

    def _id_columns(self, documents: np.ndarray) -> dict[str, list]:
        codes = self.ids_.codes[documents]
        names = self.ids_.unique_strings()[documents]
        paths = [" → ".join(str(code) for code in row if code >= 0) for row in codes.tolist()]
        return {"id": names.tolist(), "path": paths}

    def add(self, documents: Corpus) -> "GenerativeRetriever":
        """Make further documents findable, without training: their codes by the indexer, their rows from their text.

        No ID and nothing that was learned changes. Afterwards `task_.corpus` holds them too.

        Raises LMIndexerError for a document that is there already, BundleError where the indexer's run is gone.
        """
        self.check_fitted()
        corpus = joined(self.task_.corpus, documents)
        if self.indexer_ is None:
            self.indexer_ = load_indexer(self._recorded_run())
        codes = self.indexer_.encode(documents).codes
        self.ids_ = self.ids_.append(self.ids_.extend(documents.doc_ids, codes)[0])
        vectors = self.vectors_.texts(documents.documents())
        self.documents_ = np.concatenate([self.documents_, vectors])
        self.form_ = extended(self.form_.cpu(), self.ids_, self.documents_).to(self.device)
        self.task_ = type(self.task_).from_frame(corpus, self.task_.splits_frame(), self.task_.options)
        return self

    def not_understood(self, text: str) -> str:
        return self.vectors_.not_understood(text)

    def _recorded_run(self) -> str:
        folder = (self.base_run or {}).get("folder")
        if folder is None:
            raise SettingsError(
                f"{self.name} does not know the run of its indexer, so new documents get no IDs; fit it with the "
                "folder of the indexer's run, as in GenerativeRetriever('runs/NAME')."
            )
        return folder

    # ---- save and load -------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> None:
        generative_files.write(self, folder)

    @classmethod
    def _load_model(cls, folder: Path, task: Task, settings: dict) -> "GenerativeRetriever":
        model = cls(**settings)
        generative_files.read(model, folder, task)
        return model


def _indexer_and_run(indexer) -> tuple[Indexer | None, dict | None]:
    if isinstance(indexer, SemanticIDs):
        return None, None
    if indexer is None or isinstance(indexer, Indexer):
        return indexer, None if indexer is None else {"folder": None, "method": indexer.method, "fingerprint": None}
    bundle = Bundle.open(indexer)
    run = {"folder": str(Path(indexer).resolve()), "method": bundle.method}
    return load_indexer(indexer), run | {"fingerprint": bundle.corpus.fingerprint}


def _described(indexer: Indexer | SemanticIDs | None) -> dict | None:
    """Which IDs these are, for the settings: the indexer's method and its own settings; of bare IDs their SHA-256."""
    if isinstance(indexer, SemanticIDs):
        paths = np.column_stack([indexer.codes, indexer.suffix]).astype("<i8")
        return {"method": "given", "settings": {"sha256": hashlib.sha256(paths.tobytes()).hexdigest()[:16]}}
    return None if indexer is None else {"method": indexer.method, "settings": dict(indexer.settings)}


def ids_for(indexer: Indexer | None, given: SemanticIDs | None, task: Task) -> SemanticIDs:
    """The IDs of a task's documents, in the corpus's order; documents the indexer was not fitted on are encoded.

    Raises SettingsError with neither an indexer nor IDs, and for IDs of other documents.
    """
    if given is not None:
        if not np.array_equal(given.doc_ids, task.corpus.doc_ids):
            raise SettingsError(
                f"The IDs are of {len(given):,} documents and not of the {len(task.corpus):,} of {task.corpus.name!r} "
                "in their order; fit the indexer on this corpus, or give the indexer in place of its IDs."
            )
        return given
    if indexer is None:
        raise SettingsError("A generative retriever needs IDs to generate; give a fitted indexer or its run's folder.")
    if indexer.ids_ is None:
        indexer.fit(task.corpus, progress=False)
    stored = indexer.ids_
    if stored is not None and np.array_equal(stored.doc_ids, task.corpus.doc_ids):
        return stored
    return indexer.encode(task.corpus)


def code_means(ids: SemanticIDs, documents: np.ndarray) -> list[np.ndarray]:
    """For each position the mean of what its codes leave to say, [K_t, d]: rows to start from, whatever made the IDs.

    Row c of position t is the mean, over documents with c there, of the vector minus the rows of earlier codes.
    """
    rest, books = documents.astype(np.float32, copy=True), []
    for column, size in zip(ids.codes.T, ids.codebook_sizes, strict=True):
        there = column >= 0
        sums = np.zeros((size, rest.shape[1]), np.float32)
        np.add.at(sums, column[there], rest[there])
        book = sums / np.maximum(np.bincount(column[there], minlength=size), 1)[:, None]
        rest[there] -= book[column[there]]
        books.append(book)
    return books
