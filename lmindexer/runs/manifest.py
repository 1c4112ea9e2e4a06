"""A run bundle's manifest: what it must say, how it is read, and the sums of the bundle's files."""

import hashlib
import platform
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path, PurePosixPath

from lmindexer._version import __version__
from lmindexer.common.errors import BundleError
from lmindexer.common.jsonfiles import read_json

SCHEMA_VERSION = 1

MANIFEST = "manifest.json"
_KEYS = {"name": str, "method": str, "corpus": dict, "settings": dict, "files": dict}
_OTHER = {  # what is said to one who asks for a task model's run (True) or an indexer's (False) and finds the other
    True: "is the run of an indexer, not of a task model; use lmindexer.load_indexer or Bundle.open.",
    False: "is the run of a task model, not of an indexer; use lmindexer.tasks.load_task_model.",
}


@dataclass(frozen=True)
class Form:
    """What a run of one kind holds: the files it must have, those it may have, and whether it answers a task."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    task: bool

    @property
    def parts(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)


INDEXER_RUN = Form(
    ("corpus.parquet", "ids.parquet"),
    ("history.parquet", "states.npy", "map.parquet", "metrics.json", "model"),
    task=False,
)
TASK_RUN = Form(
    ("corpus.parquet", "splits.parquet", "rankings.parquet", "metrics.json"), ("history.parquet", "model"), task=True
)
ALL_PARTS = tuple(dict.fromkeys((*INDEXER_RUN.parts, *TASK_RUN.parts)))


def read_manifest(folder: Path, form: Form = INDEXER_RUN) -> dict:
    """The manifest in `folder`, complete and naming only files that a run of this form may hold.

    Raises:
        BundleError: when it is damaged, another program's, or written by a newer version.
    """
    path = folder / MANIFEST
    manifest = recognise(folder)
    if ("task" in manifest) != form.task:
        raise BundleError(f"{folder} {_OTHER[form.task]}")
    for key, kind in _KEYS.items():
        if not isinstance(manifest.get(key), kind):
            raise BundleError(f"{path} is damaged: '{key}' is missing or wrong; write the run again.")
    for name, entry in manifest["files"].items():
        _check_entry(path, name, entry, form)
    for name in form.required:
        if name not in manifest["files"]:
            raise BundleError(f"{path} is damaged: it does not name {name}; write the run again.")
    return manifest


def recognise(folder: Path) -> dict:
    """The manifest in `folder` if this version can know it for one of this package's; no more is checked."""
    path = folder / MANIFEST
    try:
        manifest = read_json(path)
    except (OSError, ValueError, RecursionError) as error:
        raise BundleError(f"{path} cannot be read ({error}); copy the whole folder again.") from error
    if not isinstance(manifest, dict) or type(manifest.get("schema_version")) is not int:
        raise BundleError(f"{path} is not the manifest of a run; give another folder.")
    if manifest["schema_version"] > SCHEMA_VERSION:
        raise BundleError(
            f"{path} has schema version {manifest['schema_version']}; lmindexer {__version__} knows versions "
            f"up to {SCHEMA_VERSION}; upgrade with `pip install --upgrade lmindexer`."
        )
    return manifest


def _check_entry(manifest: Path, name: str, entry, form: Form) -> None:
    """A manifest may come from anywhere, so no name in it may lead out of the folder."""
    path = PurePosixPath(name)
    inside = path.parts and path.parts[0] in form.parts and ".." not in path.parts
    if not inside or "\\" in name or str(path) != name:
        raise BundleError(f"{manifest} names the file '{name}', which no run holds; do not use this folder.")
    known = isinstance(entry, dict) and type(entry.get("bytes")) is int and isinstance(entry.get("sha256"), str)
    if not known:
        raise BundleError(f"{manifest} is damaged: the length or SHA-256 of '{name}' is missing; write the run again.")


def describe_files(folder: Path) -> dict[str, dict]:
    """{relative path: {"bytes", "sha256"}} of every file under `folder`."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": sha256(path)} for path in files
    }


def sha256(path: Path) -> str:
    """SHA-256 of a file's bytes, as hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def library_versions() -> dict[str, str]:
    """Versions of Python and of the libraries that decide what a run's numbers are."""
    libraries = {name: metadata.version(name) for name in ("torch", "transformers", "numpy")}
    return {"python": platform.python_version(), **libraries}
