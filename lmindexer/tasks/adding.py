"""A task's corpus with further documents behind its own."""

import pandas as pd

from lmindexer.common.errors import LMIndexerError
from lmindexer.corpus.corpus import Corpus


def joined(corpus: Corpus, new: Corpus) -> Corpus:
    """`corpus` followed by `new`; columns that one of them lacks stay empty.

    Raises LMIndexerError where a document is in both.
    """
    known = set(corpus.doc_ids.tolist())
    twice = [doc_id for doc_id in new.doc_ids.tolist() if doc_id in known]
    if twice:
        raise LMIndexerError(
            f"The document {twice[0]!r} is there already ({len(twice):,} of {len(new):,} are); add new documents only."
        )
    columns = max(corpus.frame.columns, new.frame.columns, key=len)
    frame = pd.concat([corpus.frame.reindex(columns=columns), new.frame.reindex(columns=columns)], ignore_index=True)
    return Corpus(frame.where(frame.notna(), None), name=corpus.name, licence=corpus.licence)
