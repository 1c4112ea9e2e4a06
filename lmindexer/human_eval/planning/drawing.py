"""Drawing questions from the IDs of several indexers, equally hard for each of them.

Prefixes differ in size between indexers, and a group of five from a prefix of five is easier to judge than five from
five hundred. So prefixes are drawn by strata of size (4-7, 8-15, 16-31, … documents), and wrong documents come half
from the same first code ("near") and half from another one ("far"). A *cell* is a stratum with a kind of wrong
document; every indexer gives the same number of questions to every cell, and cells that one indexer does not have are
left out for all.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from lmindexer.common.errors import StudyError
from lmindexer.human_eval.planning.guide import TYPES
from lmindexer.human_eval.planning.questions import Hidden
from lmindexer.ids.grouping import group_rows

IN_GROUP, INTRUDED, COMPARED, PARTS, IN_PART = 5, 4, 4, 4, 3  # documents shown: coherence, intruder, A/B; level
MOST_OF_ONE = 6  # questions from one prefix, where it has documents enough for so many
_SMALLEST = {"intruder": INTRUDED, "pair": 2, "coherence": IN_GROUP, "ab": COMPARED, "level": 4, "collision": 2}
_ONCE = 1 << 62  # more documents than any prefix has
_TRIES = 20  # at another draw, where two groups came out alike

Draft = tuple[str, tuple[tuple[int, ...], ...], Hidden]  # type, rows of the corpus by group, what is hidden
Cell = tuple[str, str]  # stratum, distractor


@dataclass(frozen=True)
class Pool:
    """The prefixes of one length that one indexer uses, and the documents under each.

    Attributes:
        label: the indexer.
        codes: [N, T] in the corpus's order.
        length: of the prefixes; T for whole IDs.
        prefixes: [G, length].
        members: rows of the corpus, one array a prefix.
    """

    label: str
    codes: np.ndarray
    length: int
    prefixes: np.ndarray = field(repr=False)
    members: list[np.ndarray] = field(repr=False)

    @classmethod
    def of(cls, label: str, codes: np.ndarray, length: int) -> "Pool":
        """Group the documents that have a code at every position up to `length`."""
        rows = np.flatnonzero(codes[:, length - 1] >= 0) if length else np.arange(len(codes))
        groups = group_rows(codes[rows, :length])
        order = np.argsort(groups.index, kind="stable")
        members = np.split(rows[order], np.cumsum(groups.counts)[:-1]) if len(rows) else []
        return cls(label, codes, length, groups.rows, members)

    def strangers(self, group: int, distractor: str) -> np.ndarray:
        """Rows outside a prefix: with its first code ("near") or with another one ("far")."""
        prefix = self.prefixes[group]
        inside = (self.codes[:, : self.length] == prefix).all(axis=1)
        same_first = self.codes[:, 0] == prefix[0]
        return np.flatnonzero(same_first & ~inside if distractor == "near" else ~same_first)


@dataclass
class Drawn:
    """What was drawn, and in words how: drafts, (type, method, stratum, distractor) counts, notes."""

    drafts: list[Draft]
    notes: list[str]


def stratum_of(size: int) -> str:
    """The range of sizes that a prefix counts to: powers of two.

    >>> stratum_of(3), stratum_of(8), stratum_of(1000)
    ('2-3', '8-15', '512-1023')
    """
    low = 1 << (int(size).bit_length() - 1)
    return f"{low}-{2 * low - 1}"


def draw(codes: Mapping[str, np.ndarray], types: Mapping[str, int], length: int, seed: int) -> Drawn:
    """Questions of each type, so many for each indexer (for each pair of indexers for A/B).

    Args:
        codes: label → [N, T] codes in the corpus's order, -1 where there is none.
        types: question type → number wanted.
        length: of the prefixes that make a group.
        seed: the same seed draws the same questions.

    Raises:
        StudyError: when a type cannot be drawn at all; says what it would need.
    """
    drawn = Drawn([], [])
    for kind, wanted in types.items():
        rng = np.random.default_rng([seed, TYPES.index(kind)])
        if kind == "ab":
            found = _draw_pairs(codes, wanted, length, rng)
        else:
            found = _draw_each(kind, codes, wanted, length, rng)
        if not found:
            raise StudyError(
                f"No question of the type {kind!r} can be drawn: it needs prefixes of at least {_SMALLEST[kind]} "
                "documents, of like size in every run. Leave the type out, or take another prefix length or other runs."
            )
        per = len(found) // (len(list(combinations(codes, 2))) if kind == "ab" else len(codes))
        if per < wanted:
            of = "pair of methods" if kind == "ab" else "method"
            drawn.notes.append(f"{kind}: only {per} of {wanted} questions a {of}, for the runs have too few prefixes.")
        drawn.drafts += found
    return drawn


# -- one method at a time ----------------------------------------------------------------------------------


def _draw_each(kind: str, codes: Mapping, wanted: int, length: int, rng: np.random.Generator) -> list[Draft]:
    pools = [Pool.of(label, of, _length_of(kind, of, length)) for label, of in codes.items()]
    cells = [_cells(kind, pool) for pool in pools]
    plan = share_out(wanted, cells, _SMALLEST[kind])
    drafts = []
    for pool, groups in zip(pools, cells, strict=True):
        for cell, number in plan.items():
            for group in _in_turn(groups[cell], number, rng):
                drafts.append(_MAKERS[kind](kind, pool, group, cell, rng))
    return drafts


def _length_of(kind: str, codes: np.ndarray, length: int) -> int:
    positions = codes.shape[1]
    if kind == "collision":
        return positions
    if kind == "level":
        if positions < 2:
            raise StudyError("Questions of the type 'level' need IDs of two positions or more; leave the type out.")
        return min(length, positions - 1)
    return length


def _cells(kind: str, pool: Pool) -> dict[Cell, list[int]]:
    """The prefixes that a question of this type can be made of, by cell."""
    found: dict[Cell, list[int]] = {}
    if kind in ("intruder", "pair"):
        by_first = np.bincount(pool.codes[pool.codes[:, 0] >= 0, 0])
    for group, members in enumerate(pool.members):
        if len(members) < _SMALLEST[kind] or (kind == "level" and len(_parts(pool, group)) < 2):
            continue
        distractors = [""]
        if kind in ("intruder", "pair"):
            with_first = by_first[pool.prefixes[group][0]]
            distractors = ["near"] if with_first > len(members) else []
            distractors += ["far"] if len(pool.codes) > with_first else []
        for distractor in distractors:
            found.setdefault((stratum_of(len(members)), distractor), []).append(group)
    return found


def share_out(wanted: int, cells: Sequence[Mapping[Cell, Sequence]], need: int) -> dict[Cell, int]:
    """How many questions each cell gives, the same for every indexer.

    Near and far share equally as far as both can be had; within each, strata share by the number of prefixes that
    the indexers have there on average. A prefix comes again only as often as it has `need` other documents, and
    `MOST_OF_ONE` times at most.

    >>> share_out(4, [{("4-7", "near"): [1, 2], ("4-7", "far"): [1, 2]}], need=4)
    {('4-7', 'far'): 2, ('4-7', 'near'): 2}
    """
    common = sorted(set.intersection(*(set(groups) for groups in cells)), key=lambda cell: (cell[1], _low(cell)))
    times = {cell: min(max(_low(cell) // need, 1), MOST_OF_ONE) for cell in common}
    room = {cell: times[cell] * min(len(groups[cell]) for groups in cells) for cell in common}
    weight = {cell: sum(len(groups[cell]) for groups in cells) / len(cells) for cell in common}
    kinds = sorted({cell[1] for cell in common})
    by_kind = _portions(
        wanted, {kind: 1.0 for kind in kinds}, {k: sum(room[c] for c in common if c[1] == k) for k in kinds}
    )
    plan: dict[Cell, int] = {}
    for kind, number in by_kind.items():
        mine = [cell for cell in common if cell[1] == kind]
        plan |= _portions(number, {cell: weight[cell] for cell in mine}, {cell: room[cell] for cell in mine})
    return {cell: number for cell, number in plan.items() if number}


def _low(cell: Cell) -> int:
    return int(cell[0].split("-")[0])


def _portions(total: int, weight: Mapping, room: Mapping) -> dict:
    """`total` shared by weight, largest remainder first, nobody above its room; what has no room left is not given."""
    given = dict.fromkeys(weight, 0)
    left = min(total, sum(room.values()))
    while left:
        open_ = [name for name in weight if given[name] < room[name]]
        whole = sum(weight[name] for name in open_)
        exact = {name: left * weight[name] / whole for name in open_}
        step = {name: min(int(exact[name]), room[name] - given[name]) for name in open_}
        if not any(step.values()):
            for name in sorted(open_, key=lambda name: -exact[name])[:left]:
                step[name] = 1
        for name, number in step.items():
            given[name] += number
        left -= sum(step.values())
    return given


def _in_turn(groups: Sequence, number: int, rng: np.random.Generator) -> list:
    """`number` of the groups in random order, each once before any comes a second time."""
    rounds = [rng.permutation(len(groups)) for _ in range(-(-number // max(len(groups), 1)))]
    return [groups[place] for place in np.concatenate(rounds)[:number]] if number else []


# -- making a question of a prefix -------------------------------------------------------------------------


def _some(rows: np.ndarray, number: int, rng: np.random.Generator) -> list[int]:
    return rng.choice(rows, number, replace=False).tolist()


def _hidden(pool: Pool, group: int, cell: Cell, key: str | None = None) -> Hidden:
    prefix = tuple(pool.prefixes[group].tolist())
    return Hidden((pool.label,), (prefix,), (len(pool.members[group]),), *cell, key)


def _odd_one(kind: str, pool: Pool, group: int, cell: Cell, rng: np.random.Generator) -> Draft:
    """intruder: documents of one prefix and a stranger; pair: one of them and a stranger beside another of them."""
    members = _some(pool.members[group], INTRUDED if kind == "intruder" else 2, rng)
    (stranger,) = _some(pool.strangers(group, cell[1]), 1, rng)
    if kind == "pair":
        first, candidates, right = (members[0],), [members[1], stranger], members[1]
    else:
        first, candidates, right = None, [*members, stranger], stranger
    candidates = rng.permutation(candidates).tolist()
    key = str(candidates.index(right) + 1)
    groups = (tuple(candidates),) if first is None else (first, tuple(candidates))
    return kind, groups, _hidden(pool, group, cell, key)


def _one_group(kind: str, pool: Pool, group: int, cell: Cell, rng: np.random.Generator) -> Draft:
    """coherence, collision: documents of one prefix."""
    members = _some(pool.members[group], _SMALLEST[kind], rng)
    return kind, (tuple(members),), _hidden(pool, group, cell)


def _parts(pool: Pool, group: int) -> list[np.ndarray]:
    """The documents under a prefix by the code that comes next, those with two or more, the largest first."""
    members = pool.members[group]
    following = pool.codes[members, pool.length]
    parts = [members[following == code] for code in np.unique(following[following >= 0])]
    return sorted((part for part in parts if len(part) >= 2), key=len, reverse=True)


def _division(kind: str, pool: Pool, group: int, cell: Cell, rng: np.random.Generator) -> Draft:
    """level: some documents of the largest parts that the next code makes."""
    parts = _parts(pool, group)[:PARTS]
    shown = [tuple(_some(part, min(IN_PART, len(part)), rng)) for part in parts]
    return kind, tuple(shown[place] for place in rng.permutation(len(shown))), _hidden(pool, group, cell)


_MAKERS: dict[str, Callable[..., Draft]] = {
    "intruder": _odd_one,
    "pair": _odd_one,
    "coherence": _one_group,
    "collision": _one_group,
    "level": _division,
}


# -- two methods side by side ------------------------------------------------------------------------------


def _draw_pairs(codes: Mapping, wanted: int, length: int, rng: np.random.Generator) -> list[Draft]:
    """A/B: for each pair of indexers, both groups around one document and of one stratum of size."""
    if len(codes) < 2:
        raise StudyError("Questions of the type 'ab' compare two runs; give a second run, or leave the type out.")
    couples = [
        (Pool.of(one, codes[one], length), Pool.of(other, codes[other], length))
        for one, other in combinations(codes, 2)
    ]
    anchors = [_anchors(*couple) for couple in couples]
    drafts: list[list[Draft]] = []
    for couple, by_cell in zip(couples, anchors, strict=True):
        mine = []
        for cell, number in share_out(wanted, anchors, _ONCE).items():
            for anchor in _in_turn(by_cell[cell], number, rng):
                mine.append(_two_groups(couple, anchor, cell, rng))
        drafts.append([draft for draft in mine if draft is not None])
    number = min(map(len, drafts))
    return [draft for mine in drafts for draft in mine[:number]]


def _places(pool: Pool) -> np.ndarray:
    """[N] the group of each document, -1 where it has none."""
    places = np.full(len(pool.codes), -1)
    for group, members in enumerate(pool.members):
        places[members] = group
    return places


def _anchors(one: Pool, other: Pool) -> dict[Cell, list[tuple[int, int, int]]]:
    """(document, its group in one, its group in the other) where both groups are of one stratum, by cell."""
    found: dict[Cell, list[tuple[int, int, int]]] = {}
    alike: dict[tuple[int, int], bool] = {}  # both groups hold the same documents: nothing to compare
    for row, (mine, its) in enumerate(zip(_places(one).tolist(), _places(other).tolist(), strict=True)):
        if mine < 0 or its < 0:
            continue
        sizes = len(one.members[mine]), len(other.members[its])
        if min(sizes) < COMPARED or stratum_of(sizes[0]) != stratum_of(sizes[1]):
            continue
        if (mine, its) not in alike:
            alike[mine, its] = np.array_equal(one.members[mine], other.members[its])
        if not alike[mine, its]:
            found.setdefault((stratum_of(sizes[0]), ""), []).append((row, mine, its))
    return found


def _two_groups(couple: tuple[Pool, Pool], anchor: tuple[int, int, int], cell: Cell, rng) -> Draft | None:
    """The anchor with others of its group, once for each indexer; None when both came out alike."""
    row, *groups = anchor
    order = rng.permutation(2).tolist()  # which indexer is group "a"
    for _ in range(_TRIES):
        shown = []
        for pool, group in zip(couple, groups, strict=True):
            others = pool.members[group][pool.members[group] != row]
            shown.append(rng.permutation([row, *_some(others, COMPARED - 1, rng)]).tolist())
        if set(shown[0]) != set(shown[1]):
            hidden = [_hidden(couple[side], groups[side], cell) for side in order]
            both = Hidden(
                hidden[0].methods + hidden[1].methods,
                hidden[0].prefixes + hidden[1].prefixes,
                hidden[0].sizes + hidden[1].sizes,
                *cell,
            )
            return "ab", tuple(tuple(shown[side]) for side in order), both
    return None
