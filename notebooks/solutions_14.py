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
# # Solutions, 14
#
# **The question.** How can the nine functions of [14](14_the_whole_method.ipynb) be written? Try first: an answer that
# you found stays longer than one that you read.
#
# **Time.** Seconds on a 2-core CPU. **You will see** one way to write each, checked on drawn cases.

# %%
import torch
from sklearn.cluster import KMeans

from lmindexer.course import begin, building

device = begin(seed=0)

# %% [markdown]
# **★★ The encoder**, equation (1). The first input is the start vector, then the rows of the codes so far.


# %%
def my_encoder(t5, words, earlier):
    states = t5.encoder(input_ids=words).last_hidden_state  # [B, L, d]
    start = t5.shared.weight[0].expand(len(words), -1)  # [B, d]
    inputs = torch.stack([start, *earlier], dim=1)  # [B, t, d]
    return t5.decoder(inputs_embeds=inputs, encoder_hidden_states=states).last_hidden_state


encode = building.encoder(my_encoder)

# %% [markdown]
# **★ The choice**, equations (2) to (4). The value is `soft + hard - soft`, the gradient that of `soft`.


# %%
def my_choice(h, rows):
    log_p = (h @ rows.T).log_softmax(1)  # [B, K]
    soft, code = log_p.exp() @ rows, log_p.argmax(1)
    return soft + (rows[code] - soft).detach(), code, log_p


choice = building.choice(my_choice)

# %% [markdown]
# **★★ The attention**, equation (5). What may not be read loses its score before the softmax, so the shares of the
# others sum to 1.


# %%
def my_attention(q, k, v, seen):
    scores = (k * q[:, None]).sum(2).masked_fill(~seen, -1e9)  # [B, S]
    return (scores.softmax(1)[:, :, None] * v).sum(1)  # [B, d]


attend = building.attention(my_attention)

# %% [markdown]
# **★ The surprise**, equations (6) to (8). First the mean of each document, then the mean over documents.


# %%
def my_surprise(logits, words, visible):
    each = -logits.log_softmax(1).gather(1, words) * ~visible  # [B, L]
    hidden = (~visible).sum(1)  # [B]
    return (each.sum(1)[hidden > 0] / hidden[hidden > 0]).mean()


surprise = building.surprise(my_surprise)

# %% [markdown]
# **★★ The contrast**, equation (9). A document is in its own crowd, so a crowd of one is nobody else.


# %%
def my_contrast(h, view, earlier):
    crowd = (earlier[:, None] == earlier[None]).all(2)  # [B, B]
    scores = (h @ view.T).masked_fill(~crowd, -1e9)
    return -scores.log_softmax(1).diagonal()[crowd.sum(1) > 1].mean()


contrast = building.contrast(my_contrast)

# %% [markdown]
# In a batch in which *every* document is alone this is a mean of nothing, `nan`. With 32 documents and four prefixes it
# does not happen; with many codes it does, and `losses.mean_where` of the package gives 0 then. (The released code has
# the `nan`.)
#
# **★ The commitment**, equation (10).


# %%
def my_commitment(log_probabilities, codes):
    return sum(-table.gather(1, codes[:, j : j + 1]).mean() for j, table in enumerate(log_probabilities))


commit = building.commitment(my_commitment)

# %% [markdown]
# **★★ The first rows.** Centres of one length, so that the greatest dot product is the nearest centre.


# %%
def my_first_rows(h, K):
    centres = torch.tensor(KMeans(K, n_init=3, random_state=0).fit(h.numpy()).cluster_centers_)
    length = centres.norm(dim=1, keepdim=True)
    return centres / length * length.mean()


first_rows = building.first_rows(my_first_rows)

# %% [markdown]
# **★ The plan.** One stage once, three for every position.


# %%
def my_plan(positions):
    stages = [("reconstructor_warmup", 0)]
    for t in range(1, positions + 1):
        stages += [("continuous", t), ("codebook_init", t), ("discrete", t)]
    return stages


plan = building.stages_in_order(my_plan)

# %% [markdown]
# **★★★ Reading off an ID.** The last state chooses, its row goes back in.


# %%
def my_address(words, encode, t5, books):
    codes, rows = [], []
    with torch.no_grad():
        for book in books:
            codes.append(my_choice(encode(t5, words, rows)[:, -1], book)[1])
            rows.append(book[codes[-1]])
    return torch.stack(codes, dim=1)


address = building.address(my_address)

# %% [markdown]
# These are the reader's lines; what joins them stands in the lesson. How many are they together, without comments,
# docstrings, imports, checks, prints and figures? (Lines as Python's own printer sets them.)

# %%
import ast
from pathlib import Path


def lines_of_definitions(path):
    """Lines of all functions and classes of a source, docstrings and the reader's gaps left out."""
    found = [node for node in ast.parse(Path(path).read_text(encoding="utf-8")).body if hasattr(node, "body")]
    made = [node for node in found if isinstance(node, ast.FunctionDef | ast.ClassDef)]
    kept = [node for node in made if ast.unparse(node.body[-1]) != "return ..." and node.name != "lines_of_definitions"]
    return sum(len(ast.unparse(node).splitlines()) - (ast.get_docstring(node) is not None) for node in kept)


# %%
from lmindexer.course import checks

mine, lesson = lines_of_definitions("solutions_14.py"), lines_of_definitions("14_the_whole_method.py")
print(f"{mine} lines by the reader, {lesson} that join them: {mine + lesson} for the whole method")
checks.true(90 <= mine + lesson <= 130, "the method has about a hundred lines")
