"""Two runs over the same documents: metrics with intervals, c1 against c1, documents that moved."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmindexer.browse.documents import fetch
from lmindexer.browse.run import RunBrowser
from lmindexer.common.errors import LMIndexerError
from lmindexer.quality.diagnostics import perplexity

FOLDS = 20
T_95 = 2.093  # Student's t, 19 degrees of freedom, two-sided 95 %
SAMPLE = 10_000  # documents that intervals are estimated on


@dataclass(frozen=True, eq=False)
class Pair:
    """Two runs and their shared documents.

    Attributes:
        a, b: the runs.
        rows_a, rows_b: [M] places of the shared documents in each run, in a's order.
        codes_a, codes_b: [M, T] of these documents.
    """

    a: RunBrowser
    b: RunBrowser
    rows_a: np.ndarray
    rows_b: np.ndarray
    codes_a: np.ndarray
    codes_b: np.ndarray

    def __len__(self) -> int:
        return len(self.rows_a)


def pair(a: RunBrowser, b: RunBrowser) -> Pair:
    """Join two runs by document id.

    Raises:
        LMIndexerError: when they share no document.
    """
    if _fingerprint(a) is not None and _fingerprint(a) == _fingerprint(b):
        rows_a = rows_b = np.arange(a.documents)
    else:
        place = pd.Index(_names(b)).get_indexer(pd.Index(_names(a)))
        rows_a = np.flatnonzero(place >= 0)
        rows_b = place[rows_a]
    if not len(rows_a):
        raise LMIndexerError(f"{a.name} and {b.name} share no document; compare runs over the same corpus.")
    return Pair(a, b, rows_a, rows_b, _codes(a)[rows_a], _codes(b)[rows_b])


def contingency(found: Pair) -> pd.DataFrame:
    """a (c1 of the first run), b (c1 of the second), documents; non-empty cells."""
    table = pd.DataFrame({"a": found.codes_a[:, 0], "b": found.codes_b[:, 0]})
    return table.groupby(["a", "b"], as_index=False).size().rename(columns={"size": "documents"})


def matching(cells: pd.DataFrame) -> dict[int, int]:
    """{c1 of a: c1 of b} that shares the most documents, one to one (Hungarian algorithm)."""
    from scipy.optimize import linear_sum_assignment

    a, b = np.unique(cells["a"]), np.unique(cells["b"])
    table = np.zeros((len(a), len(b)), dtype=np.int64)
    table[np.searchsorted(a, cells["a"]), np.searchsorted(b, cells["b"])] = cells["documents"]
    rows, columns = linear_sum_assignment(table, maximize=True)
    return {int(a[i]): int(b[j]) for i, j in zip(rows, columns, strict=True) if table[i, j] > 0}


def moved(cells: pd.DataFrame) -> tuple[float, pd.DataFrame]:
    """(share of documents outside the matched cells; those cells, the largest first)."""
    matched = matching(cells)
    outside = cells[cells["a"].map(matched) != cells["b"]]
    share = outside["documents"].sum() / max(cells["documents"].sum(), 1)
    return float(share), outside.sort_values(["documents", "a", "b"], ascending=[False, True, True])


def documents_in(found: Pair, a: int, b: int, limit: int = 200) -> pd.DataFrame:
    """Documents with c1 = a in the first run and b in the second, with both IDs (id_a, id_b)."""
    place = np.flatnonzero((found.codes_a[:, 0] == a) & (found.codes_b[:, 0] == b))[:limit]
    first = fetch(found.a, found.rows_a[place].tolist())
    second = fetch(found.b, found.rows_b[place].tolist())
    kept = first[["doc_id", "title", "category", "id"]].rename(columns={"id": "id_a"})
    return kept.assign(id_b=second["id"].to_numpy())


def c1_agreement(found: Pair) -> float | None:
    """Adjusted mutual information of the two runs' first codes: 1 = the same grouping, 0 = chance."""
    return _ami(found.codes_b, found.codes_a[:, 0].astype(str))


def silent(found: Pair) -> list[str]:
    """A sentence for each AMI of `c1_agreement` and `metrics` that says nothing (`quality.says_nothing`)."""
    sentences = []
    why = _agreement(found.codes_b, found.codes_a[:, 0].astype(str)).says_nothing
    if why:
        sentences.append(f"The AMI of both c1 says nothing: {_WHY_OF_BOTH.get(why, why)}.")
    for name, _, labels in _measures(found):
        if labels is None:
            continue
        for run, codes in (("first", found.codes_a), ("second", found.codes_b)):
            why = _agreement(codes, labels).says_nothing
            if why:
                sentences.append(f"{name} says nothing of the {run} run: {why}.")
    return sentences


_WHY_OF_BOTH = {
    "there is one class only": "all documents have one code in the first run",
    "all documents have one code": "all documents have one code in the second run",
    "every document is a class of its own": "every document has a code of its own in the first run",
    "every document has a code of its own": "every document has a code of its own in the second run",
}


def metrics(found: Pair, seed: int = 0) -> pd.DataFrame:
    """Metrics of both runs on their shared documents, with 95 % intervals, and of their difference.

    Intervals are delete-a-group jackknife (20 random groups of documents, Student's t with 19 degrees of
    freedom). Above 10,000 documents they are estimated on a sample and scaled by √(sample / documents).

    Columns: metric, a, a_half, b, b_half, difference (b − a), difference_half.
    """
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(found))[:SAMPLE]
    scale = T_95 * np.sqrt(len(chosen) / len(found))
    fold = np.arange(len(chosen)) % FOLDS
    rows = []
    for name, measure, labels in _measures(found):
        whole = [measure(codes, labels) for codes in (found.codes_a, found.codes_b)]
        if None in whole:
            continue
        left_out = np.array(
            [
                [_on(measure, codes, labels, chosen[fold != k]) for codes in (found.codes_a, found.codes_b)]
                for k in range(FOLDS)
            ]
        )
        half = scale * _jackknife_error(np.column_stack([left_out, left_out[:, 1] - left_out[:, 0]]))
        rows.append((name, whole[0], half[0], whole[1], half[1], whole[1] - whole[0], half[2]))
    columns = ["metric", "a", "a_half", "b", "b_half", "difference", "difference_half"]
    return pd.DataFrame(rows, columns=columns)


def _on(measure, codes, labels, chosen) -> float:
    value = measure(codes[chosen], None if labels is None else labels[chosen])
    return np.nan if value is None else value


def _jackknife_error(estimates: np.ndarray) -> np.ndarray:
    """sqrt((G - 1) / G · Σ (θ_g - mean)²) for each column of [G, …] leave-one-group-out estimates."""
    return np.sqrt((FOLDS - 1) / FOLDS * ((estimates - estimates.mean(axis=0)) ** 2).sum(axis=0))


def _measures(found: Pair):
    for level in range(1, found.a.levels + 1):
        ranks = found.a.frame(f"SELECT g{level} AS g FROM docs ORDER BY row")["g"].to_numpy()[found.rows_a]
        labels = np.where(ranks < 0, "", ranks.astype(str))
        yield f"AMI of c1 with category level {level}", _ami, labels
    for position in range(min(found.codes_a.shape[1], found.codes_b.shape[1])):
        yield f"perplexity at position {position + 1}", _perplexity(position), None


def _ami(codes: np.ndarray, labels: np.ndarray) -> float | None:
    return _agreement(codes, labels).ami


def _agreement(codes: np.ndarray, labels: np.ndarray):
    from lmindexer.quality import category_agreement  # scikit-learn takes a second to load

    return category_agreement(labels, codes[:, 0])


def _perplexity(position: int):
    return lambda codes, labels: perplexity(codes[:, position])


def _fingerprint(run: RunBrowser) -> str | None:
    return run.bundle.manifest["corpus"].get("fingerprint") if run.bundle is not None else None


def _names(run: RunBrowser) -> np.ndarray:
    return run.frame("SELECT doc_id FROM texts ORDER BY row")["doc_id"].to_numpy()


def _codes(run: RunBrowser) -> np.ndarray:
    return run.frame(f"SELECT {run.codes(run.positions)} FROM docs ORDER BY row").to_numpy()
