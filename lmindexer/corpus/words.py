"""What a word is, in any script: for key words and TF-IDF, which count words and know no language."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterator

import regex

from lmindexer.corpus.markup import strip_html

# Scripts without spaces between words. Katakana is not among them: a run of it mostly is one word already.
_UNSPACED = r"\p{Han}\p{Hiragana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}\p{Tai_Le}\p{New_Tai_Lue}\p{Tai_Tham}\p{Tai_Viet}"
_RUN = regex.compile(rf"[[{_UNSPACED}]&&[\p{{L}}\p{{M}}]]+", regex.V1)


def _spaced(first: str, more: str) -> regex.Pattern:
    """Words of scripts with spaces: vowel signs, accents and joiners (as in Hindi and Persian) belong to a word."""
    return regex.compile(
        rf"[[{first}]--[{_UNSPACED}]][[\p{{L}}\p{{M}}\p{{N}}_\u200c\u200d{more}]--[{_UNSPACED}]]*", regex.V1
    )


_SOFT_HYPHEN = "\u00ad"  # where a word may be broken at a line's end; no part of it
_ANY, _ANY_ASCII = _spaced(r"\p{L}\p{N}_", ""), re.compile(r"\b\w\w+\b")
_NAMED, _NAMED_ASCII = _spaced(r"\p{L}", "'’-"), re.compile(r"\b[^\W\d_][\w'-]*\w\b")


def words_of(text: str) -> list[str]:
    """Words of a text, with numbers, of at least two characters (or one Korean syllable) each: what TF-IDF counts.

    Chinese, Japanese (but for Katakana), Thai, Lao, Khmer and Burmese are written without spaces; a run of such
    letters gives its pairs of neighbours, or the letter itself where it stands alone.

    >>> words_of("Hand-saw 12: लकड़ी काटने की आरी")
    ['Hand', 'saw', '12', 'लकड़ी', 'काटने', 'की', 'आरी']
    >>> words_of("不锈钢锅 pot")
    ['pot', '不锈', '锈钢', '钢锅']
    """
    return _ANY_ASCII.findall(text) if text.isascii() else list(_found(text, _ANY, str.__str__))


def key_words_of(text: str) -> list[str]:
    """Words that can name something: as `words_of`, a letter first, hyphens kept, HTML tags and entities left out.

    >>> key_words_of("<b>Hand-saw</b> &amp; 12 nails")
    ['Hand-saw', 'nails']
    """
    text = strip_html(text)
    return _NAMED_ASCII.findall(text) if text.isascii() else list(_found(text, _NAMED, _trimmed))


def _trimmed(word: str) -> str:
    return word.rstrip("'’-")


def _found(text: str, pattern: regex.Pattern, trim: Callable[[str], str]) -> Iterator[str]:
    text = unicodedata.normalize("NFC", text).replace(_SOFT_HYPHEN, "")
    for word in map(trim, pattern.findall(text)):
        if len(word) > 1 or "가" <= word <= "힣":  # of Korean a syllable alone is a word: 톱, a saw
            yield word
    for run in _RUN.findall(text):
        letters = regex.findall(r"\X", run)
        if len(letters) == 1:
            yield run
        yield from map("".join, itertools.pairwise(letters))
