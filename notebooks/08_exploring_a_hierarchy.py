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
# # 08 · Exploring a hierarchy
#
# **The question.** Eleven thousand documents have codes such as `<24><28><3>`. How do you find out what the codes mean,
# and whether their hierarchy is one that people would draw?
#
# **Time.** Less than a minute of computing on a 2-core CPU, twenty minutes of reading and clicking.
#
# **You will see**
#
# 1. the two figures of the slides, first counted by hand, then drawn for real IDs;
# 2. names for codes: key words by a formula of one line;
# 3. the prefix browser and the tree walker, to click through;
# 4. the map of the documents and what it must not be used for;
# 5. the explorer, which shows all this in a web browser.

# %%
import math
import re
from collections import Counter, defaultdict

import numpy as np

import lmindexer as lmi
from lmindexer.browse import RunBrowser, mapping, prefixes, words
from lmindexer.course import begin, checks, choose

device = begin(seed=0)

# %% [markdown]
# ## 1. The slides' figure, counted by hand
#
# Six documents with two codes each, and a category that the codes have never seen:

# %%
toy = lmi.Corpus.from_records(
    [
        {"doc_id": "a", "text": "a rubber ball", "category_1": "toy"},
        {"doc_id": "b", "text": "a ball for football", "category_1": "sport"},
        {"doc_id": "c", "text": "a leather football", "category_1": "sport"},
        {"doc_id": "d", "text": "a doll in a dress", "category_1": "toy"},
        {"doc_id": "e", "text": "a headset for games", "category_1": "sound"},
        {"doc_id": "f", "text": "a headset for music", "category_1": "sound"},
    ]
)
toy_ids = lmi.SemanticIDs.from_codes(toy.doc_ids, [[0, 0], [0, 1], [0, 1], [1, 0], [2, 0], [2, 1]], (3, 2))
toy_ids.to_frame().assign(category=toy.labels())

# %% [markdown]
# The slides draw one bar a category and colour it by the code. That is nothing but counting pairs:

# %%
pairs = Counter(zip(toy.labels().tolist(), toy_ids.codes[:, 0].tolist(), strict=True))
for (category, code), number in sorted(pairs.items()):
    print(f"{category:>6} <{code}>  {'█' * number} {number}")

# %%
found = prefixes.distribution(RunBrowser.from_parts(toy_ids, toy))
package = {(row.label, row.code): row.documents for row in found.cells.itertuples()}
checks.true(dict(pairs) == package, "the counts by hand are the package's")
lmi.plots.category_distribution(toy_ids, toy)

# %% [markdown]
# ## 2. The same for 11,044 nouns
#
# A `RunBrowser` answers questions about a run without loading its texts. It is what the figures, the widgets and the
# explorer ask.

# %%
bundle = lmi.Bundle.open(lmi.datasets.samples_folder() / "runs" / "wordnet")
run = RunBrowser.from_bundle(bundle)
print(run)
print("distinct prefixes of length 1, 2, 3:", run.distinct_prefixes)

# %% [markdown]
# **The slides' figure (a): categories, coloured by the first code.** If codes follow categories, each bar has few
# colours of its own. The legend carries key words, which section 3 explains.

# %%
first = words.keywords(run, ())
lmi.plots.category_distribution(run, names=first)

# %% [markdown]
# How pure are they? Purity is the share of a code's documents that belong to its most frequent category; *lift* says
# how many times more that is than in the whole corpus.

# %%
children = prefixes.children(run).sort_values("purity", ascending=False)
children["words"] = [", ".join(first[code][:3]) for code in children["code"]]
purest, mixed = children.iloc[0], children.iloc[-1]
print(f"purest: <{purest['code']}> {purest['words']}: {purest['purity']:.0%} {purest['category']}")
print(f"most mixed: <{mixed['code']}> {mixed['words']}: {mixed['purity']:.0%} {mixed['category']}")
children[["code", "words", "documents", "category", "purity", "lift", "entropy"]].head(8).round(2)

# %%
share = (children["purity"] * children["documents"]).sum() / children["documents"].sum()
agreement = lmi.IDQuality.from_dict(bundle.metrics).agreement
stored = agreement.query("prefix_length == 1 and level == 1")["purity"].iloc[0]
checks.equal(share, stored, "mean purity of the codes, and the purity that evaluate_ids stored")

# %% [markdown]
# **The slides' figure (b): inside one first code, coloured by the second.** We look under the purest code. The
# categories are one level finer, because at level 1 there is hardly anything left to tell apart.

# %%
inside = (int(purest["code"]),)
lmi.plots.category_distribution(run, prefix=inside, level=2, top=12, names=words.keywords(run, inside))

# %%
below = prefixes.children(run, inside, level=2)
before = prefixes.summary(run, inside, level=2)
after = (below["purity"] * below["documents"]).sum() / below["documents"].sum()
print(f"level 2 under <{inside[0]}>: purity {before['purity']:.0%} with one code, {after:.0%} with two")
checks.true(after >= before["purity"], "a finer split cannot be less pure")

# %% [markdown]
# Mind the last line: purity can only grow with more groups, so it is no proof of quality. Notebook 07 uses measures
# that are corrected for chance.
#
# The whole tree at once, two positions deep. Size is the number of documents, colour the leading category.

# %%
lmi.plots.hierarchy(run, depth=2)

# %% [markdown]
# ## 3. Names for codes
#
# A code is a number. Its documents have words, and the words that set them apart name it. For word $w$ under prefix
# $p$, with $A$ the mean number of words in a prefix:
#
# $$W(w, p) = \underbrace{\frac{n_{w,p}}{n_p}}_{\text{how often here}} \cdot
#            \underbrace{\ln\Big(1 + \frac{A}{n_w}\Big)}_{\text{how rare elsewhere}}$$
#
# By hand on the toy, with the stop words left out:

# %%
STOP = {"a", "for", "in"}
counts = defaultdict(Counter)
for text, code in zip(toy.texts, toy_ids.codes[:, 0].tolist(), strict=True):
    counts[code].update(word for word in re.findall(r"\w+", text) if word not in STOP)
everywhere = sum(counts.values(), Counter())
mean = sum(everywhere.values()) / len(counts)
weights = {
    (code, word): n / sum(here.values()) * math.log(1 + mean / everywhere[word])
    for code, here in counts.items() for word, n in here.items()
}  # fmt: skip
print({word: round(weight, 3) for (code, word), weight in weights.items() if code == 0})

# %%
package = lmi.prefix_keywords(toy_ids, toy, length=1, top=20)
for code, here in counts.items():
    theirs = dict(package[(code,)])
    checks.equal([weights[code, word] for word in here], [theirs[word] for word in here], f"weights under <{code}>")

# %% [markdown]
# Names make a path readable. Four paths of the run, chosen by the size of their first code:

# %%
for code in prefixes.children(run)["code"].head(4).tolist():
    second = int(prefixes.children(run, (code,))["code"].iloc[0])
    names = [words.name_of(run, path) for path in ((code,), (code, second))]
    print(f"<{code}> {names[0]}  →  <{code}><{second}> {names[1]}")

# %% [markdown]
# ## 4. Click through it
#
# Choose a code, go down, go up, turn the pages of its documents. (On a page without a kernel you see a table instead.)

# %%
browser = lmi.widgets.PrefixBrowser(run, prefix=inside)
browser

# %%
checks.equal(browser.codes()["documents"].sum(), run.count(inside), "the codes below sum up to their prefix")

# %% [markdown]
# Where would a text of your own go? Type one, press Enter, and step through the positions. The model chooses each code
# knowing the ones before: $P_s(c^t \mid c^{<t}, d)$, equation (2).

# %%
walker = lmi.widgets.TreeWalker(run, "a small dog that hunts rats")
walker.walk()
walker

# %%
ours = walker.indexer.encode(["a small dog that hunts rats"])
checks.equal(list(walker.prefix), ours.codes[0].copy(), "the walk ends at the ID that encode gives")
print("neighbours under the first two codes:")
for title in lmi.browse.documents.page(run, walker.prefix[:2], limit=8).rows["title"]:
    print("  ", title)

# %% [markdown]
# ## 5. The map
#
# UMAP lays the last hidden state $h^T$ of every document on a plane. Each cell has the colour of its most frequent
# first code. Here it is one large cloud and no set of islands: look for regions of one colour. Its distances are not
# the model's distances.

# %%
print("map in the run:", mapping.has_map(run))
cells = mapping.raster(run, ("position", 1), cells=60)
labels = {code: ", ".join(found[:2]) for code, found in first.items()}
lmi.plots.id_map_raster(cells, "c1", "position", labels).update_layout(title={"font": {"size": 12}})

# %% [markdown]
# How much of the neighbourhood survives? For some documents we take the 10 nearest by $h$ and the 10 nearest on the
# map, and count what they share. **Predict first:** which share?

# %%
rng = np.random.default_rng(0)
chosen = rng.choice(run.documents, choose(full=300, quick=60), replace=False)
h = np.asarray(bundle.states, dtype=np.float32)
h /= np.linalg.norm(h, axis=1, keepdims=True)
near = np.argsort(-(h[chosen] @ h.T), axis=1)[:, 1:11]
xy = bundle.map[["x", "y"]].to_numpy()
near_map = np.stack([np.argsort(((xy - xy[i]) ** 2).sum(1))[1:11] for i in chosen])
kept = np.mean([len(set(a) & set(b)) / 10 for a, b in zip(near, near_map, strict=True)])
print(f"of the 10 nearest by h, {kept:.0%} are among the 10 nearest on the map")

# %%
c1 = bundle.ids.codes[:, 0]
same = np.mean(c1[near] == c1[chosen][:, None])
chance = float(np.sum((np.bincount(c1) / len(c1)) ** 2))
print(f"nearest neighbours with the same first code: {same:.0%}; two random documents: {chance:.1%}")
checks.true(same > 5 * chance, "the first code follows the neighbourhoods of h")

# %% [markdown]
# ## 6. The explorer
#
# All of it, without code, in a web browser: on a shell say
#
# ```sh
# lmindexer explore            # the bundled runs and those in ./runs
# lmindexer explore runs/mine  # a run of your own
# ```
#
# Its pages are described in [docs/explorer.md](../docs/explorer.md).
#
# ## Exercises
#
# **★ (5 minutes) How many documents lie under the largest prefix of two codes?**

# %%
largest = ...
checks.largest_prefix(largest, bundle.ids)

# %% [markdown]
# **★★ (5 minutes) Purity by hand.** Write a function of a list of categories that gives the share of the most frequent
# one.


# %%
def purity(categories):
    return ...


checks.purity(purity)

# %% [markdown]
# **★★★ (30 minutes) A better name.** Key words ignore how many *documents* hold a word. Weigh a word by the share of
# documents under the prefix that hold it, times the logarithm above (with $n_w$ and $A$ as there). For which first
# codes does the best word change? Put the best word of every first code in a dictionary from code to word.
# (`lmi.quality.keywords.PrefixKeywords.from_corpus(corpus)` has counted the words: `words` and `counts` `[N, V]`.)
#
# <details><summary>Hint</summary>
#
# `counts > 0` says which document holds which word. `bundle.ids.select([code])` are the rows of a prefix, so the mean
# over them is the share. $n_w$ is the sum of a column of `counts`, and $A$ the sum of all $n_w$ over the number of
# first codes.
#
# </details>

# %%
best_words = ...
checks.better_names(best_words, bundle.ids, bundle.corpus)

# %% [markdown]
# ## Summary
#
# - The slides' figures are counts of (category, next code) under a prefix; the package counts what you count.
# - Key words name codes by one formula, and make a path readable.
# - Purity only grows as prefixes get longer; a map's distances are not the model's.
#
# **Read next:** [09, asking people](09_asking_people.ipynb): do they see what the figures show? **Read in the code:**
# [browse/prefixes.py](../lmindexer/browse/prefixes.py) and [keywords.py](../lmindexer/quality/keywords.py). **Break:**
# draw figure (a) for `lmi.SemanticIDs` with shuffled codes, and see what no structure looks like.
