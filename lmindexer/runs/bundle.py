"""The run bundle: one folder that holds a finished run, written whole or not at all.

    <name>/
      manifest.json     schema version, method, every setting, corpus fingerprint, seed, versions, timings, files
      corpus.parquet    doc_id, title, text, category_1 … category_n
      ids.parquet       doc_id, c1 … cT, suffix
      history.parquet   stage, position, step, epoch, losses, perplexity, diff_ratio, …          (optional)
      states.npy        [N, d] float16, the last hidden state, for maps and neighbours           (optional)
      map.parquet       doc_id, x, y                                                             (optional)
      metrics.json      IDQuality.to_dict()                                                      (optional)
      model/            safetensors, config.json, tokenizer files                                (optional)

A bundle is written into a temporary folder beside its place and renamed, so a reader never meets half a run
and an interrupted write leaves the old bundle as it was. Nothing in it is read by pickle.
"""

import datetime
import os
import shutil
import uuid
from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from lmindexer._version import __version__
from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.common.jsonfiles import read_json, write_json
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.runs.manifest import (
    MANIFEST,
    PARTS,
    REQUIRED,
    SCHEMA_VERSION,
    describe_files,
    library_versions,
    read_manifest,
    recognise,
    sha256,
)

CHECKPOINTS = "checkpoints"  # an unfinished fit keeps its checkpoints under the folder its bundle will have


def write_bundle(
    folder: str | Path,
    *,
    manifest: dict,
    corpus: Corpus,
    ids: SemanticIDs,
    history: pd.DataFrame | None = None,
    states: np.ndarray | None = None,
    map: pd.DataFrame | None = None,
    metrics: dict | None = None,
    save_model: Callable[[Path], None] | None = None,
) -> "Bundle":
    """Write a run and put it in the place of an older bundle, if there is one, in one step.

    Files in the old folder that are no part of a bundle (notes, say) are kept; checkpoints of the fit that
    led here are not, for the fit is finished.

    Args:
        folder: the bundle's folder; may not exist, be empty, be a bundle, or hold the checkpoints of an
            unfinished fit.
        manifest: at least "method" and "settings"; "seed" and "timings" (seconds by stage) belong in it.
            Filled in where they are left out: "name" (the folder's), "corpus" (its "category_text" is the
            caller's to give), "created", "versions". "schema_version", "lmindexer_version" and "files" are
            always this function's own.
        corpus, ids: of the same N documents in the same order.
        history: one row per record; NaN stands for "not measured".
        states: [N, d] finite numbers, stored as float16.
        map: doc_id, x, y of the same documents.
        metrics: plain numbers; those that are not finite are stored as null.
        save_model: called with an existing empty folder to write the model's files into.

    Returns:
        The bundle, opened.

    Raises:
        BundleError: when the folder holds something else, the parts do not fit together, or the disk refuses.
    """
    folder = Path(folder).resolve()
    check_target(folder)
    _check_parts(manifest, corpus, ids, states, map)
    _finish_interrupted(folder)
    staging = folder.with_name(f".{folder.name}.writing-{uuid.uuid4().hex[:8]}")
    try:
        staging.mkdir(parents=True)
        _write_parts(staging, corpus, ids, history, states, map, metrics)
        if save_model is not None:
            (staging / "model").mkdir()
            save_model(staging / "model")
        write_json(staging / MANIFEST, _complete(manifest, folder, staging, corpus))
        _put_in_place(staging, folder)
    except OSError as error:
        raise BundleError(f"{folder} cannot be written: {error}; free space or choose another folder.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # gone already where all went well
    return Bundle.open(folder)


def check_target(folder: str | Path) -> None:
    """Make sure that a bundle may be written at `folder`; worth calling before hours of training.

    Raises:
        BundleError: when something else is there, so that nobody's files are ever replaced.
    """
    folder = Path(folder)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise BundleError(f"{folder} is a file, not a folder; choose another folder for the run.")
    if (folder / MANIFEST).exists():
        recognise(folder)
    elif not (folder / CHECKPOINTS).is_dir() and any(folder.iterdir()):
        raise BundleError(f"{folder} holds files but no run; choose another folder, so that they are not replaced.")


class Bundle:
    """A finished run on disk; its parts are read when they are first asked for.

    Attributes:
        path: the folder.
        manifest: what manifest.json says.

    >>> bundle = Bundle.open("runs/wordnet")                                     # doctest: +SKIP
    >>> bundle.name, bundle.method, bundle.ids                                   # doctest: +SKIP
    ('wordnet', 'lmindexer', SemanticIDs(11000 documents, codebook sizes (32, 32, 32)))
    """

    def __init__(self, path: Path):
        self.path = path
        self._stamp = _stamp(path)
        self.manifest = read_manifest(path)

    @classmethod
    def open(cls, path: str | Path) -> "Bundle":
        """Open a bundle after checking its manifest and that every file it names is there with its length.

        Raises:
            BundleError: when the folder is missing, foreign, damaged, unfinished, or written by a newer
                version.
        """
        path = Path(path).resolve()
        if not (path / MANIFEST).is_file():
            raise BundleError(_why_no_manifest(path))
        bundle = cls(path)
        for name in bundle.manifest["files"]:
            bundle._file(name)
        return bundle

    def verify(self) -> None:
        """Compare every file with the SHA-256 that the manifest gives; reads the whole bundle.

        Raises:
            BundleError: naming the first file that differs.
        """
        for name, entry in self.manifest["files"].items():
            if sha256(self._file(name)) != entry["sha256"]:
                raise BundleError(f"{self.path / name} has changed since it was written; write the run again.")

    def __repr__(self) -> str:
        return f"Bundle({self.name!r}, {self.method}, {self.manifest['corpus'].get('documents')} documents)"

    @property
    def name(self) -> str:
        """The run's name, for people."""
        return self.manifest["name"]

    @property
    def method(self) -> str:
        """Which indexer made it: "lmindexer", "rqvae", "hierarchical", "residual_kmeans", "random" or "category"."""
        return self.manifest["method"]

    @cached_property
    def corpus(self) -> Corpus:
        """The documents."""
        path = self._file("corpus.parquet")
        return _read(path, lambda: Corpus.from_parquet(path, name=self.manifest["corpus"].get("name")))

    @cached_property
    def ids(self) -> SemanticIDs:
        """The documents' semantic IDs, in the corpus's order."""
        path = self._file("ids.parquet")
        ids = _read(path, lambda: SemanticIDs.from_parquet(path))
        if len(ids) != self.manifest["corpus"].get("documents", len(ids)):
            raise BundleError(f"{path} has {len(ids)} documents, the manifest says otherwise; write the run again.")
        return ids

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """Losses and diagnostics by stage, or None."""
        return self._optional("history.parquet", pd.read_parquet)

    @cached_property
    def states(self) -> np.ndarray | None:
        """[N, d] float16, mapped from disk (not loaded), or None."""
        return self._optional("states.npy", lambda path: np.load(path, mmap_mode="r", allow_pickle=False))

    @cached_property
    def map(self) -> pd.DataFrame | None:
        """doc_id, x, y, or None."""
        return self._optional("map.parquet", pd.read_parquet)

    @cached_property
    def metrics(self) -> dict | None:
        """What `IDQuality.from_dict` takes, or None."""
        return self._optional("metrics.json", read_json)

    @property
    def model_folder(self) -> Path | None:
        """The folder of the model's files, or None."""
        return self.path / "model" if any(name.startswith("model/") for name in self.manifest["files"]) else None

    def _optional(self, name: str, read: Callable):
        if name not in self.manifest["files"]:
            return None
        path = self._file(name)
        return _read(path, lambda: read(path))

    def _file(self, name: str) -> Path:
        """The path of one of the manifest's files, after a look at whether it is what was written."""
        if _stamp(self.path) != self._stamp:
            raise BundleError(f"{self.path} has been replaced since it was opened; open it again.")
        path = self.path / name
        if not path.is_file():
            raise BundleError(f"{path} is missing; copy the whole folder again, or write the run again.")
        size, written = path.stat().st_size, self.manifest["files"][name]["bytes"]
        if size != written:
            raise BundleError(f"{path} is damaged: it has {size} bytes, {written} were written; copy the folder again.")
        return path


def find_bundles(folder: str | Path) -> tuple[list[Bundle], list[tuple[Path, BundleError]]]:
    """Every bundle directly under `folder`, and every folder there that should be one but cannot be opened.

    Folders without any trace of a run are passed over; a folder that does not exist holds none.

    Returns:
        (bundles, [(path, why it cannot be opened)]).
    """
    bundles, broken = [], []
    folder = Path(folder)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        traces = (MANIFEST, CHECKPOINTS, *REQUIRED)
        if path.name.startswith(".") or not any((path / name).exists() for name in traces):
            continue
        try:
            bundles.append(Bundle.open(path))
        except BundleError as error:
            broken.append((path, error))
    return bundles, broken


# -- reading -----------------------------------------------------------------------------------------------


def _read(path: Path, read: Callable):
    """Run a reader; whatever library fails in it, the person hears which file is to blame."""
    try:
        return read()
    except (OSError, ValueError, TypeError, KeyError, EOFError, pa.ArrowException, LMIndexerError) as error:
        raise BundleError(f"{path} cannot be read ({error}); copy the folder again, or write the run again.") from error


def _stamp(folder: Path) -> tuple[int, int] | None:
    """What changes when a run is replaced, so that an open bundle never mixes parts of two runs."""
    try:
        found = (folder / MANIFEST).stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _why_no_manifest(folder: Path) -> str:
    previous = _previous(folder)
    if previous.exists() and not folder.exists():
        return f"{folder} is missing: a write was interrupted and the former run is {previous}; rename it back."
    if not folder.exists():
        return f"{folder} does not exist; give the folder of a run."
    if (folder / CHECKPOINTS).is_dir():
        return f"{folder} holds an unfinished fit; start the same fit with this folder again to finish it."
    return f"{folder} is no run, for it has no {MANIFEST}; give a run's folder, or copy the whole folder again."


# -- writing -----------------------------------------------------------------------------------------------


def _check_parts(manifest: dict, corpus: Corpus, ids: SemanticIDs, states, map) -> None:
    for key in ("method", "settings"):
        if key not in manifest:
            raise BundleError(f"The manifest lacks '{key}'; a run must say how it was made.")
    if not np.array_equal(ids.doc_ids, corpus.doc_ids):
        raise BundleError("The IDs are not those of the corpus's documents in the corpus's order; encode it again.")
    if states is not None and (np.ndim(states) != 2 or len(states) != len(corpus)):
        raise BundleError(f"The states must have the shape [{len(corpus)}, d], not {list(np.shape(states))}.")
    if map is not None and not (
        list(map.columns) == ["doc_id", "x", "y"] and np.array_equal(map["doc_id"].astype(str), corpus.doc_ids)
    ):
        raise BundleError("The map must have the columns doc_id, x, y and the corpus's documents in its order.")


def _write_parts(staging: Path, corpus, ids, history, states, map, metrics) -> None:
    corpus.to_parquet(staging / "corpus.parquet")
    ids.to_parquet(staging / "ids.parquet")
    if history is not None:
        history.to_parquet(staging / "history.parquet", index=False)
    if states is not None:
        with np.errstate(over="ignore"):
            half = np.asarray(states).astype(np.float16)
        if not np.isfinite(half).all():
            raise BundleError("The states hold numbers that float16 cannot; a run with such states is of no use.")
        np.save(staging / "states.npy", half, allow_pickle=False)
    if map is not None:
        map.to_parquet(staging / "map.parquet", index=False)
    if metrics is not None:
        write_json(staging / "metrics.json", metrics)


def _complete(manifest: dict, folder: Path, staging: Path, corpus: Corpus) -> dict:
    described = {"name": corpus.name, "documents": len(corpus), "levels": corpus.levels}
    described["fingerprint"] = corpus.fingerprint
    given = {key: value for key, value in manifest.items() if key not in ("schema_version", "name", "corpus")}
    return {
        "schema_version": SCHEMA_VERSION,
        "name": manifest.get("name") or folder.name,
        "created": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "versions": library_versions(),
        **given,
        "corpus": {**manifest.get("corpus", {}), **described},
        "lmindexer_version": __version__,
        "files": describe_files(staging),
    }


def _previous(folder: Path) -> Path:
    """Where the old bundle waits while the new one takes its place."""
    return folder.with_name(f".{folder.name}.previous")


def _put_in_place(staging: Path, folder: Path) -> None:
    previous = _previous(folder)
    try:
        if folder.exists():
            os.rename(folder, previous)
        os.rename(staging, folder)
    except BaseException:
        if previous.exists() and not folder.exists():
            os.rename(previous, folder)
        raise
    _finish_interrupted(folder)


def _finish_interrupted(folder: Path) -> None:
    """Clear up behind a killed write; a run has one writer at a time, so nobody else is at work here.

    Half-written folders go. A replacement that stopped midway ends: the old bundle is put back, or goes as
    well.
    """
    for entry in folder.parent.iterdir() if folder.parent.is_dir() else ():
        if entry.name.startswith(f".{folder.name}.writing-"):
            shutil.rmtree(entry, ignore_errors=True)
    previous = _previous(folder)
    if not previous.exists():
        return
    if not folder.exists():
        os.rename(previous, folder)
        return
    for entry in previous.iterdir():
        if entry.name not in (MANIFEST, CHECKPOINTS, *PARTS):
            os.replace(entry, folder / entry.name)
    shutil.rmtree(previous)
