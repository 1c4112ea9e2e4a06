"""How long a whole fit takes: by hand, through the bars, and in what other programs read."""

import json

import pytest

from lmindexer.common.forecast import Forecast
from lmindexer.common.progress import Progress
from lmindexer.runs import jobs
from lmindexer.settings.settings import make_settings
from lmindexer.training.stages import Stage, expected_costs, plan


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


def test_unlike_parts_are_weighed_by_their_costs():
    clock = Clock()
    forecast = Forecast({"encoder": 10, "stage 0": 20, "map": 10}, clock)
    assert forecast.left("encoder", 0.0) is None
    clock.now = 20.0
    assert forecast.left("stage 0", 0.0) == pytest.approx(60)  # twice as slow as where the costs come from
    clock.now = 30.0
    assert forecast.left("stage 0", 0.5) == pytest.approx(30)  # meanwhile 20 units took 30 seconds


def test_what_was_done_before_the_clock_started_counts_as_done_and_not_as_fast():
    clock = Clock()
    forecast = Forecast({"stage 0": 50, "stage 1": 50}, clock)
    assert forecast.left("stage 1", 0.0) is None  # taken up again after stage 0
    clock.now = 10.0
    assert forecast.left("stage 1", 0.5) == pytest.approx(10)


def test_costs_of_a_fit_name_every_stage_in_order():
    settings = make_settings("minilm", positions=2)
    costs = expected_costs(settings, 1000, 20_000)
    assert list(costs) == ["encoder", *(f"stage {i}" for i in range(len(plan(settings)))), "map"]
    assert all(value > 0 for value in costs.values()) and costs["stage 6"] > costs["stage 3"]  # the later, the dearer
    assert "map" not in expected_costs(settings, 1000, 0, map=False)


def test_the_whole_is_said_once_and_what_is_left_is_kept(tmp_path, capsys):
    clock, bars = Clock(), Progress(tmp_path, show=True)
    bars.forecast = Forecast({"stage 0": 10, "map": 10}, clock)
    bars.stage(Stage("discrete", 1, 1), 0, 1, steps=10)
    for _ in range(5):
        bars.step(0, 1.0)
        clock.now += 60.0
    bars.close_stage()
    shown = capsys.readouterr()
    assert (shown.out + shown.err).count("The whole takes about") == 1
    kept = json.loads((tmp_path / "progress.json").read_text(encoding="utf-8"))
    assert kept["seconds_left"] == pytest.approx(240 / 4 * 15)  # 4 of 20 tenths took 240 seconds
    assert jobs.seconds_left(jobs.Status("running", kept, 0.01, "")) == kept["seconds_left"]
