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

from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.common.jsonfiles import read_json
from lmindexer.common.kinds import PATH, kind_of, takes
from lmindexer.corpus.corpus import Corpus
from lmindexer.training.encoding import texts_of
from lmindexer.two_step.embeddings.array import ArrayEmbeddings
from lmindexer.two_step.embeddings.base import CONFIG, Embeddings
from lmindexer.two_step.embeddings.encoder import EncoderEmbeddings
from lmindexer.two_step.embeddings.joined import JoinedEmbeddings
from lmindexer.two_step.embeddings.making import make_embeddings
from lmindexer.two_step.embeddings.sentence_model import SentenceTransformerEmbeddings
from lmindexer.two_step.embeddings.simcse import SimCSEEmbeddings
from lmindexer.two_step.embeddings.tfidf import TfidfEmbeddings

CORPUS = kind_of(Corpus, "a Corpus", "Make one with Corpus.from_records, from_frame or from_file.")


@takes(folder=PATH)
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


@takes(corpus=CORPUS)
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


__all__ = [
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
]
