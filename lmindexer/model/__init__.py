"""The model: the slides' equations (1)-(6), what its losses and hints are, and the words it reads.

model    encoder, codebooks, reconstructor, top to bottom like the paper        attention    the layers it uses
backbones    MiniLM, T5, tiny        documents    a batch
hints    what the reconstructor may see        losses    what training minimises
tokens, lexical    documents as tokens; what a word is worth

It knows one batch at a time; not epochs, files or corpora. Read `model.py` first.
"""
