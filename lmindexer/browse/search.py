"""One search for everything in a run: semantic IDs, document ids, titles, key words of codes, texts."""

import re
from dataclasses import dataclass

import pandas as pd

from lmindexer.browse import words
from lmindexer.browse.documents import MATCHES, fetch, whole
from lmindexer.browse.run import RunBrowser

TEXTS_UP_TO = 150_000  # documents; in a larger run texts are searched only when they are asked for
CODES = 12  # codes that are listed for their key words
FOUND_IN = {0: "id", 1: "title", 2: "title", 3: "title", 4: "title", 5: "id", 6: "text"}


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        prefix: the codes, when the words are a semantic ID or its beginning that the run has; else ().
        codes: prefix (tuple), words, documents of codes whose key words have all the words.
        documents: some documents as `documents.fetch` gives them, with found_in ("id", "title" or "text").
        total: documents found, at most 1,000.
        capped: whether there are more.
    """

    prefix: tuple[int, ...]
    codes: pd.DataFrame
    documents: pd.DataFrame
    total: int
    capped: bool = False


def search(run: RunBrowser, wanted: str, offset: int = 0, limit: int = 20, in_texts: bool | None = None) -> Found:
    """Search a run, whatever the case of letters.

    Documents come in this order: the id itself; the whole title, or the first of its names before a comma; titles that
    begin with the words; titles that have them as words of their own; titles with them inside; ids with them; titles
    and texts that have every word somewhere. Equal ones stand by the length of the title, then as in the corpus.

    Args:
        in_texts: None is yes up to 150,000 documents.

    >>> found = search(run, "man")                                               # doctest: +SKIP
    >>> found.documents["title"].tolist()[:2]                                    # doctest: +SKIP
    ['man, adult male', 'man']
    """
    wanted = " ".join(wanted.split())[:200]
    if not wanted:
        return Found((), _codes_of(run, ""), _marked(run, pd.DataFrame({"row": [], "grade": []})), 0)
    prefix = id_in(run, wanted)
    in_texts = run.documents <= TEXTS_UP_TO if in_texts is None else in_texts
    rows = _graded(run, wanted.lower(), wanted, in_texts)
    shown = rows.head(MATCHES).iloc[offset : offset + limit]
    return Found(prefix, _codes_of(run, wanted), _marked(run, shown), min(len(rows), MATCHES), len(rows) > MATCHES)


def everything(run: RunBrowser, wanted: str, in_texts: bool | None = None) -> pd.DataFrame:
    """All documents that `search` finds, however many, the best first, for a file.

    Columns: found_in, and those of `documents.whole`.
    """
    wanted = " ".join(wanted.split())[:200]
    in_texts = run.documents <= TEXTS_UP_TO if in_texts is None else in_texts
    rows = _graded(run, wanted.lower(), wanted, in_texts, most=run.documents)
    found = whole(run, rows=rows["row"].tolist())
    found.insert(0, "found_in", [FOUND_IN[int(grade)] for grade in rows["grade"]])
    return found


def id_in(run: RunBrowser, wanted: str) -> tuple[int, ...]:
    """The codes of words such as "<3><17>", "3.17" or "<3><17>#2" when the run has such an ID or prefix, else ().

    A single bare number is no ID: it may be a document's.
    """
    found = re.fullmatch(r"((?:<\d{1,8}>)+)(?:#\d+)?|(\d{1,8}(?:[.,]\s?\d{1,8})+)", wanted.strip())
    if not found:
        return ()
    codes = tuple(int(code) for code in re.findall(r"\d+", found[1] or found[2]))
    fits = len(codes) <= run.positions and all(c < k for c, k in zip(codes, run.codebook_sizes, strict=False))
    return codes if fits and run.count(codes) else ()


def _graded(run: RunBrowser, lower: str, exact: str, in_texts: bool, most: int = MATCHES + 1) -> pd.DataFrame:
    """row, grade of up to `most` documents, the best first."""
    whole_word = rf"(^|[^\w]){re.escape(lower)}($|[^\w])"
    parts = {f"part{n}": part for n, part in enumerate(lower.split())}
    whole = "t || ' ' || lower(text)" if in_texts else "t"
    every = " AND ".join(f"contains({whole}, ${name})" for name in parts)
    return run.frame(
        f"""SELECT row, CASE
              WHEN doc_id = $exact THEN 0
              WHEN t = $lower OR trim(split_part(t, ',', 1)) = $lower THEN 1
              WHEN starts_with(t, $lower || ' ') THEN 2
              WHEN contains(t, $lower) AND regexp_matches(t, $word) THEN 3
              WHEN contains(t, $lower) THEN 4
              WHEN contains(lower(doc_id), $lower) THEN 5 ELSE 6 END AS grade
            FROM (SELECT row, doc_id, lower(title) AS t{", text" if in_texts else ""} FROM texts)
            WHERE contains(lower(doc_id), $lower) OR ({every})
            ORDER BY grade, length(t), row LIMIT {int(most)}""",
        {"lower": lower, "exact": exact, "word": whole_word, **parts},
    )


def _marked(run: RunBrowser, rows: pd.DataFrame) -> pd.DataFrame:
    found = fetch(run, rows["row"].astype(int).tolist())
    return found.assign(found_in=[FOUND_IN[int(grade)] for grade in rows["grade"]])


def _codes_of(run: RunBrowser, wanted: str) -> pd.DataFrame:
    """Codes of the first two positions whose key words have every word that is wanted."""
    asked = set(re.findall(r"\w+", wanted.lower()))
    found = []
    if asked and words.prepared(run):
        names = {(code,): named for code, named in words.keywords(run).items()}
        if run.documents <= words.EXACT_UP_TO and run.positions > 1:
            for first in list(names):
                names |= {(*first, code): named for code, named in words.keywords(run, first).items()}
        for prefix, named in names.items():
            if asked <= {word for name in named for word in re.findall(r"\w+", name.lower())}:
                found.append((prefix, ", ".join(named), run.count(prefix)))
    found.sort(key=lambda one: (len(one[0]), -one[2]))
    return pd.DataFrame(found[:CODES], columns=["prefix", "words", "documents"])
