"""Judging semantic IDs: agreement with categories and one result that holds every number."""

from lmindexer.evaluation.categories import CategoryAgreement, category_agreement
from lmindexer.evaluation.quality import IDQuality, evaluate_ids

__all__ = ["CategoryAgreement", "IDQuality", "category_agreement", "evaluate_ids"]
