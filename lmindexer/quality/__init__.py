"""Judging semantic IDs, without looking at how they were made.

diagnostics    perplexity, diff ratio, collisions: the formulas
categories, neighbourhood    agreement with what is known of the documents
quality    every number of one run as one result        significance    comparing methods
keywords    what a prefix is about       verdict    the numbers in words       report    the text report
wording    several positions in one sentence

It knows codes, categories and texts; not models. Read `quality.py` first.
"""

from lmindexer.common.lazy import lazy_names

_HOME = {
    "CategoryAgreement": "categories",
    "Comparison": "significance",
    "IDQuality": "quality",
    "category_agreement": "categories",
    "compare_methods": "significance",
    "evaluate_ids": "quality",
    "merged_classes": "categories",
    "neighbour_preservation": "neighbourhood",
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOME)
