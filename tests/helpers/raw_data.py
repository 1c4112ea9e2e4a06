"""Small files in the official formats of public data sets, for the tests of their loaders."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path


def write_lines(path: Path, lines: Iterable[str], newline: str = "\n") -> Path:
    """Write text lines, gzipped where the name says so."""
    data = "".join(line + newline for line in lines).encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def write_json_lines(path: Path, records: Iterable[dict]) -> Path:
    """One JSON object a line."""
    return write_lines(path, map(json.dumps, records))


def write_literals(path: Path, records: Iterable[dict]) -> Path:
    """One Python literal a line, as Amazon's metadata of 2014."""
    return write_lines(path, map(repr, records))
