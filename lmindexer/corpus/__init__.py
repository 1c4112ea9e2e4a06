"""Documents, queries and interactions: from files as people have them to checked frames.

corpus    `Corpus`: doc_id, title, text, category path        relations    `Queries`, `Interactions`
sources    their ways in        readers, csvfiles, textfiles, filetypes    files to rows, encodings, delimiters
layout, paths    which column is what; category paths        checks    every bad row named, what was read otherwise
words, markup    what a word is in any script; HTML in texts

It knows files and rows; nothing of tokens or codes. Read `corpus.py` first.
"""
