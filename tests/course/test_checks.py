"""Every check of the course: differently written right answers pass, wrong ones are refused in words that help.

Wrong answers that a check once let pass, and right ones that it once refused, stand here too.
"""

import math
from collections import Counter

import numpy as np
import pandas as pd
import pytest
import torch
from course_answers import (
    Hard,
    answered,
    cohen_statsmodels,
    counted,
    entropy,
    even_chance,
    first_only,
    gap,
    gap_sklearn,
    guarded,
    is_good,
    is_good_frame,
    jackknife,
    jackknife_sklearn,
    listens,
    listens_by_hand,
    names,
    numpy_contrastive,
    numpy_mask,
    numpy_square,
    one_mask,
    power_formula,
    printed_contrastive,
    row_gradient,
    scott,
    shares,
    stopper,
    through,
    torch_mask,
    torch_square,
    unguarded,
    world,
)
from sklearn.metrics import cohen_kappa_score

from lmindexer.course import CheckFailed, checks, toys
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.model.losses import commitment_loss, contrastive_loss, reconstruction_loss
from lmindexer.quality.categories import category_agreement
from lmindexer.quality.keywords import prefix_keywords

EXERCISES = {name: check for name, check in vars(checks).items() if hasattr(check, "exercise")}


HISTORY, TIMINGS = pd.DataFrame({"stage": ["continuous", "discrete"]}), {"continuous": 3, "discrete": 5, "map": 9}
UNEVEN, STATE = torch.tensor([[1.0, 0.0], [3.0, 1.0]]), torch.tensor([-0.67, -1.0])
ROWS = toys.six_codebook() / 2.5
LABELS = np.random.default_rng(1).integers(12, size=300).astype(str)


def purity_at(k):
    return category_agreement(LABELS, np.random.default_rng(0).integers(k, size=300)).purity


HALF = np.where(np.random.default_rng(2).random(300) < 0.3, LABELS.astype(int), 0)  # less pure than 256 random codes
LEAST = next(k for k in (16, 64, 256, 1024) if purity_at(k) > category_agreement(LABELS, HALF).purity)


def saved(change):
    return 9.0 if change == {"continuous": True, "codebook_init": "kmeans"} else 2.0


# name -> (what the check is given beside the answer, right answers, wrong answers with words that help)
ANSWERS = {
    "number": ((2.5,), [2.5, torch.tensor(2.5)], [(9, "too high"), (2.4, "too low"), (math.nan, "too low")]),
    "found": (
        (lambda v: v > 1, "a number above 1", "Try 2."),
        [2, np.float64(1.5)],
        [(0, r"not with 0\. Try 2"), ("two", "stopped with TypeError"), (1, "not with 1")],
    ),
    "number_of_ids": (
        (),
        [lambda t, k: k**t, lambda t, k: math.prod([k] * t)],
        [(lambda t, k: k**t - 1, "begin at 0"), (lambda t, k: k * t, "Each place is free"),
         (lambda t, k: t**k, "exchanged"), (32768, "without brackets"), (lambda t, k: 32768, "for 1, 7")],
    ),
    "perplexity": (
        (),
        [lambda codes: math.exp(entropy(codes)), guarded],
        [(unguarded, "0 · log 0"), (entropy, "exp of it"), (lambda c: math.exp(-entropy(c)), "minus"),
         (lambda c: len(set(c)), "number of used codes"), (lambda c: 17.0, "is wanted"),
         (lambda c: math.exp(entropy(c) / math.log(2)), "one base")],
    ),
    "purer_at_random": (
        (LABELS, HALF),
        [LEAST, np.int64(LEAST)],
        [(LEAST * 4, "too high"), (16, "too low"), (LEAST + 1, "is none of")],
    ),
    "suffixes": (
        (),
        [counted, lambda codes: [codes[:i].count(code) for i, code in enumerate(codes)]],
        [(first_only, "first codes only"), (lambda codes: [codes.count(c) for c in codes], "sizes of the groups"),
         (lambda codes: [n + 1 for n in counted(codes)], "from 1"), (lambda codes: [0] * len(codes), "is wanted"),
         (lambda codes: counted(codes[::-1])[::-1], "after")],
    ),
    "bits": (
        (),
        [lambda t, k: t * math.log2(k), lambda t, k: (k**t - 1).bit_length()],
        [(lambda t, k: 15, "for 2, 256"), (lambda t, k: math.log2(k), "several places"),
         (lambda t, k: k**t, "number of IDs"), (lambda t, k: t * math.log(k), "base is 2")],
    ),
    "long_arrow": (
        (UNEVEN,),
        [[1.0, 0.0], torch.tensor([1.0, 0.1])],
        [([3.0, 1.0], "not row 0"), ([-1.0, 0.0], "greater dot product as well"), ([1.0, 0.0, 0.0], "2 numbers")],
    ),
    "choose_codes": (
        (),
        [lambda h, e: (h @ e.T).argmax(1), lambda h, e: [max(range(len(e)), key=lambda k: float(x @ e[k])) for x in h]],
        [(lambda h, e: (h @ torch.nn.functional.normalize(e, dim=1).T).argmax(1), "one length"),
         (lambda h, e: (h @ e.T).argmin(1), "argmax, not argmin"),
         (lambda h, e: torch.cdist(h, e).argmin(1), "nearest"),
         (lambda h, e: (h @ e.T).argmax(1) + 1, "counted from 0"), (lambda h, e: (h @ e.T).argmax(0), "dim=1"),
         (lambda h, e: torch.zeros(5), "is wanted"), (lambda h, e: h @ torch.ones(99), "stopped with RuntimeError"),
         (3, "without brackets"), (lambda h, e: "three", "numbers or a tensor")],
    ),
    "code_probabilities": (
        (),
        [lambda h, e: (h @ e.T).softmax(1), lambda h, e: torch.exp(h @ e.T - (h @ e.T).logsumexp(1, keepdim=True))],
        [(lambda h, e: h @ e.T, "exp and a division"), (lambda h, e: (h @ e.T).exp(), "divides by the sum"),
         (lambda h, e: (h @ e.T).softmax(0), "columns"), (lambda h, e: (h @ e.T).log_softmax(1), "logarithms")],
    ),
    "straight_through": (
        (),
        [through, Hard.apply],
        [(lambda h, e: (h @ e.T).softmax(1) @ e, "soft mixture"),
         (lambda h, e: through(h, e).detach(), "no gradient p"),
         (lambda h, e: e[(h @ e.T).argmax(1)], "no gradient reaches h"),
         (lambda h, e: through(h, e.detach()) + 0 * e.sum(), "gradient of the rows")],
    ),
    "sure_temperature": (
        (STATE, ROWS),
        [0.15, torch.tensor(0.14)],
        [(-0.1, "above 0"), (1.0, "Go lower"), (0.01, "Go higher"), (0.0, "above 0")],
    ),
    "row_gradient": (
        (),
        [row_gradient, lambda s, e: row_gradient(s.double(), e.double())],
        [(lambda s, e: (s @ e.T).softmax(1).T.expand_as(e), "depend on the rows"),
         (lambda s, e: torch.nn.functional.one_hot((s @ e.T).argmax(1), len(e)).T.expand_as(e), "hard row"),
         (lambda s, e: torch.zeros_like(e), "is wanted")],
    ),
    "hint_mask": (
        (),
        [torch_mask, numpy_mask],
        [(lambda p, s: (torch.rand(len(p), 1) < s) & p, "one draw a document"),
         (lambda p, s: (torch.rand(p.shape) >= s) & p, "inverted|and 50% were"),
         (lambda p, s: torch.rand(p.shape) < s, "padding"), (lambda p, s: torch.rand(p.shape) * p, "holds numbers"),
         (lambda p, s: (torch.rand(p.shape[1]) < s) & p, "same places|were asked for"),
         (lambda p, s: (torch.rand(p.shape) < 0.5) & p, "20% were"),
         (lambda p, s: torch.ones(3, dtype=torch.bool), "one place a word"), (lambda p, s: object(), "tensor|shape")],
    ),
    "target_mask": (
        (),
        [torch_square, numpy_square],
        [(one_mask, "same places|were asked for"), (lambda n, s: torch.rand(n, n) < s, "own hint"),
         (lambda n, s: ~torch_square(n, s) & ~torch.eye(n, dtype=torch.bool), "inverted"),
         (lambda n, s: one_mask(n, s).T, "one draw a question|were asked for")],
    ),
    "uniform_loss": (
        (),
        [math.log, lambda v: -math.log(1 / v)],
        [(lambda v: 1 / v, "probability of a word"), (lambda v: -math.log(v), "sign"), (math.log2, "base 2"),
         (lambda v: math.log(100), "for 7")],
    ),
    "contrastive_loss": (
        (),
        [contrastive_loss, printed_contrastive, numpy_contrastive],
        [(lambda a, v, m: contrastive_loss(a, v, ~torch.eye(len(a), dtype=torch.bool)), "another prefix"),
         (lambda a, v, m: -contrastive_loss(a, v, m), "sign"),
         (lambda a, v, m: m.any(1).sum() * contrastive_loss(a, v, m), "sum"),
         (lambda a, v, m: contrastive_loss(a, v, m) * m.any(1).sum() / len(m), "alone under its prefix"),
         (lambda a, v, m: contrastive_loss(a, a, m), "second view")],
    ),
    "commitment_loss": (
        (),
        [commitment_loss, lambda p, c: sum(-t[torch.arange(len(c)), c[:, j]].mean() for j, t in enumerate(p))],
        [(lambda p, c: commitment_loss(p[:1], c), "Only position 1"), (lambda p, c: -commitment_loss(p, c), "sign"),
         (lambda p, c: commitment_loss(p[-1:], c[:, -1:]), "Only the last"),
         (lambda p, c: commitment_loss(p, c) / len(p), "mean over positions")],
    ),
    "best_diff_ratio": (
        (),
        [[0, 0, 1, 1, 2, 2], torch.tensor([2, 0, 1, 0, 2, 1]), np.array([1, 2, 0, 0, 1, 2])],
        [([0, 0, 0, 1, 1, 2], "no code out"), ([0, 1, 2, 3, 4, 5], "from 0 to 2"), ([0, 1, 2], "6 codes in one list")],
    ),
    "collapse_rule": (
        (),
        [lambda p, k, n: p < 0.1 * min(k, n) or p <= 1, lambda p, k, n: not (p > 1 and p >= min(k, n) / 10)],
        [(lambda p, k, n: p < 0.1 * k or p <= 1, "says sound"),
         (lambda p, k, n: p < 0.1 * min(k, n), "says a collapse"),
         (lambda p, k, n: p < 1.5, "the package says"), (lambda p, k, n: True, "says sound")],
    ),
    "saving_switches": (
        (saved,),
        [{"continuous": True, "codebook_init": "kmeans"}, dict(codebook_init="kmeans", continuous=True)],
        [({"continuous": True}, "1 settings"), ({"hint_share": 0.0, "continuous": True}, "Leave hint_share"),
         ({"continuous": True, "reconstructor_warmup": True}, "is 2.00"), (["continuous"], "dictionary")],
    ),
    "listening": (
        (),
        [listens, listens_by_hand],
        [(lambda *given: -listens(*given), "sign"), (lambda *given: 0.0, "is wanted"),
         (lambda m, d, h, r: listens(m, d, h, r) + reconstruction_loss(m.reconstruct([r], d, h), h.words, h.weight),
          "wrong rows alone")],
    ),
    "longest_stage": (
        (HISTORY, TIMINGS),
        ["discrete", str(np.array("discrete"))],
        [("map", "no kind of stage"), ("continuous", "took longer"), (5, "no kind of stage")],
    ),
    "epochs_in_all": (
        (),
        [lambda t, w, c, d: w + t * (c + 1 + d), lambda t, w, c, d: w + sum(c + 1 + d for _ in range(t))],
        [(lambda t, w, c, d: w + t * (c + d), "k-means is missing"), (lambda t, w, c, d: 19, "is wanted"),
         (lambda t, w, c, d: t * (w + c + 1 + d), "warm-up comes once")],
    ),
    "good_enough": (
        (),
        [stopper(is_good), stopper(is_good_frame)],
        [(stopper(lambda self, last: True), "too early"),
         (stopper(lambda self, last: last["perplexity"] > self.bound), "KeyError"),
         (stopper(lambda self, last: last.get("perplexity", 0) > self.bound), "too early"),
         (stopper(lambda self, last: last["stage"] == "discrete" and last["perplexity"] > 2), "too early"),
         (stopper(is_good)(show=False), "the class itself")],
    ),
    "renamed_ami": ((), [1.0, np.float64(1)], [(0.999, "not 0.999"), (0, "not 0"), (0.5, "Only who")]),
    "pure_codes": (
        (),
        [lambda n: n, lambda n: len(range(n))],
        [(lambda n: n + 5, "for 1 "), (lambda n: 600, "for 1 "), (lambda n: n + 1, "Fewer"),
         (lambda n: n - 1, "share a")],
    ),
    "error_over_documents": (
        (),
        [jackknife, jackknife_sklearn],
        [(lambda a, b: 0.1, "is wanted"), (lambda a, b: jackknife(a, b) / math.sqrt(len(a) - 1), "root|spread"),
         (lambda a, b: jackknife(a, b) ** 2, "variance")],
    ),
    "largest_prefix": (
        (SemanticIDs.from_codes(list("abcd"), [[0, 1], [0, 1], [0, 2], [1, 1]], (2, 3)),),
        [2, np.int64(2)],
        [(3, "too high"), (1, "too low"), (math.nan, "low")],
    ),
    "purity": (
        (),
        [lambda c: Counter(c).most_common(1)[0][1] / len(c), lambda c: max(c.count(x) for x in c) / len(c)],
        [(lambda c: len(set(c)) / len(c), "different"), (lambda c: max(Counter(c).values()), "divide it"),
         (lambda c: c.count(c[0]) / len(c), "first category"), (lambda c: 1 / len(set(c)), "1 over|is wanted")],
    ),
    "better_names": (
        world()[::-1],
        [names(share=True), {np.int64(code): np.str_(word) for code, word in names(share=True).items()}],
        [(dict.fromkeys(range(4), "x"), "no word of the corpus"), ({0: "play"}, "No word for <1>"),
         (names(share=True, lowest=True), "another word weighs"), (["play"] * 4, "dictionary")],
    ),
    "judgments": (
        (),
        [power_formula, lambda one, two: torch.tensor(power_formula(one, two))],
        [(lambda a, b: power_formula(a, b) - 1, "round up"), (lambda a, b: 58, "for 0.6, 0.7"),
         (lambda a, b: 2 * power_formula(a, b), "both methods")],
    ),
    "cohen_kappa": (
        (),
        [cohen_kappa_score, cohen_statsmodels],
        [(scott, "Scott's"), (even_chance, "not 1/K"),
         (lambda a, b: np.mean(np.array(a) == np.array(b)), "take chance"),
         (lambda a, b: 0.0, "is wanted")],
    ),
    "without_careless": (
        (answered(),),
        [shares("ab"), shares("ab", plain=True)],
        [({"A": 0.0, "B": 0.0}, "is wanted"), (shares("abc"), "all annotators"), (shares("c"), "careless one alone"),
         (shares("ab", ("intruder", "pair")), "Pair questions"), ({"A": 0.9}, "A and B"), ([0.9, 0.8], "dictionary")],
    ),
    "least_codebook": (
        (),
        [lambda n, t: next(k for k in range(1, n + 1) if k**t >= n),
         lambda n, t: (guess := int(n ** (1 / t))) + sum((guess + i) ** t < n for i in range(2))],
        [(lambda n, t: 100, "one too few|for 125, 3"), (lambda n, t: int(n ** (1 / t)), "too few|is wanted"),
         (lambda n, t: n / t, "add up|for 1000000, 3")],
    ),
    "next_suffix": (
        (),
        [lambda old, new: old.count(new), lambda old, new: sum(tuple(code) == tuple(new) for code in old)],
        [(lambda old, new: sum(code[0] == new[0] for code in old), "first codes only"),
         (lambda old, new: 0, "is wanted"),
         (lambda old, new: old.count(new) + 1, "new document itself"), (lambda old, new: len(old), "all old|itself")],
    ),
    "gap_to_unseen": (
        (),
        [gap, gap_sklearn],
        [(lambda *given: 0.0, "with itself"), (lambda *given: -gap(*given), "sign"),
         (lambda i, s, u: category_agreement(s.labels(1), i.ids_.codes[:, 0]).ami, "seen half alone")],
    ),
}  # fmt: skip

# a right answer is tried under its number, a wrong one too
RIGHT = [(name, place) for name, (_, right, _) in ANSWERS.items() for place in range(len(right))]
WRONG = [(name, place) for name, (_, _, wrong) in ANSWERS.items() for place in range(len(wrong))]


def test_every_check_is_covered():
    assert set(ANSWERS) == set(EXERCISES)
    assert all(len(right) >= 2 and len(wrong) >= 3 for _, right, wrong in ANSWERS.values())


@pytest.mark.parametrize("name, place", RIGHT)
def test_a_right_answer_passes(name, place, capsys):
    torch.manual_seed(0)
    given, right, _ = ANSWERS[name]
    EXERCISES[name](right[place], *given)
    assert capsys.readouterr().out.startswith("✓")


@pytest.mark.parametrize("name, place", WRONG)
def test_a_wrong_answer_is_refused_and_a_slip_is_named(name, place):
    torch.manual_seed(0)
    given, _, wrong = ANSWERS[name]
    answer, words = wrong[place]
    with pytest.raises(CheckFailed, match=words):
        EXERCISES[name](answer, *given)


@pytest.mark.parametrize("name", ANSWERS)
def test_what_is_not_begun_does_not_stop_a_notebook(name, capsys):
    given, right, _ = ANSWERS[name]
    begun = [..., lambda *inputs: ..., lambda *inputs: None] if callable(right[0]) else [..., None]
    if name == "good_enough":
        begun = [stopper(lambda self, last: False)]
    for nothing in begun:
        EXERCISES[name](nothing, *given)
        assert capsys.readouterr().out.startswith("○")


def test_plain_key_words_are_not_the_better_names():
    """Counts and shares of documents differ where a document says a word twice."""
    corpus, ids = world()
    texts = [f"{text} {'thrice ' * 3 if place % 12 == 0 else ''}" for place, text in enumerate(corpus.texts)]
    again = type(corpus).from_records([{"doc_id": d, "text": t} for d, t in zip(corpus.doc_ids, texts, strict=True)])
    plain = {code: found[0][0] for (code,), found in prefix_keywords(ids, again, 1, 1).items()}
    with pytest.raises(CheckFailed, match="thrice"):
        checks.better_names(plain, ids, again)


def test_a_whole_number_is_expected_exactly():
    with pytest.raises(CheckFailed, match="too low"):
        checks.number(32**3 - 1, 32**3)
    checks.number(0.33333, 1 / 3)
