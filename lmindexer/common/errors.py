"""The package's own errors: each message is one sentence that names the place, what is wrong there, and a remedy."""

import re

_BREAKS = re.compile(r"\s*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]\s*")


class LMIndexerError(Exception):
    """Base of every error this package raises on purpose; the command line prints it without a traceback.

    The message is one line, whatever the libraries that it quotes have said.

    >>> str(LMIndexerError("a.parquet cannot be read (bad bytes:\\n  0x00)."))
    'a.parquet cannot be read (bad bytes: 0x00).'
    """

    def __init__(self, message: str = ""):
        super().__init__(_BREAKS.sub(" ", str(message)))


class CorpusError(LMIndexerError):
    """A corpus, query or interaction file (or frame) cannot be used as it is: names the file, the row and a remedy."""


class BundleError(LMIndexerError):
    """A run bundle is damaged, foreign, unfinished or written by a newer version."""


class SettingsError(LMIndexerError):
    """A setting is unknown or out of range; an unknown one is answered with the nearest known name."""


class TrainingError(LMIndexerError):
    """Training cannot start or go on: checkpoints of other settings, a corpus too small for its codebooks."""


class StudyError(LMIndexerError):
    """A labelling study cannot be made, opened, answered or read; what was acknowledged before is never lost."""
