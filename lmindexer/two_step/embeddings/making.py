"""From a word, or what settings keep, to embeddings."""

from pathlib import Path

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import PATH, taken
from lmindexer.settings.rules import unknown
from lmindexer.two_step.embeddings.base import KINDS, Embeddings


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
    word = str(taken("embeddings", PATH, spec)).strip()
    if not word:
        raise SettingsError("embeddings is empty; give a word such as 'minilm', 'tfidf' or 'minilm+tfidf'.")
    if "+" in word and not Path(word).exists():
        return KINDS["joined"].of_word(word)
    name, colon, layer = word.partition(":")
    if name == "minilm":
        if colon and not layer.isdigit():
            raise SettingsError(f"embeddings is {word!r}; write the layer as a number, as in minilm:3.")
        return KINDS["encoder"](layer=int(layer) if colon else None)
    if word in ("simcse", "tfidf"):
        return KINDS[word]()
    return KINDS["array" if word.lower().endswith(".npy") else "sentence_transformer"](word)


def _from_dict(spec: dict) -> Embeddings:
    spec = {name: value for name, value in spec.items() if name != "weights"}
    kind = str(spec.pop("kind", ""))
    if kind not in KINDS:
        raise SettingsError(unknown("kind of embeddings", kind, list(KINDS)))
    known = KINDS[kind].fields or ("sources", "scales")
    for name in spec:
        if name not in known:
            raise SettingsError(unknown(f"field of {kind} embeddings", name, list(known)))
    try:
        return KINDS[kind](**spec)
    except (TypeError, ValueError) as error:
        raise SettingsError(f"embeddings {spec!r} of the kind {kind!r} cannot be made: {error}.") from None
