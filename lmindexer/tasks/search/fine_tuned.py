"""`IndexerRetriever`: the slides' form. The fitted indexer itself is fine-tuned: a query in, its document's ID out.

    h^t     the indexer's semantic encoder over the query's (cached, frozen) token states and the codes so far, eq. (1)
    loss    -Σ_t log softmax_c(h^t · e^t_c / temperature) over the codes after the prefix, and the suffix

Decoder and codebooks start as the indexer's; rows of codes are shared by all prefixes.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from lmindexer.common.errors import SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers import load_indexer
from lmindexer.indexers.lm import LMIndexer
from lmindexer.indexers.model_folder import read_model, write_model
from lmindexer.tasks.base import Task, register
from lmindexer.tasks.decoding import Filter, beam_search
from lmindexer.tasks.fitting import FitSettings, Fitting, train
from lmindexer.tasks.metrics import Rankings
from lmindexer.tasks.recommendation.slides import SlidesNetwork, SlidesScorer, SlidesSettings
from lmindexer.tasks.search.base import SearchModel, filled, lost_by, mean_ndcg
from lmindexer.tasks.search.setting_rules import checked_settings
from lmindexer.tasks.search.training_pairs import TrainingPairs, batches_of

BATCH = 64  # queries that are decoded together


class QueryNetwork(SlidesNetwork):
    """An indexer's semantic encoder and codebooks, reading one text an input."""

    def read(self, batch: torch.Tensor):
        """Rows [B] of the encoded texts as documents."""
        return self.encoded.batch(batch)


@register
class IndexerRetriever(SearchModel):
    """Fine-tunes an `LMIndexer` with a frozen encoder to name the document of a query.

    Args:
        indexer: fitted, or the folder of its run.
        documents: share of the corpus's own documents that join the training pairs each epoch (text → own ID).
        normalise: "tree", over the codes that exist after the prefix, or "codebook", as on the slides.
        beam: prefixes kept after each code, or as many as documents are asked for where those are more.
        device: "auto" takes a GPU where there is one.

    >>> IndexerRetriever("runs/wordnet").fit(task).search("a ball for my little son")    # doctest: +SKIP
    """

    method = "indexer_retriever"
    label = "LMIndexer, fine-tuned"

    def __init__(
        self,
        indexer: "LMIndexer | str | Path | None" = None,
        *,
        epochs: int = 4,
        learning_rate: float = 1e-3,
        batch: int = 64,
        documents: float = 0.5,
        normalise: str = "tree",
        beam: int = 50,
        seed: int = 0,
        name: str | None = None,
        device: str = "auto",
    ):
        super().__init__(name, device)
        if isinstance(indexer, str | Path):
            self.base_run = {"folder": str(Path(indexer).resolve()), "method": LMIndexer.method, "fingerprint": None}
            indexer = load_indexer(indexer)
        if indexer is not None and not isinstance(indexer, LMIndexer):
            raise SettingsError("This form fine-tunes an LMIndexer; give one. GenerativeRetriever takes any IDs.")
        self.indexer_, self.network_, self.ids_ = indexer, None, None
        settings = {"epochs": epochs, "learning_rate": learning_rate, "batch": batch, "documents": documents}
        self.settings = checked_settings(settings | {"normalise": normalise, "beam": beam, "seed": seed})

    # ---- fit -----------------------------------------------------------------------------------------------------

    def _fit(self, task: Task, fitting: Fitting) -> None:
        settings = self.settings
        torch.manual_seed(settings["seed"])
        if self.indexer_ is None:
            raise SettingsError("This form fine-tunes an LMIndexer; give a fitted one or its run's folder.")
        if self.indexer_.ids_ is None:
            self.indexer_.fit(task.corpus, progress=False)
        if not np.array_equal(self.indexer_.ids_.doc_ids, task.corpus.doc_ids):
            raise SettingsError(
                f"The indexer was fitted on other documents than {task.corpus.name!r} holds; fit it there."
            )
        self.ids_ = self.indexer_.ids_
        parts = [task.texts("train"), task.corpus.documents(), task.texts("validation")]
        self.network_ = self._network([text for part in parts for text in part])
        judged, rated = task.judgements("train"), task.judgements("validation")
        rows = np.zeros((judged.queries + len(task.corpus), 1), np.float32)
        pairs = TrainingPairs(judged, rows, np.arange(len(task.corpus)), settings["documents"])
        asked = torch.arange(len(rows), len(rows) + rated.queries)

        def validate() -> dict[str, float]:
            return {"NDCG@10": mean_ndcg(self._ranked(asked, 50), rated)} if rated.queries else {}

        self.history_ = train(
            self.network_,
            FitSettings(
                epochs=settings["epochs"],
                learning_rate=settings["learning_rate"],
                weight_decay=0.01,
                warmup_steps=30,
                schedule="cosine",
                clip=1.0,
                seed=settings["seed"],
            ),
            batches=lambda epoch: batches_of(*pairs.epoch(epoch, settings["seed"]), settings["batch"]),
            gather=lambda batch: (self.network_.read(torch.from_numpy(batch[0])), torch.from_numpy(batch[1])),
            loss=self.network_.loss,
            fitting=fitting,
            validate=validate,
            watch="NDCG@10",
            title="fine-tuning",
        )
        self.network_.eval()

    def _network(self, texts: Sequence[str]) -> QueryNetwork:
        normalise = SlidesSettings(normalise=self.settings["normalise"])
        return QueryNetwork(self.indexer_, self._encoded(texts), self.ids_, normalise).to(self.device)

    def _encoded(self, texts: Sequence[str]):
        rows = [{"doc_id": str(place), "title": "", "text": text} for place, text in enumerate(texts)]
        return self.indexer_.encoded(Corpus.from_records(rows, name="texts"))

    # ---- search --------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def _ranked(self, rows: torch.Tensor, depth: int, allow: np.ndarray | None = None) -> Rankings:
        keep = None if allow is None else Filter(self.tree, allow=torch.from_numpy(allow))
        parts, wanted = [], min(depth, len(self.ids_))
        for at in range(0, len(rows), BATCH):
            width = max(self.settings["beam"], wanted)
            found = beam_search(self._scorer(rows[at : at + BATCH]), self.tree, wanted, width, keep)
            parts.append(filled(*found.arrays(), depth))
        if not parts:
            return Rankings(np.zeros((0, depth), np.int64), np.zeros((0, depth)))
        return Rankings(*(np.concatenate([getattr(part, name) for part in parts]) for name in ("documents", "scores")))

    def _scorer(self, rows: torch.Tensor) -> SlidesScorer:
        """Of rows [B] of the texts that the network holds, where it computes."""
        return self.network_.scorer(self.network_.read(rows).to(self.device))

    def _networks(self):
        return (self.network_,)

    def rank_texts(
        self, texts: Sequence[str], depth: int, *, allow: np.ndarray | None = None, progress: bool = False
    ) -> Rankings:
        self.check_fitted()
        if not len(texts):
            return self._ranked(torch.arange(0), depth)
        self.network_.encoded = self._encoded(texts)
        return self._ranked(torch.arange(len(texts)), depth, allow)

    @property
    def tree(self):
        """The tree of IDs that is decoded."""
        return self.network_.tree

    def scorer(self, texts: Sequence[str]) -> SlidesScorer:
        """What `tasks.decoding` asks, for these queries: for a beam to look at, or `where_lost`."""
        self.check_fitted()
        self.network_.encoded = self._encoded(texts)
        with torch.no_grad():
            return self._scorer(torch.arange(len(texts)))

    def lost(self, split: str = "test", width: int = 20, rows: Sequence[int] | None = None) -> pd.DataFrame:
        """`base.lost_by` of a split: where the right documents of its queries left a beam."""
        self.check_fitted()
        return lost_by(self, split, width, rows)

    def _id_columns(self, documents: np.ndarray) -> dict[str, list]:
        paths = [" → ".join(str(code) for code in row if code >= 0) for row in self.ids_.codes[documents].tolist()]
        return {"id": self.ids_.unique_strings()[documents].tolist(), "path": paths}

    # ---- save and load -------------------------------------------------------------------------------------------

    def _save_model(self, folder: Path) -> None:
        tensors = {f"network.{name}": value for name, value in self.network_.state_dict().items()}
        tensors |= {
            "codes": torch.from_numpy(self.ids_.codes.copy()),
            "suffix": torch.from_numpy(self.ids_.suffix.copy()),
        }
        write_model(folder, f"lmindexer-{self.method}", {"codebook_sizes": list(self.ids_.codebook_sizes)}, tensors)
        (folder / "indexer").mkdir()
        self.indexer_.save_pretrained(folder / "indexer")

    @classmethod
    def _load_model(cls, folder: Path, task: Task, settings: dict) -> "IndexerRetriever":
        model = cls(LMIndexer.from_pretrained(folder / "indexer"), **settings)
        config, tensors = read_model(folder, f"lmindexer-{cls.method}")
        sizes = tuple(config["codebook_sizes"])
        model.ids_ = SemanticIDs(task.corpus.doc_ids, tensors["codes"].numpy(), tensors["suffix"].numpy(), sizes)
        model.network_ = model._network(["a text"])
        state = {name.removeprefix("network."): value for name, value in tensors.items() if name.startswith("network.")}
        model.network_.load_state_dict(state)
        model.network_.eval()
        return model
