"""Indexers behind the same four verbs; `load_indexer` picks the class by the bundle's method."""

from pathlib import Path

from lmindexer.common.errors import BundleError
from lmindexer.indexers.base import Encoded, Indexer
from lmindexer.indexers.controls import CategoryIndexer, RandomIndexer
from lmindexer.indexers.hierarchical import HierarchicalIndexer
from lmindexer.indexers.lm import LMIndexer
from lmindexer.indexers.residual_kmeans import ResidualKMeansIndexer
from lmindexer.indexers.rqvae import RQVAEIndexer
from lmindexer.runs.bundle import Bundle

INDEXERS = {
    indexer.method: indexer
    for indexer in (
        LMIndexer,
        RQVAEIndexer,
        HierarchicalIndexer,
        ResidualKMeansIndexer,
        RandomIndexer,
        CategoryIndexer,
    )
}


def load_indexer(folder: str | Path) -> Indexer:
    """The indexer of a run bundle, whatever its method."""
    bundle = Bundle.open(folder)
    if bundle.method not in INDEXERS:
        known = ", ".join(sorted(INDEXERS))
        raise BundleError(f"{folder} is a run of {bundle.method!r}; this version can use {known}. Upgrade lmindexer.")
    return INDEXERS[bundle.method].from_bundle(bundle)


__all__ = [
    "INDEXERS",
    "CategoryIndexer",
    "Encoded",
    "HierarchicalIndexer",
    "Indexer",
    "LMIndexer",
    "RQVAEIndexer",
    "RandomIndexer",
    "ResidualKMeansIndexer",
    "load_indexer",
]
