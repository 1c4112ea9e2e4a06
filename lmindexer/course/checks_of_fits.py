"""Checks of notebooks 05 and 06: collapse and its cures, stages, and a fit that stops by itself."""

import numpy as np
import torch

from lmindexer.course.verdict import asked, begun, compare, exercise, right, same_everywhere, wrong
from lmindexer.model import losses
from lmindexer.model.hints import Hints
from lmindexer.quality import diagnostics
from lmindexer.settings.settings import make_settings
from lmindexer.training.stages import plan


@exercise("collapse or not")
def collapse_rule(function) -> None:
    """function(perplexity, K, N) -> whether the package calls it a collapse (`diagnostics.diagnose`)."""
    rng = np.random.default_rng(0)
    cases = [(1.0, 4, 1000), (1.0, 2, 5), (1.05, 8, 100), (6.3, 64, 1000), (6.5, 64, 1000), (1.9, 512, 20),
             (2.1, 512, 20), (1.0, 9, 50)]  # fmt: skip
    for _ in range(60):
        k, n = int(rng.integers(2, 600)), int(rng.integers(2, 2000))
        cases.append((float(rng.uniform(1, max(1.5, 0.3 * min(k, n)))), k, n))
    for case in cases:
        wanted = diagnostics.diagnose(*case, "discrete", 1) is not None
        if bool(asked(function, *case)) != wanted:
            p, k, n = case
            says = "a collapse" if wanted else "sound"
            wrong(f"Perplexity {p:.2f} with K = {k} and N = {n}: the package says {says}, your rule does not.")
    right("the rule gives the package's verdict")


@exercise("two switches")
def saving_switches(change, run, bound: float = 4.0) -> None:
    """Exactly two settings whose change lifts the perplexity `run(change)` above the bound, none of them the hints."""
    if not isinstance(begun(change), dict):
        wrong(f"Give a dictionary from settings to values, not {type(change).__name__}.")
    if len(change) != 2:
        wrong(f"You change {len(change)} settings; two are asked for.")
    if outside := set(change) - {"reconstructor_warmup", "continuous", "codebook_init"}:
        wrong(f"Leave {', '.join(sorted(outside))} alone: the cures are reconstructor_warmup, continuous and "
              "codebook_init.")  # fmt: skip
    perplexity = float(asked(run, change))
    if not perplexity > bound:
        wrong(f"The perplexity is {perplexity:.2f}, and above {bound:g} is wanted. Which cure acts on states, and "
              "which makes codes of them?")  # fmt: skip
    right(f"two switches save the run: perplexity {perplexity:.1f}")


class _Linear:
    """A reconstructor in one line, for the check below: logits of every word, linear in the row."""

    def __init__(self, seed: int):
        self.weight = torch.randn(4, 9, generator=torch.Generator().manual_seed(seed))

    def reconstruct(self, rows, documents, hints):
        return (torch.stack(list(rows)).sum(0) @ self.weight)[:, None]  # [B, 1, V]


@exercise("who listens")
def listening(function) -> None:
    """function(model, documents, hints, row) -> the loss with the row of the document before, minus with its own."""
    for seed in range(6):
        generator = torch.Generator().manual_seed(seed)
        model, row = _Linear(seed), torch.randn(8, 4, generator=generator)
        words = torch.randint(9, (8, 1, 5), generator=generator)
        weight = torch.rand(8, 1, 5, generator=generator)
        weight = weight / weight.sum(-1, keepdim=True)
        places = torch.arange(5).expand(8, 5)
        hints = Hints(torch.zeros(8, 1, 5, dtype=torch.bool), places, words, weight)

        def loss(rows, model=model, hints=hints):
            return losses.reconstruction_loss(model.reconstruct([rows], None, hints), hints.words, hints.weight)

        gap = loss(row.roll(1, 0)) - loss(row)
        slips = {
            "The sign: the loss with the wrong rows comes first.": -gap,
            "This is the loss with the wrong rows alone; take away the loss with the right ones.": (
                loss(row.roll(1, 0))
            ),
            "This is the loss with the right rows alone.": loss(row),
            "You shift the row's numbers, not the documents: roll along dimension 0.": loss(row.roll(1, 1)) - loss(row),
        }
        compare(asked(function, model, None, hints, row), gap, slips, "the rise of the loss")
    right("near 0 it means: nobody listens to the code")


@exercise("the longest kind of stage")
def longest_stage(answer, history, timings: dict) -> None:
    """The name of the kind of stage that took most seconds in a run."""
    kinds = {name: timings[name] for name in dict.fromkeys(history["stage"]) if name in timings}
    if begun(answer) not in kinds:
        wrong(f"{answer!r} is no kind of stage here; they are {', '.join(kinds)}.")
    if answer != max(kinds, key=kinds.get):
        wrong(f"{answer!r} took {kinds[answer]:.0f} seconds; another kind took longer. Look at the timings.")
    right(f"{answer} took longest: {kinds[answer]:.0f} seconds on the machine of that run")


@exercise("epochs in all")
def epochs_in_all(function) -> None:
    """function(positions, warmup, continuous, discrete) -> epochs of the whole fit, each k-means counted as one."""

    def wanted(t, warm, soft, hard):
        names = dict(positions=t, warmup_epochs=warm, continuous_epochs=soft, discrete_epochs=hard)
        return sum(stage.epochs for stage in plan(make_settings("tiny", **names)))

    rng = np.random.default_rng(0)
    cases = [tuple(int(n) for n in rng.integers(1, 9, 4)) for _ in range(12)]
    slips = {
        "k-means is missing: it counts as one epoch at every position.": lambda t, w, c, d: w + t * (c + d),
        "The warm-up comes once, before the first position.": lambda t, w, c, d: t * (w + c + 1 + d),
        "k-means comes at every position, not once.": lambda t, w, c, d: w + 1 + t * (c + d),
    }
    same_everywhere(function, cases, wanted, slips, "epochs")
    right("one warm-up, then for every position the continuous epochs, k-means and the discrete epochs")


@exercise("good enough")
def good_enough(kind) -> None:
    """A Progress class whose `record` raises StopIteration once position 1 is above `bound` in a discrete stage."""
    if not isinstance(kind, type):
        wrong("Give the class itself, GoodEnough, not an object of it.")
    stopped = [_stops(kind, rows, bound) for rows, bound, _ in _histories()]
    if not any(stopped):
        begun(None)  # never stops, as the class was given
    for (rows, bound, wanted), found in zip(_histories(), stopped, strict=True):
        last = rows[-1]
        told = f"{last['stage']} of position {last['position']}, perplexity {last.get('perplexity')}, bound {bound}"
        if found and not wanted:
            wrong(f"It stops too early: {told}.")
        if wanted and not found:
            wrong(f"It does not stop: {told}.")
    right("it stops in a discrete stage of position 1, above the bound, and nowhere else")


def _stops(kind, rows: list[dict], bound: float) -> bool:
    watch = kind(show=False)
    watch.bound = bound
    watch.stage(plan(make_settings("tiny"))[0], 0, 1, 1)
    try:
        watch.record(tuple(rows))
    except StopIteration:
        return True
    except Exception as error:
        wrong(f"`record` stopped with {type(error).__name__}: {error}. In the warm-up a row has no perplexity yet.")
    return False


def _histories():
    """(rows, bound, whether to stop)"""
    warm = {"stage": "reconstructor_warmup", "position": 0, "epoch": 1, "step": 4, "documents": 60, "loss": 4.0}
    soft = {**warm, "stage": "continuous", "position": 1}
    means = {**soft, "stage": "codebook_init", "perplexity": 5.5}
    for bound in (2.0, 3.7):
        low = {**soft, "stage": "discrete", "perplexity": bound - 0.4}
        high = {**low, "epoch": 2, "perplexity": bound + 0.3}
        second = {**high, "position": 2}
        yield [warm], bound, False
        yield [warm, soft], bound, False
        yield [warm, soft, means], bound, False
        yield [warm, soft, means, low], bound, False
        yield [warm, soft, means, low, high], bound, True
        yield [warm, soft, means, low, {**second, "perplexity": 9.0}], bound, False
