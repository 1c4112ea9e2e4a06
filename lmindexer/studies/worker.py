"""One run of a study: fit, keep the bundle, note the numbers."""

import contextlib
import json
import time
from pathlib import Path

from lmindexer.common.errors import LMIndexerError, TrainingError
from lmindexer.common.jsonfiles import json_safe, read_json, write_json
from lmindexer.corpus.corpus import Corpus
from lmindexer.settings.methods import comparable
from lmindexer.settings.rules import with_effect
from lmindexer.studies.plan import Run, slug

_WITHOUT = {"random": ("category_text",), "category": ("seed", "category_text")}  # settings that a method lacks


def build(run: Run):
    """The indexer of a run, not fitted.

    Raises SettingsError for a setting it does not have, LMIndexerError for an unknown method.
    """
    from lmindexer.indexers import INDEXERS

    if run.method not in INDEXERS:
        raise LMIndexerError(f"There is no indexer {run.method!r}; this version has {', '.join(sorted(INDEXERS))}.")
    given = {"seed": run.seed, "category_text": run.category_text}
    for name in _WITHOUT.get(run.method, ()):
        given.pop(name)
    return INDEXERS[run.method](**run.settings, **given)


def identity(run: Run, corpus: Corpus) -> dict:
    """What must be the same for a finished run to be used again: every setting, also those left to their default,
    and the documents. How settings of an older version are compared: `settings.methods.comparable`."""
    return json_safe({"run": run.to_dict(), "settings": every_setting(run), "fingerprint": corpus.fingerprint})


def every_setting(run: Run) -> dict:
    """The settings of a run's indexer, also those of the embeddings that a word as "simcse" stands for."""
    indexer = build(run)
    source = getattr(indexer, "embeddings_", None)
    return json_safe(indexer.settings | ({} if source is None else {"embeddings": source.spec}))


def is_of(found, run: Run, corpus: Corpus) -> bool:
    """Whether what was noted is of this run, with every setting, and of these documents."""
    wanted = identity(run, corpus)
    if not isinstance(found, dict) or not isinstance(found.get("settings"), dict):
        return False
    return _compared({name: found.get(name) for name in wanted}, run) == _compared(wanted, run)


def _compared(about: dict, run: Run) -> dict:
    return with_effect(about | {"settings": comparable(run.method, about["settings"])})


def noted(results: Path, run: Run, corpus: Corpus, bundle: Path) -> dict | None:
    """What was noted of this very run, or None where it is not finished."""
    try:
        found = read_json(results / f"{run.name}.json")
    except (OSError, ValueError):
        return None
    return found if is_of(found, run, corpus) and (bundle / "manifest.json").exists() else None


def execute(folder: Path, run: Run, corpus: Corpus, maps: bool = False, reference: bool = True) -> dict:
    """Make one run of a study in `folder`: bundle, numbers. A half run goes on from its checkpoint.

    Returns what is noted: run, settings, fingerprint, measures, versions; seconds (this program's, for estimates),
    training_seconds (`measure.training_seconds`) and embedding_seconds: what making the embedding, or LMIndexer's
    encoder states, took whoever made it, also where a run before has left it in the cache (None: it is not known).
    """
    from lmindexer.runs.manifest import library_versions
    from lmindexer.studies.measure import measure, reference_neighbours, training_seconds

    began = time.perf_counter()
    inside, target = folder / ".study", folder / run.name
    has_embedding, embedded = _embed(inside, run, corpus)
    bundle = _fitted(target, run, corpus, maps)
    if not has_embedding:
        embedded = bundle.manifest.get("timings", {}).get("encoder")
    neighbours = None
    if reference:
        with alone(inside / "locks" / "neighbours"):
            neighbours = reference_neighbours(corpus, run.category_text, inside / "neighbours")
    found = identity(run, corpus) | {
        "measures": measure(bundle, neighbours),
        "seconds": time.perf_counter() - began,
        "training_seconds": training_seconds(bundle.history),
        "embedding_seconds": embedded,
        "versions": library_versions() | {"lmindexer": bundle.manifest["lmindexer_version"]},
        "created": bundle.manifest["created"],
        "documents": len(corpus),
    }
    (inside / "results").mkdir(parents=True, exist_ok=True)
    write_json(inside / "results" / f"{run.name}.json", found)
    return found


@contextlib.contextmanager
def alone(path: Path):
    """Wait until no other process is inside with the same path (where the system has such locks)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        except ImportError:  # Windows: at worst the same thing is computed twice
            pass
        yield


def _embed(inside: Path, run: Run, corpus: Corpus) -> tuple[bool, float | None]:
    """Have an embedding in the cache before the fit, made by one process while others that need it wait.

    Returns whether the indexer has an embedding of its own, and the seconds that making it took, without waiting.
    """
    wanted = build(run).settings.get("embeddings")
    if wanted is None:
        return False, None
    from lmindexer.training.encoding import texts_of
    from lmindexer.two_step.embeddings import make_embeddings

    with alone(inside / "locks" / slug(f"{run.corpus} {run.category_text} {json.dumps(wanted)}")):
        source, (texts, tails) = make_embeddings(wanted), texts_of(corpus, run.category_text)
        source.fit(texts, tails, corpus.doc_ids)
        return True, source.seconds_


def _built(run: Run, maps: bool):
    """The indexer, whose `save`, which `fit` calls, leaves the map out unless it is wanted: it costs more than a
    small fit."""
    indexer = build(run)
    save = indexer.save
    indexer.save = lambda folder, **given: save(folder, **{**given, "map": maps and given.get("map", True)})
    return indexer


def _fitted(target: Path, run: Run, corpus: Corpus, maps: bool):
    from lmindexer.runs.bundle import CHECKPOINTS, Bundle
    from lmindexer.runs.manifest import MANIFEST

    indexer = _built(run, maps)
    if (target / MANIFEST).exists() and not (target / CHECKPOINTS).exists():
        bundle = Bundle.open(target)
        same = bundle.method == run.method and bundle.manifest["corpus"].get("fingerprint") == corpus.fingerprint
        kept, wanted = (comparable(run.method, one) for one in (_kept_settings(bundle), every_setting(run)))
        if same and kept == wanted:
            return bundle
    try:
        indexer.fit(corpus, target, progress=False)
    except TrainingError:  # checkpoints of other settings, perhaps: what an older version left
        _built(run, maps).fit(corpus, target, progress=False, resume=False)
    return Bundle.open(target)


def _kept_settings(bundle) -> dict:
    """What `every_setting` says of the run that a bundle is of."""
    from lmindexer.indexers.two_step import EMBEDDINGS
    from lmindexer.two_step.embeddings.base import CONFIG

    source = (bundle.model_folder or bundle.path) / EMBEDDINGS / CONFIG
    return bundle.manifest["settings"] | ({"embeddings": read_json(source)} if source.exists() else {})


def explain(error: BaseException) -> str:
    """One line: our own errors as they are, others with their kind."""
    text = " ".join(str(error).split())
    return text if isinstance(error, LMIndexerError) else f"{type(error).__name__}: {text}"[:400]
