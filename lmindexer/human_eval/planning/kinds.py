"""Kinds of values that the functions of this room take (`lmindexer.common.kinds`)."""

from collections.abc import Iterable, Mapping

from lmindexer.common.kinds import Kind, having

STUDY = having("an open Study", "Open one with lmindexer.human_eval.Study.open(path).", "answers", "questions", "store")
RESULTS = having("Results", "Give what study_results answers.", "counts", "agreement", "annotators")


def _runs(value):
    if isinstance(value, str | bytes) or hasattr(value, "read") or not isinstance(value, Mapping | Iterable):
        return None
    return value if isinstance(value, Mapping) else list(value)


RUNS = Kind("a list or dict of runs", "Give bundles or their folders, as ['runs/a', 'runs/b'].", _runs)
