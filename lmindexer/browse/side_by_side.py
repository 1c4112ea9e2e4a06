"""Several runs beside each other: the settings that differ, and what is better or worse than in the first run."""

import pandas as pd

from lmindexer.browse import compare
from lmindexer.browse.run import RunBrowser
from lmindexer.quality.verdict import CONTROLS, EVEN, TREES
from lmindexer.settings.rules import with_effect

BETTER, WORSE, UNSURE, OTHER_SCALE = "better", "worse", "no sure difference", "another codebook size"
HIGHER, LOWER, GIVEN = "higher", "lower", "by its making"


def differing_settings(runs: dict[str, RunBrowser]) -> pd.DataFrame:
    """One row for each setting that is not equal in all runs: setting, then a column a run ("–" where it has none).

    >>> differing_settings({})
    Empty DataFrame
    Columns: [setting]
    Index: []
    """
    said = {key: _settings(run) for key, run in runs.items()}
    names = dict.fromkeys(name for settings in said.values() for name in settings)
    rows = []
    for name in names:
        row = {key: settings.get(name, "–") for key, settings in said.items()}
        if len(set(row.values())) > 1:
            rows.append({"setting": name, **row})
    return pd.DataFrame(rows, columns=["setting", *said])


def _settings(run: RunBrowser) -> dict[str, str]:
    if run.bundle is None:
        return {}
    manifest = run.bundle.manifest
    corpus = manifest["corpus"]
    found = {"method": manifest["method"], "seed": manifest.get("seed"), "corpus": corpus.get("name")}
    found |= {"documents": corpus.get("documents"), "categories are read": corpus.get("category_text")}
    found |= with_effect(manifest.get("settings") or {})
    return {name: str(value) for name, value in found.items() if value is not None}


def measured(pairs: dict[str, compare.Pair]) -> pd.DataFrame:
    """Each metric of each further run against the first, on the documents that the two share.

    Args:
        pairs: {name of a further run: (the first run, this one)}.

    Columns: metric, run, first, first_half, value, half, change. `half` is half a 95 % interval, and `change` says
    something only where the interval of the difference leaves 0 out:

    - of AMI more is better; a category run's is high by its making, whichever of the two runs it is.
    - perplexity is a sign of health and no aim (random codes have the most): it is "better" or "worse" only where one
      run reaches the verdict's bound and the other does not, else "higher" or "lower". So it is with controls, and with
      trees past position 1. It is not compared where the codebooks differ in size, since it cannot be above K.
    """
    rows = []
    for name, found in pairs.items():
        for row in compare.metrics(found).itertuples():
            change = _change(row, found)
            rows.append((row.metric, name, row.a, row.a_half, row.b, row.b_half, change))
    return pd.DataFrame(rows, columns=["metric", "run", "first", "first_half", "value", "half", "change"])


def _change(row, found: compare.Pair) -> str:
    methods = {run.bundle.method if run.bundle else "lmindexer" for run in (found.a, found.b)}
    of_codes = row.metric.startswith("perplexity")
    place = int(row.metric.rsplit(" ", 1)[1]) - 1 if of_codes else 0
    if of_codes and found.a.codebook_sizes[place] != found.b.codebook_sizes[place]:
        return OTHER_SCALE
    if not abs(row.difference) > row.difference_half:
        return UNSURE
    if not of_codes and "category" in methods:
        return GIVEN
    if of_codes:
        bound = EVEN[1] * min(found.a.codebook_sizes[place], len(found))
        judged = (row.a < bound) != (row.b < bound) and not methods & {*CONTROLS, *(TREES if place else ())}
        if not judged:
            return HIGHER if row.difference > 0 else LOWER
    return BETTER if row.difference > 0 else WORSE
