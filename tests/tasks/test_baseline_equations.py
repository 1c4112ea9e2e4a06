"""The baselines' networks against their papers' equations, written out in plain NumPy loops."""

import math

import numpy as np
import pytest
import torch
from shop import corpus_of, ring_corpus

from lmindexer.tasks.recommendation import (
    FDSA,
    HGN,
    BERT4Rec,
    GenerativeRecommender,
    GRU4Rec,
    HistoryBatch,
    Recommendation,
    SASRec,
)
from lmindexer.tasks.search.dual_encoder import _MapTraining

HISTORY = [3, 0, 5, 2]


@pytest.fixture(scope="module")
def task():
    return Recommendation(ring_corpus(users=6))


def network_of(task, model):
    """An untrained network with weights that are large enough to matter, by name as arrays."""
    torch.manual_seed(0)
    network = model._network(task).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.3)
    return network, {name: value.double().numpy() for name, value in network.state_dict().items()}


def states(network, items=HISTORY, user=1) -> np.ndarray:
    batch = HistoryBatch(torch.tensor([items]), torch.tensor([len(items)]), torch.tensor([user]))
    with torch.no_grad():
        return network(batch)[0].double().numpy()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gelu(x):
    return x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))


def linear(x, w, name):
    return x @ w[f"{name}.weight"].T + w.get(f"{name}.bias", 0.0)


def layer_norm(x, w, name):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]


def attention(x, w, name, heads, causal):
    """softmax(q k / sqrt(d / heads)) v of each head and place, place by place."""
    q, k, v = np.split(linear(x, w, f"{name}.qkv"), 3, axis=-1)
    width, mixed = x.shape[1] // heads, np.zeros_like(x)
    for head in range(heads):
        part = slice(head * width, (head + 1) * width)
        for place in range(len(x)):
            seen = place + 1 if causal else len(x)
            score = np.exp([q[place, part] @ k[other, part] / math.sqrt(width) for other in range(seen)])
            mixed[place, part] = sum(p * v[other, part] for other, p in enumerate(score / score.sum()))
    return linear(mixed, w, f"{name}.out")


def feed(x, w, name):
    return linear(gelu(linear(x, w, f"{name}.up")), w, f"{name}.down")


def encoder(x, w, name, layers, heads):
    """norm first, causal (SASRec, FDSA)."""
    x = x + w[f"{name}.positions"][: len(x)]
    for layer in range(layers):
        block = f"{name}.blocks.{layer}"
        x = x + attention(layer_norm(x, w, f"{block}.norms.0"), w, block, heads, causal=True)
        x = x + feed(layer_norm(x, w, f"{block}.norms.1"), w, block)
    return layer_norm(x, w, f"{name}.last")


def test_sasrec(task):
    network, w = network_of(task, SASRec(dim=8, heads=2, layers=2, max_history=6))
    found = states(network)
    np.testing.assert_allclose(found, encoder(w["items.weight"][HISTORY], w, "encoder", 2, 2), atol=1e-4)
    np.testing.assert_array_equal(network.rows().double().detach().numpy(), w["items.weight"][:-1])


def test_gru4rec(task):
    network, w = network_of(task, GRU4Rec("paper", dim=6, hidden=5))
    h, found = np.zeros(5), states(network)
    for place, item in enumerate(HISTORY):
        x = w["items.weight"][item] @ w["gru.weight_ih_l0"].T + w["gru.bias_ih_l0"]
        y = h @ w["gru.weight_hh_l0"].T + w["gru.bias_hh_l0"]
        (rx, zx, nx), (rh, zh, nh) = np.split(x, 3), np.split(y, 3)
        reset, keep = sigmoid(rx + rh), sigmoid(zx + zh)
        h = (1 - keep) * np.tanh(nx + reset * nh) + keep * h
        np.testing.assert_allclose(found[place], linear(h, w, "down"), atol=1e-5)
    np.testing.assert_array_equal(network.rows().double().detach().numpy(), w["output.weight"][:-1])


@pytest.mark.parametrize("user", [1, -1], ids=["a user", "nobody known"])
def test_hgn(task, user):
    network, w = network_of(task, HGN(dim=6, max_history=5))
    u = w["users.weight"][user] if user >= 0 else w["users.weight"].mean(0)
    gated, total = [], np.zeros(6)
    for place, item in enumerate(HISTORY):
        s = w["items.weight"][item]
        f = s * sigmoid(linear(s, w, "item_gate") + u @ w["user_gate.weight"].T)
        age = len(HISTORY) - 1 - place
        gated.append(f * sigmoid(f @ w["weigh.weight"][0] + u @ w["places.weight"][age]))
        total += s
    wanted = u + np.mean(gated, axis=0) + total
    np.testing.assert_allclose(states(network, user=user)[0], wanted, atol=1e-5)


def test_bert4rec(task):
    network, w = network_of(task, BERT4Rec(dim=8, heads=2, layers=2, max_history=6))
    items, mask = len(task.corpus), len(task.corpus)  # row N of the table is [mask]; number N + 1 says so
    x = w["items.weight"][[*HISTORY, mask]] + w["encoder.positions"][: len(HISTORY) + 1]
    x = layer_norm(x, w, "encoder.first")
    for layer in range(2):
        block = f"encoder.blocks.{layer}"
        x = layer_norm(x + attention(x, w, block, 2, causal=False), w, f"{block}.norms.0")
        x = layer_norm(x + feed(x, w, block), w, f"{block}.norms.1")
    x = layer_norm(gelu(linear(x, w, "head")), w, "norm")
    with torch.no_grad():
        found = network(torch.tensor([[*HISTORY, items + 1]]))[0].double().numpy()
    np.testing.assert_allclose(found, x, atol=1e-4)


def test_fdsa(task):
    network, w = network_of(task, FDSA(dim=8, heads=2, layers=1, max_history=6, text=None))
    features = []
    for item in HISTORY:
        rows = [w["labels.weight"][label] for label in w["label_of"][item].astype(int)]
        score = np.exp([linear(row, w, "attend")[0] for row in rows])
        features.append(sum(p * row for p, row in zip(score / score.sum(), rows, strict=True)))
    x = encoder(w["items.weight"][HISTORY], w, "over_items", 1, 2)
    y = encoder(np.array(features), w, "over_features", 1, 2)
    np.testing.assert_allclose(states(network), linear(np.concatenate([x, y], 1), w, "join"), atol=1e-4)


def test_the_query_maps_loss():
    random = np.random.default_rng(0)
    documents, queries = (random.normal(size=(rows, 4)).astype(np.float32) for rows in (5, 3))
    training = _MapTraining(documents, seed=0).eval()
    training.scale.data = torch.tensor(3.0).log()
    training.map.map.data = torch.from_numpy(random.normal(size=(4, 4)).astype(np.float32))
    a, right, losses = training.map.map.detach().numpy(), [4, 0, 2], []
    for query, document in zip(queries, right, strict=True):
        score = np.exp([3.0 * (query + query @ a) @ other for other in documents])
        losses.append(-math.log(score[document] / score.sum()))
    found = training.loss(torch.from_numpy(queries), torch.tensor(right), torch.tensor([0, 1, 2]))
    assert float(found.detach()) == pytest.approx(np.mean(losses), rel=1e-4)


def test_who_has_taken_everything_gets_nothing_from_a_model_by_ids_either():
    import lmindexer as lmi

    corpus = corpus_of({f"u{user}": [f"i{(user + step) % 8}" for step in range(6)] for user in range(8)})
    task = Recommendation(corpus)
    ids = lmi.SemanticIDs.from_codes(corpus.doc_ids, [[place // 3, place % 3] for place in range(8)], (3, 3))
    for changes in ({"output": "codes"}, {"output": "codes", "decoding": "beam", "width": 2}, {"decoding": "beam"}):
        settings = {"dim": 8, "epochs": 1, "text": None, "ties": "suffix"} | changes
        model = GenerativeRecommender(ids, **settings).fit(task, progress=False)
        assert len(model.recommend(corpus.doc_ids.tolist())) == 0
        assert sorted(model.recommend(corpus.doc_ids.tolist()[:6])["doc_id"]) == ["i6", "i7"]
