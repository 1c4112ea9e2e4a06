"""Notebook 14: every check takes two right answers and names the slips of wrong ones; a step of each stage by hand
equals the package's, and one with a slip in it does not."""

import pytest
import torch
import torch.nn.functional as F
from building_answers import (
    address_by_recursion,
    address_late,
    address_of_first_state,
    address_one_by_one,
    attend_by_loop,
    attend_by_torch,
    centres,
    choose,
    choose_by_exp,
    commit_by_entropy,
    commit_by_loop,
    contrast_by_fraction,
    contrast_by_loop,
    contrast_of_all,
    contrast_with_the_lonely,
    decoded,
    encode,
    encode_with_masks,
    plan,
    plan_by_number,
    rows_by_faiss,
    rows_by_scipy,
    shares,
    stages_before_positions,
    start,
    surprise_at,
    surprise_by_loop,
    surprise_by_weights,
    warm_up_each_time,
    without_gradient,
)
from torch import nn

from lmindexer.course import CheckFailed, building
from lmindexer.course.model_picture import BOXES, model_picture
from lmindexer.course.stage_by_stage import same_step

RIGHT = [
    (building.encoder, encode, encode_with_masks),
    (building.choice, choose, choose_by_exp),
    (building.attention, attend_by_loop, attend_by_torch),
    (building.surprise, surprise_by_loop, surprise_by_weights),
    (building.contrast, contrast_by_loop, contrast_by_fraction),
    (building.commitment, commit_by_loop, commit_by_entropy),
    (building.first_rows, rows_by_scipy, rows_by_faiss),
    (building.stages_in_order, plan, plan_by_number),
    (building.address, address_by_recursion, address_one_by_one),
]
SLIPS = [
    (building.encoder, lambda t5, w, e: encode(t5, w, e)[:, -1], "states of all positions"),
    (building.encoder, lambda t5, w, e: decoded(t5, w, [*e, start(t5, w)]), "stands last"),
    (building.encoder, lambda t5, w, e: decoded(t5, w, [start(t5, w), *e], states=False), "does not read the document"),
    (building.encoder, lambda t5, w, e: encode(t5, w, e[::-1]), "wrong order"),
    (building.encoder, lambda t5, w, e: decoded(t5, w, e or [start(t5, w)]), "is missing"),
    (building.encoder, without_gradient, "no gradient"),
    (building.choice, lambda h, rows: choose(h, rows)[0], "Three things"),
    (building.choice, lambda h, rows: (*choose(h, rows)[:2], (h @ rows.T).softmax(1)), "take the log"),
    (building.choice, lambda h, rows: (*choose(h, rows)[:2], (h @ rows.T).log_softmax(0)), "over documents"),
    (building.choice, lambda h, rows: (*choose(h, rows)[:2], h @ rows.T), "makes shares"),
    (building.choice, lambda h, rows: (rows, torch.cdist(h, rows).argmin(1), choose(h, rows)[2]), "nearest"),
    (building.choice, lambda h, rows: (choose(h, rows)[0].detach(), *choose(h, rows)[1:]), "no gradient passes"),
    (building.choice, lambda h, rows: ((h @ rows.T).softmax(1) @ rows, *choose(h, rows)[1:]), "soft mixture"),
    (building.attention, lambda q, k, v, seen: attend_by_loop(q, k, v, seen | True), "mask is not used"),
    (building.attention, lambda q, k, v, seen: ((shares(q, k) * seen)[:, None] @ v)[:, 0], "after"),
    (building.attention, lambda q, k, v, seen: attend_by_loop(q / q.shape[1] ** 0.5, k, v, seen), "divided"),
    (building.attention, lambda q, k, v, seen: attend_by_loop(q, k, k, seen), "read the keys"),
    (building.attention, lambda q, k, v, seen: v.mean(1), "is wanted"),
    (building.surprise, lambda s, w, seen: -surprise_by_loop(s, w, seen), "sign"),
    (building.surprise, lambda s, w, seen: surprise_by_loop(s, w, ~seen), "that are visible"),
    (building.surprise, lambda s, w, seen: surprise_at(s, w).mean(), "every word"),
    (building.surprise, lambda s, w, seen: surprise_at(s, w)[~seen].mean(), "at once"),
    (
        building.surprise,
        lambda s, w, seen: ((surprise_at(s, w) * ~seen).sum(1) / (~seen).sum(1).clamp(min=1)).mean(),
        "has no surprise",
    ),
    (building.surprise, lambda s, w, seen: ((surprise_at(s, w) * ~seen).sum(1) / (~seen).sum(1)).mean(), "0/0"),
    (building.contrast, contrast_of_all, "another prefix"),
    (building.contrast, contrast_with_the_lonely, "does not count"),
    (building.contrast, lambda h, view, e: contrast_by_loop(h, h, e), "with itself"),
    (building.contrast, lambda h, view, e: contrast_by_loop(h, view, e[:, :1]), "first code alone"),
    (building.contrast, lambda h, view, e: -contrast_by_loop(h, view, e), "sign"),
    (building.commitment, lambda p, c: -commit_by_loop(p, c), "sign"),
    (building.commitment, lambda p, c: commit_by_loop(p, c) / len(p), "mean over positions"),
    (building.commitment, lambda p, c: commit_by_entropy(p[:1], c), "Only position 1"),
    (building.first_rows, centres, "as k-means leaves them"),
    (building.first_rows, lambda h, k: F.normalize(centres(h, k), dim=1), "length 1"),
    (building.first_rows, lambda h, k: rows_by_scipy(h, k)[1:], "the shape"),
    (building.first_rows, lambda h, k: torch.eye(6)[:k], "is wanted|length 1"),
    (building.stages_in_order, warm_up_each_time, "comes once"),
    (building.stages_in_order, stages_before_positions, "another order"),
    (building.stages_in_order, lambda t: plan(t)[1:], "is missing"),
    (building.stages_in_order, lambda t: [(name, place - 1) for name, place in plan(t)], "begins with"),
    (building.stages_in_order, lambda t: [("kmeans", 1)], "no stage 'kmeans'"),
    (building.stages_in_order, lambda t: plan(1), "4 stages|7 stages"),
    (building.stages_in_order, lambda t: 7, "list of pairs"),
    (building.address, address_of_first_state, "from h¹"),
    (building.address, address_late, "too late"),
    (building.address, lambda *given: address_by_recursion(*given) + 1, "is wanted"),
]


@pytest.mark.parametrize("check, one, other", RIGHT, ids=lambda value: value.__name__)
def test_a_right_answer_is_handed_on_and_an_open_one_replaced(check, one, other, capsys):
    for answer in (one, other):
        assert check(answer) is answer
        assert capsys.readouterr().out.startswith("✓")
    for nothing in (..., lambda *given: ..., lambda *given: None):
        assert check(nothing) is check.ours
        assert capsys.readouterr().out.startswith("○")
    check(check.ours)


@pytest.mark.parametrize("check, answer, words", SLIPS)
def test_a_wrong_answer_is_refused_and_its_slip_named(check, answer, words):
    with pytest.raises(CheckFailed, match=words):
        check(answer)


def test_every_check_has_three_wrong_answers():
    checks = {value for value in vars(building).values() if hasattr(value, "ours")}
    assert checks == {check for check, *_ in RIGHT}
    assert all(sum(slip is check for slip, *_ in SLIPS) >= 3 for check in checks)


class Model(nn.Module):
    """The notebook's, smaller."""

    def __init__(self, words=12, d=16):
        super().__init__()
        self.t5, self.recon = building.small_t5(words, d), nn.Module()
        self.books = nn.ParameterList(torch.randn(size, d) for size in (3, 2))
        for name in ("q", "k", "v", "o", "to_word"):
            setattr(self.recon, name, nn.Linear(d, d, bias=False))
        for name in ("norm", "ff_norm", "last"):
            setattr(self.recon, name, nn.RMSNorm(d, eps=1e-6))
        self.recon.up, self.recon.down = nn.Linear(d, 2 * d, bias=False), nn.Linear(2 * d, d, bias=False)
        self.recon.null, self.recon.word_bias = nn.Parameter(torch.randn(d)), nn.Parameter(torch.randn(words))


def rebuild(recon, codes, words, visible, table):
    read = recon.norm(torch.cat([torch.stack(codes, 1), table[words]], 1))
    seen, z = F.pad(visible, (len(codes), 0), value=True), 0
    for code in codes:
        x = code + recon.o(attend_by_torch(recon.q(recon.norm(code)), recon.k(read), recon.v(read), seen))
        z = z + recon.last(x + recon.down(recon.up(recon.ff_norm(x)).relu()))
    return recon.to_word(z) @ table.T + recon.word_bias


def terms_of(model, detached=True, weight=1.0):
    def terms(words, codes, stage):
        name, t = stage
        table = model.t5.shared.weight
        visible = torch.rand(words.shape) < (0.4 if t else 0.6)
        rows = [model.books[j][codes[:, j]] for j in range(t - 1)]
        rows = [row.detach() for row in rows] if detached else rows
        code, others = model.recon.null.expand(len(words), -1), {}
        if t:
            h, view = encode(model.t5, words.repeat(2, 1), [row.repeat(2, 1) for row in rows]).chunk(2)
            code = h[:, -1] if name == "continuous" else choose(h[:, -1], model.books[t - 1])[0]
            others["contrastive"] = weight * contrast_by_loop(h[:, -1], view[:, -1], codes)
        if t > 1:
            others["commitment"] = commit_by_entropy([choose(h[:, 0], model.books[0])[2]], codes)
        logits = rebuild(model.recon, [*rows, code], words, visible, table)
        return {"reconstruction": surprise_by_loop(logits, words, visible), **others}

    return terms


@pytest.mark.parametrize("stage", [stage for stage in plan(2) if stage[0] != "codebook_init"], ids=str)
def test_a_step_by_hand_has_the_losses_and_gradients_of_the_package(stage, capsys):
    torch.manual_seed(3)
    model, words = Model(), torch.randint(1, 12, (10, 6))
    codes = torch.randint(3, (10, max(0, stage[1] - 1)))
    given = (model, words, codes, stage, 0.4, 0.6)
    same_step(terms_of(model), *given)
    assert capsys.readouterr().out.startswith("✓")
    if stage[1]:
        with pytest.raises(CheckFailed, match="the contrastive loss"):
            same_step(terms_of(model, weight=2.0), *given)
        with pytest.raises(CheckFailed, match="are wanted"):
            same_step(lambda *a: {"reconstruction": terms_of(model)(*a)["reconstruction"]}, *given)
    if stage[1] > 1:
        with pytest.raises(CheckFailed, match=r"not the gradient of books\.0"):
            same_step(terms_of(model, detached=False), *given)


def test_the_picture_names_every_part():
    said = " ".join(note.text or "" for note in model_picture().layout.annotations)
    assert all(f"({number}" in said for number in range(1, 8)) and len(model_picture().layout.shapes) == len(BOXES)
