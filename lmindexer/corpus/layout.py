"""Which columns of a source hold what, and the way from a raw table to a corpus's checked frame."""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from lmindexer.common.errors import SettingsError
from lmindexer.corpus.checks import (
    SKIP_REMEDY,
    Table,
    clean_column,
    clean_ids,
    note_repeats,
    require_columns,
    shorten,
)
from lmindexer.corpus.markup import first_html, strip_html
from lmindexer.corpus.paths import read_paths


@dataclass(frozen=True)
class Layout:
    """The columns a corpus is read from; text=None stands for the corpus's own, as `to_frame` gives them."""

    id: str | None
    title: str | None
    text: str | Sequence[str] | None
    category: str | Sequence[str] | None
    separator: str | None
    missing: str = "keep"  # "empty": NULL, nan, … are nothing
    html: str = "keep"  # "strip": tags and entities are taken out of titles and texts

    def resolve(self, names: Sequence[str]) -> "Layout":
        """What the source's own column names decide: text and, but for a path column, category as tuples."""
        category = tuple(self.category) if isinstance(self.category, (list, tuple)) else self.category
        if self.text is None:
            title = self.title or ("title" if "title" in names else None)
            return replace(self, title=title, text=("text",), category=category or _own_categories(names))
        texts = tuple(self.text) if isinstance(self.text, (list, tuple)) else (self.text,)
        if not texts:
            raise SettingsError("text is an empty list; name at least one column.")
        title = texts[0] if self.title is None and len(texts) > 1 else self.title
        return replace(self, title=title, text=texts, category=category or None)

    @property
    def path_column(self) -> str | None:
        """The one column that holds a whole path, or None."""
        return None if isinstance(self.category, tuple) else self.category

    @property
    def category_columns(self) -> tuple[str, ...]:
        """The columns the categories come from."""
        return self.category if isinstance(self.category, tuple) else (self.category,) if self.category else ()

    def choose(self, names: Sequence[str], place: str, hint: Callable | None = None) -> list[str]:
        """The columns to read, each once. Raises CorpusError when one is missing (see `require_columns`)."""
        resolved = self.resolve(names)
        wanted = [resolved.id, resolved.title, *resolved.text, *resolved.category_columns]
        advice = {}
        if self.text is None:
            advice["text"] = "Name the text columns, as in text=['title', 'body']."
        if self.id == "doc_id":
            advice["doc_id"] = "Name the id column with id=…, or pass id=None to number the rows."
        columns = [name for name in dict.fromkeys(wanted) if name is not None]
        require_columns(columns, names, place, advice, hint)
        return columns


def _own_categories(names: Sequence[str]) -> tuple[str, ...] | None:
    """category_1 … category_n up to the deepest there is, so that a missing one in between is an error."""
    found = [re.fullmatch(r"category_([1-9]\d{0,2})", str(name)) for name in names]
    depth = max((int(match.group(1)) for match in found if match), default=0)
    return tuple(f"category_{level}" for level in range(1, depth + 1)) or None


def frame_of_table(table: Table, layout: Layout, on_error: str) -> tuple[pd.DataFrame, np.ndarray, pd.DataFrame]:
    """The checked frame (doc_id, title, text, category_1 …), each document's row, the frame of what was skipped.

    Raises CorpusError as `Table.settle` does.
    """
    if len(table) == 0:
        table.settle(on_error)
    layout = layout.resolve(list(table.columns))
    ids = clean_ids(table, layout.id, "id", layout.missing)
    titles, texts = _texts_of(table, layout)
    paths = _paths_of(table, layout)
    note_repeats(
        table,
        ids,
        layout.id or "",
        "duplicate id",
        lambda value, row: f"the id {value!r} was already given in row {row}",
        'Give every document its own id, or pass on_error="skip" to keep the first.',
    )
    good, skipped = table.settle(on_error)
    # named columns stay as levels even when empty; a path column is as deep as its deepest path
    depth = max(len(paths[index]) for index in good) if layout.path_column else len(layout.category_columns)
    columns = {"doc_id": ids, "title": titles, "text": texts}
    for level in range(depth):
        columns[f"category_{level + 1}"] = [path[level] if level < len(path) else None for path in paths]
    frame = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in columns.items()})
    return frame.iloc[good].reset_index(drop=True), table.rows[good], skipped


def _paths_of(table: Table, layout: Layout) -> list[tuple[str, ...]]:
    if layout.category is None:
        return [()] * len(table)
    whole = layout.path_column is not None
    if layout.html == "strip":
        for name in layout.category_columns:
            table.columns[name] = [strip_html(cell) if isinstance(cell, str) else cell for cell in table.columns[name]]
    else:
        _remark_html(table, layout.category_columns)
    return read_paths(table, layout.category_columns, whole, layout.separator, layout.missing)


def _texts_of(table: Table, layout: Layout) -> tuple[list[str], list[str]]:
    """Titles and joined texts; rows with neither are noted."""
    names = [name for name in dict.fromkeys([layout.title, *layout.text]) if name]
    cells = {name: _text_column(table, name, layout) for name in names}
    parts = [cells[name] for name in layout.text]
    texts = [". ".join(filter(None, row)) for row in zip(*parts, strict=True)]
    titles = [title or "" for title in cells[layout.title]] if layout.title else [""] * len(table)
    shown = " and ".join(repr(name) for name in cells)
    for index, (title, text) in enumerate(zip(titles, texts, strict=True)):
        if not title and not text and not table.bad[index]:
            remedy = f"Give every document some text. {SKIP_REMEDY}"
            table.note(index, layout.text[0], "empty text", f"there is no text in {shown}", remedy)
    return titles, texts


def _text_column(table: Table, name: str, layout: Layout) -> list[str | None]:
    cells = clean_column(table, name, missing=layout.missing)
    if layout.html == "strip":
        return [text and (strip_html(text) or None) for text in cells]
    _remark_html(table, [name])
    return cells


def _remark_html(table: Table, names: Iterable[str]) -> None:
    """Say which columns hold HTML, and that it is kept."""
    for name in names:
        cells = table.columns[name]
        found = [(index, first_html(cell)) for index, cell in enumerate(cells) if isinstance(cell, str)]
        marked = [(index, html) for index, html in found if html]
        if marked:
            count = f"{len(marked):,} of {len(cells):,} cells of {name!r} hold HTML, such as {shorten(marked[0][1])}"
            table.remark(marked[0][0], count, 'it is kept. Pass html="strip" to take tags and entities out')
