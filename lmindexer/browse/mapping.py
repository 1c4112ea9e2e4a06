"""The two-dimensional map: points for small runs, counts in cells for large ones, documents of an area."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmindexer.browse.documents import fetch
from lmindexer.browse.run import Prefix, RunBrowser, remembered
from lmindexer.common.errors import LMIndexerError

POINTS = 50_000  # above it the map is a raster
CELLS = 220  # cells of the raster along each side


@dataclass(frozen=True)
class Raster:
    """Documents counted in square cells.

    Attributes:
        cells: col, line (cell numbers), x, y (centres), documents, value (the most frequent value there) and
            share (its share of the cell's documents).
        width, height: of a cell, in the map's units.
        documents: on the map.
    """

    cells: pd.DataFrame
    width: float
    height: float
    documents: int


def has_map(run: RunBrowser) -> bool:
    """Whether the run has a map; loads it into the connection when first asked."""
    if run.bundle is None or "map.parquet" not in run.bundle.manifest["files"]:
        return False
    path = str(run.bundle.path / "map.parquet").replace("'", "''")
    run.connection.cursor().execute(
        "CREATE TABLE IF NOT EXISTS map AS SELECT file_row_number::INTEGER AS row, x::FLOAT AS x, y::FLOAT AS y "
        f"FROM read_parquet('{path}', file_row_number=true) WHERE isfinite(x) AND isfinite(y)"
    )
    return True


def column_for(run: RunBrowser, colour_by: tuple[str, int]) -> str:
    """The column of `docs` that a choice like ("position", 2) or ("category", 1) stands for."""
    kind, number = colour_by
    if kind == "category":
        return f"g{run.checked_level(number)}"
    if not 1 <= number <= run.positions:
        raise LMIndexerError(f"There is no position {number}.")
    return f"c{number}"


@remembered
def points(run: RunBrowser, colour_by: tuple[str, int], prefix: Prefix = ()) -> pd.DataFrame:
    """x, y, value, inside (under the prefix), row, title, id of every document; for runs of up to 50,000."""
    column = column_for(run, colour_by)
    found = run.frame(
        f"SELECT row, x, y, {column} AS value, ({run.where(prefix)}) AS inside, left(title, 80) AS title, "
        f"{run.codes(run.positions)} FROM map JOIN docs USING (row) JOIN texts USING (row) ORDER BY row"
    )
    codes = found[[f"c{t}" for t in range(1, run.positions + 1)]].to_numpy().tolist()
    found["id"] = ["".join(f"<{code}>" for code in row if code >= 0) for row in codes]
    return found.drop(columns=[f"c{t}" for t in range(1, run.positions + 1)])


@remembered
def raster(run: RunBrowser, colour_by: tuple[str, int], prefix: Prefix = (), cells: int = CELLS) -> Raster:
    """The map as counts: each cell has its number of documents and its most frequent value."""
    column = column_for(run, colour_by)
    x0, x1, y0, y1, documents = run.frame("SELECT min(x), max(x), min(y), max(y), count(*) FROM map").iloc[0]
    width, height = max(x1 - x0, 1e-9) / cells, max(y1 - y0, 1e-9) / cells
    found = run.frame(
        f"WITH counted AS (SELECT least(floor((x - {x0}) / {width}), {cells - 1})::INTEGER AS col, "
        f"least(floor((y - {y0}) / {height}), {cells - 1})::INTEGER AS line, {column} AS value, count(*) AS n "
        f"FROM map JOIN docs USING (row) WHERE {run.where(prefix)} GROUP BY ALL) "
        "SELECT col, line, sum(n)::BIGINT AS documents, arg_max(value, n) AS value, max(n) / sum(n) AS share "
        "FROM counted GROUP BY ALL ORDER BY line, col"
    )
    found["x"] = x0 + (found["col"] + 0.5) * width
    found["y"] = y0 + (found["line"] + 0.5) * height
    return Raster(found, width, height, int(documents))


def groups(run: RunBrowser, colour_by: tuple[str, int], prefix: Prefix = (), limit: int = 60) -> pd.DataFrame:
    """The largest groups of the map: value, documents, and the box x0, x1, y0, y1 of the middle half of each."""
    column = column_for(run, colour_by)
    return run.frame(
        f"SELECT {column} AS value, count(*) AS documents, quantile_cont(x, 0.25) AS x0, quantile_cont(x, 0.75) AS x1, "
        f"quantile_cont(y, 0.25) AS y0, quantile_cont(y, 0.75) AS y1 FROM map JOIN docs USING (row) "
        f"WHERE {run.where(prefix)} GROUP BY 1 ORDER BY documents DESC, value LIMIT {int(limit)}"
    )


def in_box(run: RunBrowser, x: tuple[float, float], y: tuple[float, float], prefix: Prefix = ()) -> np.ndarray:
    """Places of the documents in a rectangle of the map."""
    condition = f"x BETWEEN ? AND ? AND y BETWEEN ? AND ? AND {run.where(prefix)}"
    bounds = [min(x), max(x), min(y), max(y)]
    found = run.frame(f"SELECT row FROM map JOIN docs USING (row) WHERE {condition} ORDER BY row", bounds)
    return found["row"].to_numpy()


def in_shape(run: RunBrowser, corners: list[tuple[float, float]], prefix: Prefix = ()) -> np.ndarray:
    """Places of the documents inside a polygon of the map (by the number of its edges to their right).

    Two corners are the opposite ones of a rectangle.

    >>> in_shape(run, [(0, 0), (4, 0), (4, 4)])                                  # doctest: +SKIP
    array([ 12, 340, 341])
    """
    xs, ys = np.array(corners, dtype=float).T
    rows = in_box(run, (xs.min(), xs.max()), (ys.min(), ys.max()), prefix)
    if len(corners) <= 2 or not len(rows):
        return rows
    cursor = run.connection.cursor()
    cursor.register("boxed_rows", pd.DataFrame({"row": rows.astype(np.int32)}))
    points = cursor.execute("SELECT x, y FROM map JOIN boxed_rows USING (row) ORDER BY row").df()
    cursor.unregister("boxed_rows")
    return rows[inside(points["x"].to_numpy(), points["y"].to_numpy(), corners)]


def inside(x: np.ndarray, y: np.ndarray, corners: list[tuple[float, float]]) -> np.ndarray:
    """Which points lie in a polygon.

    >>> inside(np.array([1.0, 3.0]), np.array([0.5, 3.5]), [(0, 0), (4, 0), (4, 4)])
    array([ True, False])
    """
    found = np.zeros(len(x), dtype=bool)
    for (x0, y0), (x1, y1) in zip(corners, corners[1:] + corners[:1], strict=True):
        if y0 == y1:
            continue
        crosses = (y0 > y) != (y1 > y)
        found ^= crosses & (x < (x1 - x0) * (y - y0) / (y1 - y0) + x0)
    return found


def of_rows(run: RunBrowser, rows: np.ndarray, limit: int = 200) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(documents at these places, at most `limit`; their c1 with counts, the most frequent first)."""
    table = pd.DataFrame({"row": np.asarray(rows, dtype=np.int32)})
    cursor = run.connection.cursor()
    cursor.register("chosen_rows", table)
    codes = cursor.execute(
        "SELECT c1 AS code, count(*) AS documents FROM docs JOIN chosen_rows USING (row) "
        "GROUP BY c1 ORDER BY documents DESC, c1"
    ).df()
    cursor.unregister("chosen_rows")
    return fetch(run, [int(row) for row in rows[:limit]]), codes
