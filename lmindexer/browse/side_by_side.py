"""Several runs beside each other: the settings that differ, and what is better or worse than in the first run."""

import pandas as pd

from lmindexer.browse import compare
from lmindexer.browse.run import RunBrowser

BETTER, WORSE, UNSURE, OTHER_SCALE = "better", "worse", "no sure difference", "another codebook size"


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
    found |= manifest.get("settings") or {}
    return {name: str(value) for name, value in found.items() if value is not None}


def measured(pairs: dict[str, compare.Pair]) -> pd.DataFrame:
    """Each metric of each further run against the first, on the documents that the two share.

    Args:
        pairs: {name of a further run: (the first run, this one)}.

    Columns: metric, run, first, first_half, value, half, change. `half` is half a 95 % interval; `change` is "better"
    or "worse" only where the interval of the difference leaves 0 out. More is better of every metric here; a
    perplexity is not judged where the codebooks differ in size, since it cannot be above K.
    """
    rows = []
    for name, found in pairs.items():
        table = compare.metrics(found)
        for row in table.itertuples():
            change = _change(row.difference, row.difference_half)
            if _other_scale(row.metric, found):
                change = OTHER_SCALE
            rows.append((row.metric, name, row.a, row.a_half, row.b, row.b_half, change))
    return pd.DataFrame(rows, columns=["metric", "run", "first", "first_half", "value", "half", "change"])


def _change(difference: float, half: float) -> str:
    """
    >>> _change(0.2, 0.1), _change(-0.2, 0.1), _change(0.05, 0.1)
    ('better', 'worse', 'no sure difference')
    """
    if not abs(difference) > half:
        return UNSURE
    return BETTER if difference > 0 else WORSE


def _other_scale(metric: str, found: compare.Pair) -> bool:
    if not metric.startswith("perplexity"):
        return False
    place = int(metric.rsplit(" ", 1)[1]) - 1
    return found.a.codebook_sizes[place] != found.b.codebook_sizes[place]
