"""The progressive stages as one loop, and what it stands on.

training    stages in order, one step        batches    documents of one prefix together
encoding    the encoder's pass over a corpus and its cache
clustering    k-means        neighbours    nearest documents        corpus_diagnostics    numbers of the history

It knows a model and a corpus of tokens; not bundles. Read `training.py` first.
"""
