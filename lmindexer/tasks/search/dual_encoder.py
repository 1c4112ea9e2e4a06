"""`DualEncoder`: query and document as vectors, the documents nearest to the query found exactly (faiss)."""

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
from lmindexer.tasks.metrics import Judgements, Rankings, measure
from lmindexer.tasks.search.base import SearchModel, filled
from lmindexer.tasks.search.encoder_training import check_trainable, train_encoder
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
        seed: int = 0,
        name: str | None = None,
        device: str = "auto",
    ):
        if form not in FORMS:
            raise SettingsError(f"form is {form!r}; give one of {', '.join(FORMS)}.")
        super().__init__(name or FORMS[form], device)
        self.vectors_ = TextVectors(embeddings)
        if form == "encoder":
            check_trainable(self.vectors_.embeddings)
        self.settings = {"form": form, "embeddings": self.vectors_.spec, "seed": seed}
        own = {"frozen": (0, 0.0, 256), "map": (10, 1e-3, 256), "encoder": (2, 2e-5, 32)}[form]
        given = (epochs, learning_rate, batch)
        chosen = [mine if value is None else value for value, mine in zip(given, own, strict=True)]
        self.settings |= dict(zip(("epochs", "learning_rate", "batch"), chosen, strict=True))
        self.settings["most_steps"] = most_steps
        least = {"epochs": Range(0, 1_000_000, True)} if form == "frozen" else {}  # nothing is trained
        self.settings = checked_settings(self.settings, **least)
        self.map_: QueryMap | None = None
        self.documents_: np.ndarray | None = None

    # ---- fit -----------------------------------------------------------------------------------------------------

    def _fit(self, task: Task, fitting: Fitting) -> None:
        if self.settings["form"] == "encoder":
            self.vectors_, self.history_ = train_encoder(task, self.settings, fitting, self.device)
        self.documents_ = self.vectors_.documents(task.corpus, progress=fitting.progress)
        if self.settings["form"] == "map":
            self._fit_map(task, fitting)

    def _fit_map(self, task: Task, fitting: Fitting) -> None:
        queries = {name: self.vectors_.texts(task.texts(name)) for name in ("train", "validation")}
        pairs = TrainingPairs(task.judgements("train"), queries["train"])
        model = _MapTraining(self.documents_, self.settings["seed"]).to(self.device)
        self.map_ = model.map
        rated = task.judgements("validation")

        def validate() -> dict[str, float]:
            if not rated.queries:
                return {}
            h = self._mapped(queries["validation"])
            return {"NDCG@10": mean_ndcg(nearest(h, self.documents_, 50), rated)}

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
        if allow is None:
            return nearest(self.states(texts), self.documents_, depth)
        if not allow.any():
            return filled(np.empty((len(texts), 0)), np.empty((len(texts), 0)), depth)
        found = nearest(self.states(texts), self.documents_[allow], depth)
        places = np.append(np.flatnonzero(allow), -1)  # -1 stays -1
        return Rankings(places[found.documents], found.scores)

    def not_understood(self, text: str) -> str:
        return self.vectors_.not_understood(text)

    # ---- save and load -------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> None:
        tensors = {"documents": torch.from_numpy(self.documents_)}
        if self.map_ is not None:
            tensors["map"] = self.map_.map.detach()
        write_model(folder, f"lmindexer-{self.method}", {}, tensors)
        self.vectors_.save(folder)

    @classmethod
    def _load_model(cls, folder: Path, task: Task, settings: dict) -> "DualEncoder":
        model = cls(**settings)
        _, tensors = read_model(folder, f"lmindexer-{cls.method}")
        model.documents_ = tensors["documents"].numpy()
        if "map" in tensors:
            model.map_ = QueryMap(model.documents_.shape[1]).eval()
            model.map_.map.data = tensors["map"]
        model.vectors_ = TextVectors.load(folder, task.corpus)
        return model


class _MapTraining(nn.Module):
    """Softmax over documents of τ h · d, with the map and τ trained and documents fixed."""

    def __init__(self, documents: np.ndarray, seed: int, scale: float = 20.0):
        super().__init__()
        self.map = QueryMap(documents.shape[1])
        self.scale = nn.Parameter(torch.tensor(scale).log())
        self.register_buffer("documents", torch.from_numpy(documents), persistent=False)
        self.random = np.random.default_rng(seed)

    def loss(self, queries: torch.Tensor, documents: torch.Tensor) -> torch.Tensor:
        if len(self.documents) <= MOST_COMPARED:
            compared, target = self.documents, documents
        else:  # the batch's own documents, and others drawn uniformly
            drawn = torch.from_numpy(self.random.integers(len(self.documents), size=MOST_COMPARED // 4)).to(documents)
            places, target = torch.unique(torch.cat([documents, drawn]), return_inverse=True)
            compared, target = self.documents[places], target[: len(documents)]
        return F.cross_entropy(self.scale.exp() * self.map(queries) @ compared.T, target)


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


def mean_ndcg(rankings: Rankings, judged: Judgements) -> float:
    """Mean NDCG@10, by which search models choose."""
    return float(measure(rankings, judged, ("NDCG@10",))["NDCG@10"].mean())
