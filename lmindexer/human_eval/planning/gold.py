"""Gold questions: easy ones with a known answer, the same for all annotators, to see who pays attention.

They do not come from any indexer's IDs: documents that belong together share their whole category path, strangers
come from another top category. Without categories, the nearest documents by their words stand in for the first and
the farthest for the second.
"""

from collections.abc import Callable, Sequence

import numpy as np

from lmindexer.human_eval.planning.drawing import COMPARED, INTRUDED, Draft
from lmindexer.human_eval.planning.questions import Hidden

KEYED = ("intruder", "pair", "ab", "collision")  # the types that can have a known answer
_MOST_COMPARED = 4_000  # documents; nearest ones by words are looked for among so many

Alike = Callable[[int], tuple[list[int], np.ndarray]]  # number → (rows that belong together, rows that do not)


def draw_gold(corpus, types: Sequence[str], number: int, rng: np.random.Generator) -> tuple[list[Draft], str]:
    """Up to `number` gold questions of these types in turn.

    Returns:
        (drafts, in words how they were made or why there are none).
    """
    kinds = [kind for kind in types if kind in KEYED]
    if not number or not kinds:
        return [], "No gold questions: " + ("none were asked for." if not number else "these types have no key.")
    by_category = _by_category(corpus, rng)
    alike = by_category or _by_words(corpus, rng)
    if alike is None:
        return [], "No gold questions: the corpus has too few documents that are clearly alike or unlike."
    drafts = [_MAKERS[kinds[count % len(kinds)]](alike, count, rng) for count in range(number)]
    source = "categories" if by_category else "words"
    return drafts, f"{number} gold questions for every annotator, made from the documents' {source}."


def _by_category(corpus, rng: np.random.Generator) -> Alike | None:
    """Together: one whole category path; apart: another top category."""
    need = max(INTRUDED, COMPARED)
    if corpus.levels == 0:
        return None
    tops = np.asarray(corpus.labels(1), dtype=object)
    paths = np.asarray(corpus.labels(), dtype=object)
    known = np.array([bool(top) for top in tops])
    names, counts = np.unique(paths[known].astype(str), return_counts=True)
    names = names[counts >= need]
    if not len(names) or len(set(tops[known])) < 2:
        return None

    def alike(number: int) -> tuple[list[int], np.ndarray]:
        rows = np.flatnonzero(paths == rng.choice(names))
        return rng.choice(rows, number, replace=False).tolist(), np.flatnonzero(known & (tops != tops[rows[0]]))

    return alike


def _by_words(corpus, rng: np.random.Generator) -> Alike | None:
    """Together: a document and its nearest by the cosine of their weighted words; apart: no word in common with it."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    rows = np.sort(rng.permutation(len(corpus))[:_MOST_COMPARED])
    documents = corpus.documents()
    try:
        words = TfidfVectorizer(sublinear_tf=True, stop_words="english").fit_transform([documents[r] for r in rows])
    except ValueError:  # no words at all
        return None
    need = max(INTRUDED, COMPARED)
    seeds = []
    for place in rng.permutation(len(rows))[:400].tolist():
        near = (words @ words[place].T).toarray().ravel()
        order = np.argsort(-near, kind="stable")
        if len(rows) > need and near[order[need - 1]] > 0.2 and (near == 0).sum() >= need:
            seeds.append((rows[order[:need]], rows[near == 0]))
    if not seeds:
        return None

    def alike(number: int) -> tuple[list[int], np.ndarray]:
        together, apart = seeds[rng.integers(len(seeds))]
        return together[:number].tolist(), apart

    return alike


def _intruder(alike: Alike, count: int, rng: np.random.Generator) -> Draft:
    together, apart = alike(INTRUDED)
    stranger = int(rng.choice(apart))
    shown = rng.permutation([*together, stranger]).tolist()
    return "intruder", (tuple(shown),), Hidden(key=str(shown.index(stranger) + 1))


def _pair(alike: Alike, count: int, rng: np.random.Generator) -> Draft:
    (first, right), apart = alike(2)
    shown = rng.permutation([right, int(rng.choice(apart))]).tolist()
    return "pair", ((first,), tuple(shown)), Hidden(key=str(shown.index(right) + 1))


def _ab(alike: Alike, count: int, rng: np.random.Generator) -> Draft:
    together, apart = alike(COMPARED)
    mixed = [together[0], *rng.choice(apart, COMPARED - 1, replace=False).tolist()]
    groups = [tuple(rng.permutation(together).tolist()), tuple(rng.permutation(mixed).tolist())]
    swapped = bool(rng.integers(2))
    return "ab", tuple(groups[::-1] if swapped else groups), Hidden(key="b" if swapped else "a")


def _collision(alike: Alike, count: int, rng: np.random.Generator) -> Draft:
    (first, _), apart = alike(2)
    same = bool(rng.integers(2))
    return "collision", ((first, first if same else int(rng.choice(apart))),), Hidden(key="yes" if same else "no")


_MAKERS = {"intruder": _intruder, "pair": _pair, "ab": _ab, "collision": _collision}
