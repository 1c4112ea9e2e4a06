"""How codes are used: documents per code, dead codes, sizes of groups with equal codes."""

import numpy as np
import pandas as pd

from lmindexer.browse.run import RunBrowser, remembered


@remembered
def code_usage(run: RunBrowser, position: int) -> pd.DataFrame:
    """code, documents for every row of the position's codebook (0 for dead codes), in the codebook's order."""
    if not 1 <= position <= run.positions:
        raise ValueError(f"There is no position {position}.")
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
