"""Make a run bundle of a million documents, to see how the explorer stands it.

    python benchmarks/large_bundle.py FOLDER [--documents 1000000]

Codes, categories, texts and states hang together (a document's state lies near its codes' centres, its category follows
from c1 and c2 most of the time, its words from its category), so that every page has something to show.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality import evaluate_ids
from lmindexer.runs.bundle import write_bundle

POSITIONS, SIZE, DIMENSIONS = 3, 128, 384
LEVELS = (32, 640, 6400)  # classes at each category level
WORDS = 20_000
LENGTH = 42  # words of a text, about 300 characters


def make(folder: Path, documents: int = 1_000_000, seed: int = 0) -> None:
    """Write the bundle and say how long each part took."""
    rng = np.random.default_rng(seed)
    codes = _codes(rng, documents)
    leaf = _leaves(rng, codes)
    began = time.perf_counter()
    corpus = Corpus(_frame(rng, leaf), name=f"synthetic-{documents}")
    _say("corpus", began)
    began = time.perf_counter()
    ids = SemanticIDs.from_codes(corpus.doc_ids, codes, (SIZE,) * POSITIONS)
    metrics = evaluate_ids(ids, corpus).to_dict()
    _say("IDs and metrics", began)
    began = time.perf_counter()
    states, points = _states(rng, codes)
    map_ = pd.DataFrame({"doc_id": corpus.doc_ids, "x": points[:, 0], "y": points[:, 1]})
    write_bundle(
        folder,
        manifest={"method": "synthetic", "settings": {"codebook_size": SIZE}, "seed": seed, "timings": {}},
        corpus=corpus,
        ids=ids,
        history=_history(),
        states=states,
        map=map_,
        metrics=metrics,
    )
    _say("states and writing", began)


def _codes(rng, documents: int) -> np.ndarray:
    """Uneven codes, as real ones are: shares fall off with the rank, and c2 and c3 lean on their prefix."""
    shares = 1 / (np.arange(SIZE) + 8)
    first = rng.choice(SIZE, documents, p=shares / shares.sum())
    second = (first * 7 + rng.geometric(0.03, documents)) % SIZE
    third = (second * 5 + rng.geometric(0.02, documents)) % SIZE
    return np.column_stack([first, second, third]).astype(np.int32)


def _leaves(rng, codes: np.ndarray) -> np.ndarray:
    """The number of each document's leaf category: by its codes, with one in five at random."""
    top = codes[:, 0] % LEVELS[0]
    middle = top * (LEVELS[1] // LEVELS[0]) + codes[:, 1] % (LEVELS[1] // LEVELS[0])
    leaf = middle * (LEVELS[2] // LEVELS[1]) + codes[:, 2] % (LEVELS[2] // LEVELS[1])
    stray = rng.random(len(codes)) < 0.2
    leaf[stray] = rng.integers(0, LEVELS[2], stray.sum())
    return leaf


def _frame(rng, leaf: np.ndarray) -> pd.DataFrame:
    words = np.array([f"{a}{b}{c}" for a in "bdfgklmnprst" for b in _SYLLABLES for c in _SYLLABLES])[:WORDS]
    titles, texts = [], []
    for start in range(0, len(leaf), 50_000):
        part = leaf[start : start + 50_000]
        common = rng.zipf(1.4, (len(part), LENGTH)) % len(words)
        own = (part[:, None] * 13 + rng.integers(0, 24, (len(part), LENGTH))) % len(words)
        rows = words[np.where(rng.random((len(part), LENGTH)) < 0.4, own, common)].tolist()
        titles += [" ".join(row[:4]) for row in rows]
        texts += [" ".join(row) for row in rows]
    middle, top = leaf // (LEVELS[2] // LEVELS[1]), leaf // (LEVELS[2] // LEVELS[0])
    frame = {"doc_id": [f"d{number:07d}" for number in range(len(leaf))], "title": titles, "text": texts}
    for level, numbers in enumerate((top, middle, leaf), start=1):
        names = np.array(
            [f"{['topic', 'group', 'kind'][level - 1]} {n}" for n in range(LEVELS[level - 1])], dtype=object
        )
        frame[f"category_{level}"] = names[numbers]
    return pd.DataFrame(frame).astype(object)


def _states(rng, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """States near the sum of the codes' centres, and a map whose clusters are the first two codes."""
    centres = [rng.normal(size=(SIZE, DIMENSIONS)).astype(np.float32) / (t + 1) for t in range(POSITIONS)]
    noise = (0.2 * rng.normal(size=(4096, DIMENSIONS))).astype(np.float32)
    states = np.empty((len(codes), DIMENSIONS), dtype=np.float16)
    for start in range(0, len(codes), 20_000):
        part = codes[start : start + 20_000]
        total = sum(centre[part[:, t]] for t, centre in enumerate(centres))
        states[start : start + 20_000] = total + noise[rng.integers(0, len(noise), len(part))]
    flat = [rng.normal(size=(SIZE, 2)) * scale for scale in (10, 2, 0.5)]
    points = sum(place[codes[:, t]] for t, place in enumerate(flat)) + 0.15 * rng.normal(size=(len(codes), 2))
    return states, points.astype(np.float32)


def _history() -> pd.DataFrame:
    rows = []
    for position in range(1, POSITIONS + 1):
        for stage, epochs in (("continuous", 3), ("discrete", 5)):
            for epoch in range(1, epochs + 1):
                row = {"stage": stage, "position": position, "epoch": epoch, "step": epoch * 100, "seconds": 60.0}
                row["loss"] = 6 - 0.4 * epoch
                row["perplexity"] = 20.0 * epoch if stage == "discrete" else None
                rows.append(row)
    return pd.DataFrame(rows)


def _say(what: str, began: float) -> None:
    print(f"{what:<22}{time.perf_counter() - began:8.1f} s", flush=True)


_SYLLABLES = [a + b for a in "aeiou" for b in "bdfklmnrst"]

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, default=1_000_000)
    given = parser.parse_args()
    make(given.folder, given.documents)
