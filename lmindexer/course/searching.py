"""Checks of notebooks 12 and 13, search: BM25, NDCG, average precision, beams, reciprocal rank, n-grams.

>>> reciprocal_rank(lambda ranking, relevant, k: ...)
○ reciprocal rank: not tried yet. Replace the dots, then run this cell again.
"""

import math
import random
from collections import Counter
from itertools import product

import numpy as np

from lmindexer.course.drawn import compared
from lmindexer.course.verdict import right, wrong


def bm25(function) -> None:
    """function(query, documents, k1, b) -> scores [N]; query and documents are lists of words."""

    def case(draw: random.Random):
        words = ["ball", "red", "knife", "oven", "drum"]
        documents = [draw.choices(words, k=draw.randint(2, 8)) for _ in range(draw.randint(3, 6))]
        return draw.sample(words, 2), documents, draw.choice([0.6, 0.9, 1.0]), draw.choice([0.3, 0.5, 0.75])

    def scores(query, documents, k1, b, idf=None, length=True, saturate=True):
        mean, n = np.mean([len(d) for d in documents]), len(documents)
        idf = idf or (lambda held: math.log(1 + (n - held + 0.5) / (held + 0.5)))
        found = []
        for d in documents:
            norm = k1 * (1 - b + b * len(d) / mean) if length else k1
            counts = [(w, d.count(w)) for w in query if w in d]
            weight = [idf(sum(w in other for other in documents)) for w, _ in counts]
            found.append(sum(i * (f / (f + norm) if saturate else f) for i, (_, f) in zip(weight, counts, strict=True)))
        return found

    slips = {
        "Every word weighs alike: the rarity ln(1 + (N - n + ½) / (n + ½)) is missing.": lambda *a: scores(
            *a, idf=lambda held: 1.0
        ),
        "The length of the document is missing: 1 - b + b · |d| / mean |d|.": lambda *a: scores(*a, length=False),
        "The count must saturate: f / (f + …), not f itself.": lambda *a: scores(*a, saturate=False),
        "k1 and b have changed places.": lambda query, documents, k1, b: scores(query, documents, b, k1),
        "Each score is k1 + 1 times too large. That is the older form; the order is the same, the numbers are not.": (
            lambda query, documents, k1, b: [(k1 + 1) * s for s in scores(query, documents, k1, b)]
        ),
    }
    if compared(function, case, scores, slips, "BM25's scores"):
        right("rare words weigh more, repetition less and less, and long documents pay")


def ndcg(function) -> None:
    """function(gains, all_gains, k) -> NDCG@k: gains by rank, and the gains of all relevant documents of the query."""

    def case(draw: random.Random):
        relevant = [draw.choice([1, 2, 3]) for _ in range(draw.randint(3, 7))]
        ranked = [*draw.sample(relevant, draw.randint(1, len(relevant) - 1)), *[0] * draw.randint(2, 5)]
        draw.shuffle(ranked)
        return ranked, draw.sample(relevant, len(relevant)), draw.randint(2, 6)

    def dcg(gains, k):
        return sum(g / math.log2(rank + 1) for rank, g in enumerate(gains[:k], start=1))

    def best(gains, k):
        return dcg(sorted(gains, reverse=True), k)

    def share(found, ideal):
        return found / ideal if ideal else 0.0

    slips = {
        "The ideal is made of what *this list* found, sorted. That is the released code's: a list with one late "
        "hit can look perfect. The ideal knows all relevant documents.": lambda g, a, k: share(
            dcg(g, k), best(g[:k], k)
        ),
        "The ideal is made of this whole list, sorted; documents it never found are missing.": lambda g, a, k: share(
            dcg(g, k), best(g, k)
        ),
        "This is DCG; divide by the ideal's.": lambda g, a, k: dcg(g, k),
        "The ideal must be cut at k as well.": lambda g, a, k: share(dcg(g, k), best(a, len(a))),
        "The ideal is not sorted: its best documents come first.": lambda g, a, k: share(dcg(g, k), dcg(a, k)),
        "The gains are 2^g - 1 in your formula; here the gain is the grade itself.": lambda g, a, k: share(
            dcg([2**x - 1 for x in g], k), best([2**x - 1 for x in a], k)
        ),
    }
    if compared(function, case, lambda g, a, k: share(dcg(g, k), best(a, k)), slips, "NDCG"):
        right("NDCG over the ideal of all relevant documents, as trec_eval has it")


def average_precision(function) -> None:
    """function(hits, relevant, k) -> AP@k: hits by rank (True or False), and how many documents are relevant."""

    def case(draw: random.Random):
        hits = [draw.random() < 0.4 for _ in range(draw.randint(5, 9))]
        return hits, sum(hits) + draw.randint(1, 4), draw.randint(3, 6)

    def total(hits, k):
        return sum(sum(hits[:r]) / r for r in range(1, min(k, len(hits)) + 1) if hits[r - 1])

    slips = {
        "You divide by the hits that were found. That is the released code's: missing nine of ten costs nothing. "
        "Divide by all relevant documents.": lambda h, n, k: total(h, k) / max(1, sum(h[:k])),
        "You divide by k. Divide by the number of relevant documents.": lambda h, n, k: total(h, k) / k,
        "Nothing is divided: the sum of precisions over the number of relevant documents.": lambda h, n, k: total(h, k),
        "The list is not cut at k.": lambda h, n, k: total(h, len(h)) / n,
        "You add the precision at every rank. It counts only where a hit stands.": lambda h, n, k: (
            sum(sum(h[:r]) / r for r in range(1, min(k, len(h)) + 1)) / n
        ),
    }
    if compared(function, case, lambda h, n, k: total(h, k) / n, slips, "average precision"):
        right("precision at each hit, over all relevant documents")


def position_lost(function) -> None:
    """function(kept, path) -> the position, from 1, at which the path left the beam, or 0 if it never did.

    kept: for each position the set of prefixes (tuples) that the beam kept; path: a tuple of codes.
    """

    def case(draw: random.Random):
        length = draw.randint(2, 4)
        path = tuple(draw.randrange(3) for _ in range(length))
        lost = draw.randint(0, length)
        kept = []
        for t in range(1, length + 1):
            others = {codes for codes in product(range(3), repeat=t) if codes != path[:t]}
            some = set(draw.sample(sorted(others), min(2, len(others))))
            kept.append(some | {path[:t]} if not lost or t < lost else some)
        return kept, path

    def lost(kept, path):
        return next((t for t in range(1, len(path) + 1) if path[:t] not in kept[t - 1]), 0)

    slips = {
        "You count positions from 0; people are shown them from 1, and 0 says that the path was never lost.": (
            lambda kept, path: max(0, lost(kept, path) - 1)
        ),
        "This is the last position at which the path was still there, not the one at which it left.": (
            lambda kept, path: (lost(kept, path) or len(path) + 1) - 1
        ),
        "You look whether the *whole* path is there. A prefix is lost first.": lambda kept, path: (
            0 if path in kept[-1] else len(path)
        ),
        "You look for single codes. The beam keeps prefixes: path[:t].": lambda kept, path: next(
            (t for t in range(1, len(path) + 1) if path[t - 1] not in {p[-1] for p in kept[t - 1]}), 0
        ),
    }
    if compared(function, case, lost, slips, "position"):
        right("the first position at which the right prefix is not among the kept ones")


def reciprocal_rank(function) -> None:
    """function(ranking, relevant, k) -> 1 / rank of the first relevant document among the first k, else 0."""

    def case(draw: random.Random):
        ranking = draw.sample(range(30), 10)
        return ranking, set(draw.sample(range(30), draw.randint(1, 4))), draw.choice([3, 5, 10])

    def places(ranking, relevant, k):
        return [rank for rank, document in enumerate(ranking[:k], start=1) if document in relevant]

    slips = {
        "This is the rank; the measure is 1 / rank.": lambda *a: min(places(*a), default=0),
        "Ranks begin at 1: the first place is worth 1.": lambda *a: 1 / (1 + min(places(*a))) if places(*a) else 0.0,
        "You take the *last* relevant document; the first one counts.": lambda *a: (
            1 / max(places(*a)) if places(*a) else 0.0
        ),
        "You add all relevant documents; only the first one counts.": lambda *a: sum(1 / r for r in places(*a)),
        "The list is not cut at k.": lambda ranking, relevant, k: (
            1 / min(places(ranking, relevant, 99), default=math.inf)
        ),
    }
    if compared(function, case, lambda *a: 1 / min(places(*a), default=math.inf), slips, "reciprocal rank"):
        right("1 / rank of the first relevant document, 0 where there is none among the first k")


def suffix_array(function) -> None:
    """function(tokens) -> the places of `tokens` in the order of what begins there (Python's order of lists)."""

    def case(draw: random.Random):
        return ([draw.randint(0, 3) for _ in range(draw.randint(4, 12))],)

    def places(tokens):
        return sorted(range(len(tokens)), key=lambda at: tokens[at:])

    def ranks(tokens):
        return [places(tokens).index(at) for at in range(len(tokens))]

    slips = {
        "This is the *rank* of each place; the array holds the places by rank. One is the other turned round.": ranks,
        "You sort by the first token alone; what follows decides between equal ones.": lambda tokens: sorted(
            range(len(tokens)), key=lambda at: tokens[at]
        ),
        "The order is falling.": lambda tokens: places(tokens)[::-1],
        "You count places from 1.": lambda tokens: [at + 1 for at in places(tokens)],
        "The places stand in their own order. Sort them by what begins there.": lambda tokens: list(range(len(tokens))),
    }
    if compared(function, case, places, slips, "suffix array"):
        right("all places, in the order of what begins there: equal n-grams lie side by side")


def next_words(function) -> None:
    """function(documents, ngram) -> {word: how often it follows the n-gram}, over all documents (lists of words)."""

    def case(draw: random.Random):
        documents = [draw.choices("abc", k=draw.randint(3, 8)) for _ in range(draw.randint(2, 4))]
        return documents, draw.choices("abc", k=draw.randint(1, 2))

    def follow(documents, ngram):
        n = len(ngram)
        return dict(Counter(d[i + n] for d in documents for i in range(len(d) - n) if d[i : i + n] == ngram))

    slips = {
        "An n-gram runs from one document into the next in your count. A document's end ends it.": lambda ds, g: follow(
            [[w for d in ds for w in d]], g
        ),
        "You count each document once; every occurrence counts.": lambda ds, g: dict(
            Counter(word for d in ds for word in follow([d], g))
        ),
        "Only the last word of the n-gram is looked at.": lambda ds, g: follow(ds, g[-1:]),
        "You count words that stand anywhere behind the n-gram; only the next one may follow.": lambda ds, g: dict(
            Counter(w for d in ds for i in range(len(d) - len(g)) if d[i : i + len(g)] == g for w in d[i + len(g) :])
        ),
        "These are the words in front of the n-gram.": lambda ds, g: follow([d[::-1] for d in ds], g[::-1]),
    }
    if compared(function, case, follow, slips, "words that may follow", like=_same_counts):
        right("what may follow an n-gram is what follows it somewhere in the corpus")


def _same_counts(answer, expected) -> bool:
    if not isinstance(answer, dict):
        wrong("Give a dictionary: {word: how often it follows}.")
    return {word: int(n) for word, n in answer.items() if n} == expected
