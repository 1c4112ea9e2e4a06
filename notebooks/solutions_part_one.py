# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Solutions of 00 to 05
#
# **The question.** How do the exercises end? Each is solved below and goes through the same check.
#
# **Time.** Less than a minute. Try an exercise for ten minutes before you look: the check cells say more about your
# own attempt than a solution can.

# %%
import math

import numpy as np
import torch

import lmindexer as lmi
from lmindexer.course import begin, checks, choose, toys

device = begin(seed=0)

# %% [markdown]
# ## 00 · Five minutes
#
# **★ Count.** Every place is free to be one of `size`.


# %%
def my_count(positions, size):
    return size**positions


checks.number_of_ids(my_count)


# %% [markdown]
# **★★ Perplexity.**


# %%
def my_perplexity(codes):
    shares = np.bincount(codes) / len(codes)
    shares = shares[shares > 0]  # 0 · log 0 counts as 0
    return math.exp(-(shares * np.log(shares)).sum())


checks.perplexity(my_perplexity)

# %% [markdown]
# **★★★ Random is not zero everywhere.** With as many codes as documents every group is tiny, and a tiny group is pure
# by chance. Here with the bundled run, so that nothing needs to be trained; its first code has 32 values, so your
# number may be another one.

# %%
run = lmi.Bundle.open(lmi.samples_folder() / "runs" / "wordnet")
rows = range(choose(full=1000, quick=300))
labels, learned = run.corpus.labels(1)[list(rows)], run.ids.codes[list(rows), 0]
goal = lmi.category_agreement(labels, learned)
print(f"learned:       purity {goal.purity:.3f}   AMI {goal.ami:.3f}")
purity = {}
for k in (16, 64, 256, 1024, 4096):
    found = lmi.category_agreement(labels, np.random.default_rng(0).integers(k, size=len(labels)))
    purity[k] = found.purity
    print(f"random of {k:>4}: purity {found.purity:.3f}   AMI {found.ami:.3f}")
least_k = next(k for k in purity if purity[k] > goal.purity)

# %%
checks.purer_at_random(least_k, labels, learned, sizes=tuple(purity))
checks.true(abs(found.ami) < 0.1, "and their AMI is still about 0: that is what the adjustment is for")

# %% [markdown]
# ## 01 · What is a semantic ID?
#
# **★ The suffix.** Count what was seen before.


# %%
def my_suffixes(codes):
    seen, answer = {}, []
    for code in codes:
        answer.append(seen.get(code, 0))
        seen[code] = answer[-1] + 1
    return answer


checks.suffixes(my_suffixes)

# %% [markdown]
# **★★ Bits.** $32 = 2^5$, so one place takes 5 bits, and three places 15.


# %%
def my_bits(positions, size):
    return positions * math.log2(size)


checks.bits(my_bits)

# %% [markdown]
# **★★★ Long arrows win.** Stand right beside row 0 with a little of row 1's direction: row 1 is far away, but long.

# %%
uneven = torch.tensor([[1.0, 0.0], [3.0, 1.0]])
my_h = torch.tensor([1.0, 0.0])
print("distances:   ", (uneven - my_h).norm(dim=1))
print("dot products:", uneven @ my_h)
checks.long_arrow(my_h, uneven)

# %% [markdown]
# Even the row's own place is taken by the longer row. That is why the package brings the rows of a k-means codebook to
# one length before it chooses by dot product.
#
# ## 02 · The semantic encoder and the codebook


# %%
def my_probabilities(h, rows):
    scores = (h @ rows.T).exp()
    return scores / scores.sum(dim=1, keepdim=True)


def my_choice(h, rows):
    return (h @ rows.T).argmax(dim=1)


checks.code_probabilities(my_probabilities)
checks.choose_codes(my_choice)

# %% [markdown]
# **★★ Make it sure.** A temperature of 0.15 does.

# %%
h5, E = torch.tensor([-2.0, -3.0]) / 3, toys.six_codebook() / 2.5
checks.sure_temperature(0.15, h5, E)

# %% [markdown]
# **★★★ A gradient for all.** The loss is $\sum_i P_i s_i$ with $s_i = e_i \cdot 1$, the sum of row $i$. The row $e_j$
# stands in it twice: in $s_j$, which gives $P_j \cdot 1$, and in the score $h \cdot e_j$, whose derivative of the
# softmax gives $P_j (s_j - m)\, h$ with $m = \sum_i P_i s_i$.


# %%
def my_row_gradient(state, rows):
    p = (state @ rows.T).softmax(dim=1)[0]  # [K]
    s = rows.sum(dim=1)  # [K]
    return p[:, None] + (p * (s - p @ s))[:, None] * state  # [K, d]


checks.row_gradient(my_row_gradient)

# %% [markdown]
# ## 03 · Reconstruction with hints


# %%
def my_mask(present, share):
    return (torch.rand(present.shape) < share) & present


checks.hint_mask(my_mask)

# %% [markdown]
# **★★ The friend who knows nothing** gives each word $1/V$, so the loss is $-\ln(1/V) = \ln V$.

# %%
checks.uniform_loss(lambda V: -math.log(1 / V))

# %% [markdown]
# **★★★ A mask for every question.** Draw a square of numbers, and strike out the diagonal.


# %%
def my_target_mask(length, share):
    return (torch.rand(length, length) < share) & ~torch.eye(length, dtype=torch.bool)


print(my_target_mask(6, 0.3).int())
checks.target_mask(my_target_mask)

# %% [markdown]
# ## 04 · Three losses


# %%
def my_commitment(log_probabilities, codes):
    each = [-table.gather(1, codes[:, [j]]).mean() for j, table in enumerate(log_probabilities)]
    return sum(each)


def my_contrastive(anchor, view, negative):
    scores = anchor @ view.T
    crowd = negative | torch.eye(len(scores), dtype=torch.bool)
    each = scores.masked_fill(~crowd, -torch.inf).logsumexp(1) - scores.diagonal()
    return each[negative.any(dim=1)].mean()


# %%
def as_printed(anchor, view, negative):
    """The slide's form: the crowd shows its first pictures."""
    own = (anchor * view).sum(1)
    crowd = (anchor @ anchor.T).masked_fill(~negative, -torch.inf)
    each = torch.cat([own[:, None], crowd], dim=1).logsumexp(1) - own
    return each[negative.any(dim=1)].mean()


# %%
checks.commitment_loss(my_commitment)
checks.contrastive_loss(my_contrastive)
checks.contrastive_loss(as_printed)

# %% [markdown]
# **★★★ The best diff ratio.** Each code twice. Of the six documents one is left out of every comparison of five, and
# its twin is still there: all three codes are always present. Three distinct codes among five documents are 3/5.

# %%
checks.best_diff_ratio([0, 0, 1, 1, 2, 2])

# %% [markdown]
# ## 05 · Collapse
#
# **★ When is it a collapse?**


# %%
def my_rule(perplexity, k, n):
    return perplexity < 0.1 * min(k, n) or perplexity <= 1


checks.collapse_rule(my_rule)

# %% [markdown]
# **★★ Two switches.** k-means alone is not enough here, and neither is the continuous stage alone: after it a *random*
# codebook throws away what the states have learned. Together they hold, even with 80 % of the words visible.

# %%
shop = toys.shop(240)
against = dict(positions=1, codebook_size=12, learning_rate=2e-3, discrete_epochs=6, hint_share=0.8, device=device)
off = dict(reconstructor_warmup=False, continuous=False, codebook_init="random")


def run(change):
    indexer = lmi.LMIndexer("tiny", **{**against, **off, **change}).fit(shop, progress=False)
    return indexer.history_.perplexity.iloc[-1]


for change in ({}, dict(codebook_init="kmeans"), dict(continuous=True)):
    print(f"perplexity {run(change):.2f} with", change or "no change")
checks.saving_switches(dict(codebook_init="kmeans", continuous=True), run)

# %% [markdown]
# **★★★ Listen or not?** Give every document the code of the one before it.

# %%
from lmindexer.model.hints import draw_hints
from lmindexer.model.losses import reconstruction_loss


def my_listening(model, documents, hints, row):
    def loss(codes):
        return reconstruction_loss(model.reconstruct([codes], documents, hints), hints.words, hints.weight)

    return loss(row.roll(1, 0)) - loss(row)


checks.listening(my_listening)

# %%
sound = {**against, "hint_share": 0.2}
indexer = lmi.LMIndexer("tiny", **sound).fit(shop, progress=False)
model, documents = indexer.model_.eval(), indexer.encoded_.batch(torch.arange(len(shop)))
worth = torch.from_numpy(indexer.vocabulary_.salience(prefixes=12))
hints = draw_hints(documents.words, documents.present, worth, 0.2, generator=torch.Generator().manual_seed(0))
with torch.no_grad():
    row = model.codebooks[0].look_up(torch.from_numpy(indexer.ids_.codes[:, 0].astype("int64")))
    listening = float(my_listening(model, documents, hints, row))
print("the loss rises by", round(listening, 3), "with wrong codes")
checks.true(listening > 0.1, "in a sound run the reconstructor listens")
