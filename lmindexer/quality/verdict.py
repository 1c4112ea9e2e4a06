"""A run in plain words: what its numbers say, by which bounds, and what to try with the method that made it.

How codes are used is judged by three numbers of each position, beside min(K, N), the most codes that N documents can
use of K: the share of them in use, perplexity, and the share of documents that hold the most frequent code. The IDs of
a tree of clusters (`TREES`) number the children of each node from 0, so a code alone says nothing past position 1 and
such runs are judged there and by their whole IDs only.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, NamedTuple

from lmindexer.quality.wording import each, positions_in_words

if TYPE_CHECKING:
    from lmindexer.quality import IDQuality

TREES = ("hierarchical", "category")
CONTROLS = ("random", "category")  # methods whose IDs are what they are; there is nothing to tune

AGREEMENT = ((0.7, "good", "follows"), (0.5, "good", "largely follows"), (0.3, "fair", "partly follows"),
             (0.1, "fair", "loosely follows"), (-2.0, "bad", "hardly follows"))  # fmt: skip
IN_USE = (0.5, 0.9)  # of min(K, N) codes: below the first is bad, below the second fair
EVEN = (0.1, 0.3)  # perplexity / min(K, N), likewise
LARGEST = (0.5, 0.3)  # share of documents with one code: above the first is bad, above the second fair
REPEATS = 1.5  # perplexity inside a prefix below which a position adds nothing
UNIQUE = (0.1, 0.7)  # share of documents alone under their codes
CROWDED = (0.1, 0.02)  # share of documents under the most crowded ID, if it holds more than 10

_SPREAD = {
    "lmindexer": "both warm-ups, codebooks that start at k-means (codebook_init=kmeans), a smaller codebook",
    "rqvae": "kmeans_init=true and restart=true, balanced assignment (sinkhorn=0.003), a smaller codebook",
    "residual_kmeans": "more starts of k-means (restarts), other vectors (embeddings), a smaller codebook",
    "hierarchical": "more starts of k-means (restarts), other vectors (embeddings), fewer branches",
}
_REPEATED = {
    "lmindexer": "the contrastive term inside a prefix (contrastive=cosine)",
    "rqvae": "codebooks that start at k-means (kmeans_init=true), a longer training",
    "residual_kmeans": "other vectors (embeddings), fewer positions",
}
_LONGER = {"hierarchical": "a deeper tree (max_depth), smaller leaves (leaf_size)"}


class Remark(NamedTuple):
    """One sentence about a run and whether it is "good", "fair" or "bad" news."""

    mood: str
    text: str


def verdict(quality: IDQuality, method: str = "lmindexer", largest: Sequence[float] | None = None) -> list[Remark]:
    """Remarks on category agreement, use of the codes and collisions. The bounds are in the sentences.

    Args:
        method: which indexer made the IDs; bounds and advice follow from it.
        largest: share of the documents with the most frequent code, by position; None leaves it out.

    >>> from lmindexer.corpus.corpus import Corpus
    >>> from lmindexer.quality import evaluate_ids
    >>> from lmindexer.ids.semantic_ids import SemanticIDs
    >>> corpus = Corpus.from_records([{"doc_id": name, "text": name, "category_1": name[0]}
    ...                               for name in ("ax", "ay", "bx", "by")])
    >>> ids = SemanticIDs.from_codes(["ax", "ay", "bx", "by"], [[0], [0], [1], [1]], (2,))
    >>> verdict(evaluate_ids(ids, corpus))[0].mood
    'good'
    """
    return [*_agreement(quality, method), *_use(quality, method, largest), *_collisions(quality, method)]


def _agreement(quality: IDQuality, method: str) -> list[Remark]:
    scores = [(quality.ami(1, level), level) for level in range(1, quality.levels + 1)]
    scores = [(score, level) for score, level in scores if score is not None]
    if not scores:
        return [Remark("fair", "The corpus has no categories, so agreement with them cannot be measured.")]
    scores = [(score, level) for score, level in scores if not quality.says_nothing(1, level)]
    if not scores:
        return [Remark("fair", sentence) for sentence in quality.silent([1])]
    best, level = max(scores)
    mood, verb = next((mood, verb) for bound, mood, verb in AGREEMENT if best >= bound)
    where = f"level {level} of the categories" if quality.levels > 1 else "the categories"
    said = f"The first code {verb} {where}: AMI {best + 0.0:.2f} (0 is chance, 1 the same grouping; good from 0.5)."
    if method in CONTROLS:
        words = "made from the categories" if method == "category" else "drawn at random"
        return [Remark("fair", f"{said} These IDs are {words}: a control to compare others with.")]
    return [Remark(mood, said.replace("-0.00", "0.00"))]


def _use(quality: IDQuality, method: str, largest) -> list[Remark]:
    positions = 1 if method in TREES else quality.positions
    found: dict[tuple, dict[int, list[_Sign]]] = {}  # what is wrong → the positions where it is
    sound = []
    for t in range(1, positions + 1):
        signs = _of_position(quality, t, largest[t - 1] if largest is not None else None)
        if signs:
            found.setdefault(tuple((sign.weight, sign.words) for sign in signs), {})[t] = signs
        elif quality.perplexity[t - 1] is not None:
            sound.append(f"{quality.used_codes[t - 1]} of {quality.codebook_sizes[t - 1]} codes in use, perplexity "
                         f"{quality.perplexity[t - 1]:.1f}")  # fmt: skip
    if sound and not found:
        where = "The first code is" if positions == 1 else "Codes are"
        remarks = [Remark("good", f"{where} well used, position by position: {'; '.join(sound)}.")]
    else:
        remarks = [_together(places, method) for places in found.values()]
    return remarks + _repeats(quality, method)


class _Sign(NamedTuple):
    """Something wrong with a position: 2 for bad, 1 for fair; words with a place for each number."""

    weight: int
    words: str
    numbers: tuple[str, ...] = ()


def _of_position(quality: IDQuality, t: int, largest: float | None) -> list[_Sign]:
    """What is wrong with the use of a position's codes; nothing where nothing is."""
    perplexity, size = quality.perplexity[t - 1], quality.codebook_sizes[t - 1]
    reachable = min(size, quality.documents)
    if perplexity is None or reachable < 2:
        return []
    used = quality.used_codes[t - 1]
    signs = [
        _Sign(_below(used / reachable, IN_USE), f"only {{}} of {{}} codes are in use (good from {IN_USE[1]:.0%})",
              (str(used), str(size))),
        _Sign(_below(1.0 if perplexity > 1 + 1e-9 else 0.0, (0.5, 0.5)), "all documents have one code"),
        _Sign(_below(perplexity / reachable, EVEN), "perplexity is {} of {} (good from {})",
              (f"{perplexity:.1f}", str(reachable), f"{EVEN[1] * reachable:.1f}")),
    ]  # fmt: skip
    if largest is not None and size > 2:
        signs.append(_Sign(_below(-largest, (-LARGEST[0], -LARGEST[1])),
                           f"one code holds {{}} of the documents (good up to {LARGEST[1]:.0%})",
                           (f"{largest:.0%}",)))  # fmt: skip
    return [sign for sign in signs if sign.weight]


def _together(places: dict[int, list[_Sign]], method: str) -> Remark:
    """One sentence about positions of which the same is wrong, with the numbers that differ."""
    alike = zip(*places.values(), strict=True)
    words = [signs[0].words.format(*map(each, zip(*(sign.numbers for sign in signs), strict=True))) for signs in alike]
    collapsed = max(sign.weight for sign in next(iter(places.values()))) == 2
    one = len(places) == 1
    if collapsed:
        said = "has collapsed" if one else "have collapsed"
    else:
        said = "uses its codes unevenly" if one else "use their codes unevenly"
    text = f"{positions_in_words(list(places))} {said}: {', '.join(words)}.{_advice(_SPREAD, method)}"
    return Remark("bad" if collapsed else "fair", text)


def _below(value: float, bounds: tuple[float, float]) -> int:
    """2 below the first bound, 1 below the second, else 0."""
    return 2 if value < bounds[0] else int(value < bounds[1])


def _repeats(quality: IDQuality, method: str) -> list[Remark]:
    if method in TREES or (quality.collisions.unique_share or 0) >= UNIQUE[1]:
        return []  # the prefix tells documents apart already; nothing is lost
    found = {t: value for t, value in enumerate(quality.within_prefix_perplexity[1:], start=2)
             if value is not None and value < REPEATS}  # fmt: skip
    if not found:
        return []
    one = len(found) == 1
    return [
        Remark(
            "bad",
            f"{positions_in_words(list(found))} mostly {'repeats its prefix' if one else 'repeat their prefixes'}: "
            f"perplexity {each([f'{value:.2f}' for value in found.values()])} inside a prefix, where 1 means that "
            f"{'it adds' if one else 'they add'} nothing (good from {REPEATS}).{_advice(_REPEATED, method)}",
        )
    ]


def _collisions(quality: IDQuality, method: str) -> list[Remark]:
    share, largest, documents = quality.collisions.unique_share, quality.collisions.largest_group, quality.documents
    if share is None:
        return []
    room = prod(quality.codebook_sizes)
    alone = _below(share, UNIQUE)
    crowd = _below(-largest / documents, (-CROWDED[0], -CROWDED[1])) if largest > 10 else 0
    if method in CONTROLS or room < documents:
        alone = min(alone, 1)  # there cannot be more, or nothing was to be learned
    level = min(max(alone, crowd), 1 if method in CONTROLS else 2)
    more = "" if largest < 2 else f"; the most crowded ID holds {largest:,}, told apart by the suffix"
    few = f" There are only {room:,} IDs for {documents:,} documents." if room < documents else ""
    wanted = method not in CONTROLS and (level == 2 or share < 0.3)
    advice = f" What to try: {_LONGER.get(method, 'a larger codebook, one more position')}." if wanted else ""
    said = f"{share:.0%} of the documents have codes that no other has (good from {UNIQUE[1]:.0%})"
    return [Remark(("good", "fair", "bad")[level], f"{said}{more}.{few}{advice}")]


def _advice(table: dict[str, str], method: str) -> str:
    return f" What to try: {table[method]}." if method in table else ""
