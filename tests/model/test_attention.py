"""attend() and FewQueryAttention against transformers' own T5 attention with the same weights."""

import copy

import pytest
import torch
from transformers import T5Config
from transformers.models.t5.modeling_t5 import T5Attention, T5Stack

from lmindexer.model.attention import attend
from lmindexer.model.backbones import FewQueryAttention, fresh_decoder, read_by_few_queries
from lmindexer.settings.settings import make_settings


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def config(**changes):
    return T5Config(
        **{
            **{"vocab_size": 1, "d_model": 24, "d_kv": 5, "d_ff": 32, "num_layers": 3, "num_heads": 4},
            **{"is_decoder": True, "is_encoder_decoder": False, "dropout_rate": 0.1, "attn_implementation": "eager"},
            **changes,
        }
    )


def hide(present):
    """The additive mask [B, 1, 1, L] that transformers hands to attention."""
    return torch.zeros(present.shape).masked_fill(~present, torch.finfo(torch.float32).min)[:, None, None]


PRESENT = torch.tensor([[1, 1, 1, 1, 1, 0, 0], [1, 1, 0, 0, 0, 0, 0], [1] * 7], dtype=torch.bool)


PLACE = torch.arange(4)  # of queries; transformers 5.0 asks for it, later versions do not


@pytest.mark.parametrize("mask", [None, hide(PRESENT)], ids=["all", "padded"])
@pytest.mark.parametrize("queries", [1, 4])
def test_few_query_attention_is_t5_attention(mask, queries):
    theirs = T5Attention(config(), layer_idx=0).eval()
    ours = FewQueryAttention(config(), layer_idx=0).eval()
    ours.load_state_dict(theirs.state_dict())
    query, memory = drawn(3, queries, 24), drawn(3, 7, 24, seed=1)
    expected = theirs(query, mask=mask, key_value_states=memory, cache_position=PLACE[:queries])[0]
    assert torch.allclose(ours(query, mask=mask, key_value_states=memory)[0], expected, atol=1e-5)


def test_gradients_are_those_of_t5_attention():
    theirs, ours = T5Attention(config(), layer_idx=0).eval(), FewQueryAttention(config(), layer_idx=0).eval()
    ours.load_state_dict(theirs.state_dict())
    found = []
    for attention in (theirs, ours):
        query, memory = drawn(3, 2, 24).requires_grad_(), drawn(3, 7, 24, seed=1).requires_grad_()
        read = attention(query, mask=hide(PRESENT), key_value_states=memory, cache_position=PLACE[:2])[0]
        read.pow(2).sum().backward()
        found.append([query.grad, memory.grad, *(weight.grad for weight in attention.parameters())])
    for expected, gradient in zip(*found, strict=True):
        assert torch.allclose(gradient, expected, atol=1e-4)


@pytest.mark.parametrize("layers", [1, 3])
def test_a_whole_decoder_gives_the_same_states(layers):
    theirs = T5Stack(config(num_layers=layers)).eval()
    ours = copy.deepcopy(theirs)
    for number, block in enumerate(ours.block):
        attention = FewQueryAttention(ours.config, layer_idx=number)
        attention.load_state_dict(block.layer[1].EncDecAttention.state_dict())
        block.layer[1].EncDecAttention = attention
    inputs = {"inputs_embeds": drawn(3, 4, 24), "encoder_hidden_states": drawn(3, 7, 24, seed=1), "use_cache": False}
    for present in (PRESENT, torch.ones_like(PRESENT)):
        expected = theirs(**inputs, encoder_attention_mask=present.long()).last_hidden_state
        found = ours.eval()(**inputs, encoder_attention_mask=present.long()).last_hidden_state
        assert torch.allclose(found, expected, atol=1e-4)


def test_the_fresh_decoder_is_causal_and_blind_to_padding():
    decoder = fresh_decoder(64, make_settings("tiny")).eval()
    assert all(isinstance(block.layer[1].EncDecAttention, FewQueryAttention) for block in decoder.block)
    inputs, states = drawn(3, 3, 64), drawn(3, 7, 64, seed=1)

    def run(inputs, states):
        return decoder(
            inputs_embeds=inputs, encoder_hidden_states=states, encoder_attention_mask=PRESENT.long(), use_cache=False
        ).last_hidden_state

    expected = run(inputs, states)
    later = inputs.clone()
    later[:, 2] = 9.0
    assert torch.allclose(run(later, states)[:, :2], expected[:, :2], atol=1e-5)
    padding = torch.where(PRESENT[..., None], states, torch.full_like(states, 9.0))
    assert torch.allclose(run(inputs, padding), expected, atol=1e-5)


def test_dropout_acts_on_shares_in_training_only():
    attention = FewQueryAttention(config(dropout_rate=0.5), layer_idx=0)
    query, memory = drawn(2, 1, 24), drawn(2, 6, 24, seed=1)

    def run():
        return attention(query, key_value_states=memory)[0]

    attention.eval()
    assert torch.equal(run(), run())
    attention.train()
    torch.manual_seed(0)
    assert not torch.equal(run(), run())


def test_attend_equals_a_loop_over_heads():
    weights = T5Attention(config(), layer_idx=0)
    query, memory, bias = drawn(2, 3, 24), drawn(2, 5, 24, seed=1), drawn(2, 4, 3, 5, seed=2)
    expected = torch.zeros(2, 3, 20)
    for b in range(2):
        for head in range(4):
            part = slice(5 * head, 5 * head + 5)
            q, k, v = (linear.weight[part] @ x.T for linear, x in _with_inputs(weights, query[b], memory[b]))
            share = (q.T @ k + bias[b, head]).softmax(-1)  # [Q, L]
            expected[b, :, part] = share @ v.T
    found = attend(query, memory, weights, 4, bias)
    assert torch.allclose(found, expected @ weights.o.weight.T, atol=1e-5)


def _with_inputs(weights, query, memory):
    return (weights.q, query), (weights.k, memory), (weights.v, memory)


def test_views_that_share_a_memory_equal_views_with_a_memory_each():
    decoder = fresh_decoder(64, make_settings("tiny", decoder_layers=2)).eval()
    inputs, states = drawn(6, 2, 64), drawn(3, 7, 64, seed=1)

    def run(states, present):
        given = {"inputs_embeds": inputs, "encoder_hidden_states": states, "encoder_attention_mask": present.long()}
        return decoder(**given, use_cache=False).last_hidden_state

    assert torch.allclose(run(states, PRESENT), run(states.repeat(2, 1, 1), PRESENT.repeat(2, 1)), atol=1e-5)
    weights, bias = T5Attention(config(), layer_idx=0), drawn(6, 4, 2, 7, seed=2)
    query, memory = drawn(6, 2, 24), drawn(3, 7, 24, seed=1)
    expected = attend(query, memory.repeat(2, 1, 1), weights, 4, bias)
    assert torch.allclose(attend(query, memory, weights, 4, bias), expected, atol=1e-5)


@pytest.mark.parametrize("kind", ["eager", "sdpa"])
def test_a_pretrained_decoder_keeps_its_weights_and_its_states(kind):
    if kind == "sdpa" and not T5Stack._supports_sdpa:
        pytest.skip("this version of transformers has none for T5")
    theirs = T5Stack(config(attn_implementation=kind)).eval()
    ours = copy.deepcopy(theirs)
    read_by_few_queries(ours)
    assert all(isinstance(block.layer[1].EncDecAttention, FewQueryAttention) for block in ours.block)
    expected = dict(theirs.named_parameters())
    found = dict(ours.named_parameters())
    assert found.keys() == expected.keys() and all(torch.equal(found[name], expected[name]) for name in expected)
    assert all(parameter.requires_grad for parameter in ours.parameters())
    inputs = {"inputs_embeds": drawn(3, 4, 24), "encoder_hidden_states": drawn(3, 7, 24, seed=1), "use_cache": False}
    for present in (PRESENT, torch.ones_like(PRESENT)):
        given = {**inputs, "encoder_attention_mask": present.long()}
        one, other = (stack(**given).last_hidden_state for stack in (theirs, ours))
        assert torch.allclose(other, one, atol=1e-4)
