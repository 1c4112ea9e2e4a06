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
# # Solutions, 11 to 13
#
# **The question.** How can the exercises of the notebooks 11 to 13 be solved? Try first: an answer that you found stays
# longer than one that you read.
#
# **Time.** Seconds on a 2-core CPU. **You will see** one solution of each, checked on drawn cases.

# %%
import math
from collections import Counter

import torch

from lmindexer.course import begin, recommending, searching

device = begin(seed=0)

# %% [markdown]
# ## 11 · Recommendation
#
# **★ Equation (14).** One term a token: minus the logarithm of the right code's share.


# %%
def loss(logits, path):
    return sum(-scores.log_softmax(0)[code] for scores, code in zip(logits, path, strict=True))


recommending.next_item_loss(loss)

# %% [markdown]
# **★★ Codes that exist.** A score of $-\infty$ has the exp 0.


# %%
def softmax(scores, exists):
    return scores.masked_fill(~exists, -torch.inf).softmax(0)


recommending.allowed_softmax(softmax)

# %% [markdown]
# **★★ Where greedy loses.** Give the better first code many followers that are alike:

# %%
recommending.greedy_loses(([0.6, 0.4], [[0.5, 0.5], [1.0, 0.0]]))

# %% [markdown]
# **★★★ A split without leaks.** On the day of the test all but the last item is known.


# %%
def split(items):
    return {"train": items[:-2], "validation": (items[:-2], items[-2]), "test": (items[:-1], items[-1])}


recommending.leave_one_out(split)

# %% [markdown]
# **★★★ Two measures.** With one right item the ideal DCG is 1, so NDCG is the discount itself.


# %%
def measures(ranking, answer, k):
    if answer not in ranking[:k]:
        return 0.0, 0.0
    return 1.0, 1 / math.log2(ranking.index(answer) + 2)  # index 0 is rank 1


recommending.recall_and_ndcg(measures)

# %% [markdown]
# ## 12 · Product search
#
# **★ Average precision.** The precision at each hit, over all that is relevant, found or not.


# %%
def average_precision(hits, relevant, k):
    return sum(sum(hits[:rank]) / rank for rank in range(1, k + 1) if rank <= len(hits) and hits[rank - 1]) / relevant


searching.average_precision(average_precision)

# %% [markdown]
# **★★ NDCG.** The ideal is the best list that could have been made.


# %%
def dcg(gains, k):
    return sum(gain / math.log2(place + 2) for place, gain in enumerate(gains[:k]))


def ndcg(gains, all_gains, k):
    return dcg(gains, k) / dcg(sorted(all_gains, reverse=True), k)


searching.ndcg(ndcg)

# %% [markdown]
# **★★ BM25.** A word that stands nowhere has $f = 0$ and adds nothing.


# %%
def bm25(query, documents, k1, b):
    N, mean = len(documents), sum(len(d) for d in documents) / len(documents)
    holding = Counter(word for document in documents for word in set(document))
    rarity = {word: math.log(1 + (N - holding[word] + 0.5) / (holding[word] + 0.5)) for word in query}
    return [
        sum(rarity[w] * (f := d.count(w)) / (f + k1 * (1 - b + b * len(d) / mean)) for w in query) for d in documents
    ]


searching.bm25(bm25)

# %% [markdown]
# **★★★ Where it was lost.** The first position whose kept prefixes lack the path's own.


# %%
def position(kept, path):
    for t, prefixes in enumerate(kept, start=1):
        if path[:t] not in prefixes:
            return t
    return 0


searching.position_lost(position)

# %% [markdown]
# ## 13 · Document retrieval
#
# **★ Reciprocal rank.**


# %%
def reciprocal_rank(ranking, relevant, k):
    for rank, document in enumerate(ranking[:k], start=1):
        if document in relevant:
            return 1 / rank
    return 0.0


searching.reciprocal_rank(reciprocal_rank)

# %% [markdown]
# **★★ A suffix array.** Python compares lists word by word, and a list that ends comes first.


# %%
def suffix_array(tokens):
    return sorted(range(len(tokens)), key=lambda at: tokens[at:])


searching.suffix_array(suffix_array)

# %% [markdown]
# **★★★ What may follow.** Document by document, so that no n-gram runs over an end.


# %%
def next_words(documents, ngram):
    n, found = len(ngram), Counter()
    for words in documents:
        found.update(words[at + n] for at in range(len(words) - n) if words[at : at + n] == ngram)
    return found


searching.next_words(next_words)

# %% [markdown]
# **The capstone** has no solution to print: it is your prediction beside your measurement.
