"""What a study found: results by method with intervals, agreement of annotators, the report.

results    the numbers          findings, report    as sentences and as a page
agreement, intervals, paired    the statistics      reliability    annotators, disagreements
judge, simulate    an automatic judge, simulated annotators

It reads a study and changes nothing in it. Read `results.py` first.
"""
