"""How well groups agree with known categories: mutual information, homogeneity, completeness, purity."""

import heapq
from dataclasses import dataclass

import numpy as np
import scipy

from lmindexer.common.errors import LMIndexerError
from lmindexer.ids.grouping import RowGroups, group_rows


@dataclass(frozen=True)
class CategoryAgreement:
    """Agreement of predicted groups with true classes; the scores are None where no document has a label.

    Attributes:
        ami: adjusted mutual information (arithmetic mean of the entropies), the paper's Table 1: (MI -
            E[MI]) / (mean(H(true), H(pred)) - E[MI]), about 0 for chance at any number of groups and 1 for
            equal partitions.
        nmi: MI / mean(H(true), H(pred)); not corrected for chance, so it grows with the number of groups.
        homogeneity: 1 - H(true | pred) / H(true): each group holds one class only.
        completeness: 1 - H(pred | true) / H(pred): each class lies in one group only.
        purity: share of documents that belong to the most frequent class of their group.
        documents: documents that have a label.
        prefixes: groups among them.
        classes: classes among them.
    """

    ami: float | None
    nmi: float | None
    homogeneity: float | None
    completeness: float | None
    purity: float | None
    documents: int
    prefixes: int
    classes: int

    @property
    def says_nothing(self) -> str | None:
        """Why the AMI says nothing of the groups (`says_nothing`); None where it does."""
        return says_nothing(self.documents, self.prefixes, self.classes)


def says_nothing(documents: int, prefixes: int, classes: int) -> str | None:
    """Why an AMI says nothing: one side is a single group, or a group for every document. None where it does.

    By the formula it is then 1 where both sides are equal and 0 otherwise, whatever the codes were made from.

    >>> says_nothing(4, 2, 1), says_nothing(4, 1, 2), says_nothing(4, 2, 2)
    ('there is one class only', 'all documents have one code', None)
    """
    if documents and classes == 1:
        return "there is one class only"
    if documents and prefixes == 1:
        return "all documents have one code"
    if documents and classes == documents:
        return "every document is a class of its own"
    if documents and prefixes == documents:
        return "every document has a code of its own"
    return None


def category_agreement(labels_true, labels_pred) -> CategoryAgreement:
    """Compare groups of documents with their true classes; documents whose true label is "" are left out.

    Args:
        labels_true: [N] strings, such as `corpus.labels()`.
        labels_pred: [N] group of each document (codes, prefix numbers, strings).

    Raises:
        LMIndexerError: when the lengths differ.

    >>> found = category_agreement(["a", "a", "b", "b", ""], [0, 0, 1, 2, 2])
    >>> round(found.homogeneity, 3), round(found.completeness, 3), found.purity, found.documents
    (1.0, 0.667, 1.0, 4)
    """
    true, pred = np.asarray(labels_true), np.asarray(labels_pred)
    if true.shape != pred.shape or true.ndim != 1:
        raise LMIndexerError(
            f"Labels of shape {list(true.shape)} cannot be compared with groups of shape {list(pred.shape)}."
        )
    labelled = true != ""
    classes, true = np.unique(true[labelled].astype(str), return_inverse=True)
    groups, pred = np.unique(pred[labelled], return_inverse=True)
    if not len(true):
        return CategoryAgreement(None, None, None, None, None, 0, 0, 0)
    cells = group_rows(np.column_stack([pred, true]))
    sizes_true, sizes_pred = np.bincount(true), np.bincount(pred)
    shared = mutual_information(cells.rows, cells.counts, sizes_true, sizes_pred)
    entropy_true, entropy_pred = entropy(sizes_true), entropy(sizes_pred)
    mean = (entropy_true + entropy_pred) / 2
    by_chance = expected_mutual_information(sizes_true, sizes_pred)
    return CategoryAgreement(
        ami=score(shared - by_chance, mean - by_chance),
        nmi=score(shared, mean),
        homogeneity=score(shared, entropy_true),
        completeness=score(shared, entropy_pred),
        purity=_purity(cells, len(groups)),
        documents=len(true),
        prefixes=len(groups),
        classes=len(classes),
    )


def merged_classes(labels, groups: int) -> np.ndarray:
    """The true classes as `groups` codes, [N]: the two smallest are merged until no more are left.

    With fewer codes than classes no codes can equal the classes; the AMI of these says about how far K codes can come
    at all (classes kept whole, codes used as evenly as they can be). Documents with the label "" get code -1.

    >>> merged_classes(["a", "a", "a", "b", "c", ""], 2).tolist()
    [0, 0, 0, 1, 1, -1]
    """
    labels = np.asarray(labels).astype(str)
    classes, place, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    heap = [(int(size), number, [number]) for number, size in enumerate(sizes) if classes[number] != ""]
    heapq.heapify(heap)
    while len(heap) > max(1, groups):
        one, other = heapq.heappop(heap), heapq.heappop(heap)
        heapq.heappush(heap, (one[0] + other[0], min(one[1], other[1]), one[2] + other[2]))
    code_of = np.full(len(classes), -1)
    for code, (_, _, members) in enumerate(sorted(heap, key=lambda group: group[1])):
        code_of[members] = code
    return code_of[place]


def expected_mutual_information(sizes_true: np.ndarray, sizes_pred: np.ndarray) -> float:
    """Mutual information that two random partitions with these group sizes share on average (in nats).

    E[MI] = Σ_a Σ_b Σ_n n/N · ln(N·n / (a·b)) · P(n), with n hypergeometric: the overlap of a group of a and
    one of b among N documents (Vinh, Epps and Bailey 2010, eq. 24a). Groups of equal size are worked out
    once, and n runs over 12 standard deviations and 30 more about its mean, outside of which lies less than
    1e-15 of the probability; so a million documents in half a million groups take seconds, where the plain
    triple sum takes hours.

    Args:
        sizes_true, sizes_pred: group sizes ≥ 1 of the two partitions, of one sum N.

    >>> round(expected_mutual_information(np.array([2, 2]), np.array([2, 2])), 4)  # ln 2 / 3
    0.231
    """
    documents = int(np.sum(sizes_true))
    log_factorial = scipy.special.gammaln(np.arange(documents + 1) + 1.0)
    sizes_b, times_b = np.unique(sizes_pred, return_counts=True)
    total = 0.0
    for a, times_a in zip(*np.unique(sizes_true, return_counts=True), strict=True):
        total += int(times_a) * float(times_b @ expected_terms(int(a), sizes_b, log_factorial))
    return total


def expected_terms(a: int, sizes_b: np.ndarray, log_factorial: np.ndarray) -> np.ndarray:
    """What a class of a documents and a group of b share on average, for each b of sizes_b: a part of E[MI].

    log_factorial [N + 1] holds ln 0! … ln N!, which also says N.
    """
    documents = len(log_factorial) - 1
    mean = a * sizes_b / documents
    spread = np.sqrt(mean * (1 - a / documents) * (1 - sizes_b / documents) * documents / max(documents - 1, 1))
    reach = 12 * spread + 30
    low = np.maximum(np.maximum(1, a + sizes_b - documents), np.floor(mean - reach).astype(np.int64))
    high = np.minimum(np.minimum(a, sizes_b), np.ceil(mean + reach).astype(np.int64))
    length = high - low + 1
    first = np.cumsum(length) - length
    n = np.arange(length.sum()) + np.repeat(low - first, length)
    b = np.repeat(sizes_b, length)
    log_probability = (
        (log_factorial[a] + log_factorial[documents - a] + log_factorial[b] + log_factorial[documents - b])
        - (log_factorial[documents] + log_factorial[n] + log_factorial[a - n])
        - (log_factorial[b - n] + log_factorial[documents - a - b + n])
    )
    return np.add.reduceat(n / documents * np.log(documents * n / (a * b)) * np.exp(log_probability), first)


def mutual_information(rows: np.ndarray, counts: np.ndarray, sizes_true: np.ndarray, sizes_pred: np.ndarray) -> float:
    """MI in nats of a table of counts: cell i holds counts[i] documents of group rows[i, 0] and class rows[i, 1]."""
    documents = sizes_true.sum()
    expected = sizes_pred[rows[:, 0]] / documents * sizes_true[rows[:, 1]]
    return float(np.sum(counts / documents * np.log(counts / expected)))


def entropy(sizes: np.ndarray) -> float:
    """Entropy in nats of group sizes ≥ 1.

    >>> round(entropy(np.array([2, 2])), 4)
    0.6931
    """
    return float(np.sum(sizes / sizes.sum() * np.log(sizes.sum() / sizes)))


def score(part: float, whole: float) -> float:
    """part / whole; where there is nothing to share (a whole of 0 but for rounding), none is missing: 1."""
    return part / whole if whole > 1e-9 else 1.0


def _purity(cells: RowGroups, groups: int) -> float:
    largest = np.zeros(groups, dtype=np.int64)
    np.maximum.at(largest, cells.rows[:, 0], cells.counts)
    return float(largest.sum() / cells.counts.sum())
