"""Every switch of every method, its default, its range, and the presets.

settings    LMIndexer's        methods    the two-step methods'
rules    how they are checked  text    `--set name=value`

It knows names and numbers; not what they do. Read `settings.py` first.
"""
