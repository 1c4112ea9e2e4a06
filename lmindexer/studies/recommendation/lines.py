"""The lines of the recommendation study: a word for the shell, a label for the table, and the model."""

from collections.abc import Callable
from dataclasses import dataclass

from lmindexer.indexers import INDEXERS
from lmindexer.tasks.base import TaskModel
from lmindexer.tasks.recommendation import (
    FDSA,
    HGN,
    BERT4Rec,
    GenerativeRecommender,
    GRU4Rec,
    ItemKNN,
    Popularity,
    SASRec,
)


@dataclass(frozen=True)
class Line:
    """One line: `make(seed)` gives the model; `seeded` says whether a seed changes anything."""

    word: str
    label: str
    make: Callable[[int], TaskModel]
    seeded: bool = True


def _neural(word: str, label: str, kind: type, form: str = "improved", **changes) -> Line:
    return Line(word, label, lambda seed: kind(form, name=label, seed=seed, **changes))


def _by_ids(word: str, label: str, indexer: str, **changes) -> Line:
    """The compact generative model on the IDs of an indexer, which is fitted first: all with equal codebooks."""

    def make(seed: int) -> TaskModel:
        made = INDEXERS[indexer](seed=seed, **_SHAPES.get(indexer, _SHAPE), **_READS.get(indexer, {}))
        return GenerativeRecommender(made, name=label, seed=seed, **EQUAL | changes)

    return Line(word, label, make)


EQUAL = {"epochs": 12}  # of all lines by IDs
_SHAPE = {"positions": 3, "codebook_size": 256}
_SHAPES = {"hierarchical": {"branching": 256, "max_depth": 3}}
# With category text, as the slides' documents have it; random codes read nothing.
_READS = {method: {"category_text": True} for method in ("lmindexer", "rqvae", "residual_kmeans", "hierarchical")}

LINES = {
    line.word: line
    for line in (
        Line("popularity", "Popularity", lambda seed: Popularity(), seeded=False),
        Line("item-knn", "Item-kNN", lambda seed: ItemKNN(), seeded=False),
        _neural("hgn", "HGN", HGN),
        _neural("gru4rec", "GRU4Rec", GRU4Rec),
        _neural("bert4rec", "BERT4Rec", BERT4Rec),
        _neural("sasrec", "SASRec", SASRec),
        _neural("sasrec-bce", "SASRec (BCE)", SASRec, loss="bce"),
        _neural("fdsa", "FDSA", FDSA),
        _neural("sasrec-text", "SASRec + text", SASRec, text="minilm"),
        _by_ids("generative-lmindexer", "LMIndexer", "lmindexer"),
        _by_ids("generative-rqvae", "rq-VAE", "rqvae"),
        _by_ids("generative-hc", "HC", "hierarchical"),
        _by_ids("generative-kmeans", "Residual k-means", "residual_kmeans"),
        _by_ids("generative-random", "Random IDs", "random"),
    )
}
