"""Words of documents, runs and links for a page: every sign with a meaning escaped; prefixes as people read them."""

import re

_TURNING = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_MARKS = re.compile(r"([!-/:-@\[-`{-~])")


def md(text, limit: int = 300) -> str:
    """Text for a place that Streamlit reads as Markdown: every sign with a meaning is escaped, lines are joined.

    Signs that would turn the direction of the words after the text are left out.

    >>> md("**bold** <b>")
    '\\\\*\\\\*bold\\\\*\\\\* \\\\<b\\\\>'
    """
    text = " ".join(_TURNING.sub("", str(text)[: 4 * limit]).split())
    if len(text) > limit:
        text = text[: limit - 1] + "…"
    return _MARKS.sub(r"\\\1", text)


def id_of(prefix) -> str:
    """A prefix as people read it: (3, 17) is "<3><17>"."""
    return "".join(f"<{code}>" for code in prefix if code >= 0)
