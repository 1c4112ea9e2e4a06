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
# # 09 · Asking people
#
# **The question.** Measures agree with categories that somebody drew once. Do *people* see that documents with one
# prefix belong together? How are they asked so that the answer can be trusted?
#
# **Time.** About one minute of computing on a 2-core CPU, half an hour of reading and labelling.
#
# **You will see**
#
# 1. how many judgments a question needs, before anybody is asked;
# 2. a blinded study made from two methods' IDs, and the labelling screen, where you answer;
# 3. agreement: why 80 % may be worth nothing, Cohen's κ by hand;
# 4. results with intervals, and what the slides' human evaluation can and cannot tell.
#
# Apart from your own clicks, every answer in this notebook comes from **simulated annotators**: programs that look at
# word overlap and make mistakes. They show how the tools work. They say nothing about what people think.

# %%
import tempfile
from pathlib import Path

import numpy as np

import lmindexer as lmi
from lmindexer.common.errors import StudyError
from lmindexer.course import begin, checks, choose
from lmindexer.human_eval import Study
from lmindexer.human_eval.results.simulate import answer_study, simulated_answers

folder = Path(tempfile.mkdtemp())

# %%
device = begin(seed=0)

# %% [markdown]
# ## 1. Before asking: how many?
#
# Suppose one method's groups are understood in 60 % of the questions and another's in 70 %. With 20 questions each you
# would often see the order reversed. **Predict first:** in how many of 100 studies? Count, by throwing coins:

# %%
rng = np.random.default_rng(0)
for judgments in (20, 80, 350):
    worse = rng.binomial(judgments, 0.6, 20_000)
    better = rng.binomial(judgments, 0.7, 20_000)
    print(f"{judgments:4d} judgments each: the better method is not ahead in {np.mean(better <= worse):.0%} of studies")

# %% [markdown]
# The usual rule asks for a study that finds the difference with a probability of 80 % (its *power*) when it tests at
# 5 %. For shares $p_1, p_2$ with mean $\bar p$ and normal quantiles $z$:
#
# $$n = \frac{\big(z_{0.975}\sqrt{2\bar p(1-\bar p)} + z_{0.8}\sqrt{p_1(1-p_1) + p_2(1-p_2)}\big)^2}{(p_1 - p_2)^2}$$

# %%
one, two, z_test, z_power = 0.6, 0.7, 1.959964, 0.841621
mean = (one + two) / 2
spread = z_test * (2 * mean * (1 - mean)) ** 0.5 + z_power * (one * (1 - one) + two * (1 - two)) ** 0.5
by_hand = int(np.ceil(spread**2 / (one - two) ** 2))
print(f"judgments of each method to find 60 % against 70 %: {by_hand}")
checks.equal(by_hand, lmi.human_eval.judgments_needed(0.1, base=0.6), "the number needed")

# %%
for difference in (0.3, 0.2, 0.1, 0.05):
    n = lmi.human_eval.judgments_needed(difference, base=0.6)
    print(f"to find a difference of {difference:.2f}: {n:5,} judgments of each method")

# %% [markdown]
# ## 2. A blinded study
#
# Two methods over the same documents: the finished run of the ATT&CK corpus, and random IDs of the same sizes, which
# ought to lose. The *intruder* question shows some documents of one prefix and one from elsewhere: which does not
# belong? The *pair* question shows a document and two candidates: which one is under its prefix?

# %%
bundle = lmi.Bundle.open(lmi.datasets.samples_folder() / "runs" / "attack")
corpus = bundle.corpus
chance = lmi.RandomIndexer(positions=3, codebook_size=[16, 8, 8], seed=0).fit(corpus, progress=False).ids_
plan = {"questions": ("intruder", "pair"), "per_method": choose(full=40, quick=12), "length": 1, "seed": 0}
methods = {"LMIndexer": bundle.ids, "RandomIndexer": chance}
mine = Study.create(methods, corpus, path=folder / "mine.sqlite", annotators=1, overlap=1, **plan)
print(mine.plan)

# %% [markdown]
# Nobody who answers may know which method a group comes from. All that an annotator ever gets is a `View`. Look for the
# method, the ID, or the right answer in it:

# %%
visitor = mine.sign_in("a visitor")
view = visitor.next()
print(view.prompt)
for group in view.groups:
    for item in group.items:
        print(f"  {item.choice or '·'}  {item.title}: {item.text[:70]}")

# %%
seen = str(view.to_dict())
checks.true("LMIndexer" not in seen and "RandomIndexer" not in seen, "no method in what is shown")
checks.true(not any(name in seen for name in corpus.doc_ids), "no document id in what is shown")
try:
    mine.answers()
except StudyError as error:
    print("asked for answers too early:", error)

# %% [markdown]
# Now you. Answer with the buttons, or by keys with the cursor in the box "Keys". Each answer is on disk before the next
# question shows. (A page without a kernel shows only how many are answered: questions stay out of a saved notebook, so
# that nobody reads them before being asked.)

# %%
lmi.widgets.Labeller(mine, "a visitor")

# %% [markdown]
# A click, seen from code: `answer` gives a receipt. The same click twice counts once, and the last answer can be taken
# back.

# %%
first = visitor.answer(view.choices[0].key, seconds=6.0, token=view.token)
again = visitor.answer(view.choices[1].key, seconds=0.2, token=view.token)
print("first:", first.shown, "· again:", again.shown, "· duplicate:", again.duplicate)
checks.true(again.duplicate, "a double click counts once")
visitor.undo()
checks.equal(visitor.progress().done, 0, "an answer can be taken back")

# %% [markdown]
# ## 3. Three simulated annotators
#
# The file for them is another one, made with `simulated=True`, so that programs and people are never mixed. A simulated
# annotator reads the screen, sees how many words documents share, and answers by that, with noise of its own.

# %%
plan |= {"annotators": 3, "overlap": 3, "simulated": True}
study = Study.create(methods, corpus, path=folder / "simulated.sqlite", **plan)
words = dict(zip(corpus.doc_ids.tolist(), (set(text.lower().split()) for text in corpus.documents()), strict=True))


def alike(names):
    sets = [words[name] for name in names]
    return np.array([[len(a & b) / len(a | b) for b in sets] for a in sets])


answer_study(study, alike, noise=(0.02, 0.04, 0.3), seed=1)
study.annotators()[["annotator", "simulated", "answered", "skipped"]]

# %%
answers = study.answers()
counting = answers[~answers["skipped"] & ~answers["gold"] & ~answers["repeat"]]
print(f"simulated: {study.simulated}; {len(answers)} answers, {len(counting)} count; ended: {study.ended}")
checks.true(study.simulated and answers["simulated"].all(), "every answer here is marked as simulated")

# %% [markdown]
# ## 4. Do they agree?
#
# Agreement comes before results: if annotators do not agree with each other, there is no answer to measure a method by.
# The share of equal answers looks good too easily. Two annotators who both say *yes* nine times out of ten, without
# looking, agree often:

# %%
a = rng.random(5000) < 0.9
b = rng.random(5000) < 0.9
agree = np.mean(a == b)
by_chance = a.mean() * b.mean() + (1 - a.mean()) * (1 - b.mean())
kappa = (agree - by_chance) / (1 - by_chance)
print(f"equal answers {agree:.0%}, by chance {by_chance:.0%}, Cohen's κ {kappa:.2f}")

# %% [markdown]
# **Cohen's κ** takes chance away: $\kappa = (p_o - p_e)/(1 - p_e)$, with $p_o$ the share of equal answers and $p_e$
# what two annotators with these habits share by chance. It is to raters what AMI is to groupings.

# %%
package = lmi.human_eval.cohen_kappa(a.tolist(), b.tolist())
checks.equal(kappa, package, "Cohen's κ by hand")
checks.true(agree > 0.8 and abs(kappa) < 0.1, "much agreement, hardly any beyond chance")

# %% [markdown]
# And in our simulated study, for each type of question, with intervals:

# %%
results = lmi.human_eval.study_results(study, resamples=choose(full=500, quick=50))
for kind, table in results.agreement.items():
    print(kind)
    print(table.round(3).to_string(index=False))

# %% [markdown]
# One of the three was made to be careless. Can it be found without knowing the right answers? Gold questions (easy ones
# with a known answer), hidden repeats, and agreement with the others are there for that. They need not point at the
# same annotator: a remark may fall on a second one, who was only a little less sure.

# %%
table = results.annotators
print("remarks on:", ", ".join(table.loc[table["remark"] != "", "annotator"]) or "nobody")
print("least like the others:", table.loc[table["with_others"].idxmin(), "annotator"])
table[["annotator", "answered", "gold_share", "consistency", "with_others", "remark"]].round(2)

# %% [markdown]
# ## 5. The result
#
# Until now nobody, not even the coordinator, has seen a result by method. To un-blind is a decision: it is kept in the
# file with a name and a reason, and answers given after it do not count.

# %%
checks.true(results.methods is None, "blinded: no result by method")
study.unblind("the coordinator", "all three have finished")
results = lmi.human_eval.study_results(study, resamples=choose(full=500, quick=50))
results.methods[["type", "method", "measure", "value", "low", "high", "answers", "questions"]].round(3)

# %%
for sentence in results.findings:
    print("-", sentence)
print("simulated annotators, not people" if results.simulated else "people")

# %%
own = results.methods[results.methods["type"] == "intruder"].set_index("method")["value"]
print("intruder found:", {name: f"{value:.0%}" for name, value in own.items()})
checks.true(own["LMIndexer"] > own["RandomIndexer"], "structure is easier to see than chance")

# %% [markdown]
# ## 6. The slides' human evaluation
#
# It gives accuracies of 0.7375, 0.5375 and 0.7750. All three are multiples of 1/80; the protocol is not known. Suppose
# 80 judgments a method. What do they allow to say?

# %%
right = {"rq-VAE": 59, "HC": 43, "LMIndexer": 62}
for name, number in right.items():
    low, high = lmi.human_eval.wilson(number, 80)
    print(f"{name:>10}: {number}/80 = {number / 80:.4f}, 95 % interval [{low:.3f}, {high:.3f}]")
checks.equal([number / 80 for number in right.values()], [0.7375, 0.5375, 0.7750], "the slides' numbers as counts")

# %% [markdown]
# **Wilson's interval** by hand: the shares $p$ that are not too far from the one seen, $\hat p$, that is
# $|\hat p - p| \le z\sqrt{p(1-p)/n}$. Solve the square for its two ends, or simply try all $p$:

# %%
p = np.linspace(0, 1, 1_000_001)
inside = p[np.abs(62 / 80 - p) <= 1.959964 * np.sqrt(p * (1 - p) / 80)]
ends = [float(inside.min()), float(inside.max())]
checks.equal(ends, list(map(float, lmi.human_eval.wilson(62, 80))), "Wilson's interval by trying")

# %%
gap = 62 / 80 - 59 / 80
needed = lmi.human_eval.judgments_needed(gap, base=59 / 80)
print(f"LMIndexer is ahead of rq-VAE by {gap:.4f}, which is {62 - 59} judgments of 80.")
print(f"To find so small a difference with a power of 80 % takes {needed:,} judgments of each method.")
checks.true(needed > 80, "80 judgments are too few for that difference")
checks.true(lmi.human_eval.wilson(62, 80)[0] > lmi.human_eval.wilson(43, 80)[1], "LMIndexer and HC do not overlap")

# %% [markdown]
# (The intervals of LMIndexer and HC, above, do not overlap: that difference is another matter.) Simulate studies in
# which LMIndexer and rq-VAE are *equally* good: how often does one of them lead by three judgments or more?

# %%
draws = rng.binomial(80, 60.5 / 80, size=(20_000, 2))
share = np.mean(np.abs(draws[:, 0] - draws[:, 1]) >= 3)
print(f"equally good methods are three or more judgments apart in {share:.0%} of the studies")
checks.true(share > 0.5, "three of 80 is what chance does most of the time")

# %% [markdown]
# ## 7. A study of your own
#
# On the shell, for annotators with a browser each:
#
# ```sh
# lmindexer label create runs/mine runs/other -o study.sqlite
# lmindexer label open study.sqlite
# lmindexer label status study.sqlite
# ```
#
# A larger study can be tried out on simulated answers first: does the analysis find the difference that was put in?

# %%
tried = simulated_answers({"A": 0.8, "B": 0.6}, per_method=120, annotators=4, overlap=2, seed=3)
shares = tried.groupby("method")["correct"].mean()
print(shares.round(3).to_dict(), f"from {len(tried)} simulated answers")
checks.true(shares["A"] > shares["B"], "the better one is ahead")

# %% [markdown]
# ## Exercises
#
# **★ (5 minutes) How many judgments?** Write the formula of section 1 as a function of the two shares (power 80 %, test
# at 5 %), and round up. How many judgments of each method find 50 % against 75 %?


# %%
def my_judgments(one, two):
    return ...


checks.judgments(my_judgments)

# %% [markdown]
# **★★ (10 minutes) κ yourself.** Write Cohen's κ as a function of two lists of answers, of any categories.


# %%
def my_kappa(one, two):
    return ...


checks.cohen_kappa(my_kappa)

# %% [markdown]
# **★★★ (20 minutes) Leave the careless one out.** Compute the share of right intruder answers by method from
# `study.answers()` without the annotator whose answers are least often equal to the others' (over all types of
# questions). Gold questions, repeats and skips do not count. Put it into a dictionary from method to share.
#
# <details><summary>Hint</summary>
#
# `pivot(index="question_id", columns="annotator", values="answer")` puts the answers side by side. Compare each
# annotator with each other one, on the questions that all have answered.
#
# </details>

# %%
without_careless = ...
checks.without_careless(without_careless, study.answers())

# %% [markdown]
# ## Summary
#
# - Plan the number of judgments first; small differences need thousands.
# - Blind the study, keep every answer, un-blind once.
# - Agreement beyond chance comes before results; results come with intervals.
# - Three judgments of eighty decide nothing.
#
# **Read next:** [10, your own corpus](10_your_own_corpus.ipynb). **Read in the code:**
# [answering/study.py](../lmindexer/human_eval/answering/study.py) and
# [planning/view.py](../lmindexer/human_eval/planning/view.py). **Break:** make all three annotators careless
# (`noise=(0.3, 0.3, 0.3)`), and look at section 4 again.
