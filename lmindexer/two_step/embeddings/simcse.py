"""In-domain SimCSE (Gao et al. 2021, arXiv 2104.08821): an encoder trained on the corpus itself, without labels."""

from pathlib import Path

import numpy as np
import torch
from tqdm.auto import tqdm

from lmindexer.common.errors import LMIndexerError, TrainingError
from lmindexer.model.backbones import MINILM_SHA256, minilm_folder, quiet_loading
from lmindexer.two_step.embeddings.base import Embeddings
from lmindexer.two_step.embeddings.encoder import load_encoder, mean_pooled
from lmindexer.two_step.embeddings.sentence_model import with_tails

ENCODER = "encoder"


class SimCSEEmbeddings(Embeddings):
    """all-MiniLM-L6-v2, trained so that two dropout views of a document find each other in their batch.

    The loss is sentence-transformers' MultipleNegativesRankingLoss on (text, text) pairs:
    -log exp(cos(v_i, v'_i)/τ) / Σ_j exp(cos(v_i, v'_j)/τ), v and v' under two dropout masks. Mean-pooled, unit length.

    steps:         at most; one epoch, if the corpus is smaller.
    batch_size, max_length (tokens), learning_rate (AdamW, linear decay, a tenth of warm-up), temperature τ, seed.

    The same seed gives the same vectors on the same machine.
    """

    kind = "simcse"
    fields = ("steps", "batch_size", "max_length", "learning_rate", "temperature", "seed")

    def __init__(self, steps=100, batch_size=64, max_length=64, learning_rate=5e-6, temperature=0.05, seed=0):
        self.steps, self.batch_size, self.max_length = int(steps), int(batch_size), int(max_length)
        self.learning_rate, self.temperature, self.seed = float(learning_rate), float(temperature), int(seed)
        self._parts = None  # (tokenizer, trained encoder)
        self.losses_: list[float] = []

    @property
    def spec(self) -> dict:
        return super().spec | {"weights": MINILM_SHA256[:16]}

    def _fit(self, texts, tails, doc_ids, progress) -> np.ndarray:
        if len(texts) < 2:
            raise TrainingError("SimCSE needs at least two documents, to tell one from the other.")
        device = "cuda" if torch.cuda.is_available() else "cpu"
        with torch.random.fork_rng(devices=[0] if device == "cuda" else []):
            torch.manual_seed(self.seed)
            self._parts = self._train(texts, tails, device, progress)
        return self._embed(texts, tails, doc_ids, progress)

    def _train(self, texts, tails, device, progress):
        from sentence_transformers import SentenceTransformer
        from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

        with quiet_loading():
            network = SentenceTransformer(minilm_folder(), device=device, model_kwargs={"use_safetensors": True})
        network.max_seq_length = self.max_length
        if tails is not None:
            texts = with_tails(texts, tails, network.tokenizer, self.max_length)
        batches = _batches(len(texts), self.batch_size, self.steps, self.seed)
        loss_of = MultipleNegativesRankingLoss(network, scale=1 / self.temperature)
        optimizer = torch.optim.AdamW(network.parameters(), lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: _rate(step, len(batches)))
        network.train()
        bar = tqdm(batches, desc="SimCSE", unit=" steps", disable=not progress)
        for batch in bar:
            features = _features(network, [texts[i] for i in batch], device)
            loss = loss_of([dict(features), dict(features)], torch.arange(len(batch), device=device))
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            self.losses_.append(loss.item())
            bar.set_postfix_str(f"loss {self.losses_[-1]:.3f}")
        trained = network[0].auto_model.cpu().eval()
        with torch.no_grad():
            for parameter in trained.parameters():
                parameter.copy_(parameter.half())  # as it is stored
        return network.tokenizer, trained

    def _embed(self, texts, tails, doc_ids, progress) -> np.ndarray:
        if self._parts is None:
            raise LMIndexerError("These embeddings are not fitted yet; call fit(texts) with the corpus first.")
        tokenizer, trained = self._parts
        return mean_pooled(texts, tails, tokenizer, trained, None, self.max_length, progress)

    def _save(self, folder: Path) -> None:
        tokenizer, trained = self._parts
        with quiet_loading():
            trained.half().save_pretrained(folder / ENCODER)
        trained.float()
        tokenizer.save_pretrained(folder / ENCODER)
        for path in (folder / ENCODER).iterdir():
            path.chmod(0o644)

    def _load(self, folder: Path) -> None:
        self._parts = load_encoder(folder / ENCODER)


def _batches(documents: int, size: int, steps: int, seed: int) -> list[np.ndarray]:
    """One epoch in a seeded order, or its first `steps` batches; a last batch of one document is left out."""
    order = np.random.default_rng(seed).permutation(documents)
    batches = [order[first : first + size] for first in range(0, documents, size)]
    return [batch for batch in batches if len(batch) > 1][:steps]


def _rate(step: int, steps: int) -> float:
    warm = max(1, steps // 10)
    return (step + 1) / warm if step < warm else max(0.0, (steps - step) / max(1, steps - warm))


def _features(network, texts: list[str], device) -> dict:
    found = network.preprocess(texts) if hasattr(network, "preprocess") else network.tokenize(texts)
    return {name: value.to(device) if hasattr(value, "to") else value for name, value in found.items()}
