"""Human evaluation of semantic IDs: blinded questions, answers kept for good, agreement and results.

guide      what annotators read               planning   drawing, gold, order: from runs to a study's content
questions  a question as it is stored         view       what an annotator sees of it
store      the file: SQLite, events only added    session    one annotator's way through
study      make, open, end, unblind           answers    the events as tables
export, label_studio, imports, merging, rescue    files in and out
power      how many judgments a difference needs
agreement, intervals, paired     the statistics        reliability   annotators, disagreements
results, findings, report        what a study found    judge, simulate   an automatic judge, simulated annotators

Names are imported when they are first used.
"""

import importlib

_HOME = {  # public name → the module it lives in
    "GUIDES": "guide",
    "PROMPTS": "guide",
    "SCALES": "guide",
    "SKIP_REASONS": "guide",
    "TYPES": "guide",
    "Study": "study",
    "Session": "session",
    "View": "view",
    "Question": "questions",
    "judgments_needed": "power",
    "detectable_difference": "power",
    "preferences_needed": "power",
    "agreement_table": "agreement",
    "percent_agreement": "agreement",
    "cohen_kappa": "agreement",
    "fleiss_kappa": "agreement",
    "krippendorff_alpha": "agreement",
    "gwet_ac": "agreement",
    "wilson": "intervals",
    "study_results": "results",
    "Results": "results",
    "disagreements": "reliability",
    "annotator_reliability": "reliability",
    "embedding_judge": "judge",
    "write_report": "report",
    "report_html": "report",
    "open_demonstration": "demonstration",
}

__all__ = [*_HOME]


def __getattr__(name: str):
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
