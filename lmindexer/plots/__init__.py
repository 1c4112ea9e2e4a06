"""Figures, one a file; each function returns a plotly Figure and escapes every text that comes from documents."""

from lmindexer.plots.agreement import agreement
from lmindexer.plots.category_distribution import category_distribution
from lmindexer.plots.code_plane import code_plane
from lmindexer.plots.code_probabilities import code_probabilities
from lmindexer.plots.code_usage import code_usage
from lmindexer.plots.collision_sizes import collision_sizes
from lmindexer.plots.contingency import contingency
from lmindexer.plots.hierarchy import hierarchy
from lmindexer.plots.hint_masks import hint_masks
from lmindexer.plots.human_eval.annotator_shares import annotator_shares
from lmindexer.plots.human_eval.answer_times import answer_times
from lmindexer.plots.human_eval.method_scores import method_scores
from lmindexer.plots.human_eval.preference_shares import preference_shares
from lmindexer.plots.human_eval.rater_agreement import rater_agreement
from lmindexer.plots.id_map import id_map, id_map_raster
from lmindexer.plots.lines import lines
from lmindexer.plots.matrix import matrix
from lmindexer.plots.metric_intervals import metric_intervals
from lmindexer.plots.numbers import MOST as MOST_NUMBERS
from lmindexer.plots.numbers import numbers, unmarked
from lmindexer.plots.perplexity import perplexity
from lmindexer.plots.reconstruction import reconstruction
from lmindexer.plots.tasks.agreement_metric import agreement_metric
from lmindexer.plots.tasks.beam_tree import beam_tree
from lmindexer.plots.tasks.lost_positions import lost_positions
from lmindexer.plots.tasks.method_metric import method_metric
from lmindexer.plots.training_curves import training_curves

__all__ = [
    "MOST_NUMBERS",
    "agreement",
    "agreement_metric",
    "annotator_shares",
    "answer_times",
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
    "lines",
    "lost_positions",
    "matrix",
    "method_metric",
    "method_scores",
    "metric_intervals",
    "numbers",
    "perplexity",
    "preference_shares",
    "rater_agreement",
    "reconstruction",
    "training_curves",
    "unmarked",
]
