"""Figures as tables: what is drawn is what is told; and the beam's branches."""

import numpy as np
import plotly.graph_objects as go
import pytest
import run_bundles

from lmindexer import plots
from lmindexer.browse import RunBrowser, compare
from lmindexer.ids.trie import IDTrie
from lmindexer.tasks.decoding import beam_course


@pytest.fixture(scope="module")
def run():
    corpus = run_bundles.corpus_of()
    return RunBrowser.from_parts(run_bundles.ids_of(corpus), corpus)


def test_bars_tell_every_document_under_its_category_and_code(run):
    told = plots.numbers(plots.category_distribution(run))
    assert told["Documents"].sum() == run.documents
    assert {"tools", "animals"} <= set(told["Category (level 1)"]) and told["series"].str.startswith("<").all()


def test_cells_tell_all_pairs_of_codes_that_share_documents(run):
    other = RunBrowser.from_parts(run_bundles.ids_of(run.parts[1], 1), run.parts[1])
    cells = compare.contingency(compare.pair(run, other))
    told = plots.numbers(plots.contingency(cells, "a", "b", compare.matching(cells)))
    assert len(told) == len(cells) and told.iloc[:, 2].between(0, 1).all()


def test_panels_points_and_intervals_are_told_apart():
    history = {"x": run_bundles.history()}
    told = plots.numbers(plots.training_curves(history, "loss"))
    assert set(told["panel"]) == {"position 1", "position 2", "position 3"}
    figure = go.Figure(go.Scatter(x=[1, None, 2], y=["a", None, "b"], error_x={"array": [0.1, 0, 0.2]}))
    assert plots.numbers(figure)["±"].tolist() == [0.1, 0.2]


def test_what_only_takes_clicks_or_stands_in_the_legend_is_not_told(run):
    figure = go.Figure([go.Scatter(x=[1], y=[1], marker={"opacity": 0}), go.Scatter(x=[None], y=[None])])
    assert plots.numbers(figure).empty
    assert len(plots.numbers(plots.hierarchy(run), most=5)) == 5


class Even:
    """Every code is as probable as any other."""

    codebook_sizes = (3, 3)

    def log_probabilities(self, prefixes):
        return np.full((len(prefixes), 3), np.log(1 / 3))


def test_branches_start_at_their_parent_and_short_ids_end_visibly():
    beam = beam_course(Even(), IDTrie(np.array([[0, 1], [1, -1], [2, 2]])), 3)
    figure = plots.beam_tree(beam.steps, None, beam.paths)
    nodes = {(x, y) for trace in figure.data if "markers" in trace.mode for x, y in zip(trace.x, trace.y, strict=True)}
    for trace in (one for one in figure.data if one.mode == "lines"):
        starts = [0, *(place + 1 for place, x in enumerate(trace.x) if x is None)][: list(trace.x).count(None)]
        assert all((trace.x[at], trace.y[at]) in nodes for at in starts)
    kept = next(trace for trace in figure.data if trace.name == "kept")
    ended = [text for text in kept.text if "ends here" in text]
    assert len(ended) == 1 and "&lt;1&gt;" in ended[0] and list(kept.marker.symbol).count("square") == 1
    assert "whole path" in figure.layout.title.text
