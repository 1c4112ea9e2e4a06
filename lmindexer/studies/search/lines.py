"""The lines of the search study: a word for the shell, a label for the table, and the model."""

from collections.abc import Callable
from dataclasses import dataclass

from lmindexer.corpus.corpus import Corpus
from lmindexer.datasets import list_samples, samples_folder
from lmindexer.indexers import HierarchicalIndexer, LMIndexer, RandomIndexer, ResidualKMeansIndexer, RQVAEIndexer
from lmindexer.tasks.base import TaskModel
from lmindexer.tasks.search import BM25, SEAL, DualEncoder, GenerativeRetriever, IndexerRetriever


@dataclass(frozen=True)
class Line:
    """One line: `make(seed)` gives the model; `seeded` says whether a seed changes anything."""

    word: str
    label: str
    make: Callable[[int], TaskModel]
    seeded: bool = True


SAMPLE_SIZES = {"attack": (16, 8, 8)}  # of the bundled run's IDs; every other method of the comparison takes the same
SIZES = (32, 32, 32)


def lines_for(corpus: Corpus) -> dict[str, Line]:
    """All lines for one corpus.

    The IDs of the five methods have equal codebook sizes: those of the bundled LMIndexer run where the corpus is a
    sample, otherwise 3 × 32. "Best" takes IDs that were chosen for search: residual k-means, one code of 256 and then
    the document (up to 4,000 documents: two codes of 16).
    """
    sizes = SAMPLE_SIZES.get(corpus.name, SIZES)
    found = [
        Line("bm25", "bm25", lambda seed: BM25(), seeded=False),
        Line("bm25-queries", "bm25 + training queries", lambda seed: BM25(training_queries=True), seeded=False),
        Line("dense", "dense, no training", lambda seed: DualEncoder("frozen"), seeded=False),
        Line("dense-map", "dense + query map", lambda seed: DualEncoder("map", seed=seed)),
        Line("dual-encoder", "Dual Encoder", lambda seed: DualEncoder("encoder", seed=seed)),
        Line("seal", "SEAL", lambda seed: SEAL(seed=seed)),
        Line("lm-fine-tuned", "LMIndexer, fine-tuned", lambda seed: IndexerRetriever(_lm(corpus, sizes), seed=seed)),
        Line(
            "generative-nodes", "generative, rows of the node, best IDs", lambda seed: _best(seed, "nodes", len(corpus))
        ),
        Line("generative-codes", "generative, shared rows, best IDs", lambda seed: _best(seed, "codes", len(corpus))),
    ]
    for word, label, make in IDS:
        for form, said in (("nodes", "rows of the node"), ("codes", "shared rows")):
            name = f"{label} IDs, {said}"
            found.append(Line(f"{word}-{form}", name, _by_ids(make, corpus, sizes, form, name)))
    return {line.word: line for line in found}


def _by_ids(make, corpus: Corpus, sizes, form: str, name: str) -> Callable[[int], TaskModel]:
    return lambda seed: GenerativeRetriever(make(corpus, sizes, seed), form, seed=seed, name=name)


def _best(seed: int, form: str, documents: int) -> GenerativeRetriever:
    sizes, rows = (
        ((256,), 12) if documents > 4_000 else ((16, 16), 16)
    )  # chosen on validation: docs/results/retrieval.md
    label = {"nodes": "generative, rows of the node, best IDs", "codes": "generative, shared rows, best IDs"}[form]
    return GenerativeRetriever(_kmeans(None, sizes, seed), form, rows=rows, seed=seed, name=label)


def _lm(corpus: Corpus, sizes, seed: int = 0):
    """The bundled run of a sample, whatever the seed; a fresh indexer elsewhere."""
    if corpus.name in list_samples():
        return samples_folder() / "runs" / corpus.name
    return LMIndexer(positions=len(sizes), codebook_size=list(sizes), seed=seed)


def _kmeans(corpus, sizes, seed: int) -> ResidualKMeansIndexer:
    return ResidualKMeansIndexer(positions=len(sizes), codebook_size=list(sizes), seed=seed)


def _rqvae(corpus, sizes, seed: int) -> RQVAEIndexer:
    return RQVAEIndexer(positions=len(sizes), codebook_size=list(sizes), seed=seed)


def _tree(corpus, sizes, seed: int) -> HierarchicalIndexer:
    return HierarchicalIndexer(branching=max(sizes), max_depth=len(sizes), seed=seed)


def _random(corpus, sizes, seed: int) -> RandomIndexer:
    return RandomIndexer(positions=len(sizes), codebook_size=list(sizes), seed=seed)


IDS = (
    ("lm", "LMIndexer", _lm),
    ("rqvae", "rq-VAE", _rqvae),
    ("hc", "HC", _tree),
    ("kmeans", "residual k-means", _kmeans),
    ("random", "random", _random),
)
