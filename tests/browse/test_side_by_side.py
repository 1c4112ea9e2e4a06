"""Several runs beside each other, and how like the corpus a text is."""

import numpy as np
import pytest
import run_bundles

from lmindexer.browse import RunBrowser, compare
from lmindexer.browse.likeness import likeness, words_of
from lmindexer.browse.side_by_side import (
    BETTER,
    GIVEN,
    HIGHER,
    OTHER_SCALE,
    UNSURE,
    WORSE,
    differing_settings,
    measured,
)
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.runs.bundle import Bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_bundles.write_all(tmp_path_factory.mktemp("runs"))


def opened(folder, name):
    return RunBrowser.from_bundle(Bundle.open(folder / name))


def test_only_settings_that_differ_are_listed(folder):
    found = differing_settings({name: opened(folder, name) for name in ("good", "other")})
    assert found["setting"].tolist() == ["seed"] and found.iloc[0, 1:].tolist() == ["0", "1"]


def test_better_and_worse_stand_where_the_interval_leaves_out_nought():
    corpus = run_bundles.corpus_of(400)
    ids, rng = run_bundles.ids_of(corpus), np.random.default_rng(5)
    first = RunBrowser.from_parts(ids, corpus)
    shuffled = RunBrowser.from_parts(
        SemanticIDs.from_codes(corpus.doc_ids, ids.codes[rng.permutation(400)], ids.codebook_sizes), corpus
    )
    wide = RunBrowser.from_parts(SemanticIDs.from_codes(corpus.doc_ids, ids.codes, (9, 9, 9)), corpus)
    pairs = {"shuffled": compare.pair(first, shuffled), "same": compare.pair(first, first)}
    found = measured(pairs | {"wide": compare.pair(first, wide)}).set_index(["metric", "run"])["change"]
    assert found["AMI of c1 with category level 1", "shuffled"] == WORSE
    assert (found[:, "same"] == UNSURE).all() and found["perplexity at position 1", "wide"] == OTHER_SCALE
    back = measured({"first": compare.pair(shuffled, first)})
    assert back.set_index("metric")["change"]["AMI of c1 with category level 1"] == BETTER


def test_a_perplexity_is_better_only_where_it_leaves_a_collapse_and_a_control_is_never(folder, tmp_path):
    from lmindexer.indexers import INDEXERS

    corpus = run_bundles.corpus_of(400)
    uneven = np.zeros((400, 1), dtype=int)
    uneven[:80, 0] = np.arange(80) % 32  # 32 codes in use, most documents under one: perplexity far below 30 % of 32
    even, halved = (np.arange(400) % n for n in (32, 16))
    make = lambda codes: RunBrowser.from_parts(  # noqa: E731
        SemanticIDs.from_codes(corpus.doc_ids, np.reshape(codes, (400, 1)), (32,)), corpus
    )
    first, place = make(uneven), "perplexity at position 1"

    def change(a, b, metric=place):
        return measured({"b": compare.pair(a, b)}).set_index("metric")["change"][metric]

    assert change(first, make(even)) == BETTER and change(make(even), first) == WORSE
    assert change(make(halved), make(even)) == HIGHER  # both are healthy
    INDEXERS["random"](positions=1, codebook_size=32).fit(corpus, run=tmp_path / "random", progress=False)
    INDEXERS["category"](positions=1).fit(corpus, run=tmp_path / "category", progress=False)
    random, category = (RunBrowser.from_bundle(Bundle.open(tmp_path / name)) for name in ("random", "category"))
    assert change(first, random) == HIGHER, "codes drawn at random are no merit"
    level = "AMI of c1 with category level 1"
    assert change(make(even), category, level) == GIVEN == change(category, make(even), level)


def test_a_text_of_foreign_words_far_from_all_states_is_unlike_the_corpus(folder):
    run = opened(folder, "good")
    state = np.array(run.bundle.states[0], dtype=np.float32)
    near = likeness(run, "saw blade wood", state)
    assert near.known == 1 and near.cosine == pytest.approx(1, abs=1e-3) and not near.unlike
    far = likeness(run, "saw quantum chromodynamics", -state)
    assert far.unknown == ["quantum", "chromodynamics"] and far.known == pytest.approx(1 / 3)
    assert far.unlike == ["words", "nearest"]
    assert likeness(run, "…").known is None and words_of("Ärger, ärger") == ["ärger"]


def test_everything_can_be_saved_all_documents_of_a_prefix_or_a_selection(folder):
    from lmindexer.browse import documents, mapping

    run = opened(folder, "good")
    ids, corpus = run.parts
    found = documents.whole(run)
    assert found["doc_id"].tolist() == ids.doc_ids.tolist() and found["id"].tolist() == ids.strings().tolist()
    assert found["text"].tolist() == list(corpus.texts) and "category_2" in found
    under = documents.whole(run, (1,), texts=False)
    assert len(under) == run.count((1,)) and "text" not in under and (under["c1"] == 1).all()
    assert documents.whole(run, rows=[7, 3])["doc_id"].tolist() == ["d7", "d3"]
    assert mapping.has_map(run)
    groups = mapping.groups(run, ("position", 1))
    assert groups["documents"].sum() == run.documents
    top = groups.iloc[0]
    inside = mapping.in_shape(run, [(top.x0, top.y0), (top.x1, top.y1)])
    assert len(inside) >= top.documents / 8
