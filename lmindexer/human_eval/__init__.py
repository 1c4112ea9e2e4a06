"""Human evaluation of semantic IDs: blinded questions, answers kept for good, agreement and results.

planning     what is asked, of whom: guide, question types, drawing, gold, order, power
answering    the study's file, one annotator's way through it, files in and out
results      what a study found: agreement, intervals, reliability, report; an automatic judge

Names are imported when they are first used; a study begins in `answering/study.py`.
"""

from lmindexer.common.lazy import lazy_names

_HOME = {  # public name → the module it lives in
    "GUIDES": "planning.guide",
    "PROMPTS": "planning.guide",
    "SCALES": "planning.guide",
    "SKIP_REASONS": "planning.guide",
    "TYPES": "planning.guide",
    "Study": "answering.study",
    "Session": "answering.session",
    "View": "planning.view",
    "Question": "planning.questions",
    "judgments_needed": "planning.power",
    "detectable_difference": "planning.power",
    "preferences_needed": "planning.power",
    "agreement_table": "results.agreement",
    "percent_agreement": "results.agreement",
    "cohen_kappa": "results.agreement",
    "fleiss_kappa": "results.agreement",
    "krippendorff_alpha": "results.agreement",
    "gwet_ac": "results.agreement",
    "wilson": "results.intervals",
    "study_results": "results.results",
    "Results": "results.results",
    "disagreements": "results.reliability",
    "annotator_reliability": "results.reliability",
    "embedding_judge": "results.judge",
    "write_report": "results.report",
    "report_html": "results.report",
    "open_demonstration": "answering.demonstration",
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOME)
