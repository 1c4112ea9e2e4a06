"""Encoder states: computed once, found again, made anew where the file is damaged; batches gather what was put in."""

import numpy as np
import pytest
import torch

from lmindexer.model.tokens import TokenisedDocuments, Vocabulary
from lmindexer.training.encoding import cache_folder, encode_corpus, pool

LENGTHS = [3, 7, 1, 5]


class CountingEncoder:
    """A frozen backbone whose state of a token is its id over the width, and which counts its calls."""

    frozen, width, half = True, 4, False

    def __init__(self):
        self.calls = 0

    def encode(self, tokens, present):
        self.calls += 1
        assert present.any(1).all()
        return tokens[..., None] / torch.arange(1.0, 5.0)


class Tokenizer:
    all_special_ids, pad_token_id = (0,), 0

    def __len__(self):
        return 30

    def convert_ids_to_tokens(self, ids):
        return [f"word{chr(97 + token % 26)}" for token in ids]


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("LMINDEXER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def tokens():
    ids = np.random.default_rng(0).integers(1, 30, sum(LENGTHS)).astype(np.int32)
    return TokenisedDocuments(ids, np.concatenate([[0], np.cumsum(LENGTHS)]))


def encoded(tokens, backbone, **options):
    vocabulary = Vocabulary.from_documents(tokens, Tokenizer())
    return encode_corpus(tokens, vocabulary, backbone, None, True, progress=False, **options)


def right(tokens):
    return (tokens.ids[:, None] / np.arange(1.0, 5.0)).astype(np.float16)


def test_states_are_computed_once_and_found_again(cache, tokens):
    backbone = CountingEncoder()
    first = encoded(tokens, backbone)
    assert backbone.calls == 1 and np.array_equal(first.states, right(tokens))
    second = encoded(tokens, backbone)
    assert backbone.calls == 1 and np.array_equal(second.states, right(tokens))
    assert cache_folder() == cache
    assert second.encoder_seconds == round(first.encoder_seconds, 3)  # what making them took, not what finding them did
    assert [path.suffix for path in (cache / "states").iterdir()] == [".npy"]  # nothing half-written stays


def test_other_documents_are_not_found(cache, tokens):
    backbone = CountingEncoder()
    encoded(tokens, backbone)
    offsets = np.array([0, 4, 10, 11, 16])  # the same tokens cut into other documents
    encoded(TokenisedDocuments(tokens.ids, offsets), backbone)
    assert backbone.calls == 2


@pytest.mark.parametrize(
    "damage",
    [
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(b"not numpy at all"),
        lambda path: np.save(path, np.zeros((2, 4), np.float16)),
        lambda path: np.save(path, np.zeros((16, 4), np.float64)),
    ],
    ids=["empty", "cut short", "foreign", "other shape", "other type"],
)
def test_a_damaged_file_is_made_anew(damage, cache, tokens):
    backbone = CountingEncoder()
    encoded(tokens, backbone)
    (path,) = (cache / "states").iterdir()
    damage(path)
    assert np.array_equal(encoded(tokens, backbone).states, right(tokens)) and backbone.calls == 2
    assert np.array_equal(encoded(tokens, backbone).states, right(tokens)) and backbone.calls == 2


def test_a_killed_computation_leaves_nothing_that_is_found(cache, tokens):
    class Stopped(CountingEncoder):
        def encode(self, tokens, present):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        encoded(tokens, Stopped())
    assert not list((cache / "states").iterdir())
    assert np.array_equal(encoded(tokens, CountingEncoder()).states, right(tokens))


def test_without_a_place_for_the_cache_all_works_without(tmp_path, monkeypatch, tokens):
    (tmp_path / "file").write_text("a file, where a folder should be", encoding="utf-8")
    monkeypatch.setenv("LMINDEXER_CACHE", str(tmp_path / "file"))
    assert np.array_equal(encoded(tokens, CountingEncoder()).states, right(tokens))


def test_new_documents_leave_the_cache_alone(cache, tokens):
    encoded(tokens, CountingEncoder(), cache=False)
    assert not cache.exists()


def test_pooled_states_by_a_slow_loop(cache, tokens):
    corpus = encoded(tokens, CountingEncoder())
    for number in range(4):
        rows = right(tokens)[tokens.offsets[number] : tokens.offsets[number + 1]].astype(np.float32)
        expected = rows.mean(0) / np.linalg.norm(rows.mean(0))
        assert np.allclose(corpus.start[number], expected, atol=1e-5)
    assert np.array_equal(corpus.start, pool(corpus))


def test_a_batch_gathers_what_belongs_to_its_documents(cache, tokens):
    corpus = encoded(tokens, CountingEncoder())
    batch = corpus.batch(torch.tensor([1, 2]))
    assert batch.tokens.shape == (2, 7) and batch.present.sum(1).tolist() == [7, 1]
    for row, number in enumerate([1, 2]):
        own = slice(tokens.offsets[number], tokens.offsets[number + 1])
        present = batch.present[row]
        assert batch.tokens[row][present].tolist() == tokens.ids[own].tolist()
        assert batch.words[row][present].tolist() == corpus.words[own].tolist()
        assert np.array_equal(batch.states[row][present].numpy(), right(tokens)[own].astype(np.float32))
        assert np.array_equal(batch.start[row].numpy(), corpus.start[number])


def test_a_backbone_that_trains_has_no_states_to_keep(cache, tokens):
    backbone = CountingEncoder()
    backbone.frozen = False
    corpus = encoded(tokens, backbone)
    assert corpus.states is None and corpus.start is None and backbone.calls == 0
    assert corpus.batch(torch.tensor([0])).states is None and not cache.exists()
