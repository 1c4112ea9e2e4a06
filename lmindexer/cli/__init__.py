"""The command `lmindexer`: every command reads its input, calls one function of the package and prints.

app.py      the application: errors as one line, Ctrl-C, exit codes
inputs.py   what several commands take: a corpus, its columns, settings, a finished run
outputs.py  what several commands give: a report, a table in a file
fit.py      fit, settings
search.py   search: documents for a text, by a search run
runs.py     encode, evaluate, report: what a finished run is used for
data.py     data list, data check, data export
explore.py  explore
bench.py    bench …: the studies; bench_recommendation.py: Table 3; bench_search.py: Tables 4 and 6
recommend.py    recommend: the next items, by a task run
label.py    label …: people judge IDs; label_results.py: what they found

Heavy modules are imported inside the commands, so that --help answers at once.
"""

from lmindexer.cli import (
    bench,
    bench_recommendation,
    bench_search,
    data,
    explore,
    fit,
    label,
    label_results,
    recommend,
    runs,
    search,
)
from lmindexer.cli.app import app, main

__all__ = ["app", "label_results", "main"]

# in the order of --help
_USE = (fit.fit, runs.encode, runs.evaluate, runs.report, explore.explore)
for _command in (*_USE, search.search, recommend.recommend, fit.settings):
    app.command()(_command)
bench.bench.command()(bench_recommendation.recommendation)
bench.bench.command()(bench_search.search)
app.add_typer(data.data, name="data")
app.add_typer(bench.bench, name="bench")
app.add_typer(label.label, name="label")
