"""Documents, queries and interactions: from files as people have them to checked frames.

corpus    `Corpus`: doc_id, title, text, category path        relations    `Queries`, `Interactions`
readers, filetypes    files to rows        layout    which column is what        checks    every bad row named

It knows files and rows; nothing of tokens or codes. Read `corpus.py` first.
"""
