"""The head over the ID tree: loss and scores against plain loops, in every form; history and added documents."""

import copy

import numpy as np
import pytest
import torch
from transformers import T5Config, T5EncoderModel

import lmindexer as lmi
from lmindexer.common.errors import SettingsError
from lmindexer.tasks import decoding
from lmindexer.tasks.decoding import DecodingTree
from lmindexer.tasks.generative import (
    CodeDecoder,
    DecoderScorer,
    HistoryPaths,
    PathHead,
    PathScorer,
    added_nodes,
    node_means,
    product,
    quicken,
)

DOCUMENTS, DIM = 30, 8
FORMS = {
    "nodes": {},
    "nodes, no texts": {"vectors": None},
    "nodes, suffix": {"ties": "suffix"},
    "nodes, history": {"oldest": 3},
    "codes": {"output": "codes"},
    "codes, history": {"output": "codes", "oldest": 3, "ties": "suffix"},
    "codes, whole codebook": {"output": "codes", "normalise": "codebook", "ties": "suffix"},
    "codes, whole codebook, texts": {"output": "codes", "normalise": "codebook"},
}


def some_ids(seed=0, documents=DOCUMENTS):
    rng = np.random.default_rng(seed)
    codes = np.column_stack([rng.integers(0, size, documents) for size in (3, 4, 3)])
    codes[rng.random(documents) < 0.2, 2] = -1
    return lmi.SemanticIDs.from_codes([str(i) for i in range(documents)], codes, (3, 4, 3))


def some_head(form: str):
    options = {"vectors": torch.randn(DOCUMENTS, 5, generator=torch.Generator().manual_seed(1))} | FORMS[form]
    torch.manual_seed(0)
    tree = DecodingTree.from_ids(some_ids())
    head = PathHead(tree, DIM, options.pop("vectors"), **options).eval()
    with torch.no_grad():
        for parameter in head.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return head, tree


def some_decoder(normalise: str):
    torch.manual_seed(0)
    tree = DecodingTree.from_ids(some_ids())
    decoder = CodeDecoder(tree, [4, 5, 4, 9], 12, 2, 3, 4, 24, normalise=normalise).eval()
    with torch.no_grad():
        for parameter in decoder.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return decoder, tree


def some_history(tree, queries=4):
    rng = np.random.default_rng(2)
    documents = torch.from_numpy(rng.integers(0, DOCUMENTS, (queries, 6)))
    return HistoryPaths.of(tree, documents, torch.tensor([6, 1, 3, 4])[:queries], oldest=3)


@pytest.mark.parametrize("form", list(FORMS))
def test_loss_scores_and_decoding_agree_and_probabilities_sum_to_one(form):
    head, tree = some_head(form)
    states, history = torch.randn(4, DIM), some_history(tree)
    scorer = PathScorer(head, states, history)
    scores = decoding.all_scores(scorer, tree)
    if head.normalise == "tree":
        assert torch.allclose(scores.exp().sum(1), torch.ones(4), atol=1e-4)
    else:
        assert (scores.exp().sum(1) <= 1 + 1e-5).all()  # what does not exist keeps its share
    documents = torch.tensor([3, 17, 0, 29])
    each = decoding.path_log_probabilities(scorer, tree, tree.paths(documents))
    assert torch.allclose(each.sum(1), scores[torch.arange(4), documents], atol=1e-4)
    assert torch.allclose(head.loss(states, documents, history), -each.mean(0), atol=1e-4)
    exact = decoding.exact_top(scorer, tree, 7, width=1)
    best = scores.sort(1, descending=True)
    assert torch.allclose(exact.scores, best.values[:, :7], atol=1e-4)
    head.loss(states, documents, history).sum().backward()
    assert all(torch.isfinite(p.grad).all() for p in head.parameters() if p.grad is not None)


@pytest.mark.parametrize("form", ["nodes", "nodes, history", "nodes, no texts"])
def test_whole_levels_equal_prefix_by_prefix(form):
    head, tree = some_head(form)
    scorer = PathScorer(head, torch.randn(3, DIM), some_history(tree, 3))
    whole = decoding.all_scores(scorer, tree)
    del scorer.level_scores
    assert torch.allclose(decoding.all_scores(scorer, tree), whole, atol=1e-4)


def test_the_slides_loss_by_hand():
    """-Σ_t log softmax over the whole codebook, one document, with the state that knows the prefix."""
    head, _ = some_head("codes, whole codebook")
    h, document = torch.randn(1, DIM), 5
    ids, total, x = some_ids(), 0.0, h
    path = [*ids.codes[document].tolist(), int(ids.suffix[document])]
    for level, code in enumerate(path):
        y = x + head.place[level]
        s = head.last(y + head.mlp(head.norm(y)))
        logits = torch.stack([(s[0] * row).sum() for row in head.rows[level]])
        total = total - (logits[code + 1] - torch.logsumexp(logits, 0))
        x = x + head.rows[level][code + 1]
    assert float(head.loss(h, torch.tensor([document])).sum().detach()) == pytest.approx(
        float(total.detach()), abs=1e-4
    )


def test_history_weights_by_a_slow_loop():
    head, tree = some_head("nodes, history")
    states, history = torch.randn(4, DIM), some_history(tree)
    for level in range(1, tree.depth + 1):
        plain = head.level_logits(states, level, None)
        for query in range(4):
            for path, age in zip(history.paths[query], history.age[query], strict=True):
                if age >= 0:
                    plain[query, path[level] - tree.level_start[level]] += head.history_weight[level - 1, age]
        assert torch.allclose(head.level_logits(states, level, history), plain, atol=1e-5)
    assert history.age[1].tolist() == [0, -1, -1, -1, -1, -1] and history.age[0].tolist() == [2, 2, 2, 2, 1, 0]


def test_node_means_by_a_slow_loop():
    tree = DecodingTree.from_ids(some_ids())
    vectors = torch.randn(DOCUMENTS, 3)
    means = node_means(tree, vectors)
    for node in range(len(tree)):
        below = tree.documents[int(tree.first_leaf[node]) : int(tree.last_leaf[node])].long()
        assert torch.allclose(means[node], vectors[below].mean(0), atol=1e-5)


def test_added_documents_need_no_training():
    head, old = some_head("nodes")
    ids = some_ids()
    larger = ids.append(ids.extend(["new", "twin"], [[2, 3, 2], ids.codes[0].tolist()])[0])
    new = DecodingTree.from_ids(larger)
    was = added_nodes(old, new)
    assert (was >= 0).sum() == len(old) and was[0] == 0
    vectors = torch.randn(DOCUMENTS, 5, generator=torch.Generator().manual_seed(1))
    bias = torch.where(was >= 0, head.bias.detach()[was.clamp(min=0)], 0.0)
    head.bias = torch.nn.Parameter(bias)
    head.set_tree(new, torch.cat([vectors, torch.randn(2, 5)]))
    scores = decoding.all_scores(PathScorer(head, torch.randn(2, DIM)), new)
    assert scores.shape == (2, DOCUMENTS + 2) and torch.allclose(scores.exp().sum(1), torch.ones(2), atol=1e-4)


def test_training_overfits_a_toy_set():
    torch.manual_seed(0)
    tree = DecodingTree.from_ids(some_ids())
    for options in ({}, {"output": "codes", "ties": "suffix"}, {"output": "codes", "normalise": "codebook"}):
        head = PathHead(tree, DIM, torch.randn(DOCUMENTS, 5), **options)
        states, documents = torch.nn.functional.normalize(torch.randn(6, DIM), dim=1) * 3, torch.arange(6) * 5
        optimizer = torch.optim.Adam(head.parameters(), 0.05)
        for _ in range(60):
            loss = head.loss(states, documents).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        head.eval()
        with torch.no_grad():
            found = decoding.exact_top(PathScorer(head, states), tree, 1)
        assert found.documents[:, 0].tolist() == documents.tolist()


def test_values_that_do_not_fit_are_said():
    tree = DecodingTree.from_ids(some_ids())
    with pytest.raises(SettingsError, match="output is 'words'"):
        PathHead(tree, DIM, output="words")
    with pytest.raises(SettingsError, match='give output="codes"'):
        PathHead(tree, DIM, normalise="codebook")


@pytest.mark.parametrize("normalise", ["tree", "codebook"])
def test_the_decoder_step_by_step_equals_the_decoder_at_once(normalise):
    decoder, tree = some_decoder(normalise)
    states, present = torch.randn(4, 7, 12), torch.arange(7) < torch.tensor([[7], [3], [1], [5]])
    scorer = DecoderScorer(decoder, states, present)
    documents = torch.tensor([3, 17, 0, 29])
    each = decoding.path_log_probabilities(scorer, tree, tree.paths(documents))
    assert torch.allclose(decoder.loss(states, present, documents), -each.mean(0), atol=1e-4)
    scores = decoding.all_scores(scorer, tree)
    assert torch.allclose(scores[torch.arange(4), documents], each.sum(1), atol=1e-4)
    assert torch.allclose(decoding.exact_top(scorer, tree, 5, 2).scores, scores.topk(5).values, atol=1e-4)
    if normalise == "tree":
        assert torch.allclose(scores.exp().sum(1), torch.ones(4), atol=1e-4)


def test_products_of_every_size_equal_pytorchs_and_keep_gradients():
    """Above and below the size at which another library multiplies, with and without gradients, any leading axes."""
    for rows, dim, wide in ((3, 4, 5), (2000, 64, 96)):
        x, weight = torch.randn(2, rows // 2, dim), torch.randn(wide, dim, requires_grad=True)
        with torch.no_grad():
            assert torch.allclose(product(x, weight), x @ weight.T, atol=1e-3)
        product(x, weight).sum().backward()
        assert torch.allclose(weight.grad, x.sum((0, 1)).expand_as(weight), atol=1e-3)


def test_a_quickened_encoder_answers_and_learns_as_before():
    config = T5Config(vocab_size=9, d_model=64, d_kv=16, d_ff=256, num_layers=2, num_heads=4, dropout_rate=0.0)
    plain = T5EncoderModel(config).eval()
    quick = quicken(copy.deepcopy(plain))
    assert quick.state_dict().keys() == plain.state_dict().keys()
    tokens = torch.randint(0, 9, (16, 40))
    with torch.inference_mode():
        assert torch.allclose(quick(tokens).last_hidden_state, plain(tokens).last_hidden_state, atol=1e-4)
    for model in (quick, plain):
        model(tokens).last_hidden_state.square().sum().backward()
    for one, other in zip(quick.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-2, rtol=1e-3)


@pytest.mark.parametrize("normalise", ["tree", "codebook"])
def test_the_decoder_answers_alike_whatever_else_is_in_the_batch(normalise):
    decoder, tree = some_decoder(normalise)
    states, present = torch.randn(5, 7, 12), torch.arange(7) < torch.tensor([[7], [3], [1], [5], [7]])
    whole = decoding.beam_search(DecoderScorer(decoder, states, present), tree, 4, 6)
    for query in range(5):
        size = int(present[query].sum())
        alone = DecoderScorer(decoder, states[query : query + 1, :size], present[query : query + 1, :size])
        found = decoding.beam_search(alone, tree, 4, 6)
        assert found.documents[0].tolist() == whole.documents[query].tolist()
        assert torch.allclose(found.scores[0], whole.scores[query], atol=1e-5)
