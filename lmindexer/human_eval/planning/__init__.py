"""From runs to a study's content: what is asked, of whom, in which order, and how many judgments it takes.

guide, questions    types of question: what annotators read, and a question as it is stored
drawing, gold, order    which documents meet in a question; known answers; who gets what when
view, signin    what an annotator sees of a question; names and passwords
power    how many judgments a difference needs

It knows runs and IDs, and neither answers nor the study's file. Read `planning.py` first.
"""
