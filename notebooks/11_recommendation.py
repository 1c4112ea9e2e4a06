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
# # 11 · Recommendation
#
# **The question.** Documents have IDs now. Can a model write the ID of what a person will take next, code by code, and
# is that better than simple counting?
#
# **Time.** About two minutes of computing on a 2-core CPU, forty minutes of reading.
#
# **You will see**
#
# 1. equation (14) by hand: two tokens, two softmaxes, a sum of $-\log P$; teacher forcing, and a slip that looks like
#    success;
# 2. the softmax over the whole codebook beside the one over the codes that exist;
# 3. a beam of two on paper, in a case where the greedy choice loses; what the suffix does;
# 4. leave-one-out, a leak and the check that finds it; Recall@5 and NDCG@5 by hand;
# 5. popularity, item-kNN and attention over a history, then all of them on real sequences, over seeds;
# 6. the slides' Table 3, read again.

# %%
from itertools import pairwise

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import nn

import lmindexer as lmi
from lmindexer.course import begin, checks, choose, recommending

device = begin(seed=0)

# %% [markdown]
# ## 1. Six items, three users
#
# A shop with six items. Each has two codes; the first says toy `<0>` or kitchen `<1>`. Two balls share both codes, and
# the **suffix** tells them apart.

# %%
names = ["ball", "rubber ball", "doll", "knife", "pot", "oven"]
codes = [[0, 0], [0, 0], [0, 2], [1, 0], [1, 1], [1, 2]]
ids = lmi.SemanticIDs.from_codes(names, codes, codebook_sizes=(3, 3))
users = {
    "Ada": ["ball", "doll", "pot", "oven", "knife"],
    "Ben": ["doll", "ball", "pot", "knife", "oven"],
    "Cyd": ["pot", "oven", "ball", "doll", "rubber ball"],
}
print(dict(zip(names, ids.unique_strings().tolist(), strict=True)))

# %% [markdown]
# ## 2. Equation (14) by hand
#
# The slides train one sum for all tasks. $q$ is a query; in recommendation it is the history of a user.
#
# $$\mathcal{L}_{\text{downstream}} = -\sum_{(q, c_d)} \sum_{j \leq T} \log P_s(c_d^j \mid q, c_d^{<j}) \qquad (14)$$
#
# > **Slides, released code, this package.** The slides sum over the $T$ codes of a document. The released code trains
# > a T5 to write them as tokens, with a counter for equal codes and an end sign behind them; its softmax runs over the
# > *whole vocabulary*, words included, and what no ID allows is struck out only when it searches. In this package it
# > runs over the codebook of the position (`normalise="codebook"`) or over the codes that exist (`"tree"`, the default;
# > section 3), and the counter, the suffix, is one more position where it is asked for.
#
# One pair: after some history comes the pot, `<1><1>`. The model has given scores to the three codes of position 1,
# and then, **after it was told that the first code is 1**, to the three codes of position 2.

# %%
first, second = torch.tensor([0.2, 1.0, -1.0]), torch.tensor([0.5, 1.5, 0.0])
P1, P2 = first.softmax(0), second.softmax(0)
loss = -P1[1].log() - P2[1].log()
print("P(c1 | q)     =", P1)
print("P(c2 | q, c1) =", P2)
print(f"P(pot | q) = {float(P1[1]):.3f} · {float(P2[1]):.3f} = {float(P1[1] * P2[1]):.3f}, loss {float(loss):.3f}")
by_torch = F.cross_entropy(torch.stack([first, second]), torch.tensor([1, 1]), reduction="sum")
checks.equal(loss, by_torch, "eq. (14): our sum and cross_entropy's")
checks.equal((-loss).exp(), P1[1] * P2[1], "exp(-loss) is the probability of the whole ID")

# %% [markdown]
# **Teacher forcing.** In training the decoder is told the *right* earlier codes, whatever it would have said itself.
# So its input is the ID moved by one place: at position 1 a start sign, at position 2 the code $c^1$. Forget to move
# it and the model is told the code that it should guess.
#
# Let us see what that slip looks like. A small model: the last item of the history has a vector, and so has each code
# that is fed. `moved=True` is right, `moved=False` is the slip.


# %%
class Tiny(nn.Module):
    def __init__(self, d=8):
        super().__init__()
        self.item, self.code = nn.Embedding(6, d), nn.Embedding(4, d)  # code 3 is the start sign
        self.rows = nn.Parameter(torch.randn(2, 3, d))

    def losses(self, last, path, fed):  # last [B], path and fed [B, 2]
        h = self.item(last)[:, None] + self.code(fed)  # [B, 2, d]
        logits = torch.einsum("btd,tkd->btk", h, self.rows)
        return F.cross_entropy(logits.flatten(0, 1), path.flatten(), reduction="none").view(-1, 2)


# %%
windows = [(names.index(a), names.index(b)) for items in users.values() for a, b in pairwise(items)]
last, target = torch.tensor(windows).T
path = torch.tensor(codes)[target]  # [12, 2]
shifted = torch.cat([torch.full((len(path), 1), 3), path[:, :1]], 1)
print(f"{len(windows)} pairs; the first: after {names[last[0]]!r} comes {names[target[0]]!r}, {path[0].tolist()}")
print("fed in the right way:", shifted[0].tolist(), " fed without moving:", path[0].tolist())


# %%
def train(moved, seed, steps=300):
    torch.manual_seed(seed)
    model = Tiny()
    optimiser = torch.optim.Adam(model.parameters(), lr=0.05)
    for _ in range(steps):
        loss = model.losses(last, path, shifted if moved else path).sum(1).mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model, float(loss.detach())


# %% [markdown]
# How low can an honest loss go? Nothing but the last item is known, and after "pot" came "oven" twice and "knife"
# once. The entropy of what follows, counted from the pairs, is the floor: no honest model can be below it.

# %%
following = pd.crosstab(last.numpy(), [str(c) for c in path.tolist()]).to_numpy().astype(float)
share = following / following.sum(1, keepdims=True)
floor = -(following * np.log(np.where(share > 0, share, 1))).sum() / following.sum()
rows = []
for moved in (True, False):
    for seed in range(3):
        model, final = train(moved, seed)
        told = model.losses(last, path, shifted).sum(1).mean()  # as in use: the first code is not known beforehand
        rows.append((moved, seed, final, float(told.detach())))
slip = pd.DataFrame(rows, columns=["input moved", "seed", "loss in training", "loss in use"])
print(f"floor: {floor:.3f}")
slip.round(3)

# %%
honest, leaking = slip[slip["input moved"]], slip[~slip["input moved"]]
checks.true((honest["loss in training"] > floor - 1e-3).all(), "the honest loss stays above the floor")
checks.true((leaking["loss in training"] < floor).all(), "the slip's loss falls below what is possible")
checks.true(leaking["loss in use"].min() > honest["loss in use"].max(), "and in use it is worse, with every seed")

# %% [markdown]
# Remember the sign: **a loss that is too good**. The floor is seldom known on real data; a test of the model in use
# is.
#
# ## 3. Which codes compete?
#
# After `<0>` there are only `<0>` and `<2>`: no item is `<0><1>`. The slides' softmax runs over the whole codebook, so
# `<1>` gets a share that no item can have. The other way sums over **the codes that exist under the prefix**.

# %%
scores = torch.tensor([0.3, 1.2, -0.4])  # of position 2, after <0>
exists = torch.tensor([True, False, True])
whole = scores.softmax(0)
some = scores.masked_fill(~exists, -torch.inf).softmax(0)
print("whole codebook:", whole, "  codes that exist:", some)
print(f"{float(whole[1]):.0%} of the probability goes to an ID that does not exist")

# %%
from lmindexer.tasks.decoding import DecodingTree, segment_log_softmax

tree = DecodingTree.from_ids(ids, suffix=False)
edges = tree.edges(torch.tensor([1]), torch.tensor([0]), level=2)  # node 1 is the prefix <0>
package = segment_log_softmax(scores[edges.code], edges).exp()
print("codes under <0>:", edges.code.tolist())
checks.equal(some[exists], package, "our softmax over existing codes and the package's")

# %% [markdown]
# The order under *one* prefix is the same either way. Between prefixes it is not: a prefix whose codebook is mostly
# empty loses probability to nothing. Section 8 measures what that is worth.
#
# ## 4. A beam of two
#
# **Predict first:** which ID is the best here, and would you find it by taking the best code each time?

# %%
step1, step2 = torch.tensor([0.6, 0.4]), torch.tensor([[0.35, 0.33, 0.32], [0.9, 0.05, 0.05]])


class Paper:
    def log_probabilities(self, prefixes):
        table = step1[None].expand(len(prefixes), -1) if prefixes.shape[1] == 0 else step2[prefixes[:, 0]]
        return table.log().numpy()


lmi.plots.matrix(step1[:, None] * step2, ["<0>", "<1>"], ["<0>", "<1>", "<2>"], "P(c1) · P(c2 | c1)", digits=3)

# %%
from lmindexer.ids.trie import IDTrie
from lmindexer.tasks.decoding import beam_course

every = IDTrie(np.array([[a, b] for a in range(2) for b in range(3)]))
greedy, beam = (beam_course(Paper(), every, width) for width in (1, 2))
for name, found in (("greedy", greedy), ("beam of 2", beam)):
    best = found.paths.iloc[0]
    print(f"{name:<10} finds {best.codes} with P = {np.exp(best.score):.3f}")
checks.equal(np.exp(greedy.paths.score[0]), 0.6 * 0.35, "greedy takes the better first code")
checks.equal(np.exp(beam.paths.score[0]), 0.4 * 0.9, "the beam finds the better path")

# %%
lmi.plots.beam_tree(beam.steps)

# %% [markdown]
# The first code `<0>` is more probable, but it shares its probability among three items. A beam keeps the two best
# *prefixes* at each position, so `<1>` gets its second chance. A beam is no guarantee either, only a wider one is
# safer; the package can also search exactly (`tasks.decoding.exact_top`).
#
# ## 5. The suffix
#
# Two balls have the codes `<0><0>`. Codes alone give both the same probability. The suffix is one more token that must
# be learned; it means nothing, so a model can only learn it item by item.

# %%
from lmindexer.tasks.decoding import PrefixScorer, course_of


class Even:  # all codes alike
    def log_probabilities(self, prefixes):
        return np.full((len(prefixes), 3), -np.log(3))


with_suffix = DecodingTree.from_ids(ids)
ends = course_of(PrefixScorer(Even(), with_suffix), with_suffix, width=6).paths
print(ends.assign(item=[names[documents[0]] for documents in ends.documents]).to_string(index=False))
checks.true(ends.score.nunique() == 1 and len(ends) == 6, "with the suffix every path is one item; codes leave a tie")

# %% [markdown]
# The package has two ways to break the tie: `ties="suffix"` learns a row for each suffix, and `ties="document"`
# compares the items' texts at the last step.
#
# ## 6. Leave-one-out, and a leak
#
# How is a recommender tested? Of each user the **last** item is the test's answer and the one before it the
# validation's. The rest is for training.

# %%
records = [{"doc_id": name, "text": f"a {name}"} for name in names]
toy = lmi.Corpus.from_records(records, name="six items", id="doc_id", text="text")
rows = [(user, item, at) for user, items in users.items() for at, item in enumerate(items)]
toy.interactions = lmi.Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "doc_id", "position"]))
task = lmi.tasks.Recommendation(toy)
for row, user in enumerate(task.query_ids("test")):
    known = [names[item] for item in task.histories("test")[row]]
    print(f"{user}: {known} → {names[task.targets('test')[row]]}")
checks.true([names[i] for i in task.targets("test")] == [items[-1] for items in users.values()], "the last items")

# %% [markdown]
# A **leak** is knowledge of the answer on the way to the answer. It seldom looks like a mistake. Here is a common one,
# on real data: what techniques each group of attackers, and each of their programs, has been seen to use (MITRE
# ATT&CK), and item-kNN whose neighbour counts are made from *all* interactions, "because more data is better". (These
# sequences are in the order of an attack, from first access to damage, not of time. So what comes last is of a late
# phase for everybody, which is easier to guess than a shopper's next wish.)

# %%
from lmindexer.tasks.recommendation.counting import similarities

corpus = lmi.load_sample("attack")
task = lmi.tasks.Recommendation(corpus)
honest, leaky = (lmi.tasks.ItemKNN(decay=0.7, name=name).fit(task) for name in ("item-kNN", "item-kNN with a leak"))
leaky.similar = similarities(task.all, len(corpus), 200, 3.0, 3)  # task.all: the test's answers too
print(task)
leak = task.evaluate([honest, leaky]).table()
leak[["method", "view", "Recall@5", "Recall@5 low", "Recall@5 high"]].round(3)


# %%
def learned_from(histories):
    return {(int(user), int(item)) for user, items in zip(histories.users, histories, strict=True) for item in items}


def leaks(histories):  # share of the test's answers that were learned from
    answers = set(zip(task.asked.tolist(), task.targets("test").tolist(), strict=True))
    return len(answers & learned_from(histories)) / len(answers)


print(f"answers among what was learned from: {leaks(task.train):.1%} of training, {leaks(task.all):.1%} of everything")
found = leak.set_index(["method", "view"])["Recall@5"]
checks.true(leaks(task.all) == 1 and leaks(task.train) < 0.05, "the check finds the leak")
checks.true(found["item-kNN with a leak", "raw"] > 1.2 * found["item-kNN", "raw"], "and the leak looks like progress")

# %% [markdown]
# No model was changed: one argument was. Count pairs like this in every project. A gain of that size for one line of
# code should make anybody suspicious. (Where people take an item twice, some answers are in the training part by
# right; the check then asks for the same share as in the histories.)
#
# ## 7. Recall@5 and NDCG@5, by hand
#
# One answer a user. Recall@5 asks: is it among the first five? NDCG@5 also asks how far up: rank $r$ is worth
# $1 / \log_2(r + 1)$.

# %%
ranks = [1, 3, 5, 6]  # of the right item, for four users
recall = [float(r <= 5) for r in ranks]
ndcg = [1 / np.log2(r + 1) if r <= 5 else 0.0 for r in ranks]
print(pd.DataFrame({"rank": ranks, "Recall@5": recall, "NDCG@5": ndcg}).round(3).to_string(index=False))

# %%
from lmindexer.tasks.metrics import Judgements, Rankings, measure

listed = np.arange(8)[None].repeat(4, 0)  # every list is 0, 1, 2, …, so the item at rank r is r - 1
rankings = Rankings(listed, -listed.astype(float))
theirs = measure(rankings, Judgements.of_targets([r - 1 for r in ranks]), ("Recall@5", "NDCG@5"))
checks.equal(recall, theirs["Recall@5"], "Recall@5")
checks.equal(ndcg, theirs["NDCG@5"], "NDCG@5")

# %% [markdown]
# ## 8. Rivals, from counting to attention
#
# **Popularity** recommends what most people took. **Item-kNN** recommends what was taken by the same people:
# $\text{sim}(i, j) = \text{users of both} / \sqrt{\text{users of } i \cdot \text{users of } j}$.

# %%
taken = np.array([[item in items[:-2] for item in names] for items in users.values()], dtype=float)  # [users, items]
counts = taken.sum(0)
together = taken.T @ taken
by_hand = together / np.sqrt(np.maximum(np.outer(counts, counts), 1))
np.fill_diagonal(by_hand, 0)
print(pd.DataFrame(by_hand, names, names).round(2))
theirs = similarities(lmi.tasks.Recommendation(toy).train, 6, neighbours=6, shrink=0.0, window=None).toarray()
checks.equal(by_hand, theirs, "our similarities and ItemKNN's")

# %% [markdown]
# **SASRec** reads a history by attention. Each item asks the items before it (and itself): how much do you matter? The
# mask is causal, so a state at place $i$ knows nothing of what comes after, and every place can be trained at once,
# each with the next item as its answer.

# %%
torch.manual_seed(1)
items = torch.randn(6, 8)
history = items[[0, 2, 4]]  # ball, doll, pot
q, k = history @ torch.randn(8, 8), history @ torch.randn(8, 8)
causal = torch.tril(torch.ones(3, 3, dtype=torch.bool))
attention = (q @ k.T / 8**0.5).masked_fill(~causal, -torch.inf).softmax(1)
states = history + attention @ history  # [3, 8]
print("scores of all items after the pot:", states[-1] @ items.T)
checks.true((attention.triu(1) == 0).all(), "nothing is read from the future")
lmi.plots.matrix(attention, ["at ball", "at doll", "at pot"], ["ball", "doll", "pot"], "Who reads whom (weights drawn)")

# %% [markdown]
# **The generative recommender** has such a Transformer, too. But its answer is not a product with every item: it
# writes an ID, code by code, by equation (14). An item goes in as the sum of its codes' vectors.
#
# Now all of them on ATT&CK, 843 sequences of 691 techniques, with three seeds where a seed decides. The IDs:
# LMIndexer's bundled ones, residual k-means, and random ones of the same sizes. Here no text is read by the
# recommender, so what it knows of an item is its ID. The slides' form (`"prototype"`): one row a code, shared by all
# prefixes.

# %%
indexer = lmi.load_indexer(lmi.samples_folder() / "runs" / "attack")
sizes, seeds = indexer.ids_.codebook_sizes, range(choose(full=3, quick=1))
epochs = choose(full=3, quick=1)
quick = {"targets": 256, "warmup_steps": 30, "epochs": epochs}  # small steps and many of them: few users
kmeans = lmi.ResidualKMeansIndexer(positions=3, codebook_size=sizes).fit(corpus, progress=False).ids_
drawn = lmi.RandomIndexer(positions=3, codebook_size=sizes).fit(corpus, progress=False).ids_
kinds = {"LMIndexer": indexer.ids_, "residual k-means": kmeans, "random": drawn}
print("codes of each position:", sizes)

# %%
Generative = lmi.tasks.GenerativeRecommender
models = [lmi.tasks.Popularity(), lmi.tasks.ItemKNN()]
for seed in seeds:
    models.append(lmi.tasks.SASRec(**quick, patience=0, seed=seed))
    for name, some in kinds.items():
        models.append(Generative(some, "prototype", text=None, **quick, seed=seed, name=f"{name} IDs"))
for model in models:
    model.fit(task, progress=False)
result = task.evaluate(models)

# %%
table = result.table()
raw = table[table["view"] == "raw"].sort_values("Recall@5")
raw[["method", "seeds", "Recall@5", "Recall@5 low", "Recall@5 high", "Recall@5 sd", "NDCG@5"]].round(3)

# %% [markdown]
# *low* and *high* are a 95 % interval over users, *sd* is the spread over seeds. *Raw* ranks all items; the other view
# leaves out items that the history holds. Papers differ in this, so the package prints both.
#
# Are the differences more than chance? All methods answer the same users, so each pair is compared user by user.

# %%
compared = result.compare("LMIndexer IDs", "Recall@5")
compared.round(4)

# %%
mean = raw.set_index("method")["Recall@5"]
spread = raw.set_index("method")["Recall@5 sd"].fillna(0)
gap = mean["LMIndexer IDs"] - mean["random IDs"]
print(f"LMIndexer's IDs over random ones: {gap:+.3f}; spread over seeds {spread['LMIndexer IDs']:.3f}")
verdict = compared.set_index("second")
for name in verdict.index:
    low, high, p = verdict.loc[name, ["low", "high", "p_holm"]]
    said = "no difference shown" if low <= 0 <= high else "better" if low > 0 else "worse"
    print(f"LMIndexer IDs against {name:<17} {low:+.3f} to {high:+.3f}, p {p:.4f}: {said}")

# %%
checks.true(verdict.loc["Item-kNN", "high"] < 0, "item-kNN beats codes that are written without texts")
checks.true(len(verdict) == 5, "every pair is compared user by user")

# %% [markdown]
# Read the table to its end before you like it. **Where does item-kNN stand**, which took no training at all? Above
# every neural model here. A recommender that does not beat counting has not shown anything yet. (Three epochs are a
# small budget; what more would bring is not measured here.) And **are the three kinds of IDs told apart?** The
# intervals of the differences hold 0, and the spread over seeds is larger than the gaps between the means. With codes
# alone an ID was a name, and whether the name means something did not show. A single seed might have told another
# story. Numbers drift a little from machine to machine; the comparisons above are computed, so they hold for your run.
#
# Two knobs, both on LMIndexer's IDs: the whole codebook in place of the codes that exist, and the package's own form
# (a vector for each node of the tree, and texts on both sides). One seed each, so look for large steps only.

# %%
slides = {"text": None, "normalise": "codebook", "name": "whole codebook (slides)"}
knobs = [Generative(indexer.ids_, "prototype", **quick, **slides)]
knobs += [Generative(indexer.ids_, **quick, name="package's own form")]
knobs = [model.fit(task, progress=False) for model in knobs]

# %%
found = task.evaluate(knobs).table()
found = pd.concat([raw[raw["method"] == "LMIndexer IDs"], found[found["view"] == "raw"]], ignore_index=True)
found.loc[0, "method"] = "as above"
found[["method", "seeds", "Recall@5", "Recall@5 low", "Recall@5 high", "Recall@5 sd", "NDCG@5"]].round(3)

# %% [markdown]
# The whole codebook changes little here: the difference is within what seeds do. The package's own form is another
# matter: the same IDs, and it finds the right item three times as often, more often than item-kNN did. Texts and a
# vector for each node come together here, so which of the two did it is not said. All three write IDs by equation
# (14), and the form of the model moved the result far more than the choice of IDs did. So compare IDs only within one
# form.
#
# ## 9. Where the right item is lost
#
# Follow the right item's path beside a beam: at which position does it leave? (The last position is the suffix, or the
# item's text.) `p1` is the geometric mean of the probability of the right first code, and so on.

# %%
from lmindexer.tasks.decoding import lost_table

best = knobs[-1]
tables = [lost_table(best.where_lost("test", width)).assign(group=f"beam {width}") for width in (1, 5, 20)]
pd.concat(tables).round(3)

# %%
narrow, wide = tables[0].iloc[0], tables[-1].iloc[0]
checks.true(wide["found"] > narrow["found"], "a wider beam keeps more right paths")
print("greedy loses most at position", max((1, 2, 3, 4), key=lambda t: narrow[f"lost_at_{t}"]))

# %% [markdown]
# Look at `p1` to `p4`: the first code is the hardest. It decides among all items, and nothing is known yet but the
# history. (With a beam of 20 nothing is lost there: the first position has 16 codes, so all of them are kept.) Take the
# knob into your own hand: choose a user and a width, and step down the tree.

# %%
walker = lmi.widgets.BeamWalker(best, width=3)
for _ in range(2):
    walker.step()
walker

# %%
wider = lmi.widgets.BeamWalker(best, walker.user.value, width=20)
wider.go(wider.depth)
print("lost at position", walker.lost, "with 3;", wider.lost, "with 20 (0: never)")
wider.picture()

# %% [markdown]
# ## 10. Table 3 of the slides, read again
#
# Recall@5 on Amazon, as printed. HGN, GRU4Rec, BERT4Rec and FDSA stand in the P5 and TIGER papers digit for digit, so
# they were copied, not run again. The same two papers also have rows that the slides leave out:

# %%
slides = {
    "HGN": (0.0325, 0.0189, 0.0321),
    "GRU4Rec": (0.0164, 0.0129, 0.0097),
    "BERT4Rec": (0.0203, 0.0115, 0.0116),
    "FDSA": (0.0267, 0.0182, 0.0228),
    "rq-VAE indexer": (0.0136, 0.0067, 0.0084),
    "HC indexer": (0.0129, 0.0076, 0.0082),
    "LMIndexer": (0.0415, 0.0222, 0.0404),
}
left_out = {"SASRec": (0.0387, 0.0233, 0.0463), "S3-Rec": (0.0387, 0.0251, 0.0443), "TIGER": (0.0454, 0.0264, 0.0521)}

# %%
table3 = pd.DataFrame(slides | left_out, index=["Beauty", "Sports", "Toys"]).T
table3["on the slides"] = [name in slides for name in table3.index]
ours = table3.loc["LMIndexer", ["Beauty", "Sports", "Toys"]].astype(float)
above = (table3[["Beauty", "Sports", "Toys"]].astype(float) > ours).sum(axis=1)
print("published rows above LMIndexer, by data sets:", above[above > 0].to_dict())
checks.true(above[list(slides)].sum() == 0, "no row of the slides is above LMIndexer")
checks.true(above["TIGER"] == 3, "TIGER, left out, is above it on all three")
table3

# %% [markdown]
# So "outperforms consistently and significantly" holds for the rows that are shown. What is missing matters more than
# what is there. And two rows are from an idea that this notebook has (rq-VAE IDs, written by a T5): on the slides it
# has .0136 on Beauty, while TIGER, the same idea, reports .0454, and others who ran it again reached about .042. The
# slides' baseline looks under-tuned.
#
# The package's own runs on Beauty are in [docs/results/recommendation.md](../docs/results/recommendation.md) and
# [docs/results/generative.md](../docs/results/generative.md). Item-kNN, which needs ten seconds, reaches .0485. A
# generative model in the package's own form, over three seeds, reaches .0464 with random IDs, .0566 with LMIndexer's,
# .0583 with rq-VAE's, .0595 with residual k-means' and .0645 with HC's. So a meaning in the ID does help there, and
# LMIndexer's kind of meaning is not the best. Do you have the data? Say where, and run the cell:

# %%
beauty_folder = None  # such as "../shared/data/amazon-beauty"
if beauty_folder is None:
    print("No folder given: Beauty is left out.")
else:
    beauty = lmi.tasks.Recommendation(lmi.datasets.load_folder(beauty_folder))
    rivals = [lmi.tasks.Popularity().fit(beauty), lmi.tasks.ItemKNN().fit(beauty)]
    print(beauty.evaluate(rivals))

# %% [markdown]
# ## Exercises
#
# **★ (5 minutes) Equation (14).** Given a list of score tensors, one a token, and the right codes, return the loss.
#
# <details><summary>Hint</summary>A softmax for each token; the logarithm of the right code's share; a minus; a
# sum.</details>


# %%
def my_loss(logits, path):
    return ...


recommending.next_item_loss(my_loss)

# %% [markdown]
# **★★ (5 minutes) Codes that exist.** Return probabilities for all codes: 0 for those that do not exist.
#
# <details><summary>Hint</summary>What must a score be so that its exp is 0?</details>


# %%
def my_softmax(scores, exists):
    return ...


recommending.allowed_softmax(my_softmax)

# %% [markdown]
# **★★ (5 minutes) Where greedy loses.** Invent your own case: `P1` for the first code and `P2` with a row for each
# first code, so that the best first code does not lead to the best path.

# %%
my_case = ...
recommending.greedy_loses(my_case)

# %% [markdown]
# **★★★ (10 minutes) A split without leaks.** From one user's items return
# `{"train": items, "validation": (history, answer), "test": (history, answer)}`.
#
# <details><summary>Hint</summary>What is known on the day of the test? Also the validation's answer.</details>


# %%
def my_split(items):
    return ...


recommending.leave_one_out(my_split)


# %% [markdown]
# **★★★ (10 minutes) Two measures.** For one user return `(Recall@k, NDCG@k)`.


# %%
def my_measures(ranking, answer, k):
    return ...


recommending.recall_and_ndcg(my_measures)

# %% [markdown]
# ## Summary
#
# | idea | in words | in the package |
# |---|---|---|
# | (14) | the surprise of each code after the right earlier ones, added up | `tasks.generative.PathHead.loss` |
# | codes that exist | only what can follow competes | `normalise="tree"`, `segment_log_softmax` |
# | beam | keep the best prefixes, not the best code | `tasks.decoding.beam_search`, `course_of` |
# | leave-one-out | the last item is asked for | `tasks.Recommendation` |
# | rivals | popularity, item-kNN, SASRec | `tasks.Popularity`, `ItemKNN`, `SASRec` |
#
# A generative recommender writes an ID. Whether IDs with a meaning help it is a question for paired intervals and
# several seeds, not for two means, and on this small task nothing was shown; simple counting is hard to beat; and a
# table is as honest as the rows that it leaves out.
#
# **Read.** The slide "Finetuning semantic indexer on downstream tasks" and Table 3. TIGER (Rajput et al., 2023, arXiv
# 2305.05065). [lmindexer/tasks/generative/head.py](../lmindexer/tasks/generative/head.py).
#
# **Break it.** Give the random IDs more epochs, or the texts: do they catch up? What does `learn_repeats=False` do to
# the raw view, and to the other?
#
# Next: [12](12_product_search.ipynb), a text in and a product out.
