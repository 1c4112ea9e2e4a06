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
# # 03 · Reconstruction with hints
#
# **The question.** Nobody says which code is right. Who is the teacher?
#
# **Time.** Less than a minute of computing, twenty minutes of reading.
#
# **You will see**
#
# 1. the game behind the method: cover most words of a text, and guess them from the code and a few hints;
# 2. hint masks, drawn as pictures;
# 3. equations (5) and (6), the *reconstructor*, by hand: the code is the question, the hints are what it may look at;
# 4. equation (7), the loss, and what a code is worth: guesses with the code and without it.

# %%
import pandas as pd
import torch

import lmindexer as lmi
from lmindexer.course import begin, checks, toys

device = begin(seed=0)

# %% [markdown]
# ## 1. The game
#
# Imagine a friend in another room. You hold a text, and may send her **one code**, a number from 0 to 3. She also sees
# a few words of the text, the **hints**. She must guess the covered words. If the two of you play well, the code *must*
# say what the text is about; there is no other way to win. So a text is its own teacher: the words are the solution.
# This is what *self-supervised* means.
#
# In the method the friend is a small network, the **reconstructor**, and you are the semantic encoder of notebook 02.
# Both learn together, from the friend's mistakes.
#
# For the game we open a shop. Each of its goods is described by words of its department, its shelf, and one stray word.

# %%
shop = toys.shop(360)
print(shop)
for text, label in zip(shop.texts[:40:4], shop.labels(2)[:40:4], strict=True):
    print(f"{label:<18} {text}")

# %% [markdown]
# ## 2. Covering words: the hint mask
#
# A **mask** says for each word: may the reconstructor see it? The function `draw_hints` rolls a die for every word.
# Its number `share` is the part of the words that stays visible. Five draws for one text:

# %%
from lmindexer.model.hints import draw_hints

words = shop.texts[0].split()
numbers = torch.arange(len(words))[None]  # each word is its own number here
present = torch.ones(1, len(words), dtype=torch.bool)
die = torch.Generator().manual_seed(0)
rows = {}
for share in (0.1, 0.3, 0.5, 0.7, 0.9):
    hints = draw_hints(numbers, present, torch.ones(len(words)), share, generator=die)
    rows[f"share {share}"] = hints.visible[0, 0]
    print(f"share {share}: ", " ".join(w if v else "___" for w, v in zip(words, hints.visible[0, 0], strict=True)))

# %%
lmi.plots.hint_masks(torch.stack(list(rows.values())), words, rows=list(rows), title="One text, five masks")

# %% [markdown]
# In our masks `True` means **visible**. (The authors' code has 1 for *masked*; mixing the two up is the classic slip.)
# The covered words are asked for, each with a **weight**; the weights of a document sum to 1.

# %%
print("weight of each word under the last mask:", hints.weight[0, 0])
checks.equal(hints.weight.sum(), 1.0, "the weights of a document sum to 1")
checks.true(not (hints.weight[:, 0] > 0)[hints.visible[:, 0]].any(), "no visible word is asked for")

# %% [markdown]
# That was the form of the slides: one set of hints $d_h$ for a document, and all its covered words are asked for. The
# authors' released training has another form, `"target"`: each word that is asked for gets a mask of its own, and the
# one rule is that **a word is never its own hint**. One row is one question:

# %%
hints = draw_hints(numbers, present, torch.ones(len(words)), 0.6, form="target", targets=len(words), generator=die)
asked = torch.nn.functional.one_hot(hints.place[0], len(words)).bool()
names = [f"asked: {words[place]}" for place in hints.place[0]]
lmi.plots.hint_masks(hints.visible[0], words, asked, names, "The other form: one mask for each question")

# %%
checks.true(not (hints.visible[0] & asked).any(), "no word is its own hint")

# %% [markdown]
# **Which words are worth asking for?** Not "the", which stands everywhere and says nothing of this text. The package
# weighs a word by its *salience*: high for words that are rare enough to tell documents apart, and frequent enough for
# a code to carry them. Here are the weights of a small model's words at position 1.

# %%
settings = dict(positions=1, codebook_size=4, learning_rate=2e-3, hint_share=0.2)
epochs = dict(warmup_epochs=4, continuous_epochs=4, discrete_epochs=6)
indexer = lmi.LMIndexer("tiny", device=device, **settings, **epochs).fit(shop, progress=False)
vocabulary = indexer.vocabulary_
salience = torch.from_numpy(vocabulary.salience(prefixes=4))
tokenizer = indexer.model_.encoder.backbone.tokenizer
for word in ("play", "cook", "ball", "knife", "</s>"):
    place = vocabulary.words(tokenizer.convert_tokens_to_ids([word]))[0]
    print(f"{word:<6} stands in {vocabulary.documents[place]:>3} of 360 documents, weight {salience[place]:.2f}")

# %% [markdown]
# (That cell has also trained the encoder and the reconstructor on the shop. We take the finished reconstructor apart
# now.)
#
# ## 3. Equation (5): the code asks, the hints answer
#
# $$z_w = \text{Recon}_\phi(c_d, d_h) = \sum_t \text{Trans}(q = c_d^t,\; k = d_h,\; v = d_h) \qquad (5)$$
#
# > **Slides, released code, this package.** On the slides keys and values are the hints alone. The released code puts
# > the ID's vectors among them, and so does this package. At its second position the released code asks with the
# > continuous $h^2$ and keeps the code for the keys; slides and package ask with the code. Its block is one T5 layer,
# > ours is alike.
#
# $\text{Trans}$ is one block of a Transformer, and its heart is **attention**. Attention works like a library: the
# *query* $q$ is what I ask, every book has a *key* $k$ on its back and a *value* $v$ inside. I compare my query with
# all keys, turn the scores to shares by a softmax, and read the values in these shares. Here the query is the **code**,
# and the books are the **hints**. (As in the released training the code stands among the books too, so that there is
# something to read when every word is covered.)
#
# One document, one mask, one code, in evaluation mode:

# %%
model = indexer.model_.eval()
recon, table = model.reconstructor, model.word_table.detach()
tokens = torch.tensor(tokenizer([shop.texts[0]])["input_ids"])
places = torch.from_numpy(vocabulary.words(tokens.numpy())).long()
L = places.shape[1]
hints = draw_hints(
    places, torch.ones(1, L, dtype=torch.bool), salience, 0.4, generator=torch.Generator().manual_seed(2)
)
pieces = tokenizer.convert_ids_to_tokens(tokens[0].tolist())

# %%
print(" ".join(word if seen else "___" for word, seen in zip(pieces, hints.visible[0, 0], strict=True)))
code = int(indexer.ids_.codes[0, 0])
c = model.codebooks[0].rows.detach()[code]
print(f"code <{code}>, its row has the shape {list(c.shape)}; word table {list(table.shape)} = [words, d]")

# %% [markdown]
# Keys and values: the code's row, then the embeddings of the words. A covered word gets a score of minus a billion, so
# its share is 0.

# %%
block = recon.blocks[0]
memory = torch.cat([c[None], table[places[0]]])  # [1 + L, d]
seen = torch.cat([torch.tensor([True]), hints.visible[0, 0]])
with torch.no_grad():
    q = block.q(block.norm(c))  # [d]
    k, v = block.k(block.norm(memory)), block.v(block.norm(memory))  # [1 + L, d]
    scores = (k @ q).masked_fill(~seen, -1e9)
    share = scores.softmax(0)
print("shares sum to", round(float(share.sum()), 4))
lmi.plots.matrix(share[None], ["the code reads"], ["code", *pieces], "Attention: in which shares the hints are read")

# %% [markdown]
# The rest of the block: add what was read to the query (a *residual connection*), then two linear maps with a ReLU
# between them, which turns negative numbers to 0 (the *feed-forward part*), added again. At the end a norm, which sets
# the length. That is $z$. Equation (5) has a sum over positions $t$; with one code it has one term.

# %%
with torch.no_grad():
    x = c + block.o(share @ v)
    x = x + block.down(torch.relu(block.up(block.ff_norm(x))))
    z = recon.norm(x)
    theirs = recon([c[None]], places, table, hints)[0, 0]
print("z begins:", z[:5])
checks.equal(z, theirs, "eq. (5): our z and Reconstructor's")

# %% [markdown]
# ## 4. Equation (6): from $z$ to words
#
# $$P_{\text{recon}}(w \mid c_d, d_h) = \text{softmax}(W z_w) \qquad (6)$$
#
# > **Slides, released code, this package.** $W$ is the language model's own word table in the released code. Here it is
# > the same table after one more linear map, with a number added for each word, which can learn its plain
# > frequency.
#
# Every word of the corpus gets a score, and the softmax makes shares of them: one distribution over the whole
# vocabulary. The scores are dot products with the words' own embeddings, so a word is guessed when $z$ points its way.

# %%
with torch.no_grad():
    p = (recon.to_word(z) @ table.T + recon.word_bias).softmax(0)
    theirs = recon.logits(recon([c[None]], places, table, hints), table)[0, 0].softmax(0)
checks.equal(p, theirs, "eq. (6): our P and the model's")
best = p.topk(8)
for probability, place in zip(best.values, best.indices, strict=True):
    word = tokenizer.convert_ids_to_tokens(int(vocabulary.token_ids[place]))
    mark = "covered in this text" if word in pieces and not seen[1 + pieces.index(word)] else ""
    print(f"{float(probability):.3f}  {word:<10} {mark}")

# %% [markdown]
# ## 5. Equation (7): the loss
#
# $$\mathcal{L}_{\text{recon}} =
# - \sum_d \sum_{w \in d \setminus d_h} \log P_{\text{recon}}(w \mid c_d, d_h) \qquad (7)$$
#
# > **Slides, released code, this package.** The slides ask for all covered words of one mask. The released code asks
# > for *every* word, each under a mask of its own (section 2), and every word counts alike. This package has both
# > forms; its default is the slides' mask, with words weighed by salience, and means in place of sums.
#
# For each covered word: how surprised is the reconstructor? $-\log P$ is 0 for a certain guess and grows without bound
# for a word that it held impossible. The package takes the mean over documents instead of the sum, so that the size of
# a batch does not matter, and weighs the words.

# %%
from lmindexer.model.losses import reconstruction_loss

surprise = -p[hints.words[0, 0]].log()
loss = (surprise * hints.weight[0, 0]).sum()
logits = (p.log())[None, None]  # a softmax of log-probabilities gives the probabilities again
for word, weight, value in zip(pieces, hints.weight[0, 0], surprise, strict=True):
    if weight > 0:
        print(f"{word:<10} weight {float(weight):.2f}   surprise {float(value):.2f}")
print("loss:", round(float(loss), 4))
checks.equal(loss, reconstruction_loss(logits, hints.words, hints.weight), "eq. (7): our loss and reconstruction_loss")

# %% [markdown]
# ## 6. What does the code add?
#
# Now the experiment that the whole method rests on. Cover **all** words, and give the reconstructor nothing but a code.
# What does it say? We try each of the four codes and print its best words.

# %%
from lmindexer.model.model import Documents

nothing = draw_hints(places, torch.ones(1, L, dtype=torch.bool), salience, 0.0)
document = Documents(tokens=tokens, words=places, present=torch.ones(1, L, dtype=torch.bool))
for k in range(4):
    with torch.no_grad():
        guess = model.reconstruct([model.codebooks[0].rows[k][None]], document, nothing)[0, 0, 1:]
    top = [tokenizer.convert_ids_to_tokens(int(vocabulary.token_ids[1 + i])) for i in guess.topk(7).indices]
    holders = shop.labels(1)[indexer.ids_.select((k,))]
    held = {name: int((holders == name).sum()) for name in sorted(set(holders))}
    print(f"<{k}> says: {', '.join(top):<58} held by {held}")

# %% [markdown]
# Nobody told the model that the shop has departments. It found them because they are the best thing to say with one of
# four codes.
#
# Now one text, most of it covered, with its code and without. "Without" is the better of two: the reconstructor with
# the same hints and a *null vector*, which stands in the code's place during the warm-up (notebook 05), and the plain
# shares of the corpus's texts that hold a word. Only words that training asks for
# have numbers; the others (`asked` is False) were never learned.

# %%
guesses = indexer.reconstruct(shop.texts[0], hint_share=0.3, seed=1)
print(guesses.round(3).to_string(index=False))

# %%
lmi.plots.reconstruction(guesses)

# %% [markdown]
# One text proves little, and the null vector practised in the warm-up only, so it is no fair rival. Let us train one:
# the same reconstructor goes on with equation (7) *without* a code, on masks of every share, for longer than it has
# practised with codes. It may use all that hints can tell.

# %%
from copy import deepcopy

encoded, die = indexer.encoded_, torch.Generator().manual_seed(5)
rival = deepcopy(model)
optimiser = torch.optim.AdamW(rival.reconstructor.parameters(), lr=2e-3)
for _ in range(250):
    some = encoded.batch(torch.randint(len(shop), (32,), generator=die))
    seen = draw_hints(some.words, some.present, salience, float(torch.rand((), generator=die)), generator=die)
    loss = reconstruction_loss(rival.reconstruct_from_hints(some, seen), seen.words, seen.weight)
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()

# %% [markdown]
# A second rival needs no network: the same shares of words for every text, those that cost least on this corpus. Then
# we change how many words are visible, over the whole shop. The distance between the code's curve and the *better*
# rival is what the code is worth.
#
# **Predict first.** Does the distance grow or shrink when more words are visible?

# %%
every = encoded.batch(torch.arange(len(shop)))
code_rows = model.codebooks[0].look_up(torch.from_numpy(indexer.ids_.codes[:, 0].astype("int64")))


def three_losses(share):
    hints = draw_hints(every.words, every.present, salience, share, generator=torch.Generator().manual_seed(1))
    asked = torch.bincount(hints.words.flatten(), hints.weight.flatten(), minlength=len(table))
    constant = (asked / asked.sum()).clamp(min=1e-9).log()[None, None].expand(len(shop), 1, -1)
    with torch.no_grad():
        guesses = (constant, rival.reconstruct_from_hints(every, hints), model.reconstruct([code_rows], every, hints))
    return [float(reconstruction_loss(logits, hints.words, hints.weight)) for logits in guesses]


# %%
shares = (0.0, 0.2, 0.4, 0.6, 0.8)
names = ("frequencies alone", "hints alone, trained for it", "hints and code")
means = dict(zip(names, zip(*map(three_losses, shares), strict=True), strict=True))
worth = [min(pair) - with_code for *pair, with_code in zip(*means.values(), strict=True)]
pd.DataFrame({**means, "the code is worth": worth}, index=[f"visible {share:.0%}" for share in shares]).round(2)

# %%
lmi.plots.lines(shares, means, "What a code is worth", x="Share of words that are visible", y="Surprise", markers=True)

# %%
checks.true(worth[0] > 0.2, "with nothing to see, the code helps")
checks.true(worth[0] > worth[-1], "the more is visible, the less the code is worth")

# %% [markdown]
# The rivals are judged on texts that all three have learned from, so nobody has an advantage there. (The first rival
# has even counted the very words that are asked for.)
#
# Keep this picture for notebook 05. The more is visible, the less the reconstructor loses by doing without the code,
# and a model that can do without something may soon do without it. (The digits drift a little from machine to machine.)
#
# ## 7. Real text
#
# The finished WordNet run, a sentence it has never seen, one word in ten visible. (The tokenizer of MiniLM cuts rare
# words to pieces; a piece that continues a word begins with `##`.)

# %%
real = lmi.load_indexer(lmi.samples_folder() / "runs" / "wordnet")
text = "a small bird of prey with sharp claws that hunts mice and nests in old trees"
answer = real.reconstruct(text, hint_share=0.1)
print("code:", real.encode([text]).strings()[0])
print(answer.sort_values("rank_with").head(8).round(4).to_string(index=False))

# %%
lmi.plots.reconstruction(answer)

# %% [markdown]
# ## Exercises
#
# **★ (5 minutes) A mask.** Given `present` `[B, L]` and a share, return a mask `[B, L]`, `True` where a word is
# visible.


# %%
def my_mask(present, share):
    return ...


checks.hint_mask(my_mask)

# %% [markdown]
# **★★ (2 minutes) The friend who knows nothing.** A reconstructor that gives each of $V$ words the same probability:
# what is its loss? Any trained model should beat that number.


# %%
def loss_of_nobody(V):
    return ...


checks.uniform_loss(loss_of_nobody)

# %% [markdown]
# **★★★ (10 minutes) A mask for every question.** Return a mask `[L, L]` for a text of $L$ words: row $i$ is the mask of
# the question for word $i$. About `share` of the others are visible, each question has other hints, and a word is never
# its own hint.
#
# <details><summary>Hint</summary>
#
# Draw a square of random numbers. The diagonal is `torch.eye(length, dtype=torch.bool)`.
#
# </details>


# %%
def my_target_mask(length, share):
    return ...


checks.target_mask(my_target_mask)

# %% [markdown]
# ## Summary
#
# | equation | in words | in the package |
# |---|---|---|
# | (5) | the code asks, the hints answer | `ReconstructionBlock`, `Reconstructor.forward` |
# | (6) | the answer points at words | `Reconstructor.logits` |
# | (7) | the surprise at the covered words | `reconstruction_loss` |
# | $d_h$ | what stays visible | `draw_hints` |
#
# The text is the teacher. A code is good when it helps to guess what is covered.
#
# **Read.** The two slides "Reconstructing Document with Sequential Discrete Semantic ID Embeddings".
# [lmindexer/model/hints.py](../lmindexer/model/hints.py). Hints with one mask for each target come from RetroMAE
# (Xiao et al., 2022, arXiv 2205.12035).
#
# **Break it.** Fit the shop with `hint_share=0.9` and print again what each code says. Then `codebook_size=12`: what do
# the codes say now?
#
# Next: [04](04_three_losses.ipynb), more than one position, and the two other losses.
