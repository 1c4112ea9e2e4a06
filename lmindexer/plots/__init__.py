"""Figures, one a file; each function returns a plotly Figure and escapes every text that comes from documents."""

from lmindexer.plots.agreement import agreement
from lmindexer.plots.beam_tree import beam_tree
from lmindexer.plots.category_distribution import category_distribution
from lmindexer.plots.code_plane import code_plane
from lmindexer.plots.code_probabilities import code_probabilities
from lmindexer.plots.code_usage import code_usage
from lmindexer.plots.collision_sizes import collision_sizes
from lmindexer.plots.contingency import contingency
from lmindexer.plots.hierarchy import hierarchy
from lmindexer.plots.hint_masks import hint_masks
from lmindexer.plots.id_map import id_map, id_map_raster
from lmindexer.plots.matrix import matrix
from lmindexer.plots.metric_intervals import metric_intervals
from lmindexer.plots.perplexity import perplexity
from lmindexer.plots.reconstruction import reconstruction
from lmindexer.plots.training_curves import training_curves

__all__ = [
    "agreement",
    "beam_tree",
    "category_distribution",
    "code_plane",
    "code_probabilities",
    "code_usage",
    "collision_sizes",
    "contingency",
    "hierarchy",
    "hint_masks",
    "id_map",
    "id_map_raster",
    "matrix",
    "metric_intervals",
    "perplexity",
    "reconstruction",
    "training_curves",
]
