"""Data sets: the bundled samples (`load_sample`), folders (`load_folder`), and public ones in their official files.

`prepare` turns official files into a folder that `load_folder` reads; one file a data set says how.
"""

from pathlib import Path

import lmindexer
from lmindexer.common.errors import CorpusError
from lmindexer.common.kinds import TEXT, takes
from lmindexer.corpus.checks import nearest
from lmindexer.corpus.corpus import Corpus, Interactions, Queries
from lmindexer.datasets.catalogue import SOURCES, prepare, source_of
from lmindexer.datasets.folders import is_folder_of_data, load_amazon, load_folder
from lmindexer.datasets.source import Source

__all__ = [
    "SOURCES", "Source", "is_folder_of_data", "list_samples", "load_amazon", "load_folder", "load_sample", "prepare",
    "samples_folder", "source_of",
]  # fmt: skip


def samples_folder() -> Path:
    """The folder of the bundled samples: lmindexer/_samples when installed, data_samples in a checkout.

    Raises CorpusError when neither is there.
    """
    package = Path(lmindexer.__file__).parent
    for folder in (package / "_samples", package.parent / "data_samples"):
        if folder.is_dir():
            return folder
    raise CorpusError(f"{package / '_samples'}: the bundled samples are missing. Install lmindexer again.")


def list_samples() -> list[str]:
    """The names that `load_sample` knows.

    >>> list_samples()
    ['attack', 'wordnet']
    """
    return sorted(path.parent.name for path in samples_folder().glob("*/corpus.jsonl.gz"))


@takes(name=TEXT)
def load_sample(name: str) -> Corpus:
    """Load a bundled corpus with its queries, its interactions where it has some, and its licence.

    "wordnet": 11,044 English nouns (synsets), categories 12 / 94 / 475, 12,284 queries, no interactions.
    "attack": 691 MITRE ATT&CK techniques, categories 14 / 216 / 691, 15,792 queries, 843 users.

    Each sample's README.md (in `samples_folder()`) says how it was made and what to beware of. Raises
    CorpusError for an unknown name.

    >>> load_sample("attack")
    Corpus('attack', 691 documents, 3 category levels: 14 / 216 / 691 classes)
    """
    known = list_samples()
    if name not in known:
        close = nearest(name, known)
        guess = f"Did you mean {close!r}?" if close else f"There are {', '.join(known)}."
        raise CorpusError(f"{name!r} is not a bundled corpus. {guess}")
    folder = samples_folder() / name
    corpus = Corpus.from_jsonl(
        folder / "corpus.jsonl.gz", title="title", text="text", category="categories", name=name, missing="keep"
    )
    corpus.queries = Queries.from_file(folder / "queries.jsonl.gz", missing="keep")
    if (folder / "interactions.jsonl.gz").exists():
        corpus.interactions = Interactions.from_file(folder / "interactions.jsonl.gz")
    corpus.licence = (folder / "LICENSE").read_text(encoding="utf-8")
    return corpus
