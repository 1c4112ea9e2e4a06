"""A corpus ready for the model: tokens, words, and (for a frozen encoder) its states, computed once and cached."""

import hashlib
import os
import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from tqdm.auto import tqdm

from lmindexer.common.costs import note_cost, noted_cost
from lmindexer.common.processes import processes
from lmindexer.common.progress import Progress
from lmindexer.common.threads import wait_briefly
from lmindexer.corpus.corpus import Corpus
from lmindexer.model.backbones import MINILM_SHA256, Backbone
from lmindexer.model.documents import Documents
from lmindexer.model.lexical import LexicalStart
from lmindexer.model.tokens import TokenisedDocuments, Vocabulary


def texts_of(corpus: Corpus, category_text: bool) -> tuple[list[str], list[str] | None]:
    """Documents as a model reads them: texts, and with category text the tails that must not be cut off."""
    texts = corpus.documents()
    if not category_text or not corpus.levels:
        return texts, None
    whole = corpus.documents(category_text=True)
    return texts, [both[len(text) :] for text, both in zip(texts, whole, strict=True)]


@dataclass
class EncodedCorpus:
    """N documents: tokens, words [Σ L] (places in the vocabulary), states [Σ L, d] float16 or None, start [N, d]
    float32 or None; encoder_seconds that making the states took, also where a cache had them (None: unknown)."""

    tokens: TokenisedDocuments
    words: np.ndarray
    states: np.ndarray | None = None
    start: np.ndarray | None = None
    encoder_seconds: float | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def batch(
        self, documents: Tensor, device: str | torch.device = "cpu", part: slice = slice(None), states: bool = True
    ) -> Documents:
        """Gather a batch of document numbers [B], or the `part` of it that a process takes, as wide as the whole; with
        states=False its words alone."""
        place, present = (rows[part] for rows in self.tokens.place(documents))
        index, documents = place.numpy(), documents[part]

        def on(values) -> Tensor:
            return torch.as_tensor(values).to(device, non_blocking=True)

        return Documents(
            tokens=on(self.tokens.ids[index].astype(np.int64)),
            words=on(self.words[index].astype(np.int64)),
            present=on(present),
            states=None if self.states is None or not states else on(self.states[index]).float(),
            start=None if self.start is None or not states else on(self.start[documents.numpy()]),
        )


def encode_corpus(
    tokens: TokenisedDocuments,
    vocabulary: Vocabulary,
    backbone: Backbone,
    lexical: LexicalStart | None,
    pooled_start: bool,
    *,
    device="cpu",
    cache: bool = True,
    progress: bool | Progress = True,
) -> EncodedCorpus:
    """Words, cached states and starts for tokenised documents.

    A frozen encoder's states are computed once and kept under the cache folder (LMINDEXER_CACHE, or
    ~/.cache/lmindexer), where later fits of the same documents find them.

    progress: whether a bar is shown, or the `Progress` of the fit that this is a part of.
    """
    corpus = EncodedCorpus(tokens, vocabulary.words(tokens.ids))
    if backbone.frozen:
        corpus.states, corpus.encoder_seconds = _states(tokens, backbone, device, cache, progress)
        if pooled_start:
            pooled = pool(corpus)
            corpus.start = pooled if lexical is None else lexical.add_to(pooled, tokens, vocabulary)
    return corpus


def pool(corpus: EncodedCorpus) -> np.ndarray:
    """Unit-length mean of each document's cached states, [N, d] float32."""
    offsets = corpus.tokens.offsets
    sums = np.stack([corpus.states[a:b].sum(0, dtype=np.float32) for a, b in pairwise(offsets)])
    return F.normalize(torch.from_numpy(sums), dim=-1).numpy()


IN_MEMORY = 1 << 30  # bytes of states that are held in memory; more are mapped from the file


def cache_folder() -> Path:
    """Where encoder states are kept between runs."""
    return Path(os.environ.get("LMINDEXER_CACHE") or Path.home() / ".cache" / "lmindexer")


def _states(tokens, backbone, device, cache, progress) -> tuple[np.ndarray, float | None]:
    """The states of all tokens and the seconds that making them takes or took."""
    began = time.perf_counter()
    digest = hashlib.sha256(MINILM_SHA256.encode() + tokens.ids.tobytes() + tokens.offsets.tobytes())
    digest.update(b"bfloat16" if backbone.half else b"")
    path = cache_folder() / "states" / f"{digest.hexdigest()[:32]}.npy"
    shape = (len(tokens.ids), backbone.width)
    found = _cached(path, shape) if cache else None
    if cache:
        processes().wait()  # before one of them makes the file that another looks for
    if found is not None:
        return found, noted_cost(path)
    if not cache or not _writable(path.parent):
        target = np.empty(shape, np.float16)
        _fill_states(target, tokens, backbone, device, progress)
        return target, time.perf_counter() - began
    together = processes()
    aside = path.with_suffix(f".{os.getpid() if together.number == 1 else 'together'}.part")
    try:
        _fill_file(aside, shape, tokens, backbone, device, progress)
        if together.first:
            aside.replace(path)
    finally:
        if together.first:
            aside.unlink(missing_ok=True)
    seconds = time.perf_counter() - began
    together.wait()
    if together.first:
        note_cost(path, seconds)
    return _open(path), seconds


def _fill_file(path: Path, shape, tokens, backbone, device, progress) -> None:
    """Make the file of the states; several processes fill one file between them."""
    together = processes()
    if together.first:
        np.lib.format.open_memmap(path, "w+", np.float16, shape).flush()
    together.wait()
    target = np.lib.format.open_memmap(path, "r+")
    _fill_states(target, tokens, backbone, device, progress, share=True)
    target.flush()
    together.wait()


def _open(path: Path) -> np.ndarray:
    """Into memory where it fits well: batches are gathered from all over the file, and a page that the system has
    let go of costs a fault each time."""
    return np.load(path, mmap_mode="r" if path.stat().st_size > IN_MEMORY else None)


def _cached(path: Path, shape: tuple[int, int]) -> np.ndarray | None:
    """The states kept at `path`, or None where there are none or the file was cut short: then they are made anew."""
    try:
        found = _open(path)
    except (OSError, ValueError, EOFError):
        return None
    return found if found.shape == shape and found.dtype == np.float16 else None


def _writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:  # a home that is not ours to write: go without a cache
        return False
    return os.access(folder, os.W_OK)


def _fill_states(target, tokens, backbone, device, progress, share: bool = False) -> None:
    """Encode documents of like length together, so that little padding is computed; a process's share, or all."""
    wait_briefly()
    order = np.argsort(tokens.lengths, kind="stable")
    if share:  # every n-th batch: each process has short documents and long ones
        batches = [order[first : first + 64] for first in range(0, len(order), 64)]
        order = np.concatenate([order[:0], *batches[processes().rank :: processes().number]])
    hidden = not (progress.show if isinstance(progress, Progress) else progress)
    bar = tqdm(total=len(order), desc="encoder states", unit=" documents", disable=hidden)
    done = 0  # tokens
    for first in range(0, len(order), 64):
        chosen = torch.from_numpy(order[first : first + 64])
        place, present = tokens.place(chosen)
        ids = torch.from_numpy(tokens.ids[place.numpy()].astype(np.int64)).to(device)
        states = backbone.encode(ids, present.to(device)).half().cpu()
        target[place[present].numpy()] = states[present].numpy()
        bar.update(len(chosen))
        done += int(tokens.lengths[chosen.numpy()].sum())
        if isinstance(progress, Progress):
            bar.set_postfix_str(progress.whole("encoder", done / len(tokens.ids), bar.write), refresh=False)
    bar.close()
