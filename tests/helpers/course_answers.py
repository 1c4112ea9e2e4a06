"""Answers to the course's exercises, written in different ways: right ones, and slips that learners make."""

import functools
import math
from collections import Counter

import numpy as np
import pandas as pd
import torch
from scipy.special import logsumexp
from sklearn.metrics import adjusted_mutual_info_score
from statsmodels.stats.inter_rater import cohens_kappa

from lmindexer.common.progress import Progress
from lmindexer.course import toys
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.model.losses import reconstruction_loss
from lmindexer.quality.categories import category_agreement
from lmindexer.quality.keywords import PrefixKeywords


def through(h, rows):
    p = (h @ rows.T).softmax(1)
    soft, hard = p @ rows, rows[p.argmax(1)]
    return soft + (hard - soft).detach()


class Hard(torch.autograd.Function):
    """Eq. (4) with a gradient written down instead of `detach`."""

    @staticmethod
    def forward(ctx, h, rows):
        ctx.save_for_backward(h, rows)
        return rows[(h @ rows.T).argmax(1)]

    @staticmethod
    def backward(ctx, gradient):
        h, rows = ctx.saved_tensors
        p = (h @ rows.T).softmax(1)
        inner = gradient @ rows.T  # [B, K]
        scores = p * (inner - (p * inner).sum(1, keepdim=True))
        return scores @ rows, scores.T @ h + p.T @ gradient


def row_gradient(state, rows):
    p, s = (state @ rows.T).softmax(1)[0], rows.sum(1)
    return p[:, None] + (p * (s - p @ s))[:, None] * state


def printed_contrastive(anchor, view, negative):
    """Eq. (9) as the slide has it: the crowd by its first pictures."""
    losses = []
    for i in range(len(anchor)):
        if negative[i].any():
            own = anchor[i] @ view[i]
            crowd = torch.stack([own, *(anchor[i] @ anchor[j] for j in range(len(anchor)) if negative[i, j])])
            losses.append(crowd.logsumexp(0) - own)
    return torch.stack(losses).mean()


def numpy_contrastive(anchor, view, negative):
    a, v, crowd = anchor.numpy(), view.numpy(), negative.numpy() | np.eye(len(anchor), dtype=bool)
    scores = np.where(crowd, a @ v.T, -np.inf)
    return float((logsumexp(scores, axis=1) - np.diag(a @ v.T))[negative.numpy().any(1)].mean())


def entropy(codes):
    shares = [n / len(codes) for n in Counter(codes).values()]
    return -sum(p * math.log(p) for p in shares)


def unguarded(codes):
    shares = np.bincount(codes) / len(codes)
    with np.errstate(all="ignore"):
        return float(np.exp(-(shares * np.log(shares)).sum()))


def guarded(codes):
    shares = np.bincount(codes) / len(codes)
    return np.exp(-(shares * np.log(np.where(shares > 0, shares, 1))).sum())


def counted(codes):
    seen, found = Counter(), []
    for code in codes:
        found.append(seen[code])
        seen[code] += 1
    return found


def first_only(codes):
    return counted([code[0] for code in codes])


def torch_mask(present, share):
    return (torch.rand(present.shape) < share) & present


def numpy_mask(present, share):
    return (np.random.default_rng(1).random(present.shape) < share) & present.numpy()


def torch_square(length, share):
    return (torch.rand(length, length) < share) & ~torch.eye(length, dtype=torch.bool)


def numpy_square(length, share):
    mask = np.random.default_rng(2).random((length, length)) < share
    np.fill_diagonal(mask, False)
    return mask


def one_mask(length, share):
    return (torch.rand(length) < share).expand(length, length) & ~torch.eye(length, dtype=torch.bool)


def listens(model, documents, hints, row):
    def loss(rows):
        return reconstruction_loss(model.reconstruct([rows], documents, hints), hints.words, hints.weight)

    return loss(row.roll(1, 0)) - loss(row)


def listens_by_hand(model, documents, hints, row):
    losses = []
    for rows in (row[torch.arange(len(row)) - 1], row):
        p = model.reconstruct([rows], documents, hints).softmax(-1)
        losses.append(-(p.gather(2, hints.words).log() * hints.weight).sum() / len(row))
    return float(losses[0] - losses[1])


def stopper(test):
    class GoodEnough(Progress):
        bound = 2.0

        def record(self, history):
            super().record(history)
            if test(self, history[-1]):
                raise StopIteration

    return GoodEnough


def is_good(self, last):
    return (last["stage"], last["position"]) == ("discrete", 1) and last["perplexity"] > self.bound


def is_good_frame(self, last):
    row = pd.Series(last).reindex(["stage", "position", "perplexity"])
    return bool(row["stage"] == "discrete" and row["position"] == 1 and row["perplexity"] > self.bound)


def jackknife(labels, codes):
    n = len(labels)
    left = [category_agreement(np.delete(labels, i), np.delete(codes, i)).ami for i in range(n)]
    return np.std(left) * math.sqrt(n - 1)


def jackknife_sklearn(labels, codes):
    n, places = len(labels), np.arange(len(labels))
    left = np.array([adjusted_mutual_info_score(labels[places != i], codes[places != i]) for i in places])
    return math.sqrt((n - 1) / n * np.sum((left - left.mean()) ** 2))


def cohen_statsmodels(one, two):
    table = pd.crosstab(pd.Series(one), pd.Series(two))
    names = sorted({*one, *two})
    return cohens_kappa(table.reindex(index=names, columns=names, fill_value=0).to_numpy()).kappa


def scott(one, two):
    observed = np.mean([a == b for a, b in zip(one, two, strict=True)])
    chance = sum((n / (2 * len(one))) ** 2 for n in Counter([*one, *two]).values())
    return (observed - chance) / (1 - chance)


def even_chance(one, two):
    observed, chance = np.mean([a == b for a, b in zip(one, two, strict=True)]), 1 / len({*one, *two})
    return (observed - chance) / (1 - chance)


def power_formula(one, two):
    mean = (one + two) / 2
    z = 1.959964 * (2 * mean * (1 - mean)) ** 0.5 + 0.841621 * (one * (1 - one) + two * (1 - two)) ** 0.5
    return math.ceil(z**2 / (two - one) ** 2)


def gap(indexer, seen, unseen):
    one, two = (
        category_agreement(corpus.labels(1), ids.codes[:, 0]).ami
        for corpus, ids in ((seen, indexer.ids_), (unseen, indexer.encode(unseen)))
    )
    return one - two


def gap_sklearn(indexer, seen, unseen):
    pairs = ((seen, indexer.ids_), (unseen, indexer.encode(unseen)))
    found = [adjusted_mutual_info_score(corpus.labels(1), ids.codes[:, 0]) for corpus, ids in pairs]
    return torch.tensor(found[0] - found[1])


@functools.cache
def world():
    """A shop with IDs by department and shelf, made a little wrong."""
    corpus = toys.shop(120)
    rng = np.random.default_rng(0)
    codes = np.column_stack([np.unique(corpus.labels(level), return_inverse=True)[1] for level in (1, 2)])
    codes[rng.random(len(codes)) < 0.2, 1] = 0
    return corpus, SemanticIDs.from_codes(corpus.doc_ids, codes, (4, 12))


def names(share: bool, lowest: bool = False):
    """{first code: word} by the share of documents, or by counts (the plain key words)."""
    corpus, ids = world()
    counted_words = PrefixKeywords.from_corpus(corpus)
    total = np.asarray(counted_words.counts.sum(0)).ravel()
    rare = np.log1p(total.sum() / 4 / total)
    found = {}
    for code in range(4):
        table = counted_words.counts[ids.select((code,))]
        here = np.asarray(((table > 0) if share else table).mean(0)).ravel() * rare
        found[code] = str(counted_words.words[here.argmin() if lowest else here.argmax()])
    return found


@functools.cache
def answered():
    """Answers of three annotators, of whom c answers by dice; gold, repeats and skips among them."""
    rng, rows = np.random.default_rng(0), []
    for question in range(60):
        kind, method = ("intruder", "pair")[question % 2], ("A", "B")[question % 4 // 2]
        for who in "abc":
            right = rng.random() < {"a": 0.9, "b": 0.8, "c": 0.3}[who]
            answer = "0" if right else str(rng.integers(1, 5))
            rows.append((f"q{question}", kind, method, who, answer, right, question % 20 == 7, False, False))
    columns = ["question_id", "type", "method", "annotator", "answer", "correct", "gold", "repeat", "skipped"]
    return pd.DataFrame(rows, columns=columns)


def shares(annotators: str, kinds=("intruder",), plain: bool = False):
    table = answered()
    rows = table[~table["gold"] & table["annotator"].isin(list(annotators)) & table["type"].isin(kinds)]
    if plain:
        return {m: sum(rows.loc[rows["method"] == m, "correct"]) / sum(rows["method"] == m) for m in ("A", "B")}
    return rows.groupby("method")["correct"].mean().to_dict()
