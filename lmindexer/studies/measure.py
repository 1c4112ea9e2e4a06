"""What a study notes of a finished run: numbers only, so that tables are made without opening a bundle again."""

import os
from pathlib import Path

import numpy as np

from lmindexer.common.jsonfiles import json_safe
from lmindexer.corpus.corpus import Corpus
from lmindexer.quality import IDQuality, evaluate_ids, neighbour_preservation
from lmindexer.runs.bundle import Bundle

NEIGHBOURS = 10


def measure(bundle: Bundle, neighbours: np.ndarray | None = None) -> dict:
    """Quality of a run's IDs, its neighbour preservation, and what its history says of codes and reconstruction.

    neighbours: [N, 10] nearest documents by the reference embedding (`reference_neighbours`), or None.
    """
    ids = bundle.ids
    quality = IDQuality.from_dict(bundle.metrics) if bundle.metrics else evaluate_ids(ids, bundle.corpus)
    found = quality.to_dict()
    sizes = found.pop("collisions")
    sizes.pop("sizes")
    found |= {
        "collisions": sizes,
        "neighbours_c1": None if neighbours is None else neighbour_preservation(neighbours, ids.codes[:, :1]),
        "neighbours_c1c2": None
        if neighbours is None or ids.positions < 2
        else neighbour_preservation(neighbours, ids.codes[:, :2]),
        "history": history_rows(bundle.history),
    }
    return json_safe(found)


def training_seconds(history) -> float | None:
    """Seconds in which codes were learned: every epoch of the history, also those before a fit was taken up again.

    None for indexers that learn nothing. Embedding the documents is not in it.
    """
    if history is None or "seconds" not in history:
        return None
    return float(history["seconds"].sum())


KEPT = ("stage", "position", "epoch", "perplexity", "diff_ratio", "macro_f1", "id_consistency")


def history_rows(history) -> list[dict]:
    """The rows of a history, less what studies do not ask for; [] for indexers without stages."""
    if history is None or not {"stage", "position", "epoch"} <= set(history.columns):
        return []
    kept = history[[name for name in KEPT if name in history]]
    return json_safe(kept.astype(object).where(kept.notna(), None).to_dict("records"))


def reference_neighbours(corpus: Corpus, category_text: bool, folder: Path) -> np.ndarray:
    """Each document's 10 nearest by cosine of mean-pooled MiniLM states, [N, 10]; kept in `folder`.

    The text is the run's own, with or without its category path.
    """
    path = folder / f"{corpus.fingerprint[-16:]}-{'with' if category_text else 'without'}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False)
    from lmindexer.training.neighbours import nearest_neighbours
    from lmindexer.two_step.embeddings import embed_corpus

    rows = embed_corpus(corpus, "minilm", category_text=category_text, progress=False)
    found = nearest_neighbours(rows, NEIGHBOURS).astype(np.int32)
    folder.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f"{path.stem}.{os.getpid()}.part.npy")
    np.save(aside, found, allow_pickle=False)
    aside.replace(path)
    return found
