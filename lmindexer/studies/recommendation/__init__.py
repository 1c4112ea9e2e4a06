"""The slides' Table 3 re-run: next-item recommendation, many models on one task, with intervals and tests.

lines        which models, with which settings            published    the slides' numbers and others', and what differs
running      fits what is not there yet                   writing      the report
"""
