"""Methods side by side: a table over methods and seeds, and whether a difference is more than chance.

Everything is paired over queries (users, in recommendation): all methods answer the same ones.

    interval      percentile bootstrap: queries drawn with replacement, the mean over seeds and drawn queries
    comparison    the same draws for both methods; p-values by flipping signs of the queries' differences; Holm's
                  correction for all comparisons made together (`lmindexer.quality.significance`)

What they do not cover is another training seed: the spread over seeds stands beside the interval.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import COUNT, MAPPING, NUMBER, TEXT, takes
from lmindexer.quality.significance import Comparison, holm, sign_flip_test

CHUNK = 20_000_000  # drawn queries held at once


def drawn_means(values: np.ndarray, draws: int, seed: int = 0) -> np.ndarray:
    """Means of bootstrap draws: values [M, Q] of the same Q queries → [M, draws], all rows by the same draws."""
    generator, queries = np.random.default_rng(seed), values.shape[1]
    found, step = [], max(1, CHUNK // max(1, queries))
    for first in range(0, draws, step):
        rows = min(step, draws - first)
        chosen = generator.integers(0, queries, (rows, queries), dtype=np.int32)
        found += [values[:, row].mean(1) for row in chosen]
    return np.array(found).T


def interval(seeds: Sequence[np.ndarray], *, draws: int = 1000, level: float = 0.95, seed: int = 0):
    """(low, high): percentile interval over queries of the mean of values [Q] over queries and seeds.

    >>> low, high = interval([np.repeat([0.0, 1.0], 200)])
    >>> 0.4 < low < 0.5 < high < 0.6
    True
    """
    values = np.mean(seeds, axis=0)
    drawn = drawn_means(values[None, ~np.isnan(values)], draws, seed)[0]
    return tuple(float(x) for x in np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2]))


@takes(values=MAPPING, against=TEXT, draws=COUNT, flips=COUNT, level=NUMBER, seed=COUNT)
def compare_scores(
    values: Mapping[str, Sequence[np.ndarray]],
    against: str,
    *,
    draws: int = 1000,
    flips: int = 10_000,
    level: float = 0.95,
    seed: int = 0,
) -> list[Comparison]:
    """Method `against` compared with each other one by a metric of the same queries.

    Args:
        values: {method: [metric [Q] of each seed]}; seeds are averaged query by query.
        against: the method that every other one is compared with.
        draws, flips: of the bootstrap and of the permutation test.
        level: of the interval.

    >>> found = compare_scores({"a": [np.ones(50)], "b": [np.repeat([0.0, 1.0], 25)]}, "a")
    >>> found[0].second, found[0].difference, found[0].low > 0, found[0].p < 0.01
    ('b', 0.5, True, True)
    """
    if against not in values:
        raise SettingsError(f"There are no results of {against!r}; give one of {', '.join(values)}.")
    means = {name: np.mean(seeds, axis=0) for name, seeds in values.items()}
    others = [name for name in means if name != against]
    differences = np.array([means[against] - means[name] for name in others])
    differences = differences[:, ~np.isnan(differences).any(0)] if len(others) else differences
    p_values = [_p(row, flips, seed) for row in differences]
    tails = [(1 - level) / 2, (1 + level) / 2]
    drawn = drawn_means(differences, draws, seed) if others else np.zeros((0, draws))
    intervals, errors = np.quantile(drawn, tails, axis=1).T, drawn.std(axis=1)
    return [
        Comparison(
            against,
            name,
            float(row.mean()),
            float(low),
            float(high),
            p,
            corrected,
            error=float(error),
            seeds=min(len(values[against]), len(values[name])),
        )
        for name, row, (low, high), p, corrected, error in zip(
            others, differences, intervals, p_values, holm(p_values), errors, strict=True
        )
    ]


def _p(differences: np.ndarray, flips: int, seed: int) -> float:
    """The sign-flip test; a difference of 0 is the same with either sign and is left out beforehand."""
    moved = differences[differences != 0]
    return sign_flip_test(moved, flips, seed) if len(moved) else 1.0


@dataclass(eq=False)
class Evaluation:
    """What `task.evaluate` found: every metric of every query, by method and seed.

    Attributes:
        task: in words, for the heading.
        metrics: their names, in the table's order.
        values: {(method, view): [{metric: [Q]} of each seed]}.
        seconds: {method: [processor seconds of each seed's fit]}.

    Printed, it is its table.
    """

    task: str
    metrics: tuple[str, ...]
    values: dict[tuple[str, str], list[dict[str, np.ndarray]]] = field(default_factory=dict)
    seconds: dict[str, list[float]] = field(default_factory=dict)

    def add(self, method: str, by_view: Mapping[str, dict[str, np.ndarray]], seconds: float | None = None) -> None:
        """Take in one more seed of a method."""
        for view, found in by_view.items():
            self.values.setdefault((method, view), []).append(found)
        self.seconds.setdefault(method, []).append(float("nan") if seconds is None else seconds)

    @property
    def methods(self) -> list[str]:
        return list(dict.fromkeys(method for method, _ in self.values))

    @property
    def views(self) -> list[str]:
        return list(dict.fromkeys(view for _, view in self.values))

    def seeds_of(self, method: str, metric: str, view: str | None = None) -> list[np.ndarray]:
        """[metric [Q] of each seed] of a method; the first view unless another is named."""
        view = view or self.views[0]
        if (method, view) not in self.values:
            raise SettingsError(f"There are no results of {method!r}; give one of {', '.join(self.methods)}.")
        found = self.values[method, view]
        if metric not in found[0]:
            raise SettingsError(f"{metric} was not measured; give one of {', '.join(found[0])}.")
        return [one[metric] for one in found]

    def table(self, metrics: Sequence[str] | None = None, *, draws: int = 1000) -> pd.DataFrame:
        """One row a method and view: mean over seeds of each metric, its interval over queries, sd over seeds."""
        rows = []
        for (method, view), found in self.values.items():
            row: dict = {"method": method, "view": view, "seeds": len(found)}
            for metric in metrics or self.metrics:
                seeds = self.seeds_of(method, metric, view)
                by_seed = [float(np.nanmean(one)) for one in seeds]
                low, high = interval(seeds, draws=draws)
                spread = float(np.std(by_seed, ddof=1)) if len(by_seed) > 1 else float("nan")
                row |= {metric: float(np.mean(by_seed)), f"{metric} low": low, f"{metric} high": high}
                row[f"{metric} sd"] = spread
            rows.append(row | {"processor_seconds": float(np.mean(self.seconds.get(method, [float("nan")])))})
        return pd.DataFrame(rows)

    def compare(self, against: str, metric: str | None = None, view: str | None = None, **options) -> pd.DataFrame:
        """`compare_scores` of one metric as a frame: method, difference of `against` to it, interval, p, p_holm."""
        metric, view = metric or self.metrics[0], view or self.views[0]
        names = [method for method, seen in self.values if seen == view]
        found = compare_scores({name: self.seeds_of(name, metric, view) for name in names}, against, **options)
        columns = ["first", "second", "difference", "low", "high", "p", "p_holm"]
        return pd.DataFrame([[getattr(one, c) for c in columns] for one in found], columns=columns)

    def join(self, other: "Evaluation") -> "Evaluation":
        """Both evaluations as one; seeds of a method that both know stand side by side."""
        joined = Evaluation(
            self.task,
            self.metrics,
            {k: list(v) for k, v in self.values.items()},
            {k: list(v) for k, v in self.seconds.items()},
        )
        for key, found in other.values.items():
            joined.values.setdefault(key, []).extend(found)
        for method, seconds in other.seconds.items():
            joined.seconds.setdefault(method, []).extend(seconds)
        return joined

    def _shown(self) -> pd.DataFrame:
        table = self.table()
        return table[["method", "view", "seeds", *self.metrics, "processor_seconds"]]

    def __repr__(self) -> str:
        return f"{self.task}\n{self._shown().to_string(index=False, float_format='%.4f', na_rep='-')}"

    def _repr_html_(self) -> str:
        return f"<p>{self.task}</p>" + self._shown().to_html(index=False, float_format="%.4f", na_rep="-")
