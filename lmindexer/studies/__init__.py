"""The slides' tables and figures, re-run on any corpus: each study is one function that plans runs.

    study = lmi.studies.table1([corpus], seeds=[0, 1, 2])
    result = lmi.studies.run_study(study)          # resumes; one process a core
    print(result.markdown())                       # or result.frame()

Every run is a bundle under the study's folder, which the explorer opens.
"""

from lmindexer.studies.definitions import (
    PLANS,
    codebook,
    commitment,
    layers,
    length,
    table1,
    table1_slides,
    training,
)
from lmindexer.studies.figures import training_figure
from lmindexer.studies.plan import Method, Run, Study, cross
from lmindexer.studies.runner import StudyResult, run_study, state_of

__all__ = [
    "PLANS",
    "Method",
    "Run",
    "Study",
    "StudyResult",
    "codebook",
    "commitment",
    "cross",
    "layers",
    "length",
    "run_study",
    "state_of",
    "table1",
    "table1_slides",
    "training",
    "training_figure",
]
