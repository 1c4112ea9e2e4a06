"""Small studies over made-up corpora, for the tests of human evaluation."""

from pathlib import Path

import numpy as np

from lmindexer.corpus.corpus import Corpus
from lmindexer.human_eval import TYPES, Study
from lmindexer.ids.semantic_ids import SemanticIDs

SIZES = (6, 4, 3)


def corpus_of(documents: int = 240, categories: bool = True) -> Corpus:
    """Documents whose words say nothing of their ID; categories with names that occur nowhere else."""
    rng = np.random.default_rng(7)
    records = []
    for number in range(documents):
        words = " ".join(f"w{word}" for word in rng.integers(0, 60, 6))
        record = {"doc_id": f"doc-{number}", "title": f"Title {number}", "text": f"{words} number {number}"}
        if categories:
            record |= {"category_1": f"TOP{number % 5}", "category_2": f"LEAF{number % 5}.{number % 3}"}
        records.append(record)
    return Corpus.from_records(records, name="made up")


def ids_of(corpus: Corpus, seed: int, sizes: tuple[int, ...] = SIZES) -> SemanticIDs:
    """Random codes, the first ones frequent."""
    rng = np.random.default_rng(seed)
    codes = np.column_stack([np.minimum(rng.geometric(0.3, len(corpus)) - 1, size - 1) for size in sizes])
    return SemanticIDs.from_codes(corpus.doc_ids, codes, sizes)


def make(path: Path, **changes) -> Study:
    """A study of two methods, "METHOD-ONE" and "METHOD-TWO", unless `changes` say otherwise."""
    corpus = changes.pop("corpus", None) or corpus_of()
    methods = changes.pop("methods", None) or {"METHOD-ONE": ids_of(corpus, 1), "METHOD-TWO": ids_of(corpus, 2)}
    given = {"questions": TYPES, "per_method": 6, "annotators": 3, "overlap": 2, "seed": 5} | changes
    return Study.create(methods, corpus, path=path, **given)


def answer_all(study: Study, name: str, choose=lambda view: "1", **sign_in) -> int:
    """Answer everything that is open; returns how many."""
    session, count = study.sign_in(name, **sign_in), 0
    while (view := session.next()) is not None:
        session.answer(choose(view), seconds=2.0)
        count += 1
    return count
