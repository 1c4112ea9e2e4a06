"""Amazon's metadata: one product a line, as JSON (2018, 2023) or as a Python literal (2014)."""

import re
from collections.abc import Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from lmindexer.corpus.markup import plain_words
from lmindexer.datasets.raw_files import Reading

ASIN = ("parent_asin", "asin")
_QUICK = re.compile(r"""["'](?:parent_asin|asin)["']\s*:\s*["']([^"'\\]+)["']""")
_NO_TITLE = "getTime"  # what the pages of 2018 hold where a title could not be read


@dataclass(frozen=True)
class Item:
    """A product as the corpus takes it; absent fields are empty. `categories` is its first path, coarse to fine."""

    asin: str
    title: str
    description: str
    brand: str
    price: str
    categories: tuple[str, ...]

    def text(self, form: str) -> str:
        """ "plain": description and brand; "slides": all that the slides give a model, but for the category."""
        if form == "plain":
            return ". ".join(filter(None, (self.description, self.brand)))
        parts = (("description", self.description), ("brand", self.brand), ("price", self.price))
        return ", ".join([*filter(None, [self.title]), *(f"{name}: {value}" for name, value in parts if value)])


def read_items(path: Path, reading: Reading, wanted: Container[str] | None = None) -> Iterator[tuple[str, Item]]:
    """(place, item) of every product of a metadata file; of those in `wanted` only, where it is given.

    A line about another product is not worked out at all (a Python literal takes a while).
    """
    for row, line in reading.lines(path):
        place = f"{path}, row {row}"
        named = _QUICK.findall(line) if wanted is not None else ()
        if named and not any(asin in wanted for asin in named):
            if not line.rstrip().endswith("}"):
                reading.bad(place, "broken rows", "this line is cut short: it does not end in '}'")
            continue
        record = reading.object(place, line, literal=True)
        if record is None:
            continue
        asin = next((str(record[name]) for name in ASIN if record.get(name)), None)
        if asin is None:
            reading.bad(place, "rows without 'asin'", "there is neither an 'asin' nor a 'parent_asin'")
        elif wanted is None or asin in wanted:
            yield place, item_of(asin, record)


def item_of(asin: str, record: dict) -> Item:
    """A metadata record of any edition → an Item.

    Descriptions may be a string, a list or empty; where there is none, 2023's list of features stands for it. The
    brand of 2023 is its details' "Brand", else the store. Tags and entities are taken out everywhere.

    >>> item_of("B1", {"title": "Saw", "description": ["<b>Cuts</b>", ""], "categories": [["Tools", "Saws"], ["Sale"]]})
    Item(asin='B1', title='Saw', description='Cuts', brand='', price='', categories=('Tools', 'Saws'))
    """
    details = record.get("details")
    brand = record.get("brand") or (details.get("Brand") if isinstance(details, dict) else None) or record.get("store")
    title = words(record.get("title"))
    return Item(
        asin,
        "" if _NO_TITLE in title else title,
        words(record.get("description")) or words(record.get("features")) or words(record.get("feature")),
        words(brand).removeprefix("by ") if isinstance(brand, str) else "",
        words(record.get("price")).removeprefix("$"),
        first_path(record.get("categories") or record.get("category")),
    )


def words(value: object) -> str:
    """A string, a number or a (nested) list of them → plain words; anything else is nothing."""
    if isinstance(value, str):
        return plain_words(value)
    if isinstance(value, list | tuple):
        return " ".join(filter(None, map(words, value)))
    number = isinstance(value, int | float) and not isinstance(value, bool) and value - value == 0
    return f"{value:.12g}" if number else ""


def first_path(value: object) -> tuple[str, ...]:
    """The category path: of a list of paths (2014) the first, of a list of labels (2018, 2023) all of them."""
    if isinstance(value, list | tuple) and value and isinstance(value[0], list | tuple):
        value = value[0]
    labels = value if isinstance(value, list | tuple) else [value]
    path = []
    for label in map(words, labels):
        if not label:  # a gap: what is below it has no place
            break
        path.append(label)
    return tuple(path)
