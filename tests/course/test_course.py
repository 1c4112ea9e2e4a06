"""What the notebooks stand on: the two plainest checks, the first cell, the shop, the course's figures."""

from collections import Counter

import numpy as np
import pytest
import torch

from lmindexer import plots
from lmindexer.course import CheckFailed, begin, checks, choose, fast, toys


def test_values(capsys):
    checks.equal([1.0, 2.0], torch.tensor([1.0, 2.0]), "h")
    checks.true(3 > 2, "three is more than two")
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["✓", "✓"]
    with pytest.raises(CheckFailed, match=r"h: its shape is \[2\], and \[3\] is wanted"):
        checks.equal([1, 2], [1, 2, 3], "h")
    with pytest.raises(CheckFailed, match=r"at \[1\] it is 2 where 3 is wanted. Look at dim 1."):
        checks.equal([1, 2], [1, 3], "h", hint="Look at dim 1.")
    with pytest.raises(CheckFailed, match="it is nan"):
        checks.equal(float("nan"), 1.0)
    with pytest.raises(CheckFailed, match="does not hold"):
        checks.true(False, "a claim")


def test_a_failed_check_is_shown_in_one_line():
    assert CheckFailed("no")._render_traceback_() == ["✗ no"]


def test_begin_says_what_runs(capsys, monkeypatch):
    import plotly.io as pio

    kept = pio.templates.default, pio.renderers.default
    monkeypatch.setenv("LMINDEXER_FAST", "1")
    try:
        assert begin(seed=4) in ("cpu", "cuda")
        first = torch.rand(1)
        begin(seed=4)
        assert torch.rand(1) == first
    finally:
        pio.templates.default, pio.renderers.default = kept
        torch.set_printoptions(profile="default")
        np.set_printoptions(suppress=False, precision=8, linewidth=75)
    shown = capsys.readouterr().out
    assert "seed 4" in shown and "fast profile" in shown and torch.__version__ in shown
    assert fast() and choose(full=9, quick=1) == 1
    monkeypatch.setenv("LMINDEXER_FAST", "0")
    assert not fast() and choose(full=9, quick=1) == 9


def test_the_shop_is_balanced_and_seeded():
    shop = toys.shop(120)
    assert Counter(shop.labels(2)).most_common()[-1][1] == 10 and len(set(shop.labels(2))) == 12
    assert shop.texts == toys.shop(120).texts != toys.shop(120, seed=1).texts
    assert len(toys.SIX_DOCUMENTS) == 6 and toys.six_codebook().shape == (4, 2)


def test_figures_of_the_course():
    masks = plots.hint_masks([[True, False]], ["<b>ball", "red"], [[False, True]])
    assert list(masks.data[0].z[0]) == [1, 2] and "&lt;b&gt;ball" in masks.layout.xaxis.ticktext
    assert [trace.name for trace in masks.data[1:]] == ["hidden", "hint", "asked for"]
    table = plots.matrix([[0.2, 0.8], [float("-inf"), 1.0]], ["a", "b"], ["<0>", "<1>"], "P", marked=[1, 1])
    assert len(table.layout.shapes) == 2 and [a.text for a in table.layout.annotations] == ["0.20", "0.80", "–", "1.00"]
    assert len(plots.matrix(np.eye(30), range(30), range(30), "big").layout.annotations) == 0
    plane = plots.code_plane([[1, 0], [0, 2]], toys.six_codebook(), [0, 1], ["<i>x", "y"])
    assert {trace.name for trace in plane.data} == {"&lt;0&gt;", "&lt;1&gt;"}
    assert plane.data[0].text[0] == "&lt;i&gt;x"
    drawn = plots.lines([0, 1], {"<i>a": [1, None], "b": [0, 2]}, "curves", x="step", y="loss")
    assert [trace.name for trace in drawn.data] == ["&lt;i&gt;a", "b"] and drawn.data[0].y == (1.0, None)
    for figure in (plots.lines([], {}, "none"), plots.hint_masks([], []), plots.matrix([], [], [], "none")):
        assert figure.layout.annotations
