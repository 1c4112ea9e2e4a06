"""Intervals: Wilson's for shares (also when answers come in clusters), and BCa for what a bootstrap resampled."""

from dataclasses import dataclass

import numpy as np
import scipy

from lmindexer.common.errors import StudyError
from lmindexer.common.kinds import NUMBER, Kind, takes

MANY = 2000  # units, from which BCa intervals go without the jackknife, whose memory grows as their square


@dataclass(frozen=True)
class Estimate:
    """A number with its interval.

    Attributes:
        value: the estimate.
        low, high: bounds of the interval.
        answers: n, how many answers it stands on.
        effective: as many independent answers would give an interval of this width.
    """

    value: float
    low: float
    high: float
    answers: int
    effective: float


def _numbers(value):
    try:
        np.asarray(value, float)
    except (TypeError, ValueError):
        return None
    return None if value is None else value


NUMBERS = Kind("a number or an array of numbers", "Give such as 7, or [7, 9].", _numbers)


@takes(successes=NUMBERS, answers=NUMBERS, level=NUMBER)
def wilson(successes, answers, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
    """Wilson's score interval of a share p = successes / n.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n) with z the normal quantile (Wilson 1927, JASA 22:209-212).
    It stays inside 0 … 1 and has a width where all answers are alike.

    Args:
        successes: number or array, 0 … n; need not be whole.
        answers: n, number or array; need not be whole.
        level: the share of intervals that hold the true share.

    Returns:
        (low, high), arrays; 0 and 1 where n is 0.

    Raises:
        StudyError: when successes are not within 0 … n, or the level not within (0, 1).

    >>> low, high = wilson(59, 80)  # a share of 0.7375
    >>> round(float(low), 3), round(float(high), 3)
    (0.632, 0.821)
    """
    successes, answers = np.broadcast_arrays(np.asarray(successes, float), np.asarray(answers, float))
    if not 0 < level < 1:
        raise StudyError(f"The level of an interval is {level!r}; give a share between 0 and 1, as 0.95.")
    if (successes < 0).any() or (successes > answers + 1e-9).any():
        raise StudyError("An interval was asked for more successes than answers; count them again.")
    z = scipy.special.ndtri(0.5 + level / 2)
    n = np.where(answers > 0, answers, 1.0)
    share = successes / n
    centre, denominator = share + z**2 / (2 * n), 1 + z**2 / n
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2))
    low = np.where(successes > 0, (centre - half) / denominator, 0.0)
    high = np.where(successes < answers, (centre + half) / denominator, 1.0)
    some = answers > 0
    return np.where(some, np.maximum(low, 0), 0.0), np.where(some, np.minimum(high, 1), 1.0)


def clustered_share(correct, clusters, level: float = 0.95) -> Estimate:
    """A share of answers that come in clusters (several annotators answered the same question), with its interval.

    Answers to one question resemble each other, so n of them tell less than n independent ones. The interval is
    Wilson's with the effective number n* = p(1−p) / V · (z / t)², where V = G/(G−1) Σ_g (s_g − p n_g)² / n² is the
    variance of the share between the G clusters, and z and t are the quantiles of the normal and of Student's t with
    G−1 degrees of freedom, because V is itself an estimate (Korn and Graubard 1998, Survey Methodology 24:193-201).
    n* is kept between G and n. Where all answers are alike V is 0 and says nothing of how far answers to one question
    resemble each other; then n* = G, as if they were always the same.

    Args:
        correct: [n] True/False (or a share of 1 each).
        clusters: [n] what each answer belongs to.

    >>> clustered_share([1, 1, 0, 0], ["a", "a", "b", "b"]).effective
    2.0
    >>> ten_times_five = clustered_share([1] * 50, np.repeat(np.arange(10), 5))
    >>> ten_times_five.effective, round(ten_times_five.low, 3), ten_times_five.high
    (10.0, 0.722, 1.0)
    """
    correct = np.asarray(correct, float)
    number, sums, counts = _cluster(correct, clusters)
    answers = len(correct)
    if not answers:
        return Estimate(float("nan"), 0.0, 1.0, 0, 0.0)
    share = correct.mean()
    effective, variance = float(number), _between(sums - share * counts, answers)
    if variance > 0:
        tail = 0.5 + level / 2
        few = scipy.special.ndtri(tail) / scipy.special.stdtrit(number - 1, tail)
        effective = float(np.clip(share * (1 - share) / variance * few**2, number, answers))
    low, high = wilson(share * effective, effective, level)
    return Estimate(float(share), float(low), float(high), answers, effective)


def clustered_mean(values, clusters, level: float = 0.95, scale: tuple[float, float] | None = None) -> Estimate:
    """A mean of values that come in clusters, with Student's interval from the variance between the G clusters.

    V = G/(G−1) Σ_g (s_g − m n_g)² / n², with G − 1 degrees of freedom. There is no interval (NaN) for fewer than two
    clusters, nor where the means of all clusters are the same: so few say nothing of how far they may lie apart.

    Args:
        scale: least and greatest value, as (1, 5); the interval does not reach outside.

    >>> found = clustered_mean([5, 5, 4, 5], ["a", "a", "b", "b"], scale=(1, 5))
    >>> found.value, round(found.low, 2), found.high
    (4.75, 1.57, 5.0)
    """
    values = np.asarray(values, float)
    number, sums, counts = _cluster(values, clusters)
    answers = len(values)
    if not answers:
        return Estimate(float("nan"), float("nan"), float("nan"), 0, 0.0)
    mean = values.mean()
    if number < 2:
        return Estimate(float(mean), float("nan"), float("nan"), answers, float(number))
    variance = _between(sums - mean * counts, answers)
    if variance <= 0:
        return Estimate(float(mean), float("nan"), float("nan"), answers, float(number))
    half = scipy.special.stdtrit(number - 1, 0.5 + level / 2) * np.sqrt(variance)
    effective = float(np.clip(values.var() / variance, number, answers))
    low, high = np.clip([mean - half, mean + half], *(scale or (-np.inf, np.inf)))
    return Estimate(float(mean), float(low), float(high), answers, effective)


def _between(away: np.ndarray, answers: int) -> float:
    """Variance of a mean of n answers from the G clusters' sums about it; 0 for one cluster, and but for rounding."""
    clusters = len(away)
    variance = clusters / max(clusters - 1, 1) * float(np.sum(away**2)) / answers**2
    return variance if clusters > 1 and variance > 1e-24 else 0.0


def _cluster(values: np.ndarray, clusters) -> tuple[int, np.ndarray, np.ndarray]:
    _, place = np.unique(np.asarray(clusters, dtype=str), return_inverse=True)
    if len(place) != len(values):
        raise StudyError(f"{len(values)} answers came with {len(place)} questions; give one for each answer.")
    counts = np.bincount(place)
    return len(counts) if len(place) else 0, np.bincount(place, weights=values), counts


def left_out_weights(units: int) -> np.ndarray:
    """Weights [U, U] that leave out one unit in each row; none for many units, where acceleration hardly matters."""
    return 1 - np.eye(units) if units <= MANY else np.empty((0, units))


def bca(estimate: float, resampled, left_out, level: float = 0.95) -> tuple[float, float]:
    """The bias-corrected and accelerated bootstrap interval (Efron 1987, JASA 82:171-185).

    Args:
        estimate: the statistic of the whole sample.
        resampled: [B] of bootstrap samples; NaN where one had no value.
        left_out: [U] with each unit left out once (the jackknife), for the acceleration.

    Returns:
        (low, high); NaN when fewer than half of the bootstrap samples have a value, or all have the same one (which
        says that there are too few units, not that the statistic is certain).
    """
    resampled, left_out = np.asarray(resampled, float), np.asarray(left_out, float)
    found, left_out = resampled[np.isfinite(resampled)], left_out[np.isfinite(left_out)]
    if not np.isfinite(estimate) or len(found) < max(len(resampled) / 2, 2):
        return float("nan"), float("nan")
    if np.ptp(found) < 1e-12:
        return float("nan"), float("nan")
    below = (np.sum(found < estimate - 1e-12) + np.sum(found <= estimate + 1e-12)) / 2
    bias = scipy.special.ndtri(np.clip(below / len(found), 1 / len(found), 1 - 1 / len(found)))
    away = left_out.mean() - left_out if len(left_out) else np.zeros(1)
    spread = np.sum(away**2) ** 1.5
    acceleration = np.sum(away**3) / (6 * spread) if spread > 0 else 0.0
    ends = []
    for z in (scipy.special.ndtri(0.5 - level / 2), scipy.special.ndtri(0.5 + level / 2)):
        moved = bias + z
        ends.append(scipy.special.ndtr(bias + moved / max(1 - acceleration * moved, 1e-3)))
    low, high = np.quantile(found, ends)
    return float(min(low, estimate)), float(max(high, estimate))
