"""`evaluate_ids`: what can be said about a set of semantic IDs without a task, as one frozen result."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields

import numpy as np
import pandas as pd

from lmindexer.common.errors import LMIndexerError
from lmindexer.common.jsonfiles import json_safe
from lmindexer.corpus.corpus import Corpus, expect_corpus
from lmindexer.ids.semantic_ids import SemanticIDs, expect_ids
from lmindexer.quality import diagnostics
from lmindexer.quality.categories import CategoryAgreement, category_agreement, says_nothing
from lmindexer.quality.diagnostics import Collisions

AGREEMENT_COLUMNS = ["prefix_length", "level", *(field.name for field in fields(CategoryAgreement))]


@dataclass(frozen=True, eq=False)
class IDQuality:
    """Quality of a corpus's semantic IDs. Tuples have one value a position, None where none is defined.

    Attributes:
        documents: N.
        codebook_sizes: K by position.
        used_codes: codes that at least one document holds.
        perplexity: of the position's codes over the corpus, in [1, K] (`diagnostics.perplexity`).
        within_prefix_perplexity: the same inside each prefix, averaged over documents
            (`diagnostics.within_prefix_perplexity`).
        diff_ratio: exact expectation over distinct neighbours, documents without one left out
            (`diagnostics.diff_ratio`).
        diff_ratio_released: as the paper's released code counts it, which does so from position 2 on
            (`diagnostics.diff_ratio_released`).
        neighbours: H of the two.
        collisions: documents with equal codes (`diagnostics.collisions`).
        agreement: frame with one row for each prefix length 1 … T and category level 1 … n: prefix_length,
            level, ami, nmi, homogeneity, completeness, purity (NaN where no document has a label),
            documents, prefixes, classes. Scores of unlike numbers of prefixes compare by AMI only.
    """

    documents: int
    codebook_sizes: tuple[int, ...]
    used_codes: tuple[int, ...]
    perplexity: tuple[float | None, ...]
    within_prefix_perplexity: tuple[float | None, ...]
    diff_ratio: tuple[float | None, ...]
    diff_ratio_released: tuple[float | None, ...]
    neighbours: int
    collisions: Collisions
    agreement: pd.DataFrame

    @property
    def positions(self) -> int:
        """T."""
        return len(self.codebook_sizes)

    @property
    def levels(self) -> int:
        """Number of category levels, 0 without categories."""
        return int(self.agreement["level"].max()) if len(self.agreement) else 0

    def ami(self, prefix_length: int = 1, level: int | None = None) -> float | None:
        """AMI of the prefix c_1 … c_length with a category level (None: the whole path, the paper's Table 1).

        Returns:
            The AMI, or None when the corpus has no categories. Where `says_nothing` gives a reason it is 1 or 0 by
            convention and tells nothing of the IDs.
        """
        row = self._row(prefix_length, level)
        return None if row is None or pd.isna(row["ami"]) else float(row["ami"])

    def says_nothing(self, prefix_length: int = 1, level: int | None = None) -> str | None:
        """Why that AMI says nothing, such as "there is one class only"; None where it does, or where there is none.

        >>> from lmindexer.corpus.corpus import Corpus
        >>> rows = [{"doc_id": name, "text": name, "category_1": "all"} for name in ("ax", "ay", "bx")]
        >>> ids = SemanticIDs.from_codes(["ax", "ay", "bx"], [[0], [0], [1]], (2,))
        >>> evaluate_ids(ids, Corpus.from_records(rows)).says_nothing()
        'there is one class only'
        """
        row = self._row(prefix_length, level)
        return None if row is None else says_nothing(*(int(row[name]) for name in ("documents", "prefixes", "classes")))

    def telling_ami(self, prefix_length: int = 1, level: int | None = None) -> float | None:
        """`ami`, or None where it says nothing: what a page shows as a number."""
        return None if self.says_nothing(prefix_length, level) else self.ami(prefix_length, level)

    def silent(self, lengths: Iterable[int] | None = None) -> list[str]:
        """A sentence for each AMI that says nothing, of prefixes of these lengths (None: of every length).

        What holds of all lengths or of all levels is said once.
        """
        asked = list(range(1, self.positions + 1)) if lengths is None else list(lengths)
        found: dict[str, list[tuple[int, int]]] = {}
        for length in asked:
            for level in range(1, self.levels + 1):
                if why := self.says_nothing(length, level):
                    found.setdefault(why, []).append((length, level))
        return [f"The AMI of {_named(pairs, asked, self.levels)} says nothing: {why}." for why, pairs in found.items()]

    def _row(self, prefix_length: int, level: int | None) -> pd.Series | None:
        if not self.levels:
            return None
        level = self.levels if level is None else level
        row = self.agreement.query("prefix_length == @prefix_length and level == @level")
        if row.empty:
            raise LMIndexerError(
                f"There is no AMI of {prefix_length} codes with level {level}: the IDs have {self.positions} "
                f"positions and the corpus {self.levels} category levels."
            )
        return row.iloc[0]

    def to_frame(self) -> pd.DataFrame:
        """One row a position: its number, its codebook size, every quantity; ami is with the whole path."""
        frame = pd.DataFrame({name: getattr(self, name) for name in _BY_POSITION}).rename(columns=_SINGULAR)
        frame.insert(0, "position", range(1, self.positions + 1))
        frame["distinct_prefixes"] = self.collisions.distinct_prefixes
        frame["ami"] = [self.ami(length) for length in range(1, self.positions + 1)]
        floats = ["perplexity", "within_prefix_perplexity", "diff_ratio", "diff_ratio_released", "ami"]
        return frame.astype(dict.fromkeys(floats, float))

    def to_dict(self) -> dict:
        """Plain JSON types only; None stands for what is not defined, so the text never holds a NaN."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["collisions"] = asdict(self.collisions)
        values["agreement"] = self.agreement.to_dict("records")
        return json_safe(values)

    @classmethod
    def from_dict(cls, values: dict) -> "IDQuality":
        """What `to_dict` gave, also after a trip through JSON.

        Raises:
            LMIndexerError: when a value is missing, or is none that can be measured.
        """
        try:
            found = {field.name: values[field.name] for field in fields(cls)}
            rest = dict(found["collisions"])
            rest["distinct_prefixes"] = tuple(rest["distinct_prefixes"])
            rest["sizes"] = {int(size): number for size, number in rest["sizes"].items()}
            found["collisions"] = Collisions(**rest)
            found["agreement"] = _agreement_frame(found["agreement"])
            _check_measures(found)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise LMIndexerError(
                f"These are not the metrics of semantic IDs ({error}); evaluate the IDs again."
            ) from error
        return cls(**{name: tuple(value) if isinstance(value, list) else value for name, value in found.items()})


def _named(pairs: list[tuple[int, int]], lengths: list[int], levels: int) -> str:
    """Prefixes and levels in words.

    >>> _named([(1, 1), (2, 1)], [1, 2], 2), _named([(1, 1), (1, 2)], [1, 2], 2), _named([(1, 1)], [1], 1)
    ('every prefix with level 1', 'c1 with every level', 'c1 with the categories')
    """
    of_lengths, of_levels = ([pair[side] for pair in pairs] for side in (0, 1))
    if set(pairs) != {(length, level) for length in of_lengths for level in of_levels}:
        return ", ".join(f"{prefix_name(length)} with level {level}" for length, level in pairs)
    of_lengths, of_levels = sorted(set(of_lengths)), sorted(set(of_levels))
    every = len(lengths) > 1 and len(of_lengths) == len(lengths)
    prefixes = "every prefix" if every else ", ".join(map(prefix_name, of_lengths))
    if levels == 1:
        return f"{prefixes} with the categories"
    if len(of_levels) == levels:
        return f"{prefixes} with every level"
    return f"{prefixes} with {'level' if len(of_levels) == 1 else 'levels'} {', '.join(map(str, of_levels))}"


def prefix_name(length: int) -> str:
    """The first codes in words.

    >>> prefix_name(1), prefix_name(3), prefix_name(9)
    ('c1', 'c1 c2 c3', 'c1 … c9')
    """
    return " ".join(f"c{position}" for position in range(1, length + 1)) if length < 5 else f"c1 … c{length}"


_BY_POSITION = (
    "codebook_sizes",
    "used_codes",
    "perplexity",
    "within_prefix_perplexity",
    "diff_ratio",
    "diff_ratio_released",
)
_SINGULAR = {"codebook_sizes": "codebook_size"}


def _check_measures(found: dict) -> None:
    """Raise ValueError unless there is one number (or none) a position and the counts are whole numbers."""
    positions = len(found["codebook_sizes"])
    for name in _BY_POSITION:
        values = found[name]
        counted = name in ("codebook_sizes", "used_codes")
        fits = (lambda value: type(value) is int and value >= 0) if counted else _is_measure
        if not isinstance(values, list | tuple) or len(values) != positions or not all(map(fits, values)):
            raise ValueError(f"{name} is {values!r:.60}")
    collisions = found["collisions"]
    for name in ("documents", "colliding_documents", "groups", "largest_group"):
        if type(value := getattr(collisions, name)) is not int or value < 0:
            raise ValueError(f"{name} is {value!r:.60}")
    if not _is_measure(collisions.unique_share):
        raise ValueError(f"unique_share is {collisions.unique_share!r:.60}")
    counts = (found["documents"], found["neighbours"], *collisions.distinct_prefixes, *collisions.sizes.values())
    if not all(type(count) is int and count >= 0 for count in counts):
        raise ValueError("a count is no whole number")


def _is_measure(value) -> bool:
    return value is None or (isinstance(value, int | float) and not isinstance(value, bool))


def evaluate_ids(ids: SemanticIDs, corpus: Corpus, neighbours: int = 4, seed: int | None = None) -> IDQuality:
    """Measure semantic IDs against their corpus.

    Args:
        ids: of documents that are all in `corpus` (in any order; a part of it is fine).
        corpus: gives the categories; without categories the agreement is empty.
        neighbours: H of the diff ratios.
        seed: None for the exact diff ratio, or the seed of one draw of neighbours.

    Raises:
        LMIndexerError: when there is no document, or one is not in the corpus.

    >>> from lmindexer.corpus.corpus import Corpus
    >>> rows = [{"doc_id": name, "text": name, "category_1": name[0]} for name in ("ax", "ay", "bx", "by")]
    >>> ids = SemanticIDs.from_codes(["ax", "ay", "bx", "by"], [[0, 0], [0, 1], [1, 0], [1, 1]], (2, 2))
    >>> quality = evaluate_ids(ids, Corpus.from_records(rows))
    >>> quality.ami(prefix_length=1), quality.perplexity, quality.collisions.unique_share
    (1.0, (2.0, 2.0), 1.0)
    """
    expect_ids(ids)
    expect_corpus(corpus)
    if not len(ids):
        raise LMIndexerError("There are no IDs to evaluate; encode a corpus first.")
    lengths = range(1, ids.positions + 1)
    return IDQuality(
        documents=len(ids),
        codebook_sizes=ids.codebook_sizes,
        used_codes=tuple(diagnostics.used_codes(column) for column in ids.codes.T),
        perplexity=tuple(diagnostics.perplexity(column) for column in ids.codes.T),
        within_prefix_perplexity=tuple(diagnostics.within_prefix_perplexity(ids.codes[:, :t]) for t in lengths),
        diff_ratio=tuple(diagnostics.diff_ratio(ids.codes[:, :t], neighbours, seed) for t in lengths),
        diff_ratio_released=(
            None,
            *(diagnostics.diff_ratio_released(ids.codes[:, :t], neighbours) for t in lengths[1:]),
        ),
        neighbours=neighbours,
        collisions=diagnostics.collisions(ids),
        agreement=_agreement(ids, corpus),
    )


def _agreement(ids: SemanticIDs, corpus: Corpus) -> pd.DataFrame:
    place = ids.rows_in(corpus)
    labels = {level: np.asarray(corpus.labels(level))[place] for level in range(1, corpus.levels + 1)}
    rows = []
    for length in range(1, ids.positions + 1):
        prefix = ids.prefix_groups(length)[1]
        for level, true in labels.items():
            rows.append({"prefix_length": length, "level": level, **asdict(category_agreement(true, prefix))})
    return _agreement_frame(rows)


def _agreement_frame(rows: list[dict]) -> pd.DataFrame:
    """The same column types whether the rows were measured or read, and with or without any row."""
    frame = pd.DataFrame(rows, columns=AGREEMENT_COLUMNS)
    scores = ("ami", "nmi", "homogeneity", "completeness", "purity")
    return frame.astype({name: float if name in scores else np.int64 for name in AGREEMENT_COLUMNS})
