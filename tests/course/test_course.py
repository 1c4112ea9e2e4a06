"""The course's checks: right answers pass, each known slip is named, what is not begun does not stop a notebook."""

import math
from collections import Counter

import numpy as np
import pytest
import torch

from lmindexer import plots
from lmindexer.course import CheckFailed, begin, checks, choose, fast, toys
from lmindexer.model.losses import commitment_loss, contrastive_loss
from lmindexer.model.model import Codebook


def through(h, rows):
    book = Codebook(*rows.shape)
    book.rows = torch.nn.Parameter(rows) if not rows.requires_grad else book.rows
    p = (h @ rows.T).softmax(1)
    soft, hard = p @ rows, rows[p.argmax(1)]
    return soft + (hard - soft).detach()


def entropy(codes):
    shares = [n / len(codes) for n in Counter(codes).values()]
    return -sum(p * math.log(p) for p in shares)


def counted(codes):
    seen = Counter()
    found = []
    for code in codes:
        found.append(seen[code])
        seen[code] += 1
    return found


RIGHT = {
    "choose_codes": lambda h, rows: (h @ rows.T).argmax(1),
    "code_probabilities": lambda h, rows: (h @ rows.T).softmax(1),
    "straight_through": through,
    "hint_mask": lambda present, share: (torch.rand(present.shape) < share) & present,
    "perplexity": lambda codes: math.exp(entropy(codes)),
    "suffixes": counted,
    "contrastive_loss": contrastive_loss,
    "commitment_loss": commitment_loss,
}
SLIPS = [
    ("choose_codes", lambda h, rows: (h @ rows.T).argmin(1), "argmax, not argmin"),
    ("choose_codes", lambda h, rows: torch.cdist(h, rows).argmin(1), "nearest"),
    ("choose_codes", lambda h, rows: (h @ rows.T).argmax(1) + 1, "counted from 0"),
    ("choose_codes", lambda h, rows: (h @ rows.T).argmax(0), "dim=1"),
    ("choose_codes", lambda h, rows: torch.zeros(5), "is wanted"),
    ("choose_codes", lambda h, rows: h @ rows, "stopped with RuntimeError"),
    ("choose_codes", 3, "without brackets"),
    ("choose_codes", lambda h, rows: "three", "numbers or a tensor"),
    ("code_probabilities", lambda h, rows: h @ rows.T, "exp and a division"),
    ("code_probabilities", lambda h, rows: (h @ rows.T).exp(), "divides by the sum"),
    ("code_probabilities", lambda h, rows: (h @ rows.T).softmax(0), "columns"),
    ("code_probabilities", lambda h, rows: (h @ rows.T).log_softmax(1), "logarithms"),
    ("straight_through", lambda h, rows: (h @ rows.T).softmax(1) @ rows, "soft mixture"),
    ("straight_through", lambda h, rows: through(h, rows).detach(), "no gradient passes"),
    ("straight_through", lambda h, rows: rows[(h @ rows.T).argmax(1)], "no gradient reaches h"),
    ("straight_through", lambda h, rows: through(h, rows.detach()) + 0 * rows.sum(), "gradient of the rows"),
    ("hint_mask", lambda present, share: (torch.rand(present.shape) >= share) & present, "inverted"),
    ("hint_mask", lambda present, share: torch.rand(present.shape) < share, "padding"),
    ("hint_mask", lambda present, share: torch.rand(present.shape) * present, "holds numbers"),
    ("hint_mask", lambda present, share: (torch.rand(50) < share) & present, "same places|and 20 % were"),
    ("hint_mask", lambda present, share: (torch.rand(present.shape) < 0.5) & present, "and 20 % were"),
    ("hint_mask", lambda present, share: torch.ones(3, dtype=torch.bool), "one place a word"),
    ("perplexity", entropy, "exp of it"),
    ("perplexity", lambda codes: math.exp(-entropy(codes)), "minus"),
    ("perplexity", lambda codes: len(set(codes)), "number of used codes"),
    ("perplexity", lambda codes: math.exp(entropy(codes) / math.log(2)), "one base"),
    ("perplexity", lambda codes: 17.0, "1/2, 1/4 and 1/4"),
    ("suffixes", lambda codes: [Counter(codes)[c] for c in codes], "sizes of the groups"),
    ("suffixes", lambda codes: [n + 1 for n in counted(codes)], "from 1"),
    ("suffixes", lambda codes: [0] * len(codes), "its suffix is 2"),
    ("contrastive_loss", lambda a, v, m: contrastive_loss(a, v, ~torch.eye(6, dtype=torch.bool)), "another prefix"),
    ("contrastive_loss", lambda a, v, m: -contrastive_loss(a, v, m), "sign"),
    ("contrastive_loss", lambda a, v, m: 5 * contrastive_loss(a, v, m), "sum"),
    ("commitment_loss", lambda tables, codes: commitment_loss(tables[:1], codes), "Only position 1"),
    ("commitment_loss", lambda tables, codes: commitment_loss(tables[1:], codes[:, 1:]), "Only the last"),
    ("commitment_loss", lambda tables, codes: -commitment_loss(tables, codes), "sign"),
    ("commitment_loss", lambda tables, codes: commitment_loss(tables, codes) / 2, "mean over positions"),
]


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers_pass_and_open_ones_do_not_stop(name, capsys):
    torch.manual_seed(0)
    check = getattr(checks, name)
    check(RIGHT[name])
    assert capsys.readouterr().out.startswith("✓")
    for nothing in (..., lambda *inputs: ..., lambda *inputs: None):
        check(nothing)
        assert capsys.readouterr().out.startswith("○")


@pytest.mark.parametrize("name, answer, words", SLIPS)
def test_a_slip_is_named(name, answer, words):
    torch.manual_seed(0)
    with pytest.raises(CheckFailed, match=words):
        getattr(checks, name)(answer)


def test_values(capsys):
    checks.equal([1.0, 2.0], torch.tensor([1.0, 2.0]), "h")
    checks.true(3 > 2, "three is more than two")
    checks.number(2.5, 2.5)
    checks.number(..., 2.5)
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["✓", "✓", "✓", "○"]
    with pytest.raises(CheckFailed, match=r"h: its shape is \[2\], and \[3\] is wanted"):
        checks.equal([1, 2], [1, 2, 3], "h")
    with pytest.raises(CheckFailed, match=r"at \[1\] it is 2 where 3 is wanted. Look at dim 1."):
        checks.equal([1, 2], [1, 3], "h", hint="Look at dim 1.")
    with pytest.raises(CheckFailed, match="it is nan"):
        checks.equal(float("nan"), 1.0)
    with pytest.raises(CheckFailed, match=r"too high\. Count again"):
        checks.number(9, 3, "Count again.")
    with pytest.raises(CheckFailed, match="too low"):
        checks.number(float("nan"), 3)
    checks.found(..., lambda v: v > 1, "a number above 1")
    checks.found(2, lambda v: v > 1, "a number above 1")
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["○", "✓"]
    with pytest.raises(CheckFailed, match=r"a number above 1: not with 0\. Try 2"):
        checks.found(0, lambda v: v > 1, "a number above 1", "Try 2.")
    with pytest.raises(CheckFailed, match="stopped with TypeError"):
        checks.found("two", lambda v: v > 1, "a number above 1")
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
