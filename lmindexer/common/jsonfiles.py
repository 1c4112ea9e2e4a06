"""JSON that every reader accepts: plain types, and null where a number is not finite (JSON knows no NaN)."""

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np


def json_safe(value):
    """`value` in plain JSON types: numpy unpacked, tuples and sets as lists, NaN and infinities as None.

    Raises:
        TypeError: for anything that JSON has no form for.

    >>> json_safe({"a": np.float32(0.5), 2: (float("nan"), np.arange(2))})
    {'a': 0.5, '2': [None, [0, 1]]}
    """
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, np.generic | np.ndarray):
        return json_safe(value.tolist())
    if isinstance(value, Mapping):
        return {str(key): json_safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [json_safe(item) for item in (sorted(value) if isinstance(value, set | frozenset) else value)]
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} has no JSON form: {value!r}")


def write_json(path: Path, value) -> None:
    """Write `json_safe(value)` as UTF-8, aside first and then renamed."""
    aside = path.with_name(f".{path.name}.writing")
    text = json.dumps(json_safe(value), ensure_ascii=False, indent=2, allow_nan=False)
    aside.write_text(text + "\n", encoding="utf-8")
    os.replace(aside, path)


def read_json(path: Path):
    """Read a JSON file; NaN and infinities, which Python's reader would let through, are errors.

    Raises:
        ValueError: when the file is no UTF-8 JSON.
        OSError: when it cannot be read.
    """
    return json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)


def _refuse_constant(name: str):
    raise ValueError(f"{name} is no JSON")
