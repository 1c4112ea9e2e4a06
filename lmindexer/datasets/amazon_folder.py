"""A folder of Amazon items and sequences: items.jsonl.gz and sequences.txt.gz, as studies share them."""

import gzip
import json
import warnings
import zlib
from pathlib import Path

import numpy as np

from lmindexer.common.errors import CorpusError
from lmindexer.corpus.corpus import Corpus, Interactions
from lmindexer.datasets.sample_files import require

ITEMS, SEQUENCES = "items.jsonl.gz", "sequences.txt.gz"


def is_items_and_sequences(folder: Path) -> bool:
    """Whether both files, or one of them, are in that folder."""
    return (folder / ITEMS).is_file() or (folder / SEQUENCES).is_file()


def load_items_and_sequences(folder: Path, name: str) -> Corpus:
    """Load a folder of Amazon items and sequences as a Corpus with `interactions`.

    items.jsonl.gz: one JSON object a line with item_id, title, description, brand (all but the id may be
    null) and categories (a list, coarse to fine, of any depth). sequences.txt.gz: one user a line,
    "user item item …", oldest first.

    A document's text is description and brand; an item without either is its title alone. Items with no
    title, description and brand are left out, with their interactions. The category path is kept whole, also
    where its first level is the same for all ("Beauty").

    Raises CorpusError that names the file, the row and a remedy.
    """
    remedy = f"Name a folder with {ITEMS} and {SEQUENCES}."
    items, sequences = require(folder / ITEMS, remedy), require(folder / SEQUENCES, remedy)
    corpus = _load_items(items, name)
    interactions = _load_sequences(sequences)
    known = interactions.within(corpus)
    unknown = interactions.frame["doc_id"].nunique() - known.frame["doc_id"].nunique()
    # more unknown items than were left out for want of text: let the check name the first one
    corpus.interactions = interactions if unknown > len(corpus.skipped) else known
    return corpus


def _load_items(path: Path, name: str) -> Corpus:
    """Read the items; the ones without any text are left out quietly, every other bad row is an error."""
    columns = {"id": "item_id", "title": "title", "text": ["description", "brand"], "category": "categories"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        corpus = Corpus.from_jsonl(path, **columns, name=name, on_error="skip", missing="keep")
    _allow_only_empty(path, dict(zip(corpus.skipped["row"], corpus.skipped["problem"], strict=True)))
    return corpus


def _allow_only_empty(path: Path, problems: dict[int, str]) -> None:
    """Raise CorpusError for the first row left out (counted from 1) that is no item without text."""
    if not problems:
        return
    with gzip.open(path, "rt", encoding="utf-8", errors="replace") as stream:
        for row, line in enumerate(stream, start=1):
            if row in problems and not _is_empty_item(line):
                raise CorpusError(f"{path}, row {row}: {problems[row]}. Correct the row, or remove it.")


def _is_empty_item(line: str) -> bool:
    try:
        item = json.loads(line)
    except ValueError:
        return False
    return isinstance(item, dict) and not any(item.get(name) for name in ("title", "description", "brand"))


def _load_sequences(path: Path) -> Interactions:
    rows, lines = [], []
    try:
        with gzip.open(path, "rt", encoding="utf-8") as stream:
            for number, line in enumerate(stream, start=1):
                user, *items = line.split() or [""]
                if not items:
                    remedy = 'Write "user item item …" on every line.'
                    raise CorpusError(f"{path}, row {number}: no item follows the user {user!r}. {remedy}")
                rows.extend({"user_id": user, "doc_id": item} for item in items)
                lines.extend([number] * len(items))
    except (OSError, EOFError, zlib.error, UnicodeDecodeError):
        raise CorpusError(f"{path}: it is no gzipped UTF-8 text, or cut short. Fetch it again.") from None
    interactions = Interactions.from_records(rows)
    # so that messages name the file and its line
    interactions.source, interactions.counting = str(path), ""
    interactions.rows = np.asarray(lines)[interactions.rows]
    return interactions
