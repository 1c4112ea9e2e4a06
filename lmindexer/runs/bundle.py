"""The run bundle: one folder that holds a finished run, written whole or not at all.

    <name>/
      manifest.json     schema version, method, every setting, corpus fingerprint, seed, versions, timings, files
      corpus.parquet    doc_id, title, text, category_1 … category_n
      ids.parquet       doc_id, c1 … cT, suffix
      history.parquet   stage, position, step, epoch, losses, perplexity, diff_ratio, …          (optional)
      states.npy        [N, d] float16, the last hidden state, for maps and neighbours           (optional)
      map.parquet       doc_id, x, y                                                             (optional)
      metrics.json      IDQuality.to_dict()                                                      (optional)
      model/            safetensors, config.json, tokenizer files                                (optional)

A bundle is written into a temporary folder beside its place and renamed, so a reader never meets half a run
and an interrupted write leaves the old bundle as it was. Nothing in it is read by pickle.
"""

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from lmindexer.common.errors import BundleError
from lmindexer.common.jsonfiles import write_json
from lmindexer.common.kinds import MAPPING, PATH, takes
from lmindexer.corpus.corpus import Corpus, expect_corpus
from lmindexer.ids.semantic_ids import SemanticIDs, expect_ids
from lmindexer.runs import folder as run_folder
from lmindexer.runs.folder import CHECKPOINTS, RunFolder, find_runs, read_part, write_folder
from lmindexer.runs.manifest import INDEXER_RUN, MANIFEST

__all__ = ["CHECKPOINTS", "MANIFEST", "Bundle", "check_target", "find_bundles", "write_bundle"]


@takes(folder=PATH, manifest=MAPPING)
def write_bundle(
    folder: str | Path,
    *,
    manifest: dict,
    corpus: Corpus,
    ids: SemanticIDs,
    history: pd.DataFrame | None = None,
    states: np.ndarray | None = None,
    map: pd.DataFrame | None = None,
    metrics: dict | None = None,
    save_model: Callable[[Path], None] | None = None,
) -> "Bundle":
    """Write a run and put it in the place of an older bundle, if there is one, in one step.

    Files in the old folder that are no part of a bundle (notes, say) are kept; checkpoints of the fit that
    led here are not, for the fit is finished.

    Args:
        folder: the bundle's folder; may not exist, be empty, be a bundle, or hold the checkpoints of an
            unfinished fit.
        manifest: at least "method" and "settings"; "seed" and "timings" (seconds by stage) belong in it.
            Filled in where they are left out: "name" (the folder's), "corpus" (its "category_text" is the
            caller's to give), "created", "versions". "schema_version", "lmindexer_version" and "files" are
            always this function's own.
        corpus, ids: of the same N documents in the same order.
        history: one row per record; NaN stands for "not measured".
        states: [N, d] finite numbers, stored as float16.
        map: doc_id, x, y of the same documents.
        metrics: plain numbers; those that are not finite are stored as null.
        save_model: called with an existing empty folder to write the model's files into.

    Returns:
        The bundle, opened.

    Raises:
        BundleError: when the folder holds something else, the parts do not fit together, or the disk refuses.
    """
    _check_parts(corpus, ids, states, map)
    path = write_folder(
        folder,
        INDEXER_RUN,
        manifest,
        corpus,
        lambda staging: _write_parts(staging, ids, history, states, map, metrics),
        save_model,
    )
    return Bundle.open(path)


@takes(folder=PATH)
def check_target(folder: str | Path) -> None:
    """Make sure that a bundle may be written at `folder`; worth calling before hours of training.

    Raises:
        BundleError: when something else is there, so that nobody's files are ever replaced.
    """
    run_folder.check_target(folder, INDEXER_RUN)


class Bundle(RunFolder):
    """A finished run on disk; its parts are read when they are first asked for.

    Attributes:
        path: the folder.
        manifest: what manifest.json says.

    >>> bundle = Bundle.open("runs/wordnet")                                     # doctest: +SKIP
    >>> bundle.name, bundle.method, bundle.ids                                   # doctest: +SKIP
    ('wordnet', 'lmindexer', SemanticIDs(11000 documents, codebook sizes (32, 32, 32)))
    """

    form = INDEXER_RUN

    def __repr__(self) -> str:
        return f"Bundle({self.name!r}, {self.method}, {self.manifest['corpus'].get('documents')} documents)"

    @cached_property
    def ids(self) -> SemanticIDs:
        """The documents' semantic IDs, in the corpus's order."""
        path = self._file("ids.parquet")
        ids = read_part(path, lambda: SemanticIDs.from_parquet(path))
        if len(ids) != self.manifest["corpus"].get("documents", len(ids)):
            raise BundleError(f"{path} has {len(ids)} documents, the manifest says otherwise; write the run again.")
        return ids

    @cached_property
    def states(self) -> np.ndarray | None:
        """[N, d] float16, mapped from disk (not loaded), or None."""
        return self._optional("states.npy", self._read_states)

    def _read_states(self, path: Path) -> np.ndarray:
        states = np.load(path, mmap_mode="r", allow_pickle=False)
        documents = self.manifest["corpus"].get("documents", len(states))
        if states.ndim != 2 or len(states) != documents or states.dtype.kind != "f":
            raise ValueError(f"it holds {states.dtype} numbers of the shape {list(states.shape)}")
        return states

    @cached_property
    def map(self) -> pd.DataFrame | None:
        """doc_id, x, y, or None."""
        return self._optional("map.parquet", pd.read_parquet)


@takes(folder=PATH)
def find_bundles(folder: str | Path) -> tuple[list[Bundle], list[tuple[Path, BundleError]]]:
    """Every bundle directly under `folder`, and every folder there that should be one but cannot be opened.

    Folders without any trace of a run are passed over, and so are task models' runs; a folder that does not exist
    holds none.

    Returns:
        (bundles, [(path, why it cannot be opened)]).
    """
    return find_runs(folder, Bundle)


def _check_parts(corpus: Corpus, ids: SemanticIDs, states, map) -> None:
    expect_corpus(corpus)
    expect_ids(ids)
    if not np.array_equal(ids.doc_ids, corpus.doc_ids):
        raise BundleError("The IDs are not those of the corpus's documents in the corpus's order; encode it again.")
    if states is not None and (np.ndim(states) != 2 or len(states) != len(corpus)):
        raise BundleError(f"The states must have the shape [{len(corpus)}, d], not {list(np.shape(states))}.")
    if map is not None and not (
        list(map.columns) == ["doc_id", "x", "y"] and np.array_equal(map["doc_id"].astype(str), corpus.doc_ids)
    ):
        raise BundleError("The map must have the columns doc_id, x, y and the corpus's documents in its order.")


def _write_parts(staging: Path, ids, history, states, map, metrics) -> None:
    ids.to_parquet(staging / "ids.parquet")
    if history is not None:
        history.to_parquet(staging / "history.parquet", index=False)
    if states is not None:
        with np.errstate(over="ignore"):
            half = np.asarray(states).astype(np.float16)
        if not np.isfinite(half).all():
            raise BundleError("The states hold numbers that float16 cannot; a run with such states is of no use.")
        np.save(staging / "states.npy", half, allow_pickle=False)
    if map is not None:
        map.to_parquet(staging / "map.parquet", index=False)
    if metrics is not None:
        write_json(staging / "metrics.json", metrics)
