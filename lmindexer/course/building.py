"""Checks of notebook 14, in which a reader writes the whole method: each gives back the function to go on with.

What is right is the reader's from then on; what is not begun is done by the package meanwhile, so the notebook runs
with every piece written, with some, and with none.

>>> plan = stages_in_order(lambda positions: ...)
○ the plan: not written yet. Until then the notebook goes on with the package's.
>>> plan(1)
[('reconstructor_warmup', 0), ('continuous', 1), ('codebook_init', 1), ('discrete', 1)]
"""

import functools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import T5Config, T5Model

from lmindexer.course import checks_of_equations
from lmindexer.course.verdict import Untried, asked, compare, right, same_everywhere, tensor, wrong
from lmindexer.model import losses
from lmindexer.model.backbones import T5Backbone
from lmindexer.model.model import Codebook, Documents, SemanticEncoder
from lmindexer.settings.settings import make_settings
from lmindexer.training.batches import negative_mask
from lmindexer.training.clustering import kmeans_rows
from lmindexer.training.stages import plan

CASES = 12  # of a function that answers at once
SETTINGS = make_settings("tiny")
NEVER = -1e9  # the score of what may not be read


def piece(name: str, ours: Callable):
    """Make a check give back the reader's function where it is right, and `ours` where it has not been begun."""

    def wrap(check):
        @functools.wraps(check)
        def run(function) -> Callable:
            try:
                check(function)
            except Untried:
                print(f"○ {name}: not written yet. Until then the notebook goes on with the package's.")
                return ours
            return function

        run.ours = ours
        return run

    return wrap


# ---- eq. (1) ------------------------------------------------------------------------------------------------------


def small_t5(words: int, width: int = 64) -> T5Model:
    """A T5 with random weights, two layers on each side; token 0 begins the decoder's input.

    >>> small_t5(90).shared.weight.shape
    torch.Size([90, 64])
    """
    return T5Model(
        T5Config(
            vocab_size=words, d_model=width, d_kv=16, d_ff=2 * width, num_layers=2, num_decoder_layers=2, num_heads=4,
            dropout_rate=0.1, decoder_start_token_id=0, pad_token_id=0, use_cache=False,
        )
    )  # fmt: skip


def _encode(t5: T5Model, words: Tensor, earlier: list[Tensor]) -> Tensor:
    everywhere = torch.ones_like(words, dtype=torch.bool)
    return SemanticEncoder(T5Backbone(t5, None, False), SETTINGS)(Documents(words, words, everywhere), earlier)[0]


def _decoded(t5: T5Model, words: Tensor, rows: list[Tensor], reads: bool = True) -> Tensor:
    states = t5.encoder(input_ids=words).last_hidden_state if reads else None
    return t5.decoder(inputs_embeds=torch.stack(rows, 1), encoder_hidden_states=states).last_hidden_state


@piece("the encoder", _encode)
def encoder(function) -> None:
    """function(t5, words [B, L], earlier: rows [B, d] of c^1 … c^{t-1}) -> h^1 … h^t [B, t, d], eq. (1)."""
    for seed in range(6):
        torch.manual_seed(seed)
        t5, words = small_t5(20, 16).eval(), torch.randint(1, 20, (4, 5 + seed))
        start = t5.shared.weight[0].expand(4, -1)
        earlier = [torch.randn(4, 16) for _ in range(seed % 3)]
        answer = asked(function, t5, words, earlier)
        expected = _encode(t5, words, earlier)
        slips = {
            "This is one state a document. The states of all positions are wanted, [B, t, d].": expected[:, -1],
            "The start vector stands last. It is what the decoder reads first, before any code.": (
                _decoded(t5, words, [*earlier, start])
            ),
            "The decoder does not read the document: give it the encoder's states (encoder_hidden_states).": (
                _decoded(t5, words, [start, *earlier], reads=False)
            ),
            "The codes stand in the wrong order: c¹ comes right after the start.": (
                _decoded(t5, words, [start, *earlier[::-1]])
            ),
            "The start vector is missing, so the first position has nothing to read. It is t5.shared.weight[0].": (
                _decoded(t5, words, earlier or [start])
            ),
        }
        compare(answer, expected, slips, "h")
        if not answer.requires_grad:
            wrong("The values are right, but no gradient can pass: leave out no_grad and detach, the T5 has to learn.")
    right("the T5 reads the words and the codes so far, and says one state for each position: eq. (1)")


# ---- eqs. (2) to (4) ----------------------------------------------------------------------------------------------


def _choose(h: Tensor, rows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    log_p = (h @ rows.T).log_softmax(1)
    soft, code = log_p.exp() @ rows, log_p.argmax(1)
    return soft + (rows[code] - soft).detach(), code, log_p


@piece("the choice", _choose)
def choice(function) -> None:
    """function(h [B, d], rows [K, d]) -> ĉ [B, d], codes [B], log P_s [B, K]: eqs. (4), (3), (2)."""
    for seed in range(CASES):
        draw = torch.Generator().manual_seed(seed)
        h = torch.randn(6, 4, generator=draw)
        rows = torch.randn(3 + seed % 4, 4, generator=draw) * torch.linspace(0.4, 2.0, 3 + seed % 4)[:, None]
        answer = asked(function, h, rows)
        if not isinstance(answer, tuple | list) or len(answer) != 3:
            wrong("Three things are wanted, in this order: return c_hat, code, log_p.")
        book = Codebook(*rows.shape)
        book.set_rows(rows)
        _, codes, log_p = book.straight_through(h)
        slips = {
            "log_p holds the probabilities themselves; take the log (log_softmax).": log_p.exp(),
            "log_p holds the scores; a softmax makes shares of them, and then the log.": h @ rows.T,
            "The softmax runs over documents. Each document shares 1 among the codes: dim=1.": (
                (h @ rows.T).log_softmax(0)
            ),
        }
        compare(answer[2], log_p, slips, "log_p")
        slips = {
            "These are the *nearest* rows; eq. (3) takes the greatest dot product.": torch.cdist(h, rows).argmin(1),
            "These are the smallest dot products: argmax, not argmin.": (h @ rows.T).argmin(1),
        }
        compare(answer[1], codes, slips, "the codes")
    checks_of_equations.straight_through.__wrapped__(lambda h, rows: function(h, rows)[0])


# ---- eqs. (5) to (8) ----------------------------------------------------------------------------------------------


def _read(q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
    scores = (k @ q[:, :, None])[:, :, 0].masked_fill(~seen, NEVER)
    return (scores.softmax(1)[:, None] @ v)[:, 0]


def _books_to_read():
    for seed in range(CASES):
        draw = torch.Generator().manual_seed(seed)
        batch, length, width = 2 + seed % 3, 4 + seed % 5, 3 + seed % 4
        seen = torch.rand(batch, length, generator=draw) < 0.5
        seen[:, 0] = True  # the code's own key is never hidden
        k, v = torch.randn(2, batch, length, width, generator=draw)
        yield torch.randn(batch, width, generator=draw), k, v, seen


@piece("the attention", _read)
def attention(function) -> None:
    """function(q [B, d], k [B, S, d], v [B, S, d], seen [B, S]) -> what is read [B, d], the heart of eq. (5)."""

    def shares(q, k):
        return torch.einsum("bd,bsd->bs", q, k).softmax(1)

    slips = {
        "The mask is turned round: you read what is hidden.": lambda q, k, v, seen: _read(q, k, v, ~seen),
        "Hidden words are read as well: the mask is not used.": (
            lambda q, k, v, seen: _read(q, k, v, torch.ones_like(seen))
        ),
        "You set the shares of hidden words to 0 *after* the softmax, so what is left does not sum to 1. Take their "
        "scores away before it.": lambda q, k, v, seen: ((shares(q, k) * seen)[:, None] @ v)[:, 0],
        "A hidden word has the score 0 in yours, and exp(0) = 1. Its score must be very negative.": (
            lambda q, k, v, seen: ((torch.einsum("bd,bsd->bs", q, k) * seen).softmax(1)[:, None] @ v)[:, 0]
        ),
        "The scores are divided by √d. T5 and this package do not: the trained maps see to the size.": (
            lambda q, k, v, seen: _read(q / q.shape[1] ** 0.5, k, v, seen)
        ),
        "You read the keys. The shares are for the values.": lambda q, k, v, seen: _read(q, k, k, seen),
    }
    same_everywhere(function, _books_to_read(), _read, slips, "what is read", show=False)
    right("the query reads the values that it may see, in shares that sum to 1: the heart of eq. (5)")


def _surprise(logits: Tensor, words: Tensor, visible: Tensor) -> Tensor:
    weight = (~visible).float() / (~visible).sum(1, keepdim=True).clamp(min=1)
    return losses.reconstruction_loss(logits[:, None], words[:, None], weight[:, None])


def _guesses():
    for seed in range(CASES):
        draw = torch.Generator().manual_seed(seed)
        visible = torch.rand(5, 6, generator=draw) < 0.5
        visible[0], visible[1] = seed % 2 == 1, torch.arange(6) < 5  # everything seen in every other case
        words, logits = torch.randint(9, (5, 6), generator=draw), 2 * torch.randn(5, 9, generator=draw)
        yield logits, words, visible


@piece("the surprise", _surprise)
def surprise(function) -> None:
    """function(logits [B, V], words [B, L], visible [B, L]) -> the loss, eqs. (6) to (8), a scalar."""

    def each(logits, words):
        return -logits.log_softmax(1).gather(1, words)

    slips = {
        "The sign: a loss is *minus* the log of a probability.": lambda *given: -_surprise(*given),
        "You ask for the words that are visible. The hidden ones are asked for.": (
            lambda logits, words, visible: _surprise(logits, words, ~visible)
        ),
        "You ask for every word, also for those that stand there to be read.": (
            lambda logits, words, visible: each(logits, words).mean()
        ),
        "This is the mean over all hidden words at once: a document with few of them hardly counts. First the mean of "
        "each document, then the mean over documents.": (
            lambda logits, words, visible: each(logits, words)[~visible].mean()
        ),
        "A document with nothing hidden has no surprise, but you count it in the mean.": (
            lambda logits, words, visible: (
                (each(logits, words) * ~visible).sum(1) / (~visible).sum(1).clamp(min=1)
            ).mean()
        ),
        "This is a sum over words. The package takes each document's mean.": (
            lambda logits, words, visible: (each(logits, words) * ~visible).sum(1)[~visible.all(1)].mean()
        ),
        "This is nothing, 0/0: a document with nothing hidden must be left out.": (
            lambda logits, words, visible: ((each(logits, words) * ~visible).sum(1) / (~visible).sum(1)).mean()
        ),
    }
    same_everywhere(function, _guesses(), _surprise, slips, "the loss", show=False)
    right("how surprised the guesser is at the hidden words of a document, on average: eqs. (6) to (8)")


# ---- eqs. (9) and (10) --------------------------------------------------------------------------------------------


def _contrast(h: Tensor, view: Tensor, earlier: Tensor) -> Tensor:
    return losses.contrastive_loss(h, view, negative_mask(earlier))


def _crowds():
    for seed in range(CASES):
        draw = torch.Generator().manual_seed(seed)
        h, view = torch.randn(2, 7, 3, generator=draw)
        earlier = torch.randint(2, (7, seed % 3), generator=draw)  # none, one or two earlier codes
        earlier[0] = 5  # the first is alone under its prefix
        yield h, view, earlier


@piece("the contrast", _contrast)
def contrast(function) -> None:
    """function(h [B, d], view [B, d], earlier codes [B, t-1]) -> the loss, eq. (9), dot product, a scalar."""

    def all_others(h, view, earlier):
        return losses.contrastive_loss(h, view, negative_mask(earlier[:, :0]))

    def each(h, view, earlier, others=None):
        own, crowd = (h * view).sum(1), negative_mask(earlier)
        scores = (h @ (view if others is None else others).T).masked_fill(~crowd, -torch.inf)
        return torch.cat([scores, own[:, None]], 1).logsumexp(1) - own

    def counted(values, earlier):
        return values[negative_mask(earlier).any(1)].mean()

    slips = {
        "The sign: a loss is *minus* the log of a probability.": lambda *given: -_contrast(*given),
        "All other documents are in your crowd, also those with another prefix. Compare the earlier codes.": all_others,
        "The mean runs over all documents. One that is alone under its prefix does not count.": (
            lambda *given: each(*given).mean()
        ),
        "You compare the first code alone, and a prefix is all earlier codes.": (
            lambda h, view, earlier: _contrast(h, view, earlier[:, :1])
        ),
        "Your crowd is of first views, as the slide prints it. The released code and this package take second views; "
        "do so here, since every number is compared later.": lambda *given: counted(each(*given, given[0]), given[2]),
        "h is compared with itself, h · h. The second view is the right answer.": (
            lambda h, view, earlier: _contrast(h, h, earlier)
        ),
    }
    same_everywhere(function, _crowds(), _contrast, slips, "the loss", show=False)
    right("each document finds its other view among those of its prefix: eq. (9)")


@piece("the commitment", losses.commitment_loss)
def commitment(function) -> None:
    """function(log_probabilities, a list of [B, K], codes [B, t-1]) -> the loss, eq. (10), a scalar."""
    checks_of_equations.commitment_loss.__wrapped__(function)


# ---- the codebook's first rows, the plan, the IDs ------------------------------------------------------------------


def _first_rows(h: Tensor, size: int) -> Tensor:
    centres = torch.from_numpy(kmeans_rows(h.numpy(), size))
    return F.normalize(centres, dim=1) * centres.norm(dim=1).mean()


@piece("the first rows", _first_rows)
def first_rows(function) -> None:
    """function(h [N, d], K) -> rows [K, d]: k-means centres, all at the centres' mean length; in any order."""
    for seed in range(4):
        draw = torch.Generator().manual_seed(seed)
        size = 2 + seed
        truth = torch.eye(6)[:size] * torch.linspace(2.0, 8.0, size)[:, None]  # far apart, and unlike in length
        group = torch.arange(12 * size) % size
        h = truth[group] + 0.1 * torch.randn(12 * size, 6, generator=draw)
        centres = torch.stack([h[group == k].mean(0) for k in range(size)])
        answer = tensor(asked(function, h, size), "answer")
        if answer.shape != centres.shape:
            wrong(f"The rows have the shape {list(answer.shape)}, and {list(centres.shape)} is wanted.")
        answer = answer[(F.normalize(truth, dim=1).double() @ answer.T).argmax(1)]  # in the order of the truth
        slips = {
            "These are the centres as k-means leaves them. By dot product a long row would win documents that lie "
            "nearer to a short one: bring all rows to one length.": centres,
            "The rows have length 1. Give them the centres' *mean* length, or the softmax begins far too unsure.": (
                F.normalize(centres, dim=1)
            ),
            "Unit rows times the mean of the *states'* length; the mean length of the centres is wanted.": (
                F.normalize(centres, dim=1) * h.norm(dim=1).mean()
            ),
        }
        compare(answer, F.normalize(centres, dim=1) * centres.norm(dim=1).mean(), slips, "the rows")
    right("one row at the middle of each heap of states, all rows of one length")


def _plan(positions: int) -> list[tuple[str, int]]:
    return [(stage.name, stage.position) for stage in plan(make_settings("tiny", positions=positions))]


@piece("the plan", _plan)
def stages_in_order(function) -> None:
    """function(positions) -> [(stage, position), …], all stages in their order; the warm-up has the position 0."""
    names = {"reconstructor_warmup", "continuous", "codebook_init", "discrete"}
    for positions in (1, 2, 3, 5):
        answer, expected = asked(function, positions), _plan(positions)
        try:
            answer = [(name, int(position)) for name, position in answer]
        except (TypeError, ValueError):
            wrong('A list of pairs is wanted: [("reconstructor_warmup", 0), …].')
        if answer == expected:
            continue
        if unknown := {name for name, _ in answer} - names:
            wrong(f"There is no stage {unknown.pop()!r}. The four are {', '.join(sorted(names))}.")
        if missing := names - {name for name, _ in answer}:
            wrong(f"The stage {missing.pop()!r} is missing.")
        if sum(name == "reconstructor_warmup" for name, _ in answer) > 1:
            wrong("The warm-up comes once, before all positions: the reconstructor does not forget how to read hints.")
        if answer[0] != expected[0]:
            wrong('The plan begins with ("reconstructor_warmup", 0): the teacher studies before there are any codes.')
        if sorted(answer) == sorted(expected):
            wrong("All stages are there, in another order. A position is finished, its codes written down, before the "
                  "next begins; inside it the codebook begins where the continuous states lie.")  # fmt: skip
        wrong(f"For {positions} positions {len(expected)} stages are wanted, the last {expected[-1]}.")
    right("one warm-up, then for each position: continuous, k-means, discrete")


def _address(words: Tensor, encode: Callable, t5: T5Model, books) -> Tensor:
    codes, rows = [], []
    with torch.no_grad():
        for book in books:
            codes.append((encode(t5, words, rows)[:, -1] @ book.T).argmax(1))
            rows.append(book[codes[-1]])
    return torch.stack(codes, 1)


@piece("the address", _address)
def address(function) -> None:
    """function(words [B, L], encode, t5, books: T of [K_t, d]) -> codes [B, T], one position after the other."""
    for seed in range(6):
        torch.manual_seed(seed)
        t5, words = small_t5(30, 16).eval(), torch.randint(1, 30, (24, 6))
        books = [torch.randn(4 + t, 16) for t in range(1 + seed % 3)]
        with torch.no_grad():
            first = _encode(t5, words, [])[:, 0]
            states = _encode(t5, words, [book[code] for book, code in
                                         zip(books, _address(words, _encode, t5, books).T, strict=True)])  # fmt: skip
        slips = {
            "Every code is chosen from h¹. Position t takes the last of the states, h^t.": (
                torch.stack([(first @ book.T).argmax(1) for book in books], 1)
            ),
            "One state too late: choose c^t before its row goes into the decoder.": (
                torch.stack([(states[:, t + 1] @ book.T).argmax(1) for t, book in enumerate(books)], 1)
            ),
        }
        answer = asked(function, words, _encode, t5, books)
        compare(answer, _address(words, _encode, t5, books), slips, "the codes")
    right("an ID is read off one code at a time, and each code goes back in before the next")
