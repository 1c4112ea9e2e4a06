"""The progressive stages as one loop, and what it stands on.

stages    which there are        training    their loop        objective    what a step minimises
optimizer    rates        votes    of neighbours        batches    documents of one prefix together
encoding    the encoder's pass over a corpus and its cache
clustering    k-means        neighbours    nearest documents        corpus_diagnostics    numbers of the history

It knows a model and a corpus of tokens; not bundles. Read `training.py` first.
"""
