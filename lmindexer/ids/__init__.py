"""Semantic IDs themselves: codes, suffixes, prefixes, the tree of all IDs.

semantic_ids    `SemanticIDs`: codes [N, T] and a suffix a document
trie    `IDTrie`: which codes exist under a prefix        grouping    rows of equal codes as groups

It knows integers; not texts, models or files of runs. Read `semantic_ids.py` first.
"""
