"""How a check speaks: ✓ right, ○ not tried yet, ✗ what is wrong and where to look."""

import functools
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import torch
from torch import Tensor

from lmindexer.common.errors import LMIndexerError


class CheckFailed(LMIndexerError):
    """A check found something wrong; in a notebook it is shown without a stack trace."""

    def _render_traceback_(self) -> list[str]:  # IPython asks an error how it wants to be shown
        return [f"✗ {self}"]


class Untried(Exception):
    """The exercise still returns `...`."""


def right(words: str) -> None:
    print(f"✓ {words}")


def wrong(words: str) -> None:
    raise CheckFailed(words)


def open_exercise(words: str) -> None:
    print(f"○ {words}: not tried yet. Replace the dots, then run this cell again.")


def asked(function, *inputs):
    """What the learner's function answers; `...` or None means not tried, an error is told in one sentence."""
    if function is ...:
        raise Untried
    if not callable(function):
        wrong(f"Give the function itself, not {type(function).__name__} {function!r}: write its name without brackets.")
    try:
        answer = function(*inputs)
    except CheckFailed:
        raise
    except Exception as error:
        wrong(f"Your function stopped with {type(error).__name__}: {error}")
    if answer is ... or answer is None:
        raise Untried
    return answer


def tensor(value, what: str = "value") -> Tensor:
    """The learner's value as a detached float tensor."""
    try:
        value = value.tolist() if isinstance(value, np.ndarray) else value  # a read-only array would be warned of
        return torch.as_tensor(value).detach().double()
    except (TypeError, ValueError, RuntimeError):
        wrong(f"The {what} is a {type(value).__name__}, and numbers or a tensor are wanted.")


def difference(yours: Tensor, expected: Tensor, tolerance: float) -> str | None:
    """What is unlike, in words: first the shape, then the place that is farthest off. None where all is alike."""
    if yours.shape != expected.shape:
        return f"its shape is {list(yours.shape)}, and {list(expected.shape)} is wanted"
    if not yours.numel() or torch.allclose(yours, expected, rtol=tolerance, atol=tolerance, equal_nan=True):
        return None
    gap = (yours - expected).abs().nan_to_num(nan=float("inf"))
    place = [int(i) for i in torch.unravel_index(gap.argmax(), gap.shape)]
    at = f"at {place} " if place else ""
    return f"{at}it is {float(yours[*place]):.4g} where {float(expected[*place]):.4g} is wanted"


def exercise(name: str):
    """Say ○ instead of stopping where the learner has not begun."""

    def wrap(check):
        @functools.wraps(check)
        def run(*args, **named):
            try:
                check(*args, **named)
            except Untried:
                open_exercise(name)

        run.exercise = name  # by this a test finds every check that a learner's answer goes to
        return run

    return wrap


def begun(answer):
    """The learner's value; `...` or None means not tried."""
    if answer is ... or answer is None:
        raise Untried
    return answer


def compare(answer, expected, slips: Mapping, what: str, case: str = "") -> None:
    """Right, a known slip (words → what it would give), or where the answer is farthest off."""
    answer = tensor(answer, what)
    found = difference(answer, tensor(expected), 1e-4)
    if not found:
        return
    for words, value in slips.items():
        if difference(answer, tensor(value), 1e-4) is None:
            wrong(words)
    wrong(f"{what}: {case}{found}.")


def same_everywhere(
    function, cases: Iterable[tuple], expected: Callable, slips: Mapping[str, Callable], what: str, show: bool = True
) -> None:
    """The learner's function gives what `expected` gives, in every case; a slip that explains it is named.

    `show` puts the inputs before the words; without it only the place is told (for large tensors).
    """
    for case in cases:
        told = f"for {', '.join(str(part) for part in case)} " if show else ""
        compare(asked(function, *case), expected(*case), {w: slip(*case) for w, slip in slips.items()}, what, told)


def exactly(function, cases: Iterable[tuple], wanted: Callable, slips: Mapping[str, Callable], what: str) -> None:
    """Whole numbers, exactly: a tolerance would let a large number pass that is off by one."""
    for case in cases:
        answer = tensor(asked(function, *case), what)
        if answer.numel() != 1 or float(answer) != float(wanted(*case)):
            compare(float(answer) if answer.numel() == 1 else answer, float("inf"),
                    {w: float(slip(*case)) for w, slip in slips.items()}, what,
                    f"for {', '.join(map(str, case))} you get {answer.tolist()}; ")  # fmt: skip
