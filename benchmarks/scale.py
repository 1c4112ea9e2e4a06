"""What every part of the package costs a document at 10,000, 100,000 and 1,000,000 documents, and its memory.

    python benchmarks/scale.py FOLDER [--documents 10000 100000 1000000] [--parts read tokenise …] [-o scale.tsv]

The corpus is drawn from a seeded tree of 3 levels (a document's category path is its way down the tree, one in ten has
strayed), its lengths from a log-normal with a median of 45 words. Each part is a process of its own with one thread,
whose peak memory is told; parts hand files on in FOLDER. Where a part is linear in the documents by construction and
a million would take hours on one core, it runs on a sample, and `of` says on how many.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd

LEVELS, DIMENSIONS, MANY_CODES = (40, 20, 20), 64, 51_200
WORDS, MEDIAN_LENGTH = 30_000, 45
CHUNK = 50_000


# ---- the corpus --------------------------------------------------------------------------------------------------


def paths(documents: int, seed: int = 0) -> np.ndarray:
    """The way of each document down the tree, [N, 3]; shares within a node fall off as 1 / (rank + 3)."""
    rng = np.random.default_rng(seed)
    columns = []
    for size in LEVELS:
        shares = 1 / (np.arange(size) + 3)
        columns.append(rng.choice(size, documents, p=shares / shares.sum()))
    return np.column_stack(columns)


def vectors(folder: Path) -> np.ndarray:
    """A state a document: the sum of its nodes' centres, finer ones smaller, and noise, [N, 64] float32."""
    found = np.load(folder / "paths.npy")
    rng = np.random.default_rng(1)
    rows = 0.3 * rng.standard_normal((len(found), DIMENSIONS), dtype=np.float32)
    node = np.zeros(len(found), np.int64)
    for level, size in enumerate(LEVELS):
        node = node * size + found[:, level]
        centres = rng.standard_normal((int(np.prod(LEVELS[: level + 1])), DIMENSIONS), dtype=np.float32) / 2**level
        rows += centres[node]
    return rows


def generate(folder: Path, documents: int, median: int = MEDIAN_LENGTH) -> int:
    """Write corpus.parquet, a chunk at a time; `median` words a document."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, way = np.random.default_rng(2), paths(documents)
    np.save(folder / "paths.npy", way)
    words = np.array([a + b + c for a in _SYLLABLES for b in _SYLLABLES for c in _SYLLABLES], dtype=object)[:WORDS]
    writer = None
    for first in range(0, documents, CHUNK):
        part = way[first : first + CHUNK]
        node = (part[:, 0] * LEVELS[1] + part[:, 1]) * LEVELS[2] + part[:, 2]
        lengths = np.clip(rng.lognormal(np.log(median), 0.6, len(part)), 4, 400).astype(int)
        owner = np.repeat(node, lengths)
        drawn = rng.zipf(1.3, len(owner)) % WORDS
        own = rng.random(len(owner)) < 0.35  # words of the document's node, of its parent or its grandparent
        depth = np.array([1, LEVELS[2], LEVELS[1] * LEVELS[2]])[rng.integers(0, 3, own.sum())]
        drawn[own] = (owner[own] // depth * 7919 + depth * 31 + rng.integers(0, 12, own.sum())) % WORDS
        texts = [" ".join(run) for run in np.split(words[drawn], lengths.cumsum()[:-1])]
        stray = np.where(rng.random(len(part)) < 0.1, rng.integers(0, LEVELS[0], len(part)), part[:, 0])
        table = pa.table({
            "doc_id": [f"d{number:07d}" for number in range(first, first + len(part))],
            "title": [text[:24] for text in texts],
            "text": texts,
            "category_1": [f"kind {a}" for a in stray],
            "category_2": [f"kind {a}.{b}" for a, b in zip(stray, part[:, 1], strict=True)],
        })  # fmt: skip
        writer = writer or pq.ParquetWriter(folder / "corpus.parquet", table.schema)
        writer.write_table(table)
    writer.close()
    return documents


# ---- the parts: each returns how many documents it worked on ----------------------------------------------------


def read(folder: Path, documents: int) -> int:
    return len(corpus_of(folder))


def corpus_of(folder: Path):
    from lmindexer import Corpus

    return Corpus.from_parquet(folder / "corpus.parquet", id="doc_id", title="title", text="text",
                               category=["category_1", "category_2"])  # fmt: skip


def tokenise(folder: Path, documents: int) -> int:
    from transformers import AutoTokenizer

    from lmindexer.model.backbones import minilm_folder
    from lmindexer.model.tokens import TokenisedDocuments, Vocabulary

    tokenizer = AutoTokenizer.from_pretrained(minilm_folder())
    some = min(documents, 100_000)
    texts = corpus_of(folder).take(np.arange(some)).documents()
    began = time.process_time()
    tokens = TokenisedDocuments.from_texts(texts, None, tokenizer, 128)
    Vocabulary.from_documents(tokens, tokenizer)
    took = time.process_time() - began
    raise Measured(some, took, f"{tokens.lengths.mean():.1f} tokens a document, reading left out")


def states(folder: Path, documents: int) -> int:
    """The frozen encoder on a sample: in bfloat16 (`encoder_precision`) where the processor may have such products."""
    import torch

    from lmindexer.model.backbones import make_backbone
    from lmindexer.model.tokens import TokenisedDocuments, Vocabulary
    from lmindexer.settings.settings import make_settings
    from lmindexer.training.encoding import encode_corpus

    torch.set_num_threads(1)
    some = min(documents, 1024)
    precision = "bfloat16" if torch.backends.cpu.get_cpu_capability() == "AVX512" else "float32"
    backbone = make_backbone(make_settings(encoder_precision=precision))
    texts = pd.read_parquet(folder / "corpus.parquet", columns=["text"], filters=[("doc_id", "<", f"d{some:07d}")])
    tokens = TokenisedDocuments.from_texts(texts.text.tolist(), None, backbone.tokenizer, 128)
    began = time.process_time()
    encode_corpus(
        tokens, Vocabulary.from_documents(tokens, backbone.tokenizer), backbone, None, True, cache=False, progress=False
    )
    raise Measured(some, time.process_time() - began, precision)


def codebook_size(documents: int) -> int:
    return documents * MANY_CODES // 1_000_000


def kmeans(folder: Path, documents: int) -> int:
    """`kmeans_rows`, K = a code for 20 documents; where it makes cells and the other way ends too, beside ten
    iterations of faiss that compare every row with every centre."""
    import faiss

    from lmindexer.training.clustering import MANY, kmeans_rows

    faiss.omp_set_num_threads(1)
    rows, size, note = vectors(folder), codebook_size(documents), ""
    began = time.process_time()
    centres = kmeans_rows(rows, size)
    took = time.process_time() - began
    np.save(folder / "centres.npy", centres)
    if MANY < size < MANY_CODES:
        began, beside = time.process_time(), faiss.Kmeans(DIMENSIONS, size, niter=10, seed=0)
        beside.train(rows)
        whole = time.process_time() - began
        note = (f"squared distance {distance(rows, centres):.4f}; everything compared: "
                f"{distance(rows, beside.centroids):.4f} in {whole:.1f} s")  # fmt: skip
    raise Measured(documents, took, note)


def distance(rows: np.ndarray, centres: np.ndarray) -> float:
    """Mean squared distance of rows to their nearest centres."""
    import faiss

    index = faiss.IndexFlatL2(DIMENSIONS)
    index.add(centres)
    return float(index.search(rows, 1)[0].mean())


def assign(folder: Path, documents: int) -> int:
    from lmindexer.training.clustering import nearest

    some = min(documents, 20_000)
    rows, centres = vectors(folder)[:some], np.load(folder / "centres.npy")
    began = time.process_time()
    nearest(rows, centres)
    raise Measured(some, time.process_time() - began)


def ids_of(folder: Path, documents: int):
    from lmindexer import SemanticIDs

    return SemanticIDs.from_codes([f"d{number:07d}" for number in range(documents)], paths(documents), LEVELS)


def suffixes(folder: Path, documents: int) -> int:
    return len(ids_of(folder, documents))


def tree(folder: Path, documents: int) -> int:
    from lmindexer.ids.trie import IDTrie

    IDTrie.from_ids(ids_of(folder, documents))
    return documents


def bundle(folder: Path, documents: int) -> int:
    """Metrics, and everything a run is but its map and its model."""
    from lmindexer.quality import evaluate_ids
    from lmindexer.runs.bundle import write_bundle

    corpus, ids = corpus_of(folder), ids_of(folder, documents)
    states = vectors(folder).astype(np.float16)
    metrics = evaluate_ids(ids, corpus).to_dict()
    manifest = {"method": "synthetic", "settings": {}, "seed": 0, "timings": {}}
    write_bundle(folder / "run", manifest=manifest, corpus=corpus, ids=ids, states=states, metrics=metrics)
    return documents


def explorer(folder: Path, documents: int) -> int:
    """Open the run and search its ids and titles: what the explorer's first page asks for."""
    from lmindexer.browse.run import RunBrowser
    from lmindexer.browse.search import search
    from lmindexer.runs.bundle import Bundle

    search(RunBrowser.from_bundle(Bundle.open(folder / "run")), "bafa")
    return documents


def neighbours(folder: Path, documents: int) -> int:
    """Dense search: the five nearest of each of 10,000 documents' vectors among all, as the agreement loss asks."""
    import faiss

    faiss.omp_set_num_threads(1)
    rows = vectors(folder)
    index = faiss.IndexFlatIP(DIMENSIONS)
    index.add(rows)
    began = time.process_time()
    some = min(documents, 2000)
    index.search(rows[:some], 5)
    raise Measured(some, time.process_time() - began)


class Measured(Exception):
    """A part that timed itself: documents, seconds, and where there is something to say of it, that."""


PARTS = (generate, read, tokenise, states, kmeans, assign, suffixes, tree, bundle, explorer, neighbours)


def measure(part: str, folder: Path, documents: int) -> None:
    """Run a part in this process and print what it took."""
    began, note = time.process_time(), ""
    try:
        of = globals()[part](folder, documents)
        took = time.process_time() - began
    except Measured as told:
        of, took, *note = told.args
    gib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    row = {"part": part, "documents": documents, "of": of, "seconds": took, "gib": gib, "note": "".join(note)}
    print(json.dumps(row))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--documents", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--parts", nargs="+", default=[part.__name__ for part in PARTS])
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output")
    given = parser.parse_args()
    if given.measure:
        measure(given.measure, given.folder, given.documents[0])
        return
    rows = []
    for documents in given.documents:
        folder = given.folder / str(documents)
        folder.mkdir(parents=True, exist_ok=True)
        for part in given.parts:
            command = [sys.executable, __file__, str(folder), "--documents", str(documents), "--measure", part]
            done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"})
            if done.returncode:
                said = done.stderr.strip().splitlines() or [f"ended with {done.returncode} and without a word"]
                print(f"{documents:>9,} {part}: {said[-1]}", flush=True)
                continue
            rows.append(json.loads(done.stdout.strip().splitlines()[-1]))
            row = rows[-1]
            each, note = row["seconds"] / row["of"] * 1e6, row["note"] and f"; {row['note']}"
            print(f"{documents:>9,} {part:<11}{row['seconds']:9.1f} s{each:10.1f} µs a document, of "
                  f"{row['of']:,}; {row['gib']:.2f} GiB{note}", flush=True)  # fmt: skip
    if given.output:
        pd.DataFrame(rows).round(3).to_csv(given.output, sep="\t", index=False)


_SYLLABLES = [a + b for a in "bdfgklmnprst" for b in ("a", "e", "i", "o")]

if __name__ == "__main__":
    main()
