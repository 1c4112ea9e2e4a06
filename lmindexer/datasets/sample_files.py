"""Files of a bundled sample: JSON lines, gzipped so that the same rows always give the same bytes."""

import gzip
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from lmindexer.common.errors import CorpusError

SPLIT_SHARES = (("train", 80), ("dev", 10), ("test", 10))  # per cent; chosen by a hash of the query's id


def split_of(query_id: str) -> str:
    """Name the split of a query: 80 % train, 10 % dev, 10 % test, by SHA-256 of its id, so no seed is needed.

    >>> split_of("n02084071-l1") == split_of("n02084071-l1")
    True
    """
    draw = int(hashlib.sha256(query_id.encode()).hexdigest(), 16) % 100
    for name, share in SPLIT_SHARES:
        if draw < share:
            return name
        draw -= share
    raise AssertionError("the shares of the splits must add up to 100")


def write_jsonl_gz(path: Path, rows: Iterable[dict]) -> None:
    """Write one JSON object a line, gzipped without name and time, aside first and then renamed."""
    aside = path.with_name(path.name + ".part")
    with (
        aside.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, compresslevel=9, mtime=0) as packed,
    ):
        for row in rows:
            packed.write((json.dumps(row, ensure_ascii=False) + "\n").encode())
    os.replace(aside, path)


def read_jsonl_gz(path: Path) -> Iterator[dict]:
    """Yield the rows that `write_jsonl_gz` wrote."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def require(path: Path, remedy: str) -> Path:
    """Return `path` when it is there; else a CorpusError that names it and the remedy."""
    if not path.exists():
        raise CorpusError(f"{path}: not found. {remedy}")
    return path


def write_sample(folder: Path, parts: dict[str, list[dict]]) -> None:
    """Write {"corpus": rows, "queries": rows, …} as <name>.jsonl.gz into `folder`, and print the counts."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, rows in parts.items():
        path = folder / f"{name}.jsonl.gz"
        write_jsonl_gz(path, rows)
        print(f"{path}: {len(rows):,} rows, {path.stat().st_size:,} bytes")
