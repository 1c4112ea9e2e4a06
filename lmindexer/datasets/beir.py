"""BEIR's form of a data set: corpus.jsonl, queries.jsonl, qrels/<split>.tsv (Thakur et al. 2021, arXiv 2104.08663).

Each file may be gzipped. The qrels may also lie beside the corpus, or be one file without a split (labels.tsv,
qrels.tsv): then the queries are split 80 / 10 / 10 by a hash of their ids.
"""

from collections.abc import Iterator
from pathlib import Path

from lmindexer.datasets.prepared import PreparedFolder
from lmindexer.datasets.raw_files import Reading
from lmindexer.datasets.sample_files import split_of
from lmindexer.datasets.source import RawFolder, Source

SPLITS = ("train", "dev", "test")
HEADER = ["query-id", "corpus-id", "score"]


def prepare(raw: RawFolder, reading: Reading, out: Path, irrelevant: bool = False) -> dict:
    """Write a BEIR folder as a prepared one, named after it.

    irrelevant: keep judgements with score 0 or below, as rows with that score.
    """
    corpus, queries = raw.need("corpus.jsonl"), raw.need("queries.jsonl")
    with PreparedFolder(out, raw.source, reading) as folder:
        folder.name = corpus.parent.resolve().name
        for place, row in reading.objects(corpus, needed=["_id"], texts=["title", "text"]):
            folder.document(place, str(row["_id"]), str(row.get("title") or ""), str(row.get("text") or ""))
        asked = reading.objects(queries, needed=["_id"], texts=["text"])
        texts = reading.one_text_each((place, str(row["_id"]), str(row.get("text") or "")) for place, row in asked)
        for place, split, query, document, score in _judgements(raw, reading):
            if score <= 0 and not irrelevant:
                reading.left_out["judgements as not relevant (score 0 or below)"] += 1
            elif query not in texts:
                reading.left_out["judgements of queries that are not there"] += 1
            else:
                folder.query(place, query, texts[query], document, split, score=score)
    return folder.about()


def _judgements(raw: RawFolder, reading: Reading) -> Iterator[tuple[str, str, str, str, float]]:
    """(place, split, query, document, score) of every qrels file."""
    files = {split: raw.find(f"{split}.tsv") for split in SPLITS}
    if not any(files.values()):
        files = {"": raw.need("train.tsv", "dev.tsv", "test.tsv", "labels.tsv", "qrels.tsv")}
    for split, path in files.items():
        for place, fields in reading.fields(path, (3,)) if path else ():
            if fields == HEADER:
                continue
            score = reading.number(place, fields[2], "score")
            if score is not None:
                yield place, split or split_of(fields[0]), *fields[:2], score


SOURCE = Source(
    name="beir",
    what="any retrieval data set in BEIR's form (nfcorpus, scifact, fiqa, …)",
    files="corpus.jsonl, queries.jsonl and qrels/train.tsv, dev.tsv or test.tsv",
    where="https://github.com/beir-cellar/beir",
    licence="each data set has its own terms, see the table there",
    prepare=prepare,
    options={"irrelevant": "keep judgements of 0 as rows with that score"},
)
