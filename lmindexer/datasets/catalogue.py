"""The public data sets that this package reads, and `prepare`, which turns official files into a prepared folder."""

import inspect
from collections.abc import Iterable
from pathlib import Path
from typing import get_type_hints

from lmindexer.common.errors import SettingsError
from lmindexer.common.kinds import PATH, TEXT, takes
from lmindexer.corpus.checks import nearest
from lmindexer.datasets import amazon, beir, esci, msmarco, nq
from lmindexer.datasets.prepared import check_free
from lmindexer.datasets.raw_files import Reading
from lmindexer.datasets.source import RawFolder, Source

SOURCES = {
    source.name: source
    for source in (amazon.SOURCE, esci.SOURCE, nq.SOURCE, msmarco.MSMARCO, msmarco.TREC_DL, beir.SOURCE)
}


@takes(name=TEXT)
def source_of(name: str) -> Source:
    """The data set of that name. Raises SettingsError, with the nearest name, for an unknown one."""
    if name not in SOURCES:
        raise SettingsError(f"{name!r} is no data set that can be prepared; {_guess(name, SOURCES)}.")
    return SOURCES[name]


@takes(name=TEXT, raw=PATH, out=PATH, on_error=TEXT)
def prepare(
    name: str, raw: str | Path, out: str | Path, *, on_error: str = "raise", show: bool = True, **options
) -> dict:
    """Read a public data set's official files into a prepared folder, row by row.

    name:     "amazon", "esci", "nq320k", "msmarco", "trec-dl" or "beir".
    raw:      the folder with the files, gzipped or not, also in folders below it.
    out:      the folder to make.
    on_error: "raise" stops at the first bad row; "skip" leaves bad rows out and counts them.
    show:     draw progress bars.
    options:  the data set's own (`source_of(name).options` says them).

    Returns what the folder's dataset.json holds: counts, the slides' numbers, what was left out.

    Raises CorpusError, naming the file, the row and a remedy (for a missing file: where to get it, and its licence);
    SettingsError for an unknown name or option.

    >>> prepare("beir", "scifact", "data/scifact")["counts"]                          # doctest: +SKIP
    {'documents': 5183, 'labels, train': 919, 'queries, train': 809, 'labels, test': 339, 'queries, test': 300}
    """
    source = source_of(name)
    check_free(Path(out))  # before an hour of reading, not after it
    return source.prepare(RawFolder(raw, source), Reading(on_error, show), Path(out), **_checked(source, options))


def _checked(source: Source, options: dict) -> dict:
    """The options, or SettingsError for one that is unknown or of the wrong type."""
    known = get_type_hints(source.prepare)
    kinds = {name: known[name] for name in list(inspect.signature(source.prepare).parameters)[3:]}
    for option, value in options.items():
        if option not in kinds:
            raise SettingsError(f"{option!r} is no setting of {source.name}; {_guess(option, kinds)}.")
        wrong = isinstance(value, bool) and kinds[option] is not bool
        if wrong or not isinstance(value, kinds[option]):
            wanted = getattr(kinds[option], "__name__", str(kinds[option]).replace(" | None", ""))
            raise SettingsError(f"{option} is {value!r}; it must be of type {wanted}.")
    return options


def _guess(name: str, known: Iterable[str]) -> str:
    close = nearest(name, known)
    return f"{f'did you mean {close!r}? There' if close else 'there'} are {', '.join(known)}"
