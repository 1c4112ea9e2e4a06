"""Which documents an answer may hold: given ones, those of a category, or all."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from lmindexer.common.errors import SettingsError
from lmindexer.corpus.checks import nearest
from lmindexer.corpus.corpus import Corpus


def allowed_documents(
    corpus: Corpus, among: Sequence[str] | str | None = None, category: str | None = None
) -> np.ndarray | None:
    """[N] bool: the documents that are allowed, or None where all are; both arguments together allow what is in both.

    among: ids of documents. category: a path from the first level on, as `corpus.labels(level)` writes it.

    Raises SettingsError for an id or a category that the corpus does not have, with the nearest one.

    >>> corpus = Corpus.from_records([{"doc_id": "a", "text": "x", "c": "Home > Lamps"}], category="c")
    >>> allowed_documents(corpus, category="Home"), allowed_documents(corpus, among=["a"]), allowed_documents(corpus)
    (array([ True]), array([ True]), None)
    """
    allowed = None
    if among is not None:
        wanted = [among] if isinstance(among, str) else [str(one) for one in among]
        places = pd.Index(corpus.doc_ids).get_indexer(wanted)
        if (places < 0).any():
            raise _unknown("document", wanted[int(np.argmax(places < 0))], corpus, corpus.doc_ids)
        allowed = np.zeros(len(corpus), dtype=bool)
        allowed[places] = True
    if category is not None:
        labels = [np.asarray(corpus.labels(level), dtype=str) for level in range(1, corpus.levels + 1)]
        inside = np.any([column == category for column in labels], axis=0) if labels else np.zeros(len(corpus), bool)
        if not inside.any() or not category:
            raise _unknown("category", category, corpus, {label for column in labels for label in column if label})
        allowed = inside if allowed is None else allowed & inside
    return allowed


def _unknown(what: str, name: str, corpus: Corpus, known) -> SettingsError:
    close = nearest(name, known)
    some = ", ".join(sorted(known)[:3])
    guess = f"did you mean {close!r}?" if close else f"there are {some}, …" if some else "it has none."
    return SettingsError(f"The {what} {name!r} is not in the corpus {corpus.name!r}; {guess}")
