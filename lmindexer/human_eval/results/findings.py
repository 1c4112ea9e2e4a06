"""Results in words: a sentence for each comparison that says what it stands on and how far it reaches."""

import math

import pandas as pd

ALPHA = 0.05
NAMES = {
    "all": "all questions with a right answer", "intruder": "intruder questions", "pair": "pair questions",
    "coherence": "ratings of coherence", "level": "questions about levels", "collision": "questions about equal IDs",
    "ab": "A/B questions",
}  # fmt: skip


def findings(comparisons: pd.DataFrame, preferences: pd.DataFrame) -> tuple[str, ...]:
    """One sentence for each comparison and each preference; plain text.

    A difference counts as found when its p-value, corrected for the number of comparisons, is at most 0.05; whether
    it also holds for other annotators is said beside it.
    """
    said = [_difference(row) for row in comparisons.itertuples()]
    return tuple(said + [_preference(row) for row in preferences.itertuples()])


def number(value: float, form: str = ".2f") -> str:
    """A number for people, with a proper minus; "–" where there is none.

    >>> number(-0.25), number(-0.001), number(float("nan"))
    ('−0.25', '0.00', '–')
    """
    if not isinstance(value, int | float) or not math.isfinite(value):
        return "–"
    text = format(value, form)
    return text.replace("-", "−") if text.strip("-0.") else text.lstrip("-")


def p_value(p: float) -> str:
    """A p-value for people.

    >>> p_value(0.0002), p_value(0.043), p_value(float("nan"))
    ('p < 0.001', 'p = 0.043', 'no p')
    """
    if not math.isfinite(p):
        return "no p"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def interval_in_words(low: float, high: float, form: str = ".2f") -> str:
    """An interval for people.

    >>> interval_in_words(-0.1, 0.25), interval_in_words(0.4, 0.6, ".0%"), interval_in_words(float("nan"), 1)
    ('−0.10 to 0.25', '40% to 60%', 'too few')
    """
    if not (math.isfinite(low) and math.isfinite(high)):
        return "too few"
    return f"{number(low, form)} to {number(high, form)}"


def _stated(low: float, high: float, form: str = ".2f") -> str:
    if math.isfinite(low) and math.isfinite(high):
        return f"95 % interval {interval_in_words(low, high, form)}"
    return "too few questions for an interval"


def _difference(row) -> str:
    where = NAMES[row.type]
    # The methods are named in the order in which their numbers follow, the higher one first.
    first, second = (row.method_a, row.method_b) if row.difference >= 0 else (row.method_b, row.method_a)
    high, low = max(row.value_a, row.value_b), min(row.value_a, row.value_b)
    ends = (row.low, row.high) if row.difference >= 0 else (-row.high, -row.low)
    numbers = f"{number(high)} against {number(low)}; difference {number(abs(row.difference))}, "
    numbers += f"{_stated(*ends)}; {p_value(row.p_holm)}"
    if not row.p_holm <= ALPHA:  # nor where there is no p
        return f"On {where}, no difference between {first} and {second} was found ({numbers})."
    return f"On {where}, {first} is ahead of {second} ({numbers}). {_reach(row.p_wide)}"


def _preference(row) -> str:
    first, second, share = row.method_a, row.method_b, row.share_a
    low, high = row.low, row.high
    if share < 0.5:
        first, second, share, low, high = second, first, 1 - share, 1 - high, 1 - low
    numbers = f"{share:.0%} of {row.answers} answers, {_stated(low, high, '.0%')}; {p_value(row.p_holm)}"
    if not row.p_holm <= ALPHA:  # nor where there is no p
        return f"On A/B questions, neither {row.method_a} nor {row.method_b} was preferred ({first}: {numbers})."
    return f"On A/B questions, {first} was preferred to {second} ({numbers}). {_reach(row.p_wide)}"


def _reach(p_wide: float) -> str:
    if not math.isfinite(p_wide):
        return "With these annotators; whether others would say so cannot be told."
    if p_wide <= ALPHA:
        return f"It can be expected of other annotators, too ({p_value(p_wide)})."
    return f"It holds for these annotators; too few, or too unlike, to speak for others ({p_value(p_wide)})."
