"""Answers to notebook 14's nine functions: each written in two more ways, and the slips that learners make."""

import numpy as np
import torch
import torch.nn.functional as F
from scipy.cluster.vq import kmeans2
from torch import Tensor


def decoded(t5, words, rows, states=True):
    read = t5.encoder(words).last_hidden_state if states else None
    return t5.decoder(inputs_embeds=torch.stack(rows, 1), encoder_hidden_states=read).last_hidden_state


def start(t5, words):
    return t5.shared(torch.zeros(len(words), dtype=torch.long))


def encode(t5, words, earlier):
    return decoded(t5, words, [start(t5, words), *earlier])


def encode_with_masks(t5, words, earlier):
    """The whole T5 at once, with masks of ones."""
    inputs = torch.cat([start(t5, words)[:, None], *(row[:, None] for row in earlier)], 1)
    return t5(input_ids=words, attention_mask=torch.ones_like(words), decoder_inputs_embeds=inputs).last_hidden_state


def without_gradient(t5, words, earlier):
    with torch.no_grad():
        return encode(t5, words, earlier)


def choose(h, rows):
    p = F.softmax(h @ rows.T, dim=-1)
    hard = F.one_hot(p.argmax(-1), len(rows)).float()
    return (hard - p).detach() @ rows.detach() + p @ rows, p.argmax(-1), p.log()


def choose_by_exp(h, rows):
    scores = torch.einsum("bd,kd->bk", h, rows)
    log_p = scores - scores.exp().sum(1, keepdim=True).log()
    soft, code = torch.einsum("bk,kd->bd", log_p.exp(), rows), scores.max(1).indices
    return [soft - soft.detach() + rows[code].detach(), code, log_p]


def attend_by_loop(q, k, v, seen):
    answers = []
    for query, keys, values, mask in zip(q, k, v, seen, strict=True):
        answers.append((keys[mask] @ query).softmax(0) @ values[mask])
    return torch.stack(answers)


def attend_by_torch(q, k, v, seen):
    bias = torch.zeros(seen.shape).masked_fill(~seen, -torch.inf)[:, None]
    return F.scaled_dot_product_attention(q[:, None], k, v, bias, scale=1.0)[:, 0]


def shares(q, k):
    return torch.einsum("bd,bsd->bs", q, k).softmax(1)


def surprise_by_loop(logits, words, visible):
    means = []
    for scores, text, seen in zip(logits, words, visible, strict=True):
        hidden = text[~seen]
        if len(hidden):
            means.append(F.cross_entropy(scores.expand(len(hidden), -1), hidden))
    return torch.stack(means).mean()


def surprise_by_weights(logits, words, visible):
    weight = (~visible).double()
    weight = weight / weight.sum(1, keepdim=True).clamp(min=1)
    each = (logits.softmax(1).log().gather(1, words) * weight).sum(1)
    return -each.sum() / (weight.sum(1) > 0).sum()


def surprise_at(logits, words):
    return -logits.log_softmax(1).gather(1, words)


def contrast_by_loop(h, view, earlier):
    losses = []
    for i in range(len(h)):
        crowd = [j for j in range(len(h)) if j != i and earlier[i].tolist() == earlier[j].tolist()]
        if crowd:
            losses.append(F.cross_entropy((view[[i, *crowd]] @ h[i])[None], torch.tensor([0])))
    return torch.stack(losses).mean()


def contrast_by_fraction(h, view, earlier):
    crowd = torch.stack([(earlier == row).all(1) for row in earlier])
    scores = (h @ view.T).exp() * crowd
    return -(scores.diagonal() / scores.sum(1)).log()[crowd.sum(1) > 1].mean()


def contrast_of_all(h, view, earlier):
    return F.cross_entropy(h @ view.T, torch.arange(len(h)))


def contrast_with_the_lonely(h, view, earlier):
    crowd = torch.stack([(earlier == row).all(1) for row in earlier])
    scores = (h @ view.T).exp() * crowd
    return -(scores.diagonal() / scores.sum(1)).log().mean()


def commit_by_loop(tables, codes):
    total = 0.0
    for document, row in enumerate(codes.tolist()):
        total -= sum(float(table[document, code]) for table, code in zip(tables, row, strict=True))
    return total / len(codes)


def commit_by_entropy(tables, codes):
    return sum(F.nll_loss(table, codes[:, j]) for j, table in enumerate(tables))


def centres(h: Tensor, size: int) -> Tensor:
    found, _ = kmeans2(h.numpy(), size, minit="++", seed=np.random.default_rng(1), iter=50)
    return torch.from_numpy(found)


def rows_by_scipy(h, size):
    found = centres(h, size)
    return F.normalize(found, dim=1) * found.norm(dim=1).mean()


def rows_by_faiss(h, size):
    import faiss

    means = faiss.Kmeans(h.shape[1], size, nredo=5, niter=50, min_points_per_centroid=1)
    means.train(h.numpy())
    lengths = np.linalg.norm(means.centroids, axis=1, keepdims=True)
    return lengths.mean() * means.centroids / lengths


LEARNED = ("continuous", "codebook_init", "discrete")


def plan(positions):
    return [("reconstructor_warmup", 0), *((name, t) for t in range(1, positions + 1) for name in LEARNED)]


def plan_by_number(positions):
    return [[LEARNED[i % 3] if i >= 0 else "reconstructor_warmup", i // 3 + 1] for i in range(-1, 3 * positions)]


def warm_up_each_time(positions):
    return [pair for t in range(1, positions + 1) for pair in [("reconstructor_warmup", 0), *plan(t)[-3:]]]


def stages_before_positions(positions):
    return [plan(1)[0], *((name, t) for name in LEARNED for t in range(1, positions + 1))]


def address_by_recursion(words, encode, t5, books, rows=()):
    if len(rows) == len(books):
        return torch.zeros(len(words), 0, dtype=torch.long)
    code = (encode(t5, words, list(rows))[:, len(rows)] @ books[len(rows)].T).argmax(1)
    rest = address_by_recursion(words, encode, t5, books, (*rows, books[len(rows)][code]))
    return torch.cat([code[:, None], rest], 1)


def address_one_by_one(words, encode, t5, books):
    answers = []
    for text in words:
        codes = []
        for book in books:
            rows = [books[j][code][None] for j, code in enumerate(codes)]
            codes.append(int((book @ encode(t5, text[None], rows)[0, -1]).argmax()))
        answers.append(codes)
    return answers


def address_of_first_state(words, encode, t5, books):
    h = encode(t5, words, [])[:, 0]
    return torch.stack([(h @ book.T).argmax(1) for book in books], 1)


def address_late(words, encode, t5, books):
    """Chooses once more with the last code already fed back."""
    codes = address_by_recursion(words, encode, t5, books)
    h = encode(t5, words, [book[codes[:, j]] for j, book in enumerate(books)])
    return torch.stack([(h[:, j + 1] @ book.T).argmax(1) for j, book in enumerate(books)], 1)
