"""SemanticIDs: the learned codes of each document, the suffix that keeps equal codes apart, prefix groups.

In arrays, codes are counted from 0 and -1 means "no code at this position": an ID may be shorter than T, so
-1 is only ever followed by -1. Whatever a person sees counts positions from 1. The suffix is a counter
among documents with equal codes; it is not limited by a codebook size and never presented as semantic.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lmindexer.common.arguments import codes_of, expect
from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.common.kinds import ANYTHING, PATH, WHOLE, having, several, takes
from lmindexer.ids.grouping import group_rows, rank_within_groups

_SIZES_KEY = b"lmindexer.codebook_sizes"  # in the Parquet file's own metadata


NAMES = several(ANYTHING, "a list of document names", "Give one a document, as corpus.doc_ids has them.")


@dataclass(frozen=True, eq=False)
class SemanticIDs:
    """Semantic IDs of N documents with up to T codes each; the arrays are read-only.

    Attributes:
        doc_ids: [N] str, no two equal.
        codes: [N, T] int32, each in [0, K_t) or -1 for "no code here" (only after the last code of a
            shorter ID).
        suffix: [N] int64 ≥ 0; `codes` and `suffix` together name exactly one document.
        codebook_sizes: (K_1, …, K_T).

    Raises:
        LMIndexerError: when shapes disagree or one of the rules above is broken; names the document.

    >>> ids = SemanticIDs.from_codes(["a", "b", "c"], [[3, 1], [3, 1], [0, 2]], codebook_sizes=(4, 4))
    >>> ids.unique_strings().tolist()
    ['<3><1>#0', '<3><1>#1', '<0><2>#0']
    """

    doc_ids: np.ndarray
    codes: np.ndarray
    suffix: np.ndarray
    codebook_sizes: tuple[int, ...]

    def __post_init__(self):
        object.__setattr__(self, "doc_ids", _frozen(_as_strings(self.doc_ids)))
        object.__setattr__(self, "codes", _frozen(_as_codes(self.codes, np.size(self.doc_ids))))
        object.__setattr__(self, "suffix", _frozen(_as_integers(self.suffix, "suffixes").astype(np.int64)))
        object.__setattr__(self, "codebook_sizes", tuple(int(size) for size in self.codebook_sizes))
        _check_lengths(self)
        _check_codes(self.doc_ids, self.codes, self.codebook_sizes)
        _check_unique(self)

    # -- making --------------------------------------------------------------------------------------------

    @classmethod
    @takes(doc_ids=NAMES, codebook_sizes=several(WHOLE))
    def from_codes(cls, doc_ids: Sequence[str], codes, codebook_sizes: Sequence[int]) -> "SemanticIDs":
        """IDs of documents in corpus order; the suffix counts 0, 1, 2, … along documents with equal codes.

        Args:
            doc_ids: N names, no two equal.
            codes: [N, T] integers.
            codebook_sizes: K of each position.

        >>> SemanticIDs.from_codes(["a", "b"], [[1], [1]], (2,)).suffix.tolist()
        [0, 1]
        """
        codes = _as_codes(codes, len(doc_ids))
        return cls(doc_ids, codes, rank_within_groups(group_rows(codes).index), codebook_sizes)

    def extend(self, doc_ids: Sequence[str], codes, known=None) -> tuple["SemanticIDs", int]:
        """IDs for further documents, beside these and without changing any of them.

        Suffixes go on after the highest one that these IDs hold for the same codes. A document that is
        already here with the same codes keeps its stored suffix; one that is here with other codes is
        treated as new, so its answer never equals another document's ID. Extending batch after batch
        (through `append`) gives what one batch gives.

        Args:
            doc_ids: M names, no two equal.
            codes: [M, T] integers under the same codebooks.
            known: [M] each document's place here, -1 for one that is not; left out, a document is known by its
                name.

        Returns:
            (IDs of the M documents alone, in their order; number of new documents whose codes were already
            taken, by a document here or by an earlier new one).

        >>> ids = SemanticIDs.from_codes(["a", "b"], [[1, 0], [1, 0]], (2, 2))
        >>> new, collisions = ids.extend(["b", "c", "d"], [[1, 0], [1, 0], [0, 0]])
        >>> new.suffix.tolist(), collisions
        ([1, 2, 0], 1)
        """
        codes = _as_codes(codes, len(doc_ids))
        doc_ids = _as_strings(doc_ids)
        if codes.shape[1] != self.positions:
            raise LMIndexerError(f"IDs of {self.positions} positions cannot be extended by codes of {codes.shape[1]}.")
        _check_codes(doc_ids, codes, self.codebook_sizes)
        groups = group_rows(np.concatenate([self.codes, codes]))
        stored_group, group = groups.index[: len(self)], groups.index[len(self) :]
        following = np.zeros(len(groups.counts), dtype=np.int64)  # the next free suffix of each group of equal codes
        np.maximum.at(following, stored_group, self.suffix + 1)

        row = pd.Index(self.doc_ids).get_indexer(pd.Index(doc_ids)) if known is None else np.asarray(known)
        known = row >= 0
        known[known] = stored_group[row[known]] == group[known]
        suffix = np.empty(len(doc_ids), dtype=np.int64)
        suffix[known] = self.suffix[row[known]]
        suffix[~known] = following[group[~known]] + rank_within_groups(group[~known])
        return SemanticIDs(doc_ids, codes, suffix, self.codebook_sizes), int((suffix[~known] > 0).sum())

    @takes(new=having("SemanticIDs", "Give what extend or encode has given.", "codes", "codebook_sizes"))
    def append(self, new: "SemanticIDs") -> "SemanticIDs":
        """These IDs followed by those of `new` that are not here yet (an answer of `extend`).

        Raises:
            LMIndexerError: when a document of `new` is here under another ID, or an ID of `new` is taken.

        >>> ids = SemanticIDs.from_codes(["a"], [[1]], (2,))
        >>> ids.append(ids.extend(["b"], [[1]])[0]).unique_strings().tolist()
        ['<1>#0', '<1>#1']
        """
        if new.codebook_sizes != self.codebook_sizes:
            raise LMIndexerError(
                f"IDs with codebook sizes {new.codebook_sizes} cannot follow IDs with {self.codebook_sizes}."
            )
        row = pd.Index(self.doc_ids).get_indexer(pd.Index(new.doc_ids))
        known = np.flatnonzero(row >= 0)
        row = row[known]
        changed = (self.codes[row] != new.codes[known]).any(axis=1) | (self.suffix[row] != new.suffix[known])
        if changed.any():
            name = new.doc_ids[known[changed][0]]
            raise LMIndexerError(f"Document '{name}' already has another ID here; an existing ID is never changed.")
        added = np.setdiff1d(np.arange(len(new)), known)
        return SemanticIDs(
            np.concatenate([self.doc_ids, new.doc_ids[added]]),
            np.concatenate([self.codes, new.codes[added]]),
            np.concatenate([self.suffix, new.suffix[added]]),
            self.codebook_sizes,
        )

    def take(self, indices) -> "SemanticIDs":
        """The IDs of the documents at these places, unchanged (suffixes are not counted anew)."""
        if not isinstance(indices, slice):
            given, indices = indices, np.asarray(indices)
            indices = indices.astype(np.int64) if indices.size == 0 and indices.ndim == 1 else indices
            if indices.ndim != 1 or indices.dtype.kind not in "iub":
                raise LMIndexerError(f"Wanted a list of places or a mask, not {type(given).__name__}. Give [0, 1].")
        return SemanticIDs(self.doc_ids[indices], self.codes[indices], self.suffix[indices], self.codebook_sizes)

    # -- looking -------------------------------------------------------------------------------------------

    def __len__(self) -> int:
        return len(self.doc_ids)

    def __eq__(self, other) -> bool:
        if not isinstance(other, SemanticIDs):
            return NotImplemented
        return self.codebook_sizes == other.codebook_sizes and all(
            np.array_equal(getattr(self, name), getattr(other, name)) for name in ("doc_ids", "codes", "suffix")
        )

    __hash__ = None

    def __repr__(self) -> str:
        return f"SemanticIDs({len(self)} documents, codebook sizes {self.codebook_sizes})"

    @property
    def positions(self) -> int:
        """T, the number of positions."""
        return self.codes.shape[1]

    def strings(self) -> np.ndarray:
        """[N] str such as "<3><17><5>": the learned codes alone; positions without a code are left out.

        >>> SemanticIDs.from_codes(["a", "b"], [[3, 17], [3, -1]], (32, 32)).strings().tolist()
        ['<3><17>', '<3>']
        """
        groups = group_rows(self.codes)
        written = ["".join(f"<{code}>" for code in row if code >= 0) for row in groups.rows.tolist()]
        return np.array(written, dtype=str)[groups.index] if written else np.zeros(0, dtype=str)

    def unique_strings(self) -> np.ndarray:
        """[N] str such as "<3><17><5>#1": with the suffix, so that no two are equal."""
        return np.char.add(np.char.add(self.strings(), "#"), self.suffix.astype(str))

    def to_frame(self) -> pd.DataFrame:
        """A frame with doc_id, c1 … cT (-1: no code), suffix and id (the string of the learned codes)."""
        frame = self._columns()
        frame["id"] = self.strings()
        return frame

    def prefix_groups(self, length: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Documents grouped by the first `length` codes.

        Returns:
            (prefixes [G, length] in lexicographic order, group of each document [N], documents in each
            group [G]).

        >>> ids = SemanticIDs.from_codes(["a", "b", "c"], [[3, 1], [0, 2], [3, 0]], (4, 4))
        >>> [array.tolist() for array in ids.prefix_groups(1)]
        [[[0], [3]], [1, 0, 1], [1, 2]]
        """
        return tuple(group_rows(self.codes[:, : self._checked_length(length)]))

    def number_of_prefixes(self, length: int) -> int:
        """Number of distinct prefixes c_1 … c_length."""
        return len(self.prefix_groups(length)[2])

    def select(self, prefix: Sequence[int]) -> np.ndarray:
        """Places of the documents whose codes begin with `prefix`, ascending; the empty prefix selects all.

        >>> SemanticIDs.from_codes(["a", "b", "c"], [[3, 1], [0, 2], [3, 0]], (4, 4)).select([3]).tolist()
        [0, 2]
        """
        prefix = codes_of(prefix)
        length = self._checked_length(len(prefix))
        return np.flatnonzero((self.codes[:, :length] == np.asarray(prefix, dtype=np.int64)).all(axis=1))

    def rows_in(self, corpus) -> np.ndarray:
        """For each of these documents its place in `corpus` (anything with `doc_ids`).

        Raises:
            LMIndexerError: when a document is not in the corpus; names it.
        """
        if not hasattr(corpus, "doc_ids"):
            raise LMIndexerError(f"Wanted a Corpus, not {type(corpus).__name__}. Make one with Corpus.from_records.")
        if np.array_equal(self.doc_ids, corpus.doc_ids):
            return np.arange(len(self))
        rows = pd.Index(corpus.doc_ids).get_indexer(pd.Index(self.doc_ids))
        if (rows < 0).any():
            missing = self.doc_ids[rows < 0]
            raise LMIndexerError(
                f"{len(missing)} documents with an ID are not in the corpus, the first is '{missing[0]}'; "
                "give the corpus that the IDs were made for."
            )
        return rows

    # -- files ---------------------------------------------------------------------------------------------

    @takes(path=PATH)
    def to_parquet(self, path: str | Path) -> None:
        """Write doc_id, c1 … cT and suffix; the codebook sizes go into the file's metadata."""
        table = pa.Table.from_pandas(self._columns(), preserve_index=False)
        metadata = {**(table.schema.metadata or {}), _SIZES_KEY: json.dumps(self.codebook_sizes).encode()}
        pq.write_table(table.replace_schema_metadata(metadata), path)

    @classmethod
    @takes(path=PATH)
    def from_parquet(cls, path: str | Path) -> "SemanticIDs":
        """Read what `to_parquet` wrote.

        Raises:
            BundleError: when the file is missing, damaged or not a file of semantic IDs.
        """
        path = Path(path)
        try:
            table = pq.ParquetFile(path).read()
        except FileNotFoundError:
            raise BundleError(f"{path} does not exist; give a file that SemanticIDs.to_parquet has written.") from None
        except (OSError, pa.ArrowException) as error:
            raise BundleError(f"{path} is damaged or no Parquet file ({error}); write it again.") from error
        sizes = (table.schema.metadata or {}).get(_SIZES_KEY)
        if sizes is None:
            raise BundleError(f"{path} is no file of semantic IDs (no codebook sizes in it); write it by to_parquet.")
        sizes = json.loads(sizes)
        names = [f"c{position}" for position in range(1, len(sizes) + 1)]
        missing = [name for name in ("doc_id", *names, "suffix") if name not in table.column_names]
        if missing:
            raise BundleError(f"{path} lacks the column '{missing[0]}'; write it again by to_parquet.")
        column = {name: table[name].to_numpy() for name in (*names, "suffix")}
        codes = np.column_stack([column[name] for name in names])
        try:
            return cls(table["doc_id"].to_pylist(), codes, column["suffix"], sizes)
        except LMIndexerError as error:
            raise BundleError(f"{path} holds IDs that cannot be used: {error}") from error

    # -- the parts -----------------------------------------------------------------------------------------

    def _columns(self) -> pd.DataFrame:
        codes = {f"c{position + 1}": self.codes[:, position] for position in range(self.positions)}
        return pd.DataFrame({"doc_id": self.doc_ids, **codes, "suffix": self.suffix})

    def _checked_length(self, length: int) -> int:
        if isinstance(length, bool) or not isinstance(length, int | np.integer):
            raise LMIndexerError(f"Wanted a number of codes, not {length!r}.")
        if not 0 <= length <= self.positions:
            raise LMIndexerError(f"A prefix of {length} codes does not fit IDs of {self.positions} positions.")
        return length


def expect_ids(value) -> None:
    """Raise LMIndexerError unless `value` is SemanticIDs; an indexer is not, but it has them."""
    remedy = "Give its ids_." if hasattr(value, "ids_") else "Make them with SemanticIDs.from_codes."
    expect(value, SemanticIDs, "SemanticIDs", remedy)


def _frozen(array: np.ndarray) -> np.ndarray:
    """A read-only copy, so that the caller's own array stays writable."""
    array = np.array(array)
    array.setflags(write=False)
    return array


def _as_strings(doc_ids) -> np.ndarray:
    return (
        np.asarray(doc_ids)
        if isinstance(doc_ids, np.ndarray) and doc_ids.dtype.kind == "U"
        else np.array([str(doc_id) for doc_id in doc_ids], dtype=str)
    )


def _as_integers(values, what: str) -> np.ndarray:
    values = np.asarray(values)
    if values.size and values.dtype.kind not in "iu":
        raise LMIndexerError(f"The {what} must be integers, not {values.dtype}.")
    return values


def _as_codes(codes, documents: int) -> np.ndarray:
    codes = _as_integers(codes, "codes")
    if codes.ndim != 2 or codes.shape[1] < 1 or len(codes) != documents:
        raise LMIndexerError(
            f"Codes of {documents} documents must have the shape [{documents}, T], not {list(codes.shape)}."
        )
    return codes.astype(np.int32)


def _check_lengths(ids: SemanticIDs) -> None:
    if ids.suffix.shape != (len(ids),):
        raise LMIndexerError(f"{len(ids)} documents need as many suffixes, not {list(ids.suffix.shape)}.")
    if len(ids.codebook_sizes) != ids.positions:
        raise LMIndexerError(
            f"Codes of {ids.positions} positions need as many codebook sizes, not {ids.codebook_sizes}."
        )


def _check_codes(doc_ids: np.ndarray, codes: np.ndarray, codebook_sizes: tuple[int, ...]) -> None:
    wrong = (codes < -1) | (codes >= np.array(codebook_sizes))
    if wrong.any():
        row, position = np.argwhere(wrong)[0]
        raise LMIndexerError(
            f"Document '{doc_ids[row]}' has code {codes[row, position]} at position {position + 1}, where "
            f"the codebook has {codebook_sizes[position]} (codes are counted from 0; -1 stands for no code)."
        )
    gaps = (codes[:, :-1] < 0) & (codes[:, 1:] >= 0)
    if gaps.any():
        row, position = np.argwhere(gaps)[0]
        raise LMIndexerError(
            f"Document '{doc_ids[row]}' has no code at position {position + 1} but one after it; "
            "an ID may only be shorter at its end."
        )


def _check_unique(ids: SemanticIDs) -> None:
    names = pd.Index(ids.doc_ids)
    if not names.is_unique:
        raise LMIndexerError(f"Document '{names[names.duplicated()][0]}' occurs twice; each document has one ID.")
    if (ids.suffix < 0).any():
        raise LMIndexerError(f"Document '{ids.doc_ids[np.argmax(ids.suffix < 0)]}' has a negative suffix.")
    rank = rank_within_groups(group_rows(np.column_stack([ids.codes.astype(np.int64), ids.suffix])).index)
    if (rank > 0).any():
        name = ids.doc_ids[np.argmax(rank > 0)]
        raise LMIndexerError(
            f"Document '{name}' has the same codes and suffix as another; suffixes tell equal codes apart."
        )
