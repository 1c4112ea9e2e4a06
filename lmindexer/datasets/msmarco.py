"""MS MARCO passages with the slides' sample of a million, and TREC Deep Learning 2019 + 2020 over the same sample.

Files as Microsoft and NIST give them: collection.tsv (pid, passage), queries.*.tsv (qid, text), qrels.*.tsv (qid, 0,
pid, 1); for TREC the judged queries and qrels of both years. The slides' corpus is every passage that a training query
is answered by, every one that a dev query is answered by, and passages drawn at random up to a million.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from lmindexer.common.errors import SettingsError
from lmindexer.corpus.checks import shorten
from lmindexer.datasets.prepared import PreparedFolder
from lmindexer.datasets.raw_files import Reading
from lmindexer.datasets.source import RawFolder, Source

SAMPLE, SEED = 1_000_000, 313
TREC_QUERIES = ("msmarco-test2019-queries.tsv", "msmarco-test2020-queries.tsv")
TREC_QRELS = ("2019qrels-pass.txt", "2020qrels-pass.txt")
RELEVANT = 2  # the grade from which TREC DL counts a passage as relevant where grades are not used


def prepare_msmarco(raw: RawFolder, reading: Reading, out: Path, sample: int = SAMPLE, seed: int = SEED) -> dict:
    """Write the passages with the training queries and, as split "test", MS MARCO's small dev set.

    sample: passages in the corpus; 0 keeps all.
    seed: of the random fill.
    """
    return _prepare(raw, reading, out, sample, seed, trec=False)


def prepare_trec(raw: RawFolder, reading: Reading, out: Path, sample: int = SAMPLE, seed: int = SEED) -> dict:
    """The same corpus with the judged queries of TREC DL 2019 and 2020 as split "test", grades 1 to 3 as scores.

    Judgements of passages outside the sample and of grade 0 are counted and left out, as are queries that keep none.
    """
    return _prepare(raw, reading, out, sample, seed, trec=True)


def _prepare(raw: RawFolder, reading: Reading, out: Path, sample: int, seed: int, trec: bool) -> dict:
    if sample < 0:
        raise SettingsError(f"sample is {sample}; give a number of passages, or 0 for all.")
    collection = raw.need("collection.tsv")
    train = list(_qrels(reading, raw.need("qrels.train.tsv")))
    dev = list(_qrels(reading, raw.need("qrels.dev.small.tsv", "qrels.dev.tsv")))
    if trec:
        tests = [judged for name in TREC_QRELS for judged in _qrels(reading, raw.need(name), counts=(4,))]
        asked = _queries(reading, *map(raw.need, TREC_QUERIES))
    else:
        tests, asked = dev, _queries(reading, raw.need("queries.dev.small.tsv", "queries.dev.tsv"))
    asked = _queries(reading, raw.need("queries.train.tsv")), asked
    chosen = choose_passages(_ids(reading, collection), train, dev, sample, seed)
    with PreparedFolder(out, raw.source, reading) as folder:
        folder.options = {"sample": sample, "seed": seed}
        quiet = Reading("skip", reading.show)  # its bad rows were met in the first pass
        for place, (pid, text) in quiet.fields(collection, (2,)):
            if is_number(pid) and int(pid) in chosen:
                folder.document(place, pid, "", text)
        for split, qrels, texts in (("train", train, asked[0]), ("test", tests, asked[1])):
            _add(folder, split, qrels, texts)
        if trec:
            folder.counts[f"labels, test, grade {RELEVANT} and above"] = sum(
                grade >= RELEVANT and document in folder.ids for _, _, document, grade in tests
            )
    return folder.about()


def _add(folder: PreparedFolder, split: str, qrels: list, texts: dict[str, str]) -> None:
    for place, query, document, grade in qrels:
        if grade <= 0:
            folder.reading.left_out["judgements as not relevant (grade 0)"] += 1
        elif query not in texts:
            folder.reading.left_out["judgements of queries that are not there"] += 1
        else:
            folder.query(place, query, texts[query], document, split, score=grade)


def choose_passages(ids: np.ndarray, train: list, dev: list, sample: int, seed: int) -> set[int]:
    """The slides' sample: passages of the training judgements, then of the dev ones, then a random fill.

    ids: every passage's number. train, dev: (place, query, document, grade). sample: how many in all; 0 is all of them.

    >>> sorted(choose_passages(np.arange(6), [("", "q", "4", 1)], [("", "p", "0", 1)], sample=3, seed=1))
    [0, 2, 4]
    """
    if sample == 0 or sample >= len(ids):
        return set(ids.tolist())
    there, chosen = set(ids.tolist()), {}
    for _, _, document, _ in (*train, *dev):
        if is_number(document) and int(document) in there:
            chosen[int(document)] = None
    rest = ids[~np.isin(ids, np.fromiter(chosen, dtype=np.int64, count=len(chosen)))]
    fill = random.Random(seed).sample(range(len(rest)), max(0, min(sample - len(chosen), len(rest))))
    return {*list(chosen)[:sample], *rest[fill].tolist()}


def _ids(reading: Reading, collection: Path) -> np.ndarray:
    """Every passage's number, sorted."""
    ids = []
    for place, (pid, _) in reading.fields(collection, (2,)):
        if is_number(pid):
            ids.append(int(pid))
        else:
            reading.bad(place, "passages whose number is none", f"the passage's number is {shorten(pid)}")
    return np.unique(np.array(ids, dtype=np.int64))


def is_number(pid: str) -> bool:
    """Whether a passage's number is one, as MS MARCO writes them.

    >>> is_number("8841822"), is_number("x1"), is_number("9" * 30)
    (True, False, False)
    """
    return pid.isascii() and pid.isdecimal() and len(pid) <= 18


def _queries(reading: Reading, *paths: Path) -> dict[str, str]:
    rows = (row for path in paths for row in reading.fields(path, (2,)))
    return reading.one_text_each((place, query, text) for place, (query, text) in rows)


def _qrels(reading: Reading, path: Path, counts=(4, 2)) -> Iterator[tuple[str, str, str, float]]:
    """(place, query, document, grade); two fields are query and document, of grade 1."""
    for place, fields in reading.fields(path, counts, separator=None):
        query, document = fields[0], fields[-2 if len(fields) == 4 else 1]
        grade = reading.number(place, fields[3], "grade") if len(fields) == 4 else 1.0
        if grade is not None:
            yield place, query, document, grade


_FILES = (
    "collection.tsv, queries.train.tsv, qrels.train.tsv, qrels.dev.small.tsv{} (collectionandqueries.tar.gz holds them)"
)
_WHERE, _LICENCE = "https://microsoft.github.io/msmarco", "non-commercial research, Microsoft's terms there"
_OPTIONS = {"sample": "passages in the corpus, 0 for all", "seed": "of the random fill"}
_NOTE = (
    "The slides' random fill cannot be drawn again (another program's), so other passages fill the million; the "
    "passages that answer queries are the same."
)

MSMARCO = Source(
    name="msmarco",
    what="MS MARCO passages, the slides' MACRO 1M: a million passages, questions and their answers",
    files=_FILES.format(" and queries.dev.small.tsv"),
    where=_WHERE,
    licence=_LICENCE,
    prepare=prepare_msmarco,
    options=_OPTIONS,
    slides={
        "documents": 1_000_000, "queries, train": 502_939, "queries, test": 6_980,
        "labels, train": 532_751, "labels, test": 7_437,
    },
    note=_NOTE,
)  # fmt: skip

TREC_DL = Source(
    name="trec-dl",
    what="TREC Deep Learning 2019 + 2020 over the same million passages, graded",
    files=_FILES.format("") + ", " + ", ".join([*TREC_QUERIES, *TREC_QRELS]),
    where=f"{_WHERE} and https://trec.nist.gov/data/deep.html",
    licence=_LICENCE,
    prepare=prepare_trec,
    options=_OPTIONS,
    slides={
        "documents": 1_000_000, "queries, train": 502_939, "queries, test": 93,
        "labels, train": 532_751, "labels, test": 1_069,
    },
    note=_NOTE + " How many TREC passages the sample holds depends on that fill.",
)  # fmt: skip
