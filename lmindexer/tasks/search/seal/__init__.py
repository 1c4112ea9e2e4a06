"""SEAL: n-grams that exist in the corpus are generated, and documents ranked by those they hold.

index       a suffix array over token ids: counts, places, continuations of every n-gram
generator   a small seq2seq, and a beam that keeps to n-grams that exist
scoring     the weight of an n-gram, the intersective score of a document
retriever   the task model
"""

from lmindexer.tasks.search.seal.index import NGramIndex
from lmindexer.tasks.search.seal.retriever import SEAL

__all__ = ["SEAL", "NGramIndex"]
