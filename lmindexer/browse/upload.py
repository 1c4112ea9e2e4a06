"""A file that a person uploaded: what columns it has and what they probably hold."""

import atexit
import hashlib
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from lmindexer.common.files import written_aside
from lmindexer.corpus import readers
from lmindexer.corpus.corpus import Corpus
from lmindexer.corpus.csvadvice import delimiter_within
from lmindexer.corpus.filetypes import kind_of

GUESSES = {
    "id": ("doc_id", "id", "sku", "asin", "product_id", "item_id", "docid", "key", "code"),
    "title": ("title", "name", "product_title", "headline", "label"),
    "text": ("text", "body", "description", "abstract", "content", "definition", "summary"),
    "category": ("category", "categories", "path", "department", "class", "category_1", "topic"),
}
UPLOADS, DAYS = "lmindexer-uploads-", 2  # folders of this name, and after how long what a killed process left goes


@dataclass(frozen=True)
class Look:
    """What the first rows of a file say.

    Attributes:
        columns: the names of its columns.
        delimiter: another delimiter, which would split the one column that there seems to be, or None.
    """

    columns: list[str]
    delimiter: str | None


def look_at(path: str | Path, form: Mapping | None = None) -> Look:
    """The columns of a file under the keywords of `Corpus` that say how a text file is written.

    Raises:
        CorpusError, SettingsError: when the file cannot be read so; names the file and the row.
    """
    names: list[str] = []

    def choose(found, place, hint=None) -> list[str]:
        names.extend(str(name) for name in found)
        return list(found)[:1]

    readers.read_table(path, kind_of(path), choose, **form or {})
    columns = list(dict.fromkeys(name for name in names if name))
    delimited = kind_of(path) in ("csv", "tsv") and len(names) == 1
    return Look(columns, delimiter_within(names, (form or {}).get("delimiter") or ",") if delimited else None)


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


def read(path: str | Path, mapping: Mapping, name: str | None = None, **options) -> Corpus:
    """The corpus in a file under a mapping as `guess` gives it; further keywords are those of `Corpus`.

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
        **({"name": name} if name else {}),
        **options,
    )


# -- keeping ---------------------------------------------------------------------------------------------------------


def keep(content: bytes, suffix: str) -> Path:
    """The content as a file in this process's own folder, named by its SHA-256; the folder goes when the process ends.

    A fit keeps a corpus of its own, so nothing needs an upload for longer.
    """
    folder = _folder()
    folder.mkdir(mode=0o700, exist_ok=True)
    path = folder / f"{hashlib.sha256(content).hexdigest()[:24]}{suffix}"
    if not path.exists():
        with written_aside(path) as aside:
            aside.write_bytes(content)
    return path


@cache
def _folder() -> Path:
    """A folder that nobody else may read; what processes that were killed have left behind is cleared first."""
    for left in Path(tempfile.gettempdir()).glob(f"{UPLOADS}*"):
        if _abandoned(left):
            shutil.rmtree(left, ignore_errors=True)
    folder = Path(tempfile.mkdtemp(prefix=UPLOADS))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _abandoned(folder: Path) -> bool:
    """Whether a folder of uploads is this person's, and nobody put anything into it for days."""
    try:
        found = folder.lstat()
    except OSError:
        return False
    mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
    return mine and stat.S_ISDIR(found.st_mode) and time.time() - found.st_mtime > DAYS * 86_400
