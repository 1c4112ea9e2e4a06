"""Fuzzing of corpora: thousands of broken files, and each is read right or refused in one sentence.

    .venv/bin/python tests/fuzz/corpora.py --count 2000 --seed 0

A case changes one of the seed files and reads it as a corpus, as queries and as interactions. The answer must be a
whole corpus or a clear error: no traceback, no more than ten seconds, no more than 1 GiB above what the process had.
What failed is printed with the numbers that make it again.
"""

import random
import sys
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
from fuzzing import answer, main
from mutations import mutate

from lmindexer.corpus.corpus import Corpus, Interactions, Queries

SEEDS = Path(__file__).parent / "seeds"
COLUMNS = (
    {"id": "sku", "text": ["title", "body"], "category": "path"},
    {"id": "sku", "title": "title", "text": "body"},
    {"id": None, "text": "body", "category": ["top", "path"]},
    {"id": "sku", "text": "title", "category": "path", "separator": None},
    {},
)
FORMS = ({}, {}, {}, {}, {}, {"delimiter": ";"}, {"encoding": "cp1252"}, {"quote": None}, {"encoding": "utf-16"})
FORM_NAMES = ("delimiter", "quote", "encoding")


def case(rng: random.Random, folder: Path):
    """A changed seed file and the check of it."""
    origin = rng.choice(sorted(SEEDS.iterdir()))
    data, names = mutate(origin.read_bytes(), origin.suffix, rng)
    path = folder / origin.name
    path.write_bytes(data)
    usual = {} if origin.name == "own.csv" else COLUMNS[0]
    options = rng.choice((usual, usual, *COLUMNS))
    if origin.suffix in (".csv", ".tsv", ".jsonl"):
        options = options | rng.choice(FORMS)
    return f"{origin.name}: {', '.join(names)}; read with {options}", partial(check, path, options)


def check(path: Path, options: dict) -> str:
    """Read the file in every way and check each answer; gives "read" or "refused"."""
    read = partial(Corpus.from_file, path, **options)
    strict, lenient = (answer(partial(read, on_error=on_error), path.name) for on_error in ("raise", "skip"))
    for corpus in filter(None, (strict, lenient)):
        check_corpus(corpus, path.with_name("again.parquet"))
    if strict is not None:
        assert lenient is not None and len(lenient.skipped) == 0, "skipped rows that are no error"
        assert lenient.fingerprint == strict.fingerprint, "another corpus with on_error='skip'"
    form = {name: options[name] for name in FORM_NAMES if name in options}
    names = {"query_id": "sku", "text": "title", "doc_id": "body"}
    answer(partial(Queries.from_file, path, on_error="skip", **names, **form), path.name)
    names = {"user_id": "path", "doc_id": "sku", "position": None}
    answer(partial(Interactions.from_file, path, **names, **form), path.name)
    return "refused" if lenient is None else "read"


def check_corpus(corpus: Corpus, again: Path) -> None:
    """A corpus is whole: ids once, every document with text, labels of every level, the same from its own file."""
    assert len(corpus) and len(set(corpus.doc_ids)) == len(corpus) and all(corpus.doc_ids)
    assert all(corpus.documents()) and len(corpus.documents(category_text=True)) == len(corpus)
    for level in range(1, corpus.levels + 1):
        assert len(corpus.labels(level)) == len(corpus)
    repr(corpus)
    corpus.to_parquet(again)
    read = Corpus.from_parquet(again)
    assert read.fingerprint == corpus.fingerprint, "another corpus when written and read again"


if __name__ == "__main__":
    sys.exit(main(case, __doc__))
