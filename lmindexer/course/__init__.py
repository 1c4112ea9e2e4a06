"""What the notebooks of the course stand on: a first cell, toy corpora, and checks that say what is wrong.

>>> from lmindexer.course import begin, checks, toys
"""

import importlib

_HOME = {"begin": "setting", "fast": "setting", "choose": "setting", "CheckFailed": "verdict"}
_PARTS = ("checks", "toys")

__all__ = [*_HOME, *_PARTS]


def __getattr__(name: str):
    if name in _PARTS:
        return importlib.import_module(f"{__name__}.{name}")
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
