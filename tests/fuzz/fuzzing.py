"""The loop of every fuzzer here: each case is answered in time and memory, and in one sentence where refused."""

import argparse
import contextlib
import random
import resource
import signal
import tempfile
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from lmindexer.common.errors import LMIndexerError

SECONDS = 10  # of the processor, so that a busy machine makes no failure
MEMORY = 2**20  # KiB above what the process had
LONGEST_SENTENCE = 1_000  # characters

Case = Callable[[random.Random, Path], tuple[str, Callable[[], str]]]


class Hang(Exception):
    """A case took longer than SECONDS of the processor."""


def _alarm(signum, frame):
    raise Hang(f"longer than {SECONDS} seconds")


def answer(read: Callable, name: str = ""):
    """What `read` gives, or None where it was refused in one sentence of our own that holds `name`."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)
            return read()
    except LMIndexerError as error:
        sentence = str(error)
        assert name in sentence, f"the sentence does not name {name}: {sentence}"
        assert "\n" not in sentence, f"the sentence has several lines: {sentence!r}"
        assert len(sentence) < LONGEST_SENTENCE, f"the sentence is {len(sentence):,} long: {sentence[:200]}"
        return None


def run(case: Case, seed: int, first: int, count: int, say=print) -> Counter:
    """Counts of "read", "refused" and "failed" over the cases first … first + count - 1; says what failed.

    case: (random numbers of this case, an empty folder) → what it is in words, and the check, which gives "read" or
        "refused" and raises anything where the answer is wrong.
    """
    counts: Counter[str] = Counter()
    with contextlib.ExitStack() as stack:
        stack.callback(signal.signal, signal.SIGPROF, signal.signal(signal.SIGPROF, _alarm))
        stack.callback(signal.setitimer, signal.ITIMER_PROF, 0)
        for number in range(first, first + count):
            with tempfile.TemporaryDirectory() as folder:
                what, check = case(random.Random(f"{seed}/{number}"), Path(folder))
                memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
                signal.setitimer(signal.ITIMER_PROF, SECONDS)
                try:
                    counts[check()] += 1
                    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
                    assert grown < MEMORY, f"memory grew by {grown / 1024:,.0f} MiB"
                except Exception:
                    counts["failed"] += 1
                    say(f"--seed {seed} --first {number} --count 1   {what}\n{traceback.format_exc(limit=-4)[-2000:]}")
                finally:
                    signal.setitimer(signal.ITIMER_PROF, 0)
    return counts


def main(case: Case, about: str) -> int:
    """Run as a program says: --count, --first, --seed; 1 when anything failed."""
    parser = argparse.ArgumentParser(description=about.splitlines()[0])
    parser.add_argument("--count", type=int, default=2000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    counts = run(case, given.seed, given.first, given.count)
    print(", ".join(f"{counts[kind]:,} {kind}" for kind in ("read", "refused", "failed")))
    return int(counts["failed"] > 0)
