"""Backbones: a T5 in the hub's layout is loaded, trained, saved and loaded again; what is none gets one sentence."""

import json
import shutil
import unicodedata

import numpy as np
import pytest
import torch
from themed import QUICK, themed_corpus
from transformers import AutoTokenizer, BertConfig, BertModel, T5Config, T5ForConditionalGeneration

from lmindexer.common.errors import SettingsError
from lmindexer.indexers import LMIndexer
from lmindexer.model.backbones import MiniLMBackbone, make_backbone, minilm_folder, train_tokenizer
from lmindexer.model.tokens import TokenisedDocuments, told_unknown
from lmindexer.settings.settings import make_settings


def write_t5(folder, tokenizer, dtype=torch.float32, **changes):
    """A T5 as the hub has it: config.json, model.safetensors, tokenizer.json, generation_config.json."""
    torch.manual_seed(0)
    sizes = {"d_model": 32, "d_kv": 8, "d_ff": 48, "num_layers": 1, "num_heads": 2}
    special = {"decoder_start_token_id": 0, "pad_token_id": 0, "eos_token_id": 1}
    config = T5Config(vocab_size=len(tokenizer) + 8, **{**sizes, **special, **changes})
    T5ForConditionalGeneration(config).to(dtype).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def tokenizer(corpus):
    return train_tokenizer(corpus.documents(), 300)


@pytest.fixture(scope="module")
def t5_folder(tmp_path_factory, tokenizer):
    return write_t5(tmp_path_factory.mktemp("t5") / "tiny-t5", tokenizer)


@pytest.fixture
def copied(t5_folder, tmp_path):
    return shutil.copytree(t5_folder, tmp_path / "t5")


@pytest.mark.parametrize("preset", ["tiny", "minilm", "slides"])
def test_a_t5_from_a_folder_trains_saves_and_loads_with_the_same_ids(preset, copied, corpus, tmp_path):
    settings = {"backbone": str(copied), "positions": 2, "targets": 4, **QUICK}
    before = LMIndexer(preset, **settings)
    before.fit(corpus, progress=False)
    shared = before.model_.encoder.backbone.shared.weight
    assert shared.dtype == torch.float32 and shared.requires_grad
    folder = before.save_pretrained(tmp_path / "saved")
    shutil.rmtree(copied)  # loading fetches nothing: neither weights, nor tokenizer, nor configuration
    after = LMIndexer.from_pretrained(folder)
    assert np.array_equal(after.ids_.codes, before.ids_.codes)
    texts = themed_corpus(7, seed=5).documents()
    one, two = before.encode(texts, details=True), after.encode(texts, details=True)
    assert np.array_equal(one.ids.codes, two.ids.codes)
    assert np.array_equal(one.probabilities, two.probabilities) and np.array_equal(one.states, two.states)


def test_the_whole_t5_trains(t5_folder, corpus):
    fresh = make_backbone(make_settings("tiny", backbone=str(t5_folder)))
    indexer = LMIndexer("tiny", backbone=str(t5_folder), positions=1, **QUICK).fit(corpus, progress=False)
    trained = dict(indexer.model_.encoder.backbone.named_parameters())
    unused = {"decoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight"}  # one position attends to itself
    for name, value in fresh.named_parameters():
        if "SelfAttention" not in name or name.startswith("encoder"):
            moved = (trained[name] - value).abs().max()
            assert moved > 1e-3 or name in unused, f"{name} did not train"


def test_weights_in_half_precision_are_trained_in_full(tmp_path, tokenizer, corpus):
    folder = write_t5(tmp_path / "bf16", tokenizer, torch.bfloat16)
    indexer = LMIndexer("tiny", backbone=str(folder), positions=1, **QUICK).fit(corpus, progress=False)
    assert {parameter.dtype for parameter in indexer.model_.parameters()} == {torch.float32}
    assert np.isfinite(indexer.history_["loss"].dropna()).all()


def test_a_t5_with_an_output_map_of_its_own_does_not_start_from_its_words(tmp_path, tokenizer):
    tied = make_backbone(make_settings("tiny", backbone=str(write_t5(tmp_path / "one", tokenizer))))
    folder = write_t5(tmp_path / "v1_1", tokenizer, feed_forward_proj="gated-gelu")
    kept = json.loads((folder / "config.json").read_text())  # as the hub has it, whatever this version writes
    kept.pop("scale_decoder_outputs", None)
    (folder / "config.json").write_text(json.dumps(kept | {"tie_word_embeddings": False}))
    untied = make_backbone(make_settings("tiny", backbone=str(folder)))
    assert tied.tied_output and not untied.tied_output


def write_bert(folder):
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=50, **sizes)).save_pretrained(folder)


def without_weights(folder):
    (folder / "model.safetensors").unlink()


def with_cut_weights(folder):
    whole = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").write_bytes(whole[:200])


def without_tokenizer(folder):
    for path in folder.glob("tokenizer*"):
        path.unlink()


def with_broken_configuration(folder):
    (folder / "config.json").write_text("{", encoding="utf-8")


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (shutil.rmtree, "is neither a folder with a T5 nor a model"),
        (write_bert, "is a 'bert' model; LMIndexer needs a T5"),
        (without_weights, "Name a local folder that holds config.json, model.safetensors and a tokenizer"),
        (with_cut_weights, "is neither a folder with a T5 nor a model"),
        (with_broken_configuration, "is neither a folder with a T5 nor a model"),
        (without_tokenizer, "has no tokenizer"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_no_t5_gets_one_sentence(damage, sentence, copied, corpus):
    damage(copied)
    with pytest.raises(SettingsError, match=sentence) as caught:
        LMIndexer("tiny", backbone=str(copied), **QUICK).fit(corpus, progress=False)
    assert str(copied) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["nobody/has-this-model", "t5-base", "no such thing", ""])
def test_a_name_the_hub_does_not_give_gets_one_sentence(name, corpus):
    with pytest.raises(SettingsError, match=r"backbone .* is neither a folder with a T5 nor a model the hub gives"):
        LMIndexer("tiny", backbone=name, **QUICK).fit(corpus, progress=False)


# ---- tiny and minilm -------------------------------------------------------------------------------------------


def test_the_tiny_tokenizer_splits_what_it_never_saw_and_lowers_case(tokenizer):
    assert tokenizer("BIRD bird")["input_ids"][:2] == tokenizer("bird bird")["input_ids"][:2]
    assert tokenizer.convert_tokens_to_ids(["<pad>", "</s>", "<unk>"]) == [0, 1, 2]
    assert tokenizer("")["input_ids"] == [1]
    pieces = tokenizer("birdfish")["input_ids"]
    assert len(pieces) > 2 and tokenizer.unk_token_id not in pieces


def test_the_tiny_tokenizer_is_the_same_each_time_and_of_the_size_asked_for(corpus):
    texts = corpus.documents()
    made = [train_tokenizer(texts, 120).get_vocab() for _ in range(3)]
    assert made[0] == made[1] == made[2] and len(made[0]) == 120
    assert sorted(made[0].values()) == list(range(120))
    whole = train_tokenizer(texts).get_vocab()
    assert {word for text in texts for word in text.replace(".", " ").split()} <= set(whole)  # room for every word
    assert len(train_tokenizer([chr(0x4E00 + i) for i in range(9000)]).get_vocab()) <= 2000


@pytest.mark.parametrize("text", ["छोटी आरी लकड़ी", "அறுக்கும் வாள்", "เลื่อยตัดไม้", "scie à métaux", "säge für möbel"])
def test_an_own_vocabulary_keeps_the_marks_of_words(text):
    """Vowel signs are parts of Hindi words, as accents are of French ones: one word, whole, in either writing."""
    tokenizer = train_tokenizer([text])
    assert tokenizer.tokenize(text) == unicodedata.normalize("NFC", text).split()
    assert tokenizer.tokenize(unicodedata.normalize("NFD", text)) == tokenizer.tokenize(text)


def test_a_writing_that_a_tokenizer_does_not_know_is_said():
    minilm = AutoTokenizer.from_pretrained(minilm_folder())
    thai = TokenisedDocuments.from_texts(["เลื่อยตัดไม้ ค้อนเหล็ก"] * 3, None, minilm, 64)
    assert "minilm does not know 50% of what it reads here" in told_unknown(thai, minilm, "minilm")
    english = TokenisedDocuments.from_texts(["a saw that cuts wood", "scie à métaux"], None, minilm, 64)
    assert told_unknown(english, minilm, "minilm") == ""


def test_minilm_is_frozen_and_no_part_of_what_is_saved():
    backbone = MiniLMBackbone(make_settings("minilm"))
    names = [name for name, _ in backbone.named_parameters()]
    assert names and not any("frozen_encoder" in name or name.startswith("encoder") for name in names)
    assert not any(parameter.requires_grad for parameter in backbone.frozen_encoder.parameters())
    backbone.train()
    assert not backbone.frozen_encoder.training  # its states can be cached: no dropout


def test_minilm_states_are_those_of_the_model_itself():
    from transformers import AutoModel

    backbone = MiniLMBackbone(make_settings("minilm"))
    inputs = AutoTokenizer.from_pretrained(minilm_folder())(["a red bird", "fish"], padding=True, return_tensors="pt")
    with torch.no_grad():
        expected = AutoModel.from_pretrained(minilm_folder())(**inputs).last_hidden_state
    found = backbone.encode(inputs["input_ids"], inputs["attention_mask"].bool())
    assert torch.allclose(found, expected, atol=1e-5)
    assert float(backbone.word_embeddings(inputs["input_ids"][0]).std()) == pytest.approx(1, abs=0.3)


def test_other_weights_under_minilm_s_name_are_refused(monkeypatch):
    monkeypatch.setattr("lmindexer.model.backbones.MINILM_SHA256", "0" * 64)
    minilm_folder.cache_clear()
    try:
        with pytest.raises(SettingsError, match="is not the official all-MiniLM-L6-v2"):
            minilm_folder()
    finally:
        minilm_folder.cache_clear()
