"""Any sentence-transformers model or folder."""

from pathlib import Path

import numpy as np

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import COUNT, PATH, takes
from lmindexer.model.backbones import quiet_loading
from lmindexer.model.tokens import beginning
from lmindexer.two_step.embeddings.base import Embeddings


class SentenceTransformerEmbeddings(Embeddings):
    """What a sentence-transformers model's own `encode` gives, scaled to length 1.

    model:      hub name or folder; code that comes with a model is not run.
    max_length: tokens that are read; None leaves the model's own limit. A tail keeps its place where the model cuts.

    >>> SentenceTransformerEmbeddings("intfloat/e5-small-v2").embed(["a ball"]).shape      # doctest: +SKIP
    (1, 384)
    """

    kind = "sentence_transformer"
    fields = ("model", "max_length")

    @takes(model=PATH, max_length=COUNT)
    def __init__(self, model: str | Path, max_length: int | None = None):
        self.model, self.max_length = str(model), max_length
        self._network = None

    def _embed(self, texts, tails, doc_ids, progress) -> np.ndarray:
        network = self._loaded()
        if network.max_seq_length:  # a model reads no more, and its tokenizer need not either
            texts = [beginning(text, 64 * network.max_seq_length) for text in texts]
        if tails is not None:
            texts = with_tails(texts, tails, network.tokenizer, network.max_seq_length)
        vectors = network.encode(texts, show_progress_bar=progress, normalize_embeddings=True)
        return np.asarray(vectors, dtype=np.float32)

    def _loaded(self):
        if self._network is None:
            from sentence_transformers import SentenceTransformer

            try:
                with quiet_loading():
                    self._network = SentenceTransformer(
                        self.model, trust_remote_code=False, model_kwargs={"use_safetensors": True}
                    )
            except Exception as error:  # hub, disk, weights and configuration each fail in their own way
                raise SettingsError(
                    f"embeddings {self.model!r} is no word that is known here, and neither a folder with a "
                    "sentence-transformers model nor one the hub gives "
                    f"({type(error).__name__}). Use minilm, simcse, tfidf, a .npy file, or a model's folder."
                ) from error
            if self.max_length is not None:
                self._network.max_seq_length = int(self.max_length)
        return self._network


def with_tails(texts: list[str], tails: list[str], tokenizer, max_length: int | None) -> list[str]:
    """text + tail, the text cut at a token so that the tail fits in `max_length` tokens (it takes at most half)."""
    if not max_length:
        return [text + tail for text, tail in zip(texts, tails, strict=True)]
    room = max_length - tokenizer.num_special_tokens_to_add()
    heads = tokenizer(texts, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
    lengths = [len(ids) for ids in tokenizer(tails, add_special_tokens=False, verbose=False)["input_ids"]]
    joined = []
    for text, tail, offsets, length in zip(texts, tails, heads["offset_mapping"], lengths, strict=True):
        kept = room - min(length, room // 2)
        joined.append((text if len(offsets) <= kept else text[: offsets[kept - 1][1]]) + tail)
    return joined
