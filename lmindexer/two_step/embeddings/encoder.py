"""A BERT-like encoder, mean-pooled: the stand-in for the slides' "BERT" embeddings; any layer of it."""

from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from tqdm.auto import tqdm
from transformers import AutoModel, AutoTokenizer

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import COUNT, PATH, takes
from lmindexer.corpus.checks import warn_caller
from lmindexer.model.backbones import MINILM_SHA256, minilm_folder, quiet_loading
from lmindexer.model.tokens import TokenisedDocuments, told_unknown
from lmindexer.two_step.embeddings.base import Embeddings, unit_length

BATCH = 64
SAMPLE = 1000  # documents that say whether the tokenizer knows their writing


class EncoderEmbeddings(Embeddings):
    """Unit-length mean of an encoder's states over a document's tokens, special tokens included.

    model:      "minilm" (all-MiniLM-L6-v2, which every installation has), or a folder or hub name of a BERT-like model.
    layer:      whose states; 0 is the word embeddings, None the last layer.
    max_length: tokens of a document that are read; a tail keeps its place, and the text before it is cut.

    >>> EncoderEmbeddings(layer=3).embed(["a ball for my little son"]).shape       # doctest: +SKIP
    (1, 384)
    """

    kind = "encoder"
    fields = ("model", "layer", "max_length")

    @takes(model=PATH, layer=COUNT, max_length=COUNT)
    def __init__(self, model: str = "minilm", layer: int | None = None, max_length: int = 128):
        self.model, self.layer, self.max_length = str(model), layer, int(max_length)
        self._parts = None

    @property
    def spec(self) -> dict:
        return super().spec | ({"weights": MINILM_SHA256[:16]} if self.model == "minilm" else {})

    def _fit(self, texts, tails, doc_ids, progress) -> np.ndarray:
        sample = TokenisedDocuments.from_texts(list(texts[:SAMPLE]), None, self._loaded()[0], self.max_length)
        if said := told_unknown(sample, self._loaded()[0], self.model):
            warn_caller(said)
        return self._embed(texts, tails, doc_ids, progress)

    def _embed(self, texts, tails, doc_ids, progress) -> np.ndarray:
        tokenizer, network = self._loaded()
        return mean_pooled(texts, tails, tokenizer, network, self.layer, self.max_length, progress)

    def _loaded(self):
        if self._parts is None:
            folder = minilm_folder() if self.model == "minilm" else self.model
            self._parts = load_encoder(folder)
            layers = self._parts[1].config.num_hidden_layers
            if self.layer is not None and not 0 <= self.layer <= layers:
                raise SettingsError(f"layer is {self.layer}, but {self.model!r} has the layers 0 to {layers}.")
        return self._parts


def load_encoder(folder: str | Path):
    """(tokenizer, model) of a BERT-like encoder, from safetensors.

    Raises SettingsError where there is none.
    """
    try:
        with quiet_loading():
            model = AutoModel.from_pretrained(folder, use_safetensors=True, dtype=torch.float32)
            return AutoTokenizer.from_pretrained(folder), model.eval()
    except (OSError, ValueError, SafetensorError) as error:
        raise SettingsError(
            f"{str(folder)!r} is neither a folder with an encoder nor a model the hub gives here. Name a folder that "
            "holds config.json, model.safetensors and a tokenizer, or use embeddings='minilm'."
        ) from error


@torch.no_grad()
def mean_pooled(texts, tails, tokenizer, network, layer, max_length, progress, label="embeddings") -> np.ndarray:
    """[N, d] float32, rows of length 1; documents of like length go together, so that little padding is computed."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    network.to(device).eval()
    tokens = TokenisedDocuments.from_texts(texts, tails, tokenizer, max_length)
    vectors = np.empty((len(tokens), network.config.hidden_size), np.float32)
    order = np.argsort(tokens.lengths, kind="stable")
    bar = tqdm(total=len(order), desc=label, unit=" documents", disable=not progress)
    for first in range(0, len(order), BATCH):
        chosen = order[first : first + BATCH]
        place, present = tokens.place(torch.from_numpy(chosen))
        ids = torch.from_numpy(tokens.ids[place.numpy()].astype(np.int64)).to(device)  # [B, L]
        present = present.to(device)
        found = network(input_ids=ids, attention_mask=present.long(), output_hidden_states=layer is not None)
        states = found.last_hidden_state if layer is None else found.hidden_states[layer]  # [B, L, d]
        sums = (states * present[..., None]).sum(1)  # [B, d]
        vectors[chosen] = sums.float().cpu().numpy()
        bar.update(len(chosen))
    bar.close()
    return unit_length(vectors)
