"""Peak memory of `encode` by the number of documents: it must not grow by what a document's states weigh.

    python benchmarks/encode_memory.py --run data_samples/runs/attack [--documents 1000 4000 16000]

Every line is a process of its own, which opens the run, makes so many new documents by joining pieces of the run's own
texts, and encodes them: IDs alone, or with details (probabilities and states). Reported is by how much the largest
resident size of encoding stands above the resident size right before it, and that per document. With --tiny an indexer
of the tiny preset is fitted first in place of --run, which encodes some hundred times as many documents a second.
"""

import argparse
import multiprocessing
import re
import tempfile
from pathlib import Path

import numpy as np
import psutil

import lmindexer as lmi

MIB = 2**20


def texts_like(own: list[str], count: int) -> list[str]:
    """Documents that are not the run's: halves of two of its texts each."""
    draw = np.random.default_rng(0)
    first, second = draw.integers(len(own), size=(2, count))
    return [own[a][: len(own[a]) // 2] + " " + own[b][len(own[b]) // 2 :] for a, b in zip(first, second, strict=True)]


def measure(run: str, count: int, details: bool, answer) -> None:
    """Send (MiB before, MiB at most, what is kept of the result in MiB)."""
    indexer = lmi.load_indexer(run)
    own = [str(text) for text in indexer.corpus_.texts]
    indexer.encode(texts_like(own, 300))  # what is allocated once
    given = texts_like(own, count)
    before = psutil.Process().memory_info().rss / MIB
    Path("/proc/self/clear_refs").write_text("5")  # Linux: the largest size counts from now
    kept = indexer.encode(given, details=details)
    status = Path("/proc/self/status").read_text()
    most = int(re.search(r"VmHWM:\s+(\d+)", status)[1]) / 1024
    states = getattr(kept, "states", None)
    answer.send((before, most, 0.0 if states is None else states.nbytes / MIB))


def one(run: str, count: int, details: bool) -> tuple[float, float, float]:
    spawn = multiprocessing.get_context("spawn")  # a process of its own: the largest size is of its whole life
    ours, theirs = spawn.Pipe()
    process = spawn.Process(target=measure, args=(run, count, details, theirs))
    process.start()
    found = ours.recv()
    process.join()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--run", default="data_samples/runs/attack")
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--documents", type=int, nargs="+", default=[1000, 4000, 16000])
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        run = given.run
        if given.tiny:
            run = str(Path(folder) / "tiny")
            lmi.LMIndexer("tiny").fit(lmi.load_sample("attack"), run, progress=False)
        print("| documents | details | before, MiB | at most, MiB | more, kB a document | states kept, MiB |")
        print("|---|---|---|---|---|---|")
        for details in (False, True):
            for count in given.documents:
                before, most, states = one(run, count, details)
                said = "yes" if details else "no"
                more = (most - before) * MIB / 1000 / count
                print(f"| {count:,} | {said} | {before:.0f} | {most:.0f} | {more:.2f} | {states:.1f} |", flush=True)


if __name__ == "__main__":
    main()
