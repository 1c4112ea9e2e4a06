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
# # 10 · Your own corpus
#
# **The question.** You have a table of documents in a file. How do you get from there to IDs, to the explorer, and to
# IDs for the documents that arrive tomorrow? And what changes when there are a million of them, or several GPUs?
#
# **Time.** About a minute of computing on a 2-core CPU, fifteen minutes of reading.
#
# **You will see**
#
# 1. a CSV file read, with its bad rows named;
# 2. IDs learned in three lines and written to a run and to a CSV;
# 3. new documents encoded, without a single old ID changing;
# 4. where time and memory go, measured at two sizes here and extrapolated with care.

# %%
import csv
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

import lmindexer as lmi
from lmindexer.common.errors import CorpusError
from lmindexer.course import begin, checks, choose

folder = Path(tempfile.mkdtemp())

# %%
device = begin(seed=0)

# %% [markdown]
# ## 1. A file, six rows long
#
# A corpus needs an id and some text for each document. A category path is optional: it is used to judge the IDs.

# %%
rows = [
    ("sku", "title", "body", "path"),
    ("T-1", "Jig saw", "Cuts curves in wood and plastic", "Tools > Saws"),
    ("T-2", "Band saw", "Cuts long boards with an endless blade", "Tools > Saws"),
    ("T-3", "Mallet", "A hammer with a head of rubber", "Tools > Hammers"),
    ("F-1", "Loaf", "Bread of rye flour, baked twice", "Food > Bread"),
    ("F-2", "Pear", "A sweet fruit with a green skin", "Food > Fruit"),
    ("F-3", "Apple", "A red fruit, sweet and sour", "Food > Fruit"),
]
with (folder / "shop.csv").open("w", newline="", encoding="utf-8") as file:
    csv.writer(file).writerows(rows)

# %%
shop = lmi.Corpus.from_csv(folder / "shop.csv", id="sku", text=["title", "body"], category="path")
print(shop)
shop.to_frame()

# %%
checks.equal(len(shop), len(rows) - 1, "one document a row")
checks.true(shop.documents()[0] == "Jig saw. Cuts curves in wood and plastic", "columns are joined, title first")
checks.true(shop.labels(1)[0] == "Tools", "the path is parted at >")

# %% [markdown]
# Real files are worse than this one. A bad row is named with its place and a remedy:

# %%
bad = (folder / "shop.csv").read_text(encoding="utf-8") + "T-1,Saw again,The same number,Tools > Saws\nT-9,,,\n"
(folder / "bad.csv").write_text(bad, encoding="utf-8")
columns = {"id": "sku", "text": ["title", "body"], "category": "path"}
try:
    lmi.Corpus.from_csv(folder / "bad.csv", **columns)
except CorpusError as error:
    print(str(error).replace(f"{folder}/", ""))

# %%
import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns once, with counts
    kept = lmi.Corpus.from_csv(folder / "bad.csv", **columns, on_error="skip")
checks.equal(len(kept), 6, "bad rows are left out when you say so")
kept.skipped

# %% [markdown]
# ## 2. From the file to a run
#
# Six documents are too few to learn from. We write a part of the bundled nouns as the file that you would have, hold
# some of them back as *tomorrow's* documents, and take the three lines of the README.

# %%
nouns = lmi.load_sample("wordnet").take(np.arange(choose(full=400, quick=150)))
frame = nouns.to_frame().assign(path=nouns.labels())[["doc_id", "title", "text", "path"]]
tomorrow = frame.tail(len(frame) // 10)
frame.drop(tomorrow.index).to_csv(folder / "nouns.csv", index=False)
print((folder / "nouns.csv").read_text(encoding="utf-8")[:280])

# %%
corpus = lmi.Corpus.from_csv(folder / "nouns.csv", id="doc_id", text=["title", "text"], category="path")
settings = {"preset": choose(full="minilm", quick="tiny"), "positions": 2, "codebook_size": choose(full=12, quick=6)}
began = time.perf_counter()
indexer = lmi.LMIndexer(**settings).fit(corpus, run=folder / "run", progress=False)
print(f"{len(corpus):,} documents in {time.perf_counter() - began:.0f} s, UMAP map included")

# %% [markdown]
# (These are seconds of the clock, and the machine that made this page was busy with other work; alone it is faster.)
#
# *How many codes?* Two wishes. Each first code should have enough documents to mean something: $N/K$ of 50 or more. And
# few documents should share all their codes: $K^T$ near $N$ or above. At $T = 2$ both hold only when $N$ is 2,500 or
# more, since $K \le N/50$ and $K \ge \sqrt N$; here they do not, and the suffix has much to do. A third position is
# the remedy.

# %%
N, K, T = len(corpus), settings["codebook_size"], settings["positions"]
print(f"documents a first code: N/K = {N / K:.0f};  K^T = {K**T:,} against N = {N:,};  K^3 = {K**3:,}")
quality = lmi.evaluate_ids(indexer.ids_, corpus)
print(f"documents alone under their codes: {quality.collisions.unique_share:.0%}")
print(f"used prefixes: {quality.collisions.distinct_prefixes[-1]:,} of {K**T:,}")

# %% [markdown]
# IDs as a table, for whatever comes after. The suffix makes each ID unique; it carries no meaning.

# %%
table = indexer.ids_.to_frame()
table.to_csv(folder / "ids.csv", index=False)
checks.true(not table.duplicated(["c1", "c2", "suffix"]).any(), "codes and suffix name one document")
table.head()

# %%
for line in lmi.text_report(indexer.ids_, corpus, quality, samples=2).splitlines()[-14:]:
    print(line)

# %% [markdown]
# ## 3. To the explorer
#
# The run is a folder. The widget opens it here, and on a shell `lmindexer explore <folder>` opens the whole explorer.

# %%
lmi.widgets.PrefixBrowser(folder / "run")

# %% [markdown]
# ## 4. Tomorrow's documents
#
# A new document gets its codes from the model. Where others have the same codes, its suffix follows theirs. **No ID
# that was ever given changes.** Another day, another process: we load the run from its folder.

# %%
later = lmi.LMIndexer.load(folder / "run")
new = lmi.Corpus.from_frame(tomorrow, id="doc_id", text=["title", "text"], category="path")
answer = later.encode(new, details=True)
print(f"{len(new)} new documents, {answer.new_collisions} of them share their codes with an earlier one")
answer.ids.to_frame().head()

# %%
everything = later.ids_.append(answer.ids)
checks.true(everything.take(np.arange(len(later.ids_))) == later.ids_, "no old ID has changed")
checks.equal(len(set(everything.unique_strings())), len(nouns), "all IDs are different")

# %% [markdown]
# Do the new ones fit in? The AMI of the first code with the categories, for documents that were seen in training and
# for those that were not. Few documents make the second number shaky, so it comes with an interval, by leaving out one
# document after the other (notebook 07, section 3, says why not by draws with replacement).


# %%
def with_interval(labels, codes):
    n, value = len(labels), lmi.category_agreement(labels, codes).ami
    left = [lmi.category_agreement(np.delete(labels, i), np.delete(codes, i)).ami for i in range(n)]
    error = np.std(left) * (n - 1) ** 0.5
    return value, value - 1.96 * error, value + 1.96 * error


# %%
for name, ids, documents in (("seen", later.ids_, corpus), ("new", answer.ids, new)):
    value, low, high = with_interval(documents.labels(1), ids.codes[:, 0])
    print(f"{name:>5}: AMI {value:.3f}, 95 % interval [{low:.3f}, {high:.3f}]")
    checks.true(low <= value <= high, f"{name}: the interval holds its estimate")

# %% [markdown]
# Forty documents are few: the interval of the new ones is so wide that it held even 0 when this page was made. They may
# fit in less well than the others, as the estimate says; how much less, so few cannot tell.
#
# When the new documents speak of things that the old ones never did, the model has no codes for them. Does the
# *probability* of the chosen code warn of that? **Predict first**, then try it with nonsense:

# %%
p_new, p_old = (
    answer.probabilities[:, 0],
    later.encode(corpus.take(np.arange(len(new))), details=True).probabilities[:, 0],
)
print(f"median probability of c1: new {np.median(p_new):.2f}, seen {np.median(p_old):.2f}")
strange = later.encode(["qwertz uiop asdf", "0000 1111 2222"], details=True)
print("nonsense:", [round(float(p), 2) for p in strange.probabilities[:, 0]])

# %% [markdown]
# The nonsense is chosen less surely than the rest here, not far from the 1/12 of a blind choice, so a low probability
# is a hint. It is no alarm that one can trust: two strings are not a test, and a softmax over $K$ codes has to choose
# one of them and has no way to say *none*. Look at documents, not only at numbers, when a source changes.

# %% [markdown]
# ## 5. Larger corpora
#
# The frozen encoder reads every document once and its states are cached, so a later fit with other settings skips
# that part. What remains grows with the number of documents. Measured here, at two sizes, by the
# clock (compare the two rows with each other, not with your machine):

# %%
measured = []
for documents in choose(full=(100, 200), quick=(60, 120)):
    began = time.perf_counter()
    small = lmi.LMIndexer("tiny", positions=2, codebook_size=6).fit(nouns.take(np.arange(documents)), progress=False)
    steps = small.history_[small.history_["stage"] == "discrete"]
    measured.append((documents, time.perf_counter() - began, steps["seconds"].sum()))
pd.DataFrame(measured, columns=["documents", "seconds in all", "seconds in discrete stages"]).round(1)

# %% [markdown]
# The bundled run tells the same of the real model: its manifest has the seconds of every part.

# %%
big = lmi.Bundle.open(lmi.datasets.samples_folder() / "runs" / "wordnet")
timings = pd.Series(big.manifest["timings"])
documents = big.manifest["corpus"]["documents"]
print(timings.round(1).to_dict())
per_million = timings.drop("map").sum() / documents * 1e6 / 3600
print(f"{timings.sum():.0f} s for {documents:,} documents; at the same rate a million take {per_million:.1f} hours")
print("(seconds of the machine that made the bundled run; yours takes others)")

# %% [markdown]
# Before you wait that long:
#
# - **Memory.** States of the encoder are kept as float16 on disk and mapped, not loaded. `state_dims=64` keeps $h^T$ by
#   its 64 leading axes and makes the run small.
# - **Stop and go on.** `fit(corpus, run=…)` writes a checkpoint after every epoch; the same line goes on.
# - **Learn on a part.** Fit on a fair sample, then `encode` the rest as in section 4: encoding is one pass.
# - **Explore it all the same.** The explorer asks DuckDB for aggregates, never for all documents.
#
# How good is learning on a part? Memory of one state for a million documents, by arithmetic:

# %%
d, kept_dims = indexer.states_.shape[1], 64
for dims in (d, kept_dims):
    print(f"states of {dims} numbers: {1e6 * dims * 2 / 1e9:.2f} GB for a million documents")
checks.equal(indexer.states_.nbytes, len(corpus) * d * 2, "two bytes a number")

# %% [markdown]
# ## 6. GPUs, one or several
#
# `device="auto"` takes a GPU where there is one. With a T5 backbone, which trains its encoder, that is a must. Several
# GPUs can serve several fits at once, which is what seeds and codebook sizes need:
#
# ```sh
# CUDA_VISIBLE_DEVICES=0 lmindexer fit products.csv --run runs/seed0 --set seed=0 &
# CUDA_VISIBLE_DEVICES=1 lmindexer fit products.csv --run runs/seed1 --set seed=1 &
# wait
# ```
#
# Each is a process of its own with a run of its own, so a crash of one leaves the other alone. Or several processes
# share *one* fit, and each takes its rows of every batch:
#
# ```sh
# torchrun --standalone --nproc-per-node 2 -m lmindexer fit products.csv --run runs/products
# ```
#
# [docs/scaling.md](../docs/scaling.md) says what is shared out, what was run and what was not.

# %%
import torch

auto = lmi.LMIndexer().device
print("device here:", auto, "· GPUs:", torch.cuda.device_count())
checks.true(auto.type == ("cuda" if torch.cuda.is_available() else "cpu"), "auto takes a GPU where there is one")

# %% [markdown]
# ## Exercises
#
# **★ (10 minutes) The least codebook.** Which is the least $K$ with room for every document, $K^T \ge N$? A whole
# number, for any number of documents and positions. (Mind the rounding of roots: $125^{1/3}$ is not quite 5 for a
# computer.)


# %%
def my_size(documents, positions):
    return ...


checks.least_codebook(my_size)

# %% [markdown]
# **★★ (2 minutes) Append by hand.** Given the codes of old documents and of one new one, which suffix does the new one
# get?


# %%
def next_suffix(old, new):
    return ...


checks.next_suffix(next_suffix)

# %% [markdown]
# **★★★ (15 minutes) Learn on a part.** Given an indexer that was fitted on `seen`, and documents `unseen` by it: how
# much lower is the AMI of the first code with level 1 on the unseen ones? Write the function; then fit on the first
# half of `corpus` and use it. Look at the codes, too: a model that puts everything under one code loses nothing, and
# has nothing to lose.
#
# <details><summary>Hint</summary>
#
# The indexer keeps the IDs of what it was fitted on in `ids_`, and `encode` gives those of the rest.
# `lmi.category_agreement(corpus.labels(1), codes).ami` is the measure.
#
# </details>


# %%
def my_gap(indexer, seen, unseen):
    return ...


checks.gap_to_unseen(my_gap)

# %% [markdown]
# ## Summary
#
# - One call reads a file and names its bad rows; one fits; the run is a folder and the IDs are a table.
# - New documents never change an old ID.
# - Time grows with the number of documents; learn on a part and encode the rest when it must be quick.
#
# **Read next:** the [README](../README.md) for the same on the shell. **Read in the code:**
# [indexers/base.py](../lmindexer/indexers/base.py), the four verbs. **Break:** give `from_csv` a file with another
# delimiter, and see whether the message helps you.
