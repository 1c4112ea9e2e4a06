"""HTML left in texts: tags and entities, found and taken out."""

import html
import re

_INLINE = (
    "a abbr acronym b bdi bdo big cite code dfn em font i kbd label mark s samp small span strike strong sub sup tt u "
    "var wbr"
)
_BLOCK = (
    "address article aside audio blockquote body br button canvas caption center col colgroup dd del details dialog "
    "dir div dl dt embed fieldset figcaption figure footer form frame frameset h1 h2 h3 h4 h5 h6 head header hr html "
    "iframe img input ins legend li link main map menu meta nav noscript object ol optgroup option p param picture pre "
    "script section select source style summary svg table tbody td template textarea tfoot th thead time title tr "
    "track ul video"
)


# attributes have values, or are among those that need none: "<a and y>" is no tag
_FLAGS = "allowfullscreen|async|autoplay|checked|controls|default|defer|disabled|hidden|ismap|itemscope|loop|multiple"
_FLAGS += "|muted|nohref|noshade|novalidate|nowrap|open|readonly|required|reversed|selected"
_ATTRIBUTE = rf"""\s+(?:[\w:@.-]+\s*=\s*(?:"[^"]*"|'[^']*'|[^\s"'<>]+)|(?:{_FLAGS})(?=[\s/>]))"""


def _tag(names: str) -> str:
    return rf"</?(?:{'|'.join(names.split())})(?:{_ATTRIBUTE})*\s*/?>"


_UNSEEN = re.compile(
    r"(?is)<!--.*?-->|<!doctype[^<>]*>|<\?xml[^<>]*\?>|</?(?:o|w|v|st1):[a-z]+(?:\s[^<>]*)?/?>"
    r"|<(script|style)(?=[\s>])[^<>]*>.*?</\1\s*>"
)  # comments, scripts, what XML and word processors put around a text
_VERBATIM = re.compile(r"(?s)<!\[CDATA\[(.*?)\]\]>")
_INLINE_TAG = re.compile(_tag(_INLINE), re.IGNORECASE)
_BLOCK_TAG = re.compile(_tag(_BLOCK), re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\xa0]{2,}|\xa0")


def strip_html(text: str) -> str:
    """A text without HTML: tags out (a space for those that end a line or a block), entities as their characters.

    What only looks like a tag ("a <b2 or c> d", "List<String>") stays, and so does an "&" without its semicolon.
    Tags that were themselves written as entities ("&lt;br&gt;") go as well.

    >>> strip_html("<p>Cuts &amp; trims<br/>wood</p>"), strip_html("size <12 and >3 & more")
    ('Cuts & trims wood', 'size <12 and >3 & more')
    """
    for _ in range(3):  # entities written as entities: feeds are escaped twice now and then
        found = first_html(text)
        if not found:
            return text
        text = _UNSEEN.sub(" ", _VERBATIM.sub(r" \1 ", text))
        text = _BLOCK_TAG.sub(" ", _INLINE_TAG.sub("", text))
        text = _ENTITY.sub(lambda entity: html.unescape(entity.group()), text)
        text = _SPACES.sub(" ", text).strip()
    return text


def plain_words(text: str) -> str:
    """`strip_html` with every run of white space, line ends too, at one blank: for feeds of shops and web pages.

    >>> plain_words("<p>Cuts &amp;  trims<br/>wood</p>\\nfast")
    'Cuts & trims wood fast'
    """
    return " ".join(strip_html(text).split())


def first_html(text: str) -> str:
    """The first tag or entity in a text, "" without any.

    >>> first_html("Cuts &amp; trims"), first_html("R&D; 3 < 4")
    ('&amp;', '')
    """
    found = []
    if "<" in text:
        found += [pattern.search(text) for pattern in (_UNSEEN, _VERBATIM, _INLINE_TAG, _BLOCK_TAG)]
    if "&" in text:
        found += [entity for entity in _ENTITY.finditer(text) if html.unescape(entity.group()) != entity.group()][:1]
    places = [match for match in found if match]
    return min(places, key=lambda match: match.start()).group() if places else ""
