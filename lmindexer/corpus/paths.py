"""Category paths: raw cells → labels, coarse to fine; and back to one string for each path."""

import ast
import io
import json
import re
import tokenize
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

import numpy as np

from lmindexer.corpus.checks import (
    SKIP_REMEDY,
    UNSURE_WORDS,
    Table,
    clean_cell,
    is_missing_word,
    note_wrong_cell,
    remark_missing,
    remark_unsure,
    shorten,
)
from lmindexer.corpus.markup import first_html

PATH_SEPARATOR = " > "  # between levels in labels(); also the default for reading a path column
# separators that people use; none beats an earlier one, and a longer one comes before what it holds
_OTHERS = (
    "->",
    "=>",
    ">>",
    ">",
    "＞",
    "::",
    "||",
    "/",
    "／",
    "|",
    "｜",
    "»",
    "›",
    "→",
    "▸",
    "►",
    "\\",
    ";",
    " - ",
    " – ",
)
_OTHERS += (" — ", ":", "、", ",", "_", ".")
_ARROW = re.compile(r"[-=~]*>+|[>＞]")  # a sign with ">" in it, whole

MOST_LEVELS = 100  # of a path; a deeper one is a text, or was parted at the wrong sign

_BRACKETS = re.compile(r"\[.*\]|\{.*\}|\(.*\)", re.DOTALL)
_LABEL = re.compile(r'(?:^| > )(?:"((?:[^"]|"")*)"(?=$| > )|(.*?)(?=$| > ))', re.DOTALL)

Path = tuple[str, ...]


def join_path(path: Sequence[str]) -> str:
    """One string for a path, "a > b > c"; a label that could be read as two is put in quotation marks.

    No two paths give the same string.

    >>> join_path(("Tools", "Saws")), join_path(("A > B", "C")), join_path(("A", "B > C"))
    ('Tools > Saws', '"A > B" > C', 'A > "B > C"')
    """
    return PATH_SEPARATOR.join(map(_marked, path))


def part_path(joined: str) -> Path:
    """The labels that `join_path` made one string of.

    >>> part_path('"A > B" > C'), part_path("")
    (('A > B', 'C'), ())
    """
    return tuple(
        marked.replace('""', '"') if marked else plain for marked, plain in _LABEL.findall(joined) if marked or plain
    )


def _marked(label: str) -> str:
    if PATH_SEPARATOR not in f" {label} " and not label.startswith('"'):
        return label
    return '"' + label.replace('"', '""') + '"'


def read_paths(table: Table, columns: Sequence[str], whole: bool, separator: str | None, missing: str) -> list[Path]:
    """Each record's category path; wrong ones are noted, and what people may not have meant is remarked.

    whole: one column holds the path: a string split at `separator` (None: one level), a list of labels, or a list of
           such lists, of which the first counts; a string may hold a list as Python or JSON writes it.
    """
    if whole:
        split = _remembering(lambda value: _split(value, separator))
        raw = [split(value) for value in table.columns[columns[0]]]
    else:
        raw = list(zip(*(table.columns[name] for name in columns), strict=True))
    clean = _remembering(lambda parts: _clean_path(parts, missing))
    paths, stand_ins = [], []
    for index, parts in enumerate(raw):
        path, words, level, wrong = clean(parts)
        paths.append(path)
        stand_ins += [(index, word) for word in words]
        column = columns[0 if whole else level]
        if wrong.startswith("has a gap"):
            remedy = f"Fill that level in, or leave the deeper ones empty. {SKIP_REMEDY}"
            table.note(index, column, "category gap", f"the category path {wrong}", remedy)
        elif wrong.startswith("has more"):
            remedy = f"Name another column or separator if it is no path. {SKIP_REMEDY}"
            table.note(index, column, "category too deep", f"the category path {wrong}", remedy)
        elif wrong:
            note_wrong_cell(table, index, column, wrong)
    remark_missing(table, columns[0], stand_ins)
    unsure = [(index, label) for index, path in enumerate(paths) for label in path[-1:] if label in UNSURE_WORDS]
    remark_unsure(table, columns[0], unsure if missing == "empty" else [])
    if whole:
        _remark_lists(table, columns[0])
        _remark_separator(table, columns[0], paths, separator)
    _remark_variants(table, columns[0], paths)
    return paths


def _remembering(function: Callable) -> Callable:
    """`functools.cache` for values that may hold lists and dicts, and where 1, 1.0 and True differ."""
    known: dict = {}

    def remembered(value):
        key = (value, tuple(map(type, value)) if isinstance(value, tuple) else type(value))
        try:
            found = known.get(key)
        except TypeError:  # unhashable
            return function(value)
        if found is None:
            found = known[key] = function(value)
        return found

    return remembered


def _split(value: object, separator: str | None) -> tuple:
    if isinstance(value, str):
        value = _listed(value)
    if isinstance(value, str):
        return _parted(value, separator) if separator else (value,)
    if not isinstance(value, (list, tuple, np.ndarray)):
        return (value,)
    first = value[0] if len(value) else None
    return tuple(first) if isinstance(first, (list, tuple, np.ndarray)) else tuple(value)


def _parted(text: str, separator: str) -> tuple[str, ...]:
    """A path's labels; separators before the first or after the last one part nothing ("/Tools/Saws", "A > B >")."""
    padded = f" {text.strip()} " if separator != separator.strip() else text
    parts = padded.split(separator)
    while len(parts) > 1 and not parts[0].strip():
        parts.pop(0)
    return tuple(parts)


def _listed(text: str) -> str | list:
    """The list that a string writes out, as Python, JSON or numpy does ("['Tools' 'Saws']"), or the string itself."""
    bare = text.strip()
    if not (bare.startswith(("[", "(")) and bare.endswith(("]", ")"))):
        return text
    for read in (json.loads, _literal):
        try:
            found = read(bare)
        except (ValueError, SyntaxError, RecursionError, MemoryError, tokenize.TokenError):
            continue
        return list(found) if isinstance(found, list | tuple) else text
    return text


def _literal(text: str) -> object:
    """A Python literal; nan and null are None, and strings side by side, as numpy prints them, are several."""
    parts: list[str] = []
    before = None
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        parts += [","] if token.type == before == tokenize.STRING else []
        nothing = token.type == tokenize.NAME and is_missing_word(token.string)
        parts.append("None" if nothing else token.string)
        before = before if token.type in (tokenize.NL, tokenize.NEWLINE) else token.type
    return ast.literal_eval(" ".join(parts).strip())


def _clean_path(parts: tuple, missing: str) -> tuple[Path, list[str], int, str]:
    """Raw parts → (labels without the empty end, words taken as nothing, the wrong level from 0, what is wrong)."""
    labels, words = [], []
    for level, part in enumerate(parts):
        label, wrong = clean_cell(part, numbers=True)
        if wrong:
            return (), [], level, wrong
        if label is not None and missing == "empty" and is_missing_word(label):
            words.append(label)
            label = None
        labels.append(label)
    while labels and labels[-1] is None:
        labels.pop()
    if len(labels) > MOST_LEVELS:
        return (), words, 0, f"has more than {MOST_LEVELS} levels ({len(labels):,})"
    if None in labels:
        level = labels.index(None)
        return (), words, level, f"has a gap: level {level + 1} is empty and level {len(labels)} is not"
    return tuple(labels), words, 0, ""


# ---------------------------------------------------------------------------------------------------- remarks


def _remark_lists(table: Table, column: str) -> None:
    """Paths written out as text, several paths for one document, and what only looks like a list."""
    cells = table.columns[column]
    read = [_listed(value) if isinstance(value, str) else value for value in cells]
    pairs = list(enumerate(zip(cells, read, strict=True)))
    written = [index for index, (cell, found) in pairs if isinstance(cell, str) and isinstance(found, list)]
    several = [index for index, (_, found) in pairs if _is_list(found) and len(found) > 1 and _is_list(found[0])]
    broken = [index for index, (_, found) in pairs if isinstance(found, str) and _in_brackets(found)]
    if written:
        table.remark(written[0], f"{_count(len(written), 'cell')} of {column!r} write a list out as text",
                     "each was read as a path, its elements the levels")  # fmt: skip
    if several:
        table.remark(several[0], f"{_count(len(several), 'cell')} of {column!r} hold several paths",
                     "the first of each was taken. Give the paths in another order to take another")  # fmt: skip
    if broken:
        shown = shorten(cells[broken[0]])
        what = f"{_count(len(broken), 'cell')} of {column!r} stand in brackets, as {shown}"
        then = "each is one label. If it is a list, write its labels in quotation marks, as in ['A', 'B']"
        table.remark(broken[0], what, then)


def _in_brackets(text: str) -> bool:
    return _BRACKETS.fullmatch(text.strip()) is not None and not is_missing_word(text.strip())


def _is_list(value: object) -> bool:
    return isinstance(value, (list, tuple, np.ndarray))


def _remark_separator(table: Table, column: str, paths: list[Path], separator: str | None) -> None:
    """Labels that hold a separator: the one asked for, with or without its spaces, or another that most paths have."""
    if separator is None:
        return
    cells = table.columns[column]
    whole = [isinstance(cell, str) and isinstance(_listed(cell), str) for cell in cells]
    bare = separator.strip()
    elements = [index for index, path in enumerate(paths) if not whole[index] and any(separator in x for x in path)]
    if elements:
        label = next(label for label in paths[elements[0]] if separator in label)
        what = f"{_count(len(elements), 'list')} hold {bare!r} within a label, as in {label!r}"
        table.remark(
            elements[0], what, "lists are not parted any further. Give the path as text, or its labels one by one"
        )
    if bare and bare != separator:
        close = [index for index, path in enumerate(paths) if whole[index] and any(bare in label for label in path)]
        if close:
            index = close[0]
            label = next(label for label in paths[index] if bare in label)
            sign = _ARROW.search(label).group() if ">" in bare else bare
            count = _count(len(close), "category", "categories")
            what = (
                f"{count} hold {sign!r} without spaces around it, as in {label!r}"
                if sign == bare
                else f"{count} hold {sign!r}, as in {label!r}"
            )
            table.remark(index, what, f"it parts no levels there. Pass separator={sign!r} if it should")
            return
    given = [index for index, path in enumerate(paths) if path]
    if any(len(paths[index]) > 1 for index in given):
        return
    for other in _OTHERS:
        holding = [index for index in given if whole[index] and _holds(paths[index][0], other)]
        if other != bare and 2 * len(holding) > len(given):
            label = paths[holding[0]][0]
            what = f"{_count(len(holding), 'category', 'categories')} hold {other!r}, as in {label!r}"
            table.remark(holding[0], what, f"each is one label. Pass separator={other!r} if they are paths")
            return


def _holds(label: str, separator: str) -> bool:
    """Whether a label has a separator between other signs; one that words hold counts between letters alone."""
    if _BRACKETS.fullmatch(label) or (separator == ";" and first_html(label)):
        return False
    inside = label.strip(separator)
    if separator in (".", "_", ":"):
        return re.search(rf"[^\W\d]{re.escape(separator)}[^\W\d]", inside) is not None
    return separator in inside


def _remark_variants(table: Table, column: str, paths: Iterable[Path]) -> None:
    """Labels under one parent that look alike: that differ in capitals, spaces or how accents are stored alone."""
    counts = Counter(path[:level] for path in paths for level in range(1, len(path) + 1))
    alike: dict[tuple, list[Path]] = {}
    for path in counts:
        alike.setdefault((path[:-1], _plain(path[-1])), []).append(path)
    variants = [sorted(group, key=lambda path: -counts[path]) for group in alike.values() if len(group) > 1]
    if variants:
        usual, other = variants[0][0], variants[0][1]
        index = next(i for i, path in enumerate(paths) if path[: len(other)] == other)
        what = f"{_count(len(variants), 'label')} of the categories differ in capitals or spaces alone"
        show = ascii if unicodedata.normalize("NFC", usual[-1]) == unicodedata.normalize("NFC", other[-1]) else repr
        what = f"{what}, as {show(usual[-1])} and {show(other[-1])}"
        table.remark(index, what, "each way is a class of its own. Write them alike")


def _plain(label: str) -> str:
    """A label as `_remark_variants` compares it; full-width letters and accents of two signs are as plain ones."""
    return re.sub(r"\s+", " ", unicodedata.normalize("NFKC", label)).casefold()


def _count(number: int, what: str, several: str = "") -> str:
    return f"{number:,} {what if number == 1 else several or what + 's'}"
