"""Training the Dual Encoder's encoder: against the batch's other documents, then also against what BM25 finds.

    loss of a pair (q, d) = -log exp(s cos(q, d)) / Σ exp(s cos(q, d'))      s = 20

First d' are the documents of the batch's other queries. Then each query also brings one document that BM25 ranks
high and nobody judged right (a hard negative; DPR's recipe). sentence-transformers trains (its
MultipleNegativesRankingLoss). The trained encoder is `TrainedEncoder`: it is kept with its run, and shares no cache
with the encoder that it started from.
"""

import hashlib
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.common.errors import LMIndexerError, SettingsError, TrainingError
from lmindexer.model.backbones import minilm_folder, quiet_loading
from lmindexer.tasks.base import Task
from lmindexer.tasks.fitting import NO_QUERY, FitSettings, Fitting, train
from lmindexer.tasks.search.bm25 import BM25
from lmindexer.tasks.search.training_pairs import TrainingPairs
from lmindexer.tasks.search.vectors import TextVectors
from lmindexer.two_step.embeddings import SentenceTransformerEmbeddings

ENCODER = "encoder"
LOOKED_AT = 30  # of BM25's ranking: hard negatives are drawn from these (the slides' baselines use its top 30)
MOST_TOKENS = 128
SCALE = 20.0  # s


class TrainedEncoder(SentenceTransformerEmbeddings):
    """A sentence-transformers network that was trained here, kept in half precision.

    max_length: tokens that are read. digest: SHA-256 of the weights, which tells its vectors from any other's.
    """

    kind = "trained_encoder"
    fields = ("max_length", "digest")
    cached = False

    def __init__(self, max_length: int | None = None, digest: str = ""):
        super().__init__("", max_length)
        self.digest = digest

    @classmethod
    def of(cls, network, max_length: int) -> "TrainedEncoder":
        """Takes over a trained network, its weights rounded as they will be stored."""
        import torch

        found, digest = cls(max_length), hashlib.sha256()
        with torch.no_grad():
            for parameter in network.parameters():
                parameter.copy_(parameter.half())
                digest.update(parameter.half().cpu().numpy().tobytes())
        found._network, found.digest = network.eval(), digest.hexdigest()[:32]
        return found

    def _loaded(self):
        if self._network is None and not self.model:
            raise LMIndexerError("This encoder is not there yet; train it (DualEncoder) or load its run first.")
        return super()._loaded()

    def _save(self, folder: Path) -> None:
        network = self._loaded()
        with quiet_loading():
            network.half().save(str(folder / ENCODER), create_model_card=False, safe_serialization=True)
        network.float()

    def _load(self, folder: Path) -> None:
        self.model = str(folder / ENCODER)
        self._loaded().float()


def train_encoder(task: Task, settings: dict, fitting: Fitting, device) -> tuple[TextVectors, pd.DataFrame]:
    """The trained encoder, and its history: one row an epoch, `part` says against what."""
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    network = SentenceTransformerEmbeddings(_folder(settings["embeddings"]), MOST_TOKENS)._loaded().to(device)
    ranking = MultipleNegativesRankingLoss(network, scale=SCALE)
    pairs = _Pairs(task, settings)
    history = train(
        network,
        FitSettings(
            epochs=settings["epochs"] + 1,
            learning_rate=settings["learning_rate"],
            weight_decay=0.01,
            clip=1.0,
            seed=settings["seed"],
        ),
        batches=pairs.batches,
        gather=lambda batch: tuple(_Column(network.preprocess(texts)) for texts in pairs.columns(*batch)),
        loss=lambda *columns: ranking(columns, None),
        fitting=fitting,
        title="Dual Encoder",
    )
    history["part"] = ["in-batch negatives"] * settings["epochs"] + ["and BM25's"]
    return TextVectors(TrainedEncoder.of(network, MOST_TOKENS)), history


class _Column(dict):
    """What a network reads of some texts; goes to a device whole."""

    def to(self, device) -> "_Column":
        from sentence_transformers.util import batch_to_device

        return _Column(batch_to_device(dict(self), device))


class _Pairs:
    """Batches of training queries and right documents; in the last epoch each with a hard negative too."""

    def __init__(self, task: Task, settings: dict):
        self.task, self.settings = task, settings
        self.texts, self.documents = task.texts("train"), task.corpus.documents()
        if not self.texts:
            raise TrainingError(NO_QUERY)
        self.pairs = TrainingPairs(task.judgements("train"), np.zeros((len(self.texts), 1), np.float32))

    def batches(self, epoch: int) -> list[tuple]:
        """(queries, right documents, whether hard negatives come too); a query alone has nothing to be told from."""
        size, epochs = self.settings["batch"], self.settings["epochs"] + 1
        order, right = self.pairs.epoch(epoch, self.settings["seed"])
        starts = list(range(0, max(1, len(order) - 1), size))
        if self.settings["most_steps"]:
            starts = starts[: max(1, self.settings["most_steps"] // epochs)]
        return [(order[at : at + size], right[at : at + size], epoch == epochs - 1) for at in starts]

    def columns(self, queries: np.ndarray, right: np.ndarray, hard: bool) -> list[list[str]]:
        """Their texts: of the queries, of the right documents, of the hard negatives."""
        found = [[self.texts[q] for q in queries], [self.documents[d] for d in right]]
        return [*found, [self.documents[self.hard[q]] for q in queries]] if hard else found

    @cached_property
    def hard(self) -> np.ndarray:
        return hard_negatives(self.task, self.texts, self.settings["seed"])


def hard_negatives(task: Task, texts: list[str], seed: int) -> np.ndarray:
    """[Q] a document for each training query that BM25 ranks high and that is not judged right."""
    found = BM25(k1=0.9, b=0.4).fit(task, progress=False).rank_texts(texts, LOOKED_AT).documents
    judged = task.judgements("train")
    right = {(q, d) for q, d in zip(judged.query.tolist(), judged.document.tolist(), strict=True)}
    random, chosen = np.random.default_rng(seed), np.empty(len(texts), np.int64)
    for query, row in enumerate(found.tolist()):
        wrong = [document for document in row if document >= 0 and (query, document) not in right]
        chosen[query] = random.choice(wrong) if wrong else random.integers(len(task.corpus))
    return chosen


def check_trainable(embeddings) -> None:
    """Raise SettingsError for embeddings that are no network which can be trained here."""
    spec = embeddings.spec
    minilm = spec.get("model") == "minilm" and spec.get("layer") is None
    if not minilm and not isinstance(embeddings, SentenceTransformerEmbeddings):
        raise SettingsError(
            f"form='encoder' trains a sentence-transformers model, not {spec.get('kind')!r}; give "
            "embeddings='minilm', or the name or folder of one."
        )


def _folder(spec: dict) -> str:
    """The sentence-transformers folder or name of an embeddings' spec."""
    name = spec.get("model") or "minilm"  # a trained encoder's spec names no model: the settings keep what it began as
    return minilm_folder() if name == "minilm" else name
