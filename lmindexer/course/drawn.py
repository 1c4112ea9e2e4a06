"""A learner's function against the right one on drawn cases, for checks that no single value can fool.

A slip is named only where it explains every answer; otherwise the first case that differs is shown.

>>> double = lambda x: 2 * x
>>> compared(lambda x: x + x, lambda draw: (draw.randint(1, 9),), double, {}, "the double")
True
>>> compared(lambda x: ..., lambda draw: (draw.randint(1, 9),), double, {}, "the double")
○ the double: not tried yet. Replace the dots, then run this cell again.
False
"""

import random
from collections.abc import Callable

import numpy as np
import torch

from lmindexer.course.verdict import Untried, asked, difference, open_exercise, tensor, wrong

CASES = 40  # drawn for each check


def compared(
    function, case: Callable, reference: Callable, slips: dict, what: str, like: Callable | None = None
) -> bool:
    """Whether the learner's function agrees on drawn cases; False where it has not been begun, an error otherwise."""
    draw, like = random.Random(), like or _alike
    cases = [case(draw) for _ in range(CASES)]
    try:
        answers = [asked(function, *map(_copy, given)) for given in cases]
    except Untried:
        open_exercise(what)
        return False
    expected = [reference(*given) for given in cases]
    if all(like(answer, value) for answer, value in zip(answers, expected, strict=True)):
        return True
    for words, slip in slips.items():
        if all(like(answer, slip(*given)) for answer, given in zip(answers, cases, strict=True)):
            wrong(words)
    given, answer, value = next(row for row in zip(cases, answers, expected, strict=True) if not like(*row[1:]))
    wrong(f"{what}: for {', '.join(map(_short, given))} you get {_short(answer)}, and {_short(value)} is wanted.")


def _copy(value):
    """Lists and tensors of a case are the learner's to change."""
    if isinstance(value, torch.Tensor):
        return value.clone()
    return [_copy(one) for one in value] if isinstance(value, list) else value


def _alike(answer, expected) -> bool:
    return difference(tensor(answer, "answer"), tensor(expected), 1e-4) is None


def _short(value) -> str:
    if isinstance(value, torch.Tensor | np.ndarray):
        value = value.tolist()
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(_short, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside})"
    return str(value)
