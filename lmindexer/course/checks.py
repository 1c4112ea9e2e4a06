"""Checks for the course: each takes the learner's function or value, and explains what is wrong when it is.

Each prints ✓ when all is right, ○ when the exercise has not been begun (`...`), and raises `CheckFailed` with one
sentence otherwise. Functions are tried on many made-up cases, so no single value passes by chance, and known slips
(an inverted mask, a softmax along the wrong axis, the minus of a loss) are named.

>>> equal(0.5 + 0.5, 1.0, "the sum")
✓ the sum: equal
>>> perplexity(lambda codes: ...)
○ perplexity: not tried yet. Replace the dots, then run this cell again.
"""

# ruff: noqa: F401, as notebooks ask this module for every check

from lmindexer.course.checks_of_equations import (
    best_diff_ratio,
    choose_codes,
    code_probabilities,
    commitment_loss,
    contrastive_loss,
    row_gradient,
    straight_through,
    sure_temperature,
)
from lmindexer.course.checks_of_fits import (
    collapse_rule,
    epochs_in_all,
    good_enough,
    listening,
    longest_stage,
    saving_switches,
)
from lmindexer.course.checks_of_hints import hint_mask, target_mask, uniform_loss
from lmindexer.course.checks_of_ids import (
    better_names,
    bits,
    gap_to_unseen,
    largest_prefix,
    least_codebook,
    long_arrow,
    next_suffix,
    number_of_ids,
    perplexity,
    purer_at_random,
    purity,
    suffixes,
)
from lmindexer.course.checks_of_judging import (
    cohen_kappa,
    error_over_documents,
    judgments,
    pure_codes,
    renamed_ami,
    without_careless,
)
from lmindexer.course.verdict import asked, begun, difference, exercise, right, tensor, wrong


def equal(yours, expected, what: str = "the two", tolerance: float = 1e-4, hint: str = "") -> None:
    """The two values are equal up to rounding; otherwise says where they differ most, and the hint."""
    found = difference(tensor(yours, what), tensor(expected, what), tolerance)
    if found:
        wrong(f"{what}: {found}. {hint}".rstrip())
    right(f"{what}: equal")


def true(claim: bool, what: str, hint: str = "") -> None:
    """A claim that a cell has computed holds."""
    if not bool(claim):
        wrong(f"{what}: does not hold here. {hint}".rstrip())
    right(what)


@exercise("number")
def number(answer, expected: float, hint: str = "", tolerance: float | None = None) -> None:
    """The learner's number is the expected one; says too high or too low, never the answer itself.

    A whole number is expected exactly, another up to a thousandth of itself, unless a `tolerance` is given.
    """
    if tolerance is None:
        tolerance = 1e-9 if isinstance(expected, int) else 1e-3
    gap = float(tensor(begun(answer), "answer")) - float(expected)
    if not abs(gap) <= tolerance * max(1.0, abs(float(expected))):  # `not <=` also turns NaN away
        wrong(f"{answer} is too {'high' if gap > 0 else 'low'}. {hint}".rstrip())
    right(f"{answer} is right")


@exercise("this one")
def found(answer, test, what: str, hint: str = "") -> None:
    """The learner's answer, whatever it is, passes `test(answer)`: for tasks with many right answers."""
    begun(answer)
    if not bool(asked(lambda: bool(test(answer)))):
        wrong(f"{what}: not with {answer!r}. {hint}".rstrip())
    right(what)
