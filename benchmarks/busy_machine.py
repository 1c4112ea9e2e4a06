"""What waiting threads cost: the quickstart's training steps, quiet and beside another program, in four ways to wait.

    python benchmarks/busy_machine.py [--steps 60] [--busy 0 1] [--rounds 2] [-o docs/results/busy_machine.tsv]

Every measurement is a process of its own: it fits WordNet as `make quickstart` does and is stopped after so many steps
of position 1. Processor seconds a step compare on any machine, steps a second only where nothing else runs than the
busy processes that are started here.

spinning    OpenMP as torch finds it        passive     OMP_WAIT_POLICY=PASSIVE before torch is loaded
brief       what lmindexer does by itself   one thread  OMP_NUM_THREADS=1
"""

import argparse
import os
import subprocess
import sys
import time

import pandas as pd

WAYS = {
    "spinning": {"GOMP_SPINCOUNT": "300000"},  # GNU's own number, said: then lmindexer leaves it alone
    "passive": {"OMP_WAIT_POLICY": "PASSIVE"},
    "brief": {},
    "one thread": {"OMP_NUM_THREADS": "1"},
}


def measure(steps: int) -> None:
    """Print steps a second and processor seconds a step of this process."""
    import torch

    import lmindexer as lmi
    from lmindexer.common.progress import Progress

    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))

    class Watch(Progress):
        seen = 0

        def step(self, epoch, loss):
            super().step(epoch, loss)
            self.seen += 1
            if self.seen == steps // 4:
                self.at = time.perf_counter(), time.process_time()
            if self.seen == steps + steps // 4:
                raise KeyboardInterrupt

    watch = Watch(None, show=False)
    try:
        lmi.LMIndexer(reconstructor_warmup=False).fit(lmi.load_sample("wordnet"), progress=watch)
    except KeyboardInterrupt:
        wall, processor = time.perf_counter() - watch.at[0], time.process_time() - watch.at[1]
        print(steps / wall, processor / steps)


def one(way: str, busy: int, steps: int) -> tuple[float, float]:
    """Steps a second and processor seconds a step, beside `busy` processes that never rest."""
    named = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(busy)]
    try:
        command = [sys.executable, __file__, "--measure", "--steps", str(steps)]
        done = subprocess.run(command, env=named | WAYS[way], capture_output=True, text=True, check=True)
    finally:
        for other in others:
            other.kill()
    each, processor = done.stdout.split()
    return float(each), float(processor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--busy", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--measure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("-o", "--output", help="a table to write as tab-separated text")
    given = parser.parse_args()
    if given.measure:
        measure(given.steps)
        return
    rows = []
    for turn in range(given.rounds):  # by turns, since other programs come and go
        for busy in given.busy:
            for way in WAYS:
                each, processor = one(way, busy, given.steps)
                rows.append((turn, busy, way, each, processor, os.getloadavg()[0]))
                print(f"{turn}  beside {busy}  {way:<10}  {each:6.2f} steps/s  {processor:.3f} s a step", flush=True)
    table = pd.DataFrame(rows, columns=["round", "busy", "way", "steps_a_second", "processor_seconds", "load"])
    print(table.groupby(["busy", "way"], sort=False)[["steps_a_second", "processor_seconds"]].median().round(3))
    if given.output:
        table.round(4).to_csv(given.output, sep="\t", index=False)


if __name__ == "__main__":
    main()
