"""From inputs to documents: tasks with splits and measures, models that answer them, decoding over the IDs that exist.

base         a task, and a task model's verbs fit, recommend or search, save, load
metrics      Recall, Hit, NDCG, MAP, MRR            comparison    methods side by side, with intervals and tests
fitting      the one training loop                  loading       a task run back from disk
decoding/    beam and exact search down the ID tree
generative/  from an input's state to probabilities of IDs: loss and scores
recommendation/    the next item of a user: the task and its baselines
search/      a text in, a document out: tasks, bm25, dense, SEAL, the generative retriever

It knows corpora, IDs and indexers; not pages. Read `base.py` first.
"""

from lmindexer.common.lazy import lazy_names

_HOME = {
    "Evaluation": "comparison",
    "compare_scores": "comparison",
    "Judgements": "metrics",
    "Rankings": "metrics",
    "measure": "metrics",
    "Task": "base",
    "TaskModel": "base",
    "load_task": "loading",
    "load_task_model": "loading",
    "decoding": ":decoding",
    "recommendation": ":recommendation",
    "Recommendation": "recommendation",
    "GenerativeRecommender": "recommendation",
    "HGN": "recommendation",
    "GRU4Rec": "recommendation",
    "BERT4Rec": "recommendation",
    "FDSA": "recommendation",
    "SASRec": "recommendation",
    "SlidesRecommender": "recommendation",
    "TIGER": "recommendation",
    "Popularity": "recommendation",
    "ItemKNN": "recommendation",
    "search": ":search",
    "Retrieval": "search",
    "ProductSearch": "search",
    "BM25": "search",
    "DualEncoder": "search",
    "GenerativeRetriever": "search",
    "IndexerRetriever": "search",
    "SEAL": "search",
}

__getattr__, __dir__, __all__ = lazy_names(__name__, _HOME)
