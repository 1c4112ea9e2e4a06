"""Semantic IDs learned from text: short codes (c¹, c², …), coarse to fine, instead of random document IDs.

Names are imported when they are first used, so `import lmindexer` loads neither torch nor pandas.
"""

import importlib

from lmindexer._version import __version__

_HOME = {  # public name → the module it lives in
    "Bundle": "bundle",
    "find_bundles": "bundle",
    "write_bundle": "bundle",
    "Corpus": "corpus",
    "Interactions": "corpus",
    "Queries": "corpus",
    "list_samples": "datasets",
    "load_amazon": "datasets",
    "load_sample": "datasets",
    "samples_folder": "datasets",
    "BundleError": "errors",
    "CorpusError": "errors",
    "LMIndexerError": "errors",
    "SettingsError": "errors",
    "TrainingError": "errors",
    "CategoryAgreement": "evaluation",
    "IDQuality": "evaluation",
    "category_agreement": "evaluation",
    "evaluate_ids": "evaluation",
    "CategoryIndexer": "indexers",
    "HierarchicalIndexer": "indexers",
    "LMIndexer": "indexers",
    "RQVAEIndexer": "indexers",
    "RandomIndexer": "indexers",
    "ResidualKMeansIndexer": "indexers",
    "load_indexer": "indexers",
    "PrefixKeywords": "keywords",
    "prefix_keywords": "keywords",
    "text_report": "report",
    "SemanticIDs": "semantic_ids",
    "PRESETS": "settings",
    "Settings": "settings",
    "make_settings": "settings",
    "IDTrie": "trie",
}
# modules that are public as a whole
_ROOMS = (
    "browse",
    "datasets",
    "diagnostics",
    "embeddings",
    "evaluation",
    "human_eval",
    "plots",
    "studies",
    "tasks",
    "widgets",
)

__all__ = ["__version__", *_HOME, *_ROOMS]


def __getattr__(name: str):
    if name in _ROOMS:
        return importlib.import_module(f"{__name__}.{name}")  # which also sets the attribute
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
