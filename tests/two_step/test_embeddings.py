"""Embeddings: each source against a slow way to the same numbers, the cache, the disk, and what is refused."""

import json
import shutil

import numpy as np
import pytest
import torch
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from themed import as_corpus, themed_corpus, themed_records
from transformers import BertConfig, BertModel

from lmindexer.common.errors import BundleError, LMIndexerError, SettingsError, TrainingError
from lmindexer.model.backbones import train_tokenizer
from lmindexer.training.encoding import cache_folder, texts_of
from lmindexer.two_step.embeddings import (
    ArrayEmbeddings,
    EncoderEmbeddings,
    JoinedEmbeddings,
    SentenceTransformerEmbeddings,
    SimCSEEmbeddings,
    TfidfEmbeddings,
    embed_corpus,
    load_embeddings,
    make_embeddings,
)
from lmindexer.two_step.embeddings import base as base_module
from lmindexer.two_step.embeddings.sentence_model import with_tails

TEXTS = themed_corpus(30).documents()


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    """The folder of a random BERT of three layers, with its tokenizer."""
    folder = tmp_path_factory.mktemp("bert")
    tokenizer = train_tokenizer(TEXTS, 300)
    tokenizer.save_pretrained(folder)
    torch.manual_seed(0)
    shape = {"hidden_size": 16, "num_hidden_layers": 3, "num_attention_heads": 2, "intermediate_size": 24}
    BertModel(BertConfig(vocab_size=len(tokenizer), **shape)).save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def sentence_model(bert, tmp_path_factory):
    """A sentence-transformers folder over `bert`, which reads ten tokens."""
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    words = modules.Transformer(str(bert), max_seq_length=10)
    network = SentenceTransformer(modules=[words, modules.Pooling(16)], device="cpu")
    folder = tmp_path_factory.mktemp("sentences")
    network.save_pretrained(str(folder))
    return folder


# ---- the encoder -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("layer", [None, 0, 2, 3])
def test_the_encoder_is_the_mean_of_a_layers_states(bert, layer):
    found = EncoderEmbeddings(bert, layer).fit(TEXTS)
    tokenizer, model = train_tokenizer(TEXTS, 300), BertModel.from_pretrained(bert).eval()
    for row in (0, 7, 29):
        with torch.no_grad():
            states = model(**tokenizer(TEXTS[row], return_tensors="pt"), output_hidden_states=True).hidden_states
        mean = states[-1 if layer is None else layer][0].mean(0)
        assert np.allclose(found[row], mean / mean.norm(), atol=1e-5)
    assert found.dtype == np.float32 and np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)


def test_a_documents_vector_does_not_depend_on_its_company(bert):
    source = EncoderEmbeddings(bert)
    whole = source.embed(TEXTS)
    assert np.allclose(source.embed(TEXTS[::-3]), whole[::-3], atol=1e-5)


def test_a_tail_is_read_however_long_the_text(bert):
    source = EncoderEmbeddings(bert, max_length=16)
    long = ["bird feather wing nest " * 20] * 2
    one, other = source.embed(long, [" fish", " bread"])
    assert not np.allclose(one, other, atol=1e-3)
    cut = EncoderEmbeddings(bert, max_length=16).embed(
        [text + tail for text, tail in zip(long, ("a", "b"), strict=True)]
    )
    assert np.allclose(cut[0], cut[1])


@pytest.mark.parametrize("layer", [4, -1])
def test_a_layer_that_is_not_there_is_refused(bert, layer):
    with pytest.raises(SettingsError, match="has the layers 0 to 3"):
        EncoderEmbeddings(bert, layer).embed(TEXTS[:2])


@pytest.mark.parametrize("kind", [EncoderEmbeddings, SentenceTransformerEmbeddings])
def test_a_folder_without_a_model_is_refused(kind, tmp_path):
    with pytest.raises(SettingsError, match="neither a folder with"):
        kind(tmp_path).embed(TEXTS[:2])


# ---- sentence-transformers -----------------------------------------------------------------------------------------


def test_a_sentence_transformers_folder_gives_what_it_gives(sentence_model):
    from sentence_transformers import SentenceTransformer

    found = make_embeddings(str(sentence_model)).fit(TEXTS)
    wanted = SentenceTransformer(str(sentence_model), device="cpu").encode(TEXTS, normalize_embeddings=True)
    assert np.allclose(found, wanted, atol=1e-5)


def test_a_sentence_transformer_reads_the_tail(sentence_model):
    source = SentenceTransformerEmbeddings(sentence_model)
    one, other = source.embed([TEXTS[0] * 3] * 2, [" fish", " bread"])
    assert not np.allclose(one, other, atol=1e-3)


def test_texts_are_cut_at_a_token_so_that_the_tail_fits():
    tokenizer = train_tokenizer(TEXTS, 300)
    (short, long) = with_tails(["bird nest", "bird nest wing song egg sky"], [" fish fin", " fish fin"], tokenizer, 6)
    assert short == "bird nest fish fin"
    assert long == "bird nest wing fish fin"  # five tokens and </s>
    assert with_tails(["a b c"], ["x " * 50], tokenizer, 6)[0].startswith("a b")  # a tail takes at most half


# ---- TF-IDF --------------------------------------------------------------------------------------------------------


def test_tfidf_is_scikit_learns_truncated_svd():
    found = TfidfEmbeddings(rank=5).fit(TEXTS)
    rows = TfidfVectorizer(sublinear_tf=True, stop_words="english", min_df=2).fit_transform(TEXTS)
    wanted = TruncatedSVD(5, algorithm="arpack", random_state=0).fit_transform(rows)
    assert np.allclose(np.abs(found), np.abs(wanted), atol=2e-3)  # signs of singular vectors are arbitrary
    assert np.allclose(found @ found.T, wanted @ wanted.T, atol=2e-3)


def test_tfidf_of_new_documents_and_of_unknown_words(tmp_path):
    source = TfidfEmbeddings(rank=4)
    fitted = source.fit(TEXTS)
    source.save(tmp_path)
    again = load_embeddings(tmp_path)
    assert np.array_equal(again.embed(TEXTS[3:5]), fitted[3:5])
    assert not again.embed(["zzz qqq"]).any()


@pytest.mark.parametrize("texts", [["the and of", "and so on"], ["word"]])
def test_tfidf_without_words_is_refused(texts):
    with pytest.raises(TrainingError, match="another embedding"):
        TfidfEmbeddings().fit(texts)


# ---- joined --------------------------------------------------------------------------------------------------------


def test_joined_blocks_have_unit_mean_norm(bert):
    source = JoinedEmbeddings([EncoderEmbeddings(bert), TfidfEmbeddings(rank=4)])
    found = source.fit(TEXTS)
    assert found.shape == (30, 20)
    for block in (found[:, :16], found[:, 16:]):
        assert np.linalg.norm(block, axis=1).mean() == pytest.approx(1, abs=1e-4)
    assert np.allclose(source.embed(TEXTS[:3]), found[:3], atol=1e-5)


def test_a_scale_makes_a_block_weigh_less(bert, tmp_path):
    source = make_embeddings(f"{bert}+0.25*tfidf")
    assert source.scales == [1.0, 0.25] and make_embeddings(source.spec).spec == source.spec
    plain, found = make_embeddings(f"{bert}+tfidf").fit(TEXTS), source.fit(TEXTS)
    assert np.array_equal(found[:, :16], plain[:, :16]) and np.allclose(found[:, 16:], plain[:, 16:] / 4)
    source.save(tmp_path / "kept")
    assert np.allclose(load_embeddings(tmp_path / "kept").embed(TEXTS[:3]), found[:3], atol=1e-5)


@pytest.mark.parametrize("word", ["minilm+x*tfidf", "minilm+0*tfidf", "minilm+-1*tfidf", "minilm+inf*tfidf"])
def test_a_scale_is_a_number_above_zero(word):
    with pytest.raises(SettingsError, match="scale"):
        make_embeddings(word)


def test_one_source_alone_cannot_be_joined():
    with pytest.raises(SettingsError, match="two sources or more"):
        JoinedEmbeddings(["tfidf"])


# ---- saved arrays --------------------------------------------------------------------------------------------------


@pytest.fixture
def array(tmp_path):
    rows = np.arange(12, dtype=np.float64).reshape(4, 3)
    np.save(tmp_path / "rows.npy", rows)
    (tmp_path / "rows.ids.txt").write_text("d3\nd1\nd0\nd2\n", encoding="utf-8")
    return tmp_path / "rows.npy"


def test_an_arrays_rows_are_found_by_id(array):
    found = make_embeddings(str(array)).fit(["", ""], None, ["d0", "d3"])
    assert found.tolist() == [[6, 7, 8], [0, 1, 2]]


def test_an_array_without_a_documents_row_is_refused_by_name(array):
    with pytest.raises(LMIndexerError, match=r"no vector for 1 documents, the first is 'd11'. Did you mean 'd1'\?"):
        ArrayEmbeddings(array).embed(["", ""], None, ["d0", "d11"])
    with pytest.raises(LMIndexerError, match="known by doc_ids"):
        ArrayEmbeddings(array).embed([""])


def test_an_array_that_does_not_fit_its_ids_is_refused(array):
    ids = array.with_suffix(".ids.txt")
    ids.write_text("d0\nd1\nd1\nd2\n", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"4 ids \(3 different\)"):
        ArrayEmbeddings(array).embed([""], None, ["d0"])
    ids.unlink()
    with pytest.raises(SettingsError, match="write the doc_ids there"):
        ArrayEmbeddings(array).embed([""], None, ["d0"])


@pytest.mark.parametrize("bad", [np.zeros(3), np.full((2, 2), np.nan), np.array([["a"]]), None])
def test_a_file_that_is_no_table_of_numbers_is_refused(tmp_path, bad):
    path = tmp_path / "bad.npy"
    path.write_bytes(b"no array") if bad is None else np.save(path, bad)
    with pytest.raises(SettingsError, match=r"bad\.npy"):
        ArrayEmbeddings(path).embed([""], None, ["d0"])


# ---- SimCSE --------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simcse(bert, sentence_model):
    """SimCSE over the random BERT in place of MiniLM, trained; and the vectors."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lmindexer.two_step.embeddings.simcse.minilm_folder", lambda: str(sentence_model))
        source = SimCSEEmbeddings(steps=30, batch_size=10, max_length=32, learning_rate=3e-3, seed=1)
        yield source, source.fit(TEXTS * 4)


def test_simcse_learns_to_find_a_document_among_others(simcse):
    source, _ = simcse
    assert len(source.losses_) == 12  # one epoch of 120 documents is shorter than 30 steps
    assert np.mean(source.losses_[-3:]) < np.mean(source.losses_[:3])


def test_simcse_changes_the_encoder_and_survives_the_disk(simcse, bert, tmp_path):
    source, found = simcse
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
    assert not np.allclose(found[:30], EncoderEmbeddings(bert).embed(TEXTS), atol=1e-2)
    source.save(tmp_path)
    assert np.allclose(load_embeddings(tmp_path).embed(TEXTS), found[:30], atol=1e-6)
    assert not list(tmp_path.rglob("*.bin")) and not list(tmp_path.rglob("*.pkl"))


def test_simcse_gives_the_same_vectors_twice(simcse, monkeypatch, tmp_path):
    source, found = simcse
    monkeypatch.setenv("LMINDEXER_CACHE", str(tmp_path))
    again = SimCSEEmbeddings(**{name: getattr(source, name) for name in source.fields})
    before = torch.random.get_rng_state()
    assert np.array_equal(again.fit(TEXTS * 4), found)
    assert torch.equal(torch.random.get_rng_state(), before), "the caller's random numbers are its own"


@pytest.mark.parametrize("source", [SimCSEEmbeddings(), TfidfEmbeddings(), JoinedEmbeddings(["tfidf", "simcse"])])
def test_what_learns_must_be_fitted_first(source):
    with pytest.raises(LMIndexerError, match=r"call fit\(texts\)"):
        source.embed(["a"])


# ---- words, dicts, corpora -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "wanted"),
    [
        ("minilm", EncoderEmbeddings),
        ("minilm:3", EncoderEmbeddings),
        ("simcse", SimCSEEmbeddings),
        ("tfidf", TfidfEmbeddings),
        ("minilm+tfidf", JoinedEmbeddings),
        ("some/rows.npy", ArrayEmbeddings),
        ("intfloat/e5-small", SentenceTransformerEmbeddings),
    ],
)
def test_words_stand_for_sources_and_specs_for_words(word, wanted):
    source = make_embeddings(word)
    assert type(source) is wanted
    spec = json.loads(json.dumps(source.spec))
    assert make_embeddings(spec).spec == source.spec
    assert make_embeddings(source) is source
    assert make_embeddings("minilm:3").layer == 3


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        ("minilm:last", "as in minilm:3"),
        ("", "embeddings is empty"),
        ({"kind": "tfdif"}, "nearest is 'tfidf'"),
        ({"kind": "tfidf", "rnak": 3}, "nearest is 'rank'"),
        ({"kind": "tfidf", "rank": "many"}, "cannot be made"),
    ],
)
def test_what_stands_for_nothing_is_refused(spec, why):
    with pytest.raises(SettingsError, match=why):
        make_embeddings(spec)


def test_category_text_goes_into_the_vectors():
    corpus = as_corpus(themed_records(24))
    texts, tails = texts_of(corpus, True)
    assert [a + b for a, b in zip(texts, tails, strict=True)] == corpus.documents(category_text=True)
    assert texts_of(corpus, False) == (corpus.documents(), None)
    plain, told = (embed_corpus(corpus, TfidfEmbeddings(5), category_text=t, progress=False) for t in (False, True))
    assert not np.allclose(plain, told)


# ---- the cache -----------------------------------------------------------------------------------------------------


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LMINDEXER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "embeddings"


def test_a_second_fit_finds_the_vectors_and_what_was_learned(own_cache, monkeypatch):
    first = TfidfEmbeddings(4).fit(TEXTS)
    monkeypatch.setattr(TfidfEmbeddings, "_fit", lambda *_: 1 / 0)
    again = TfidfEmbeddings(4)
    assert np.array_equal(again.fit(TEXTS), first)
    assert np.array_equal(again.embed(TEXTS[:4]), first[:4])
    assert len(list(own_cache.iterdir())) == 1


def test_what_making_vectors_took_is_known_where_the_cache_has_them(own_cache, monkeypatch):
    """A study's runs share embeddings: whoever finds them in the cache still notes their cost."""
    first, joined = TfidfEmbeddings(4), JoinedEmbeddings([TfidfEmbeddings(4), TfidfEmbeddings(5)])
    first.fit(TEXTS)
    assert first.seconds_ > 0
    monkeypatch.setattr(base_module, "noted_cost", lambda folder: 61.0)
    joined.fit(TEXTS)
    assert joined.sources[0].seconds_ == 61 and joined.seconds_ == 61 + joined.sources[1].seconds_
    monkeypatch.undo()
    again = TfidfEmbeddings(4)
    again.fit(TEXTS)
    monkeypatch.setattr(base_module, "noted_cost", lambda folder: None)  # a cache of an earlier version
    unknown = TfidfEmbeddings(4)
    unknown.fit(TEXTS)
    assert unknown.seconds_ is None


def test_other_documents_and_other_settings_have_their_own_place(own_cache):
    for source, texts, tails in [(4, TEXTS, None), (5, TEXTS, None), (4, TEXTS[:-1], None), (4, TEXTS, [" x"] * 30)]:
        TfidfEmbeddings(source).fit(texts, tails)
    assert len(list(own_cache.iterdir())) == 4


def test_a_models_folder_with_other_weights_has_its_own_place(own_cache, bert, tmp_path):
    folder = shutil.copytree(bert, tmp_path / "model")
    first = EncoderEmbeddings(folder).fit(TEXTS)
    torch.manual_seed(5)
    BertModel(BertConfig.from_pretrained(folder)).save_pretrained(folder)
    assert not np.allclose(EncoderEmbeddings(folder).fit(TEXTS), first, atol=1e-3)


@pytest.mark.parametrize("damage", [base_module.VECTORS, base_module.CONFIG, "tfidf.safetensors"])
def test_a_damaged_cache_is_made_anew(own_cache, damage):
    first = TfidfEmbeddings(4).fit(TEXTS)
    (folder,) = own_cache.iterdir()
    (folder / damage).write_bytes(b"{")
    assert np.array_equal(TfidfEmbeddings(4).fit(TEXTS), first)
    assert (folder / damage).stat().st_size > 1, "and mended"


def test_without_a_place_for_a_cache_nothing_is_lost(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("LMINDEXER_CACHE", str(tmp_path / "file"))
    assert cache_folder() == tmp_path / "file"
    assert TfidfEmbeddings(4).fit(TEXTS).shape == (30, 4)


def test_embeddings_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(BundleError, match="holds no embeddings that can be read"):
        load_embeddings(tmp_path)
    TfidfEmbeddings(4).fit(TEXTS)
