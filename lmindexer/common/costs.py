"""What it took to make a thing that a cache keeps: a run that finds it there can say what it would have cost."""

from pathlib import Path

from lmindexer.common.jsonfiles import read_json, write_json


def note_cost(kept: Path, seconds: float) -> None:
    """Write how long `kept`, a file or folder of a kind in a cache, took to make.

    >>> note_cost(Path("cache/states/ab12.npy"), 61.2)      # into cache/costs/ab12.json  # doctest: +SKIP
    """
    path = _path(kept)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_json(path, {"seconds": round(seconds, 3)})
    except OSError:
        pass  # a cache that cannot be written is done without


def noted_cost(kept: Path) -> float | None:
    """The seconds that `note_cost` wrote, or None where nobody did: a cache of an earlier version."""
    try:
        return float(read_json(_path(kept))["seconds"])
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _path(kept: Path) -> Path:
    return kept.parent.parent / "costs" / f"{kept.stem}.json"
