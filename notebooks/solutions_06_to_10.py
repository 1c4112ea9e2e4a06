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
checks.true(longest in timings, "★ one of the stages")

# %% [markdown]
# **★★ Epochs in all.** One warm-up, then for each position the continuous epochs, k-means, and the discrete epochs:

# %%
s = wordnet.manifest["settings"]
epochs = s["warmup_epochs"] + s["positions"] * (s["continuous_epochs"] + 1 + s["discrete_epochs"])
checks.number(epochs, len(wordnet.history))

# %% [markdown]
# **★★★ A fit that stops when it is good enough.** `record` is called after every epoch with all rows so far:


# %%
class GoodEnough(Progress):
    bound = 2.0
    heard = 0

    def record(self, history):
        super().record(history)
        self.heard, last = len(history), history[-1]
        if last["stage"] == "discrete" and last["position"] == 1 and last["perplexity"] > self.bound:
            raise StopIteration


watch = GoodEnough(show=False)

# %%
try:
    lmi.LMIndexer("tiny", codebook_size=6, discrete_epochs=2).fit(nouns.take(np.arange(60)), progress=watch)
except StopIteration:
    print(f"stopped after {watch.heard} epochs")
checks.true(0 < watch.heard <= 13, "★★★ epochs were heard")

# %% [markdown]
# ## 07 · Are the IDs good?
#
# **★ Exchanged names.** Who is together with whom is the same, so the agreement is whole:

# %%
checks.number(1.0, lmi.category_agreement(["a", "a", "b"], [1, 1, 0]).ami)

# %% [markdown]
# **★★ Purity 1.** As many codes as documents: every group has one member, and one member is pure.


# %%
def codes_for_purity_1(N):
    return N


labels = np.random.default_rng(0).integers(12, size=600).astype(str)
pure = lmi.category_agreement(labels, np.arange(600) % codes_for_purity_1(600)).purity
checks.equal(pure, 1.0, "★★ purity")

# %% [markdown]
# **★★★ Spread over documents.** The same codes, other documents. (Here with the codes of the bundled run.)

# %%
level1, codes = wordnet.corpus.labels(1)[:500], wordnet.ids.codes[:500, 0]
rng = np.random.default_rng(0)
drawn = [rng.integers(500, size=500) for _ in range(choose(full=100, quick=30))]
sd = np.std([lmi.category_agreement(level1[rows], codes[rows]).ami for rows in drawn])
print(f"standard deviation over documents: {sd:.3f}")
checks.true(0 < sd < 0.2, "★★★ a standard deviation of AMI values")

# %% [markdown]
# ## 08 · Exploring a hierarchy
#
# **★ The largest prefix of two codes:**

# %%
run = RunBrowser.from_bundle(wordnet)
by_hand = Counter(map(tuple, wordnet.ids.codes[:, :2].tolist())).most_common(1)
sizes = run.frame("SELECT count(*) AS n FROM docs GROUP BY c1, c2 ORDER BY n DESC")
print(by_hand)
checks.number(by_hand[0][1], int(sizes["n"].iloc[0]))


# %% [markdown]
# **★★ Purity by hand:**


# %%
def purity(categories):
    return Counter(categories).most_common(1)[0][1] / len(categories)


checks.equal([purity(["a", "a", "b"]), purity(["a"])], [2 / 3, 1.0], "★★ purity")

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
checks.true(set(best_words) == set(first), "★★★ a word for every first code")

# %% [markdown]
# ## 09 · Asking people
#
# **★ Judgments to find 50 % against 75 %:**

# %%
one, two = 0.5, 0.75
centre = (one + two) / 2
spread = 1.959964 * (2 * centre * (1 - centre)) ** 0.5 + 0.841621 * (one * (1 - one) + two * (1 - two)) ** 0.5
checks.number(int(np.ceil((spread / (two - one)) ** 2)), lmi.human_eval.judgments_needed(0.25, base=0.5), tolerance=0)


# %% [markdown]
# **★★ Cohen's κ:**


# %%
def my_kappa(one, two):
    n = len(one)
    observed = sum(a == b for a, b in zip(one, two, strict=True)) / n
    first, second = Counter(one), Counter(two)
    chance = sum(first[answer] * second[answer] for answer in first) / n**2
    return (observed - chance) / (1 - chance)


x, y = list("aabbcc"), list("aabccb")
checks.equal(my_kappa(x, y), lmi.human_eval.cohen_kappa(x, y), "★★ κ of two lists")

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
without_careless = kept.assign(right=kept["correct"].astype(float)).groupby("method")["right"].mean().to_dict()
print({name: round(value, 3) for name, value in without_careless.items()})
checks.true(set(without_careless) == {"LMIndexer", "RandomIndexer"}, "★★★ a share for both methods")

# %% [markdown]
# ## 10 · Your own corpus
#
# **★ A million IDs from three codes:**

# %%
checks.number(round(1_000_000 ** (1 / 3)), 100, tolerance=0)


# %% [markdown]
# **★★ The next suffix** counts the documents that had the same codes before:


# %%
def next_suffix(old, new):
    return old.count(new)


cases = [([(1, 2), (0, 2), (1, 2)], (1, 2)), ([(0, 0)], (1, 1)), ([], (3,))]
checks.equal([next_suffix(*case) for case in cases], [2, 0, 0], "★★ suffixes")

# %% [markdown]
# **★★★ Learn on a part:**

# %%
half = choose(full=150, quick=60)
seen, unseen = nouns.take(np.arange(half)), nouns.take(np.arange(half, 2 * half))
fitted = lmi.LMIndexer("tiny", codebook_size=6).fit(seen, progress=False)
scores = [lmi.evaluate_ids(fitted.encode(part), part).ami(1, 1) for part in (seen, unseen)]
gap = scores[0] - scores[1]
print(f"seen {scores[0]:.3f}, unseen {scores[1]:.3f}, gap {gap:+.3f}")
checks.true(-0.5 < gap < 0.5, "★★★ a gap of two AMI values")

# %% [markdown]
# ## Summary
#
# Every solution above was checked by the same helper that checks yours. Yours may look different and be as good.
