"""A file that a person uploaded: what columns it has and what they probably hold."""

from pathlib import Path

from lmindexer.corpus import readers
from lmindexer.corpus.corpus import Corpus
from lmindexer.corpus.filetypes import kind_of

GUESSES = {
    "id": ("doc_id", "id", "sku", "asin", "product_id", "item_id", "docid", "key", "code"),
    "title": ("title", "name", "product_title", "headline", "label"),
    "text": ("text", "body", "description", "abstract", "content", "definition", "summary"),
    "category": ("category", "categories", "path", "department", "class", "category_1", "topic"),
}


def columns_of(path: str | Path) -> list[str]:
    """The names of a file's columns.

    Raises:
        CorpusError: when the file cannot be read; names the file and the row.
    """
    names: list[str] = []

    def choose(found, place, hint="") -> list[str]:
        names.extend(str(name) for name in found)
        return list(found)[:1]

    readers.read_table(path, kind_of(path), choose)
    return list(dict.fromkeys(names))


def guess(columns: list[str]) -> dict:
    """Which columns probably hold what: id, title (name or None), text, category (lists).

    >>> guess(["sku", "title", "body", "path", "price"])
    {'id': 'sku', 'title': 'title', 'text': ['body'], 'category': ['path']}
    """
    lower = {name.lower(): name for name in columns}
    found = {part: [lower[name] for name in names if name in lower] for part, names in GUESSES.items()}
    levels = [name for name in columns if name.lower().startswith("category_") and name[9:].isdigit()]
    id_, title = (found["id"] or [None])[0], (found["title"] or [None])[0]
    free = [name for name in columns if name not in (id_, title, *levels, *found["category"])]
    return {
        "id": id_,
        "title": title,
        "text": found["text"][:2] or free[:1] or ([title] if title else []),
        "category": levels or found["category"][:1],
    }


def read(
    path: str | Path, mapping: dict, separator: str = " > ", skip: bool = False, name: str | None = None
) -> Corpus:
    """The corpus in a file under a mapping as `guess` gives it.

    Raises:
        CorpusError, SettingsError: one sentence that names the row and a remedy.
    """
    category = mapping["category"]
    return Corpus.from_file(
        path,
        id=mapping["id"],
        title=mapping["title"],
        text=mapping["text"],
        category=(category[0] if len(category) == 1 else category) or None,
        separator=separator or None,
        on_error="skip" if skip else "raise",
        **({"name": name} if name else {}),
    )
