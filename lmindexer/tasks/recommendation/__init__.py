"""Sequential recommendation: the task, and models that answer it."""

from lmindexer.tasks.recommendation.base import ItemScorer, Recommender
from lmindexer.tasks.recommendation.bert4rec import BERT4Rec
from lmindexer.tasks.recommendation.counting import ItemKNN, Popularity
from lmindexer.tasks.recommendation.fdsa import FDSA
from lmindexer.tasks.recommendation.generative import GenerativeRecommender
from lmindexer.tasks.recommendation.gru4rec import GRU4Rec
from lmindexer.tasks.recommendation.hgn import HGN
from lmindexer.tasks.recommendation.histories import Histories, HistoryBatch
from lmindexer.tasks.recommendation.sasrec import SASRec
from lmindexer.tasks.recommendation.slides import SlidesRecommender
from lmindexer.tasks.recommendation.task import Recommendation
from lmindexer.tasks.recommendation.tiger import TIGER

__all__ = [
    "FDSA",
    "HGN",
    "TIGER",
    "BERT4Rec",
    "GRU4Rec",
    "GenerativeRecommender",
    "Histories",
    "HistoryBatch",
    "ItemKNN",
    "ItemScorer",
    "Popularity",
    "Recommendation",
    "Recommender",
    "SASRec",
    "SlidesRecommender",
]
