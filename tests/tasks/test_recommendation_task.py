"""The recommendation task: leave-one-out splits that leak nothing, histories, rankings with and without seen items."""

from typing import ClassVar

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from shop import corpus_of, ring_corpus

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.common.processes import Processes
from lmindexer.corpus.corpus import Corpus
from lmindexer.tasks import base
from lmindexer.tasks.recommendation import Histories, ItemScorer, Popularity, Recommendation
from lmindexer.tasks.recommendation.task import SHORTEST

SEQUENCES = {"ann": ["a", "b", "c", "d"], "ben": ["c"], "cas": ["d", "a"], "dee": ["b", "c", "a"]}

sequences = st.dictionaries(
    st.sampled_from("uvwxyz"), st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=7), min_size=1
).filter(lambda users: max(map(len, users.values())) >= SHORTEST)


def names(task, places) -> list[str]:
    return task.corpus.doc_ids[np.asarray(places)].tolist()


def test_the_last_item_is_tested_and_the_one_before_it_validates():
    task = Recommendation(corpus_of(SEQUENCES))
    assert task.query_ids("test") == ["ann", "dee"]
    assert names(task, task.targets("test")) == ["d", "a"]
    assert names(task, task.targets("validation")) == ["c", "c"]
    assert [names(task, one) for one in map(task.histories("test").__getitem__, range(2))] == [
        ["a", "b", "c"],
        ["b", "c"],
    ]
    assert [names(task, one) for one in map(task.histories("validation").__getitem__, range(2))] == [["a", "b"], ["b"]]
    train = [names(task, task.train[row]) for row in range(4)]
    assert train == [["a", "b"], ["c"], ["d", "a"], ["b"]]  # users with one or two items train and are not asked


@given(sequences)
def test_splits_leak_nothing(users):
    """Each interaction is in one split; what a model trains on or is given never holds the answer's place or later."""
    task = Recommendation(corpus_of(users))
    frame = task.splits_frame()
    assert len(frame) == sum(map(len, users.values()))
    for user, taken in users.items():
        mine = frame[frame["user_id"] == user].sort_values("position")
        assert mine["doc_id"].tolist() == taken
        splits = mine["split"].tolist()
        held = ["validation", "test"] if len(taken) >= SHORTEST else []
        assert splits == ["train"] * (len(taken) - len(held)) + held
    for row, user in enumerate(task.users):
        taken = users[user]
        assert names(task, task.train[row]) == taken[: len(taken) - 2 * (len(taken) >= SHORTEST)]
    for split, held in (("validation", 2), ("test", 1)):
        histories = task.histories(split)
        for row, user in enumerate(task.query_ids(split)):
            assert names(task, histories[row]) == users[user][:-held]
            assert names(task, [task.targets(split)[row]]) == [users[user][-held]]


@given(sequences)
def test_the_splits_on_disk_make_the_same_task_again(users):
    task = Recommendation(corpus_of(users))
    again = Recommendation.from_frame(task.corpus, task.splits_frame(), task.options)
    assert again.fingerprint == task.fingerprint
    assert (again.all.items == task.all.items).all() and (again.users == task.users).all()


def test_another_order_of_a_users_items_is_another_task():
    other = SEQUENCES | {"ann": ["b", "a", "c", "d"]}
    corpus = corpus_of(SEQUENCES)
    assert Recommendation(corpus).fingerprint != Recommendation(corpus, corpus_of(other).interactions).fingerprint


def test_what_cannot_be_split_is_said_in_one_sentence():
    corpus = corpus_of({"ann": ["a", "b"], "ben": ["c"]})
    with pytest.raises(CorpusError, match=r"no user has 3 items or more \(the most is 2\)"):
        Recommendation(corpus)
    with pytest.raises(CorpusError, match="has no interactions"):
        Recommendation(Corpus.from_records([{"doc_id": "a", "title": "a", "text": ""}]))
    with pytest.raises(SettingsError, match="give 'validation' or 'test'"):
        Recommendation(corpus_of(SEQUENCES)).histories("train")


# ---- histories -------------------------------------------------------------------------------------------------


@given(st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=6), st.integers(1, 4))
def test_padded_histories_keep_the_newest_items(lists, longest):
    batch = Histories.of(lists).padded(range(len(lists)), longest, pad=10)
    for row, whole in enumerate(lists):
        length = int(batch.lengths[row])
        assert batch.items[row, :length].tolist() == whole[-longest:] and (batch.items[row, length:] == 10).all()


def test_items_before_a_place():
    histories = Histories.of([[1, 2, 3, 4], [5, 6]])
    batch, targets = histories.before([0, 1], [3, 1], longest=2, pad=9)
    assert batch.items.tolist() == [[2, 3], [5, 9]] and targets.tolist() == [4, 6]


def test_taking_histories():
    histories = Histories.of([[1, 2], [], [3]], users=[4, 5, 6]).take([2, 0])
    assert [histories[row].tolist() for row in range(2)] == [[3], [1, 2]] and histories.users.tolist() == [6, 4]


# ---- rankings --------------------------------------------------------------------------------------------------


class Known(ItemScorer):
    """Scores items by their place: the last item of the corpus is best."""

    method, label = "known", "Known"
    settings: ClassVar = {}

    def _fit(self, task, fitting): ...

    def score_items(self, batch):
        return torch.arange(float(len(self.task_.corpus))).expand(len(batch.items), -1).clone()

    def _save_model(self, folder): ...

    @classmethod
    def _load_model(cls, folder, task, settings): ...


def test_seen_items_are_left_out_of_one_view_alone():
    model = Known().fit(Recommendation(corpus_of(SEQUENCES)))  # items a, b, c, d = 0 … 3
    found = model.rank("test", depth=4)
    assert found["raw"].documents.tolist() == [[3, 2, 1, 0]] * 2
    assert found["unseen"].documents.tolist() == [[3, -1, -1, -1], [3, 0, -1, -1]]  # of abc, and of bc


def test_one_score_for_all_items_finds_nothing():
    class Flat(Known):
        def score_items(self, batch):
            return torch.zeros(len(batch.items), len(self.task_.corpus))

    task = Recommendation(ring_corpus())
    found = task.evaluate([Flat().fit(task)], metrics=["Recall@5"], depth=10)
    assert found.seeds_of("Known", "Recall@5")[0].sum() == 0


def test_recommending_for_people():
    task = Recommendation(corpus_of(SEQUENCES, extra=("new",)))
    model = Popularity().fit(task)
    found = model.recommend(["c"], top=2)
    assert found.columns.tolist() == ["rank", "doc_id", "title", "score"]
    assert found["doc_id"].tolist() == ["a", "b"] and found["rank"].tolist() == [1, 2]
    assert "c" in model.recommend(["c"], top=5, seen=True)["doc_id"].tolist()
    assert model.recommend(user="ann", top=9)["doc_id"].tolist() == ["new"]  # ann has taken all the others


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"history": []}, "The history is empty; give at least one document id"),
        ({"history": ["a", "zz"]}, "The item 'zz' is not in the corpus 'toy'"),
        ({"history": ["item-a"]}, "is not in the corpus"),
        ({"user": "eve"}, "The user 'eve' is not in this task; its users are ann, ben, cas"),
        ({}, "Give either a history of document ids or a user"),
        ({"history": ["a"], "user": "ann"}, "Give either a history"),
        ({"history": ["a"], "top": 0}, "top is 0; ask for 1 item or more"),
    ],
)
def test_what_cannot_be_answered_is_said_in_one_sentence(asked, said):
    model = Popularity().fit(Recommendation(corpus_of(SEQUENCES)))
    with pytest.raises(SettingsError, match=said):
        model.recommend(**asked)


def test_a_user_with_one_item_gets_recommendations():
    model = Popularity().fit(Recommendation(corpus_of(SEQUENCES)))
    assert "c" not in model.recommend(user="ben")["doc_id"].tolist()


def test_several_processes_are_refused(monkeypatch, tmp_path):
    monkeypatch.setattr(base, "processes", lambda: Processes(2, 0))
    with pytest.raises(SettingsError, match="One process fits Popularity"):
        Popularity().fit(Recommendation(corpus_of(SEQUENCES)), tmp_path / "run")
