"""Which documents keep their IDs: row numbers, changed texts, what encode takes."""

import numpy as np
import pandas as pd
import pytest

from lmindexer.common.errors import CorpusError, LMIndexerError, SettingsError
from lmindexer.corpus.corpus import Corpus
from lmindexer.indexers import LMIndexer, ResidualKMeansIndexer

TEXTS = ["saw cuts wood", "saw cuts metal", "pot boils soup", "pot boils milk", "hose waters beds", "hose waters lawn"]


def rows_of(texts, first=0):
    return [{"sku": f"p{number}", "text": text} for number, text in enumerate(texts, start=first)]


def numbered(texts):
    return Corpus.from_records(rows_of(texts), id=None, text="text")


def named(texts):
    return Corpus.from_records(rows_of(texts), id="sku", text="text")


def fitted(corpus):
    return ResidualKMeansIndexer(positions=2, codebook_size=2, embeddings="tfidf").fit(corpus, progress=False)


@pytest.fixture(scope="module")
def by_number():
    return fitted(numbered(TEXTS))


@pytest.fixture(scope="module")
def by_name():
    return fitted(named(TEXTS))


def test_numbered_rows_of_another_source_are_new_documents(by_number):
    stored = set(by_number.ids_.unique_strings())
    for texts in (TEXTS[::-1], [TEXTS[0], "rake gathers leaves"]):  # the same number may even have the same text
        ids = by_number.encode(numbered(texts))
        assert not stored & set(ids.unique_strings())
        assert ids.doc_ids.tolist() == [str(number) for number in range(len(texts))]


def test_numbered_rows_are_not_taken_for_ids_that_are_numbers(by_number):
    digits = Corpus.from_records([{"doc_id": "0", "text": TEXTS[0]}], text="text")
    assert not set(by_number.ids_.unique_strings()) & set(by_number.encode(digits).unique_strings())
    with_digits = fitted(Corpus.from_records([{"doc_id": n, "text": t} for n, t in enumerate(TEXTS)], text="text"))
    assert not set(with_digits.ids_.unique_strings()) & set(with_digits.encode(numbered(TEXTS)).unique_strings())


def test_plain_texts_are_new_documents_whatever_the_ids_of_the_fit_are():
    records = [{"doc_id": f"text-{number}", "text": text} for number, text in enumerate(TEXTS)]
    indexer = fitted(Corpus.from_records(records, text="text"))
    found = indexer.encode([TEXTS[3], "rake gathers leaves"])
    assert not set(indexer.ids_.unique_strings()) & set(found.unique_strings())
    assert indexer.encode([TEXTS[0]], details=True).changed.size == 0


def test_a_folder_that_is_no_path_is_refused_before_the_map_is_made(by_number, monkeypatch):
    monkeypatch.setattr("lmindexer.indexers.maps.umap_map", lambda *args, **options: pytest.fail("a map was made"))
    with pytest.raises(LMIndexerError, match="Wanted a path, not int"):
        by_number.save(5)


def test_the_fitted_corpus_its_parts_and_its_copy_on_disk_keep_their_numbers(by_number, tmp_path):
    assert by_number.encode(numbered(TEXTS)) == by_number.ids_
    assert by_number.encode(by_number.corpus_.take([4, 1])) == by_number.ids_.take([4, 1])
    by_number.save(tmp_path / "run", map=False, progress=False)
    loaded = ResidualKMeansIndexer.load(tmp_path / "run")
    assert loaded.encode(loaded.corpus_) == by_number.ids_
    assert loaded.encode(numbered(TEXTS)) == by_number.ids_
    assert not set(by_number.ids_.unique_strings()) & set(loaded.encode(numbered(TEXTS[1:])).unique_strings())


def test_a_changed_text_keeps_its_id_and_is_said(by_name):
    texts = [TEXTS[0], "pot boils beans", TEXTS[2]]
    with pytest.warns(UserWarning, match=r"1 document has another text than in the fit, row 1 \(counted from 0\)"):
        ids = by_name.encode(named(texts))
    assert ids == by_name.ids_.take([0, 1, 2])
    encoded = by_name.encode(named(texts), details=True)
    assert encoded.changed.tolist() == [1] and encoded.ids == ids


def test_a_changed_text_gets_a_new_id_or_is_an_error_when_asked(by_name):
    changed = named([TEXTS[0], TEXTS[3]])
    encoded = by_name.encode(changed, details=True, on_change="new")
    assert encoded.ids.codes.tolist() == by_name.ids_.codes[[0, 3]].tolist()  # the ID of its new text
    assert encoded.ids.unique_strings()[1] not in by_name.ids_.unique_strings()
    with pytest.raises(CorpusError, match=r"row 1 \(counted from 0\): the id 'p1' had another text in the fit"):
        by_name.encode(changed, on_change="error")
    with pytest.raises(SettingsError, match="on_change is 'ask'"):
        by_name.encode(changed, on_change="ask")


def test_probabilities_are_those_of_the_codes_shown(by_name):
    changed = named([TEXTS[0], TEXTS[3]])
    encoded = by_name.encode(changed, details=True)
    assert (encoded.ids.codes[1] != by_name.encode(changed, details=True, on_change="new").ids.codes[1]).any()
    for row, text in enumerate(changed.documents()):
        codes = encoded.ids.codes[row]
        steps = [by_name.scorer(text).log_probabilities(codes[None, :t])[0, codes[t]] for t in range(2)]
        np.testing.assert_allclose(encoded.probabilities[row], np.exp(steps), rtol=1e-5)


def test_a_language_model_scores_the_stored_codes_too():
    indexer = LMIndexer("tiny", positions=2, codebook_size=4).fit(named(TEXTS * 4), progress=False)
    texts = [(TEXTS * 4)[::-1][row] for row in range(24)]
    encoded = indexer.encode(named(texts), details=True)
    assert len(encoded.changed) and encoded.ids == indexer.ids_
    for row in encoded.changed[:3]:
        scorer, codes = indexer.scorer(texts[row]), encoded.ids.codes[row]
        steps = [scorer.log_probabilities(codes[None, :t])[0, codes[t]] for t in range(2)]
        np.testing.assert_allclose(encoded.probabilities[row], np.exp(steps), rtol=1e-3)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (pd.DataFrame({"text": TEXTS}), "not a DataFrame. Make a corpus of it with Corpus.from_frame"),
        ({"text": TEXTS}, "not dict"),
        (5, "not int"),
        (None, "not NoneType"),
        (b"saw", "not bytes"),
        ([], "There are no texts"),
        (["saw", 5], r"place 1 \(counted from 0\) is of type int"),
        ([{"text": "saw"}], "place 0 .* is of type dict"),
        (["saw", "  "], "place 1 .* is empty"),
    ],
)
def test_what_is_neither_corpus_nor_texts_gets_one_sentence(by_name, given, words):
    with pytest.raises(CorpusError, match=words):
        by_name.encode(given)


def test_texts_may_come_in_any_row(by_name):
    for texts in (tuple(TEXTS), np.array(TEXTS), pd.Series(TEXTS), iter(TEXTS)):
        assert by_name.encode(texts).doc_ids.tolist() == [f"text-{n}" for n in range(6)]
    assert by_name.encode(["nan"]).codes.shape == (1, 2)  # a word here, whatever it means in a file
