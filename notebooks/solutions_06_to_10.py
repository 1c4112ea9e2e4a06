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
# # Solutions, 06 to 10
#
# **The question.** How can the exercises of the notebooks 06 to 10 be solved? Try first: an answer that you found stays
# longer than one that you read.
#
# **Time.** Half a minute of computing on a 2-core CPU. **You will see** one solution of each, checked.

# %%
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np

import lmindexer as lmi
from lmindexer.browse import RunBrowser
from lmindexer.common.progress import Progress
from lmindexer.course import begin, checks, choose
from lmindexer.human_eval import Study
from lmindexer.human_eval.results.simulate import answer_study
from lmindexer.quality.keywords import PrefixKeywords

# %%
device = begin(seed=0)
runs = lmi.datasets.samples_folder() / "runs"
wordnet, attack = lmi.Bundle.open(runs / "wordnet"), lmi.Bundle.open(runs / "attack")
nouns = lmi.load_sample("wordnet")

# %% [markdown]
# ## 06 · A real corpus
#
# **★ The longest kind of stage**, from the manifest:

# %%
timings = {name: wordnet.manifest["timings"][name] for name in wordnet.history["stage"].unique()}
longest = max(timings, key=timings.get)
print(longest, {name: round(seconds) for name, seconds in timings.items()})
checks.longest_stage(longest, wordnet.history, wordnet.manifest["timings"])

# %% [markdown]
# **★★ Epochs in all.** One warm-up, then for each position the continuous epochs, k-means, and the discrete epochs:


# %%
def my_epochs(positions, warmup, continuous, discrete):
    return warmup + positions * (continuous + 1 + discrete)


s = wordnet.manifest["settings"]
epochs = my_epochs(*(s[name] for name in ("positions", "warmup_epochs", "continuous_epochs", "discrete_epochs")))
checks.epochs_in_all(my_epochs)
checks.equal(epochs, len(wordnet.history), "epochs of the bundled run")

# %% [markdown]
# **★★★ A fit that stops when it is good enough.** `record` is called after every epoch with all rows so far:


# %%
class GoodEnough(Progress):
    bound = 2.0

    def record(self, history):
        super().record(history)
        last = history[-1]
        if last["stage"] == "discrete" and last["position"] == 1 and last["perplexity"] > self.bound:
            raise StopIteration


checks.good_enough(GoodEnough)

# %% [markdown]
# ## 07 · Are the IDs good?
#
# **★ Exchanged names.** Who is together with whom is the same, so the agreement is whole:

# %%
checks.renamed_ami(1.0)

# %% [markdown]
# **★★ Purity 1.** As many codes as documents: every group has one member, and one member is pure. With fewer, two
# documents share a code, and they may be of two categories.

# %%
checks.pure_codes(lambda N: N)

# %% [markdown]
# **★★★ The error over documents.** Leave out one after the other. (Shown on the codes of the bundled run.)


# %%
def my_error(labels, codes):
    n = len(labels)
    left = [lmi.category_agreement(np.delete(labels, i), np.delete(codes, i)).ami for i in range(n)]
    return np.std(left) * (n - 1) ** 0.5


checks.error_over_documents(my_error)
part = slice(choose(full=400, quick=60))
print(f"on {part.stop} documents: {my_error(wordnet.corpus.labels(1)[part], wordnet.ids.codes[part, 0]):.3f}")

# %% [markdown]
# ## 08 · Exploring a hierarchy
#
# **★ The largest prefix of two codes:**

# %%
run = RunBrowser.from_bundle(wordnet)
by_hand = Counter(map(tuple, wordnet.ids.codes[:, :2].tolist())).most_common(1)
print(by_hand)
checks.largest_prefix(by_hand[0][1], wordnet.ids)


# %% [markdown]
# **★★ Purity by hand:**


# %%
def purity(categories):
    return Counter(categories).most_common(1)[0][1] / len(categories)


checks.purity(purity)

# %% [markdown]
# **★★★ Names by share of documents.** Count in how many documents of a prefix each word stands:

# %%
counted = PrefixKeywords.from_corpus(wordnet.corpus)
holds = counted.counts > 0
everywhere = np.asarray(counted.counts.sum(0)).ravel()
mean = everywhere.sum() / run.distinct_prefixes[0]
first = {key[0]: found[0][0] for key, found in counted.of(wordnet.ids, 1, 1).items()}
best_words = {}
for code in first:
    share = np.asarray(holds[wordnet.ids.select([code])].mean(0)).ravel()
    best_words[code] = str(counted.words[np.argmax(share * np.log1p(mean / everywhere))])

# %%
changed = {code: (first[code], word) for code, word in best_words.items() if word != first[code]}
print(f"{len(changed)} of {len(first)} names change: {changed}")
checks.better_names(best_words, wordnet.ids, wordnet.corpus)

# %% [markdown]
# ## 09 · Asking people
#
# **★ Judgments** to tell two shares apart:


# %%
def my_judgments(one, two):
    centre = (one + two) / 2
    spread = 1.959964 * (2 * centre * (1 - centre)) ** 0.5
    spread += 0.841621 * (one * (1 - one) + two * (1 - two)) ** 0.5
    return int(np.ceil((spread / (two - one)) ** 2))


checks.judgments(my_judgments)
print("50 % against 75 %:", my_judgments(0.5, 0.75), "judgments of each method")


# %% [markdown]
# **★★ Cohen's κ:**


# %%
def my_kappa(one, two):
    n = len(one)
    observed = sum(a == b for a, b in zip(one, two, strict=True)) / n
    first, second = Counter(one), Counter(two)
    chance = sum(first[answer] * second[answer] for answer in first) / n**2
    return (observed - chance) / (1 - chance)


checks.cohen_kappa(my_kappa)

# %% [markdown]
# **★★★ Without the careless one.** A simulated study, three annotators of whom the third hardly looks. (Programs, not
# people.)

# %%
corpus = attack.corpus
chance = lmi.RandomIndexer(positions=3, codebook_size=[16, 8, 8], seed=0).fit(corpus, progress=False).ids_
plan = {"questions": ("intruder",), "per_method": choose(full=40, quick=12), "length": 1, "annotators": 3, "overlap": 3}
path = Path(tempfile.mkdtemp()) / "simulated.sqlite"
study = Study.create({"LMIndexer": attack.ids, "RandomIndexer": chance}, corpus, path=path, simulated=True, **plan)
words = dict(zip(corpus.doc_ids.tolist(), (set(text.lower().split()) for text in corpus.documents()), strict=True))


def alike(names):
    sets = [words[name] for name in names]
    return np.array([[len(a & b) / len(a | b) for b in sets] for a in sets])


# %%
answer_study(study, alike, noise=(0.02, 0.04, 0.3), seed=1)
study.unblind("the coordinator", "for the solutions")
answers = study.answers()
counting = answers[~answers["gold"] & ~answers["repeat"] & ~answers["skipped"]]
said = counting.pivot(index="question_id", columns="annotator", values="answer").dropna()
alike_share = {name: np.mean([(said[name] == said[other]).mean() for other in said if other != name]) for name in said}
careless = min(alike_share, key=alike_share.get)
print({name: round(float(value), 2) for name, value in alike_share.items()}, "→ left out:", careless)

# %%
kept = counting[counting["annotator"] != careless]
kept = kept[kept["type"] == "intruder"]
without_careless = kept.assign(right=kept["correct"].astype(float)).groupby("method")["right"].mean().to_dict()
print({name: round(value, 3) for name, value in without_careless.items()})
checks.without_careless(without_careless, answers)

# %% [markdown]
# ## 10 · Your own corpus
#
# **★ The least codebook.** Begin below the root and count up, in whole numbers:


# %%
def my_size(documents, positions):
    size = max(1, int(documents ** (1 / positions)) - 1)
    while size**positions < documents:
        size += 1
    return size


checks.least_codebook(my_size)
print("a million documents, T = 3: K =", my_size(1_000_000, 3))


# %% [markdown]
# **★★ The next suffix** counts the documents that had the same codes before:


# %%
def next_suffix(old, new):
    return old.count(new)


checks.next_suffix(next_suffix)

# %% [markdown]
# **★★★ Learn on a part.** (`tiny` would put all of so few nouns under one code: an AMI of 0 for both halves, and a gap
# of 0 that means nothing. So the real model, and a look at the codes in use.)


# %%
def my_gap(indexer, seen, unseen):
    pairs = ((seen, indexer.ids_), (unseen, indexer.encode(unseen)))
    one, two = (lmi.category_agreement(corpus.labels(1), ids.codes[:, 0]).ami for corpus, ids in pairs)
    return one - two


checks.gap_to_unseen(my_gap)

# %%
half = choose(full=250, quick=60)
seen, unseen = nouns.take(np.arange(half)), nouns.take(np.arange(half, 2 * half))
fitted = lmi.LMIndexer(positions=1, codebook_size=8).fit(seen, progress=False)
used = lmi.diagnostics.used_codes(fitted.ids_.codes[:, 0])
print(f"{used} of 8 codes in use; the unseen half loses {my_gap(fitted, seen, unseen):+.3f} (noisy)")
checks.true(used > 4, "the codes are in use, so that a gap can mean something")

# %% [markdown]
# ## Summary
#
# Every solution above was checked by the same helper that checks yours. Yours may look different and be as good.
