"""Checks of notebooks 11 to 13: for each at least two right answers, written differently, and three wrong ones."""

import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from lmindexer.course import CheckFailed, recommending, searching
from lmindexer.tasks.metrics import Judgements, Rankings, measure
from lmindexer.tasks.search.seal.index import NGramIndex, suffix_array


def loss_by_cross_entropy(logits, path):
    return sum(F.cross_entropy(row[None], torch.tensor([code])) for row, code in zip(logits, path, strict=True))


def loss_by_hand(logits, path):
    total = 0.0
    for row, code in zip(logits, path, strict=True):
        total -= math.log(math.exp(row[code]) / sum(math.exp(x) for x in row))
    return total


def softmax_by_division(scores, exists):
    weight = scores.exp() * exists
    return weight / weight.sum()


def softmax_of_some(scores, exists):
    answer = np.zeros(len(scores))
    answer[exists.numpy()] = scores[exists].softmax(0).numpy()
    return answer


def split_by_place(items):
    *rest, validation, test = items
    return {"train": rest, "validation": (rest, validation), "test": ([*rest, validation], test)}


def split_by_arrays(items):
    items = np.array(items)
    return {"train": items[:-2], "validation": (items[:-2], items[-2]), "test": [tuple(items[:-1]), items[-1]]}


def wrong_split(train=-2, validation=-2, test=-1):
    def split(items):
        return {
            "train": items[:train],
            "validation": (items[:validation], items[-2]),
            "test": (items[:test] if test else items, items[-1]),
        }

    return split


def measured_by_loop(ranking, answer, k):
    for rank, item in enumerate(ranking[:k], start=1):
        if item == answer:
            return 1, 1 / math.log2(1 + rank)
    return 0, 0


def measured_by_package(ranking, answer, k):
    rankings = Rankings(np.array([ranking]), -np.arange(len(ranking), dtype=float)[None])
    found = measure(rankings, Judgements.of_targets([answer]), (f"Recall@{k}", f"NDCG@{k}"))
    return [float(value[0]) for value in found.values()]


def bm25_by_loop(query, documents, k1, b):
    N, mean, scores = len(documents), sum(map(len, documents)) / len(documents), []
    for document in documents:
        score = 0.0
        for word in query:
            n, f = sum(word in other for other in documents), document.count(word)
            score += math.log(1 + (N - n + 0.5) / (n + 0.5)) * f / (f + k1 * (1 - b + b * len(document) / mean))
        scores.append(score)
    return scores


def bm25_by_library(query, documents, k1, b):
    import bm25s

    index = bm25s.BM25(method="lucene", k1=k1, b=b)
    index.index(documents, show_progress=False)
    known = [word for word in query if word in index.vocab_dict]
    return index.get_scores(known) if known else np.zeros(len(documents))


def ndcg_by_arrays(gains, every, k):
    discount = 1 / np.log2(np.arange(2, 2 + k))
    found, best = np.zeros(k), np.zeros(k)
    found[: len(gains[:k])], best[: len(every[:k])] = gains[:k], sorted(every)[::-1][:k]
    return found @ discount / (best @ discount)


def ndcg_by_loop(gains, every, k):
    def dcg(values):
        return sum(g / math.log(r + 2) for r, g in enumerate(values[:k]))  # the base cancels

    return dcg(gains) / dcg(sorted(every, reverse=True))


def ap_by_loop(hits, relevant, k):
    found, total = 0, 0.0
    for rank, hit in enumerate(hits[:k], start=1):
        if hit:
            found += 1
            total += found / rank
    return total / relevant


def ap_by_arrays(hits, relevant, k):
    hits = np.array(hits[:k], dtype=float)
    return float((hits * hits.cumsum() / np.arange(1, len(hits) + 1)).sum() / relevant)


def lost_by_loop(kept, path):
    for t, prefixes in enumerate(kept, start=1):
        if path[:t] not in prefixes:
            return t
    return 0


def lost_by_flags(kept, path):
    gone = [path[: t + 1] not in kept[t] for t in range(len(path))]
    return 1 + gone.index(True) if any(gone) else 0


def first_hit(ranking, relevant, k):
    return next((1 / rank for rank, d in enumerate(ranking[:k], 1) if d in relevant), 0.0)


def most_of_inverse(ranking, relevant, k):
    return max([0.0] + [1 / (1 + ranking[:k].index(d)) for d in relevant if d in ranking[:k]])


def by_doubling(tokens):
    return suffix_array(np.array([*tokens, -1]), len(tokens) + 1)[1:]


def sorted_by_pairs(tokens):
    return [at for _, at in sorted((tokens[at:], at) for at in range(len(tokens)))]


def following(documents, ngram):
    found = {}
    for document in documents:
        for at in range(len(ngram), len(document)):
            if document[at - len(ngram) : at] == ngram:
                found[document[at]] = found.get(document[at], 0) + 1
    return found


def following_by_index(documents, ngram):
    index = NGramIndex([[ord(word) for word in document] for document in documents])
    words, counts = index.next_tokens(index.find([ord(word) for word in ngram]))
    return {chr(word): int(count) for word, count in zip(words, counts, strict=True)}


RIGHT = [
    (recommending.next_item_loss, loss_by_cross_entropy, loss_by_hand),
    (recommending.allowed_softmax, softmax_by_division, softmax_of_some),
    (recommending.leave_one_out, split_by_place, split_by_arrays),
    (recommending.recall_and_ndcg, measured_by_loop, measured_by_package),
    (searching.bm25, bm25_by_loop, bm25_by_library),
    (searching.ndcg, ndcg_by_arrays, ndcg_by_loop),
    (searching.average_precision, ap_by_loop, ap_by_arrays),
    (searching.position_lost, lost_by_loop, lost_by_flags),
    (searching.reciprocal_rank, first_hit, most_of_inverse),
    (searching.suffix_array, by_doubling, sorted_by_pairs),
    (searching.next_words, following, following_by_index),
]
SLIPS = [
    (recommending.next_item_loss, lambda rows, path: -loss_by_hand(rows, path), "sign"),
    (recommending.next_item_loss, lambda rows, path: loss_by_hand(rows, path) / len(path), "mean"),
    (recommending.next_item_loss, lambda rows, path: loss_by_hand(rows[:1], path[:1]), "Only the first"),
    (recommending.next_item_loss, lambda rows, path: loss_by_hand(rows[-1:], path[-1:]), "Only the last"),
    (recommending.next_item_loss, lambda rows, path: 2.0, "is wanted"),
    (recommending.allowed_softmax, lambda s, e: s.softmax(0), "whole codebook"),
    (recommending.allowed_softmax, lambda s, e: s.softmax(0) * e, "after"),
    (recommending.allowed_softmax, lambda s, e: (s * e).softmax(0), "not nothing"),
    (recommending.allowed_softmax, lambda s, e: softmax_by_division(s, ~e), "turned round"),
    (recommending.allowed_softmax, lambda s, e: e / e.sum(), "is wanted"),
    (recommending.leave_one_out, wrong_split(test=None), "repeat"),
    (recommending.leave_one_out, wrong_split(train=-1), "validation's answer"),
    (recommending.leave_one_out, wrong_split(train=None), "whole sequence"),
    (recommending.leave_one_out, wrong_split(test=-2), "ends too early"),
    (recommending.leave_one_out, lambda items: items, "dictionary"),
    (recommending.recall_and_ndcg, lambda r, a, k: measured_by_loop(r, a, 99), "first k places"),
    (recommending.recall_and_ndcg, lambda r, a, k: (a in r[:k], a in r[:k] and 1 / (1 + r.index(a))), "1 / rank"),
    (
        recommending.recall_and_ndcg,
        lambda r, a, k: (a in r[:k], a in r[:k] and 1 / math.log2(r.index(a) + 3)),
        "Rank 1",
    ),
    (recommending.recall_and_ndcg, lambda r, a, k: (0, 0), "is wanted"),
    (searching.bm25, lambda q, d, k1, b: bm25_by_loop(q, d, b, k1), "changed places"),
    (searching.bm25, lambda q, d, k1, b: [(k1 + 1) * s for s in bm25_by_loop(q, d, k1, b)], "older form"),
    (searching.bm25, lambda q, d, k1, b: bm25_by_loop(q, d, k1, 0.0), "length of the document"),
    (searching.bm25, lambda q, d, k1, b: [sum(w in one for w in q) for one in d], "is wanted"),
    (searching.ndcg, lambda g, a, k: ndcg_by_loop(g, g[:k], k) if any(g[:k]) else 0.0, "released code"),
    (searching.ndcg, lambda g, a, k: ndcg_by_loop(g, g, k), "never found"),
    (searching.ndcg, lambda g, a, k: sum(x / math.log2(r + 2) for r, x in enumerate(g[:k])), "DCG"),
    (searching.ndcg, lambda g, a, k: 1.0, "is wanted"),
    (searching.average_precision, lambda h, n, k: ap_by_loop(h, max(1, sum(h[:k])), k), "released code"),
    (searching.average_precision, lambda h, n, k: ap_by_loop(h, k, k), "divide by k"),
    (searching.average_precision, lambda h, n, k: ap_by_loop(h, n, 99), "not cut"),
    (searching.average_precision, lambda h, n, k: sum(h[:k]) / n, "is wanted"),
    (searching.position_lost, lambda kept, path: max(0, lost_by_loop(kept, path) - 1), "from 0"),
    (searching.position_lost, lambda kept, path: (lost_by_loop(kept, path) or len(path) + 1) - 1, "still there"),
    (searching.position_lost, lambda kept, path: 0 if path in kept[-1] else len(path), "whole"),
    (searching.position_lost, lambda kept, path: 1, "is wanted"),
    (searching.reciprocal_rank, lambda r, d, k: first_hit(r, d, 99), "not cut"),
    (searching.reciprocal_rank, lambda r, d, k: sum(1 / (1 + r[:k].index(x)) for x in d if x in r[:k]), "first one"),
    (searching.reciprocal_rank, lambda r, d, k: 1 / first_hit(r, d, k) if first_hit(r, d, k) else 0, "the rank"),
    (searching.reciprocal_rank, lambda r, d, k: float(r[0] in d), "is wanted"),
    (searching.suffix_array, lambda t: sorted(range(len(t)), key=lambda at: t[at]), "first token alone"),
    (searching.suffix_array, lambda t: np.argsort(sorted_by_pairs(t)), "turned round"),
    (searching.suffix_array, lambda t: sorted_by_pairs(t)[::-1], "falling"),
    (searching.suffix_array, lambda t: list(range(len(t))), "their own order"),
    (searching.next_words, lambda ds, g: following([[word for d in ds for word in d]], g), "into the next"),
    (searching.next_words, lambda ds, g: following([d[::-1] for d in ds], g[::-1]), "in front"),
    (searching.next_words, lambda ds, g: following(ds, g[-1:]), "last word"),
    (searching.next_words, lambda ds, g: list(following(ds, g)), "dictionary"),
    (searching.next_words, lambda ds, g: {}, "is wanted"),
]


@pytest.mark.parametrize("check, one, other", RIGHT, ids=lambda value: value.__name__)
def test_two_right_answers_pass_and_open_ones_do_not_stop(check, one, other, capsys):
    for answer in (one, other):
        check(answer)
        assert capsys.readouterr().out.startswith("✓")
    for nothing in (..., lambda *given: ..., lambda *given: None):
        check(nothing)
        assert capsys.readouterr().out.startswith("○")


@pytest.mark.parametrize("check, answer, words", SLIPS)
def test_a_wrong_answer_is_refused_and_its_slip_named(check, answer, words):
    with pytest.raises(CheckFailed, match=words):
        check(answer)


def test_every_check_has_three_wrong_answers():
    for check, *_ in RIGHT:
        assert sum(slip is check for slip, *_ in SLIPS) >= 3


def test_greedy_loses_takes_any_case_in_which_it_does(capsys):
    recommending.greedy_loses(([0.6, 0.4], [[0.5, 0.5], [1.0, 0.0]]))
    recommending.greedy_loses((torch.tensor([0.3, 0.4, 0.3]), np.array([[0.9, 0.1], [0.5, 0.5], [0.2, 0.8]])))
    recommending.greedy_loses(...)
    assert [line[0] for line in capsys.readouterr().out.splitlines()] == ["✓", "✓", "○"]
    for answer, words in [
        (([0.6, 0.4], [[0.9, 0.1], [1.0, 0.0]]), "Greedy wins"),
        (([0.6, 0.4], [[0.5, 0.5], [0.7, 0.3]]), "Greedy wins"),
        (([0.6, 0.6], [[0.5, 0.5], [1.0, 0.0]]), "must sum to 1"),
        (([1.6, -0.6], [[0.5, 0.5], [1.0, 0.0]]), "not negative"),
        (([0.6, 0.4], [[0.5, 0.5]]), "a row for each"),
        (7, "TypeError"),
    ]:
        with pytest.raises(CheckFailed, match=words):
            recommending.greedy_loses(answer)
