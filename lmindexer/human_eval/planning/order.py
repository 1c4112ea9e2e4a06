"""Who gets which question, when, and with which sides: all of it random by seed, and balanced."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lmindexer.human_eval.planning.questions import Question
from lmindexer.human_eval.planning.view import Arrangement

GAP = 10  # a hidden repeat comes at least so many questions after the first showing, where there are enough


@dataclass(frozen=True)
class Showing:
    """A question given to one annotator's place: when, and in which order its documents stand.

    Attributes:
        slot: the annotator's place, 1, 2, ….
        place: 1, 2, … in that annotator's order.
        question: its index in the list of questions.
        repeat: whether the same slot has seen the question before.
        arrangement: the order on the screen.
    """

    slot: int
    place: int
    question: int
    repeat: bool
    arrangement: Arrangement


def plan_showings(
    questions: Sequence[Question], slots: int, overlap: int, repeats: float, rng: np.random.Generator
) -> list[Showing]:
    """Every showing of a study.

    Args:
        questions: those to be judged go to exactly `overlap` slots each, gold ones to all.
        slots: number of annotators.
        overlap: 1 … slots.
        repeats: the share of an annotator's questions (gold aside) that comes a second time.
    """
    showings = []
    for slot, given in enumerate(_assign(questions, slots, overlap, rng), start=1):
        order = _sequence(questions, given, repeats, rng)
        targets = _targets([questions[index] for index, _ in order], rng)
        for place, ((index, repeat), target) in enumerate(zip(order, targets, strict=True), start=1):
            showings.append(Showing(slot, place, index, repeat, _arrange(questions[index], target, rng)))
    return showings


def _assign(questions: Sequence[Question], slots: int, overlap: int, rng: np.random.Generator) -> list[list[int]]:
    """Question indices by slot; loads differ by one at most, in all and within each type and method.

    Every two slots share about as many questions. Kind by kind, slots are taken in rounds: each once before any comes
    again, those first that have met the question's other annotators least. Only the last round of a kind, which
    does not go all the way round, takes those with the least load.
    """
    given: list[list[int]] = [[] for _ in range(slots)]
    load, shared = np.zeros(slots), np.zeros((slots, slots))
    kinds: dict[tuple, list[int]] = {}
    for index in rng.permutation(len(questions)).tolist():
        if not questions[index].gold:
            kinds.setdefault(_kind(questions[index]), []).append(index)
    for _, indices in sorted(kinds.items()):
        own, left = np.zeros(slots), len(indices) * overlap
        last = left % slots
        for index in indices:
            chosen: list[int] = []
            for _ in range(overlap):
                burden = load if left <= last else np.zeros(slots)
                met, tie = shared[:, chosen].sum(axis=1), rng.permutation(slots)
                free = [slot for slot in range(slots) if slot not in chosen]
                chosen.append(free[np.lexsort((tie[free], met[free], burden[free], own[free]))[0]])
                left -= 1
                own[chosen[-1]] += 1
            for slot in chosen:
                given[slot].append(index)
                load[slot] += 1
                shared[slot, [other for other in chosen if other != slot]] += 1
    gold = [index for index, question in enumerate(questions) if question.gold]
    return [[*mine, *gold] for mine in given]


def _kind(question: Question) -> tuple[str, ...]:
    return question.type, *sorted(question.hidden.methods)


def _sequence(
    questions: Sequence[Question], given: Sequence[int], repeats: float, rng: np.random.Generator
) -> list[tuple[int, bool]]:
    """(question, repeat) in one annotator's order: a block for each type, so that nobody changes task all the time."""
    kinds = sorted({questions[index].type for index in given})
    order: list[tuple[int, bool]] = []
    for kind in rng.permutation(kinds).tolist() if kinds else []:
        block = rng.permutation([index for index in given if questions[index].type == kind]).tolist()
        own = [place for place, index in enumerate(block) if not questions[index].gold]
        gap = max(min(GAP, len(block) // 2), 1)
        early = [place for place in own if place + gap <= len(block)]
        number = min(round(repeats * len(own)), len(early))
        keyed = [(float(place), index, False) for place, index in enumerate(block)]
        for place in rng.choice(early, number, replace=False).tolist() if number else []:
            keyed.append((float(rng.integers(place + gap, len(block) + 1)) - 0.5, block[place], True))
        order += [(index, repeat) for _, index, repeat in sorted(keyed)]
    return order


def _targets(questions: Sequence[Question], rng: np.random.Generator) -> list[int]:
    """Where on the screen each question has what its answers are about: every place as often as any other."""
    targets = [0] * len(questions)
    cells: dict[tuple, list[int]] = {}
    for place, question in enumerate(questions):
        sides = 2 if question.type == "ab" else len(question.groups[-1])
        methods = tuple(sorted(question.hidden.methods)) if question.type == "ab" else ()
        cells.setdefault((question.type, sides, methods), []).append(place)
    for (_, sides, _), places in cells.items():
        start = int(rng.integers(sides))
        for place, target in zip(rng.permutation(places).tolist(), range(start, start + len(places)), strict=True):
            targets[place] = target % sides
    return targets


def _arrange(question: Question, target: int, rng: np.random.Generator) -> Arrangement:
    """A random order in which the key (intruder, pair, gold) or the first method (A/B) stands at place `target`."""
    groups = list(range(len(question.groups)))
    items = [rng.permutation(len(group)).tolist() for group in question.groups]
    if question.type in ("intruder", "pair"):
        _bring(items[-1], int(question.hidden.key) - 1, target)
    elif question.type == "ab":
        methods = question.hidden.methods
        first = methods.index(min(methods)) if methods else "ab".index(question.hidden.key)
        groups = [first, 1 - first] if target == 0 else [1 - first, first]
    elif question.type == "level":
        groups = rng.permutation(len(groups)).tolist()
    return Arrangement(tuple(groups), tuple(map(tuple, items)))


def _bring(order: list[int], item: int, place: int) -> None:
    """Exchange two entries so that `item` stands at `place`."""
    other = order.index(item)
    order[other], order[place] = order[place], order[other]
