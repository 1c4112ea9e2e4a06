"""ESCI, Amazon's shopping queries (Reddy et al. 2022, arXiv 2206.06588): query → products, labelled E, S, C or I.

Exact, Substitute, Complement, Irrelevant. The slides take the products of one Amazon category and the label E alone;
the graded form has the authors' gains. Files: shopping_queries_dataset_examples.parquet and …_products.parquet.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.checks import shorten, shorten_name
from lmindexer.corpus.markup import plain_words
from lmindexer.datasets.prepared import PreparedFolder, is_prepared
from lmindexer.datasets.raw_files import Reading
from lmindexer.datasets.source import RawFolder, Source

EXAMPLES, PRODUCTS = "shopping_queries_dataset_examples.parquet", "shopping_queries_dataset_products.parquet"
GAINS = {"E": 1.0, "S": 0.1, "C": 0.01, "I": 0.0}
DEV_SHARE, SEED = 8, 2023  # one training query in eight is for validation
VERSIONS = ("all", "small", "large")
_EXAMPLE = ("query", "query_id", "product_id", "product_locale", "esci_label", "split")
_PRODUCT = (
    "product_id", "product_locale", "product_title", "product_description", "product_bullet_point", "product_brand",
)  # fmt: skip


def prepare(
    raw: RawFolder, reading: Reading, out: Path, items: str | None = None, graded: bool = False, locale: str = "us",
    version: str = "all", irrelevant: bool = False,
) -> dict:  # fmt: skip
    """Write products and queries.

    items: a folder that `lmindexer data prepare amazon` made: the corpus is its items, found by their asin, and queries
        of every locale count (the slides' rule); None takes ESCI's own products of one locale.
    graded: S and C count too, with their gains .1 and .01 as scores; else the label E alone.
    irrelevant: with graded, also keep the label I, as rows with score 0.
    locale: us, es or jp, where the products are ESCI's own.
    version: "small" or "large" keeps that version's judgements.

    Queries are split by query: ESCI's test queries are the test set, an eighth of its training queries "dev".
    """
    if version not in VERSIONS:
        raise SettingsError(f"version is {version!r}; choose one of {', '.join(VERSIONS)}.")
    examples = raw.need(EXAMPLES)
    with PreparedFolder(out, raw.source, reading, levels=_depth(items), extra=["asin"] if items else []) as folder:
        folder.options = {"items": items and Path(items).name, "graded": graded, "locale": locale, "version": version}
        if items:
            folder.name = f"esci-{Path(items).resolve().name}"
            numbers = _add_items(folder, Path(items))
        else:
            _add_products(folder, raw.need(PRODUCTS), locale)
            numbers = None
        dev = _dev_queries(reading, examples)
        for place, row, label in _judgements(reading, examples, version):
            if numbers is None and row["product_locale"] != locale:
                continue
            if label != "E" and not (graded and (label != "I" or irrelevant)):
                reading.left_out[f"judgements with the label {label}"] += 1
                continue
            product, query = str(row["product_id"]), str(row["query_id"])
            document = product if numbers is None else numbers.get(product, "")
            split = "test" if row["split"] == "test" else "dev" if query in dev else "train"
            folder.query(place, query, str(row["query"]), document, split, kind=label, score=GAINS[label])
    return folder.about()


def _judgements(reading: Reading, path: Path, version: str) -> Iterator[tuple[str, dict, str]]:
    """(place, row, label) of the examples of a version; other labels and splits are bad rows."""
    flag = f"{version}_version"
    for place, row in reading.parquet(path, [*_EXAMPLE, *([flag] if version != "all" else [])]):
        label = str(row["esci_label"] or "")[:1].upper()
        if version != "all" and not row[flag]:
            continue
        empty = next((name for name in _EXAMPLE if row[name] in (None, "")), None)
        if empty:
            reading.bad(place, f"rows without {empty!r}", f"{empty!r} is empty")
        elif label not in GAINS:
            what = f"the label {shorten(row['esci_label'])} is none of E, S, C, I"
            reading.bad(place, "rows with another label", what)
        elif row["split"] not in ("train", "test"):
            what = f"the split {shorten(row['split'])} is neither train nor test"
            reading.bad(place, "rows with another split", what)
        else:
            yield place, row, label


def _dev_queries(reading: Reading, path: Path) -> set[str]:
    """An eighth of the training queries, drawn with SEED."""
    queries: dict[str, None] = {}
    for _, row in Reading("skip", reading.show).parquet(path, ["query_id", "split"]):
        if row["split"] == "train" and row["query_id"] is not None:
            queries[str(row["query_id"])] = None
    names = list(queries)
    random.Random(SEED).shuffle(names)
    return set(names[: len(names) // DEV_SHARE])


def _add_products(folder: PreparedFolder, path: Path, locale: str) -> None:
    found: set[str] = set()
    for place, row in folder.reading.parquet(path, _PRODUCT):
        found.add(str(row["product_locale"]))
        if row["product_locale"] == locale and row["product_id"]:
            parts = (row["product_description"], row["product_bullet_point"], row["product_brand"])
            text = ". ".join(filter(None, (plain_words(str(part)) for part in parts if part)))
            folder.document(place, str(row["product_id"]), plain_words(str(row["product_title"] or "")), text)
    if locale not in found:
        raise SettingsError(f"locale is {locale!r}; {path} has {', '.join(map(shorten_name, sorted(found)[:12]))}.")


def _depth(items: str | None) -> int:
    """Category levels of a prepared Amazon folder."""
    if items is None:
        return 0
    if not is_prepared(Path(items)):
        raise CorpusError(f"{items}: it is no prepared folder. Make one first: lmindexer data prepare amazon.")
    names = pa.parquet.read_schema(Path(items) / "corpus.parquet").names
    if "asin" not in names:
        raise CorpusError(f"{items}: its corpus.parquet has no column 'asin'. Prepare it from Amazon's files.")
    return sum(name.startswith("category_") for name in names)


def _add_items(folder: PreparedFolder, items: Path) -> dict[str, str]:
    """Copy a prepared folder's documents; gives asin → doc_id."""
    numbers = {}
    names = ["doc_id", "title", "text", "asin", *(f"category_{level}" for level in range(1, folder.levels + 1))]
    for place, row in folder.reading.parquet(items / "corpus.parquet", names):
        path = [row[name] for name in names[4:] if row[name] is not None]
        if folder.document(place, row["doc_id"], row["title"] or "", row["text"] or "", path, [row["asin"]]):
            numbers[row["asin"]] = row["doc_id"]
    return numbers


SOURCE = Source(
    name="esci",
    what="Amazon's shopping queries: what people typed, products labelled exact, substitute, complement, irrelevant",
    files=f"{EXAMPLES} and {PRODUCTS}",
    where="https://github.com/amazon-science/esci-data",
    licence="Apache 2.0",
    prepare=prepare,
    options={
        "items": "a folder that `data prepare amazon` made: its items are the corpus, as on the slides",
        "graded": "labels S and C count too (gains .1, .01), not E alone",
        "irrelevant": "with graded, also label I, as rows with score 0",
        "locale": "us, es or jp, where no items are given",
        "version": "all, small or large",
    },
    note="The slides do not say how many queries and labels they have.",
)
