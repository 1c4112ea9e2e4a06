"""Search tasks: splits that leak nothing, graded gains, judgements of unknown documents."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from search_task import shop

import lmindexer as lmi
from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.tasks.search import ProductSearch, Retrieval
from lmindexer.tasks.search.splits import SPLITS, drawn_split, leaking, same_question


def rows(*queries) -> lmi.Queries:
    keys = ("query_id", "text", "doc_id", "score", "split")
    return lmi.Queries.from_records([dict(zip(keys, query, strict=False)) for query in queries])


def test_splits_are_by_query_and_leak_nothing():
    corpus = shop()
    task = Retrieval(corpus)
    asked = [set(map(same_question, task.texts(split))) for split in SPLITS]
    assert sum(map(len, asked)) == 100 and not (asked[0] & asked[1] or asked[0] & asked[2] or asked[1] & asked[2])
    assert task.query_ids("test") == Retrieval(corpus).query_ids("test") != Retrieval(corpus, seed=1).query_ids("test")


@given(
    st.lists(st.sampled_from(["ball", "Ball!", " a  ball", "rope", "red rope", "RED ROPE?"]), min_size=1),
    st.integers(0, 9),
)
def test_one_question_has_one_split(texts, seed):
    splits = drawn_split(texts, seed, (0.4, 0.3, 0.3))
    assert not leaking(texts, splits).any()


def test_a_question_of_two_given_splits_stays_in_the_later_one():
    queries = rows(
        ("a", "red ball", "d10", 1, "train"), ("b", "Red ball?", "d10", 1, "test"), ("c", "rope", "d20", 1, "dev")
    )
    task = Retrieval(shop(False), queries)
    assert (task.texts("train"), task.texts("validation"), task.texts("test")) == ([], ["rope"], ["Red ball?"])
    assert task.notes == ["1 of 3 queries ask in the same words what a later split asks, and were left out"]


def test_judgements_of_unknown_documents_are_counted_and_said():
    queries = rows(("a", "ball", "d10"), ("a", "ball", "gone"), ("b", "rope", "gone too"))
    task = Retrieval(shop(False), queries, shares=(0, 0, 1))
    assert task.query_ids("test") == ["a"] and task.judgements("test").counts.tolist() == [1]
    assert task.notes[0].startswith("2 of 3 judgements are about 2 documents that the corpus does not hold")
    assert task.notes[1].startswith("1 of 2 queries have no right document")
    with pytest.raises(CorpusError, match="no query has a right document"):
        Retrieval(shop(False), rows(("a", "ball", "gone")))


def test_grades_are_gains_above_what_is_irrelevant():
    queries = rows(("a", "ball", "d10", 3.0), ("a", "ball", "d11", 1.0), ("a", "ball", "d12", 1.67))
    judged = ProductSearch(shop(False), queries, irrelevant=1, shares=(0, 0, 1)).judgements("test")
    np.testing.assert_allclose(judged.gain, [2.0, 0.67])
    assert judged.document.tolist() == [10, 12]


def test_a_task_comes_back_from_its_frame():
    queries = rows(
        ("a", "ball", "d10", 3.0), ("a", "ball", "gone", 1.0), ("b", "rope", "d20", 2.0), ("c", "saw", "d0", 1)
    )
    task = ProductSearch(shop(False), queries, irrelevant=0.5)
    again = ProductSearch.from_frame(task.corpus, task.splits_frame(), task.options)
    assert again.fingerprint == task.fingerprint
    for split in SPLITS:
        assert again.texts(split) == task.texts(split)
        np.testing.assert_array_equal(again.judgements(split).gain, task.judgements(split).gain)


def test_what_cannot_be_a_task_is_said():
    with pytest.raises(CorpusError, match="has no queries"):
        Retrieval(shop(False))
    with pytest.raises(CorpusError, match="'held' in the column split names no split"):
        Retrieval(shop(False), rows(("a", "ball", "d10", 1, "held")))
    with pytest.raises(SettingsError, match="The split 'dev' is not known"):
        Retrieval(shop()).texts("dev")
    with pytest.raises(SettingsError, match="shares are"):
        Retrieval(shop(), shares=(1, 1))


def test_a_sample_is_drawn_by_split_and_is_the_same_in_any_order():
    task = Retrieval(shop())
    some, more = task.sample(20, 5, 3), task.sample(40, 100, 3)
    assert [len(some.texts(split)) for split in SPLITS] == [20, 5, 3]
    assert len(more.texts("validation")) == len(task.texts("validation"))  # all where there are fewer
    for split in SPLITS:
        assert set(some.query_ids(split)) <= set(more.query_ids(split)) <= set(task.query_ids(split))
    turned = shop()
    turned.queries = lmi.Queries.from_frame(turned.queries.frame.iloc[::-1])
    assert set(Retrieval(turned).sample(20, 5, 3).query_ids("train")) == set(some.query_ids("train"))
    assert task.sample(20, 5, 3, seed=1).query_ids("train") != some.query_ids("train")
    assert some.fingerprint == task.sample(20, 5, 3).fingerprint != task.fingerprint
    assert some.notes[-1] == "of 100 queries 28 were drawn (seed 0)"
    with pytest.raises(SettingsError, match="give numbers of queries"):
        task.sample(-1, 5, 3)
