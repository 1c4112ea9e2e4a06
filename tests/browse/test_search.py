"""One search for everything: exact titles first, ids, semantic IDs, key words, texts, in pages."""

import pytest

from lmindexer.browse import RunBrowser
from lmindexer.browse.search import everything, search
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs

TITLES = {
    "m1": "gingerbread man", "m2": "manager", "m3": "man", "m4": "human", "m5": "man, adult male", "m6": "man of war",
    "x-man": "robot", "m8": "tree",
}  # fmt: skip


@pytest.fixture(scope="module")
def run():
    records = [{"doc_id": name, "title": title, "text": f"about {title}"} for name, title in TITLES.items()]
    records.append({"doc_id": "m9", "title": "crew", "text": "every man aboard"})
    corpus = Corpus.from_records(records)
    codes = [[number % 3, number // 3] for number in range(len(records))]
    return RunBrowser.from_parts(SemanticIDs.from_codes(corpus.doc_ids, codes, (3, 4)), corpus)


def ids(found):
    return found.documents["doc_id"].tolist()


def test_the_exact_title_comes_first_then_beginnings_words_parts_ids_and_texts(run):
    found = search(run, "Man")
    assert ids(found) == ["m3", "m5", "m6", "m1", "m4", "m2", "x-man", "m9"]
    assert found.documents["found_in"].tolist() == [*["title"] * 6, "id", "text"]


def test_pages_go_through_everything_once(run):
    pages = [one for offset in (0, 3, 6) for one in ids(search(run, "man", offset, 3))]
    assert pages == ids(search(run, "man")) and search(run, "man", 6, 3).total == 8


def test_a_file_of_all_that_was_found_has_the_search_s_order_and_no_end(run, monkeypatch):
    monkeypatch.setattr("lmindexer.browse.search.MATCHES", 2)
    assert search(run, "man").capped
    found = everything(run, "man")
    assert found["doc_id"].tolist() == ["m3", "m5", "m6", "m1", "m4", "m2", "x-man", "m9"]
    assert found["found_in"].tolist()[-2:] == ["id", "text"] and found["text"].iloc[0] == "about man"
    assert found["id"].iloc[0] == "<2><0>"


@pytest.mark.parametrize(("words", "prefix"), [("<1><2>", (1, 2)), ("<1>", (1,)), ("1.2", (1, 2)), ("<1><2>#0", (1, 2)),
                                               ("<2><3>", ()), ("<1><2><0>", ()), ("1", ()), ("<99>", ())])  # fmt: skip
def test_an_id_or_its_beginning_is_found_when_the_run_has_it(run, words, prefix):
    assert search(run, words).prefix == prefix


def test_an_id_of_a_document_is_found_as_it_is(run):
    assert ids(search(run, "x-man"))[0] == "x-man"


def test_several_words_may_stand_apart_and_texts_can_be_left_out(run):
    assert ids(search(run, "aboard every")) == ["m9"] and not search(run, "aboard every", in_texts=False).total


def test_codes_are_found_by_their_key_words(run):
    found = search(run, "robot").codes
    assert (0,) in found["prefix"].tolist() and (0, 2) in found["prefix"].tolist()


@pytest.mark.parametrize("words", ["", "   ", "'; DROP TABLE docs; --", "%_$lower", "(unclosed [", "\\"])
def test_any_words_are_only_words(run, words):
    assert search(run, words).total == 0 and run.documents == 9
