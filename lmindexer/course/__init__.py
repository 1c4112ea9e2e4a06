"""What the notebooks of the course stand on: a first cell, toy corpora, and checks that say what is wrong.

>>> from lmindexer.course import begin, checks, toys
"""

from lmindexer.common.lazy import lazy_names

_MODULES = ("building", "checks", "recommending", "searching", "toys")
_HOME = {"begin": "setting", "fast": "setting", "choose": "setting", "CheckFailed": "verdict"}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOME | {name: f":{name}" for name in _MODULES})
