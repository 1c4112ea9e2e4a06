"""Figures of task models on made-up numbers: what is drawn is what was given."""

import pandas as pd

from lmindexer import plots

STEPS = pd.DataFrame(
    [
        (1, (0,), 0, -0.1, -0.1, True, 5, False),
        (1, (1,), 1, -2.0, -2.0, True, 3, True),
        (1, (2,), 2, -3.0, -3.0, False, 2, False),
        (2, (0, 0), 0, -0.2, -0.3, True, 1, False),
        (2, (1, -1), -1, -4.0, -6.0, False, 1, True),
    ],
    columns=["position", "prefix", "code", "log_probability", "score", "kept", "documents", "right"],
)


def names_of(figure) -> list[str]:
    return [trace.name for trace in figure.data if trace.name]


def test_a_right_path_is_drawn_on_after_it_was_lost():
    figure = plots.beam_tree(STEPS, {(1,): ["<b>word</b>"]}, levels=1, start="history")
    assert set(names_of(figure)) == {"dropped", "kept", "right", "right, dropped"}
    lost = next(trace for trace in figure.data if trace.name == "right, dropped")
    assert len(lost.x) == 1 and lost.x[0] == 2 and lost.marker.symbol == ("star",)
    right = next(trace for trace in figure.data if trace.name == "right")
    assert "&lt;b&gt;" in right.text[0] and "14%" in right.text[0]
    assert list(figure.layout.xaxis.ticktext) == ["position 1", "document"]


def test_only_the_best_kept_branches_are_drawn_but_every_right_one():
    figure = plots.beam_tree(STEPS, most=1, brief=True)
    drawn = {trace.name: len(trace.x) for trace in figure.data if trace.name}
    assert drawn == {"dropped": 1, "kept": 2, "right": 1, "right, dropped": 1}
    plain = plots.beam_tree(STEPS.drop(columns="right"))
    assert set(names_of(plain)) == {"kept", "dropped"}


def test_methods_by_a_metric_have_their_intervals_and_seeds():
    table = pd.DataFrame({"method": ["a", "b<"], "seeds": [2, 1], "R": [0.5, 0.2], "R low": [0.4, 0.1]})
    figure = plots.method_metric(table.assign(**{"R high": [0.7, 0.3]}), "R", {"a": [0.4, 0.6], "b<": [0.2]})
    mean, seeds = figure.data
    assert list(mean.y) == ["b&lt;", "a"] and list(mean.error_x.array.round(2)) == [0.1, 0.2]
    assert list(seeds.x) == [0.4, 0.6] and list(seeds.y) == ["a", "a"]


def test_lost_positions_and_found_sum_to_one():
    table = pd.DataFrame([{"found": 0.5, "lost_at_1": 0.3, "lost_at_2": 0.2, "p1": 0.9, "p2": 0.4}])
    figure = plots.lost_positions(table, 1, 5)
    bars, points = figure.data
    assert list(bars.x) == ["position 1", "document", "never"] and sum(bars.y) == 1
    assert list(points.y) == [0.9, 0.4]
    assert figure.layout.scattermode == "group" and bars.offsetgroup != points.offsetgroup  # side by side
    assert not plots.lost_positions(table.iloc[:0], 1, 5).data


def test_agreement_stands_beside_the_metric_and_silence_is_left_out():
    rows = pd.DataFrame({"method": ["a", "b<", "c"], "ami": [0.1, 0.6, None], "shared": [0.0, 0.5, 1.0],
                         "R": [0.5, 0.2, 0.3], "R low": [0.4, 0.1, 0.2], "R high": [0.7, 0.3, 0.4]})  # fmt: skip
    first, second = plots.agreement_metric(rows, "R").data
    assert (*first.x, *second.x) == (0.1, 0.6) and (*first.y, *second.y) == (0.5, 0.2)
    assert (first.name, second.name) == ("a", "b&lt;") and first.marker.symbol != second.marker.symbol
    bars = [
        round(float(value), 2) for one in (first, second) for value in (*one.error_y.array, *one.error_y.arrayminus)
    ]
    assert bars == [0.2, 0.1, 0.1, 0.1]
    assert not plots.agreement_metric(rows[2:], "R").data
