"""What all settings share: plain values, ranges and choices that are checked, the nearest name for an unknown one."""

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any

from lmindexer.common.errors import SettingsError

PerPosition = Any  # one value, or a list with one value a position


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`; only whole ones if `whole`."""

    low: float
    high: float
    whole: bool = False


@dataclass(frozen=True)
class Rules:
    """What the fields of a settings class may be.

    ranges:        field → numbers
    choices:       field → words
    per_position:  fields that take a list with one number a position
    several:       fields that take a list of numbers of any meaning
    optional:      fields that may be None
    flags:         fields that are True or False (a settings class says so by its annotations)
    """

    ranges: Mapping[str, Range]
    choices: Mapping[str, tuple] = field(default_factory=dict)
    per_position: tuple[str, ...] = ()
    several: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()


def make(kind: type, presets: Mapping[str, Mapping], preset: str, changes: Mapping):
    """An object of a settings class from a preset with changes.

    Raises SettingsError for an unknown preset or setting, with the nearest known name.
    """
    if not isinstance(preset, str) or preset not in presets:
        raise SettingsError(unknown("preset", preset, list(presets)))
    names = [f.name for f in dataclasses.fields(kind)]
    for name in changes:
        if name not in names:
            raise SettingsError(unknown("setting", name, names))
    return kind(**{**presets[preset], **changes})


def defaults_of(kind: type) -> dict[str, Any]:
    """Every setting of a class with its default, in the order of its source."""
    defaults = {f.name: f.default for f in dataclasses.fields(kind)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in defaults.items()}


def unknown(kind: str, name: str, known: list[str]) -> str:
    """The sentence about an unknown name, with the nearest of the known ones.

    >>> unknown("preset", "tyni", ["minilm", "tiny"])
    "Unknown preset 'tyni'; the nearest is 'tiny'."
    """
    near = get_close_matches(str(name), known, n=1, cutoff=0.0)
    return f"Unknown {kind} {name!r}; the nearest is {near[0]!r}."


def value_at(value, position: int):
    """The value of a per-position setting at a position counted from 1; a short list goes on with its last value.

    >>> [value_at((16, 32), position) for position in (1, 2, 3)], value_at(8, 3)
    ([16, 32, 32], 8)
    """
    return value[min(position, len(value)) - 1] if isinstance(value, list | tuple) else value


WITHOUT_EFFECT = ("diagnose_every",)  # settings that change no result: runs that differ in them alone are the same


def with_effect(values):
    """Settings, or what holds settings, without those that change no result: what two runs are compared by.

    >>> with_effect({"run": {"seed": 0, "diagnose_every": 1}})
    {'run': {'seed': 0}}
    """
    if not isinstance(values, Mapping):
        return values
    return {name: with_effect(value) for name, value in values.items() if name not in WITHOUT_EFFECT}


def as_dict(settings) -> dict:
    """All settings as JSON has them: lists, no tuples."""
    found = {f.name: getattr(settings, f.name) for f in dataclasses.fields(settings)}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in found.items()}


def make_plain(settings, rules: Rules) -> None:
    """Replace every value of a frozen settings object by Python's own numbers and text."""
    for name, value in vars(settings).items():
        object.__setattr__(settings, name, _plain(name, value, rules))


def _plain(name: str, value, rules: Rules):
    """Python's own numbers and text, which JSON can hold: NumPy's (from a sweep), a Path, and 2.0 for the number 2."""
    if isinstance(value, os.PathLike):
        return os.fspath(value)
    value = value.tolist() if hasattr(value, "tolist") else value
    if isinstance(value, list | tuple):
        return tuple(_plain(name, one, rules) for one in value)  # so that settings that went through JSON are equal
    whole = name in rules.ranges and rules.ranges[name].whole
    return int(value) if whole and isinstance(value, float) and value.is_integer() else value


def check(settings, rules: Rules) -> None:
    """Raise SettingsError for the first value outside its range, choices or type."""
    _check_values(vars(settings), rules)
    for f in dataclasses.fields(settings):
        if f.type is bool:
            _check_flag(f.name, getattr(settings, f.name))
        if f.type is str and not isinstance(getattr(settings, f.name), str):
            raise SettingsError(f"{f.name} is {getattr(settings, f.name)!r}; give a name.")


def checked(values: Mapping, rules: Rules) -> dict:
    """Settings that are kept as a dict: the same, as Python's own numbers and text.

    Raises SettingsError for the first value outside its range, choices or type.

    >>> checked({"epochs": 2.0}, Rules({"epochs": Range(1, 10, True)}))
    {'epochs': 2}
    """
    plain = {name: _plain(name, value, rules) for name, value in values.items()}
    _check_values(plain, rules)
    return plain


def _check_values(given: Mapping, rules: Rules) -> None:
    for name, allowed in rules.ranges.items():
        values = given[name]
        if values is None and name in rules.optional:
            continue
        several = isinstance(values, list | tuple)
        if several and (name not in rules.per_position + rules.several or not values):
            raise SettingsError(f"{name} is {values!r}; give one number.")
        for value in values if several else [values]:
            _check_number(name, value, allowed)
        positions = given.get("positions")
        if several and name == "codebook_size" and isinstance(positions, int) and len(values) > positions:
            raise SettingsError(
                f"codebook_size has {len(values)} values for positions={positions}; give as many, or fewer."
            )
    for name, allowed in rules.choices.items():
        if given[name] not in allowed:
            raise SettingsError(f"{name} is {given[name]!r}; choose one of {', '.join(map(repr, allowed))}.")
    for name in rules.flags:
        _check_flag(name, given[name])


def _check_flag(name: str, value) -> None:
    if not isinstance(value, bool):
        raise SettingsError(f"{name} is {value!r}; give True or False.")


def _check_number(name: str, value, allowed: Range) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    kind = "a whole number" if allowed.whole else "a number"
    if not number or (allowed.whole and not isinstance(value, int)) or not allowed.low <= value <= allowed.high:
        raise SettingsError(f"{name} is {value!r}; give {kind} from {allowed.low:g} to {allowed.high:g}.")
