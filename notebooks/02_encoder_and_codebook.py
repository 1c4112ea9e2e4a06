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
# # 02 · The semantic encoder and the codebook
#
# **The question.** How does a language model turn a text into a code, and how can such a choice be *learned*?
#
# **Time.** Some seconds of computing, twenty minutes of reading.
#
# **You will see**
#
# 1. equation (1): a text and the codes so far go in, one state $h$ comes out;
# 2. equations (2) and (3): a softmax over the codebook, and the choice of the greatest;
# 3. that the choice kills the gradient, and the trick of equation (4) that brings it back, measured with a ruler;
# 4. the same four lines in the package, on real text.
#
# Equations carry the numbers of [lmindexer/model/model.py](../lmindexer/model/model.py). The table in
# [README.md](README.md) says on which slide each stands.

# %%
import torch

import lmindexer as lmi
from lmindexer.course import begin, checks, toys

device = begin(seed=0)

# %% [markdown]
# ## 1. From text to tokens
#
# A language model reads numbers. A **tokenizer** cuts a text into pieces, *tokens*, and gives each its number in a
# list. Texts have different lengths, so short ones are filled up, and a table called `present` remembers which places
# hold a real token. We take the six documents of notebook 01 and the smallest backbone there is, `tiny`: a T5 with
# random weights.

# %%
from lmindexer.model.backbones import make_backbone
from lmindexer.model.tokens import TokenisedDocuments
from lmindexer.settings.settings import make_settings

texts = list(toys.SIX_DOCUMENTS)
settings = make_settings("tiny", positions=2, codebook_size=4)
backbone = make_backbone(settings, texts).eval()
tokenised = TokenisedDocuments.from_texts(texts, None, backbone.tokenizer, settings.max_length)
place, present = tokenised.place(torch.arange(6))
tokens = torch.from_numpy(tokenised.ids)[place].long()
print("tokens of document 1:", backbone.tokenizer.convert_ids_to_tokens(tokens[0].tolist()))
print(tokens)

# %% [markdown]
# One row a document. Where a row is shorter than the longest one, its first token stands as filling:

# %%
print(present.int())

# %% [markdown]
# ## 2. Equation (1): the state $h$
#
# $$h_d^t = \text{SemEnc}_\theta(d, c_d^{<t}) = \text{TransDecoder}(\text{TransEncoder}(d),\; c_d^{<t}) \qquad (1)$$
#
# > **Slides, released code, this package.** Slides and released code use a T5, and $h^t$ is the last state of its
# > decoder. The package does the same with `t5` and `tiny`. Its default, `minilm`, has a frozen encoder, a small fresh
# > decoder and a start for $h^t$ that is not in the slides: section 6 takes it apart.
#
# In words: the **encoder** reads the whole text and leaves one vector for every token. The **decoder** looks at those
# vectors, knows the codes chosen so far, and says one vector $h^t$: *what should come next in the ID?*
#
# Step one, the encoder. Six documents, as many tokens as the longest of them has, $d = 64$ numbers for each token.

# %%
with torch.no_grad():
    states = backbone.encoder(input_ids=tokens, attention_mask=present.long()).last_hidden_state
print("TransEncoder(d):", list(states.shape), "= [documents, tokens, d]")
print("first five numbers of the first token:", states[0, 0, :5])

# %% [markdown]
# Step two, the decoder. At position 1 there are no codes yet, $c^{<1}$ is empty, so it gets only a start vector.

# %%
start = backbone.start.expand(6, 1, -1)
with torch.no_grad():
    h1 = backbone.decoder(
        inputs_embeds=start, encoder_hidden_states=states, encoder_attention_mask=present.long()
    ).last_hidden_state[:, 0]
print("h¹:", list(h1.shape), "= [documents, d]")
print(h1[:, :5], "(the first five of 64 numbers)")

# %% [markdown]
# The package's class is `SemanticEncoder`. It takes a batch of documents and the rows of the earlier codes. Same
# numbers?

# %%
from lmindexer.model.model import Documents, SemanticEncoder

encoder = SemanticEncoder(backbone, settings).eval()
batch = Documents(tokens=tokens, words=tokens, present=present)
with torch.no_grad():
    h, _ = encoder(batch, [])
checks.equal(h1, h[:, 0], "our h¹ and SemanticEncoder's", hint="Did the model stay in eval mode? Dropout is noise.")

# %% [markdown]
# At position 2 the row $e_{c^1}$ of the first code goes in after the start vector, and out comes one state for each
# position. The decoder is *causal*: position 1 cannot see what came later. So $h^1$ must not change.

# %%
first_row = torch.randn(6, 64)
with torch.no_grad():
    both, _ = encoder(batch, [first_row])
print("h¹ and h² together:", list(both.shape), "= [documents, positions, d]")
checks.equal(both[:, 0], h1, "h¹ with and without a later code")
checks.true((both[:, 1] - h1).abs().max() > 1e-3, "h² is something new")

# %% [markdown]
# ## 3. Equations (2) and (3): probabilities and a choice
#
# $$P_s(c^t = j \mid c^{<t}, d) = \frac{\exp(h^t \cdot e_j^t)}{\sum_{k} \exp(h^t \cdot e_k^t)} \quad (2)
# \qquad\qquad c^t = \arg\max_j P_s(c^t = j \mid c^{<t}, d) \quad (3)$$
#
# > **Slides, released code, this package.** The three agree on (2) and (3). The slides have no temperature, which is 1
# > in the released code too. Here it is a setting, 1 in the presets `tiny` and `slides` and 0.1 in `minilm`.
#
# The dot product $h \cdot e_j$ is the score of code $j$, as in notebook 01. The **softmax** makes shares of scores:
# `exp` makes every score positive, the division makes them sum to 1. To have numbers that fit on a page we go back to
# the plane: the states of notebook 01, shortened to a third.

# %%
h = torch.tensor([[3.0, 0.0], [3.0, 1.0], [0.0, 3.0], [-4.0, 0.0], [-2.0, -3.0], [0.0, -4.0]]) / 3
E = toys.six_codebook() / 2.5
scores = h @ E.T
print("exp(h · e):")
print(scores.exp())
p = scores.exp() / scores.exp().sum(dim=1, keepdim=True)
print("shares:")
print(p, "\nsums:", p.sum(dim=1))

# %%
lmi.plots.matrix(
    p, texts, ["<0>", "<1>", "<2>", "<3>"], "Eq. (2): each row shares 1 among the codes", x="Code",
    marked=p.argmax(dim=1).tolist(),
)  # fmt: skip

# %% [markdown]
# The frame is equation (3), the greatest share in each row. "A headset for a game on a console" is the one that
# hesitates: it is two things at once. Our numbers against the class `Codebook`:

# %%
from lmindexer.model.model import Codebook

book = Codebook(size=4, width=2)
book.set_rows(E)
checks.equal(p, book.log_probabilities(h).exp(), "eq. (2): our softmax and Codebook.log_probabilities")
checks.equal(p.argmax(1), book.choose(h), "eq. (3): our argmax and Codebook.choose")

# %% [markdown]
# **How sure should it be?** Divide the scores by a number, the *temperature*, before the softmax. A small one makes
# the greatest share greater; the choice itself never changes. The slides use 1; the package's `minilm` preset uses 0.1,
# because its arrows have length 1 and would otherwise all be lukewarm.

# %%
for temperature in (10.0, 1.0, 0.3, 0.1):
    shares = (scores[4] / temperature).softmax(0)
    print(f"temperature {temperature:>4}: shares of document 5 {shares}   choice <{int(shares.argmax())}>")

# %% [markdown]
# ## 4. The choice kills the gradient
#
# A model learns by **gradients**: how much would the loss change if this number changed a little? Now change $h$ a
# little. Most of the time the same code stays the greatest, so *nothing* changes; at a border it jumps. The gradient of
# `argmax` is 0 almost everywhere. Torch is honest about it: nothing leads back to $h$.
#
# **Predict first.** What will the *mixture* below be, nearer to one row or to the mean of all four?

# %%
state = h[:1].clone().requires_grad_()
hard = E[(state @ E.T).argmax(dim=1)]
print("chosen row:", hard, " does a gradient lead back to h?", hard.requires_grad)

soft = (state @ E.T).softmax(dim=1) @ E
soft.sum().backward()
print("mixture:   ", soft.detach(), " gradient of its sum:", state.grad)

# %% [markdown]
# The second half shows a way out. Instead of the chosen row take the **mixture** $\sum_j P_s(j)\, e_j$, all rows
# weighted by their shares. It is smooth, so it has a gradient. But it is not a code: the reconstructor would be fed
# with something that no ID can say.
#
# ## 5. Equation (4): forward hard, backward soft
#
# $$\hat c^t = \begin{cases} e_{c^t} \text{ with } c^t = \arg\max_j h^t \cdot e_j & \text{forward} \\
# \sum_j P_s(j)\, e_j & \text{backward} \end{cases} \qquad (4)$$
#
# > **Slides, released code, this package.** The same in all three. (The released class is called *Gumbel*, but draws no
# > noise.) The package's default trains the rows at a tenth of the model's learning rate, `codebook_rate=0.1`.
#
# The *value* is the chosen row; the *gradient* is the mixture's. In code it is one line. `.detach()` says: use this
# number, but send no gradient through it.


# %%
def straight_through(state, rows):
    shares = (state @ rows.T).softmax(dim=1)
    soft = shares @ rows
    hard = rows[shares.argmax(dim=1)]
    return soft + (hard - soft).detach()  # the value: soft + hard - soft = hard. The gradient: that of soft


state = h[:1].clone().requires_grad_()
through = straight_through(state, E)
through.sum().backward()
print("value:   ", through.detach(), "\ngradient:", state.grad)

# %%
checks.straight_through(straight_through)
checks.equal(through, book.straight_through(h[:1])[0], "our ĉ and Codebook.straight_through")

# %% [markdown]
# **Measured with a ruler.** A gradient is a promise: *move $h$ by a little, and the mixture moves by that much*. Keep
# the promise by hand: move each number of $h$ by 0.001 up and down, and divide the change by 0.002.

# %%
measured = torch.zeros(2)
for axis in (0, 1):
    nudge = torch.zeros(1, 2)
    nudge[0, axis] = 0.001
    up, down = ((h[:1] + side * nudge) @ E.T for side in (1, -1))
    measured[axis] = ((up.softmax(1) @ E).sum() - (down.softmax(1) @ E).sum()) / 0.002
print("measured:", measured)
checks.equal(state.grad[0], measured, "the gradient and the ruler", tolerance=1e-3)

# %% [markdown]
# The same in one picture. Two codes on a line, at $-1$ and $+1$; let $h$ walk from left to right. The value is a step:
# flat, then a jump. The mixture climbs where the model hesitates, and it is this slope that the encoder feels.

# %%
walk = torch.linspace(-3, 3, 121)[:, None].requires_grad_()
pair = torch.tensor([[-1.0], [1.0]])
value = straight_through(walk, pair)
slope = torch.autograd.grad(value.sum(), walk)[0]
mixture = (walk @ pair.T).softmax(1) @ pair
curves = {"ĉ, the value": value, "the mixture": mixture, "gradient that h feels": slope}
lmi.plots.lines(
    walk.flatten().tolist(), {name: curve.flatten().tolist() for name, curve in curves.items()},
    "Eq. (4): a step with the slope of a hill", x="h",
)  # fmt: skip

# %% [markdown]
# **Does the trick do any good?** A document stands at code 0, and the loss wants the row of code 2. With `argmax`
# alone it would stay forever. With equation (4) it walks until the choice flips (by way of the code that lies between).
# Each number below is one step of gradient descent.

# %%
state = torch.tensor([[0.8, 0.5]], requires_grad=True)
visited = []
for _ in range(40):
    loss = (straight_through(state, E) - E[2]).pow(2).sum()
    (gradient,) = torch.autograd.grad(loss, state)
    visited.append(int((state @ E.T).argmax()))
    state = (state - 0.1 * gradient).detach().requires_grad_()
print("the code at each step:", visited)
checks.true(visited[0] == 0 and visited[-1] == 2, "the document has walked from code 0 to code 2")

# %% [markdown]
# ## 6. Real text, a real model
#
# The finished WordNet run again. Its encoder is *all-MiniLM-L6-v2*, which is frozen, and its decoder was trained. We
# ask for the state of one definition, and for the probabilities of all 32 codes at each position.

# %%
run = lmi.Bundle.open(lmi.samples_folder() / "runs" / "wordnet")
indexer = lmi.load_indexer(run.path)
text = "a small bird with a red breast"
scorer = indexer.scorer(text)
prefix = []
for position in (1, 2, 3):
    p = torch.from_numpy(scorer.log_probabilities([prefix])).exp()[0]
    prefix.append(int(p.argmax()))
    best = ", ".join(f"<{int(j)}> {float(p[j]):.2f}" for j in p.topk(4).indices)
    print(f"position {position}: {best}")
print(indexer.encode([text]).strings()[0])

# %%
checks.equal(prefix, indexer.encode([text]).codes[0], "step by step and all at once: the codes")

# %% [markdown]
# **What this model adds to equation (1).** MiniLM already knows much about similar texts, so the run begins there
# (`start="pooled"`, and beside it a *lexical* part made from word counts): $h^t = \text{start}_d - \sum_{j<t} e_{c^j}
# + \text{gate} \cdot \text{decoder state}$. You know the middle part from notebook 01: *take away what the earlier
# codes said*. The last part is equation (1), through a gate that opens as far as training finds useful. By hand, for
# position 2:

# %%
model, documents = indexer.model_, scorer.documents
row = model.codebooks[0].look_up(torch.tensor(prefix[:1]))
with torch.no_grad():
    scale = model.encoder.code_scale
    inputs = torch.stack([model.encoder.backbone.start[None], scale * row], dim=1)
    decoded = model.encoder.backbone.decode(inputs, documents.states, documents.present)
    h2 = documents.start - row + model.encoder.gate * decoded[:, 1] / scale
    theirs, _ = model.encoder(documents, [row])
print("the gate:", round(model.encoder.gate.item(), 3), "  h² begins:", h2[0, :5])
checks.equal(h2, theirs[:, 1], "our h² and the model's")

# %% [markdown]
# Why these codes? Each panel shows the best codes of one position, with the key words of the documents that hold them.

# %%
from lmindexer.browse import RunBrowser, inside

browser = RunBrowser.from_bundle(run)
lmi.plots.code_probabilities(inside.why(browser, indexer, run.corpus.titles.index("partridge")))

# %% [markdown]
# ## Exercises
#
# **★ (5 minutes) Equation (2) yourself**, without `softmax`: states `[B, d]` and rows `[K, d]` to probabilities `[B,
# K]`.


# %%
def my_probabilities(h, rows):
    return ...


checks.code_probabilities(my_probabilities)

# %% [markdown]
# **★ (2 minutes) Equation (3) yourself.**


# %%
def my_choice(h, rows):
    return ...


checks.choose_codes(my_choice)

# %% [markdown]
# **★★ (5 minutes) Make it sure.** Find a temperature at which document 5 ("a headset for a game on a console") gives
# its best code at least 90 % and at most 99 %. (Halve it, look, halve it again.)

# %%
my_temperature = ...
checks.sure_temperature(my_temperature, h[4], E)

# %% [markdown]
# **★★★ (30 minutes) A gradient for all.** In the walk from code 0 to code 2 above the loss moved $h$. It also moves the
# *rows*. For `state = h[:1]` and the loss $\sum \hat c$, which row of $E$ gets the largest gradient, and which number
# is it, in theory? (The mixture is $\sum_j P_j e_j$; differentiate by $e_j$, and do not forget that $P$ depends on
# $e_j$ too.) Write the gradient of the loss with respect to the rows, for any state `[1, d]` and rows `[K, d]`, without
# autograd.
#
# <details><summary>Hint</summary>
#
# With $s_i$ the sum of row $i$ the loss is $\sum_i P_i s_i$. The row $e_j$ stands in it twice: in $s_j$, and, by way
# of the score $h \cdot e_j$, in all $P_i$. The derivative of a softmax is $\partial P_i / \partial a_j = P_i
# (\delta_{ij} - P_j)$.
#
# </details>


# %%
def my_row_gradient(state, rows):
    return ...


checks.row_gradient(my_row_gradient)

# %% [markdown]
# ## Summary
#
# | equation | what it does | here | in the package |
# |---|---|---|---|
# | (1) | text and codes so far to a state | section 2 | `SemanticEncoder.forward` |
# | (2) | state to shares of the codes | section 3 | `Codebook.log_probabilities` |
# | (3) | the greatest share wins | section 3 | `Codebook.choose` |
# | (4) | value hard, gradient soft | section 5 | `Codebook.straight_through` |
#
# We can choose codes and send gradients through the choice. But gradients of *what*? Nobody has told the model what a
# good code is. Next: [03](03_reconstruction_with_hints.ipynb), where the text itself is the teacher.
#
# **Read.** The slides "Learning Semantic IDs as Neural Sequential Discrete Representations" and "Reconstructing
# Document with Sequential Discrete Semantic ID Embeddings". The trick is from Bengio, Léonard and Courville (2013,
# arXiv 1308.3432). [lmindexer/model/model.py](../lmindexer/model/model.py) has all of it in one file.
#
# **Break it.** In section 5 replace the last line of `straight_through` by `return soft`, then by `return hard`, and
# run the check below it. Then set the learning rate of the walk to 2.0 and see where the document goes.
