"""Questions that need the run's model: why an ID, what a code knows, where a new text goes."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from lmindexer.browse import documents, words
from lmindexer.browse.run import RunBrowser
from lmindexer.common.errors import BundleError
from lmindexer.corpus.corpus import Corpus
from lmindexer.corpus.paths import part_path
from lmindexer.ids.trie import IDTrie

if TYPE_CHECKING:
    from lmindexer.tasks.decoding import Beam

EXACT_UP_TO = 30_000  # distinct prefixes; above it the exact ranking takes too long to wait for


def has_model(run: RunBrowser) -> bool:
    """Whether the run holds a model; `load_model` finds out whether it can be asked for probabilities."""
    return run.bundle is not None and run.bundle.model_folder is not None


def load_model(run: RunBrowser):
    """The run's indexer.

    Raises:
        BundleError: when the model cannot be read, or gives no probabilities of codes.
    """
    from lmindexer.indexers import load_indexer  # torch takes seconds to load

    indexer = load_indexer(run.bundle.path)
    if not hasattr(indexer, "scorer"):
        raise BundleError(f"Runs of the method {run.bundle.method!r} give no probabilities of codes.")
    if not getattr(indexer, "reads_text", True):
        raise BundleError("The run's vectors come from a file, so a text has none; only its IDs can be looked at.")
    return indexer


def document_of(run: RunBrowser, row: int) -> Corpus:
    """A document as a corpus of one: a model reads it as it did in the fit, with its categories if it had them."""
    found = documents.document(run, row)
    record = {"doc_id": "0", "title": found["title"], "text": documents.full_text(run, row)[:100_000]}
    labels = part_path(found["categories"][-1]) if found["categories"] else ()
    record |= {f"category_{level}": label for level, label in enumerate(labels, start=1)}
    return Corpus.from_records([record], missing="keep")


def why(run: RunBrowser, indexer, row: int, top: int = 5) -> pd.DataFrame:
    """The best codes at each position of a document's ID: position, code, probability, rank, chosen, words."""
    from lmindexer.tasks.decoding import greedy_steps  # torch takes seconds to load

    codes = [code for code in documents.document(run, row)["codes"] if code >= 0]
    steps = greedy_steps(indexer.scorer(document_of(run, row)), codes, top)
    named = [words.keywords(run, tuple(codes[: t - 1])) for t in range(1, len(codes) + 1)]
    steps["words"] = [
        ", ".join(named[position - 1].get(code, [])[:4])
        for position, code in zip(steps["position"], steps["code"], strict=True)
    ]
    return steps


@dataclass(frozen=True, eq=False)
class Way:
    """Where a text goes in the ID tree.

    Attributes:
        beam: the search, step by step.
        exact: all IDs ranked exactly, or None for runs with too many.
        state: [d], the text's last hidden state, or None if the scorer has none.
    """

    beam: "Beam"
    exact: pd.DataFrame | None
    state: np.ndarray | None


def way_of(run: RunBrowser, indexer, text: str, trie: IDTrie, width: int, scorer=None) -> Way:
    """Follow a text down the tree of the run's IDs, by the run's own indexer or another scorer."""
    from lmindexer.tasks.decoding import beam_course, rank_all  # torch takes seconds to load

    own = scorer is None
    scorer = indexer.scorer(text) if own else scorer
    exact = rank_all(scorer, trie) if len(trie) <= EXACT_UP_TO else None
    state = indexer.encode([text], details=True).states[0] if own else None
    return Way(beam_course(scorer, trie, width), exact, state)


def trie_of(run: RunBrowser) -> IDTrie:
    """The tree of the learned codes (seconds for a million documents; keep it)."""
    frame = run.frame(f"SELECT {run.codes(run.positions)} FROM docs ORDER BY row")
    return IDTrie(frame.to_numpy().astype(np.int64))


def found_documents(run: RunBrowser, paths: pd.DataFrame, limit: int = 20) -> pd.DataFrame:
    """The documents at the end of the best paths, in the paths' order: `documents.fetch` with rank and score."""
    rows, ranks, scores = [], [], []
    for rank, path in enumerate(paths.itertuples(), start=1):
        some = path.documents[: limit - len(rows)].tolist()
        rows += some
        ranks += [rank] * len(some)
        scores += [path.score] * len(some)
    found = documents.fetch(run, rows)
    found.insert(1, "path", ranks)
    found.insert(2, "probability", np.exp(scores))
    return found
