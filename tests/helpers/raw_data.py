"""Small folders in the official formats of public data sets, for the tests of their loaders and for fuzzing."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import pandas as pd


def write_lines(path: Path, lines: Iterable[str], newline: str = "\n") -> Path:
    """Write text lines, gzipped where the name says so."""
    data = "".join(line + newline for line in lines).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_json_lines(path: Path, records: Iterable[dict]) -> Path:
    """One JSON object a line."""
    return write_lines(path, map(json.dumps, records))


def write_literals(path: Path, records: Iterable[dict]) -> Path:
    """One Python literal a line, as Amazon's metadata of 2014."""
    return write_lines(path, map(repr, records))


META_2014 = [
    {"asin": "A", "title": "Saw", "price": 9.5, "brand": "Bo", "categories": [["Tools", "Saws"], ["Sale"]],
     "description": "<p>Cuts &amp; trims<br/>wood</p>", "related": {"also_bought": ["B"]}},
    {"asin": "B", "title": "It's a \"mallet\"", "categories": [["Tools", "Hammers", "X > Y"]]},
    {"asin": "C", "description": "A rasp", "categories": [["Tools"]]},
    {"asin": "D", "title": "Never reviewed", "categories": [["Tools"]]},
    {"asin": "E", "imUrl": "x", "categories": [["Tools"]]},
]  # fmt: skip


def review(user: str, item: str, time: int) -> dict:
    return {"reviewerID": user, "asin": item, "overall": 5.0, "reviewText": "ok", "unixReviewTime": time}


REVIEWS = [
    review("zoe", "B", 3), review("ada", "A", 9), review("zoe", "A", 1), review("ada", "B", 2), review("ada", "C", 2),
    review("zoe", "C", 2), review("zoe", "E", 9), review("ada", "E", 1), review("bob", "A", 1), review("bob", "D", 5),
]  # fmt: skip


def folder_2014(folder, meta=META_2014, reviews=REVIEWS):
    write_literals(folder / "meta_Tools_and_Home.json.gz", meta)
    write_json_lines(folder / "reviews_Tools_and_Home_5.json.gz", reviews)
    return folder


def beir_folder(folder, judgements=("q1\td1\t2", "q1\td2\t1", "q2\td9\t1", "q1\td3\t0", "q9\td1\t1", "q1\td1\t1")):
    documents = [("d1", "Saw", "Cuts"), ("d2", "", "A mallet"), ("d3", "Rasp", ""), ("d4", "", "")]
    names = ("_id", "title", "text")
    write_json_lines(folder / "corpus.jsonl", [dict(zip(names, row, strict=True)) for row in documents])
    write_json_lines(folder / "queries.jsonl.gz", [{"_id": "q1", "text": "to cut"}, {"_id": "q2", "text": "to hit"}])
    write_lines(folder / "qrels" / "test.tsv", ["query-id\tcorpus-id\tscore", *judgements], newline="\r\n")
    return folder


def msmarco_folder(folder, passages=40):
    write_lines(folder / "collection.tsv", [f"{pid}\tpassage number {pid}" for pid in range(passages)])
    write_lines(folder / "queries.train.tsv", ["1\tone", "2\ttwo"])
    write_lines(folder / "qrels.train.tsv", ["1\t0\t30\t1", "2\t0\t31\t1", "2\t0\t5\t1"])
    write_lines(folder / "queries.dev.small.tsv", ["3\tthree"])
    write_lines(folder / "qrels.dev.small.tsv", ["3\t0\t7\t1"])
    write_lines(folder / "msmarco-test2019-queries.tsv.gz", ["4\tfour", "5\tfive"])
    write_lines(folder / "2019qrels-pass.txt", ["4 Q0 7 2", "4 Q0 30 1", "4 Q0 31 0", "5 Q0 999 3"])
    write_lines(folder / "msmarco-test2020-queries.tsv.gz", ["6\tsix"])
    write_lines(folder / "2020qrels-pass.txt", ["6 Q0 5 3"])
    return folder


PAGE = (
    "{} - Wikipedia <H1> {} </H1> <Table> <Tr> <Td> box </Td> </Tr> </Table> <P> First words . </P> <H2> More </H2> "
    "<P> Second words . </P> <Ul> <Li> last list </Li> </Ul> links <Ul> <Li> login </Li> </Ul>"
)


def example(number: int, question: str, title: str, **more) -> dict:
    return {"example_id": number, "question_text": question, "document_text": PAGE.format(title, title)} | more


def nq_folder(folder, train=(), test=()):
    train = [example(1, "who", "Pokémon Gold"), example(2, "what", "Saw"), *train]
    dev = example(3, "when", "x", document_title="POKEMON  gold", document_url="u")
    dev["document_tokens"] = [{"token": word, "html_token": "<" in word} for word in dev.pop("document_text").split()]
    write_json_lines(folder / "v1.0-simplified_simplified-nq-train.jsonl.gz", train)
    write_json_lines(folder / "v1.0-simplified_nq-dev-all.jsonl.gz", [dev, *test])
    return folder


def esci_folder(folder, more=()):
    examples = [  # example_id is the row; query ids 0 … 15 are training queries
        *((f"query {q}", q, f"P{q % 3}", "us", "ESCI"[q % 4], "train") for q in range(16)),
        ("test query", 90, "P0", "us", "E", "test"), ("test query", 90, "P1", "us", "S", "test"),
        ("otra", 91, "P9", "es", "E", "test"), *more,
    ]  # fmt: skip
    names = ("query", "query_id", "product_id", "product_locale", "esci_label", "split")
    frame = pd.DataFrame(examples, columns=list(names))
    frame["example_id"], frame["small_version"] = range(len(frame)), [int(q % 2 == 0) for q in range(len(frame))]
    folder.mkdir(parents=True, exist_ok=True)
    frame.to_parquet(folder / "shopping_queries_dataset_examples.parquet")
    products = [("P0", "us", "Saw", "<p>Cuts</p>", None, "Bo"), ("P1", "us", "Mallet", None, "hits", None),
                ("P2", "us", "Rasp", None, None, None), ("P9", "es", "Sierra", None, None, None)]  # fmt: skip
    names = ("id", "locale", "title", "description", "bullet_point", "brand")
    frame = pd.DataFrame(products, columns=[f"product_{name}" for name in names])
    frame["product_color"] = None
    frame.to_parquet(folder / "shopping_queries_dataset_products.parquet")
    return folder


def folder_2018(folder):
    meta = {"title": "Saw &amp; blade", "description": ["Cuts", "", "<b>wood</b>"], "brand": "by Bo", "price": "$9.50"}
    products = [meta | {"asin": asin, "category": ["Tools", "Saws"]} for asin in "ABC"]
    write_json_lines(folder / "meta_Tools.json.gz", products)
    write_json_lines(folder / "Tools_5.json", REVIEWS)
    return folder


OFFICIAL = {  # data set, and an edition → a maker of its folder
    "amazon 2014": folder_2014,
    "amazon 2018": folder_2018,
    "beir": beir_folder,
    "esci": esci_folder,
    "msmarco": msmarco_folder,
    "nq320k": nq_folder,
    "trec-dl": msmarco_folder,
}
