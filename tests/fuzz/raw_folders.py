"""Fuzzing of the official files of public data sets: each folder is prepared and loaded, or refused in one sentence.

    .venv/bin/python tests/fuzz/raw_folders.py --count 500

A case makes a small folder in an official format, changes one file of it, and prepares it; see corpora.py.
"""

import gzip
import random
import sys
from functools import partial
from pathlib import Path

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "helpers")]
from corpora import check_corpus
from fuzzing import answer, main
from mutations import mutate
from raw_data import OFFICIAL

from lmindexer.datasets import load_folder, prepare


def case(rng: random.Random, folder: Path):
    """A changed folder of one data set and the check of it."""
    name = rng.choice(sorted(OFFICIAL))
    raw = OFFICIAL[name](folder / "raw")
    path = rng.choice(sorted(file for file in raw.rglob("*") if file.is_file()))
    inside = path.suffix == ".gz" and rng.random() < 0.8
    data = gzip.decompress(path.read_bytes()) if inside else path.read_bytes()
    ending = path.suffixes[-2] if inside else path.suffix
    data, names = mutate(data, {".json": ".jsonl", ".txt": ".tsv"}.get(ending, ending), rng)
    path.write_bytes(gzip.compress(data) if inside else data)
    return f"{name}, {path.name}: {', '.join(names)}", partial(check, name, raw, folder)


def check(name: str, raw: Path, folder: Path) -> str:
    """Prepare with both ways of bad rows; what is prepared can be loaded and is whole."""
    kind, options = name.split()[0], {"amazon": {"least": 2}, "msmarco": {"sample": 10}}.get(name.split()[0], {})
    strict, lenient = (
        answer(partial(prepare, kind, raw, folder / on_error, show=False, on_error=on_error, **options))
        for on_error in ("raise", "skip")
    )
    for about, out in ((strict, "raise"), (lenient, "skip")):
        if about is not None:
            check_corpus(load_folder(folder / out), folder / "again.parquet")
    assert strict is None or lenient["counts"] == strict["counts"], "other counts with on_error='skip'"
    return "refused" if lenient is None else "read"


if __name__ == "__main__":
    sys.exit(main(case, __doc__))
