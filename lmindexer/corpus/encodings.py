"""Which encoding bytes that are no UTF-8 look like, also where there are only a few words of them."""

import codecs
import re
import unicodedata
from collections.abc import Callable

_WORD = re.compile(rb"[A-Za-z\x80-\xff]+")
# one byte a letter, Latin letters; Excel's own come first; those of old Macs and of DOS only where they fit better
_WESTERN = ("cp1252", "cp1250", "cp1254", "cp1257", "iso8859_15", "iso8859_2")
_OLD = ("mac_roman", "cp850", "cp437")
_LATIN = 0.8  # of the signs above 127 stand as letters do, or it is no Latin text
# one byte a letter, another alphabet → its ten most frequent letters, which make up six or seven of ten in any text
_FREQUENT = {
    "cp1251": "оеаинтсрвл",
    "koi8_r": "оеаинтсрвл",
    "cp1253": "αοιετσνηυρκπςάέήίόύώ",
    "cp1255": "יוהלאתרמשב",
    "cp1256": "اليمنوترب",
    "cp874": "านรอกเงมยลี่้ั",
}
_FEW = 60  # characters, with a header of a few names
_ENOUGH = 0.45  # of a text's letters are frequent ones, or it is not that alphabet
_SURE = 0.65  # from here on it is, though the bytes could be Chinese too


def guess_encoding(data: bytes) -> str | None:
    """The encoding that bytes look like, as a name that Python takes, or None.

    >>> guess_encoding("Säge für Möbel, grün".encode("cp1252"))
    'cp1252'
    >>> guess_encoding("Пила режет дерево".encode("cp1251")), guess_encoding("精細鋸子".encode("big5"))
    ('cp1251', 'big5')
    """
    return next(iter(likely_encodings(data)), None)


def likely_encodings(data: bytes) -> list[str]:
    """The encodings that bytes look like, the likeliest first; several where a few words cannot tell them apart.

    >>> likely_encodings("מסור לעץ".encode("cp1255"))
    ['cp1251', 'koi8_r', 'cp1253', 'cp1255']
    """
    if _text(data, "utf-8") is not None:
        return ["utf-8"]
    scores = {name: _fitting(data, name) for name in (*_WESTERN, *_OLD)} if _is_latin(data) else {"": 0.0}
    best = max(scores, key=lambda name: scores[name])
    if scores[best] >= _LATIN:
        alike = [name for name in _WESTERN if scores[name] == scores[best] and _text(data, name) != _text(data, best)]
        return [best, *alike]
    scores = {name: _fitting(data, name) * _frequent(data, name) for name in _FREQUENT}
    share = max(scores.values())
    asian = [name for name in _OF_TWO_BYTES if share < _SURE and _looks(data, name)]
    if asian:  # Chinese reads as Korean of rare syllables, and a few words may be either
        return asian[: 2 if asian[0] == "euc_kr" and len(_text(data, asian[0]) or "") < _FEW else 1]
    if share >= _ENOUGH:
        return sorted((name for name in scores if scores[name] > share - 0.1), key=lambda name: -scores[name])
    from charset_normalizer import from_bytes  # only where nothing of the above is seen

    found = from_bytes(data).best()
    name = None if found is None else found.encoding
    return [] if name is None else ["gb18030" if name in ("gb2312", "gbk") else name]


def _share(letters: list[str], fits: Callable[[str], bool]) -> float:
    return sum(map(fits, letters)) / max(len(letters), 1)


def _kana(letter: str) -> bool:
    return "\u3041" <= letter <= "\u30ff"


def _written(letter: str) -> bool:
    """A sign of Chinese or Japanese writing, its marks and wide forms included."""
    return "\u3000" <= letter <= "\u30ff" or "\u4e00" <= letter <= "\u9fff" or "\uff00" <= letter <= "\uffef"


def _common(name: str, low: int, high: int, least: float) -> Callable[[list[str]], bool]:
    """Whether nearly all signs stand where a character set has its common ones: by their first byte."""

    def looks(letters: list[str]) -> bool:
        signs = [letter for letter in letters if "\u4e00" <= letter <= "\u9fff" or "\uac00" <= letter <= "\ud7a3"]
        if not signs or (_share(letters, _written) < least and name != "euc_kr"):
            return False
        return _share(signs, lambda sign: low <= sign.encode(name, "replace")[0] <= high) >= least

    return looks


def _japanese(letters: list[str]) -> bool:
    return _share(letters, _written) >= 0.95 and _share(letters, _kana) >= 0.15


def _korean(letters: list[str]) -> bool:
    hangul = [letter for letter in letters if "\uac00" <= letter <= "\ud7a3"]
    if len(hangul) < 0.95 * len(letters) or not _common("euc_kr", 0xB0, 0xC8, 1.0)(letters):
        return False
    return len(hangul) < 4 or _share(hangul, lambda letter: letter in _SYLLABLES) >= 0.3


# the most frequent syllables of Korean, which make up half of any text
_SYLLABLES = frozenset(
    "이다는에을의가고하지한로기사도서인자은를시대과어수리아나들해정제일전그부있장라보적원구만여와게조상공"
)


_OF_TWO_BYTES: dict[str, Callable[[list[str]], bool]] = {  # the first that looks right is taken
    "euc_jp": _japanese,
    "shift_jis": _japanese,
    "euc_kr": _korean,
    "gb18030": _common("gb18030", 0xB0, 0xD7, 0.95),
    "big5": _common("big5", 0xA4, 0xC6, 0.95),
}


def _looks(data: bytes, name: str) -> bool:
    text = _text(data, name)
    return text is not None and _OF_TWO_BYTES[name]([letter for letter in text if not letter.isascii()])


def _is_latin(data: bytes) -> bool:
    """Whether words that hold bytes above 127 consist of ASCII letters in good part: "güçlü", no word of Cyrillic."""
    words = [word for word in _WORD.findall(data) if not word.isascii() and len(word) > 1]
    plain = sum(byte < 128 for word in words for byte in word)
    return plain * 5 >= 2 * sum(map(len, words))


def _fitting(data: bytes, name: str) -> float:
    """The share of bytes above 127 that are small or capital letters beside a letter; -1 where some cannot be read."""
    text = _text(data, name)
    if text is None:
        return -1.0
    high = [place for place, letter in enumerate(text) if not letter.isascii()]
    return sum(_fits(text, place) for place in high) / max(len(high), 1)


def _fits(text: str, place: int) -> bool:
    """A letter in a word of its own case: "ü" in "für", not "¼", "Σ" and no capital beside small letters but a first.

    Marks such as “ ” and ’ may touch a word.
    """
    before, letter, after = text[place - 1 : place], text[place], text[place + 1 : place + 2]
    if not (letter.isalpha() or "\u0e31" <= letter <= "\u0e4e"):  # Thai vowels and tones are marks
        inside = before.isalpha() and after.isalpha()
        return not inside if letter in "„“”‚‘’«»‹›…–—€" else not before.isalpha() and not after.isalpha()
    if before.isascii() and before.isalpha() and not unicodedata.name(letter, "").startswith("LATIN"):
        return False  # two alphabets in one word
    return not letter.isupper() or not (before.islower() or (before.isupper() and after.islower()))


def _frequent(data: bytes, name: str) -> float:
    text = _text(data, name)
    letters = [letter for letter in text or "" if not letter.isascii() and not letter.isspace()]
    return _share(letters, lambda letter: letter.lower() in _FREQUENT[name])


def _text(data: bytes, name: str) -> str | None:
    try:
        return codecs.getincrementaldecoder(name)().decode(data)  # a sample may end within a letter
    except UnicodeDecodeError:
        return None
