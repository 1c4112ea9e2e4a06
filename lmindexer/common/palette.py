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


def text_on(colour: str) -> str:
    """Black or white, whichever contrasts more with `colour` (W3C relative luminance).

    >>> text_on("#F8C820"), text_on("#0072B2")
    ('#111111', '#FFFFFF')
    """
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    luminance = sum(w * c for w, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#111111" if (luminance + 0.05) ** 2 > 0.05 * 1.05 else "#FFFFFF"
