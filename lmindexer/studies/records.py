"""Finished runs in one small file, numbers and codes: a study goes on from it where its bundles are not.

docs/results/table1.md              the report
docs/results/table1.runs.parquet    one row a run: name, noted (what `worker.execute` answers, as JSON),
                                    positions T, codes (N · T, document by document)
"""

import json
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from lmindexer.common.errors import LMIndexerError
from lmindexer.common.jsonfiles import json_safe
from lmindexer.corpus.corpus import Corpus
from lmindexer.studies.plan import Run
from lmindexer.studies.worker import is_of

SCHEMA = pa.schema(
    [("name", pa.string()), ("noted", pa.string()), ("positions", pa.int32()), ("codes", pa.list_(pa.int32()))]
)


def beside(report: Path) -> Path:
    """Where the runs behind a report are kept.

    >>> beside(Path("docs/results/table1.md")).name
    'table1.runs.parquet'
    """
    return report.with_name(f"{report.stem}.runs.parquet")


@dataclass
class Records:
    """The finished runs of a file, by name; also those of other corpora and methods than a study asks for now."""

    path: Path | None = None
    rows: dict[str, dict] = field(default_factory=dict)  # name → noted, codes [N, T]

    @classmethod
    def read(cls, path: Path | None) -> "Records":
        """Of a file; none where there is no file.

        Raises LMIndexerError for a file that is something else.
        """
        if path is None or not path.exists():
            return cls(path)
        try:
            table = pq.read_table(path, columns=SCHEMA.names).to_pydict()
            rows = zip(*(table[name] for name in SCHEMA.names), strict=True)
            found = {
                name: {"noted": json.loads(noted), "codes": np.array(codes, np.int32).reshape(-1, positions)}
                for name, noted, positions, codes in rows
            }
        except (pa.ArrowException, OSError, ValueError, KeyError) as error:
            raise LMIndexerError(
                f"{path} does not hold the runs of a study ({type(error).__name__}); move it away, or name another "
                "report."
            ) from error
        return cls(path, found)

    def noted(self, run: Run, corpus: Corpus) -> dict | None:
        """What was noted of this very run: equal settings, equal documents. None where it is not there."""
        row = self.rows.get(run.name)
        return row["noted"] if row is not None and is_of(row["noted"], run, corpus) else None

    def add(self, run: Run, noted: dict, codes: np.ndarray) -> None:
        """Keep a run, in the place of one of the same name."""
        self.rows[run.name] = {"noted": json_safe(noted), "codes": np.asarray(codes, np.int32)}

    def write(self) -> None:
        """Write all of them, aside and renamed."""
        names = sorted(self.rows)
        rows = [self.rows[name] for name in names]
        columns = [
            names,
            [json.dumps(row["noted"], separators=(",", ":")) for row in rows],
            [row["codes"].shape[1] for row in rows],
            [row["codes"].ravel() for row in rows],
        ]
        aside = self.path.with_name(f".{self.path.name}.{os.getpid()}.part")
        pq.write_table(pa.table(columns, schema=SCHEMA), aside, compression="zstd", compression_level=15)
        aside.replace(self.path)
