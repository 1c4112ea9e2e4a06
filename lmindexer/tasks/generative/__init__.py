"""A model's output over the ID tree: one head for training (two losses) and decoding, whatever reads the input.

Read `head.py` first; `scorer.py` is the head as decoding asks it, `nodes.py` what is known of a node;
`decoder.py` a T5-shaped decoder over codes, for encoder-decoder models; `products.py` how matrices are multiplied.
"""

from lmindexer.tasks.generative.decoder import CodeDecoder, DecoderScorer
from lmindexer.tasks.generative.head import PathHead
from lmindexer.tasks.generative.history import HistoryPaths
from lmindexer.tasks.generative.nodes import added_nodes, node_means
from lmindexer.tasks.generative.products import product, quicken
from lmindexer.tasks.generative.scorer import PathScorer

__all__ = [
    "CodeDecoder",
    "DecoderScorer",
    "HistoryPaths",
    "PathHead",
    "PathScorer",
    "added_nodes",
    "node_means",
    "product",
    "quicken",
]
