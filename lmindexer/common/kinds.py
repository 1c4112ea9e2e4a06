"""What kind of value a public function takes, said once above it; anything else is one sentence where it comes in.

@takes(corpora=several(CORPUS), seeds=several(WHOLE), folder=PATH)
def table1(corpora, *, seeds=(0, 1, 2), folder=None): ...
"""

import functools
import inspect
import numbers
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from lmindexer.common.errors import LMIndexerError


class Kind(NamedTuple):
    """A kind of value: what it is called, what to do instead, and `take`, which gives a value back or None.

    `take` may turn a value into another form of it, as an iterator into a list; it answers None for what does not fit.
    """

    what: str
    remedy: str
    take: Callable[[Any], Any]
    none: bool = False  # None is right too, also where it is not the parameter's default


def takes(**kinds: Kind):
    """Decorator: arguments of these names must be of these kinds; a parameter's own default always fits.

    Raises LMIndexerError, one sentence with a remedy, when the function is called with anything else.

    >>> @takes(seeds=several(WHOLE))
    ... def count(seeds=None):
    ...     return len(seeds)
    >>> count([0, 1]), count(range(5))
    (2, 5)
    >>> count(3)
    Traceback (most recent call last):
    ...
    lmindexer.common.errors.LMIndexerError: count: seeds must be a list of whole numbers, not 3. Give such as [0, 1].
    """

    def decorate(function):
        signature = inspect.signature(function)
        place = "" if function.__name__ == "__init__" else f"{function.__name__}: "
        place = place or f"{function.__qualname__.split('.')[-2]}: "

        @functools.wraps(function)
        def checked(*args, **given):
            try:
                bound = signature.bind(*args, **given)
            except TypeError:
                return function(*args, **given)  # Python says which argument is missing or unknown
            for name, kind in kinds.items():
                if name in bound.arguments and bound.arguments[name] is not signature.parameters[name].default:
                    bound.arguments[name] = taken(f"{place}{name}", kind, bound.arguments[name])
            return function(*bound.args, **bound.kwargs)

        return checked

    return decorate


def taken(name: str, kind: Kind, value):
    """The value as its kind gives it back. Raises LMIndexerError, which begins with `name`, where it does not fit.

    >>> taken("tree: depth", COUNT, 3)
    3
    """
    if value is None and kind.none:
        return None
    found = kind.take(value)
    if found is None:
        raise LMIndexerError(f"{name} must be {kind.what}, not {_named(value)}. {kind.remedy}")
    return found


def _named(value) -> str:
    """A value as a sentence can hold it: the type, and of lists the type of the first value that may be amiss."""
    if isinstance(value, list | tuple | set) and value:
        return f"{type(value).__name__} of {' and '.join(sorted({type(one).__name__ for one in value})[:3])}"
    return repr(value) if isinstance(value, bool | int | float) or value is None else type(value).__name__


def kind_of(types: type | tuple[type, ...], what: str, remedy: str) -> Kind:
    """Instances of a class.

    >>> kind_of(dict, "a dict", "Give {}.").take({"a": 1}), kind_of(dict, "a dict", "Give {}.").take([])
    ({'a': 1}, None)
    """
    return Kind(what, remedy, lambda value: value if isinstance(value, types) else None)


def having(what: str, remedy: str, *names: str) -> Kind:
    """Whatever has these attributes: for what may not be imported where it is taken.

    >>> having("a study", "Open one.", "answers").take(5) is None
    True
    """
    fits = lambda value: not isinstance(value, type) and all(hasattr(value, name) for name in names)  # noqa: E731
    return Kind(what, remedy, lambda value: value if fits(value) else None)


def several(kind: Kind, what: str | None = None, remedy: str | None = None) -> Kind:
    """A list, tuple, array or other collection of a kind, or an iterator, which becomes a list. Not a word or a file.

    >>> several(WHOLE).take(iter([1, 2])), several(WHOLE).take("12"), several(WHOLE).take([1.5])
    ([1, 2], None, None)
    """
    plural = {"a whole number": "whole numbers", "a number": "numbers", "a text": "texts"}.get(kind.what, kind.what)

    def take(value):
        if isinstance(value, str | bytes | Mapping) or hasattr(value, "read") or not isinstance(value, Iterable):
            return None
        value = list(value) if isinstance(value, Iterator) else value
        if kind.take is _anything:
            return value
        return None if any(kind.take(one) is None for one in value) else value

    return Kind(what or f"a list of {plural}", remedy or kind.remedy, take)


def _anything(value):
    return True


def _path(value):
    return value if isinstance(value, str | os.PathLike) else None


def _whole(value):
    return None if isinstance(value, bool) or not isinstance(value, numbers.Integral) else value


def _number(value):
    return None if isinstance(value, bool) or not isinstance(value, numbers.Real) else value


def _items(value):
    return value if isinstance(value, str) else several(ANYTHING).take(value)


def _table(value):
    import pandas as pd

    return value if isinstance(value, pd.DataFrame) else None


def _answers(value):
    """A table of ratings [U, R]: rows of lists, an array or a frame."""
    import pandas as pd

    if isinstance(value, str | bytes | Mapping) or hasattr(value, "read") or not isinstance(value, Iterable):
        return None
    value = list(value) if isinstance(value, Iterator) else value
    rows = value.itertuples(index=False) if isinstance(value, pd.DataFrame) else value
    flat = all(isinstance(row, Iterable) and not isinstance(row, str | bytes) for row in rows)
    return value if flat else None


ANYTHING = Kind("a value", "Give one.", _anything)
PATH = Kind("a path", "Give a string, or a pathlib.Path.", _path)
WHOLE = Kind("a whole number", "Give such as [0, 1].", _whole)
COUNT = Kind("a whole number", "Give such as 2.", _whole)
NUMBER = Kind("a number", "Give such as 0.5.", _number)
TEXT = kind_of(str, "a text", "Give a string.")
TEXT_OR_NONE = TEXT._replace(what="a text or None", none=True)
TRUTH = kind_of(bool, "True or False", "Give such as [True, False].")
ONE_TRUTH = TRUTH._replace(remedy="Give True.")
FUNCTION = Kind("a function", "Give one that can be called.", lambda value: value if callable(value) else None)
MAPPING = kind_of(Mapping, "a dict", "Give {name: value}.")
TABLE = Kind("a data frame", "Give a pandas.DataFrame.", _table)
ITEMS = Kind("a document id or a list of them", 'Give such as ["p1", "p2"].', lambda value: _items(value), none=True)
RATINGS = Kind(
    "a table of ratings", "Give a list a unit with one rating an annotator, or such a frame or array.", _answers
)
