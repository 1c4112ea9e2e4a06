"""Queries for documents that have none: pieces of the document, or what a seq2seq model asks about it."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np

from lmindexer.common.errors import SettingsError
from lmindexer.corpus.corpus import Corpus

KINDS = ("document", "title", "spans", "phrases")
MODEL = "model:"  # before the name or folder of a seq2seq model
SPANS, SHORTEST, LONGEST = 2, 3, 8  # a document; words of a span
PHRASES = 2


def pseudo_queries(corpus: Corpus, kind: str, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts that stand for queries, and the document of each (places in the corpus).

    kind:
        "document"   the whole document (an indexing pair: text → ID)
        "title"      its title
        "spans"      2 runs of 3 to 8 words of its text, drawn anew for each seed
        "phrases"    its 2 word pairs that say most: the rarest ones in the corpus that it holds
        "model:NAME" questions by a seq2seq model (a hub name or folder, such as a doc2query T5), one a document

    Documents without the piece in question have no such query. Raises SettingsError for an unknown kind.

    >>> corpus = Corpus.from_records([{"doc_id": 1, "title": "Jig saw", "text": "cuts tight curves in wood"}])
    >>> pseudo_queries(corpus, "title")
    (['Jig saw'], array([0]))
    """
    checked_kinds([kind])
    if kind.startswith(MODEL):
        return asked_by_model(corpus, kind.removeprefix(MODEL), seed=seed)
    if kind == "spans":
        return _spans(corpus.texts, seed)
    if kind == "phrases":
        return _phrases(corpus.documents())
    texts = corpus.documents() if kind == "document" else corpus.titles
    return _with_places([[text] if text else [] for text in texts])


def checked_kinds(kinds: Sequence[str]) -> list[str]:
    """The kinds as a list; one alone may be given as a word.

    Raises SettingsError for one that is not known.

    >>> checked_kinds("title"), checked_kinds(())
    (['title'], [])
    """
    found = [kinds] if isinstance(kinds, str) else list(kinds) if isinstance(kinds, Iterable) else [kinds]
    for kind in found:
        if not isinstance(kind, str) or not (kind in KINDS or kind.startswith(MODEL)):
            raise SettingsError(
                f"pseudo-queries of the kind {kind!r} are not known; give {', '.join(KINDS)} or model:NAME."
            )
    return found


def _spans(texts: Sequence[str], seed: int) -> tuple[list[str], np.ndarray]:
    random, found = np.random.default_rng(seed), []
    for text in texts:
        words, spans = (text or "").split(), []
        for _ in range(SPANS if len(words) >= SHORTEST else 0):
            length = int(random.integers(SHORTEST, min(LONGEST, len(words)) + 1))
            start = int(random.integers(len(words) - length + 1))
            spans.append(" ".join(words[start : start + length]))
        found.append(list(dict.fromkeys(spans)))
    return _with_places(found)


def _phrases(documents: Sequence[str]) -> tuple[list[str], np.ndarray]:
    """Neighbouring words, both longer than three letters, that the fewest documents hold (but more than this one)."""
    pairs = []
    for document in documents:
        words = re.findall(r"\w+", document.lower())
        pairs.append(list(dict.fromkeys(f"{a} {b}" for a, b in pairwise(words) if min(len(a), len(b)) > 3)))
    held = Counter(pair for some in pairs for pair in some)
    rarest = [sorted(some, key=lambda pair: (held[pair] == 1, held[pair]))[:PHRASES] for some in pairs]
    return _with_places(rarest)


def _with_places(found: list[list[str]]) -> tuple[list[str], np.ndarray]:
    places = np.repeat(np.arange(len(found)), [len(some) for some in found])
    return [text for some in found for text in some], places


def asked_by_model(
    corpus: Corpus, name: str, *, each: int = 1, batch: int = 16, longest: int = 32, seed: int = 0
) -> tuple[list[str], np.ndarray]:
    """Questions that a seq2seq model asks about each document, sampled (top 10 words, as docT5query does).

    name: hub name or folder; code that comes with a model is not run.

    Raises SettingsError where there is no such model.
    """
    import torch
    from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

    from lmindexer.model.backbones import quiet_loading

    try:
        with quiet_loading():
            tokenizer = AutoTokenizer.from_pretrained(name)
            model = AutoModelForSeq2SeqLM.from_pretrained(name, use_safetensors=True).eval()
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"{name!r} is neither a folder with a seq2seq model nor one the hub gives here "
            f"({type(error).__name__}). Use pieces of the documents: title, spans or phrases."
        ) from error
    torch.manual_seed(seed)
    documents, texts = corpus.documents(), []
    with torch.no_grad():
        for at in range(0, len(documents), batch):
            some = tokenizer(
                documents[at : at + batch], return_tensors="pt", padding=True, truncation=True, max_length=256
            )
            asked = model.generate(**some, do_sample=True, top_k=10, num_return_sequences=each, max_new_tokens=longest)
            texts += tokenizer.batch_decode(asked, skip_special_tokens=True)
    places = np.repeat(np.arange(len(documents)), each)
    kept = [place for place, text in enumerate(texts) if text.strip()]
    return [texts[place].strip() for place in kept], places[kept]
