"""The lines of the search study: a word for the shell, a label for the table, and the model."""

from collections.abc import Callable
from dataclasses import dataclass

from lmindexer.corpus.corpus import Corpus
from lmindexer.datasets import list_samples, samples_folder
from lmindexer.indexers import HierarchicalIndexer, LMIndexer, RandomIndexer, ResidualKMeansIndexer, RQVAEIndexer
from lmindexer.tasks.base import TaskModel
from lmindexer.tasks.search import BM25, SEAL, DualEncoder, GenerativeRetriever, IndexerRetriever
from lmindexer.tasks.search.generative import FORMS


@dataclass(frozen=True)
class Line:
    """One line: `make(seed)` gives the model; `seeded` says whether a seed changes anything."""

    word: str
    label: str
    make: Callable[[int], TaskModel]
    seeded: bool = True


SAMPLE_SIZES = {"attack": (16, 8, 8)}  # of the bundled run's IDs; every other method of the comparison takes the same
SIZES = (32, 32, 32)
OFTEN = 5  # training queries a document, from which its row is learned and words stand beside its vector


def lines_for(corpus: Corpus) -> dict[str, Line]:
    """All lines for one corpus.

    The IDs of the five methods have equal codebook sizes: those of the bundled LMIndexer run where the corpus is a
    sample, otherwise 3 × 32. "Best" takes IDs that were chosen for search, of residual k-means: for rows of the node
    one code of 256 and then the document; for the forms without vectors of documents three codes of 256 (up to 4,000
    documents: 32, and three of 16). Where there are 5 queries a document or more, rows of documents are learned and
    words stand beside MiniLM's vectors (tf-idf); both cost more than they brought on WordNet, which has less than one.
    Elsewhere the training queries' own vectors stand beside each document's, at a weight chosen on validation. The five
    methods are compared without them.
    """
    sizes = SAMPLE_SIZES.get(corpus.name, SIZES)
    found = [
        Line("bm25", "bm25", lambda seed: BM25(), seeded=False),
        Line("bm25-queries", "bm25 + training queries", lambda seed: BM25(training_queries=True), seeded=False),
        Line("dense", "dense, no training", lambda seed: DualEncoder("frozen"), seeded=False),
        Line("dense-map", "dense + query map", lambda seed: DualEncoder("map", seed=seed)),
        Line("dense-queries", "dense + training queries", lambda seed: DualEncoder("frozen", query_weight=None), False),
        Line(
            "dense-map-queries",
            "dense + query map + training queries",
            lambda seed: DualEncoder("map", query_weight=None, seed=seed),
        ),
        Line("dual-encoder", "Dual Encoder", lambda seed: DualEncoder("encoder", seed=seed)),
        Line("seal", "SEAL", lambda seed: SEAL(seed=seed)),
        Line("lm-fine-tuned", "LMIndexer, fine-tuned", lambda seed: IndexerRetriever(_lm(corpus, sizes), seed=seed)),
    ]
    for form, said in FORMS.items():
        found.append(Line(f"generative-{form}", f"generative, {said}, best IDs", _best(corpus, form)))
    for word, label, make in IDS:
        for form, said in (("nodes", "rows of the node"), ("codes", "shared rows")):
            name = f"{label} IDs, {said}"
            found.append(Line(f"{word}-{form}", name, _by_ids(make, corpus, sizes, form, name)))
    return {line.word: line for line in found}


def _by_ids(make, corpus: Corpus, sizes, form: str, name: str) -> Callable[[int], TaskModel]:
    return lambda seed: GenerativeRetriever(make(corpus, sizes, seed), form, query_weight=0.0, seed=seed, name=name)


def _best(corpus: Corpus, form: str) -> Callable[[int], TaskModel]:
    """Residual k-means IDs and settings as chosen on validation: docs/results/retrieval.md."""
    few = len(corpus) <= 4_000
    asked = 0 if corpus.queries is None else corpus.queries.frame["query_id"].nunique()
    often = asked >= OFTEN * len(corpus)
    rows = 16 if often else 64 if few else 48
    settings = {"rows": rows, "learn_rows": often, "query_weight": 0.0 if often else None}
    settings["embeddings"] = "minilm+tfidf" if often else "minilm"
    settings["pseudo"] = ("document",) if len(corpus) <= 20_000 else ()  # a budget of 20 processor minutes
    sizes = ((32,) if few else (256,)) if form == "nodes" else ((16, 16, 16) if few else (256, 256, 256))
    name = f"generative, {FORMS[form]}, best IDs"
    return lambda seed: GenerativeRetriever(_kmeans(corpus, sizes, seed), form, seed=seed, name=name, **settings)


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
