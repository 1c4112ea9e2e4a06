"""A frozen encoder that multiplies in bfloat16: nearly the same states, the same IDs but for a few, its own cache."""

import pytest
import torch

import lmindexer as lmi
from lmindexer.common.errors import SettingsError
from lmindexer.datasets import samples_folder
from lmindexer.model.backbones import make_backbone, round_products
from lmindexer.model.tokens import TokenisedDocuments, Vocabulary
from lmindexer.settings.settings import make_settings
from lmindexer.training.encoding import encode_corpus

TEXTS = ["a round object that is thrown", "the stone of a fruit", "to walk slowly in the evening"] * 2


@pytest.fixture(scope="module")
def backbones():
    return {name: make_backbone(make_settings(encoder_precision=name)) for name in ("float32", "bfloat16")}


def test_states_are_nearly_the_same_and_the_sums_stay_in_float32(backbones):
    tokens = backbones["float32"].tokenizer(TEXTS, padding=True, return_tensors="pt")
    ids, present = tokens.input_ids, tokens.attention_mask.bool()
    plain, half = (backbone.encode(ids, present) for backbone in backbones.values())
    assert half.dtype == torch.float32
    alike = torch.cosine_similarity(plain, half, dim=-1)[present]
    assert alike.min() > 0.999 and not torch.equal(plain, half)
    parameters = backbones["bfloat16"].frozen_encoder.named_parameters()
    assert {values.dtype for name, values in parameters if "LayerNorm" in name} == {torch.float32}


def test_each_precision_has_a_cache_of_its_own(backbones, tmp_path, monkeypatch):
    monkeypatch.setenv("LMINDEXER_CACHE", str(tmp_path))
    for turn in range(2):
        for backbone in backbones.values():
            tokens = TokenisedDocuments.from_texts(TEXTS, None, backbone.tokenizer, 16)
            vocabulary = Vocabulary.from_documents(tokens, backbone.tokenizer)
            encode_corpus(tokens, vocabulary, backbone, None, False, progress=False)
        assert len(list(tmp_path.glob("states/*.npy"))) == 2, turn


def test_few_ids_change():
    indexer = lmi.LMIndexer.load(samples_folder() / "runs" / "wordnet")
    texts = lmi.load_sample("wordnet").documents()[::120]
    plain = indexer._assign(texts, None)[0]
    backbone = indexer.model_.encoder.backbone
    round_products(backbone.frozen_encoder)
    backbone.half = True
    assert (indexer._assign(texts, None)[0] != plain).any(1).mean() <= 0.02  # of 93 documents; 0.2 % of 1,500


def test_it_is_for_the_frozen_encoder():
    for others in ({"train_encoder": True}, {"backbone": "tiny"}):
        with pytest.raises(SettingsError, match="leave it at float32"):
            make_settings(encoder_precision="bfloat16", **others)
    with pytest.raises(SettingsError, match="encoder_precision"):
        make_settings(encoder_precision="int4")
