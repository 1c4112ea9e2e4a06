"""How codes are used: documents per code, dead codes, sizes of groups with equal codes."""

import numpy as np
import pandas as pd

from lmindexer.browse.run import RunBrowser, remembered
from lmindexer.common.errors import LMIndexerError
from lmindexer.quality.verdict import Remark, verdict


@remembered
def code_usage(run: RunBrowser, position: int) -> pd.DataFrame:
    """code, documents for every row of the position's codebook (0 for dead codes), in the codebook's order."""
    if not 1 <= position <= run.positions:
        raise LMIndexerError(f"There is no position {position}.")
    column = f"c{position}"
    found = run.frame(f"SELECT {column} AS code, count(*) AS documents FROM docs WHERE {column} >= 0 GROUP BY 1")
    counts = np.zeros(run.codebook_sizes[position - 1], dtype=np.int64)
    counts[found["code"].to_numpy()] = found["documents"].to_numpy()
    return pd.DataFrame({"code": np.arange(len(counts)), "documents": counts})


@remembered
def collision_sizes(run: RunBrowser) -> pd.DataFrame:
    """size (documents with equal codes), ids (how many IDs are held by so many), documents (size · ids)."""
    columns = run.codes(run.positions)
    found = run.frame(
        f"SELECT n AS size, count(*) AS ids FROM (SELECT count(*) AS n FROM docs GROUP BY {columns}) "
        "GROUP BY n ORDER BY n"
    )
    return found.assign(documents=found["size"] * found["ids"])


@remembered
def largest_collisions(run: RunBrowser, limit: int = 20) -> pd.DataFrame:
    """c1 … cT, documents of the most crowded IDs (two documents or more)."""
    columns = run.codes(run.positions)
    return run.frame(
        f"SELECT {columns}, count(*) AS documents FROM docs GROUP BY {columns} HAVING count(*) > 1 "
        f"ORDER BY documents DESC, {columns} LIMIT {int(limit)}"
    )


@remembered
def largest_shares(run: RunBrowser) -> tuple[float, ...]:
    """Share of the documents with the most frequent code, for each position."""
    return tuple(
        run.value(
            f"SELECT coalesce(max(n), 0) FROM (SELECT count(*) AS n FROM docs WHERE c{t} >= 0 GROUP BY c{t})"
        ) / max(run.documents, 1)
        for t in range(1, run.positions + 1)
    )  # fmt: skip


def remarks(run: RunBrowser) -> list[Remark]:
    """The run's verdict by its method; none for a run without metrics."""
    if run.quality is None:
        return []
    return verdict(run.quality, run.bundle.method if run.bundle else "lmindexer", largest_shares(run))
