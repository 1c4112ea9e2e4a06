"""Memory and processor time of `data prepare` and of loading, on a made-up collection in MS MARCO's form.

    .venv/bin/python benchmarks/data_prepare.py --passages 1100000 --sample 1000000

Prints a table: step, processor seconds, peak memory of a process of its own. docs/datasets.md has the numbers.
"""

import argparse
import multiprocessing
import random
import resource
import tempfile
import time
from pathlib import Path

WORDS, WORDS_EACH, SEED = 5_000, 30, 1
TRAIN, LABELS = 502_939, 532_751  # of the real collection, at 1,000,000 passages


def make(folder: Path, passages: int) -> None:
    """Passages of made-up words, and training queries and labels in the real collection's proportion."""
    rng = random.Random(SEED)
    words = [f"w{number}" * (1 + number % 3) for number in range(WORDS)]
    queries, labels = (max(1, count * passages // 1_000_000) for count in (TRAIN, LABELS))
    lines = {
        "collection": (f"{pid}\t{' '.join(rng.choices(words, k=WORDS_EACH))}" for pid in range(passages)),
        "queries.train": (f"{query}\tquery number {query} about things" for query in range(queries)),
        "qrels.train": (f"{label % queries}\t0\t{rng.randrange(passages)}\t1" for label in range(labels)),
        "queries.dev.small": (f"{10**7 + query}\tdev {query}" for query in range(100)),
        "qrels.dev.small": (f"{10**7 + query}\t0\t{rng.randrange(passages)}\t1" for query in range(100)),
    }
    for name, rows in lines.items():
        with (folder / f"{name}.tsv").open("w", encoding="utf-8") as file:
            file.writelines(row + "\n" for row in rows)


def prepare(folder: Path, sample: int) -> str:
    from lmindexer.datasets import prepare as read

    about = read("msmarco", folder, folder / "out", show=False, sample=sample)
    return f"prepare {about['counts']['documents']:,} documents, {about['counts']['labels, train']:,} labels"


def load(folder: Path, sample: int) -> str:
    from lmindexer.datasets import load_folder

    return f"load {len(load_folder(folder / 'out')):,} documents with queries"


def measured(step, folder: Path, sample: int) -> tuple[str, float, float]:
    """What a step says, its processor seconds and the peak memory of this process in MiB."""
    began = time.process_time()
    said = step(folder, sample)
    return said, time.process_time() - began, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passages", type=int, default=1_100_000)
    parser.add_argument("--sample", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as place:
        make(Path(place), given.passages)
        size = (Path(place) / "collection.tsv").stat().st_size / 2**20
        print(f"| step (collection.tsv has {size:,.0f} MiB) | processor seconds | peak memory, MiB |\n|---|---|---|")
        for step in (prepare, load):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                said, seconds, memory = pool.apply(measured, (step, Path(place), given.sample))
            print(f"| {said} | {seconds:,.1f} | {memory:,.0f} |", flush=True)


if __name__ == "__main__":
    main()
