"""Training the Dual Encoder's encoder: against the batch's other documents, then also against what BM25 finds.

    loss of a pair (q, d) = -log exp(s cos(q, d)) / Σ exp(s cos(q, d'))      s = 20

First d' are the documents of the batch's other queries. Then each query also brings one document that BM25 ranks
high and nobody judged right (a hard negative; DPR's recipe). sentence-transformers trains (its
MultipleNegativesRankingLoss). The trained encoder is `TrainedEncoder`: it is kept with its run, and shares no cache
with the encoder that it started from.
"""

import hashlib
import time
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.common.errors import LMIndexerError, SettingsError, TrainingError
from lmindexer.model.backbones import minilm_folder, quiet_loading
from lmindexer.tasks.base import Task
from lmindexer.tasks.fitting import NO_QUERY, Fitting
from lmindexer.tasks.search.bm25 import BM25
from lmindexer.tasks.search.training_pairs import TrainingPairs
from lmindexer.tasks.search.vectors import TextVectors
from lmindexer.two_step.embeddings import SentenceTransformerEmbeddings

ENCODER = "encoder"
LOOKED_AT = 30  # of BM25's ranking: hard negatives are drawn from these (the slides' baselines use its top 30)
MOST_TOKENS = 128


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
    """The trained encoder, and its history: one row an epoch with the part, mean loss and processor seconds."""
    import torch
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
    from sentence_transformers.util import batch_to_device

    torch.manual_seed(settings["seed"])
    source = SentenceTransformerEmbeddings(_folder(settings["embeddings"]), MOST_TOKENS)
    network = source._loaded().to(device)
    loss = MultipleNegativesRankingLoss(network, scale=20.0)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings["learning_rate"], weight_decay=0.01)
    texts, documents = task.texts("train"), task.corpus.documents()
    pairs = TrainingPairs(task.judgements("train"), np.zeros((len(texts), 1), np.float32))
    if not texts:
        raise TrainingError(NO_QUERY)
    hard, rows, steps = None, [], 0
    for epoch in range(settings["epochs"] + 1):  # the last epoch is the one with hard negatives
        began = time.process_time()
        if epoch == settings["epochs"]:
            hard = hard_negatives(task, texts, settings["seed"])
        order, right = pairs.epoch(epoch, settings["seed"])
        total = count = 0
        network.train()
        for at in range(0, len(order) - 1, settings["batch"]):
            some, answers = order[at : at + settings["batch"]], right[at : at + settings["batch"]]
            columns = [[texts[q] for q in some], [documents[d] for d in answers]]
            if hard is not None:
                columns.append([documents[hard[q]] for q in some])
            features = [batch_to_device(network.preprocess(column), device) for column in columns]
            value = loss(features, None)
            optimizer.zero_grad()
            value.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            total, count, steps = total + float(value.detach()), count + 1, steps + 1
            if settings["most_steps"] and steps >= settings["most_steps"] * (epoch + 1) / (settings["epochs"] + 1):
                break
        part = "in-batch negatives" if hard is None else "and BM25's"
        seconds = time.process_time() - began
        rows.append(
            {"epoch": epoch + 1, "part": part, "step": steps, "loss": total / max(1, count), "seconds": seconds}
        )
    return TextVectors(TrainedEncoder.of(network, MOST_TOKENS)), pd.DataFrame(rows)


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
