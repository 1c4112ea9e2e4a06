"""Key words of the codes under a prefix: their readable names, from the documents on disk."""

import numpy as np

from lmindexer.browse.names import names_of
from lmindexer.browse.run import Prefix, RunBrowser, remembered
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs

EXACT_UP_TO = 50_000  # documents; above it key words come from a sample
SAMPLE = 1_200  # documents sampled under one prefix
CHARACTERS = 200  # of each document (title and text) that are looked at then; a million take 0.2 GB


def keywords(run: RunBrowser, prefix: Prefix = (), top: int = 6) -> dict[int, list[str]]:
    """{code: key words} for every code that follows `prefix`; a name that a person gave stands first, in quotes."""
    found = {code: [word for word, _ in pairs] for code, pairs in weighed(run, prefix, top).items()}
    given = names_of(run)
    if given:
        before = tuple(prefix)
        for named, name in given.items():
            if named[:-1] == before:
                found[named[-1]] = [f"“{name}”", *found.get(named[-1], [])][:top]
    return found


def weighed(run: RunBrowser, prefix: Prefix = (), top: int = 6) -> dict[int, list[tuple[str, float]]]:
    """{code: (word, weight)} for every code that follows `prefix` (class-based TF-IDF, `PrefixKeywords`).

    Up to 50,000 documents a prefix is weighed against all prefixes of its length; above that, the codes are
    weighed against each other on a sample of 1,200 documents under the prefix.
    """
    prefix = run.checked(prefix)
    if len(prefix) >= run.positions:
        return {}
    if run.documents <= EXACT_UP_TO:
        return _exact(run, len(prefix) + 1, top).get(prefix, {})
    return _sampled(run, prefix, top)


def name_of(run: RunBrowser, prefix: Prefix, top: int = 3) -> str:
    """A readable name for a prefix: its first key words, or "" when it has none (and for the whole corpus)."""
    if not prefix:
        return ""
    return ", ".join(keywords(run, tuple(prefix)[:-1]).get(prefix[-1], [])[:top])


@remembered
def _counted(run: RunBrowser):
    from lmindexer.quality.keywords import PrefixKeywords  # scikit-learn takes a second to load

    return PrefixKeywords.from_corpus(run.parts[1])


@remembered
def _exact(run: RunBrowser, length: int, top: int) -> dict[tuple, dict[int, list[tuple[str, float]]]]:
    """{prefix: {next code: (word, weight)}} of all prefixes of `length` codes."""
    found: dict[tuple, dict[int, list[tuple[str, float]]]] = {}
    for key, pairs in _counted(run).of(run.parts[0], length, top).items():
        found.setdefault(key[:-1], {})[key[-1]] = pairs
    return found


@remembered
def _sampled(run: RunBrowser, prefix: tuple[int, ...], top: int) -> dict[int, list[tuple[str, float]]]:
    from lmindexer.quality.keywords import PrefixKeywords  # as above

    _read_beginnings(run)
    code = f"c{len(prefix) + 1}"
    joined = run.frame(
        f"SELECT row, code, text FROM (SELECT row, {code} AS code FROM docs WHERE {run.where(prefix)} "
        f"ORDER BY hash(row) LIMIT {SAMPLE}) JOIN beginnings USING (row) ORDER BY row"
    )
    if joined.empty:
        return {}
    names = joined["row"].astype(str).to_numpy()
    corpus = Corpus.from_frame(joined.assign(doc_id=names)[["doc_id", "text"]], text="text", missing="keep")
    known, place = np.unique(joined["code"].to_numpy(), return_inverse=True)
    ids = SemanticIDs.from_codes(names, place.reshape(-1, 1), (len(known),))
    found = PrefixKeywords.from_corpus(corpus).of(ids, 1, top)
    return {int(known[key[0]]): pairs for key, pairs in found.items()}


def prepare(run: RunBrowser) -> None:
    """Load what key words stand on, and for a run from which they are sampled its texts' beginnings, once.

    The explorer does so beside its first page; who asks meanwhile waits for what is left of it.
    """
    import lmindexer.quality.keywords  # noqa: F401 (scikit-learn takes a second to load)

    try:
        _read_beginnings(run)
    finally:
        run.prepared.set()  # where a file cannot be read, who asks next is told so


def prepared(run: RunBrowser) -> bool:
    """Whether key words can be asked for without a wait; always for a run of up to 50,000 documents."""
    return run.documents <= EXACT_UP_TO or run.prepared.is_set()


def _read_beginnings(run: RunBrowser) -> None:
    """Keep the beginning of every document: a sample lies all over the file, which would be read for each prefix."""
    if run.documents <= EXACT_UP_TO:
        return
    with run.reading:
        run.connection.cursor().execute(
            f"CREATE TABLE IF NOT EXISTS beginnings AS SELECT row::INTEGER AS row, "
            f"left(concat_ws(' ', title, text), {CHARACTERS}) AS text FROM texts"
        )
