"""Numbers that say how well codes are used: perplexity, diff ratio, Macro-F1, consistency, collisions.

All of them are meant for a whole corpus, never for a batch. Codes are counted from 0; -1 means "no code at
this position" (IDs of variable depth), and such documents are left out of the position's numbers. A
quantity that no document qualifies for is None, never NaN.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.grouping import group_rows, rank_within_groups
from lmindexer.ids.semantic_ids import SemanticIDs, expect_ids
from lmindexer.quality.wording import each, positions_in_words

COLLAPSE_BOUND = 0.1  # a perplexity below this share of min(K, N) counts as a collapse

# What to try when a stage ends collapsed, by the stage's name.
_REMEDIES = {
    "reconstructor_warmup": "train the warm-up longer, or show the reconstructor fewer hints",
    "continuous": "train this stage longer, lower its learning rate, or show the reconstructor fewer hints",
    "codebook_init": "initialise the codebook by k-means, not at random, or train the stage before longer",
    "discrete": "initialise the codebook by k-means, lower the learning rate, use the contrastive term "
    "inside a prefix, or choose a smaller codebook",
}


def used_codes(codes: np.ndarray) -> int:
    """Number of distinct codes that at least one document holds.

    >>> used_codes(np.array([0, 0, 3, -1]))
    2
    """
    return len(np.unique(_present(codes)))


def perplexity(codes: np.ndarray, codebook_size: int | None = None) -> float | None:
    """Perplexity of one position's codes over the corpus: exp(-Σ_k p_k ln p_k), p_k = share of code k.

    Lies between 1 (one code for all) and K (all codes equally used); it does not look at prefixes. This is
    the quantity of the paper's Table 2 and Figures 4(b) and 4(d).

    Args:
        codes: [N] integers; -1 is left out.
        codebook_size: K; when given, a code outside [0, K) is an error.

    Returns:
        The perplexity, or None when no document holds a code.

    >>> perplexity(np.array([0, 1, 0, 1]))
    2.0
    """
    if codebook_size is not None:
        _check_range(codes, codebook_size)
    present = _present(codes)
    if not len(present):
        return None
    counts = np.unique(present, return_counts=True)[1]
    return float(np.exp(_entropy_sum(counts) / len(present)))


def within_prefix_perplexity(codes: np.ndarray) -> float | None:
    """Mean perplexity of the last position's code inside a prefix, weighted by documents.

    For each prefix g = c_{<t} held by n_g ≥ 2 documents, let PP_g be the perplexity of c_t among them; the
    value is Σ_g n_g·PP_g / Σ_g n_g. A position that only repeats its prefix scores 1, however high its
    plain perplexity is.

    Args:
        codes: [N, t] integers; the last column is c_t, the others its prefix. Documents without a code at t
            are left out.

    Returns:
        The mean, or None when no prefix holds two documents.

    >>> within_prefix_perplexity(np.array([[0, 0], [0, 1], [1, 2], [1, 2]]))  # prefix 0: 2, prefix 1: 1
    1.5
    """
    codes = _table(codes)
    codes = codes[codes[:, -1] >= 0]
    prefixes = group_rows(codes[:, :-1])
    cells = group_rows(np.column_stack([prefixes.index, codes[:, -1]]))
    sums = _entropy_sum(cells.counts, cells.rows[:, 0], len(prefixes.counts), prefixes.counts)
    shared = prefixes.counts >= 2
    if not shared.any():
        return None
    sizes = prefixes.counts[shared]
    return float(np.average(np.exp(sums[shared] / sizes), weights=sizes))


def diff_ratio(codes: np.ndarray, neighbours: int = 4, seed: int | None = None) -> float | None:
    """How much documents of one prefix differ at the last position (the paper's Figure 4e, without bias).

    A document with n - 1 others under its prefix c_{<t} draws m = min(H, n - 1) of them without
    replacement; its ratio is (distinct codes c_t among the m + 1 documents) / (m + 1). The value is the
    mean over all documents that have at least one such neighbour. 1 = every drawn group is all different;
    the least possible is 1 / (H + 1).

    By default the exact expectation over the draws is computed, which needs no seed and does not depend on
    the order of documents: a code held by c of the n documents is missed by all m draws of another code's
    document with probability C(n-1-c, m) / C(n-1, m).

    Args:
        codes: [N, t] integers, the last column is c_t. Documents without a code at t are left out.
        neighbours: H, at least 1.
        seed: None for the exact expectation; a number for the value of one draw with that seed.

    Returns:
        The mean, or None when no document shares its prefix.

    >>> diff_ratio(np.array([[0, 0], [0, 1], [1, 2], [1, 2]]))  # ratios 1, 1, 1/2, 1/2
    0.75
    """
    _check_neighbours(neighbours)
    codes = _table(codes)
    codes = codes[codes[:, -1] >= 0]
    prefixes = group_rows(codes[:, :-1])
    if not (prefixes.counts >= 2).any():
        return None
    if seed is None:
        return _expected_diff_ratio(codes[:, -1], prefixes.index, prefixes.counts, neighbours)
    return _drawn_diff_ratio(codes[:, -1], prefixes.index, prefixes.counts, neighbours, seed)


def diff_ratio_released(codes: np.ndarray, neighbours: int = 4) -> float | None:
    """The diff ratio as the paper's released code computes it (there `same_prefix_last_diff`).

    A document is compared with the first H other documents of its prefix in file order; fewer than H are
    repeated cyclically, and a document alone under its prefix is compared with H copies of itself. Its
    ratio is (distinct codes c_t among the H + 1) / (1 + H). Repeats and copies pull the value down where
    prefixes hold few documents, and it depends on the order of documents: `diff_ratio` has neither fault.

    Args:
        codes: [N, t] integers in file order, the last column is c_t. Documents without a code at t are left
            out.
        neighbours: H, at least 1.

    Returns:
        The mean over all documents, in [1 / (1 + H), 1], or None when there is no document.

    >>> diff_ratio_released(np.array([[0, 0], [0, 1], [1, 2]]))  # (2/5 + 2/5 + 1/5) / 3
    0.3333333333333333
    """
    _check_neighbours(neighbours)
    codes = _table(codes)
    codes = codes[codes[:, -1] >= 0]
    if not len(codes):
        return None
    prefixes = group_rows(codes[:, :-1])
    order, starts = _documents_by_group(prefixes.index, prefixes.counts)
    rank = rank_within_groups(prefixes.index)
    others = prefixes.counts[prefixes.index] - 1
    pool = np.maximum(np.minimum(others, neighbours), 1)
    compared = np.empty((len(codes), neighbours + 1), dtype=np.int64)
    compared[:, 0] = codes[:, -1]
    for place in range(neighbours):
        other = place % pool
        other = other + (other >= rank)  # the document itself is stepped over
        row = order[starts[prefixes.index] + np.minimum(other, others)]
        compared[:, place + 1] = np.where(others > 0, codes[row, -1], codes[:, -1])
    return float(np.mean(_distinct_per_row(compared) / (neighbours + 1)))


def use_of_codes(codes: np.ndarray) -> dict[str, float | int | None]:
    """perplexity, within_prefix_perplexity, used_codes and diff_ratio of the last position: a row of a history.

    Args:
        codes: [N, t] integers. Documents without a code at t are left out.

    >>> use_of_codes(np.array([[0, 0], [0, 1], [1, 2], [1, 2]]))["used_codes"]
    3
    """
    return {
        "perplexity": perplexity(codes[:, -1]),
        "within_prefix_perplexity": within_prefix_perplexity(codes),
        "used_codes": used_codes(codes[:, -1]),
        "diff_ratio": diff_ratio(codes),
    }


def id_consistency(codes: np.ndarray, stored: np.ndarray) -> float | None:
    """Share of documents whose codes equal the stored ones at every position.

    Args:
        codes: [N, T] codes that the model chooses now.
        stored: [N, T] codes that were written earlier.

    Returns:
        A share in [0, 1], or None when there is no document.

    >>> id_consistency(np.array([[1, 2], [3, 4]]), np.array([[1, 2], [3, 0]]))
    0.5
    """
    same = _same_codes(codes, stored)
    return float(same.all(axis=1).mean()) if len(same) else None


def mean_f1(hits: np.ndarray, occurrences: np.ndarray) -> float | None:
    """Mean of F1_w = 2·hits_w / occurrences_w over the types w that occur, predicted or true; None where none does.

    >>> mean_f1(np.array([1, 1, 0]), np.array([3, 3, 0]))
    0.6666666666666666
    """
    occur = occurrences > 0
    return float(np.mean(2 * hits[occur] / occurrences[occur])) if occur.any() else None


@dataclass(frozen=True)
class Collisions:
    """Documents whose learned codes are equal (before the suffix tells them apart).

    Attributes:
        documents: number of documents N.
        colliding_documents: documents that share all their codes with at least one other.
        groups: number of IDs that two or more documents share.
        largest_group: documents under the most crowded ID (1 when nothing collides, 0 without documents).
        unique_share: share of documents alone under their codes; None without documents.
        distinct_prefixes: distinct c_{≤t} for t = 1 … T.
        sizes: histogram {group size: number of IDs held by so many documents}, sizes ascending.
    """

    documents: int
    colliding_documents: int
    groups: int
    largest_group: int
    unique_share: float | None
    distinct_prefixes: tuple[int, ...]
    sizes: dict[int, int]


def collisions(ids: SemanticIDs) -> Collisions:
    """Count the documents that share their learned codes.

    >>> ids = SemanticIDs.from_codes(["a", "b", "c"], [[0, 1], [0, 1], [0, 2]], (4, 4))
    >>> found = collisions(ids)
    >>> found.colliding_documents, found.groups, found.distinct_prefixes, found.sizes
    (2, 1, (1, 2), {1: 1, 2: 1})
    """
    expect_ids(ids)
    counts = ids.prefix_groups(ids.positions)[2]
    shared = counts[counts > 1]
    sizes, number = np.unique(counts, return_counts=True)
    return Collisions(
        documents=len(ids),
        colliding_documents=int(shared.sum()),
        groups=len(shared),
        largest_group=int(counts.max(initial=0)),
        unique_share=float((counts == 1).sum() / len(ids)) if len(ids) else None,
        distinct_prefixes=tuple(ids.number_of_prefixes(length) for length in range(1, ids.positions + 1)),
        sizes=dict(zip(sizes.tolist(), number.tolist(), strict=True)),
    )


def diagnose(perplexity: float | None, codebook_size: int, documents: int, stage: str, position: int) -> str | None:
    """Words about a collapsed codebook, or None when the perplexity is sound.

    A collapse is a perplexity below 10 % (`COLLAPSE_BOUND`) of min(K, N), the most that N documents reach
    with K codes, or one code for all documents.

    Args:
        perplexity: of the position's codes over the corpus; None (no codes) is no collapse.
        codebook_size: K at this position.
        documents: N.
        stage: name of the stage that has just ended ("continuous", "codebook_init", "discrete" …).
        position: counted from 1.

    >>> print(diagnose(2.0, codebook_size=64, documents=1000, stage="discrete", position=1)[:60])
    Position 1 has collapsed at the end of stage 'discrete': per
    """
    return next(iter(diagnose_positions([(stage, position, perplexity, codebook_size)], documents)), None)


def diagnose_positions(ends: Iterable[tuple[str, int, float | None, int]], documents: int) -> list[str]:
    """`diagnose` for ends of stages: one sentence a stage, whatever the number of its positions that have collapsed.

    Args:
        ends: (stage, position, perplexity, codebook size), in any order.
        documents: N.

    >>> ends = [("discrete", 1, 1.0, 8), ("discrete", 2, 1.0, 8), ("discrete", 3, 6.0, 8)]
    >>> [words.partition(":")[0] for words in diagnose_positions(ends, documents=400)]
    ["Positions 1 and 2 have collapsed at the end of stage 'discrete'"]
    """
    sick: dict[str, list[tuple[int, float, int]]] = {}
    for stage, position, perplexity, size in ends:
        reachable = min(size, documents)
        if perplexity is None or reachable < 2:
            continue
        if perplexity < COLLAPSE_BOUND * reachable or perplexity <= 1 + 1e-9:
            sick.setdefault(stage, []).append((position, perplexity, size))
    return [_collapse_in_words(stage, sorted(places), documents) for stage, places in sick.items()]


def _collapse_in_words(stage: str, places: list[tuple[int, float, int]], documents: int) -> str:
    positions, perplexities, sizes = zip(*places, strict=True)
    reachable = [min(size, documents) for size in sizes]
    bounds = [f"{max(COLLAPSE_BOUND * one, 1):.1f}" for one in reachable]
    codebooks = "a codebook" if len(places) == 1 else "codebooks"
    return (
        f"{positions_in_words(positions)} {'has' if len(places) == 1 else 'have'} collapsed at the end of stage "
        f"'{stage}': perplexity {each([f'{one:.2f}' for one in perplexities])}, where {documents} documents and "
        f"{codebooks} of {each(sizes)} can reach {each(reachable)} and less than {each(bounds)} counts as a collapse. "
        f"What to try: {_REMEDIES.get(stage, _REMEDIES['discrete'])}."
    )


# -- the parts ---------------------------------------------------------------------------------------------


def _numbers(codes) -> np.ndarray:
    codes = np.asarray(codes)
    if codes.dtype.kind not in "biuf" and codes.size:
        raise LMIndexerError(f"Wanted an array of codes, not {type(codes.flat[0]).__name__}. Give ids.codes.")
    return codes


def _table(codes: np.ndarray) -> np.ndarray:
    codes = _numbers(codes)
    if codes.ndim != 2 or codes.shape[1] < 1:
        raise LMIndexerError(f"Codes must have the shape [documents, positions], not {list(codes.shape)}.")
    return codes


def _present(codes: np.ndarray) -> np.ndarray:
    codes = _numbers(codes)
    if codes.ndim != 1:
        raise LMIndexerError(f"Codes of one position must have the shape [documents], not {list(codes.shape)}.")
    return codes[codes >= 0]


def _check_range(codes: np.ndarray, codebook_size: int) -> None:
    highest = np.max(codes, initial=-1)
    if highest >= codebook_size:
        raise LMIndexerError(f"Code {highest} does not fit a codebook of {codebook_size} (codes are counted from 0).")


def _check_neighbours(neighbours: int) -> None:
    if neighbours < 1:
        raise LMIndexerError(f"The diff ratio needs at least one neighbour, not {neighbours}.")


def _entropy_sum(counts, group=None, groups=None, sizes=None):
    """n·H for counts of one distribution, or for each of several (`group` names each count's distribution).

    n·H = Σ_k c_k ln(n / c_k): every term is ≥ 0, so a single code gives exactly 0 and perplexity exactly 1.
    """
    if group is None:
        return np.sum(counts * np.log(counts.sum() / counts))
    return np.bincount(group, weights=counts * np.log(sizes[group] / counts), minlength=groups)


def _documents_by_group(index: np.ndarray, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(document numbers ordered by group and then by file order, where each group starts in them)."""
    return np.argsort(index, kind="stable"), np.cumsum(counts) - counts


def _distinct_per_row(values: np.ndarray) -> np.ndarray:
    ordered = np.sort(values, axis=1)
    return 1 + (ordered[:, 1:] != ordered[:, :-1]).sum(axis=1)


def _expected_diff_ratio(last: np.ndarray, index: np.ndarray, counts: np.ndarray, neighbours: int) -> float:
    cells = group_rows(np.column_stack([index, last]))
    n = counts[cells.rows[:, 0]].astype(np.float64)
    c = cells.counts.astype(np.float64)
    m = np.minimum(neighbours, n - 1)
    missed = np.ones(len(c))  # C(n-1-c, m) / C(n-1, m) as a product of m factors
    for draw in range(neighbours):
        missed *= np.maximum(n - 1 - c - draw, 0) / np.maximum(n - 1 - draw, 1)  # 0 once too few are left
    # Each of the n - c documents with another code meets this cell or misses it; its own c always meet it.
    met = (c + (n - c) * (1 - missed)) / (m + 1)
    shared = n >= 2
    return float(met[shared].sum() / counts[counts >= 2].sum())


def _drawn_diff_ratio(last, index, counts, neighbours: int, seed: int) -> float:
    """One draw: shuffle the documents of each prefix and take the next m around the circle.

    Any document's m followers are a uniform draw without replacement from the others, for the price of a
    sort.
    """
    shuffled = np.random.default_rng(seed).permutation(len(last))
    order, starts = _documents_by_group(index[shuffled], counts)
    order = shuffled[order]
    group = np.repeat(np.arange(len(counts)), counts)
    size = counts[group]
    place = np.arange(len(order)) - starts[group]
    total = 0.0
    for n in range(2, neighbours + 2):  # groups of n ≤ H documents draw n - 1; larger ones all draw H
        rows = np.flatnonzero(size == n if n <= neighbours else size > neighbours)
        around = (place[rows, None] + np.arange(n)) % size[rows, None]
        total += (_distinct_per_row(last[order[starts[group[rows], None] + around]]) / n).sum()
    return float(total / counts[counts >= 2].sum())


def _same_codes(codes: np.ndarray, stored: np.ndarray) -> np.ndarray:
    codes, stored = _table(codes), _table(stored)
    if codes.shape != stored.shape:
        raise LMIndexerError(f"Codes of shape {list(codes.shape)} cannot be compared with {list(stored.shape)}.")
    return codes == stored
