"""Everything that pages and figures ask of a run, answered by DuckDB over the bundle's Parquet files.

A `RunBrowser` keeps codes and category numbers of all documents in memory (about 30 bytes a document) and
leaves text on disk until a page of it is wanted, so a run of a million documents answers in well under a second.
Lists of documents are always paged; every other answer is an aggregate whose size does not grow with N.
"""

from lmindexer.browse.run import RunBrowser
from lmindexer.browse.shelf import Shelf

__all__ = ["RunBrowser", "Shelf"]
