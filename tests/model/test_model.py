"""The model's formulas: straight-through codes, the sum over positions, no leak of a hidden word, greedy assignment."""

import pytest
import torch

from lmindexer.model.backbones import make_backbone
from lmindexer.model.hints import Hints
from lmindexer.model.losses import reconstruction_loss
from lmindexer.model.model import Codebook, Documents, IndexerModel, Reconstructor, pooled_states
from lmindexer.settings.settings import make_settings

WIDTH, WORDS, LENGTH = 64, 11, 5
TEXTS = ["one two three four", "five six", "seven eight nine ten eleven"]


def drawn(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---- codebook --------------------------------------------------------------------------------------------------


def codebook(temperature=1.0, size=4, width=3):
    book = Codebook(size, width, temperature)
    book.set_rows(drawn(size, width))
    return book


def test_probabilities_are_the_softmax_of_dot_products():
    book, h = codebook(temperature=0.5), drawn(2, 3, seed=1)
    for i in range(2):
        scores = [float(h[i] @ row) / 0.5 for row in book.rows.detach()]
        expected = torch.tensor(scores).softmax(0)
        assert torch.allclose(book.log_probabilities(h).exp()[i], expected, atol=1e-6)


def test_the_code_is_the_largest_dot_product_not_the_nearest_row():
    book = Codebook(2, 1)
    book.set_rows(torch.tensor([[1.0], [5.0]]))
    assert book.choose(torch.tensor([[1.0]])).tolist() == [1]  # row 0 is nearer, row 1 has the larger product


@pytest.mark.parametrize("temperature", [1.0, 0.1])
def test_straight_through_is_hard_forward_and_soft_backward(temperature):
    h = drawn(5, 3, seed=1).requires_grad_()
    book, weight = codebook(temperature), drawn(5, 3, seed=2)
    code, chosen, log_p = book.straight_through(h)
    assert torch.equal(chosen, book.choose(h))
    assert torch.allclose(code, book.rows[chosen], atol=1e-6)  # forward: the hard row
    assert torch.equal(log_p, book.log_probabilities(h))
    gradients = torch.autograd.grad((code * weight).sum(), (h, book.rows))

    probabilities = (h @ book.rows.T / temperature).softmax(-1)
    soft = sum(probabilities[:, j : j + 1] * book.rows[j] for j in range(4))
    expected = torch.autograd.grad((soft * weight).sum(), (h, book.rows))
    for found, right in zip(gradients, expected, strict=True):
        assert torch.allclose(found, right, atol=1e-5)


def test_the_gradient_reaches_h_and_every_row():
    h, book = drawn(6, 3, seed=1).requires_grad_(), codebook()
    book.straight_through(h)[0].pow(2).sum().backward()
    assert h.grad.abs().sum(1).gt(0).all()
    assert book.rows.grad.abs().sum(1).gt(0).all()


# ---- reconstructor ---------------------------------------------------------------------------------------------


def reconstructor(layers=1, form="document"):
    torch.manual_seed(0)
    settings = make_settings("tiny", recon_layers=layers, hint_form=form)
    made = Reconstructor(128, WORDS, settings, tied_output=False).eval()  # 128 wide: two heads
    with torch.no_grad():
        made.place_bias.weight.normal_()
    return made


def document(form, hidden):
    """One document of the distinct words 1 … L, its tokens `hidden` hidden; in "target" a query for each of them."""
    words = torch.arange(1, LENGTH + 1)[None]
    if form == "document":
        visible = torch.ones(1, 1, LENGTH, dtype=torch.bool)
        visible[0, 0, hidden] = False
        return words, Hints(visible, None, words[:, None], None)
    place = torch.tensor([hidden])
    visible = torch.arange(LENGTH) != place[..., None]
    return words, Hints(visible, place, words.gather(1, place)[..., None], None)


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("form", ["document", "target"])
def test_a_hidden_word_leaves_no_trace_in_its_own_prediction(form, layers):
    model = reconstructor(layers, form)
    words, hints = document(form, [1, 3])
    codes = [drawn(1, 128, seed=1), drawn(1, 128, seed=2)]
    table = drawn(WORDS, 128, seed=3).requires_grad_()
    z = model(codes, words, table, hints)  # [1, M, d]
    for query in range(z.shape[1]):
        gradient = torch.autograd.grad(z[0, query].pow(2).sum(), table, retain_graph=True)[0]
        seen = {int(words[0, place]) for place in hints.visible[0, query].nonzero()[:, 0]}
        reached = {word for word in range(WORDS) if gradient[word].abs().sum() > 0}
        assert reached == seen  # every hint counts, and nothing else: neither the target nor any other hidden word


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_the_gradient_reaches_every_code(layers):
    words, hints = document("document", [0, 1, 2, 3, 4])  # all is hidden: codes alone
    codes = [drawn(1, 128, seed=i).requires_grad_() for i in range(3)]
    z = reconstructor(layers)(codes, words, drawn(WORDS, 128, seed=9), hints)
    assert z.isfinite().all()
    assert all(g.abs().sum() > 0 for g in torch.autograd.grad(z.pow(2).sum(), codes))


@pytest.mark.parametrize("layers", [1, 2])
def test_z_is_the_sum_over_positions_by_a_slow_loop(layers):
    model, table = reconstructor(layers), drawn(WORDS, 128, seed=3)
    words, hints = document("document", [1, 3])
    codes = [drawn(1, 128, seed=1), drawn(1, 128, seed=2), drawn(1, 128, seed=4)]
    memory = torch.stack([*(code[0] for code in codes), *(table[words[0, i]] for i in (0, 2, 4))])  # codes, then hints
    expected = sum(slow_answer(model, code[0], memory) for code in codes)
    assert torch.allclose(model(codes, words, table, hints)[0, 0], expected, atol=1e-4)


def slow_answer(model, query, memory):
    """One code asks: softmax(W_q n(q) · W_k n(m)) W_v n(m), head by head, then the feed-forward part; no scaling."""
    z, width = query, len(query) // model.heads
    for block in model.blocks:
        asked, keys = block.norm(z), block.norm(memory)
        heads = []
        for head in range(model.heads):
            part = slice(head * width, (head + 1) * width)
            scores = (keys @ block.k.weight[part].T) @ (block.q.weight[part] @ asked)  # [S]
            heads.append(scores.softmax(0) @ (keys @ block.v.weight[part].T))
        z = z + block.o.weight @ torch.cat(heads)
        z = z + block.down.weight @ torch.relu(block.up.weight @ block.ff_norm(z))
    return model.norm(z)


def test_targets_of_one_document_differ_by_their_place_alone():
    model, table = reconstructor(form="target"), drawn(WORDS, 128, seed=3)
    words, hints = document("target", [1, 3])
    hints.visible = hints.visible[:, :1].expand(-1, 2, -1)  # both see alike
    z = model([drawn(1, 128, seed=1)], words, table, hints)[0]
    assert not torch.allclose(z[0], z[1], atol=1e-3)
    with torch.no_grad():
        model.place_bias.weight.zero_()
    z = model([drawn(1, 128, seed=1)], words, table, hints)[0]
    assert torch.allclose(z[0], z[1], atol=1e-6)


def test_cutting_hidden_words_off_changes_nothing():
    """Documents of other lengths and hints beside it leave a document's z as it is."""
    model, table = reconstructor(), drawn(WORDS, 128, seed=3)
    words = torch.tensor([[1, 2, 3, 4, 5], [6, 7, 0, 0, 0], [8, 9, 10, 0, 0]])
    visible = torch.tensor([[1, 0, 1, 0, 1], [0, 0, 0, 0, 0], [1, 1, 1, 0, 0]], dtype=torch.bool)[:, None]
    code = drawn(3, 128, seed=1)
    together = model([code], words, table, Hints(visible, None, words[:, None], None))
    for i in range(3):
        own = slice(i, i + 1)
        alone = model([code[own]], words[own], table, Hints(visible[own], None, words[own][:, None], None))
        assert torch.allclose(together[own], alone, atol=1e-5)


def test_logits_are_a_tied_map_of_z():
    model, table, z = reconstructor(), drawn(WORDS, 128, seed=3), drawn(1, 2, 128, seed=5)
    with torch.no_grad():
        model.word_bias.copy_(drawn(WORDS, seed=6))
    logits = model.logits(z, table)
    for query in range(2):
        for word in range(WORDS):
            expected = (model.to_word.weight @ z[0, query]) @ table[word] + model.word_bias[word]
            assert float(logits[0, query, word].detach()) == pytest.approx(float(expected.detach()), rel=1e-3, abs=1e-4)
    asked = torch.tensor([2, 7])
    assert torch.allclose(model.logits(z, table, asked), logits[..., asked], atol=1e-5)


@pytest.mark.parametrize("width", [48, 80, 200, 384])
def test_any_width_has_heads_that_divide_it(width):
    model = Reconstructor(width, WORDS, make_settings("tiny"), tied_output=True).eval()
    words, hints = document("document", [1])
    assert width % model.heads == 0
    assert model([drawn(1, width)], words, drawn(WORDS, width, seed=1), hints).shape == (1, 1, width)
    assert torch.equal(model.to_word.weight, torch.eye(width))


# ---- the whole -------------------------------------------------------------------------------------------------


def whole(**changes):
    torch.manual_seed(0)
    settings = make_settings("tiny", **changes)
    backbone = make_backbone(settings, TEXTS)
    return IndexerModel(backbone, torch.arange(20), settings).eval(), settings


def batch(model, texts=TEXTS):
    made = model.encoder.backbone.tokenizer(texts, padding=True, return_tensors="pt")
    words = made["input_ids"].clamp(max=19)
    return Documents(made["input_ids"], words, made["attention_mask"].bool())


def test_a_later_state_follows_the_earlier_codes_and_the_first_does_not():
    model, _ = whole(positions=3)
    rows = [drawn(3, WIDTH, seed=1), drawn(3, WIDTH, seed=2)]
    h, moved = model.encoder(batch(model), rows)
    assert h.shape == (3, 3, WIDTH) and moved.eq(0).all()
    other, _ = model.encoder(batch(model), [rows[0], rows[1] + 1])
    assert torch.allclose(other[:, :2], h[:, :2], atol=1e-5) and not torch.allclose(other[:, 2], h[:, 2])


def test_a_pooled_start_takes_away_what_earlier_codes_say():
    model, _ = whole(positions=3, start="pooled")
    documents = batch(model)
    rows = [0.1 * drawn(3, WIDTH, seed=1), 0.1 * drawn(3, WIDTH, seed=2)]
    h, moved = model.encoder(documents, rows)
    start = pooled_states(model.encoder.states(documents), documents.present)
    for t, said in enumerate([torch.zeros(3, WIDTH), rows[0], rows[0] + rows[1]]):
        assert torch.allclose(h[:, t], start - said + moved[:, t], atol=1e-5)
    assert 0 < float(moved.detach().norm(dim=-1).max()) < 1  # the gate begins near 0


def test_pooled_states_are_the_unit_mean_of_present_tokens():
    states = torch.tensor([[[3.0, 0.0], [0.0, 4.0], [9.0, 9.0]]])
    found = pooled_states(states, torch.tensor([[True, True, False]]))
    assert torch.allclose(found, torch.tensor([[0.6, 0.8]]))


def test_a_document_alone_gets_the_state_it_gets_in_a_batch():
    model, _ = whole()
    together, _ = model.encoder(batch(model), [])
    for i, text in enumerate(TEXTS):
        alone, _ = model.encoder(batch(model, [text]), [])
        assert torch.allclose(alone[0], together[i], atol=1e-5)


@pytest.mark.parametrize("start", ["none", "pooled"])
def test_assign_is_greedy_position_by_position(start):
    model, settings = whole(positions=3, codebook_size=[4, 3, 5], start=start)
    codes, sure, last = model.assign(batch(model), 3)
    for t in range(3):
        h, _ = model.encoder(batch(model), model.rows(codes[:, :t]))
        log_p = model.codebooks[t].log_probabilities(h[:, -1])
        assert log_p.shape[1] == settings.codebook_sizes[t]
        assert torch.equal(codes[:, t], log_p.argmax(-1))
        assert torch.allclose(sure[:, t], log_p.max(-1).values.exp(), atol=1e-6)
    assert torch.allclose(last, h[:, -1], atol=1e-6)


def test_the_warm_up_knows_no_document_but_its_hints():
    model, _ = whole()
    documents = batch(model)
    visible = documents.present[:, None].clone()
    visible[:, :, 1:] = False
    hints = Hints(visible, None, documents.words[:, None], None)
    logits = model.reconstruct_from_hints(documents, hints)
    loss = reconstruction_loss(logits, documents.words[:, None], visible.float())
    loss.backward()
    assert model.reconstructor.null.grad is not None
    backbone = model.encoder.backbone
    assert all(p.grad is None for p in backbone.encoder.block.parameters())
    assert all(p.grad is None for p in backbone.decoder.block.parameters())


def test_words_are_asked_of_the_backbone_anew_so_no_copy_grows_stale():
    model, _ = whole()
    before = model.word_table.clone()
    with torch.no_grad():
        model.encoder.backbone.shared.weight.add_(1)
    assert torch.allclose(model.word_table, before + 1)
