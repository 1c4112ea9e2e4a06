"""`DualEncoder`: query and document as vectors, the documents nearest to the query found exactly (faiss)."""

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import COUNT, NUMBER, TEXT, takes
from lmindexer.indexers.model_folder import read_model, write_model
from lmindexer.settings.rules import Range
from lmindexer.tasks.base import Task, register
from lmindexer.tasks.fitting import FitSettings, Fitting, train
from lmindexer.tasks.metrics import Rankings
from lmindexer.tasks.search.asked import NEVER, SCALE, Asked
from lmindexer.tasks.search.base import SearchModel, filled, mean_ndcg
from lmindexer.tasks.search.encoder_training import check_trainable, train_encoder
from lmindexer.tasks.search.level_scorer import grouped
from lmindexer.tasks.search.query_map import QueryMap
from lmindexer.tasks.search.setting_rules import checked_settings
from lmindexer.tasks.search.training_pairs import TrainingPairs, batches_of
from lmindexer.tasks.search.vectors import TextVectors

FORMS = {"frozen": "dense, no training", "map": "dense + query map", "encoder": "Dual Encoder"}
MOST_COMPARED = 16_384  # documents that a softmax goes over; of a larger corpus the batch's own and a sample


@register
class DualEncoder(SearchModel):
    """Dense retrieval: score(q, d) = f(q) · g(d) over all documents, without approximation.

    Args:
        form: "frozen", the encoder as it is; "map", a linear map on the query trained on top of it,
            h = q + A q with softmax(τ h · d) over the documents; "encoder", the encoder itself trained, first
            against the documents of the other queries in the batch, then also against documents that BM25 ranks high
            and nobody judged right (DPR's recipe).
        embeddings: of both sides: "minilm", a sentence-transformers name or folder; for form="encoder" a
            sentence-transformers model.
        epochs, learning_rate, batch: None takes the form's own (map: 10, 1e-3, 256; encoder: 2 + 1, 2e-5, 32).
        most_steps: of the encoder's training, for a budget; None for no limit.
        query_weight: w of what a document was asked for in training, beside the 1 of its own text (`asked`): the score
            is log( exp(τ f(q) · g(d)) + w Σ exp(τ f(q) · f(training query)) ). 0 for none, None to have it chosen on
            the validation queries.
        device: "auto" takes a GPU where there is one.

    >>> DualEncoder("map").fit(task).search("a ball for my little son")                  # doctest: +SKIP
    """

    method = "dual_encoder"
    label = "dense"

    @takes(form=TEXT, epochs=COUNT, learning_rate=NUMBER, batch=COUNT, seed=COUNT, name=TEXT)
    def __init__(
        self,
        form: str = "frozen",
        *,
        embeddings="minilm",
        epochs: int | None = None,
        learning_rate: float | None = None,
        batch: int | None = None,
        most_steps: int | None = None,
        query_weight: float | None = 0.0,
        seed: int = 0,
        name: str | None = None,
        device: str = "auto",
    ):
        if form not in FORMS:
            raise SettingsError(f"form is {form!r}; give one of {', '.join(FORMS)}.")
        asked = FORMS[form] if query_weight == 0 else f"{FORMS[form].removesuffix(', no training')} + training queries"
        super().__init__(name or asked, device)
        self.vectors_ = TextVectors(embeddings)
        if form == "encoder":
            check_trainable(self.vectors_.embeddings)
        self.settings = {"form": form, "embeddings": self.vectors_.spec, "seed": seed}
        own = {"frozen": (0, 0.0, 256), "map": (10, 1e-3, 256), "encoder": (2, 2e-5, 32)}[form]
        given = (epochs, learning_rate, batch)
        chosen = [mine if value is None else value for value, mine in zip(given, own, strict=True)]
        self.settings |= dict(zip(("epochs", "learning_rate", "batch"), chosen, strict=True))
        self.settings |= {"most_steps": most_steps, "query_weight": query_weight}
        least = {"epochs": Range(0, 1_000_000, True)} if form == "frozen" else {}  # nothing is trained
        self.settings = checked_settings(self.settings, **least)
        self.map_: QueryMap | None = None
        self.documents_: np.ndarray | None = None
        self.asked_: Asked | None = None
        self.scale_ = SCALE

    # ---- fit -----------------------------------------------------------------------------------------------------

    def _fit(self, task: Task, fitting: Fitting) -> None:
        if self.settings["form"] == "encoder":
            self.vectors_, self.history_ = train_encoder(task, self.settings, fitting, self.device)
        self.documents_ = self.vectors_.documents(task.corpus, progress=fitting.progress)
        if self.settings["form"] != "map" and self.settings["query_weight"] == 0:
            return
        queries = {name: self.vectors_.texts(task.texts(name)) for name in ("train", "validation")}
        self.asked_ = Asked.of_task(task, queries, self.documents_, self.settings["query_weight"])
        if self.settings["form"] == "map":
            self._fit_map(task, queries, fitting)

    def _fit_map(self, task: Task, queries: dict[str, np.ndarray], fitting: Fitting) -> None:
        pairs = TrainingPairs(task.judgements("train"), queries["train"])
        model = _MapTraining(self.documents_, self.settings["seed"], self.asked_).to(self.device)
        self.map_ = model.map
        rated = task.judgements("validation")

        def validate() -> dict[str, float]:
            if not rated.queries:
                return {}
            self.scale_ = float(model.scale.detach().exp())
            return {"NDCG@10": mean_ndcg(self._ranked(self._mapped(queries["validation"]), 50), rated)}

        size, per_epoch = self.settings["batch"], -(-pairs.queries // self.settings["batch"])
        self.history_ = train(
            model,
            FitSettings(
                epochs=self.settings["epochs"],
                learning_rate=self.settings["learning_rate"],
                weight_decay=0.01,
                warmup_steps=max(1, per_epoch * self.settings["epochs"] // 20),
                schedule="cosine",
                seed=self.settings["seed"],
            ),
            batches=lambda epoch: batches_of(*pairs.epoch(epoch, self.settings["seed"]), size),
            gather=pairs.gather,
            loss=model.loss,
            fitting=fitting,
            validate=validate,
            watch="NDCG@10",
            title="query map",
        )
        self.map_.eval()
        self.scale_ = float(model.scale.detach().exp())

    # ---- search --------------------------------------------------------------------------------------------------

    def states(self, texts: Sequence[str]) -> np.ndarray:
        """What documents are compared with: vectors of the queries after the map, [Q, d]."""
        vectors = self.vectors_.texts(texts)
        return vectors if self.map_ is None else self._mapped(vectors)

    @torch.no_grad()
    def _mapped(self, vectors: np.ndarray) -> np.ndarray:
        return self.map_(torch.from_numpy(vectors).to(self.device)).cpu().numpy()

    def _networks(self):
        return (self.map_,)

    def rank_texts(
        self, texts: Sequence[str], depth: int, *, allow: np.ndarray | None = None, progress: bool = False
    ) -> Rankings:
        self.check_fitted()
        return self._ranked(self.states(texts), depth, allow)

    def _ranked(self, states: np.ndarray, depth: int, allow: np.ndarray | None = None) -> Rankings:
        if self.asked_ is not None:
            return self.asked_.nearest(states, self.documents_, self.scale_, depth, allow)
        if allow is None:
            return nearest(states, self.documents_, depth)
        if not allow.any():
            return filled(np.empty((len(states), 0)), np.empty((len(states), 0)), depth)
        found = nearest(states, self.documents_[allow], depth)
        places = np.append(np.flatnonzero(allow), -1)  # -1 stays -1
        return Rankings(places[found.documents], found.scores)

    def not_understood(self, text: str) -> str:
        return self.vectors_.not_understood(text)

    # ---- save and load -------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> None:
        tensors = {"documents": torch.from_numpy(self.documents_)}
        if self.map_ is not None:
            tensors["map"] = self.map_.map.detach()
        config = {}
        if self.asked_ is not None:
            tensors |= self.asked_.tensors()
            config = {"query_weight": self.asked_.weight, "scale": self.scale_}
        write_model(folder, f"lmindexer-{self.method}", config, tensors)
        self.vectors_.save(folder)

    @classmethod
    def _load_model(cls, folder: Path, task: Task, settings: dict) -> "DualEncoder":
        model = cls(**settings)
        config, tensors = read_model(folder, f"lmindexer-{cls.method}")
        model.documents_ = tensors["documents"].numpy()
        model.asked_ = Asked.from_tensors(tensors, config.get("query_weight"))
        model.scale_ = config.get("scale", SCALE)
        if "map" in tensors:
            model.map_ = QueryMap(model.documents_.shape[1]).eval()
            model.map_.map.data = tensors["map"]
        model.vectors_ = TextVectors.load(folder, task.corpus)
        return model


class _MapTraining(nn.Module):
    """Softmax over documents of τ h · d (and of what was asked), with the map and τ trained and documents fixed."""

    def __init__(self, documents: np.ndarray, seed: int, asked: Asked | None = None):
        super().__init__()
        self.map, self.asked = QueryMap(documents.shape[1]), asked
        self.scale = nn.Parameter(torch.tensor(SCALE).log())
        if asked is not None:
            order = np.argsort(asked.document, kind="stable")
            for name in ("query", "document"):
                values = torch.from_numpy(getattr(asked, name)[order])
                self.register_buffer(name, values, persistent=False)
            self.register_buffer("queries", torch.from_numpy(asked.vectors), persistent=False)
        self.register_buffer("documents", torch.from_numpy(documents), persistent=False)
        self.random = np.random.default_rng(seed)

    def loss(self, queries: torch.Tensor, documents: torch.Tensor, own: torch.Tensor) -> torch.Tensor:
        if len(self.documents) <= MOST_COMPARED:
            places, target = torch.arange(len(self.documents)).to(documents), documents
        else:  # the batch's own documents, and others drawn uniformly
            drawn = torch.from_numpy(self.random.integers(len(self.documents), size=MOST_COMPARED // 4)).to(documents)
            places, target = torch.unique(torch.cat([documents, drawn]), return_inverse=True)
            target = target[: len(documents)]
        states, scale = self.map(queries), self.scale.exp()
        logits = scale * states @ self.documents[places].T
        if self.asked is not None:
            logits = self._with_asked(logits, scale * states, places, own)
        return F.cross_entropy(logits, target)

    def _with_asked(self, logits: torch.Tensor, states: torch.Tensor, places: torch.Tensor, own: torch.Tensor):
        """Logits [B, C] of documents at sorted `places`, with the queries that ask for them but for each text's own."""
        column = torch.searchsorted(places, self.document).clamp(max=len(places) - 1)
        there = places[column] == self.document
        query, column = self.query[there], column[there]
        few = len(query) < len(self.queries)  # then only their own vectors are multiplied
        before = states @ self.queries[query].T if few else (states @ self.queries.T).index_select(1, query)
        before = before + math.log(self.asked.weight)
        before = before.masked_fill(query == own[:, None], NEVER * SCALE)
        both = torch.cat([torch.arange(len(places)).to(column), column])
        return grouped(torch.cat([logits, before], 1), both, len(places))


def nearest(queries: np.ndarray, documents: np.ndarray, depth: int) -> Rankings:
    """The `depth` documents of the largest dot product with each query, exactly.

    >>> nearest(np.eye(2, dtype=np.float32), np.array([[1, 0], [0, 2]], np.float32), 1).documents.tolist()
    [[0], [1]]
    """
    import faiss

    index = faiss.IndexFlatIP(documents.shape[1])
    index.add(np.ascontiguousarray(documents, dtype=np.float32))
    scores, places = index.search(np.ascontiguousarray(queries, dtype=np.float32), min(depth, len(documents)))
    order = np.lexsort((places, -scores), axis=1)  # equal scores in the corpus's order
    return filled(np.take_along_axis(places, order, 1), np.take_along_axis(scores, order, 1), depth)
