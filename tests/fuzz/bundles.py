"""Fuzzing of finished runs: each broken bundle is used as it should be, or refused in one sentence that names it.

    .venv/bin/python tests/fuzz/bundles.py --count 500

A case changes one file of a small run (an LMIndexer's, a residual k-means', a task model's), opens it, reads every
part, encodes with its model and asks what the explorer asks. In half of the cases the manifest's sums are written anew,
so that the change comes as far as the readers: whoever edits a file by hand does that. See corpora.py.
"""

import hashlib
import io
import json
import os
import random
import shutil
import sys
import tempfile
from functools import cache, partial
from pathlib import Path

import numpy as np

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1] / "helpers")]
from fuzzing import answer, main
from mutations import BYTES, mutate
from run_bundles import corpus_of

import lmindexer as lmi
from lmindexer.browse import RunBrowser
from lmindexer.plots.run_page import run_page
from lmindexer.runs.task_run import TaskRun, find_task_runs
from lmindexer.tasks import load_task_model
from lmindexer.tasks.recommendation import GenerativeRecommender, Recommendation

NAME = "the-run"  # every sentence must hold it
FITTED = ("lmindexer", "residual k-means", "task")


@cache
def fitted(kind: str) -> Path:
    """A small finished run, made once a process."""
    folder = Path(tempfile.mkdtemp(prefix="lmindexer-fuzz-")) / NAME
    corpus = corpus_of(60)
    if kind == "task":
        rng = np.random.default_rng(0)
        ids = lmi.RandomIndexer(positions=2, codebook_size=8).fit(corpus, progress=False)
        rows = [
            {"user_id": f"u{user}", "doc_id": f"d{item}", "position": place}
            for user in range(20)
            for place, item in enumerate(rng.choice(60, 6, replace=False))
        ]
        task = Recommendation(corpus, lmi.Interactions.from_records(rows))
        GenerativeRecommender(ids, dim=16, layers=1, heads=2, epochs=1).fit(task, run=folder, progress=False)
        return folder
    if kind == "lmindexer":
        stages = {"warmup_epochs": 1, "continuous_epochs": 1, "discrete_epochs": 1}
        indexer = lmi.LMIndexer("tiny", positions=2, codebook_size=4, **stages)
    else:
        indexer = lmi.ResidualKMeansIndexer(embeddings="tfidf", positions=2, codebook_size=4)
    indexer.fit(corpus, progress=False)
    indexer.save(folder, map=False, progress=False)
    return folder


def case(rng: random.Random, folder: Path):
    """A changed run and the check of it."""
    kind = rng.choice(FITTED)
    run = folder / NAME
    shutil.copytree(fitted(kind), run)
    path = rng.choice(sorted(file for file in run.rglob("*") if file.is_file()))
    before = _sums(run)
    what = rng.choice((structure, content, content, content))(run, path, rng)
    named = "manifest" not in path.name and rng.random() < 0.5
    if named:
        _name_anew(run)
    changed = _sums(run) != before
    about = f"{kind}, {path.relative_to(run)}: {what}" + (", sums written anew" if named else "")
    return about, partial(check, run, kind, changed and not named, whole_page=rng.random() < 0.1)


# ------------------------------------------------------------------------------------------------ changes


def structure(run: Path, path: Path, rng: random.Random) -> str:
    """A file lost, empty, a folder, a link, another's, one too many; a folder lost."""
    how = rng.choice(("lose", "empty", "folder", "link", "swap", "more", "no model", "manifest"))
    if how in ("lose", "folder"):
        path.unlink()
        if how == "folder":
            path.mkdir()
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "link":
        path.unlink()
        path.symlink_to(rng.choice(("/etc/hostname", "/nowhere", os.devnull, path.name)))
    elif how == "swap":
        shutil.copy(rng.choice(sorted(file for file in run.rglob("*") if file.is_file() and file != path)), path)
    elif how == "more":
        (run / "notes.txt").write_text("mine")
    elif how == "no model":
        shutil.rmtree(run / "model", ignore_errors=True)
    else:
        _edit_manifest(run, rng)
    return how


def content(run: Path, path: Path, rng: random.Random) -> str:
    """Other bytes, or what a person or another program might have written."""
    data = path.read_bytes()
    if path.suffix == ".npy" and rng.random() < 0.5:
        data, what = _other_array(np.load(path), rng)
    elif path.suffix == ".json" and rng.random() < 0.7:
        data, what = _other_json(json.loads(data), rng)
    else:
        known = path.suffix == ".parquet"
        data, names = mutate(data, ".parquet" if known else ".gz", rng) if data else (b"x", ["insert"])
        what = ", ".join(names)
        assert known or set(names) <= {change.__name__ for change in BYTES} | {"insert"}
    path.write_bytes(data)
    return what


def _other_array(array: np.ndarray, rng: random.Random) -> tuple[bytes, str]:
    """An array of another shape or type; one of objects, which only pickle could read."""
    others = {
        "transposed": array.T,
        "one row less": array[:-1],
        "flat": array.ravel(),
        "float64": array.astype(np.float64),
        "whole numbers": np.nan_to_num(array).astype(np.int64),
        "not finite": np.full_like(array, np.nan),
        "texts": array.astype(str),
        "objects": array.astype(object),
        "no column": array[:, :0],
        "no row": array[:0],
    }
    how = rng.choice(sorted(others))
    stream = io.BytesIO()
    np.save(stream, others[how], allow_pickle=True)
    return stream.getvalue(), how


ODD = (None, True, -1, 0, 1, 10**12, 1e308, float("nan"), "", "x", "../../x", [], {}, [[]], [None], "\ud800", 3.5)


def _other_json(value, rng: random.Random) -> tuple[bytes, str]:
    """One value, however deep, lost, renamed or odd."""
    place, path = value, []
    while isinstance(place, dict | list) and place and (not path or rng.random() < 0.75):
        key = rng.choice(sorted(place) if isinstance(place, dict) else range(len(place)))
        path.append((place, key))
        place = place[key]
    if not path:
        return b"[]", "nothing in it"
    inside, key = path[-1]
    how = rng.choice(("lose", "odd", "odd", "odd", "rename"))
    if how == "odd":
        inside[key] = rng.choice(ODD)
    else:
        lost = inside.pop(key)
        if how == "rename" and isinstance(inside, dict):
            inside[f"{key}x"] = lost
    where = ".".join(str(one[1]) for one in path)
    return json.dumps(value).encode("utf-8", "surrogatepass"), f"{how} {where}"


def _edit_manifest(run: Path, rng: random.Random) -> None:
    manifest = json.loads((run / "manifest.json").read_text())
    data, _ = _other_json(manifest, rng)
    (run / "manifest.json").write_bytes(data)


def _sums(run: Path) -> dict[str, str]:
    """Sums of the run's files but the manifest, as they are now."""
    return {
        file.relative_to(run).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(run.rglob("*"))
        if file.is_file() and file.name not in ("manifest.json", "notes.txt")
    }


def _name_anew(run: Path) -> None:
    """Lengths and sums in the manifest become those of the files."""
    path = run / "manifest.json"
    try:
        manifest = json.loads(path.read_text())
        entries = manifest["files"]
        for name, total in _sums(run).items():
            if name in entries:
                entries[name] = {"bytes": (run / name).stat().st_size, "sha256": total}
        path.write_text(json.dumps(manifest))
    except (ValueError, KeyError, TypeError, AttributeError):
        return


# ------------------------------------------------------------------------------------------------ checking


def check(run: Path, kind: str, damaged: bool, whole_page: bool) -> str:
    """Open and use the run in every way; gives "read" or "refused". Damage must be seen by `verify` at the latest."""
    ask = partial(answer, name=NAME)
    if kind == "task":
        bundle = ask(lambda: TaskRun.open(run))
        runs, broken = find_task_runs(run.parent)
    else:
        bundle = ask(lambda: lmi.Bundle.open(run))
        runs, broken = lmi.runs.bundle.find_bundles(run.parent)
    assert bundle is None or len(runs) == 1, "a run that can be opened is not found"
    assert not runs or not broken, "one folder is found and refused"
    if bundle is None:
        assert ask(lambda: (load_task_model if kind == "task" else lmi.load_indexer)(run)) is None
        return "refused"
    assert not damaged or ask(lambda: bundle.verify() or True) is None
    return _use_task(ask, bundle) if kind == "task" else _use(ask, bundle, whole_page)


def _use(ask, bundle, whole_page: bool) -> str:
    parts = [ask(lambda name=name: (getattr(bundle, name), True)) for name in ("corpus", "ids", "states", "history",
                                                                              "metrics", "map")]  # fmt: skip
    indexer = ask(lambda: lmi.load_indexer(bundle.path))
    if indexer is not None:
        ids = ask(lambda: indexer.encode(["a saw for wood", "ein Hund", "日本"]))
        assert ids is None or len(ids) == 3
    browser = ask(lambda: RunBrowser.from_bundle(bundle))
    if browser is not None:
        ask(lambda: browser.frame("SELECT c1, count(*) FROM docs GROUP BY c1"))
        if whole_page:
            ask(lambda: run_page(browser))
    return "refused" if None in parts or indexer is None or browser is None else "read"


def _use_task(ask, run: TaskRun) -> str:
    parts = [ask(lambda name=name: (getattr(run, name), True)) for name in ("corpus", "splits", "rankings", "metrics",
                                                                           "history")]  # fmt: skip
    model = ask(lambda: load_task_model(run.path))
    if model is not None:
        ask(lambda: model.recommend(["d1", "d2"], top=3))
    return "refused" if None in parts or model is None else "read"


if __name__ == "__main__":
    sys.exit(main(case, __doc__))
