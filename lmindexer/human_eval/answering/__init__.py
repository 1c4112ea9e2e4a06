"""Answers kept for good: the study's file, annotators' ways through it, and answers from elsewhere.

store    the file: SQLite, events only added        study_file    what stands in it
study    make, open, sign in, end, unblind          session    one annotator's way
answers    the events as tables
export, imports, label_studio, merging, rescue    files in and out

It knows what was asked and answered, and nothing of statistics. Read `study.py` first.
"""
