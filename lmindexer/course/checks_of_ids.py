"""Checks of IDs and of what is read from them, notebooks 00, 01, 08 and 10."""

import math
from collections import Counter

import numpy as np

from lmindexer.corpus.corpus import Corpus
from lmindexer.course.toys import shop
from lmindexer.course.verdict import asked, begun, compare, exactly, exercise, right, same_everywhere, tensor, wrong
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality import diagnostics
from lmindexer.quality.categories import category_agreement
from lmindexer.quality.keywords import PrefixKeywords


@exercise("number of IDs")
def number_of_ids(function) -> None:
    """function(positions, size) -> how many different IDs `positions` codes of `size` values each can make."""
    rng = np.random.default_rng(0)
    cases = [(3, 32), (1, 7), *((int(rng.integers(1, 6)), int(rng.integers(2, 40))) for _ in range(20))]
    slips = {
        "The last code counts too, and codes begin at 0: no ID is left out.": lambda t, k: k**t - 1,
        "This is the number of codes in all codebooks. Each place is free, whatever stands in the others.": (
            lambda t, k: k * t
        ),
        "Base and exponent are exchanged.": lambda t, k: t**k,
    }
    exactly(function, cases, lambda t, k: k**t, slips, "IDs")
    right("every place is free to be any code")


@exercise("perplexity")
def perplexity(function) -> None:
    """function(codes, a list of integers) -> exp(-Σ p ln p)."""
    rng = np.random.default_rng(0)
    cases = [[0, 0, 0, 0, 1, 1, 2, 2], [0, 3, 3, 7], [5], [1, 1, 1]]
    cases += [rng.integers(k, size=n).tolist() for k, n in ((40, 30), (3, 50), (200, 20), (8, 64))]

    def entropy(codes):
        return math.log(diagnostics.perplexity(np.array(codes)))

    slips = {
        "This is the entropy itself; the perplexity is exp of it.": entropy,
        "The sign: the entropy is *minus* Σ p ln p, so you get 1 / perplexity.": lambda c: math.exp(-entropy(c)),
        "This is the number of used codes: it does not feel that one code has half of the documents.": (
            lambda c: len(set(c))
        ),
        "The logarithm is to the base 2, but exp takes it back to the base e. Use one base for both.": (
            lambda c: math.exp(entropy(c) / math.log(2))
        ),
        "A code that nobody has gives 0 · log 0, and that is nan. Leave shares of 0 out.": lambda c: math.nan,
    }
    same_everywhere(function, [(codes,) for codes in cases], lambda c: diagnostics.perplexity(np.array(c)), slips,
                    "perplexity")  # fmt: skip
    right("perplexity: 1 for one code, K for K codes used alike, and codes that nobody has do no harm")


@exercise("random codes purer than learned ones")
def purer_at_random(answer, labels, codes, sizes=(16, 64, 256, 1024)) -> None:
    """The least K of `sizes` at which random codes (`default_rng(0)` for each K) are purer than `codes`."""
    goal = category_agreement(labels, codes).purity

    def random_purity(k):
        return category_agreement(labels, np.random.default_rng(0).integers(k, size=len(labels))).purity

    value = float(tensor(begun(answer), "answer"))
    if value not in sizes:
        wrong(f"{answer} is none of {', '.join(map(str, sizes))}.")
    least = next((k for k in sizes if random_purity(k) > goal), math.inf)
    if value != least:
        wrong(f"{answer} is too {'high' if value > least else 'low'}. Print a table of the purity for every K first.")
    right(f"random codes out of {answer} are purer than the learned ones")


def _code_lists(draws: int = 20):
    """Lists of code tuples, in which first codes repeat more often than whole IDs."""
    rng = np.random.default_rng(0)
    yield [(1, 2), (0, 2), (1, 2), (1, 2), (0, 2), (3, 3)]
    for _ in range(draws):
        yield [tuple(row) for row in rng.integers(3, size=(int(rng.integers(1, 15)), int(rng.integers(1, 4)))).tolist()]


def _earlier(codes) -> list[int]:
    return [codes[:place].count(code) for place, code in enumerate(codes)]


@exercise("suffixes")
def suffixes(function) -> None:
    """function(codes, a list of tuples) -> how many earlier documents had the same codes, for each."""
    slips = {
        "These are the sizes of the groups. The suffix counts only those that came *before*.": (
            lambda codes: [codes.count(code) for code in codes]
        ),
        "You count from 1. The first of a group has 0 before it.": lambda codes: [n + 1 for n in _earlier(codes)],
        "You compare the first codes only. Documents are namesakes when *all* their codes are equal.": (
            lambda codes: _earlier([code[0] for code in codes])
        ),
        "You count those that come *after*.": lambda codes: _earlier(codes[::-1])[::-1],
    }
    same_everywhere(function, [(codes,) for codes in _code_lists()], _earlier, slips, "suffixes")
    right("the suffix counts earlier documents with equal codes, so every ID is unique")


@exercise("bits")
def bits(function) -> None:
    """function(positions, size) -> binary digits that `positions` codes of `size` values take; size a power of two."""
    slips = {
        "This is the number of IDs; how often must one digit be doubled to reach it?": lambda t, k: k**t,
        "These are the bits of one code; there are several places.": lambda t, k: math.log2(k),
        "This is the natural logarithm. A digit has two values: the base is 2.": lambda t, k: t * math.log(k),
    }
    cases = [(3, 32), (2, 256), (1, 2), (5, 8), (4, 1024), (7, 4)]
    same_everywhere(function, cases, lambda t, k: t * math.log2(k), slips, "bits")
    right("every doubling of a codebook costs one bit a place")


@exercise("long arrows")
def long_arrow(answer, rows) -> None:
    """A state [2] whose nearest row is row 0, while the greatest dot product is row 1's."""
    h, rows = tensor(begun(answer), "state"), tensor(rows)
    if h.shape != rows.shape[1:]:
        wrong(f"A state has {rows.shape[1]} numbers; yours has the shape {list(h.shape)}.")
    distance, product = (rows - h).norm(dim=1), rows @ h
    if int(distance.argmin()) != 0 or distance[0] >= distance[1]:
        wrong(f"The nearest row is row {int(distance.argmin())}, not row 0. Try a point close to row 0.")
    if product[1] <= product[0]:
        wrong("Row 0 is nearest, but it has the greater dot product as well. Lean a little towards row 1.")
    right("nearest is row 0, and row 1 has the greater dot product")


@exercise("largest prefix")
def largest_prefix(answer, ids: SemanticIDs, length: int = 2) -> None:
    """How many documents lie under the largest prefix of `length` codes."""
    value, most = float(tensor(begun(answer), "answer")), int(ids.prefix_groups(length)[2].max())
    if value != most:
        higher = "high: no prefix has so many" if value > most else "low: a prefix has more"
        wrong(f"{answer} is too {higher}. prefixes.children(run, (code,)) lists the codes below one code.")
    right(f"{most} documents lie under the largest prefix of {length} codes")


@exercise("purity")
def purity(function) -> None:
    """function(categories, a list) -> the share of the most frequent one."""
    rng = np.random.default_rng(0)
    cases = [["a", "a", "b"], ["a"], ["a", "b", "c", "c"]]
    cases += [rng.choice(list("abcdef"), size=int(rng.integers(2, 30))).tolist() for _ in range(12)]
    slips = {
        "This is the number of *different* categories over all documents.": lambda c: len(set(c)) / len(c),
        "This is the count; divide it by the number of documents.": lambda c: max(Counter(c).values()),
        "This is the share of the first category, not of the most frequent one.": lambda c: c.count(c[0]) / len(c),
        "This is 1 over the number of categories.": lambda c: 1 / len(set(c)),
    }
    same_everywhere(function, [(c,) for c in cases], lambda c: max(Counter(c).values()) / len(c), slips, "purity")
    right("the share of the most frequent category")


@exercise("better names")
def better_names(answer, ids: SemanticIDs, corpus: Corpus) -> None:
    """{first code: word}, each the word with the greatest share of documents that hold it, times ln(1 + A / n_w)."""
    if not isinstance(begun(answer), dict):
        wrong(f"Give a dictionary from code to word, not {type(answer).__name__}.")
    counted = PrefixKeywords.from_corpus(corpus)
    total = np.asarray(counted.counts.sum(0)).ravel()
    prefixes, index, _ = ids.prefix_groups(1)
    rare = np.log1p(total.sum() / len(prefixes) / total)
    place = {word: column for column, word in enumerate(counted.words.tolist())}
    if missing := {code for (code,) in prefixes.tolist()} - {int(code) for code in answer}:
        wrong(f"No word for <{min(missing)}>.")
    holds = counted.counts[ids.rows_in(corpus)] > 0
    for group, (code,) in enumerate(prefixes.tolist()):
        weight = np.asarray(holds[index == group].mean(0)).ravel() * rare
        word = str(answer[code])
        if word not in place:
            wrong(f"<{code}>: {word!r} is no word of the corpus that is counted.")
        if weight[place[word]] < 0.999 * weight.max():  # words of equal weight are equally right
            wrong(f"<{code}>: {word!r} weighs {weight[place[word]]:.3f}, and another word weighs {weight.max():.3f}.")
    right("every first code has the word that most of its documents hold and few others")


@exercise("least codebook")
def least_codebook(function) -> None:
    """function(documents, positions) -> the least K whose K^T is at least the number of documents."""
    rng = np.random.default_rng(0)
    cases = [(1_000_000, 3), (1_000_001, 3), (999_999, 3), (125, 3), (64, 2), (65, 2), (7, 1)]
    cases += [(int(rng.integers(2, 5_000_000)), int(rng.integers(1, 6))) for _ in range(20)]

    def least(documents, positions):
        size = max(1, round(documents ** (1 / positions)) - 2)
        while size**positions < documents:
            size += 1
        return size

    slips = {"That is one too few: K^T is below the number of documents.": lambda n, t: least(n, t) - 1,
             "A smaller K reaches as many.": lambda n, t: least(n, t) + 1,
             "This is N / T; the places multiply, they do not add up.": lambda n, t: n / t}  # fmt: skip
    exactly(function, cases, least, slips, "K")
    right("the least K with room for every document")


@exercise("next suffix")
def next_suffix(function) -> None:
    """function(old, new) -> the suffix of one new document, given the codes of the old ones, a list of tuples."""
    rng = np.random.default_rng(1)
    cases = [([(0, 0)], (1, 1)), ([], (3,)), ([(0, 1), (0, 2)], (0, 3))]
    cases += [(codes[:-1], codes[int(rng.integers(len(codes)))]) for codes in _code_lists()]
    slips = {
        "You compare the first codes only.": lambda old, new: sum(code[0] == new[0] for code in old),
        "You count the new document itself: the first of a group has 0 before it.": lambda old, new: old.count(new) + 1,
        "This is the number of all old documents.": lambda old, new: len(old),
    }
    exactly(function, cases, lambda old, new: old.count(new), slips, "suffix")
    right("the suffix counts the old documents with equal codes")


class _Encoder:
    """An indexer in two lines for the check below: codes follow the shop's departments in a share of documents."""

    def __init__(self, corpus: Corpus, seed: int):
        self.rng = np.random.default_rng(seed)
        self.ids_ = self._ids(corpus, 0.8)

    def encode(self, corpus: Corpus) -> SemanticIDs:
        return self._ids(corpus, 0.5)

    def _ids(self, corpus: Corpus, share: float) -> SemanticIDs:
        true = np.unique(corpus.labels(1), return_inverse=True)[1]
        codes = np.where(self.rng.random(len(corpus)) < share, true, self.rng.integers(4, size=len(corpus)))
        return SemanticIDs.from_codes(corpus.doc_ids, codes[:, None], (4,))


@exercise("gap to the unseen half")
def gap_to_unseen(function) -> None:
    """function(indexer, seen, unseen) -> AMI of the first code with level 1: of the fitted corpus minus the other."""
    whole = shop(240)
    seen, unseen = whole.take(range(120)), whole.take(range(120, 240))
    for seed in range(4):
        indexer, again = _Encoder(seen, seed), _Encoder(seen, seed)  # each encodes its unseen half by equal dice
        first, second = (
            category_agreement(corpus.labels(1), ids.codes[:, 0]).ami
            for corpus, ids in ((seen, again.ids_), (unseen, again.encode(unseen)))
        )
        slips = {
            "The sign: seen minus unseen.": second - first,
            "This is the AMI of the seen half alone.": first,
            "This is the AMI of the unseen half alone.": second,
            "A gap between what the model saw and what it did not is wanted; you compare one half with itself.": 0.0,
        }
        compare(asked(function, indexer, seen, unseen), first - second, slips, "the gap")
    right("what an unseen half loses, by AMI")
