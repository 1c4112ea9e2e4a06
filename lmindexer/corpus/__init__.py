"""Documents, queries and interactions: from files as people have them to checked frames.

corpus    `Corpus`: doc_id, title, text, category path        relations    `Queries`, `Interactions`
sources    their ways in        readers, csvfiles, csvrecords, textfiles, filetypes    files to rows, encodings
csvadvice    what a file that cannot be read probably is: other delimiters, marks and escapes are tried
layout, paths    which column is what; category paths        checks    every bad row named, what was read otherwise
words, markup    what a word is in any script; HTML in texts

It knows files and rows; nothing of tokens or codes. Read `corpus.py` first.
"""
