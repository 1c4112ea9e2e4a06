"""Documents by page: under a prefix, with a category, by a search; one document with its siblings."""

from dataclasses import dataclass

import pandas as pd

from lmindexer.browse.run import Prefix, RunBrowser

EXCERPT = 240  # characters of a text in a list
MATCHES = 1000  # a search stops counting here
TEXT_PIECE = 20_000  # characters of one document's text that are fetched at once


@dataclass(frozen=True)
class Page:
    """Some documents of a list.

    Attributes:
        rows: row, doc_id, title, text (an excerpt), category (the whole path), c1 … cT, suffix, id.
        total: documents in the list; of a search at most 1,000.
        capped: whether the search has more matches than were counted.
    """

    rows: pd.DataFrame
    total: int
    capped: bool = False


def page(
    run: RunBrowser,
    prefix: Prefix = (),
    category: tuple[int, int] | None = None,
    search: str = "",
    in_text: bool = False,
    offset: int = 0,
    limit: int = 20,
) -> Page:
    """Documents under a prefix, in the corpus's order.

    Args:
        category: (level, rank), or None for all.
        search: part of an id or a title, whatever the case.
        in_text: search texts too (reads them all: about a second for a million documents).
    """
    condition = run.where(prefix, category)
    if not search.strip():
        rows = run.frame(f"SELECT row FROM docs WHERE {condition} ORDER BY row LIMIT {int(limit)} OFFSET {int(offset)}")
        return Page(fetch(run, rows["row"].tolist()), run.count(prefix, category))
    found = matches(run, search, in_text, condition)
    shown = found[:MATCHES][offset : offset + limit]
    return Page(fetch(run, shown), min(len(found), MATCHES), len(found) > MATCHES)


def matches(
    run: RunBrowser, search: str, in_text: bool = False, condition: str = "TRUE", most: int = MATCHES + 1
) -> list[int]:
    """Rows of up to `most` documents whose id or title (or text) contains `search`, whatever the case."""
    columns = ["doc_id", "title", *(["text"] if in_text else [])]
    tests = " OR ".join(f"contains(lower({column}), lower(?))" for column in columns)
    within = "" if condition == "TRUE" else f" AND row IN (SELECT row FROM docs WHERE {condition})"
    found = run.frame(
        f"SELECT row FROM texts WHERE ({tests}){within} LIMIT {int(most)}", [search.strip()] * len(columns)
    )
    return sorted(found["row"].tolist())


def fetch(run: RunBrowser, rows: list[int], excerpt: int = EXCERPT) -> pd.DataFrame:
    """The documents at these places, in this order (see `Page.rows`)."""
    listed = ", ".join(str(int(row)) for row in rows) or "-1"
    found = run.frame(
        f"SELECT texts.row, doc_id, title, left(text, {int(excerpt)}) AS text, "
        f"{run.codes(run.positions)}, suffix{_groups(run)} "
        f"FROM (SELECT * FROM texts WHERE row IN ({listed})) texts JOIN docs USING (row)"
    )
    found["id"] = _strings(found, run.positions)
    labels = run.labels_of(run.levels, found[f"g{run.levels}"]) if run.levels else {}
    found.insert(4, "category", found[f"g{run.levels}"].map(labels) if run.levels else "")
    found = found.set_index("row").reindex(rows).reset_index()
    return found[[name for name in found.columns if not name.startswith("g")]]


def whole(run: RunBrowser, prefix: Prefix = (), rows: list[int] | None = None, texts: bool = True) -> pd.DataFrame:
    """All documents under a prefix, or those at `rows`, for a file.

    Columns: doc_id, id, c1 … cT, suffix, title, category_1 …, text.

    Args:
        rows: places of documents, which come in this order; None stands for all under the prefix.
        texts: whether titles, categories and whole texts come along; without them it is a table of IDs.
    """
    condition = run.where(prefix) if rows is None else "row IN (SELECT unnest($rows))"
    wanted = f", title{_groups(run)}, text" if texts else ""
    found = run.frame(
        f"SELECT row, doc_id, {run.codes(run.positions)}, suffix{wanted} "
        f"FROM (SELECT * FROM docs WHERE {condition}) JOIN texts USING (row) ORDER BY row",
        {} if rows is None else {"rows": [int(row) for row in rows]},
    )
    if rows is not None:
        found = found.set_index("row").loc[rows].reset_index()
    found.insert(2, "id", _strings(found, run.positions))
    for level in range(1, run.levels + 1) if texts else ():
        labels = run.labels_of(level, found[f"g{level}"].unique())
        found[f"g{level}"] = found[f"g{level}"].map(labels)
    return found.drop(columns="row").rename(columns={f"g{level}": f"category_{level}" for level in range(1, 17)})


def row_of(run: RunBrowser, doc_id: str) -> int | None:
    """The place of a document, or None."""
    found = run.frame("SELECT row FROM texts WHERE doc_id = ? LIMIT 1", [doc_id])
    return int(found["row"].iloc[0]) if len(found) else None


def document(run: RunBrowser, row: int, start: int = 0) -> dict:
    """One document: doc_id, title, text (20,000 characters from `start`), characters (of the whole text),
    categories (list of labels from coarse to fine), codes (tuple), suffix, id."""
    found = run.frame(
        f"SELECT doc_id, title, substring(text, {int(start) + 1}, {TEXT_PIECE}) AS text, "
        f"length(text) AS characters, {run.codes(run.positions)}, suffix{_groups(run)} "
        f"FROM (SELECT * FROM texts WHERE row = {int(row)}) JOIN docs USING (row)"
    ).iloc[0]
    labels = [run.labels_of(level, [found[f"g{level}"]])[int(found[f"g{level}"])] for level in range(1, run.levels + 1)]
    codes = tuple(int(found[f"c{t}"]) for t in range(1, run.positions + 1))
    kept = ("doc_id", "title", "text")
    return {
        **{name: found[name] or "" for name in kept},
        "row": int(row),
        "characters": int(found["characters"]),
        "categories": list(dict.fromkeys(labels)),
        "codes": codes,
        "suffix": int(found["suffix"]),
        "id": "".join(f"<{code}>" for code in codes if code >= 0),
    }


def full_text(run: RunBrowser, row: int) -> str:
    """The whole text of one document, for a download."""
    return run.value(f"SELECT text FROM texts WHERE row = {int(row)}") or ""


def _groups(run: RunBrowser) -> str:
    return "".join(f", g{level}" for level in range(1, run.levels + 1))


def _strings(frame: pd.DataFrame, positions: int) -> list[str]:
    codes = frame[[f"c{t}" for t in range(1, positions + 1)]].to_numpy().tolist()
    return ["".join(f"<{code}>" for code in row if code >= 0) for row in codes]
