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
# # 01 · What is a semantic ID?
#
# **The question.** What is an address that carries meaning, and how could one be made with pencil and paper?
#
# **Time.** Some seconds of computing, fifteen minutes of reading.
#
# **You will see**
#
# 1. six documents, each turned into an arrow in the plane by counting words;
# 2. a *codebook* of four arrows, and every document choosing the one that points its way;
# 3. a second code for what the first one left out, a suffix for ties, and a tree made of all the IDs;
# 4. the same four things in the package, on 11,044 real documents.
#
# No neural network yet. Every tensor is small enough to be printed whole.

# %%
import torch

import lmindexer as lmi
from lmindexer.course import begin, checks, toys

device = begin(seed=0)

# %% [markdown]
# ## 1. The trouble with ordinary IDs
#
# A shop gives each product a number. The number is unique, and that is all it is. Here are six products with numbers
# of the ordinary kind.

# %%
documents = list(toys.SIX_DOCUMENTS)
for number, text in zip((4711, 1203, 8890, 1204, 5516, 4712), documents, strict=True):
    print(f"B{number}   {text}")

# %% [markdown]
# A ball and a console are neighbours, 4711 and 4712. The two balls are far apart. A reader who sees only the IDs learns
# nothing. (The slides ask for *"a ball for my little son"* here, and get lost in the same way.)
#
# A **semantic ID** is a short sequence of codes which says, *coarse to fine*, what the document is about. The first
# code names the rough kind, the next one adds a detail. It works as a postal address does, from the country down to
# the street, except that nobody draws the map beforehand.
#
# ## 2. A document becomes an arrow
#
# A computer cannot compare texts, but it can compare numbers. So let some words carry an arrow in the plane: ball
# things to the right, doll things up, headset things to the left, console things down. A noun weighs 2, other words 1.

# %%
ARROWS = {
    "ball": (2, 0), "bounces": (1, 0), "soft": (1, 0),
    "doll": (0, 2), "dress": (0, 1), "child": (0, 1), "son": (0, 1),
    "headset": (-2, 0), "loud": (-1, 0), "sound": (-1, 0),
    "console": (0, -2), "game": (0, -1), "plays": (0, -1),
}  # fmt: skip


def state(text):
    """The sum of the arrows of its words, [2]."""
    return torch.tensor([ARROWS.get(word, (0, 0)) for word in text.split()]).sum(0).float()


# %% [markdown]
# The sum of a document's arrows is its **state**, written $h$. Six documents, two numbers each: a matrix $h$ of shape
# `[6, 2]`. In the real method a language model finds this $h$ (notebook 02). We found it by counting.

# %%
h = torch.stack([state(text) for text in documents])
print("h has the shape", list(h.shape))
for text, row in zip(documents, h, strict=True):
    print(row, text)

# %% [markdown]
# ## 3. A codebook of four
#
# A **codebook** $E$ is a list of $K$ arrows. Its row number $k$ is the code, the row $e_k$ is what the code stands
# for. Ours has $K = 4$ rows: right, up, left, down, each 2.5 long.

# %%
E1 = toys.six_codebook()
print(E1)

# %% [markdown]
# A document takes the code whose arrow points most its own way. *How much two arrows agree* is measured by their
# **dot product**: multiply the numbers in pairs, add up. It is large when both point the same way, 0 at a right
# angle, negative when they point apart. One matrix product does it for all documents and all codes.

# %%
scores = h @ E1.T
print("scores h · e, one row a document, one column a code:")
print(scores)
c1 = scores.argmax(dim=1)
print("c1 =", c1.tolist())

# %% [markdown]
# `argmax` gives the column of the greatest number in each row. Look at the picture: a document's colour is its code.

# %%
lmi.plots.code_plane(h, E1, c1, documents, "Six documents choose among four codes")

# %% [markdown]
# The package does this in a class. Ours must agree with it, and a **check cell** says whether it does. Check cells
# print ✓ when all is right and explain what is wrong when it is not.

# %%
from lmindexer.model.model import Codebook

book = Codebook(size=4, width=2)
book.set_rows(E1)
checks.equal(c1, book.choose(h), "our codes and Codebook.choose")

# %% [markdown]
# ## 4. The second code: what the first one left out
#
# Both balls got code 0. To tell them apart we need a second code, and it shall not repeat the first. So take away
# what the first code has said: subtract its row. What remains is called the **residual**.

# %%
residual = h - E1[c1]
for text, row in zip(documents, residual, strict=True):
    print(row, text)

# %% [markdown]
# "A red ball that bounces" has a bit more *right* left. "A soft ball for a small child" has *up* left: the child.
# Choose again, with a second codebook. (It happens to have the same four arrows; in general each position has its own.)

# %%
E2 = toys.six_codebook()
c2 = (residual @ E2.T).argmax(dim=1)
for text, first, second in zip(documents, c1.tolist(), c2.tolist(), strict=True):
    print(f"<{first}><{second}>   {text}")

# %% [markdown]
# Read the list from left to right. `<0>` is *ball*, and inside `<0>` the second code says *which ball*. In `<3>` the
# console with a headset has `<2>`, which at the first position meant headsets. Two codes of four give $4 \times 4$
# addresses.
#
# Now the customer of the slides. His words are not the words of any product, but they have arrows.

# %%
wish = "a ball for my little son"
first = int((state(wish) @ E1.T).argmax())
second = int(((state(wish) - E1[first]) @ E2.T).argmax())
print(f"{wish!r} goes to <{first}><{second}>")
same = [text for text, a, b in zip(documents, c1, c2, strict=True) if (a, b) == (first, second)]
print("and meets there:", same)

# %%
checks.equal([first, second], [0, 1], "the wish stands beside the soft ball for a small child")

# %% [markdown]
# ## 5. Two documents, one ID: the suffix
#
# **Predict first.** Which of the six will "a game for a console" meet?
#
# Sooner or later two documents agree in all codes. A seventh product does it here. An ID must name *one* document, so
# a counter is appended: 0 for the first, 1 for the second. This **suffix** has no meaning and is never shown as if it
# had. The package's `SemanticIDs` makes it.

# %%
seventh = "a game for a console"
codes = torch.stack([c1, c2], dim=1).tolist()
h7 = state(seventh)
first = int((h7 @ E1.T).argmax())
codes.append([first, int(((h7 - E1[first]) @ E2.T).argmax())])
names = [f"doc{number}" for number in range(1, 8)]
ids = lmi.SemanticIDs.from_codes(names, codes, codebook_sizes=(4, 4))
ids.to_frame().assign(text=[*documents, seventh])

# %%
checks.equal(ids.suffix, [0, 0, 0, 0, 0, 0, 1], "only document 7 repeats earlier codes")

# %% [markdown]
# ## 6. All IDs together are a tree
#
# Write the IDs below each other and join what begins alike. That is a tree: the first codes are its branches, the
# second codes its twigs. All documents with the same beginning, the same **prefix**, hang on one branch. We write
# $c^{<t}$ for the codes before position $t$.

# %%
trie = lmi.IDTrie.from_ids(ids)
for code in range(4):
    branch = trie.walk((code,))
    print(f"<{code}>")
    for row in trie.leaves(branch):
        print("    ", ids.unique_strings()[row], [*documents, seventh][row])

# %%
checks.equal(len(trie.leaves(trie.walk((3,)))), len(ids.select((3,))), "documents on the branch <3>, counted twice")

# %% [markdown]
# ## 7. The same on a real corpus
#
# The package brings a finished run: 11,044 WordNet nouns with three codes of 32 each. What was `h`, `E1` and `c1`
# above is there under the same names, only larger. Nothing is trained in this cell; it opens a folder.

# %%
run = lmi.Bundle.open(lmi.samples_folder() / "runs" / "wordnet")
real = run.ids
print("codes:", real.codes.shape, " codebook sizes:", real.codebook_sizes)
print("room for", 32**3, "addresses")
print("prefixes in use, by length:", [real.number_of_prefixes(length) for length in (1, 2, 3)])
print("documents alone under their codes:", f"{(real.prefix_groups(3)[2] == 1).sum():,}")

# %% [markdown]
# Follow one document down. At each step the company becomes smaller and closer. (The number of documents left is
# printed; the titles are the first few.)

# %%
titles = run.corpus.titles
row = titles.index("partridge")
for length in (1, 2, 3):
    prefix = tuple(int(code) for code in real.codes[row, :length])
    members = real.select(prefix)
    shown = ", ".join(titles[i] for i in members[:6])
    print("".join(f"<{code}>" for code in prefix), f"{len(members):>5} documents: {shown}")

# %% [markdown]
# How crowded are the addresses? Across: with how many documents a document shares all its codes, itself counted.
# Upwards: the share of the documents to which this happens. The first bar is those that are alone. The more stands at
# the right, the more the suffix has to do.

# %%
lmi.plots.collision_sizes(real, run.corpus)

# %% [markdown]
# ## Exercises
#
# **★ (5 minutes) The suffix.** For a list of codes, count for each how many *earlier* ones are equal.


# %%
def my_suffixes(codes):
    return ...


checks.suffixes(my_suffixes)

# %% [markdown]
# **★★ (5 minutes) Bits.** An ID could also be written as one binary number. How many binary digits (bits) do
# `positions` codes of `size` values take, when `size` is a power of two? (Begin with one place: 2 to the power of how
# much is 32?)
#
# <details><summary>Hint</summary>
#
# The logarithm to base 2 is in `math.log2`.
#
# </details>


# %%
def my_bits(positions, size):
    return ...


checks.bits(my_bits)

# %% [markdown]
# **★★★ (10 minutes) Long arrows win.** Dot product and distance are not the same judge. Find a state $h$ (two numbers)
# whose *nearest* row of the book below is row 0, while the *dot product* chooses row 1. The authors' released code
# begins each codebook with k-means, which goes by distance, and then chooses by dot product, so this is a trap in
# earnest. (The slides choose by dot product and do not say how a codebook begins.)
#
# <details><summary>Hint</summary>
#
# Stand on row 0 itself and compute both: the distances to the two rows, and the two dot products.
#
# </details>

# %%
uneven = torch.tensor([[1.0, 0.0], [3.0, 1.0]])
my_h = ...
checks.long_arrow(my_h, uneven)

# %% [markdown]
# ## Summary
#
# | word | here | in the package |
# |---|---|---|
# | state $h$ | sum of word arrows, `[6, 2]` | `SemanticEncoder`, `[N, d]` |
# | codebook $E$, code, row $e_k$ | four arrows | `Codebook` |
# | choosing | `argmax` of $h \cdot e_k$ | `Codebook.choose` |
# | second code | on the residual $h - e_{c^1}$ | `start="pooled"` does this; see 02 |
# | suffix | counter of equal codes | `SemanticIDs.from_codes` |
# | prefix, tree | what begins alike | `SemanticIDs.select`, `IDTrie` |
#
# What is missing? We wrote the arrows by hand. Someone who has ten million documents and no list of words must
# *learn* them. From what, when nobody says what is right? The answer takes notebooks 02 and 03.
#
# **Read.** Slides 3 to 6 (background, the notion of a semantic ID, the problem).
# [lmindexer/ids/semantic_ids.py](../lmindexer/ids/semantic_ids.py), [lmindexer/ids/trie.py](../lmindexer/ids/trie.py).
#
# **Break it.** Give "red" an arrow, `(0, 1)`. Which documents move, and is that good? Make `E2` twice as long: does any
# second code change? Why not?
