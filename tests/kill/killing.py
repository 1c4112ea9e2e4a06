"""Killing: fits, encodings and task models die at random moments, are started again, and end as if undisturbed.

    .venv/bin/python tests/kill/killing.py --kills 50 --seed 0

Every process is killed with -9, so nothing in it can clean up. After each kill no half result may be visible: a run
opens whole or says in one sentence that it is unfinished, a file of IDs is whole or not there. Started again, perhaps
killed again, the work must end with the same IDs and weights as work that nobody disturbed.
"""

import argparse
import multiprocessing
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

sys.path += [str(Path(__file__).parents[1] / "helpers")]
from run_bundles import corpus_of
from themed import line_map

import lmindexer as lmi
import lmindexer.indexers.maps
from lmindexer.cli.app import app
from lmindexer.common.errors import BundleError
from lmindexer.runs.task_run import TaskRun
from lmindexer.tasks import load_task_model
from lmindexer.tasks.recommendation import GenerativeRecommender, Recommendation, SASRec

DOCUMENTS = 120
_SCRATCH = Path(tempfile.mkdtemp(prefix="lmindexer-kill-"))
TINY = {"positions": 2, "codebook_size": 8, "warmup_epochs": 1, "continuous_epochs": 2, "discrete_epochs": 2}


@dataclass(frozen=True)
class Work:
    """Something that can be killed: `do(folder)` does it or goes on with it, `result(folder)` is what came of it.

    `result` gives None as long as nothing finished is visible, and raises for anything half.
    """

    do: Callable[[Path], None]
    result: Callable[[Path], dict[str, np.ndarray] | None]


# ---------------------------------------------------------------------------------------------- what is done


def fit(folder: Path) -> None:
    """An LMIndexer learns IDs."""
    settings = TINY | {"batch_size": 16, "macro_f1_documents": 20}
    lmi.LMIndexer("tiny", **settings).fit(corpus_of(DOCUMENTS), folder / "run", progress=False)


def fitted(folder: Path) -> dict[str, np.ndarray] | None:
    """Codes and codebooks of the run."""
    try:
        bundle = lmi.Bundle.open(folder / "run")
    except BundleError as error:
        assert "\n" not in str(error)
        return None
    bundle.verify()
    books = lmi.load_indexer(bundle.path).codebooks_
    return {"codes": bundle.ids.codes} | {f"codebook {t}": book for t, book in enumerate(books, start=1)}


def encode(folder: Path) -> None:
    """New documents get IDs, on the command line."""
    file = folder / "new.csv"
    rows = {"doc_id": [f"n{n}" for n in range(400)], "text": [f"saw wood number {n} apple fur" for n in range(400)]}
    pd.DataFrame(rows).to_csv(file, index=False)
    out = str(folder / "ids.parquet")
    app(["encode", str(_SCRATCH / "base"), str(file), "-o", out], standalone_mode=False)


def encoded(folder: Path) -> dict[str, np.ndarray] | None:
    """The IDs in the file, which is whole or not there."""
    path = folder / "ids.parquet"
    return {"ids": pd.read_parquet(path).to_numpy(str)} if path.exists() else None


def _task() -> Recommendation:
    rng = np.random.default_rng(0)
    rows = [
        {"user_id": f"u{user}", "doc_id": f"d{item}", "position": place}
        for user in range(150)
        for place, item in enumerate(rng.choice(DOCUMENTS, 8, replace=False))
    ]
    return Recommendation(corpus_of(DOCUMENTS), lmi.Interactions.from_records(rows))


def recommend(kind: type) -> Callable[[Path], None]:
    """A recommender learns histories."""

    def do(folder: Path) -> None:
        task = _task()
        shape = {"dim": 16, "layers": 1, "heads": 2, "epochs": 6}
        if kind is GenerativeRecommender:
            ids = lmi.RandomIndexer(positions=2, codebook_size=16).fit(task.corpus, progress=False)
            model = GenerativeRecommender(ids, **shape)
        else:
            model = kind(**shape)
        model.fit(task, run=folder / "run", progress=False)

    return do


def recommended(folder: Path) -> dict[str, np.ndarray] | None:
    """The rankings of the test split, as kept and as asked anew."""
    try:
        run = TaskRun.open(folder / "run")
    except BundleError as error:
        assert "\n" not in str(error)
        return None
    run.verify()
    anew = load_task_model(run.path).recommend(["d1", "d2"], top=5)
    return {"rankings": run.rankings.to_numpy(str), "anew": anew.astype(str).to_numpy(str)}


WORKS = {
    "fit": Work(fit, fitted),
    "encode": Work(encode, encoded),
    "generative recommender": Work(recommend(GenerativeRecommender), recommended),
    "SASRec": Work(recommend(SASRec), recommended),
}


# ------------------------------------------------------------------------------------------------- killing


def _alone(do: Callable[[Path], None], folder: Path) -> None:
    sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: SIM115 (the process ends with it)
    do(folder)
    os._exit(0)


def run(name: str, kills: int, seed: int = 0) -> dict[str, int]:
    """Kill one kind of work `kills` times; counts of kills, of those before anything was finished, of endings.

    Raises AssertionError when something half is seen, or another result than the undisturbed one.
    """
    lmindexer.indexers.maps.umap_map = line_map
    if name == "encode" and not (_SCRATCH / "base").exists():
        lmi.LMIndexer("tiny", **TINY).fit(corpus_of(DOCUMENTS), _SCRATCH / "base", progress=False)
    work, rng = WORKS[name], random.Random(f"{seed}/{name}")
    context = multiprocessing.get_context("fork")  # everything is imported once
    whole = _SCRATCH / f"{name} whole"
    started = time.perf_counter()
    if not whole.exists():
        whole.mkdir()
        assert _process(context, work, whole, None) == 0, "the work fails without a kill"
    usual, expected = time.perf_counter() - started, work.result(whole)
    counts, folder = {"killed": 0, "unfinished": 0, "ended": 0}, _SCRATCH / name
    folder.mkdir(exist_ok=True)
    while counts["killed"] < kills:
        if _process(context, work, folder, rng.uniform(0, usual)) == -signal.SIGKILL:
            counts["killed"] += 1
            found = work.result(folder)
            counts["unfinished"] += found is None
            assert found is None or _same(found, expected), "work that was killed shows another result"
            if rng.random() < 0.5 and counts["killed"] < kills:
                continue  # killed again on its way
            assert _process(context, work, folder, None) == 0, "work that was killed cannot be taken up"
        _check_end(work, folder, expected)
        counts["ended"] += 1
    return counts


def _process(context, work: Work, folder: Path, seconds: float | None) -> int | None:
    """Do the work in a process of its own, killed after `seconds`; its exit code."""
    child = context.Process(target=_alone, args=(work.do, folder))
    child.start()
    child.join(seconds)
    if child.is_alive():
        os.kill(child.pid, signal.SIGKILL)
    child.join()
    return child.exitcode


def _check_end(work: Work, folder: Path, expected: dict) -> None:
    """The finished result is the undisturbed one, nothing lies about; then everything goes."""
    assert _same(work.result(folder), expected), "another result than undisturbed"
    left = [path.name for path in folder.iterdir() if path.name.startswith(".")]
    assert not left, f"left over: {left}"
    shutil.rmtree(folder)
    folder.mkdir()


def _same(one: dict | None, two: dict) -> bool:
    return one is not None and one.keys() == two.keys() and all(np.array_equal(one[name], two[name]) for name in two)


def main() -> int:
    """Run as a program says: --kills of each kind of work, --seed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", choices=list(WORKS), nargs="*", default=list(WORKS))
    given = parser.parse_args()
    for name in given.work:
        counts = run(name, given.kills, given.seed)
        print(f"{name}: " + ", ".join(f"{number} {what}" for what, number in counts.items()), flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
