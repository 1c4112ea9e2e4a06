"""A run's folder: a manifest and the files it names, written aside and renamed, read with care.

What an indexer's run (`bundle`) and a task model's run (`task_run`) have in common. A folder is written into a
temporary one beside its place and renamed, so a reader never meets half a run and an interrupted write leaves the old
run as it was. Nothing in it is read by pickle.
"""

import datetime
import os
import shutil
import uuid
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import pandas as pd
import pyarrow as pa
from safetensors import SafetensorError

from lmindexer._version import __version__
from lmindexer.common.arguments import expect_path, resolved
from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.common.jsonfiles import read_json, write_json
from lmindexer.corpus.corpus import Corpus
from lmindexer.runs.manifest import (
    ALL_PARTS,
    MANIFEST,
    SCHEMA_VERSION,
    Form,
    describe_files,
    library_versions,
    read_manifest,
    recognise,
    sha256,
)

CHECKPOINTS = "checkpoints"  # an unfinished fit keeps its checkpoints under the folder its run will have


class RunFolder:
    """A finished run on disk; its parts are read when they are first asked for.

    Attributes:
        path: the folder.
        manifest: what manifest.json says.
    """

    form: ClassVar[Form]

    def __init__(self, path: Path):
        self.path = path
        self._stamp = _stamp(path)
        self.manifest = read_manifest(path, self.form)

    @classmethod
    def open(cls, path: str | Path) -> Self:
        """Open a run after checking its manifest and that every file it names is there with its length.

        Raises:
            BundleError: when the folder is missing, foreign, damaged, unfinished, or written by a newer
                version.
        """
        expect_path(path)
        path = resolved(path)
        if not (path / MANIFEST).is_file():
            raise BundleError(_why_no_manifest(path))
        run = cls(path)
        for name in run.manifest["files"]:
            run._file(name)
        return run

    def verify(self) -> None:
        """Compare every file with the SHA-256 that the manifest gives; reads the whole run.

        Raises:
            BundleError: naming the first file that differs.
        """
        for name, entry in self.manifest["files"].items():
            if sha256(self._file(name)) != entry["sha256"]:
                raise BundleError(f"{self.path / name} has changed since it was written; write the run again.")

    @property
    def name(self) -> str:
        """The run's name, for people."""
        return self.manifest["name"]

    @property
    def method(self) -> str:
        """Which method made it."""
        return self.manifest["method"]

    @cached_property
    def corpus(self) -> Corpus:
        """The documents."""
        path = self._file("corpus.parquet")
        name = self.manifest["corpus"].get("name")
        return read_part(path, lambda: Corpus.from_parquet(path, name=name, missing="keep"))

    @cached_property
    def history(self) -> pd.DataFrame | None:
        """What was recorded of the training, or None."""
        return self._optional("history.parquet", pd.read_parquet)

    @cached_property
    def metrics(self) -> dict | None:
        """The run's measures, or None."""
        return self._optional("metrics.json", read_json)

    @property
    def model_folder(self) -> Path | None:
        """The folder of the model's files, or None."""
        return self.path / "model" if any(name.startswith("model/") for name in self.manifest["files"]) else None

    def _optional(self, name: str, read: Callable):
        if name not in self.manifest["files"]:
            return None
        path = self._file(name)
        return read_part(path, lambda: read(path))

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


def check_target(folder: str | Path, form: Form) -> None:
    """Make sure that a run of this form may be written at `folder`; worth calling before hours of training.

    Raises:
        BundleError: when something else is there, so that nobody's files are ever replaced.
    """
    folder = Path(folder)
    if not folder.exists():
        return
    if not folder.is_dir():
        raise BundleError(f"{folder} is a file, not a folder; choose another folder for the run.")
    if (folder / MANIFEST).exists():
        found = recognise(folder)
        if ("task" in found) != form.task:
            what = "a task model" if "task" in found else "an indexer"
            raise BundleError(f"{folder} holds the run of {what}, which is not to be replaced; choose another folder.")
    elif not (folder / CHECKPOINTS).is_dir() and any(folder.iterdir()):
        raise BundleError(f"{folder} holds files but no run; choose another folder, so that they are not replaced.")


def write_folder(
    folder: str | Path,
    form: Form,
    manifest: dict,
    corpus: Corpus,
    write_parts: Callable[[Path], None],
    save_model: Callable[[Path], None] | None = None,
) -> Path:
    """Write a run and put it in the place of an older one of its form, if there is one, in one step.

    Files in the old folder that are no part of a run (notes, say) are kept; checkpoints of the fit that led here are
    not, for the fit is finished.

    Args:
        manifest: at least "method" and "settings"; see `write_bundle`.
        write_parts: called with the temporary folder; `save_model` with its empty "model".

    Raises:
        BundleError: when the folder holds something else, or the disk refuses.
    """
    folder = resolved(folder)
    check_target(folder, form)
    for key in ("method", "settings"):
        if key not in manifest:
            raise BundleError(f"The manifest lacks '{key}'; a run must say how it was made.")
    _finish_interrupted(folder)
    staging = folder.with_name(f".{folder.name}.writing-{uuid.uuid4().hex[:8]}")
    try:
        staging.mkdir(parents=True)
        corpus.to_parquet(staging / "corpus.parquet")
        write_parts(staging)
        if save_model is not None:
            (staging / "model").mkdir()
            save_model(staging / "model")
        write_json(staging / MANIFEST, _complete(manifest, folder, staging, corpus))
        _put_in_place(staging, folder)
    except (OSError, SafetensorError) as error:
        raise BundleError(f"{folder} cannot be written: {error}; free space or choose another folder.") from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # gone already where all went well
    return folder


def find_runs(folder: str | Path, kind: type[RunFolder]) -> tuple[list, list[tuple[Path, BundleError]]]:
    """Every run of a kind directly under `folder`, and every folder there that should be one but cannot be opened.

    Returns:
        (runs, [(path, why it cannot be opened)]).
    """
    runs, broken = [], []
    folder, traces = Path(folder), (MANIFEST, CHECKPOINTS, *kind.form.required)
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.name.startswith(".") or not any((path / name).exists() for name in traces):
            continue
        if _is_other(path, kind.form):
            continue
        try:
            runs.append(kind.open(path))
        except BundleError as error:
            broken.append((path, error))
    return runs, broken


def _is_other(path: Path, form: Form) -> bool:
    """Whether a folder certainly holds a run of another form."""
    try:
        return ("task" in recognise(path)) != form.task
    except BundleError:
        return (path / "splits.parquet").exists() != form.task  # damaged: by what lies beside


# -- reading -----------------------------------------------------------------------------------------------


_UNREADABLE = (
    *(OSError, ValueError, TypeError, LookupError, AttributeError, EOFError, RuntimeError, OverflowError),
    *(pa.ArrowException, SafetensorError, LMIndexerError),
)


def read_part(path: Path, read: Callable):
    """Run a reader; whatever library fails in it, the person hears which file is to blame."""
    try:
        return read()
    except _UNREADABLE as error:
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
    """Where the old run waits while the new one takes its place."""
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

    Half-written folders go. A replacement that stopped midway ends: the old run is put back, or goes as
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
        if entry.name not in (MANIFEST, CHECKPOINTS, *ALL_PARTS):
            os.replace(entry, folder / entry.name)
    shutil.rmtree(previous)
