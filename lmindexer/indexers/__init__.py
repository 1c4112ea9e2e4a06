"""Indexers behind the same four verbs; `load_indexer` picks the class by the bundle's method."""

from pathlib import Path

from lmindexer.bundle import Bundle
from lmindexer.errors import BundleError
from lmindexer.indexers.base import Encoded, Indexer
from lmindexer.indexers.lm import LMIndexer

INDEXERS = {indexer.method: indexer for indexer in (LMIndexer,)}


def load_indexer(folder: str | Path) -> Indexer:
    """The indexer of a run bundle, whatever its method."""
    bundle = Bundle.open(folder)
    if bundle.method not in INDEXERS:
        known = ", ".join(sorted(INDEXERS))
        raise BundleError(f"{folder} is a run of {bundle.method!r}; this version can use {known}. Upgrade lmindexer.")
    return INDEXERS[bundle.method].from_bundle(bundle)


__all__ = ["INDEXERS", "Encoded", "Indexer", "LMIndexer", "load_indexer"]
