"""LMIndexer's verbs: encode in any order and company, save and load to the same numbers, damage by its sentence."""

import json
import shutil

import numpy as np
import pandas as pd
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from themed import QUICK, as_corpus, plain_corpus, themed_corpus, themed_records

from lmindexer.common.errors import BundleError, CorpusError, LMIndexerError, TrainingError
from lmindexer.indexers import LMIndexer, load_indexer
from lmindexer.indexers import lm as lm_module
from lmindexer.indexers.lm import kept_states
from lmindexer.quality import evaluate_ids
from lmindexer.runs.bundle import Bundle
from lmindexer.training import all_documents, corpus_diagnostics

NEW = themed_corpus(20, seed=5, name="new").documents()


@pytest.fixture(scope="module")
def run(fitted, tmp_path_factory):
    """A bundle of `fitted`. Copy it before changing it."""
    from themed import line_map

    folder = tmp_path_factory.mktemp("runs") / "themes"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("lmindexer.indexers.maps.umap_map", line_map)
        fitted.save(folder, progress=False)
    return folder


@pytest.fixture
def run_copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


@pytest.fixture
def model_copy(model_folder, tmp_path):
    return shutil.copytree(model_folder, tmp_path / "model")


# ---- encode ----------------------------------------------------------------------------------------------------


def test_fitted_documents_get_their_ids_back(fitted, corpus):
    found = fitted.encode(corpus, details=True)
    assert found.ids == fitted.ids_ and found.new_collisions == 0
    assert np.allclose(found.states, fitted.states_, rtol=1e-3, atol=1e-3)  # kept in half precision
    some = corpus.take([40, 3, 17])
    assert fitted.encode(some) == fitted.ids_.take([40, 3, 17])


def test_fitted_texts_under_new_names_get_the_same_codes_and_the_next_suffix(fitted, corpus):
    found = fitted.encode(corpus.documents()[:10], details=True)
    assert np.array_equal(found.ids.codes, fitted.ids_.codes[:10])
    assert found.new_collisions == 10
    taken = set(fitted.ids_.unique_strings())
    assert not taken & set(found.ids.unique_strings())
    sizes = pd.Series(list(fitted.ids_.strings())).value_counts()
    first = found.ids.take([0])
    assert first.suffix[0] == sizes[first.strings()[0]]


def test_a_fitted_document_keeps_its_id_even_when_its_text_has_changed(fitted, corpus):
    records = themed_records(48)
    records[5]["text"] = "hammer nail steel"
    assert fitted.encode(as_corpus(records)) == fitted.ids_


@settings(max_examples=15)
@given(order=st.permutations(range(len(NEW))), size=st.integers(1, 25), taken=st.integers(1, len(NEW)))
def test_nothing_depends_on_order_batch_or_company(order, size, taken, fitted):
    whole = fitted.encode(NEW, details=True)
    chosen = order[:taken]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(all_documents, "ENCODE_BATCH", size)
        found = fitted.encode([NEW[i] for i in chosen], details=True)
    assert np.array_equal(found.ids.codes, whole.ids.codes[chosen])
    assert np.allclose(found.probabilities, whole.probabilities[chosen], atol=1e-4)
    assert np.allclose(found.states, whole.states[chosen], rtol=2e-3, atol=1e-3)  # half precision


def test_details_say_how_sure_each_code_is(fitted):
    found = fitted.encode(NEW, details=True)
    assert found.probabilities.shape == (20, 2) and found.states.shape == (20, 64)
    assert (found.probabilities > 1 / 6 - 1e-6).all() and (found.probabilities <= 1).all()  # of the likeliest of 6


def test_whole_corpus_diagnostics_do_not_depend_on_the_batch(corpus, monkeypatch):
    histories = []
    for size in (256, 7):
        for module in (all_documents, corpus_diagnostics):
            monkeypatch.setattr(module, "ENCODE_BATCH", size)
        made = LMIndexer("tiny", **{**QUICK, "discrete_epochs": 1}, positions=1, hint_share=0.0).fit(
            corpus, progress=False
        )
        histories.append(made.history_[["perplexity", "used_codes", "diff_ratio"]])
    pd.testing.assert_frame_equal(*histories)


TEXTS = {
    "one letter": "a",
    "unknown words": "qwzx vvbb",
    "very long": "bird feather wing " * 5000,
    "emoji": "🐦🪶 😀👩‍👩‍👧",
    "right to left": "ציפור نسر כנף",
    "control characters": "bird\ufeff\u200b wing\r\n\tnest",
    "markup": "<b>bird</b> <pad> </s> [CLS] %s {0}",
    "numbers": "12345 67.8",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_any_text_gets_an_id(text, fitted):
    found = fitted.encode([text, "bird feather wing"], details=True)
    assert np.isfinite(found.probabilities).all() and np.isfinite(found.states).all()
    alone = fitted.encode(text)  # a text by itself is one document, not a list of letters
    assert np.array_equal(alone.codes, found.ids.codes[:1])


@pytest.mark.parametrize("text", ["", "   ", "\n\t"])
def test_an_empty_text_is_named(text, fitted):
    with pytest.raises(CorpusError, match=r"at place 1 \(counted from 0\) is empty"):
        fitted.encode(["bird", text])


def test_nothing_to_encode_is_an_error_not_a_trace(fitted):
    with pytest.raises(LMIndexerError):
        fitted.encode([])


def test_before_a_fit_every_verb_says_so(tmp_path):
    fresh = LMIndexer("tiny")
    for verb in (
        lambda: fresh.encode(["bird"]),
        lambda: fresh.save(tmp_path / "run"),
        lambda: fresh.scorer("bird"),
        lambda: fresh.reconstruct("bird"),
        lambda: fresh.save_pretrained(tmp_path / "model"),
        lambda: fresh.push_to_hub("me/mine"),
        lambda: fresh.codebooks_,
    ):
        with pytest.raises(LMIndexerError, match="not fitted yet"):
            verb()
    assert not (tmp_path / "model").exists()


# ---- the category text -----------------------------------------------------------------------------------------


def test_the_category_text_is_read_where_it_is_asked_for(corpus):
    quick = {**QUICK, "discrete_epochs": 1, "positions": 1, "max_length": 16}
    with_category = LMIndexer("tiny", category_text=True, **quick).fit(corpus, progress=False)
    pieces = with_category.vocabulary_.token_ids
    tokenizer = with_category.model_.encoder.backbone.tokenizer
    assert tokenizer.convert_tokens_to_ids("category") in pieces
    plain = LMIndexer("tiny", **quick).fit(corpus, progress=False)
    words = plain.model_.encoder.backbone.tokenizer.convert_ids_to_tokens(plain.vocabulary_.token_ids.tolist())
    assert "category" not in words
    assert with_category.encode(corpus) == with_category.ids_
    assert with_category.encode(["bird"]).positions == 1  # a text without a category is read as it is


# ---- save and load ---------------------------------------------------------------------------------------------


def same_answers(one, two):
    before, after = one.encode(NEW, details=True), two.encode(NEW, details=True)
    assert before.ids == after.ids and before.new_collisions == after.new_collisions
    assert np.array_equal(before.probabilities, after.probabilities)
    assert np.array_equal(before.states, after.states)


def test_a_run_gives_back_everything(fitted, run, corpus):
    loaded = LMIndexer.load(run)
    assert loaded.ids_ == fitted.ids_ and np.array_equal(loaded.states_, fitted.states_)
    assert loaded.settings == fitted.settings and loaded.codebook_sizes == (6, 6)
    assert loaded.corpus_.fingerprint == corpus.fingerprint
    pd.testing.assert_frame_equal(loaded.history_, fitted.history_)
    for before, after in zip(fitted.codebooks_, loaded.codebooks_, strict=True):
        assert np.array_equal(before, after)
    same_answers(fitted, loaded)
    assert isinstance(load_indexer(run), LMIndexer)


def test_a_loaded_model_gives_each_document_the_id_that_is_stored(run, corpus):
    loaded = LMIndexer.load(run)
    codes, _, _ = loaded._assign(corpus.documents(), None)  # greedy codes, not those looked up by name
    assert np.array_equal(codes, loaded.ids_.codes)


def test_a_run_of_a_loaded_run_is_the_same(run, tmp_path, quick_map):
    again = LMIndexer.load(run)
    again.save(tmp_path / "again", progress=False)
    one, two = Bundle.open(run), Bundle.open(tmp_path / "again")
    assert one.ids == two.ids and one.manifest["settings"] == two.manifest["settings"]
    assert one.metrics == two.metrics == evaluate_ids(one.ids, one.corpus).to_dict()
    same = "model/model.safetensors"
    assert one.manifest["files"][same]["sha256"] == two.manifest["files"][same]["sha256"]


def test_the_manifest_says_how_the_run_was_made(fitted, run):
    manifest = Bundle.open(run).manifest
    assert manifest["method"] == "lmindexer" and manifest["seed"] == 1
    assert manifest["settings"] == json.loads(json.dumps(fitted.settings))
    assert set(manifest["timings"]) >= {"prepare", "reconstructor_warmup", "continuous", "codebook_init", "discrete"}
    assert manifest["corpus"]["documents"] == 48 and manifest["corpus"]["category_text"] is False


def test_no_pickle_and_nothing_of_this_machine_is_stored(run, tmp_path_factory):
    for path in run.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert path.suffix not in (".pkl", ".pt", ".bin")
            assert str(tmp_path_factory.getbasetemp()).encode() not in content, path


def test_a_model_folder_round_trip(fitted, model_folder):
    assert {path.name for path in model_folder.iterdir()} == {
        *("config.json", "model.safetensors", "ids.parquet", "backbone")
    }
    for load in (LMIndexer.from_pretrained, LMIndexer.load):
        loaded = load(model_folder)
        assert loaded.ids_ == fitted.ids_ and loaded.corpus_ is None
        same_answers(fitted, loaded)


def test_a_model_without_ids_encodes_and_cannot_write_a_run(fitted, model_copy, tmp_path):
    (model_copy / "ids.parquet").unlink()
    loaded = LMIndexer.from_pretrained(model_copy)
    assert np.array_equal(loaded.encode(NEW).codes, fitted.encode(NEW).codes)
    with pytest.raises(LMIndexerError, match="loaded without its corpus"):
        loaded.save(tmp_path / "run")


# ---- damage ----------------------------------------------------------------------------------------------------


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def rewrite(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")


def newer_setting(folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    rewrite(folder / "config.json", settings=config["settings"] | {"telepathy": 1.0})


def other_sizes(folder):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    rewrite(folder / "config.json", settings=config["settings"] | {"codebook_size": 9})


def without_a_tensor(folder, name):
    tensors = load_file(folder / "model.safetensors")
    del tensors[name]
    save_file(tensors, folder / "model.safetensors")


DAMAGES = {
    "cut weights": lambda folder: cut(folder / "model.safetensors"),
    "foreign weights": lambda folder: (folder / "model.safetensors").write_bytes(b"PK\x03\x04 a zip"),
    "no weights": lambda folder: (folder / "model.safetensors").unlink(),
    "weights of nothing": lambda folder: save_file({"a": torch.zeros(1)}, folder / "model.safetensors"),
    "no codebook": lambda folder: without_a_tensor(folder, "model.codebooks.1.rows"),
    "no vocabulary": lambda folder: without_a_tensor(folder, "vocabulary.documents"),
    "no configuration": lambda folder: (folder / "config.json").unlink(),
    "cut configuration": lambda folder: cut(folder / "config.json"),
    "a list": lambda folder: (folder / "config.json").write_text("[]", encoding="utf-8"),
    "a BERT": lambda folder: rewrite(folder / "config.json", model_type="bert"),
    "no settings": lambda folder: rewrite(folder / "config.json", settings=None),
    "a newer setting": newer_setting,
    "other sizes": other_sizes,
    "no backbone": lambda folder: shutil.rmtree(folder / "backbone"),
    "no tokenizer": lambda folder: (folder / "backbone" / "tokenizer.json").unlink(),
    "cut backbone": lambda folder: cut(folder / "backbone" / "config.json"),
    "empty": lambda folder: [shutil.rmtree(folder), folder.mkdir()],
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_model_folder_gets_one_sentence(damage, model_copy):
    damage(model_copy)
    with pytest.raises(BundleError) as caught:
        LMIndexer.from_pretrained(model_copy)
    assert str(model_copy) in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["model.safetensors", "config.json"])
def test_a_damaged_run_gets_one_sentence(name, run_copy):
    cut(run_copy / "model" / name)
    with pytest.raises(BundleError, match=f"{name} is damaged"):
        LMIndexer.load(run_copy)


def test_a_run_of_another_method_is_not_loaded(run_copy):
    rewrite(run_copy / "manifest.json", method="rqvae")
    with pytest.raises(BundleError, match="is a run of 'rqvae', not of 'lmindexer'"):
        LMIndexer.load(run_copy)
    rewrite(run_copy / "manifest.json", method="crystal_ball")
    with pytest.raises(BundleError, match="is a run of 'crystal_ball'; this version can use"):
        load_indexer(run_copy)


def test_a_run_without_its_model_can_only_be_looked_at(run_copy):
    shutil.rmtree(run_copy / "model")
    manifest = json.loads((run_copy / "manifest.json").read_text(encoding="utf-8"))
    kept = {name: entry for name, entry in manifest["files"].items() if not name.startswith("model/")}
    rewrite(run_copy / "manifest.json", files=kept)
    with pytest.raises(BundleError, match="holds no model"):
        LMIndexer.load(run_copy)


# ---- the hub ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["nobody/has-this-model", "no such thing", "no/such/folder"])
def test_a_name_the_hub_does_not_give_gets_one_sentence(name):
    with pytest.raises(BundleError, match="is neither a model folder nor a model the hub gives") as caught:
        LMIndexer.from_pretrained(name)
    assert "\n" not in str(caught.value)


def test_to_the_hub_and_back(fitted, tmp_path, monkeypatch):
    hub = tmp_path / "hub"

    class Hub:
        def __init__(self, **options):
            assert options == {"token": "secret"}

        def create_repo(self, repo, *, private, exist_ok):
            assert (repo, private, exist_ok) == ("me/themes", True, True)

        def upload_folder(self, *, repo_id, folder_path, commit_message):
            shutil.copytree(folder_path, hub / repo_id)
            return "address of the commit"

    def download(name, *, allow_patterns, revision):
        from fnmatch import fnmatch

        assert revision == "main"
        for path in (hub / name).rglob("*"):
            if path.is_file():
                relative = str(path.relative_to(hub / name))
                assert any(fnmatch(relative, pattern) for pattern in allow_patterns), f"{relative} stays behind"
        return str(hub / name)

    monkeypatch.setattr("huggingface_hub.HfApi", Hub)
    monkeypatch.setattr("huggingface_hub.snapshot_download", download)
    assert fitted.push_to_hub("me/themes", token="secret") == "address of the commit"
    same_answers(fitted, LMIndexer.from_pretrained("me/themes", revision="main"))


# ---- from end to end -------------------------------------------------------------------------------------------


def test_own_texts_to_ids_to_a_run_in_three_lines(tmp_path, quick_map):
    corpus = plain_corpus(["red bird", "blue fish", "red nail", "blue saw"] * 3)
    LMIndexer("tiny", **QUICK | {"codebook_size": 3}).fit(corpus, tmp_path / "own", progress=False)
    assert LMIndexer.load(tmp_path / "own").encode(["red bird"]).positions == 2


@pytest.mark.long
def test_minilm_from_end_to_end(tmp_path):
    corpus = themed_corpus(50)
    indexer = LMIndexer(codebook_size=6, positions=2).fit(corpus, tmp_path / "run", progress=False)
    bundle = Bundle.open(tmp_path / "run")
    bundle.verify()
    assert bundle.map[["x", "y"]].notna().all(axis=None) and bundle.states.shape == (50, 384)
    assert sum(path.stat().st_size for path in (tmp_path / "run").rglob("*")) < 20_000_000  # without MiniLM itself
    loaded = LMIndexer.load(tmp_path / "run")
    same_answers(indexer, loaded)
    codes, _, _ = loaded._assign(corpus.documents(), None)
    assert np.array_equal(codes, loaded.ids_.codes)
    assert evaluate_ids(loaded.ids_, corpus).ami() > 0.4  # the themes are found again


# ---- states as they are kept -----------------------------------------------------------------------------------


def test_a_second_fit_with_state_dims_fits_its_axes_anew(corpus):
    indexer = LMIndexer("tiny", **QUICK, state_dims=8)
    first = indexer.fit(corpus, progress=False).state_axes_
    again = indexer.fit(corpus.take(range(30)), progress=False)
    assert again.state_axes_.shape == first.shape == (64, 8) and not np.array_equal(again.state_axes_, first)
    fresh = LMIndexer("tiny", **QUICK, state_dims=8).fit(corpus.take(range(30)), progress=False)
    assert np.array_equal(again.states_, fresh.states_)


@pytest.mark.parametrize("value", [7e4, np.nan, np.inf])
def test_states_that_a_run_cannot_keep_are_said(value):
    assert kept_states(np.array([[65504.0, -1.0]])).dtype == np.float16
    with pytest.raises(TrainingError, match=r"Training has run away.*lower learning_rate"):
        kept_states(np.array([[1.0, value]], dtype=np.float32))


def test_many_new_documents_are_read_in_parts_to_the_same_codes(fitted, monkeypatch):
    whole = fitted.encode(NEW, details=True)
    held, encode = [], lm_module.encode_corpus

    def noted(tokens, *rest, **named):
        held.append(len(tokens))
        return encode(tokens, *rest, **named)

    monkeypatch.setattr(lm_module, "AT_ONCE", 3)
    monkeypatch.setattr(lm_module, "encode_corpus", noted)
    parts = fitted.encode(NEW, details=True)
    assert max(held) == 3 and sum(held) == len(NEW)
    assert parts.ids == whole.ids and np.allclose(parts.states, whole.states, rtol=2e-3, atol=1e-3)
