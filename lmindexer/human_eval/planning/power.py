"""How many judgments a study needs: for a difference between two methods' shares, or for a preference."""

import math
from statistics import NormalDist

from lmindexer.common.errors import StudyError
from lmindexer.common.kinds import COUNT, NUMBER, takes

_NORMAL = NormalDist()


@takes(difference=NUMBER, base=NUMBER, power=NUMBER, alpha=NUMBER, overlap=COUNT, icc=NUMBER)
def judgments_needed(
    difference: float, base: float = 0.6, power: float = 0.8, alpha: float = 0.05, overlap: int = 1, icc: float = 0.0
) -> int:
    """Judgments of each of two methods, to find that one's share of right answers is higher by `difference`.

    The two-sided comparison of independent shares p₁ = base and p₂ = base + difference by the normal approximation
    (Fleiss, Levin and Paik, Statistical Methods for Rates and Proportions, ch. 4):

        n = (z₁₋α⸝₂ √(2 p̄ q̄) + z_power √(p₁q₁ + p₂q₂))² / difference²,   p̄ = (p₁ + p₂) / 2

    times the design effect 1 + (overlap - 1) · icc, for several answers to one question tell less than as many
    answers to different ones.

    Args:
        difference: between the shares, above 0.
        base: the lower share.
        power: the probability to find it.
        alpha: the level of the test.
        overlap: annotators of each question.
        icc: how alike two answers to one question are (0: as any two; 1: always the same).

    Returns:
        n, rounded up.

    Raises:
        StudyError: when a number is out of range.

    >>> judgments_needed(0.2, base=0.6)
    82
    >>> judgments_needed(0.2, base=0.6, overlap=2, icc=0.5)
    122
    """
    other = base + difference
    if not (difference > 0 and base > 0 and other < 1):
        raise StudyError(f"From {base:g} a difference of {difference:g} leads out of 0 to 1; give a smaller one.")
    _check(power, alpha, overlap, icc)
    mean = (base + other) / 2
    spread = _NORMAL.inv_cdf(1 - alpha / 2) * math.sqrt(2 * mean * (1 - mean))
    spread += _NORMAL.inv_cdf(power) * math.sqrt(base * (1 - base) + other * (1 - other))
    return math.ceil(spread**2 / difference**2 * _design_effect(overlap, icc))


@takes(judgments=COUNT, base=NUMBER, power=NUMBER, alpha=NUMBER, overlap=COUNT, icc=NUMBER)
def detectable_difference(
    judgments: int, base: float = 0.6, power: float = 0.8, alpha: float = 0.05, overlap: int = 1, icc: float = 0.0
) -> float:
    """The smallest difference from `base` that so many judgments of each method find; `judgments_needed` inverted.

    Returns:
        the difference; NaN where so few find not even a rise to 1 with that power.

    >>> round(detectable_difference(82), 2), detectable_difference(10)
    (0.2, nan)
    """
    low, high = 1e-6, 1 - base - 1e-6
    if judgments_needed(high, base, power, alpha, overlap, icc) > judgments:
        return math.nan
    for _ in range(50):
        middle = (low + high) / 2
        if judgments_needed(middle, base, power, alpha, overlap, icc) > judgments:
            low = middle
        else:
            high = middle
    return high


@takes(share=NUMBER, power=NUMBER, alpha=NUMBER, overlap=COUNT, icc=NUMBER)
def preferences_needed(
    share: float, power: float = 0.8, alpha: float = 0.05, overlap: int = 1, icc: float = 0.0
) -> int:
    """A/B judgments to find that a method is preferred in `share` of them and not in one half.

    n = (z₁₋α⸝₂ · ½ + z_power √(share (1 - share)))² / (share - ½)², times the design effect.

    >>> preferences_needed(0.65)
    85
    """
    if not 0 < share < 1 or share == 0.5:
        raise StudyError(f"A preference of {share:g} cannot be told from one half; give another share.")
    _check(power, alpha, overlap, icc)
    spread = _NORMAL.inv_cdf(1 - alpha / 2) / 2 + _NORMAL.inv_cdf(power) * math.sqrt(share * (1 - share))
    return math.ceil(spread**2 / (share - 0.5) ** 2 * _design_effect(overlap, icc))


def power_in_words(questions: int, overlap: int, base: float = 0.6) -> str:
    """What difference between two methods' shares of right answers so many questions of each find, if any.

    >>> power_in_words(82, 1).split(": ")[1]
    'another with 20 points more is found with power 80 % at the 5 % level.'
    >>> power_in_words(10, 1).split(": ")[1]
    'too few to find even one that is always right with power 80 % at the 5 % level; that takes 15 judgments of each.'
    """
    assumed = f"Assumed that one method has {100 * base:.0f} % right: "
    at = "with power 80 % at the 5 % level"
    free, tied = detectable_difference(questions * overlap, base), detectable_difference(questions, base)
    if math.isnan(free):
        least = judgments_needed(1 - base - 1e-6, base)
        return f"{assumed}too few to find even one that is always right {at}; that takes {least} judgments of each."
    found = f"{assumed}another with {100 * free:.0f} points more is found {at}"
    if overlap == 1:
        return f"{found}."
    rest = "and not even one that is always right" if math.isnan(tied) else f"one with {100 * tied:.0f} points more"
    return f"{found} if answers to one question are independent, {rest} if they are always the same."


def _design_effect(overlap: int, icc: float) -> float:
    return 1 + (overlap - 1) * icc


def _check(power: float, alpha: float, overlap: int, icc: float) -> None:
    if not (0 < alpha < 1 and alpha / 2 < power < 1 and overlap >= 1 and 0 <= icc <= 1):
        raise StudyError("power and alpha are shares, overlap is a number from 1 on and icc lies from 0 to 1.")
