"""Judging semantic IDs: agreement with categories, comparisons of methods, and one result that holds every number."""

from lmindexer.evaluation.categories import CategoryAgreement, category_agreement, merged_classes
from lmindexer.evaluation.neighbourhood import neighbour_preservation
from lmindexer.evaluation.quality import IDQuality, evaluate_ids
from lmindexer.evaluation.significance import Comparison, compare_methods

__all__ = [
    "CategoryAgreement",
    "Comparison",
    "IDQuality",
    "category_agreement",
    "compare_methods",
    "evaluate_ids",
    "merged_classes",
    "neighbour_preservation",
]
