"""NQ320k: the questions of Google's Natural Questions and the Wikipedia pages they were asked about.

Files as Google gives them: the simplified training set (document_text) and the dev set (document_tokens). A document
is a page: its title, its first paragraph and what follows, tags taken out; pages whose titles read the same are one
document, the first of them (Wang et al. 2022, arXiv 2206.02743, whose rules NQ320k follows).
"""

import re
from pathlib import Path

from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer

from lmindexer.common.errors import SettingsError
from lmindexer.datasets.prepared import PreparedFolder
from lmindexer.datasets.raw_files import Reading
from lmindexer.datasets.source import RawFolder, Source

LONGEST = 8_000  # characters of a document that are kept; a model reads some hundred words
TRAIN = ("v1.0-simplified_simplified-nq-train.jsonl", "simplified-nq-train.jsonl")
DEV = ("v1.0-simplified_nq-dev-all.jsonl", "nq-dev-all.jsonl")

_TAG = re.compile(r"<[^<>]+>")
_NORMALISE, _PART = BertNormalizer(lowercase=True), BertPreTokenizer()


def prepare(raw: RawFolder, reading: Reading, out: Path, longest: int = LONGEST) -> dict:
    """Write pages as documents "0", "1", … in the order met, training questions first; the dev set is split "test".

    longest: characters of a page that are kept; 0 keeps all.
    """
    if longest < 0:
        raise SettingsError(f"longest is {longest}; give a number of characters, or 0 for all.")
    files = (("train", raw.need(*TRAIN)), ("test", raw.need(*DEV)))
    known: dict[str, str] = {}
    with PreparedFolder(out, raw.source, reading) as folder:
        folder.options = {"longest": longest}
        for split, path in files:
            for place, example in reading.objects(path, needed=["example_id", "question_text"]):
                page = _page(place, example, reading)
                if page is None:
                    continue
                title, text = page
                key = title_key(title)
                if key not in known:
                    doc_id = str(len(known))
                    if not folder.document(place, doc_id, title, text[: longest or None]):
                        continue
                    known[key] = doc_id
                folder.query(place, str(example["example_id"]), str(example["question_text"]), known[key], split)
    return folder.about()


def title_key(title: str) -> str:
    """What titles that count as the same have in common: BERT's lower case, no accents, punctuation set apart.

    >>> title_key("Pokémon Gold and  Silver")
    'pokemon gold and silver'
    """
    return " ".join(word for word, _ in _PART.pre_tokenize_str(_NORMALISE.normalize_str(title)))


def _page(place: str, example: dict, reading: Reading) -> tuple[str, str] | None:
    """An example → (title, the page's words without its title), or None for a bad row."""
    text, tokens = example.get("document_text"), example.get("document_tokens")
    if isinstance(tokens, list):
        try:
            text = " ".join(token["token"] for token in tokens)
        except (TypeError, KeyError):
            text = None
    if not isinstance(text, str):
        what = "there is neither a document_text nor a list of document_tokens"
        reading.bad(place, "rows without a page", what)
        return None
    title = example.get("document_title") or _between(text, "<H1>", "</H1>")
    return _words(str(title)), page_words(text)


def page_words(text: str) -> str:
    """First paragraph and all that follows it, up to the last list but one (the page's links at its end).

    >>> page_words("<H1> A </H1> <Table> x </Table> <P> B c . </P> <H2> D </H2> <P> e </P>")
    'B c . D e'
    """
    first = _between(text, "<P>", "</P>")
    end = text.find("</P>", text.find("<P>")) + len("</P>") if first else 0
    last = text.rfind("</Ul>")
    before = text.rfind("</Ul>", 0, max(last, 0))
    stop = before if before > end else last if last > end else len(text)
    return _words(f"{first} {text[end:stop]}")


def _between(text: str, start: str, end: str) -> str:
    begin = text.find(start)
    close = text.find(end, begin)
    return text[begin + len(start) : close] if begin >= 0 and close >= 0 else ""


def _words(text: str) -> str:
    return " ".join(_TAG.sub(" ", text).split())


SOURCE = Source(
    name="nq320k",
    what="Natural Questions: questions people asked Google, and the Wikipedia page of each",
    files="v1.0-simplified_simplified-nq-train.jsonl.gz and v1.0-simplified_nq-dev-all.jsonl.gz",
    where="https://ai.google.com/research/NaturalQuestions/download",
    licence="CC BY-SA 3.0",
    prepare=prepare,
    options={"longest": "characters of a page that are kept, 0 for all"},
    slides={
        "documents": 109_739, "queries, train": 307_373, "queries, test": 7_830,
        "labels, train": 307_373, "labels, test": 7_830,
    },
    note="Titles are compared as BERT's tokenizer lowers them, but for its unknown pieces, so a few pages may differ.",
)  # fmt: skip
