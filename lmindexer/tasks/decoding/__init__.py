"""From a model's probabilities to documents, over the IDs that exist. Knows no model: see `scorer.Scorer`.

Read `tree.py` and `edges.py` first (the IDs as flat tensors), then `search.py` (beam, exact top-k, all scores),
`filters.py`, `lost.py` (where the right answer left the beam), `course.py` and `descent.py` (one search to look at).
"""

from lmindexer.tasks.decoding.course import Beam, beam_course, course_of, greedy_steps, rank_all
from lmindexer.tasks.decoding.descent import Descent, descend
from lmindexer.tasks.decoding.edges import Edges
from lmindexer.tasks.decoding.filters import Filter
from lmindexer.tasks.decoding.lost import lost_table, path_log_probabilities, where_lost
from lmindexer.tasks.decoding.scorer import PrefixScorer, Scorer, segment_log_softmax, segment_logsumexp
from lmindexer.tasks.decoding.search import Ranking, all_scores, beam_search, exact_top
from lmindexer.tasks.decoding.tree import DecodingTree, TreeModule

__all__ = [
    "Beam",
    "DecodingTree",
    "Descent",
    "Edges",
    "Filter",
    "PrefixScorer",
    "Ranking",
    "Scorer",
    "TreeModule",
    "all_scores",
    "beam_course",
    "beam_search",
    "course_of",
    "descend",
    "exact_top",
    "greedy_steps",
    "lost_table",
    "path_log_probabilities",
    "rank_all",
    "segment_log_softmax",
    "segment_logsumexp",
    "where_lost",
]
