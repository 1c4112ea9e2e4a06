"""Runs on disk: finished ones as bundles, unfinished ones as checkpoints, fits in processes of their own.

bundle    an indexer's finished run                            task_run    a task model's
folder    what both are: whole, checked, without pickle        manifest    what a run says of itself
checkpoints    where a stopped fit goes on                     jobs    fits started from a page
housekeeping    rename, delete, size of a run

It knows files, corpora and IDs; not models. Read `bundle.py` first.
"""
