"""Search: a text in, a document out. Two tasks, and models that answer them.

task         Retrieval, ProductSearch: queries, graded labels, splits without leaks     splits    how they are drawn
bm25         words                            dual_encoder     vectors (as they are, with a map, trained)
seal         n-grams that exist in the corpus, generated
fine_tuned   the slides' form: the indexer itself, fine-tuned
generative   IDs, code by code: forms (shared rows, rows of the node: summaries), pseudo_queries, training_pairs

Read `task.py` and `base.py` first.
"""

from lmindexer.tasks.search.base import SearchModel
from lmindexer.tasks.search.bm25 import BM25
from lmindexer.tasks.search.dual_encoder import DualEncoder
from lmindexer.tasks.search.fine_tuned import IndexerRetriever
from lmindexer.tasks.search.generative import GenerativeRetriever
from lmindexer.tasks.search.pseudo_queries import pseudo_queries
from lmindexer.tasks.search.seal import SEAL
from lmindexer.tasks.search.task import ProductSearch, Retrieval, SearchTask

__all__ = [
    "BM25",
    "SEAL",
    "DualEncoder",
    "GenerativeRetriever",
    "IndexerRetriever",
    "ProductSearch",
    "Retrieval",
    "SearchModel",
    "SearchTask",
    "pseudo_queries",
]
