"""The beam walker over a small trained recommender: what it shows is what the search does."""

import pytest

import lmindexer as lmi
from lmindexer.common.errors import LMIndexerError, SettingsError
from lmindexer.tasks.decoding import lost_table


@pytest.fixture(scope="module")
def model():
    corpus = lmi.load_sample("attack")
    ids = lmi.RandomIndexer(positions=2, codebook_size=8).fit(corpus, progress=False)
    task = lmi.tasks.Recommendation(corpus)
    return lmi.tasks.GenerativeRecommender(ids, dim=16, epochs=1, text=None).fit(task, progress=False)


def test_steps_keep_as_many_branches_as_the_width_says(model):
    walker = lmi.widgets.BeamWalker(model, width=3)
    assert walker.branches().empty and walker.back.disabled and "Step to see" in walker.said.value
    for position in range(1, walker.depth + 1):
        assert walker.step() == position
        found = walker.branches()
        assert found["kept"].sum() <= 3 and found["kept"].iloc[:3].all()
    assert walker.next.disabled and walker.step() == walker.depth
    assert "Recommended" in walker.static_html() and "BeamWalker(" in repr(walker)
    walker.back.click()
    assert walker.position == walker.depth - 1


def test_a_wider_beam_and_where_lost_agree(model):
    frame = model.where_lost("test", width=2, exact=False)
    walker = lmi.widgets.BeamWalker(model, width=2)
    for row in range(0, 60, 12):
        walker.begin(walker.users[row])
        assert walker.lost == frame["lost"][row] and walker.answer == frame["document"][row]
    walker.width.value = 50
    best = walker.model.task_.corpus.doc_ids[int(walker.beam.paths["documents"][0][0])]
    assert best == model.recommend(user=None, history=[model.task_.corpus.doc_ids[i] for i in walker.history[0]],
                                   top=1, seen=True)["doc_id"][0]  # fmt: skip
    assert len(lost_table(frame))


def test_what_cannot_be_walked_is_refused(model):
    with pytest.raises(SettingsError, match="does not ask about 'nobody'"):
        lmi.widgets.BeamWalker(model, user="nobody")
    with pytest.raises(LMIndexerError, match="not fitted"):
        lmi.widgets.BeamWalker(lmi.tasks.GenerativeRecommender(model.ids_))
    with pytest.raises(LMIndexerError, match="does not recommend by IDs"):
        lmi.widgets.BeamWalker(lmi.tasks.Popularity().fit(model.task_))
    walker = lmi.widgets.BeamWalker(model)
    walker.user.value = "half a na"
    assert walker.position == 0
