"""Several positions in one sentence: "Positions 1 to 3", and the numbers that differ between them."""

from collections.abc import Sequence


def positions_in_words(positions: Sequence[int]) -> str:
    """
    >>> [positions_in_words(places) for places in ([2], [1, 2], [1, 2, 3], [1, 2, 4])]
    ['Position 2', 'Positions 1 and 2', 'Positions 1 to 3', 'Positions 1, 2 and 4']
    """
    if len(positions) == 1:
        return f"Position {positions[0]}"
    if len(positions) > 2 and positions[-1] - positions[0] == len(positions) - 1:
        return f"Positions {positions[0]} to {positions[-1]}"
    return f"Positions {_listed(list(map(str, positions)))}"


def each(values: Sequence) -> str:
    """Values in their order, or the one that all of them are.

    >>> each([8, 8, 8]), each(["1.0", "2.5"])
    ('8', '1.0 and 2.5')
    """
    words = [str(value) for value in values]
    return words[0] if len(set(words)) == 1 else _listed(words)


def _listed(words: list[str]) -> str:
    return f"{', '.join(words[:-1])} and {words[-1]}"
