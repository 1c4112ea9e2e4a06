"""Which of the documents to encode are documents of the fit: by their ids, with a look at their texts."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs

ON_CHANGE = ("keep", "new", "error")


@dataclass(frozen=True, eq=False)
class Identity:
    """known [M]: a document's place in the fit, or -1. changed [n]: places of those known with another text."""

    known: np.ndarray
    changed: np.ndarray


def identify(
    documents: Corpus, ids: SemanticIDs | None, fitted: Corpus | None, numbered_in: str | None, category_text: bool
) -> Identity:
    """Find documents among those of a fit: its IDs, its corpus in the same order, its `Corpus.numbered_in`.

    Ids that only number the rows of a source name documents of that source alone. Without the fitted corpus no text
    can be compared.
    """
    if ids is None or documents.numbered_in != numbered_in:
        return Identity(np.full(len(documents), -1), np.zeros(0, np.int64))
    known = pd.Index(ids.doc_ids).get_indexer(pd.Index(documents.doc_ids))
    if fitted is None:
        return Identity(known, np.zeros(0, np.int64))
    now, then = documents.documents(category_text), fitted.documents(category_text)
    changed = [place for place in np.flatnonzero(known >= 0) if now[place] != then[known[place]]]
    return Identity(known, np.array(changed, dtype=np.int64))


def settle_changes(documents: Corpus, found: Identity, on_change: str) -> np.ndarray:
    """Places of the documents that keep their stored IDs: all that are known, or ("new") those with the same text.

    Raises CorpusError with "error" where a text has changed, SettingsError for another word.
    """
    if not isinstance(on_change, str) or on_change not in ON_CHANGE:
        raise SettingsError(f'on_change is {on_change!r}; it can be "keep", "new" or "error".')
    if on_change == "error" and len(found.changed):
        first, rows = found.changed[0], documents.rows
        raise CorpusError(
            f"{rows.source}, row {rows.numbers[first]}{rows.counting}: the id {str(documents.doc_ids[first])!r} had "
            f"another text in the fit ({changes_of(documents, found.changed)}). "
            'Pass on_change="keep" to keep the stored IDs of such documents, or on_change="new" for IDs by new texts.'
        )
    kept = found.known >= 0
    if on_change == "new":
        kept[found.changed] = False
    return np.flatnonzero(kept)


def changes_of(documents: Corpus, changed: np.ndarray, shown: int = 10) -> str:
    """How many documents have another text than in the fit, and in which rows: "2 documents have …: rows 3, 7"."""
    rows = documents.rows.numbers[changed[:shown]].tolist()
    count = len(changed)
    what = "1 document has" if count == 1 else f"{count:,} documents have"
    more = f" and {count - shown:,} more" if count > shown else ""
    where = f"row{'' if count == 1 else 's'} {', '.join(map(str, rows))}{more}{documents.rows.counting}"
    return f"{what} another text than in the fit, {where}"


def as_corpus(documents) -> Corpus:
    """What `encode` takes: a Corpus as it is; texts, named "text-0", "text-1", ….

    Raises CorpusError, one sentence, for anything else.
    """
    if isinstance(documents, Corpus):
        return documents
    if isinstance(documents, str):
        documents = [documents]
    given = type(documents).__name__
    if isinstance(documents, pd.DataFrame):
        raise CorpusError(
            "A Corpus or a list of texts can be encoded, not a DataFrame. Make a corpus of it with Corpus.from_frame, "
            "which takes the names of its columns."
        )
    if isinstance(documents, Mapping | bytes) or not isinstance(documents, Iterable):
        raise CorpusError(
            f"A Corpus or a list of texts can be encoded, not {given}. Make a corpus with Corpus.from_records, or give "
            "a list of strings."
        )
    texts = list(documents)
    for place, text in enumerate(texts):
        wrong = f"of type {type(text).__name__} and no text" if not isinstance(text, str) else "empty"
        if not isinstance(text, str) or not text.strip():
            raise CorpusError(
                f"The text at place {place} (counted from 0) is {wrong}. Give a list of strings, or a Corpus."
            )
    if not texts:
        raise CorpusError("There are no texts to encode. Give at least one.")
    records = [{"doc_id": f"text-{i}", "title": "", "text": str(text)} for i, text in enumerate(texts)]
    corpus = Corpus.from_records(records, name="texts", missing="keep")
    # their names only number them: no document of a fit is meant, whatever its id
    return Corpus(corpus.frame, name=corpus.name, rows=corpus.rows, numbered=True)
