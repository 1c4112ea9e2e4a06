"""From text to documents through IDs: decoding over the IDs that exist."""

from lmindexer.tasks.decoding import Beam, beam_search, rank_all

__all__ = ["Beam", "beam_search", "rank_all"]
