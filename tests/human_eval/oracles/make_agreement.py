"""Makes tests/oracles/agreement.json: 200 random tables of ratings with missing answers, and what irrCAC says of them.

irrCAC 0.4.4 asks for scipy 1.12 and pandas 2, which this project is past; so it runs in an environment of its own:

    python -m venv oracle && oracle/bin/pip install irrCAC==0.4.4 && oracle/bin/python tests/oracles/make_agreement.py
"""

import json
from pathlib import Path

import numpy as np
import pandas as pd
from irrCAC.raw import CAC

TABLES, SEED = 200, 20261124


def draw(rng) -> tuple[np.ndarray, int]:
    """A table [U, R] of answers 1 … q, NaN where one is missing; some annotators are sharp, some guess."""
    units, raters, q = int(rng.integers(6, 30)), int(rng.integers(2, 6)), int(rng.integers(2, 6))
    true = rng.integers(1, q + 1, (units, 1))
    sharp = rng.random(raters) < rng.uniform(0.2, 0.95)
    near = np.clip(true + rng.integers(-1, 2, (units, raters)), 1, q)
    table = np.where((rng.random((units, raters)) < 0.7) & sharp, true, near).astype(float)
    table[rng.random((units, raters)) < rng.uniform(0, 0.4)] = np.nan
    return table, q


def asked(table: np.ndarray, q: int) -> dict:
    """irrCAC's coefficients, to twelve places; None where it has none."""
    found = {}
    for weights in ("identity", "ordinal"):
        with np.errstate(all="ignore"):
            judge = CAC(pd.DataFrame(table), weights=weights, categories=[float(k) for k in range(1, q + 1)], digits=12)
            for name in ("gwet", "fleiss"):
                value = getattr(judge, name)()["est"]["coefficient_value"]
                found[f"{name}_{weights}"] = float(value) if np.isfinite(value) else None
            if weights == "identity":
                found["percent"] = float(judge.agreement["est"]["pa"]) if judge.agreement["est"]["pa"] else None
            pair = pd.DataFrame(table[:, :2][np.isfinite(table[:, :2]).all(1)])
            found[f"cohen_{weights}"] = _cohen(pair, weights, q) if len(pair) > 1 else None
    return found


def _cohen(pair: pd.DataFrame, weights: str, q: int) -> float | None:
    value = CAC(pair, weights=weights, categories=[float(k) for k in range(1, q + 1)], digits=12).conger()
    value = value["est"]["coefficient_value"]
    return float(value) if np.isfinite(value) else None


def main() -> None:
    """Write the file beside this one."""
    rng = np.random.default_rng(SEED)
    kept = []
    while len(kept) < TABLES:
        table, q = draw(rng)
        rated = np.isfinite(table).sum(1)
        if (rated >= 2).sum() < 3 or np.isfinite(table).sum(0).min() == 0:
            continue
        rows = [[None if np.isnan(value) else int(value) for value in row] for row in table]
        kept.append({"q": q, "ratings": rows, "irrCAC": asked(table, q)})
    path = Path(__file__).with_name("agreement.json")
    path.write_text("[\n" + ",\n".join(json.dumps(entry, separators=(",", ":")) for entry in kept) + "\n]\n")


if __name__ == "__main__":
    main()
