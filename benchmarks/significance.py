"""How often do procedures for the difference of two AMIs find one where there is none, and how often a real one?

    python benchmarks/significance.py

Prints the tables of docs/results/significance.md; about five minutes on one quiet core. A sample is N documents drawn
anew, with their class and with the codes of two methods; a procedure sees one sample and says what the difference of
the two AMIs would spread over samples (its standard error), from which a test at the 5 % level follows.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numba
import numpy as np
from scipy import stats

from lmindexer.quality.significance import compare_methods, sign_flip_test

SAMPLES, RESAMPLED, DRAWS = 1000, 300, 100  # of each setting; of the first table, whose procedures draw
NAMED = ((400, 10, 10), (400, 50, 32), (691, 216, 64))  # documents, classes, K
Z = stats.norm.ppf(0.975)


# ---- what is drawn ---------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class World:
    """Documents with classes and two methods, each of which gives a document the code of its class or, with the
    probability `noise`, another code.

    zipf: class c is 1 / c as likely as the first, in place of all alike.
    shared: probability that both methods are wrong together, and in the same way.
    near: a wrong code is one of two neighbours of the right one, in place of any.
    other_noise, other_codes: of the second method, where it differs.
    seeds: codes of each method that are averaged over.
    """

    documents: int
    classes: int
    codes: int
    noise: float = 0.4
    zipf: bool = False
    shared: float = 0.0
    near: bool = False
    other_noise: float | None = None
    other_codes: int | None = None
    seeds: int = 1

    def sample(self, rng) -> tuple[np.ndarray, list[np.ndarray], list[np.ndarray]]:
        weights = 1 / np.arange(1, self.classes + 1) if self.zipf else np.ones(self.classes)
        true = rng.choice(self.classes, self.documents, p=weights / weights.sum())
        noises = (self.noise, self.noise if self.other_noise is None else self.other_noise)
        sides: tuple[list, list] = ([], [])
        for _ in range(self.seeds):
            together = rng.random(self.documents) < self.shared
            both = rng.random((2, self.documents))
            for side, noise, codes in zip(sides, noises, (self.codes, self.other_codes or self.codes), strict=True):
                chance, which = np.where(together, both, rng.random((2, self.documents)))
                right = true % codes
                wrong = right + 1 + (which * 2).astype(int) if self.near else (which * codes).astype(int)
                side.append(np.where(chance < noise, wrong % codes, right))
        return true, *sides

    def __str__(self):
        return f"{self.documents} / {self.classes} / {self.codes}"


# ---- AMI, fast enough for hundreds of thousands of draws -------------------------------------------------------


@numba.njit
def _expected_term(a, b, n, log_factorial):
    """The part of E[MI] of a class of a documents and a group of b (`quality.categories.expected_terms`)."""
    total = 0.0
    whole = log_factorial[a] + log_factorial[n - a] + log_factorial[b] + log_factorial[n - b] - log_factorial[n]
    for m in range(max(1, a + b - n), min(a, b) + 1):
        log_p = whole - log_factorial[m] - log_factorial[a - m] - log_factorial[b - m] - log_factorial[n - a - b + m]
        if log_p > -40:
            total += m / n * math.log(n * m / (a * b)) * math.exp(log_p)
    return total


@numba.njit
def _n_ln_n(n):
    return n * math.log(n) if n > 0 else 0.0


@numba.njit
def _parts(true, pred, weights, known, log_factorial):
    """(MI, mean entropy, E[MI]) with document i taken weights[i] times; `known` remembers parts of E[MI] of this n."""
    cells = np.zeros((true.max() + 1, pred.max() + 1), np.int64)
    for i in range(len(true)):
        cells[true[i], pred[i]] += weights[i]
    sizes_true, sizes_pred, joint, own = cells.sum(1), cells.sum(0), 0.0, 0.0
    n = sizes_true.sum()
    for count in cells.ravel():
        joint += _n_ln_n(count)
    for count in sizes_true:
        own += _n_ln_n(count)
    for count in sizes_pred:
        own += _n_ln_n(count)
    times_a, times_b = np.bincount(sizes_true), np.bincount(sizes_pred)
    chance = 0.0
    for a in range(1, len(times_a)):
        for b in range(1, len(times_b)):
            if times_a[a] and times_b[b]:
                if np.isnan(known[a, b]):
                    known[a, b] = _expected_term(a, b, n, log_factorial)
                chance += times_a[a] * times_b[b] * known[a, b]
    return (joint - own) / n + math.log(n), math.log(n) - own / n / 2, chance


class Scorer:
    """AMI of weighted documents, remembering parts of E[MI] by the number of documents."""

    def __init__(self):
        self.known: dict[int, np.ndarray] = {}
        self.log_factorial = np.array([math.lgamma(n + 1.0) for n in range(20_000)])

    def parts(self, true, pred, weights) -> tuple[float, float, float]:
        n = int(weights.sum())
        known = self.known.setdefault(n, np.full((n + 1, n + 1), np.nan))
        return _parts(true, pred, weights, known, self.log_factorial)

    def ami(self, true, pred, weights) -> float:
        shared, mean, chance = self.parts(true, pred, weights)
        return (shared - chance) / (mean - chance)

    def difference(self, true, one, other, weights) -> float:
        return self.ami(true, one, weights) - self.ami(true, other, weights)


SCORE = Scorer()


# ---- procedures: a sample → a standard error -------------------------------------------------------------------


def contributions(true, pred, normaliser: bool) -> np.ndarray:
    """What each document gives to the AMI: its pointwise mutual information on the AMI's scale; with `normaliser`, the
    whole first-order influence, which also knows that the entropies move."""
    n, (shared, mean, chance) = len(true), SCORE.parts(true, pred, np.ones(len(true), np.int64))
    a, b = np.bincount(true)[true], np.bincount(pred)[pred]
    cell = true * (pred.max() + 1) + pred
    pointwise, ami = np.log(np.bincount(cell)[cell] * n / (a * b)), (shared - chance) / (mean - chance)
    if normaliser:
        return (pointwise - shared - ami * (np.log(n * n / (a * b)) / 2 - mean)) / (mean - chance)
    return (pointwise - chance) / (mean - chance)


def of_influence(normaliser: bool) -> Callable:
    def error(true, one, other, _rng):
        d = contributions(true, one, normaliser) - contributions(true, other, normaliser)
        return d.std() / np.sqrt(len(d))

    return error


def of_draws(share: float, replace: bool) -> Callable:
    """The spread over draws of m = share · N documents, times √(m/N), or √(m/(N-m)) for draws without replacement."""

    def error(true, one, other, rng):
        n, found = len(true), []
        m = int(share * n)
        for _ in range(DRAWS):
            weights = np.bincount(rng.choice(n, m, replace=replace), minlength=n)
            found.append(SCORE.difference(true, one, other, weights))
        return np.std(found, ddof=1) * np.sqrt(m / n if replace else m / (n - m))

    return error


def jackknife(true, one, other, _rng) -> float:
    return compare_methods(true.astype(str), {"one": [one], "other": [other]}, "one")[0].error


PROCEDURES = {
    "bootstrap (as it was)": of_draws(1.0, True),
    "contributions (sign flips as they were)": of_influence(False),
    "influence with the normaliser": of_influence(True),
    "bootstrap of N/2 of N": of_draws(0.5, True),
    "subsamples of N/2": of_draws(0.5, False),
    "subsamples of 4N/5": of_draws(0.8, False),
    "jackknife": jackknife,
}


# ---- tables ----------------------------------------------------------------------------------------------------


def procedures() -> None:
    """Table 1: every procedure at the named sizes."""
    print("| documents / classes / K | procedure | sd of the difference | its standard error | false positives |")
    print("|---|---|---|---|---|")
    for size in NAMED:
        world, rng = World(*size), np.random.default_rng(1)
        rows, differences, flips = {name: [] for name in PROCEDURES}, [], 0
        for _ in range(RESAMPLED):
            true, (one,), (other,) = world.sample(rng)
            differences.append(SCORE.difference(true, one, other, np.ones(len(true), np.int64)))
            d = contributions(true, one, False) - contributions(true, other, False)
            flips += sign_flip_test(d, 2000) <= 0.05
            for name, error in PROCEDURES.items():
                rows[name].append(error(true, one, other, rng))
        for name, errors in rows.items():
            wrong = np.mean(np.abs(differences) > Z * np.array(errors))
            print(f"| {world} | {name} | {np.std(differences):.4f} | {np.sqrt(np.mean(np.square(errors))):.4f} | "
                  f"{wrong:.3f} |")  # fmt: skip
        print(
            f"| {world} | sign flips themselves | {np.std(differences):.4f} | - | {flips / RESAMPLED:.3f} |", flush=True
        )


def outcomes(world: World, seed: int = 2, samples: int = SAMPLES):
    """What `compare_methods` says of each sample."""
    rng, found = np.random.default_rng(seed), []
    for _ in range(samples):
        true, ones, others = world.sample(rng)
        found += compare_methods(true.astype(str), {"one": ones, "other": others}, "one")
    return found


def of(found, name: str) -> np.ndarray:
    return np.array([getattr(one, name) for one in found])


def null() -> None:
    """Table 2: `compare_methods` where there is no difference."""
    cases = [(f"noise {noise}", World(*size, noise)) for size in NAMED for noise in (0.1, 0.4, 0.7)]
    cases += [
        ("K 16", World(691, 216, 16)),
        ("classes by Zipf", World(400, 10, 10, zipf=True)),
        ("classes by Zipf", World(691, 216, 64, zipf=True)),
        ("half of the noise shared", World(691, 216, 64, shared=0.5)),
        ("four fifths shared", World(400, 10, 10, shared=0.8)),
        ("wrong codes near, classes by Zipf", World(400, 10, 10, zipf=True, near=True)),
        ("three seeds", World(400, 50, 32, seeds=3)),
        ("2,419 documents", World(2419, 39, 64)),
        ("120 documents", World(120, 10, 8)),
        ("30 documents", World(30, 4, 4, 0.3)),
    ]
    print("\n| documents / classes / K | what else | sd of the difference | standard error | false positives |")
    print("|---|---|---|---|---|")
    for said, world in cases:
        found = outcomes(world, samples=SAMPLES if world.documents < 1000 else SAMPLES // 3)
        errors, spread = of(found, "error"), np.std(of(found, "difference"))
        print(f"| {world} | {said} | {spread:.4f} | {np.sqrt(np.mean(errors**2)):.4f} | "
              f"{np.mean(of(found, 'p') <= 0.05):.3f} |", flush=True)  # fmt: skip


def power() -> None:
    """Table 3: planted differences. Whoever knows the spread (a z-test with the samples' own) can do no better."""
    cases = [World(*size, 0.4, other_noise=other) for size in NAMED for other in (0.45, 0.5, 0.55)]
    cases += [World(691, 216, 64, 0.4, other_codes=16), World(400, 50, 32, 0.4, other_codes=8)]
    print("\n| documents / classes / K | noise | mean difference | found | found, spread known | interval holds it |")
    print("|---|---|---|---|---|---|")
    for world in cases:
        found = outcomes(world, seed=3, samples=SAMPLES // 3)
        difference = of(found, "difference")
        holds = (of(found, "low") <= difference.mean()) & (difference.mean() <= of(found, "high"))
        noise = f"{world.noise} against {world.other_noise or world.noise}"
        noise += f", K {world.other_codes} against {world.codes}" if world.other_codes else ""
        known = np.mean(np.abs(difference) > Z * difference.std())
        print(f"| {world} | {noise} | {difference.mean():.3f} | {np.mean(of(found, 'p') <= 0.05):.3f} | "
              f"{known:.3f} | {holds.mean():.3f} |", flush=True)  # fmt: skip


if __name__ == "__main__":
    procedures()
    null()
    power()
