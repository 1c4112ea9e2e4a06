"""How long work takes that consists of unlike parts: their costs are known in proportion, the clock gives the pace."""

import time
from collections.abc import Callable, Mapping

SOON = 0.002  # share of the whole that must have passed before the pace means anything
LEAST = 2.0  # and seconds


class Forecast:
    """costs: part → seconds on some machine, in the order in which the parts come.

    >>> seconds = iter([0.0, 10.0])
    >>> forecast = Forecast({"encoder": 10.0, "training": 30.0}, clock=lambda: next(seconds))
    >>> forecast.left("encoder", 0.0)          # the clock starts; no pace yet
    >>> forecast.left("encoder", 0.5)          # 5 of 40 took 10 seconds
    70.0
    """

    def __init__(self, costs: Mapping[str, float], clock: Callable[[], float] = time.monotonic):
        self.costs, self.clock = dict(costs), clock
        self.whole = sum(self.costs.values())
        self._began: tuple[float, float] | None = None  # when it was first asked, and what was done by then

    def left(self, part: str, share: float) -> float | None:
        """Seconds that are left when `share` of a part is done; None until there is a pace."""
        now, done = self.clock(), self._done(part, share)
        if self._began is None:
            self._began = now, done
        began, before = self._began
        if done - before < SOON * self.whole or now - began < LEAST:
            return None
        return (now - began) / (done - before) * (self.whole - done)

    def _done(self, part: str, share: float) -> float:
        before = 0.0
        for name, cost in self.costs.items():
            if name == part:
                return before + share * cost
            before += cost
        return before


def in_words(seconds: float) -> str:
    """A time for people, roughly.

    >>> [in_words(value) for value in (8, 100, 700, 9000)]
    ['10 s', '2 min', '12 min', '2.5 h']
    """
    if seconds < 55:
        return f"{max(5, round(seconds / 5) * 5)} s"
    if seconds < 5400:
        return f"{round(seconds / 60)} min"
    return f"{seconds / 3600:.1f} h"
