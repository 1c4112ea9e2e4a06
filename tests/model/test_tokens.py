"""Documents as flat token arrays, tails that are not cut off, the vocabulary, and what a word is worth."""

import numpy as np
import pytest
import torch

from lmindexer.model import tokens as tokens_module
from lmindexer.model.backbones import train_tokenizer
from lmindexer.model.tokens import OTHER, TokenisedDocuments, Vocabulary

TEXTS = ["the red bird sings", "the red fish", "a red saw and a red nail", "12 345 !", "the bird"]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer([*TEXTS, "category: animals, birds"], 300)


@pytest.fixture(scope="module")
def documents(tokenizer):
    return TokenisedDocuments.from_texts(TEXTS, None, tokenizer, 64)


@pytest.fixture(scope="module")
def vocabulary(documents, tokenizer):
    return Vocabulary.from_documents(documents, tokenizer)


def row(documents, number):
    return documents.ids[documents.offsets[number] : documents.offsets[number + 1]].tolist()


def test_rows_are_those_of_the_tokenizer(documents, tokenizer):
    assert len(documents) == 5
    assert [row(documents, i) for i in range(5)] == tokenizer(TEXTS)["input_ids"]
    assert documents.rows.tolist() == [i for i in range(5) for _ in row(documents, i)]


@pytest.mark.parametrize("tails", [None, ["", " category: birds", "", " animals", ""]])
def test_many_texts_are_tokenised_piece_by_piece(tokenizer, monkeypatch, tails):
    whole = TokenisedDocuments.from_texts(TEXTS, tails, tokenizer, 8)
    monkeypatch.setattr(tokens_module, "AT_ONCE", 2)
    pieces = TokenisedDocuments.from_texts(TEXTS, tails, tokenizer, 8)
    assert np.array_equal(pieces.ids, whole.ids) and np.array_equal(pieces.offsets, whole.offsets)
    assert len(TokenisedDocuments.from_texts([], None, tokenizer, 8)) == 0


def test_long_documents_are_cut_and_closed(tokenizer):
    cut = TokenisedDocuments.from_texts(["red bird " * 50, "fish"], None, tokenizer, 8)
    assert cut.lengths.max() == 8 and row(cut, 0)[-1] == tokenizer.eos_token_id


def test_a_batch_is_gathered_by_place(documents):
    chosen = torch.tensor([2, 4, 2])
    place, present = documents.place(chosen)
    assert place.shape == present.shape == (3, int(documents.lengths[2]))
    for i, number in enumerate(chosen.tolist()):
        assert documents.ids[place[i][present[i]].numpy()].tolist() == row(documents, number)
    assert place[~present].max() < len(documents.ids)


@pytest.mark.parametrize("length", [4, 8, 12, 64])
def test_a_tail_is_kept_and_the_text_before_it_cut(tokenizer, length):
    text, tail = "red bird " * 50, " category: animals, birds"
    cut = TokenisedDocuments.from_texts([text, "fish", "nail"], [tail, tail, ""], tokenizer, length)
    whole_tail = tokenizer(tail, add_special_tokens=False)["input_ids"]
    for number in (0, 1):
        found = row(cut, number)
        assert len(found) <= length and found[-1] == tokenizer.eos_token_id
        kept = whole_tail[: (length - 1) // 2]
        assert found[-1 - len(kept) : -1] == kept  # never more than half of the room, and never cut by the text
    assert cut.lengths[0] == length
    assert row(cut, 2) == tokenizer("nail")["input_ids"]


def test_a_tail_stands_between_bert_s_special_tokens():
    from transformers import AutoTokenizer

    from lmindexer.model.backbones import minilm_folder

    bert = AutoTokenizer.from_pretrained(minilm_folder())
    found = TokenisedDocuments.from_texts(["a red bird"], [" category: animals"], bert, 32)
    assert row(found, 0) == bert("a red bird category: animals")["input_ids"]


# ---- vocabulary ------------------------------------------------------------------------------------------------


def test_document_frequencies_by_a_slow_loop(documents, vocabulary):
    for place in range(1, len(vocabulary)):
        token = vocabulary.token_ids[place]
        assert vocabulary.documents[place] == sum(token in row(documents, i) for i in range(5))
    assert vocabulary.documents[OTHER] == 0


def test_words_lead_there_and_back(documents, vocabulary):
    places = vocabulary.words(documents.ids)
    assert (vocabulary.token_ids[places] == documents.ids).all() and (places != OTHER).all()


def test_a_token_that_did_not_occur_is_other(vocabulary, tokenizer):
    unseen = np.setdiff1d(np.arange(len(tokenizer)), vocabulary.token_ids)
    assert len(unseen) and (vocabulary.words(unseen) == OTHER).all()


def place_of(vocabulary, tokenizer, word):
    return int(vocabulary.words(np.array([tokenizer.convert_tokens_to_ids(word)]))[0])


def test_idf_by_hand(vocabulary, tokenizer):
    assert vocabulary.idf()[place_of(vocabulary, tokenizer, "red")] == pytest.approx(np.log(5 / 3))
    assert vocabulary.idf()[place_of(vocabulary, tokenizer, "fish")] == pytest.approx(np.log(5))
    assert vocabulary.idf()[OTHER] == 0


def test_all_weighs_every_token_but_the_special_ones_alike(vocabulary, tokenizer):
    worth = vocabulary.salience(4, "all")
    special = np.isin(vocabulary.token_ids, tokenizer.all_special_ids)
    special[OTHER] = True
    assert (worth == np.where(special, 0, 1)).all()


def test_salience_leaves_out_stop_words_numbers_and_what_is_too_rare(tokenizer):
    texts = ["the bird sings"] * 4 + ["the fish 12"] * 4 + ["the saw"] * 3 + ["the nail"] * 2 + ["the red bird"]
    documents = TokenisedDocuments.from_texts(texts, None, tokenizer, 64)
    vocabulary = Vocabulary.from_documents(documents, tokenizer)
    worth = vocabulary.salience(1)  # floor: max(3, 14 / 4) = 3.5 documents
    place = {word: place_of(vocabulary, tokenizer, word) for word in ("bird", "fish", "saw", "nail", "the", "12")}
    assert worth[place["bird"]] == pytest.approx(np.log(14 / 5))
    assert worth[place["fish"]] == pytest.approx(np.log(14 / 4))
    assert all(worth[place[word]] == 0 for word in ("saw", "nail", "the", "12"))
    assert vocabulary.salience(8)[place["saw"]] == pytest.approx(np.log(14 / 3))  # finer positions, rarer words


@pytest.mark.parametrize("texts", [["red bird"] * 5, ["the a", "12 3", "a the"]], ids=["alike", "no content"])
def test_where_idf_tells_nothing_every_word_counts(tokenizer, texts):
    documents = TokenisedDocuments.from_texts(texts, None, tokenizer, 64)
    vocabulary = Vocabulary.from_documents(documents, tokenizer)
    worth = vocabulary.salience(4)
    assert worth.max() == 1 and np.array_equal(worth, vocabulary.salience(4, "all"))


def test_special_tokens_are_worth_nothing(vocabulary, tokenizer):
    special = np.isin(vocabulary.token_ids, tokenizer.all_special_ids)
    assert special.any()
    for weights in ("all", "salience"):
        assert (vocabulary.salience(4, weights)[special] == 0).all()


@pytest.mark.parametrize("tails", [None, [" category: tools", "", " category: a, b"]])
def test_a_long_text_has_the_tokens_of_its_beginning_and_the_rest_is_not_read(tokenizer, monkeypatch, tails):
    texts = ["saw cuts wood " * 20_000, "mallet", "a" * 5_000 + " saw" * 400]
    whole = TokenisedDocuments.from_texts(texts, tails, tokenizer, 32)
    read = []

    class Counting:
        def __getattr__(self, name):
            return getattr(tokenizer, name)

        def __call__(self, given, **how):
            read.extend(map(len, [given] if isinstance(given, str) else given))
            return tokenizer(given, **how)

    cut = TokenisedDocuments.from_texts(texts, tails, Counting(), 32)
    assert cut.ids.tolist() == whole.ids.tolist() and max(read) < 10_000
    monkeypatch.setattr(tokens_module, "CHARACTERS", 10**6)
    assert TokenisedDocuments.from_texts(texts, tails, tokenizer, 32).ids.tolist() == cut.ids.tolist()
