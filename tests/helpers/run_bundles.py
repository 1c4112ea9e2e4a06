"""Small run bundles for the explorer's tests: a sound one, a second over its corpus, hostile, bare, broken ones."""

import shutil
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality import evaluate_ids
from lmindexer.runs.bundle import write_bundle

THINGS = {
    "tools > saws": "saw blade wood cutting teeth",
    "tools > hammers": "hammer nail head handle wood",
    "animals > dogs": "dog breed puppy bark fur",
    "animals > cats": "cat whiskers purr fur kitten",
    "food > fruit": "fruit sweet juice apple orchard",
}
HOSTILE = (
    "<script>window.pwned=1</script><b>bold</b>",
    "# head **md** [x](javascript:window.pwned=1) $x^2$ :red[hi] `code`",
    "<img src=x onerror=window.pwned=1> 😀🎉",
    "שלום עולם مرحبا",
    "x" * 1_000_000,
)
SIZES = (4, 4, 4)


def corpus_of(documents: int = 150) -> Corpus:
    """Documents about five things, their titles numbered."""
    rng, paths = np.random.default_rng(0), list(THINGS)
    records = []
    for number in range(documents):
        path = paths[number % len(paths)]
        words = rng.choice(THINGS[path].split(), 8)
        record = {"doc_id": f"d{number}", "title": f"{words[0]} {number}", "text": " ".join(words)}
        levels = path.split(" > ") if number % 17 else []
        records.append(record | {f"category_{level}": label for level, label in enumerate(levels, start=1)})
    return Corpus.from_records(records, name="things")


def ids_of(corpus: Corpus, seed: int = 0) -> SemanticIDs:
    """c1 mostly follows the thing, the others are drawn unevenly."""
    rng, n = np.random.default_rng(seed), len(corpus)
    first = np.where(rng.random(n) < 0.8, np.arange(n) % 5 % SIZES[0], rng.integers(0, SIZES[0], n))
    rest = np.minimum(rng.geometric(0.5, (n, 2)) - 1, 3)
    codes = np.column_stack([(first + seed) % SIZES[0], rest]).astype(np.int32)
    codes[::23, 2] = -1  # some IDs are shorter
    return SemanticIDs.from_codes(corpus.doc_ids, codes, SIZES)


def history() -> pd.DataFrame:
    """A made history with the columns of a real one."""
    rows = []
    for position in (1, 2, 3):
        plan = [
            ("reconstructor_warmup", 1 if position == 1 else 0),
            ("continuous", 2),
            ("codebook_init", 1),
            ("discrete", 3),
        ]
        for stage, epochs in plan:
            for epoch in range(1, epochs + 1):
                coded = stage in ("codebook_init", "discrete")
                row = {"stage": stage, "position": position, "epoch": epoch, "step": epoch * 10, "seconds": 1.0}
                row |= {"loss": 5.0 / epoch, "macro_f1": 0.1 * epoch, "perplexity": 1.0 + epoch / 2 if coded else None}
                rows.append(row | {"diff_ratio": 0.5 if coded else None, "contrastive": None})
    return pd.DataFrame(rows)


def write(folder: Path, name: str, corpus: Corpus, ids: SemanticIDs, seed: int = 0, **parts) -> None:
    """One bundle with states near the codes, a map and metrics, unless `parts` says otherwise."""
    rng = np.random.default_rng(seed)
    states = np.concatenate([np.eye(5)[ids.codes[:, t] + 1] for t in range(ids.positions)], axis=1)
    states = states + 0.05 * rng.normal(size=states.shape)
    given = {
        "history": history(),
        "states": states,
        "map": pd.DataFrame(
            {"doc_id": corpus.doc_ids, "x": states[:, 1], "y": states[:, 2] + rng.normal(size=len(ids))}
        ),
        "metrics": evaluate_ids(ids, corpus).to_dict(),
    } | parts
    manifest = {"method": "hierarchical", "settings": {"positions": 3}, "seed": seed, "timings": {"fit": 1.0}}
    write_bundle(folder / name, manifest=manifest, corpus=corpus, ids=ids, **given)


def write_all(folder: Path) -> Path:
    """good, other, hostile, bare and broken under `folder`."""
    corpus = corpus_of()
    write(folder, "good", corpus, ids_of(corpus))
    write(folder, "other", corpus, ids_of(corpus, 1), seed=1)
    hostile = Corpus.from_records(
        [
            {
                "doc_id": f"<i>{n}</i>" if n % 4 == 0 else f"h{n}",
                "title": HOSTILE[n % 5][:300],
                "text": HOSTILE[n % 5],
                "category_1": HOSTILE[n % 3],
            }
            for n in range(25)
        ],
        name="<script>window.pwned=1</script>",
    )
    codes = np.random.default_rng(0).integers(0, 3, (25, 3)).astype(np.int32)
    write(folder, "hostile", hostile, SemanticIDs.from_codes(hostile.doc_ids, codes, SIZES))
    bare = Corpus.from_records([{"doc_id": f"b{n}", "text": f"plain words {n}"} for n in range(12)], name="bare")
    ids = SemanticIDs.from_codes(bare.doc_ids, np.arange(12).reshape(-1, 1) % 3, (3,))
    write(folder, "bare", bare, ids, history=None, states=None, map=None, metrics=None)
    shutil.copytree(folder / "good", folder / "broken")
    (folder / "broken" / "ids.parquet").write_bytes(b"no parquet")
    return folder
