"""Checks of equations (2), (3), (4), (9) and (10), notebooks 02 and 04: choosing a code, its gradient, the losses."""

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from lmindexer.course.verdict import asked, begun, compare, difference, exercise, right, same_everywhere, tensor, wrong
from lmindexer.model import losses
from lmindexer.model.model import Codebook
from lmindexer.quality import diagnostics

CASES = 12  # of a function that answers at once


def _books(cases: int = CASES):
    """h [B, d] and rows [K, d] of unlike lengths: the longest row, the nearest and the best aligned one differ."""
    for seed in range(cases):
        generator = torch.Generator().manual_seed(seed)
        batch, codes, width = (int(torch.randint(low, 9, (), generator=generator)) for low in (4, 3, 2))
        lengths = torch.linspace(0.3, 2.5, codes)[torch.randperm(codes, generator=generator)]
        h, rows = torch.randn(batch, width, generator=generator), torch.randn(codes, width, generator=generator)
        yield h, F.normalize(rows, dim=1) * lengths[:, None]


@exercise("choice of a code")
def choose_codes(function) -> None:
    """function(h [B, d], rows [K, d]) -> codes [B]: eq. (3), argmax_j h · e_j."""
    slips = {
        "These are the rows with the *smallest* dot product. argmax, not argmin.": lambda h, e: (h @ e.T).argmin(1),
        "These are the *nearest* rows. The slides choose by dot product, h · e, and a long row then wins more often "
        "than by distance.": lambda h, e: torch.cdist(h, e).argmin(1),
        "You bring the rows to one length first. Eq. (3) takes them as they are: a long row wins more often.": (
            lambda h, e: (h @ F.normalize(e, dim=1).T).argmax(1)
        ),
        "You count codes from 1. In arrays they are counted from 0.": lambda h, e: (h @ e.T).argmax(1) + 1,
        "You take the best document of each code (axis 0). Each document wants its best code: dim=1.": (
            lambda h, e: (h @ e.T).argmax(0)
        ),
    }
    same_everywhere(function, _books(), lambda h, e: (h @ e.T).argmax(1), slips, "codes", show=False)
    right("the code of every document is the row with the greatest dot product, eq. (3)")


@exercise("softmax over codes")
def code_probabilities(function) -> None:
    """function(h [B, d], rows [K, d]) -> P_s [B, K]: eq. (2), softmax_j(h · e_j)."""
    slips = {
        "These are the scores h · e themselves; exp and a division by the row's sum are missing.": (
            lambda h, e: h @ e.T
        ),
        "exp is there, but nothing divides by the sum: each document's row must sum to 1.": (
            lambda h, e: (h @ e.T).exp()
        ),
        "Your *columns* sum to 1: the softmax runs over documents. Each document shares 1 among the codes: dim=1.": (
            lambda h, e: (h @ e.T).softmax(0)
        ),
        "These are logarithms of the probabilities; leave the log out here.": lambda h, e: (h @ e.T).log_softmax(1),
    }
    same_everywhere(function, _books(), lambda h, e: (h @ e.T).softmax(1), slips, "P_s", show=False)
    right("each document shares 1 among the codes by the softmax of h · e, eq. (2)")


@exercise("straight-through row")
def straight_through(function) -> None:
    """function(h [B, d], rows [K, d]) -> ĉ [B, d]: eq. (4), forward the hard row, backward the soft mixture."""
    for h, rows in _books(4):
        _one_straight_through(function, h.requires_grad_(), rows.requires_grad_())
    right("forward the chosen row, backward the soft mixture: eq. (4), for h and for every row")


def _one_straight_through(function, h: Tensor, rows: Tensor) -> None:
    answer = asked(function, h, rows)
    book = Codebook(*rows.shape)
    book.set_rows(rows.detach())
    expected, _, _ = book.straight_through(h)
    slips = {"Forward this is the soft mixture. The forward value must be the chosen row itself: soft + "
             "(hard - soft).detach().": (h @ rows.T).softmax(1) @ rows}  # fmt: skip
    compare(answer, expected.detach(), slips, "ĉ forward")
    if not answer.requires_grad:
        wrong("The value is right, but no gradient passes: you detach everything. Detach only (hard - soft).")
    weights = torch.arange(1.0, 1 + answer.numel()).view_as(answer)
    mine = torch.autograd.grad((answer * weights).sum(), (h, rows), allow_unused=True)
    wanted = torch.autograd.grad((expected * weights).sum(), (h, book.rows))
    if mine[0] is None or not mine[0].any():
        wrong("The value is right, but no gradient reaches h: the encoder would never learn. Add the soft mixture.")
    if mine[1] is None or difference(tensor(mine[1]), tensor(wanted[1]), 1e-4):
        wrong("The gradient of the rows is not the soft mixture's: every row must get its share. Detach (hard - soft), "
              "and nothing else.")  # fmt: skip
    if difference(tensor(mine[0]), tensor(wanted[0]), 1e-4):
        wrong("A gradient reaches h, but it is not the soft mixture's. Detach (hard - soft), and nothing else.")


@exercise("temperature")
def sure_temperature(answer, state, rows) -> None:
    """The temperature at which the state [d] gives its best code of the rows [K, d] between 90 % and 99 %."""
    value = float(tensor(begun(answer), "temperature"))
    if not value > 0:
        wrong("A temperature is above 0. Below it the order of the codes turns round: the *worst* code gets most.")
    best = float((tensor(rows) @ tensor(state) / value).softmax(0).max())
    if not 0.90 <= best <= 0.99:
        lower = "lower" if best < 0.9 else "higher"
        wrong(f"At {value:g} the best code has {best:.0%}; between 90 % and 99 % is wanted. Go {lower}.")
    right(f"at {value:g} the best code has {best:.0%}")


@exercise("gradient of the rows")
def row_gradient(function) -> None:
    """function(state [1, d], rows [K, d]) -> [K, d]: the gradient of Σ ĉ, eq. (4), with respect to the rows."""

    def wanted(state, rows):
        rows = rows.clone().requires_grad_()
        ((state @ rows.T).softmax(1) @ rows).sum().backward()
        return rows.grad

    def shares(state, rows):
        return (state @ rows.T).softmax(1)[0, :, None]

    slips = {
        "This is P_j in every column: true if P did not depend on the rows. It does, by the score h · e_j.": (
            lambda state, rows: shares(state, rows).expand_as(rows)
        ),
        "Only the chosen row has a gradient in yours; that is the hard row's. Every row gets its share.": (
            lambda state, rows: F.one_hot((state @ rows.T).argmax(1), len(rows)).T.expand_as(rows)
        ),
    }
    cases = [(h[:1], rows) for h, rows in _books()]
    same_everywhere(function, cases, wanted, slips, "the gradient", show=False)
    right("the gradient of every row, without autograd")


def _crowds():
    """anchor, view [B, d] and the mask of negatives; some documents are alone under their prefix."""
    for seed in range(CASES):
        generator = torch.Generator().manual_seed(seed)
        anchor, view = torch.randn(2, 7, 3, generator=generator)
        prefix = torch.cat([torch.tensor([0, 0, 5]), torch.randint(3, (4,), generator=generator)])
        yield anchor, view, (prefix[:, None] == prefix[None]) & ~torch.eye(7, dtype=torch.bool)


def _each(anchor, view, crowd, others=None) -> Tensor:
    """-log of eq. (9) for every document: its own other view above, and below also what the crowd holds."""
    own = (anchor * view).sum(1)
    scores = (anchor @ (view if others is None else others).T).masked_fill(~crowd, -torch.inf)
    return torch.cat([scores, own[:, None]], dim=1).logsumexp(1) - own


@exercise("contrastive loss")
def contrastive_loss(function) -> None:
    """function(anchor [B, d], view [B, d], negative [B, B]) -> the loss, eq. (9), dot product, a scalar.

    Two forms are right: negatives by their second view (the authors' and this package's), or by their first, as the
    slide prints h_{d'}.
    """
    printed = None
    for anchor, view, crowd in _crowds():
        counts, itself = crowd.any(1), torch.eye(len(anchor), dtype=torch.bool)
        coded, as_printed = losses.contrastive_loss(anchor, view, crowd), _each(anchor, view, crowd, anchor)[counts]
        answer = tensor(asked(function, anchor, view, crowd), "loss")
        if printed is None:
            printed = difference(answer, tensor(as_printed.mean()), 1e-4) is None
        each = _each(anchor, view, crowd)
        above = anchor @ view.T
        slips = {
            "You count all other documents as negatives, also those with another prefix. Use the mask.": (
                F.cross_entropy(above, torch.arange(len(anchor)))
            ),
            "The mean runs over all documents. One that is alone under its prefix has no negative and does not "
            "count.": each.mean(),
            "The sign: a loss is *minus* the log of a probability.": -each[counts].mean(),
            "This is a sum; the package takes the mean over the documents that count.": each[counts].sum(),
            "The positive pair itself is missing below the fraction.": (
                above.masked_fill(~crowd, -torch.inf).logsumexp(1) - above.diagonal()
            )[counts].mean(),
            "Your pictures are compared with themselves, h · h: that only asks for long states. Use the second view.": (
                (anchor @ anchor.T).masked_fill(~(crowd | itself), -torch.inf).logsumexp(1) - anchor.pow(2).sum(1)
            )[counts].mean(),
        }
        compare(answer, as_printed.mean() if printed else coded, slips, "the loss")
    right("documents of one prefix are told apart, others are left alone: eq. (9)")


def _tables():
    for seed in range(CASES):
        generator = torch.Generator().manual_seed(seed)
        sizes = torch.randint(2, 7, (1 + seed % 3,), generator=generator).tolist()
        tables = [torch.randn(5, k, generator=generator).log_softmax(1) for k in sizes]
        yield tables, torch.stack([torch.randint(k, (5,), generator=generator) for k in sizes], dim=1)


@exercise("commitment loss")
def commitment_loss(function) -> None:
    """function(log_probabilities, a list of [B, K], codes [B, t-1]) -> the loss, eq. (10), a scalar."""

    def each(tables, codes):
        return torch.stack([-table.gather(1, codes[:, j : j + 1]).mean() for j, table in enumerate(tables)])

    slips = {
        "The sign: a loss is *minus* the log of a probability.": lambda p, c: -each(p, c).sum(),
        "Only position 1 counts in your loss. Sum over all earlier positions j < t.": lambda p, c: each(p, c)[0],
        "Only the last position counts in your loss. Sum over all earlier positions j < t.": (
            lambda p, c: each(p, c)[-1]
        ),
        "You take the mean over positions; the slides have a sum.": lambda p, c: each(p, c).mean(),
        "You sum over documents; the package takes their mean.": lambda p, c: each(p, c).sum() * len(c),
    }
    cases = sorted(_tables(), key=lambda case: -len(case[0]))  # several positions first: they tell the slips apart
    same_everywhere(function, cases, losses.commitment_loss, slips, "the loss", show=False)
    right("codes that were written down stay probable: eq. (10)")


@exercise("best diff ratio")
def best_diff_ratio(answer, codes: int = 3, documents: int = 6) -> None:
    """`documents` second codes under one prefix, numbers below `codes`, with the highest diff ratio there is."""
    given = tensor(begun(answer), "list of codes")
    if given.shape != (documents,):
        wrong(f"{documents} codes in one list are wanted; yours has the shape {list(given.shape)}.")
    if (given != given.round()).any() or not ((given >= 0) & (given < codes)).all():
        wrong(f"A second code is a whole number from 0 to {codes - 1}.")
    table = np.column_stack([np.zeros(documents, int), given.long().numpy()])
    ratio, best = diagnostics.diff_ratio(table), codes / 5  # a document and four others of its prefix
    if ratio < best - 1e-9:
        wrong(f"The diff ratio is {ratio:.3f}; {best:.1f} can be reached. Which mixture leaves no code out, ever?")
    right(f"the diff ratio is {ratio:.1f}, and three codes among five documents can do no better")
