"""Folders with a whole data set in them: corpus, queries and interactions in one call, whatever form they have."""

import tempfile
from pathlib import Path

from lmindexer.common.errors import CorpusError
from lmindexer.common.kinds import PATH, TEXT, takes
from lmindexer.corpus.corpus import Corpus
from lmindexer.datasets.amazon_folder import is_items_and_sequences, load_items_and_sequences
from lmindexer.datasets.catalogue import prepare
from lmindexer.datasets.prepared import is_prepared, load_prepared

_FORMS = (
    "one that `lmindexer data prepare` made, a BEIR folder (corpus.jsonl, queries.jsonl, qrels) or an Amazon folder "
    "(items.jsonl.gz, sequences.txt.gz)"
)


@takes(path=PATH)
def is_folder_of_data(path: str | Path) -> bool:
    """Whether `load_folder` knows what is in that folder."""
    folder = Path(path)
    return folder.is_dir() and (is_prepared(folder) or is_items_and_sequences(folder) or _is_beir(folder))


@takes(path=PATH)
def load_folder(path: str | Path) -> Corpus:
    """Load a folder with its queries, interactions and licence, where it has some.

    It may be one that `lmindexer data prepare` made, a BEIR folder (its judgements may also lie beside the corpus, or
    in one labels.tsv without a split), or Amazon's items and sequences.

    Raises CorpusError that names the file, the row and a remedy.

    >>> load_folder("data/nfcorpus").queries                                         # doctest: +SKIP
    Queries(134,294 rows about 3,633 documents)
    """
    folder = Path(path)
    if not folder.is_dir():
        raise CorpusError(f"{path}: there is no such folder. Give {_FORMS}.")
    if is_prepared(folder):
        return load_prepared(folder)
    if is_items_and_sequences(folder):
        return load_items_and_sequences(folder, folder.resolve().name)
    if _is_beir(folder):
        return _through("beir", folder)
    raise CorpusError(f"{path}: it is no folder of a known form. Give {_FORMS}.")


@takes(path=PATH, name=TEXT)
def load_amazon(path: str | Path, name: str | None = None, **options) -> Corpus:
    """Load Amazon products with their categories and, where there are reviews, users' items in time order.

    path: a folder with items.jsonl.gz and sequences.txt.gz (see `amazon_folder`), a prepared one, a folder with
        Amazon's official files of 2014, 2018 or 2023, or one official metadata file.
    name: the corpus's; left out, the folder's or category's.
    options: for official files, as `amazon.prepare` takes them (category, least, shuffle, fields).

    Raises CorpusError that names the file, the row and a remedy.

    >>> corpus = load_amazon("data/amazon-beauty")  # doctest: +SKIP
    >>> corpus.interactions.sequences()["1"]  # doctest: +SKIP
    ['1', '2', '3', '4', '5']
    """
    folder = Path(path)
    if is_prepared(folder):
        corpus = load_prepared(folder)
    elif is_items_and_sequences(folder):
        corpus = load_items_and_sequences(folder, folder.resolve().name)
    else:
        corpus = _through("amazon", folder, **options)
    corpus.name = name or corpus.name
    return corpus


def _is_beir(folder: Path) -> bool:
    parts = ("corpus.jsonl", "queries.jsonl")
    return all((folder / name).is_file() or (folder / f"{name}.gz").is_file() for name in parts)


def _through(kind: str, raw: Path, **options) -> Corpus:
    """Prepare into a folder for the moment, and load that: one way of reading for both."""
    with tempfile.TemporaryDirectory() as place:
        prepare(kind, raw, Path(place) / "out", show=False, **options)
        return load_prepared(Path(place) / "out")
