"""Semantic IDs learned from text: short codes (c¹, c², …), coarse to fine, instead of random document IDs.

Names are imported when they are first used, so `import lmindexer` loads neither torch nor pandas.
"""

from lmindexer._version import __version__
from lmindexer.common.lazy import lazy_names
from lmindexer.common.threads import set_blocktime

_HOME = {  # public name → the module it lives in; with a colon, a module or room that is public as a whole
    "Bundle": "runs.bundle",
    "find_bundles": "runs.bundle",
    "write_bundle": "runs.bundle",
    "Corpus": "corpus.corpus",
    "Interactions": "corpus.relations",
    "Queries": "corpus.relations",
    "list_samples": "datasets",
    "load_amazon": "datasets",
    "load_folder": "datasets",
    "load_sample": "datasets",
    "samples_folder": "datasets",
    "BundleError": "common.errors",
    "CorpusError": "common.errors",
    "LMIndexerError": "common.errors",
    "SettingsError": "common.errors",
    "TrainingError": "common.errors",
    "CategoryAgreement": "quality",
    "IDQuality": "quality",
    "category_agreement": "quality",
    "evaluate_ids": "quality",
    "CategoryIndexer": "indexers",
    "HierarchicalIndexer": "indexers",
    "LMIndexer": "indexers",
    "RQVAEIndexer": "indexers",
    "RandomIndexer": "indexers",
    "ResidualKMeansIndexer": "indexers",
    "load_indexer": "indexers",
    "PrefixKeywords": "quality.keywords",
    "prefix_keywords": "quality.keywords",
    "text_report": "quality.report",
    "SemanticIDs": "ids.semantic_ids",
    "PRESETS": "settings.settings",
    "Settings": "settings.settings",
    "make_settings": "settings.settings",
    "IDTrie": "ids.trie",
    "browse": ":browse",
    "datasets": ":datasets",
    "diagnostics": ":quality.diagnostics",
    "embeddings": ":two_step.embeddings",
    "evaluation": ":quality",
    "human_eval": ":human_eval",
    "plots": ":plots",
    "studies": ":studies",
    "tasks": ":tasks",
    "widgets": ":widgets",
}

__getattr__, __dir__, _names = lazy_names(__name__, _HOME)
__all__ = ["__version__", *_HOME]

set_blocktime()
