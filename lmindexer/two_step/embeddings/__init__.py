"""Embeddings: one vector a document, which the two-step indexers code. One file a source, one word each:

minilm            all-MiniLM-L6-v2, mean-pooled ("minilm:3": its layer 3, 0 being the word embeddings)
simcse            the same, trained on the corpus itself
tfidf             TF-IDF and its SVD
a+b               two of them (or more) side by side: "minilm+tfidf"
FILE.npy          vectors made elsewhere; FILE.ids.txt says whose they are
any other word    a sentence-transformers model, by hub name or folder
"""

from pathlib import Path

import numpy as np
from safetensors import SafetensorError

from lmindexer.common.errors import BundleError, LMIndexerError, SettingsError
from lmindexer.common.jsonfiles import read_json
from lmindexer.corpus.corpus import Corpus
from lmindexer.settings.rules import unknown
from lmindexer.two_step.embeddings.array import ArrayEmbeddings
from lmindexer.two_step.embeddings.base import CONFIG, Embeddings
from lmindexer.two_step.embeddings.encoder import EncoderEmbeddings
from lmindexer.two_step.embeddings.joined import JoinedEmbeddings
from lmindexer.two_step.embeddings.sentence_model import SentenceTransformerEmbeddings
from lmindexer.two_step.embeddings.simcse import SimCSEEmbeddings
from lmindexer.two_step.embeddings.tfidf import TfidfEmbeddings

KINDS = {
    kind.kind: kind
    for kind in (
        EncoderEmbeddings,
        SimCSEEmbeddings,
        TfidfEmbeddings,
        JoinedEmbeddings,
        ArrayEmbeddings,
        SentenceTransformerEmbeddings,
    )
}


def make_embeddings(spec) -> Embeddings:
    """The embeddings that a word, a dict of `spec` or an object stands for.

    Raises SettingsError for a dict of an unknown kind or field, or for a word that cannot be one.

    >>> make_embeddings("minilm:3+tfidf").sources[0]
    EncoderEmbeddings(model='minilm', layer=3, max_length=128)
    """
    if isinstance(spec, Embeddings):
        return spec
    if isinstance(spec, dict):
        return _from_dict(spec)
    word = str(spec).strip()
    if not word:
        raise SettingsError("embeddings is empty; give a word such as 'minilm', 'tfidf' or 'minilm+tfidf'.")
    if "+" in word and not Path(word).exists():
        return JoinedEmbeddings(word.split("+"))
    name, colon, layer = word.partition(":")
    if name == "minilm":
        if colon and not layer.isdigit():
            raise SettingsError(f"embeddings is {word!r}; write the layer as a number, as in minilm:3.")
        return EncoderEmbeddings(layer=int(layer) if colon else None)
    if word in ("simcse", "tfidf"):
        return KINDS[word]()
    return ArrayEmbeddings(word) if word.endswith(".npy") else SentenceTransformerEmbeddings(word)


def _from_dict(spec: dict) -> Embeddings:
    spec = {name: value for name, value in spec.items() if name != "weights"}
    kind = str(spec.pop("kind", ""))
    if kind not in KINDS:
        raise SettingsError(unknown("kind of embeddings", kind, list(KINDS)))
    known = KINDS[kind].fields or ("sources",)
    for name in spec:
        if name not in known:
            raise SettingsError(unknown(f"field of {kind} embeddings", name, list(known)))
    try:
        return KINDS[kind](**spec)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"embeddings {spec!r} of the kind {kind!r} cannot be made: {error}.") from None


def load_embeddings(folder: str | Path) -> Embeddings:
    """What `Embeddings.save` wrote, ready to `embed`.

    Raises BundleError when it cannot be read.
    """
    folder = Path(folder)
    try:
        found = make_embeddings(read_json(folder / CONFIG))
        found._load(folder)
    except (OSError, ValueError, LookupError, TypeError, LMIndexerError, SafetensorError) as error:
        raise BundleError(f"{folder} holds no embeddings that can be read ({error}); write the run again.") from error
    return found


def embed_corpus(
    corpus: Corpus, embeddings="minilm", *, category_text: bool = False, progress: bool = True
) -> np.ndarray:
    """Vectors [N, d] float32 of a corpus, from the cache where it has them.

    category_text: documents end in their category path (the slides' setting), which no model may cut off.

    >>> embed_corpus(lmindexer.load_sample("wordnet"), "minilm+tfidf").shape      # doctest: +SKIP
    (11000, 584)
    """
    texts, tails = texts_of(corpus, category_text)
    return make_embeddings(embeddings).fit(texts, tails, corpus.doc_ids, progress=progress)


def texts_of(corpus: Corpus, category_text: bool) -> tuple[list[str], list[str] | None]:
    """Documents as a model reads them: texts, and with category text the tails that must not be cut off."""
    texts = corpus.documents()
    if not category_text or not corpus.levels:
        return texts, None
    whole = corpus.documents(category_text=True)
    return texts, [both[len(text) :] for text, both in zip(texts, whole, strict=True)]


__all__ = [
    "KINDS",
    "ArrayEmbeddings",
    "Embeddings",
    "EncoderEmbeddings",
    "JoinedEmbeddings",
    "SentenceTransformerEmbeddings",
    "SimCSEEmbeddings",
    "TfidfEmbeddings",
    "embed_corpus",
    "load_embeddings",
    "make_embeddings",
    "texts_of",
]
