"""Texts of shops and web pages → plain words: tags, scripts and entities taken out."""

import html
import re

_BLOCKS = (("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"))
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


def plain_text(text: str) -> str:
    """The text without HTML tags, scripts and entities, white space at one blank; "a < b" stays as it is.

    >>> plain_text("<p>Cuts &amp; trims<br/>wood</p>")
    'Cuts & trims wood'
    """
    if "<" in text:
        for start, end in _BLOCKS:
            text = _without_blocks(text, start, end)
        text = _TAG.sub(" ", text)
    if "&" in text:
        text = html.unescape(text)
    return " ".join(text.split())


def _without_blocks(text: str, start: str, end: str) -> str:
    """Take everything from `start` to `end` out; one that never ends stays."""
    lower, kept, place = text.lower(), [], 0
    if len(lower) != len(text):  # a letter whose small form is longer: places would not agree
        lower = text
    while (begin := lower.find(start, place)) >= 0 and (close := lower.find(end, begin)) >= 0:
        kept.append(text[place:begin])
        place = close + len(end)
    return " ".join([*kept, text[place:]])
