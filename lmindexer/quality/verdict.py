"""A run in plain words: what its numbers say and what to try."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from lmindexer.quality.diagnostics import diagnose

if TYPE_CHECKING:
    from lmindexer.quality import IDQuality


class Remark(NamedTuple):
    """One sentence about a run and whether it is "good", "fair" or "bad" news."""

    mood: str
    text: str


def verdict(quality: IDQuality) -> list[Remark]:
    """Remarks on category agreement, collapse and collisions. The bounds are in the sentences.

    >>> from lmindexer.corpus.corpus import Corpus
    >>> from lmindexer.quality import evaluate_ids
    >>> from lmindexer.ids.semantic_ids import SemanticIDs
    >>> corpus = Corpus.from_records([{"doc_id": name, "text": name, "category_1": name[0]}
    ...                               for name in ("ax", "ay", "bx", "by")])
    >>> ids = SemanticIDs.from_codes(["ax", "ay", "bx", "by"], [[0], [0], [1], [1]], (2,))
    >>> verdict(evaluate_ids(ids, corpus))[0].mood
    'good'
    """
    return [*_agreement(quality), *_collapse(quality), *_collisions(quality)]


def _agreement(quality: IDQuality) -> list[Remark]:
    scores = [(quality.ami(1, level), level) for level in range(1, quality.levels + 1)]
    scores = [(score, level) for score, level in scores if score is not None]
    if not scores:
        return [Remark("fair", "The corpus has no categories, so agreement with them cannot be measured.")]
    best, level = max(scores)
    bounds = ((0.5, "good", "follows"), (0.3, "good", "largely follows"), (0.1, "fair", "loosely follows"))
    mood, verb = next(((m, v) for bound, m, v in bounds if best >= bound), ("bad", "hardly follows"))
    where = f"level {level} of the categories" if quality.levels > 1 else "the categories"
    return [Remark(mood, f"The first code {verb} {where}: AMI {best:.2f} (0 is chance, 1 the same grouping).")]


def _collapse(quality: IDQuality) -> list[Remark]:
    remarks, sound = [], []
    for position, value in enumerate(quality.perplexity, start=1):
        size = quality.codebook_sizes[position - 1]
        words = diagnose(value, size, quality.documents, "discrete", position)
        if words:
            remarks.append(Remark("bad", words))
        elif value is not None:
            sound.append(f"{value:.1f} of {size}")
    if sound and not remarks:
        remarks.append(Remark("good", f"No position has collapsed: perplexity {', '.join(sound)} by position."))
    for position, value in enumerate(quality.within_prefix_perplexity[1:], start=2):
        if value is not None and value < 1.5:
            remarks.append(
                Remark(
                    "bad",
                    f"Position {position} mostly repeats its prefix: perplexity {value:.2f} inside a prefix, where "
                    "1 means that it adds nothing. What to try: the contrastive term inside a prefix.",
                )
            )
    return remarks


def _collisions(quality: IDQuality) -> list[Remark]:
    share = quality.collisions.unique_share
    if share is None:
        return []
    mood = "good" if share >= 0.7 else "fair"  # crowded IDs are a matter of size; nothing has collapsed
    largest = quality.collisions.largest_group
    more = "" if largest < 2 else f"; the most crowded ID holds {largest:,}, told apart by the suffix"
    advice = "" if share >= 0.3 else " What to try: a larger codebook or one more position."
    return [Remark(mood, f"{share:.0%} of the documents have codes that no other has{more}.{advice}")]
