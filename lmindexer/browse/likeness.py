"""How much a text is like the corpus: its words and its nearest document, beside the corpus's own documents."""

import re
from dataclasses import dataclass

import numpy as np

from lmindexer.browse import neighbours
from lmindexer.browse.run import RunBrowser, remembered

SAMPLE = 200  # documents of the corpus that a text is compared with
TEXTS = 20_000  # documents whose words are counted as the corpus's
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Likeness:
    """A text beside the corpus's own documents.

    Attributes:
        known: share of the text's distinct words that some document of the corpus has, or None for a text without.
        usual_known: the same for documents of the corpus against all others: (5th percentile, median).
        unknown: the words that no document has, at most 8.
        cosine: of the text's state with the nearest document's, or None without states.
        usual_cosine: the same for documents of the corpus: (5th percentile, median), or None.
    """

    known: float | None
    usual_known: tuple[float, float]
    unknown: list[str]
    cosine: float | None
    usual_cosine: tuple[float, float] | None

    @property
    def unlike(self) -> list[str]:
        """In which ways the text lies outside of 95 % of the corpus: "words", "nearest"."""
        ways = []
        if self.known is not None and self.known < self.usual_known[0]:
            ways.append("words")
        if self.cosine is not None and self.usual_cosine is not None and self.cosine < self.usual_cosine[0]:
            ways.append("nearest")
        return ways


def likeness(run: RunBrowser, text: str, state: np.ndarray | None = None) -> Likeness:
    """Compare a text's words, and its state [d], with those of documents of the corpus.

    Words are runs of letters and digits whatever their case; a document of the sample counts a word as known when
    another document has it too, so that its own text gives it no advantage. Above 20,000 documents the corpus's words
    come from so many of them.
    """
    counted = _word_counts(run)
    mine = words_of(text)
    unknown = [word for word in mine if word not in counted]
    known = 1 - len(unknown) / len(mine) if mine else None
    cosine = usual = None
    matrix = neighbours.states(run)
    if state is not None and matrix is not None:
        cosine, usual = float(neighbours.cosines(_looked_at(run), state).max()), _usual_cosines(run)
    return Likeness(known, _usual_known(run), unknown[:8], cosine, usual)


def words_of(text: str) -> list[str]:
    """The distinct words of a text, in its order.

    >>> words_of("A saw, a 2nd saw")
    ['a', 'saw', '2nd']
    """
    return list(dict.fromkeys(_WORD.findall(text.lower())))


@remembered
def _texts(run: RunBrowser) -> list[str]:
    found = run.frame(
        "SELECT concat_ws(' ', title, text) AS text FROM "
        f"(SELECT row, title, left(text, 2000) AS text FROM texts ORDER BY hash(row) LIMIT {TEXTS})"
    )
    return found["text"].fillna("").tolist()


@remembered
def _word_counts(run: RunBrowser) -> dict[str, int]:
    """{word: documents that have it}."""
    counted: dict[str, int] = {}
    for text in _texts(run):
        for word in words_of(text):
            counted[word] = counted.get(word, 0) + 1
    return counted


@remembered
def _usual_known(run: RunBrowser) -> tuple[float, float]:
    counted, shares = _word_counts(run), []
    for text in _texts(run)[:SAMPLE]:
        mine = words_of(text)
        if mine:
            shares.append(sum(counted[word] > 1 for word in mine) / len(mine))
    return _low_and_middle(shares or [0.0])


@remembered
def _looked_at(run: RunBrowser) -> np.ndarray:
    """[n, d] float32: the states that nearness is judged by, all of a small run and an even part of a large one."""
    matrix = neighbours.states(run)
    return np.asarray(matrix[:: -(-len(matrix) // TEXTS)], dtype=np.float32)


@remembered
def _usual_cosines(run: RunBrowser) -> tuple[float, float]:
    matrix = _looked_at(run)
    unit = matrix / np.maximum(np.linalg.norm(matrix, axis=1, keepdims=True), 1e-12)
    rows = np.random.default_rng(0).permutation(len(unit))[:SAMPLE]
    near = unit[rows] @ unit.T
    near[np.arange(len(rows)), rows] = -np.inf  # not itself
    return _low_and_middle(near.max(axis=1)) if len(unit) > 1 else (-1.0, 0.0)


def _low_and_middle(values) -> tuple[float, float]:
    low, middle = np.quantile(values, [0.05, 0.5])
    return float(low), float(middle)
