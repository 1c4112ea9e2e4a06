"""Kinds of values that the tasks and their models take (`lmindexer.common.kinds`)."""

from lmindexer.common.kinds import kind_of
from lmindexer.corpus.corpus import Corpus
from lmindexer.corpus.relations import Interactions, Queries
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.indexers.base import Indexer

CORPUS = kind_of(Corpus, "a Corpus", "Make one with Corpus.from_records, from_frame or from_file.")
QUERIES = kind_of(Queries, "Queries", "Read them with Queries.from_file or from_records.")
INTERACTIONS = kind_of(Interactions, "Interactions", "Read them with Interactions.from_file or from_records.")
IDS = kind_of((Indexer, SemanticIDs), "an indexer or SemanticIDs", "Give an indexer, fitted or not, or its ids_.")
