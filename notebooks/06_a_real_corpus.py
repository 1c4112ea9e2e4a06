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
# # 06 · A real corpus, stage by stage
#
# **The question.** What happens, stage by stage, when eleven thousand documents get their IDs, and what is left when
# the power fails half-way?
#
# **Time.** About a minute of computing on a 2-core CPU, twenty minutes of reading.
#
# **You will see**
#
# 1. the plan of the stages, by hand and from the package;
# 2. the bundled run of the WordNet nouns, from its first stage to its last number;
# 3. a slice of the same corpus, trained by you, stopped half-way and taken up again.

# %%
from lmindexer.course import begin, checks, choose

device = begin(seed=0)

# %%
import tempfile
from pathlib import Path

import numpy as np

import lmindexer as lmi
from lmindexer.common.progress import Progress
from lmindexer.settings.settings import make_settings
from lmindexer.training.training import plan

# %% [markdown]
# ## 1. The plan, by hand first
#
# The slides train one position after the other. Before the first there is one stage that trains the reconstructor
# alone. Each position then has three: learn with the continuous state $h^t$ in the code's place, make a codebook, learn
# with straight-through codes. For $T$ positions that makes $1 + 3T$ stages. (That the codebook comes from k-means on
# $h^t$ is from the authors' released code; the slides do not say. The released code learns two positions and a
# counter.)
#
# $$\text{warm-up} \;\to\; \big(\text{continuous}_t \to \text{k-means}_t \to \text{discrete}_t\big)_{t=1\dots T}$$

# %%
T = 3
by_hand = ["reconstructor_warmup 0"]
for t in range(1, T + 1):
    by_hand += [f"continuous {t}", f"codebook_init {t}", f"discrete {t}"]

settings = make_settings("minilm", positions=T)
package = [f"{stage.name} {stage.position}" for stage in plan(settings)]
print(*by_hand, sep="\n")

# %%
checks.true(by_hand == package, "the plan by hand is the package's")
checks.equal(len(package), 1 + 3 * T, "number of stages")

# %% [markdown]
# ## 2. The documents
#
# WordNet gives each noun a definition and a place in a tree of meanings. The method reads title and definition. The
# tree is kept apart: it is used to judge the IDs, never to learn them.

# %%
corpus = lmi.load_sample("wordnet")
print(corpus)
corpus.to_frame().head(4)

# %%
words = [len(text.split()) for text in corpus.documents()]
print(f"{len(corpus):,} documents of {np.mean(words):.1f} words on average, the longest has {max(words)}")
print("what the model reads:", corpus.documents()[0])
print("what it never sees:  ", corpus.labels()[0])

# %%
checks.true("category" not in corpus.documents()[0], "the documents hold no category path")

# %% [markdown]
# ## 3. A finished run is a folder
#
# Training all of it takes some minutes, so one finished run comes with the package. A *run bundle* is a folder of
# plain files: you can read it with pandas alone, and nothing in it is pickled.

# %%
bundle = lmi.Bundle.open(lmi.datasets.samples_folder() / "runs" / "wordnet")
for name, entry in bundle.manifest["files"].items():
    print(f"{entry['bytes'] / 1e6:8.2f} MB  {name}")

# %%
kept = bundle.manifest["settings"]
print({name: kept[name] for name in ("preset", "positions", "codebook_size", "batch_size", "learning_rate", "seed")})
timings = {stage: round(seconds, 1) for stage, seconds in bundle.manifest["timings"].items()}
print("seconds:", timings)

# %%
checks.equal(len(bundle.ids), len(corpus), "an ID for every document")
checks.true(bundle.corpus.fingerprint == corpus.fingerprint, "the run was trained on this very corpus")

# %% [markdown]
# ## 4. Stage by stage
#
# The history has one row an epoch. Numbers are measured on the **whole** corpus after the epoch, never on a batch:
# a batch of 64 documents cannot show whether 32 codes are all in use.

# %%
history = bundle.history
columns = ["stage", "position", "epoch", "loss", "perplexity", "diff_ratio", "macro_f1", "id_consistency"]
history[columns].round(3)

# %%
lmi.plots.training_curves(history, "perplexity", bundle.ids.codebook_sizes, len(corpus))

# %% [markdown]
# The star is the codebook just after k-means, the solid line the discrete stage. Shaded: the warm-up stages, in which
# there are no codes yet and so no perplexity. The green band is the healthy range: from a tenth of the reachable
# perplexity up to all of it; below the dotted line the package would have warned. The claim to check is that no
# position collapsed:

# %%
discrete = history[history["stage"] == "discrete"].groupby("position")["perplexity"].last()
for position, value in discrete.items():
    print(f"position {position}: perplexity {value:.1f} of {bundle.ids.codebook_sizes[position - 1]}")
checks.true((discrete > 0.1 * np.array(bundle.ids.codebook_sizes)).all(), "no position has collapsed")

# %% [markdown]
# Two perplexities are easily mixed up: the one a position had at the end of *its own* training, and the one of the IDs
# in the end. Between them lie the later positions, which move the encoder; the IDs are what the *finished* model
# chooses, one position after the other.

# %%
final = lmi.IDQuality.from_dict(bundle.metrics).perplexity
for position, value in discrete.items():
    print(f"c{position}: {value:.1f} at the end of its own training, {final[position - 1]:.1f} in the final IDs")

# %% [markdown]
# What do the codes buy? *Macro-F1* says how well hidden words are rebuilt. Each position is asked for other words, so
# it may be compared within a position, not from one to the next.

# %%
print(history[history["stage"] == "discrete"].pivot(index="epoch", columns="position", values="macro_f1").round(3))
lmi.plots.training_curves(history, "macro_f1")

# %% [markdown]
# **Predict first.** Training position 2 moves the encoder, and with it the codes of position 1 that are written down
# already. The commitment loss holds them. How many of 100 documents keep their code? `id_consistency` is the share of
# documents that still get their written codes:

# %%
later = history[history["id_consistency"].notna()]
print(later[["stage", "position", "epoch", "id_consistency"]].round(3).to_string(index=False))
print(f"lowest: {later['id_consistency'].min():.1%}")
checks.true(later["id_consistency"].between(0, 1).all(), "a consistency is a share")

# %% [markdown]
# > **What was minimised.** Not the slides' three losses alone. The columns below are all the terms of the last epochs:
# > agreement, balance and anchor are this package's (notebook 00, section 2, says what each wants).

# %%
terms = ["reconstruction", "contrastive", "commitment", "agreement", "balance", "anchor"]
print(history[history["stage"] == "discrete"].groupby("position")[terms].last().round(3))

# %% [markdown]
# ## 5. What came out

# %%
print(lmi.text_report(bundle.ids, bundle.corpus, lmi.IDQuality.from_dict(bundle.metrics)))

# %% [markdown]
# The stored metrics are not taken on trust. Measure them again:

# %%
quality = lmi.evaluate_ids(bundle.ids, corpus)
stored = lmi.IDQuality.from_dict(bundle.metrics)
checks.equal(quality.perplexity, stored.perplexity, "perplexity, measured again")
checks.equal(list(quality.agreement["ami"]), list(stored.agreement["ami"]), "AMI, measured again")

# %% [markdown]
# And the model in the folder gives the documents the IDs that stand beside it:

# %%
indexer = lmi.LMIndexer.load(bundle.path)
some = corpus.take(np.arange(choose(full=100, quick=40)))
codes = indexer._assign(*indexer._texts(some))[0]
checks.equal(codes, bundle.ids.codes[: len(some)].copy(), "codes of the loaded model")

# %% [markdown]
# ## 6. Train a slice for real
#
# The same code on fewer documents, two positions, small codebooks. A `Progress` of your own hears of every epoch. This
# one pulls the plug in the middle. Running **the same line again** goes on from the last checkpoint:

# %%
part = corpus.take(np.arange(choose(full=240, quick=160)))
recipe = {"preset": choose(full="minilm", quick="tiny"), "positions": 2, "codebook_size": choose(full=12, quick=6)}
recipe |= {"decoder_layers": 1, "discrete_epochs": 2}
run = Path(tempfile.mkdtemp()) / "slice"


class PowerCut(Progress):
    def record(self, history):
        super().record(history)
        if len(history) == 5:
            raise KeyboardInterrupt("the lights go out")


# %%
try:
    lmi.LMIndexer(**recipe).fit(part, run, progress=PowerCut(show=False))
except KeyboardInterrupt as reason:
    print(f"stopped: {reason}; kept:", [path.name for path in (run / "checkpoints").iterdir()])
resumed = lmi.LMIndexer(**recipe).fit(part, run, progress=False)
print(lmi.Bundle.open(run))
checks.equal(len(resumed.history_), len(plan(make_settings(**recipe))) + 4, "rows of history, none lost, none twice",
             hint="A warm-up of 1, and 2 + 1 + 2 epochs at each of two positions.")  # fmt: skip

# %% [markdown]
# The epoch that was cut off is repeated. Every epoch begins from a seed of its own, so the IDs are those of a run that
# nobody disturbed; the package's tests compare the two.

# %%
slice_quality = lmi.evaluate_ids(resumed.ids_, part)
print(
    f"AMI of c1 with level 1: slice {slice_quality.ami(1, 1):.3f} ({len(part):,} documents), "
    f"whole corpus {quality.ami(1, 1):.3f} ({len(corpus):,} documents)"
)

# %% [markdown]
# ## Exercises
#
# **★ (2 minutes) Which kind of stage took longest in the bundled run?** Fill in its name.

# %%
longest = ...  # "reconstructor_warmup", "continuous", "codebook_init" or "discrete"
checks.longest_stage(longest, history, bundle.manifest["timings"])

# %% [markdown]
# **★★ (5 minutes) How many epochs has a fit in all, each k-means counted as one?** Write a function of the settings
# `positions`, `warmup_epochs`, `continuous_epochs` and `discrete_epochs`, in this order. The bundled run's history is
# one example.


# %%
def my_epochs(positions, warmup, continuous, discrete):
    return ...


checks.epochs_in_all(my_epochs)

# %% [markdown]
# **★★★ (15 minutes) A fit that stops when it is good enough.** Write a `Progress` whose `record` raises `StopIteration`
# as soon as the perplexity of position 1 in a discrete stage is above its `bound`, and never elsewhere. (A row of the
# warm-up has no perplexity.) The check calls `record` with histories of its own; then try it: `fit(part,
# progress=GoodEnough())`.
#
# <details><summary>Hint</summary>
#
# A row is a dictionary with `stage`, `position` and, in most stages, `perplexity`. Ask for the stage and the position
# before you look at the perplexity.
#
# </details>


# %%
class GoodEnough(Progress):
    bound = 2.0

    def record(self, history):
        super().record(history)
        ...  # your lines: look at history[-1]


checks.good_enough(GoodEnough)

# %% [markdown]
# ## Summary
#
# - One warm-up, then three stages a position. Each leaves a number on the whole corpus by which a collapse is seen.
# - A run is a folder of plain files; its model gives back the IDs that stand in it.
# - The same line goes on after a stop.
#
# **Read next:** [07, are the IDs good?](07_are_the_ids_good.ipynb) **Read in the code:**
# [training.py](../lmindexer/training/training.py) from `run` to `_run_epoch`. **Break:** set
# `codebook_init="random"` in `recipe` and look at the perplexity of the first discrete epoch.
