"""Names that people give to codes: kept beside the run in names.json, shown before the key words, exported."""

import json
from datetime import UTC, datetime

import pandas as pd

from lmindexer.browse.run import Prefix, RunBrowser
from lmindexer.common.errors import BundleError
from lmindexer.common.files import written_aside

FILE, LONGEST = "names.json", 60


def names_of(run: RunBrowser) -> dict[tuple[int, ...], str]:
    """{prefix: name} of a run; {} where nobody gave one, or for a run that is not on disk."""
    return {prefix: entry["name"] for prefix, entry in _read(run).items()}


def give_name(run: RunBrowser, prefix: Prefix, name: str, by: str = "") -> None:
    """Name a prefix, or take its name away with "".

    The bundle itself stays as it is: the names are a file of their own, which another fit of the run keeps.

    Raises:
        BundleError: when the run is not on disk, or its folder cannot be written.
        LMIndexerError: when the run has no such prefix.
    """
    prefix, name = run.checked(prefix), " ".join(name.split())[:LONGEST]
    if run.bundle is None or not prefix:
        raise BundleError("Names are kept beside a run on disk, for prefixes of one code or more; save the run first.")
    entries = _read(run)
    entries.pop(prefix, None)
    if name:
        at = datetime.now(UTC).isoformat(timespec="seconds")
        entries[prefix] = {"name": name, "by": " ".join(by.split())[:LONGEST], "at": at}
    path = run.bundle.path / FILE
    text = {".".join(map(str, key)): entry for key, entry in sorted(entries.items())}
    with written_aside(path, BundleError, "copy the run into a folder of your own to name its codes") as aside:
        aside.write_text(json.dumps(text, ensure_ascii=False, indent=1), encoding="utf-8")


def table_of(run: RunBrowser) -> pd.DataFrame:
    """prefix ("3.17"), name, by, at, documents of every name, for an export."""
    rows = [
        (".".join(map(str, prefix)), entry["name"], entry.get("by", ""), entry.get("at", ""), run.count(prefix))
        for prefix, entry in sorted(_read(run).items())
    ]
    return pd.DataFrame(rows, columns=["prefix", "name", "by", "at", "documents"])


def _read(run: RunBrowser) -> dict[tuple[int, ...], dict]:
    """The entries that fit the run; a file that is no such file counts as empty. Read again when it has changed."""
    if run.bundle is None:
        return {}
    path = run.bundle.path / FILE
    try:
        found = path.stat()
        stamp = (found.st_ino, found.st_mtime_ns)
        if run.names is None or run.names[0] != stamp:
            run.names = (stamp, _checked(run, json.loads(path.read_text(encoding="utf-8"))))
        return dict(run.names[1])
    except (OSError, ValueError):
        return {}


def _checked(run: RunBrowser, found) -> dict[tuple[int, ...], dict]:
    kept = {}
    for key, entry in found.items() if isinstance(found, dict) else ():
        parts = key.split(".")
        if not all(part.isdecimal() and len(part) < 9 for part in parts) or not isinstance(entry, dict):
            continue
        prefix, name = tuple(map(int, parts)), entry.get("name")
        fits = len(prefix) <= run.positions and all(c < k for c, k in zip(prefix, run.codebook_sizes, strict=False))
        if fits and isinstance(name, str) and name.strip():
            kept[prefix] = {key: str(value)[:LONGEST] for key, value in entry.items()}
    return kept
