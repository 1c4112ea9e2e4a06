"""Colours that people with colour-vision deficiency can tell apart, the same for a thing in every figure.

A category's colour follows from its rank among the categories of its level, counted over the whole corpus (the
most frequent first), so it does not change with what a figure happens to show. A code's colour and hatching
follow from its number. What is past the last colour is grey and called "other".
"""

# The first six are Okabe and Ito's (2008); the others were added one by one, each the farthest in OKLab from
# those before it, seen with normal vision and under simulated protanopia, deuteranopia and tritanopia.
COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#784040", "#D0D8B8",
    "#A8B888", "#405080", "#9878E8", "#90D8F8", "#A84800", "#786878", "#F8C820", "#D0A0B8",
)  # fmt: skip
OTHER = "#9AA0A6"  # grey that stands on white and on near-black
HATCHES = ("", "/", "\\", "x", "-", "|", "+", ".")

# One colour scale from pale to dark that prints and reads in order without hue (for counts and shares).
SEQUENTIAL = ((0.0, "#EAF3FA"), (0.25, "#A9CFE8"), (0.5, "#5BA3D0"), (0.75, "#1F6EA8"), (1.0, "#08325C"))


def category_colour(rank: int) -> str:
    """Colour of the category with this rank in its level (0 = most frequent in the corpus); grey past the last.

    >>> category_colour(0), category_colour(400) == OTHER, category_colour(-1) == OTHER
    ('#0072B2', True, True)
    """
    return COLOURS[rank] if 0 <= rank < len(COLOURS) else OTHER


def code_colour(code: int) -> str:
    """Colour of a code, repeated every 16 codes (`code_hatch` tells the repeats apart); grey for no code (-1).

    >>> code_colour(3) == code_colour(19), code_hatch(3) == code_hatch(19)
    (True, False)
    """
    return COLOURS[code % len(COLOURS)] if code >= 0 else OTHER


def code_hatch(code: int) -> str:
    """Hatching of a code (a plotly pattern shape): with the colour it tells 128 codes apart."""
    return HATCHES[code // len(COLOURS) % len(HATCHES)] if code >= 0 else ""


# How far the colours of codes 16 to 31, 32 to 47, … are mixed with white (above 0) or black (below), and their shapes.
_MIXED = (0.0, 0.45, -0.35, 0.7)
SHAPES = ("circle", "diamond", "square", "triangle-up", "cross", "star", "triangle-down", "hexagon")


def code_shade(code: int) -> str:
    """A code's colour for points, where no hatching can be seen: lightness tells the codes of one hue apart.

    >>> code_shade(8) == code_colour(8), code_shade(24) == code_shade(8), code_shade(24) == code_shade(40)
    (True, False, False)
    """
    if code < 0:
        return OTHER
    mixed, base = _MIXED[code // len(COLOURS) % len(_MIXED)], code_colour(code)
    channels = [int(base[start : start + 2], 16) for start in (1, 3, 5)]
    towards = 255 if mixed > 0 else 0
    return "#" + "".join(f"{round(c + (towards - c) * abs(mixed)):02X}" for c in channels)


def code_shape(code: int) -> str:
    """The shape of a code's points (a plotly symbol): with the shade it tells 128 codes apart.

    >>> code_shape(3), code_shape(19)
    ('circle', 'diamond')
    """
    return SHAPES[code // len(COLOURS) % len(SHAPES)] if code >= 0 else SHAPES[0]


def visible(colour: str) -> str:
    """The colour, mixed with white until it has a contrast of 3 with a near-black page: for points and thin lines.

    >>> visible("#E69F00"), visible("#405080")
    ('#E69F00', '#53628D')
    """
    channels, dark = [int(colour[start : start + 2], 16) for start in (1, 3, 5)], 0.05 + 0.0075
    mixed = colour
    for tenth in range(10):
        mixed = "#" + "".join(f"{round(c + (255 - c) * tenth / 10):02X}" for c in channels)
        if (_luminance(mixed) + 0.05) / dark >= 3:
            break
    return mixed


def _luminance(colour: str) -> float:
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def text_on(colour: str) -> str:
    """Black or white, whichever contrasts more with `colour` (W3C relative luminance).

    >>> text_on("#F8C820"), text_on("#0072B2")
    ('#111111', '#FFFFFF')
    """
    return "#111111" if (_luminance(colour) + 0.05) ** 2 > 0.05 * 1.05 else "#FFFFFF"
