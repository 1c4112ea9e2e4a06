"""Amazon reviews for sequential recommendation: items with category paths, and users' items in time order.

The reviews are those of McAuley et al. (2015, https://doi.org/10.1145/2766462.2767755), Ni et al. (2019,
https://doi.org/10.18653/v1/D19-1018) and Hou et al. (2024, arXiv 2403.03952), for research use; they are not bundled.
"""

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.datasets.amazon_items import Item, read_items
from lmindexer.datasets.amazon_reviews import CORE, Sequences, core, make_sequences, read_reviews
from lmindexer.datasets.prepared import PreparedFolder
from lmindexer.datasets.raw_files import Reading
from lmindexer.datasets.source import RawFolder, Source

SLIDES = {  # category → items, users; histories are five samples a user, and one a user in dev and test
    "beauty": (12_101, 22_363),
    "sports_and_outdoors": (18_357, 35_598),
    "toys_and_games": (11_924, 19_412),
}
FORMS = ("plain", "slides")

_META = re.compile(r"meta_(.+)\.jsonl?(\.gz)?", re.IGNORECASE)
_REVIEWS = re.compile(r"(?:reviews_)?(.+?)(_5)?\.(?:jsonl?|csv)(\.gz)?", re.IGNORECASE)


def prepare(
    raw: RawFolder, reading: Reading, out: Path, category: str | None = None, least: int = CORE,
    shuffle: int | None = None, fields: str = "plain",
) -> dict:  # fmt: skip
    """Write a category's items with their users' sequences; without a file of reviews, all items of the metadata.

    category: "Beauty", "Sports and Outdoors", …; may be left out where the folder holds one.
    least: reviews that users and items must have, counted again until all have them.
    shuffle: seed of the users' order (the slides shuffle them with 2023); None keeps the file's.
    fields: "plain" or "slides" (see `Item.text`).

    Users and items are numbered from 1 in the order of the sequences, as published copies are; the column asin of
    corpus.parquet says which product a number is. An item without metadata, or without any text, is left out of the
    corpus and of the sequences.
    """
    if fields not in FORMS:
        raise SettingsError(f"fields is {fields!r}; choose one of {', '.join(FORMS)}.")
    if least < 1:
        raise SettingsError(f"least is {least}; give a number from 1 on.")
    name, meta, reviews = find_files(raw, category)
    sequences, numbers = None, None
    if reviews is not None:
        found = read_reviews(reviews, reading)
        sequences = make_sequences(found, core(found, least), shuffle)
        if not sequences.asins:
            raise CorpusError(f"{reviews}: no user and item has {least} reviews. Set a lower number for least.")
        numbers = {asin: str(number) for number, asin in enumerate(sequences.asins, start=1)}
    items = _first_of_each(read_items(meta, reading, numbers), reading, numbers)
    depth = max((len(item.categories) for _, item in items), default=0)
    with PreparedFolder(out, raw.source, reading, levels=depth, extra=["asin"]) as folder:
        folder.name = f"amazon-{name}"
        folder.options = {"category": name, "least": least, "shuffle": shuffle, "fields": fields}
        folder.slides, folder.note = _beside(name), _NOTE if name in SLIDES else ""
        for place, item in items:
            body = item.text(fields) if item.title or item.description or item.brand else ""
            doc_id = numbers[item.asin] if numbers else item.asin
            folder.document(place, doc_id, item.title, body, item.categories, [item.asin])
        if sequences is not None:
            _write_sequences(folder, sequences)
    return folder.about()


def _first_of_each(
    items: Iterable[tuple[str, Item]], reading: Reading, numbers: dict[str, str] | None
) -> list[tuple[str, Item]]:
    """Each item's first line, by number where there are numbers; the editions of 2018 and later name some twice."""
    found: dict[str, tuple[str, Item]] = {}
    for place, item in items:
        if item.asin in found:
            reading.left_out["metadata given twice"] += 1
        found.setdefault(item.asin, (place, item))
    if numbers is None:
        return list(found.values())
    if len(found) < len(numbers):
        reading.left_out["items without metadata"] += len(numbers) - len(found)
    return [found[asin] for asin in numbers if asin in found]


def _write_sequences(folder: PreparedFolder, sequences: Sequences) -> None:
    there = np.array([str(number) in folder.ids for number in range(1, len(sequences.asins) + 1)])
    for user, (start, end) in enumerate(zip(sequences.starts[:-1], sequences.starts[1:], strict=True), start=1):
        items = sequences.items[start:end]
        kept = items[there[items]]
        for position, item in enumerate(kept.tolist()):
            folder.interaction(str(user), str(item + 1), position)
        folder.counts["users"] += len(kept) > 0
        if len(kept) < len(items):
            folder.reading.left_out["interactions with items that are left out"] += len(items) - len(kept)


def _beside(name: str) -> dict[str, int]:
    items, users = SLIDES.get(name, (None, None))
    return {"documents": items, "users": users} if items else {}


def find_files(raw: RawFolder, category: str | None) -> tuple[str, Path, Path | None]:
    """(category, metadata, reviews or None); a 5-core file of reviews goes before the whole one."""
    metas = {_plain(match[1]): file for file in raw.files if (match := _META.fullmatch(file.name))}
    if not metas:
        raise CorpusError(f"{raw.path}: there is no meta_….json or meta_….jsonl (nor with .gz). {raw.remedy}")
    wanted = _plain(category) if category else next(iter(metas))
    if wanted not in metas or (category is None and len(metas) > 1):
        problem = f"there is no metadata of {category!r}" if category else "it holds several categories"
        raise CorpusError(f"{raw.path}: {problem}. Choose with category=…: {', '.join(sorted(metas))}.")
    reviews = []
    for file in raw.files:
        match = _REVIEWS.fullmatch(file.name)
        if match and not _META.fullmatch(file.name) and _plain(match[1]) == wanted:
            reviews.append((match[2] is None, file.name, file))
    return wanted, metas[wanted], min(reviews)[2] if reviews else None


def _plain(category: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", category.lower().replace("&", "and")).strip("_")


_NOTE = (
    "The slides' training histories are five samples a user (111,815 for Beauty, 177,990 for Sports, 97,060 for Toys); "
    "dev and test have one a user."
)

SOURCE = Source(
    name="amazon",
    what="Amazon reviews of 2014, 2018 or 2023: products with categories, and what users bought in order",
    files="meta_CATEGORY.json.gz (2023: .jsonl.gz) and reviews_CATEGORY_5.json.gz (2014), CATEGORY_5.json.gz (2018) or "
    "CATEGORY.jsonl.gz (2023)",
    where="https://jmcauley.ucsd.edu/data/amazon (2014), https://nijianmo.github.io/amazon (2018), "
    "https://amazon-reviews-2023.github.io (2023)",
    licence="for research; ask the authors for other uses",
    prepare=prepare,
    options={
        "category": "Beauty, Sports and Outdoors, … (where the folder holds several)",
        "least": "reviews that users and items must have",
        "shuffle": "seed of the users' order, 2023 as in the slides; left out, the file's order",
        "fields": "plain (description, brand) or slides (with the fields' names, and the price)",
    },
)
