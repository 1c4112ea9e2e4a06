"""What runs answer, against plain pandas and numpy over the same documents."""

import numpy as np
import pandas as pd
import pytest
import run_bundles
from hypothesis import given, settings
from hypothesis import strategies as st

from lmindexer.browse import RunBrowser, Shelf, documents, mapping, neighbours, prefixes, usage, words
from lmindexer.common.errors import BundleError, LMIndexerError
from lmindexer.corpus.corpus import Corpus
from lmindexer.ids.semantic_ids import SemanticIDs
from lmindexer.quality import evaluate_ids
from lmindexer.quality.keywords import prefix_keywords
from lmindexer.quality.verdict import verdict
from lmindexer.runs.bundle import Bundle


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return run_bundles.write_all(tmp_path_factory.mktemp("runs"))


@pytest.fixture(scope="module")
def run(folder):
    return RunBrowser.from_bundle(Bundle.open(folder / "good"))


@pytest.fixture(scope="module")
def table(run):
    """The whole run as one frame, the plain way."""
    ids, corpus = run.parts
    frame = ids.to_frame()
    for level in range(1, corpus.levels + 1):
        frame[f"label_{level}"] = corpus.labels(level)
    return frame.assign(title=corpus.titles, text=corpus.texts)


def test_counts_are_those_of_the_ids(run, table):
    assert run.documents == len(table) and run.positions == 3 and run.levels == 2
    assert run.distinct_prefixes == [table.groupby([f"c{t}" for t in range(1, n + 1)]).ngroups for n in (1, 2, 3)]
    sizes = table.groupby(["c1", "c2", "c3"]).size()
    assert run.unique_share == pytest.approx((sizes == 1).sum() / len(table))
    assert run.count((1,)) == (table.c1 == 1).sum()


def test_categories_are_ranked_by_documents_and_keep_their_labels(run, table):
    found = run.categories(2)
    expected = table.label_2[table.label_2 != ""].value_counts()
    assert dict(zip(found.label, found.documents, strict=True)) == expected.to_dict()
    assert found.documents.is_monotonic_decreasing and found["rank"].tolist() == list(range(len(found)))


@pytest.mark.parametrize(("prefix", "level"), [((), 1), ((), 2), ((1,), 2), ((0, 0), 1)])
def test_distribution_is_a_crosstab(run, table, prefix, level):
    part = table
    for position, code in enumerate(prefix, start=1):
        part = part[part[f"c{position}"] == code]
    found = prefixes.distribution(run, prefix, level, top=100, top_codes=100)
    label = part[f"label_{level}"].replace("", "(no category)")
    expected = part.groupby([label, f"c{len(prefix) + 1}"]).size()
    assert found.cells.set_index(["label", "code"]).documents.sort_index().to_dict() == expected.to_dict()


def test_other_sums_up_what_is_not_named(run):
    whole, cut = prefixes.distribution(run, (), 2, top=100), prefixes.distribution(run, (), 2, top=2, top_codes=2)
    assert cut.cells.documents.sum() == whole.cells.documents.sum() == run.documents
    assert cut.other_categories == whole.cells.label.nunique() - 2 and cut.other_codes == 2
    assert set(cut.cells["rank"]) - {prefixes.OTHER} <= set(whole.cells["rank"])


def test_children_measure_purity_lift_and_entropy_of_labelled_documents(run, table):
    found = prefixes.children(run, (), 1).set_index("code")
    labelled = table[table.label_1 != ""]
    for code, part in labelled.groupby("c1"):
        p = part.label_1.value_counts(normalize=True)
        row = found.loc[code]
        assert row.purity == pytest.approx(p.iloc[0])
        assert row.entropy == pytest.approx(-(p * np.log2(p)).sum())
        assert row.lift == pytest.approx(p.iloc[0] / (labelled.label_1 == row.category).mean())
    assert found.share.sum() == pytest.approx(1) and found.documents.sum() == run.documents
    assert prefixes.children(run, (0, 0, 0)).empty


@settings(max_examples=20, deadline=None)
@given(st.integers(1, 30))
def test_children_of_a_tree_node_sum_up_to_it(run, per_level):
    nodes = prefixes.tree(run, (), 3, 1, per_level)
    size = nodes.set_index("id").documents
    below = nodes[nodes.parent != ""].groupby("parent").documents.sum()
    inner = [node for node in below.index if not node.endswith(".rest")]
    ended = run.frame("SELECT c1, c2, count(*) AS n FROM docs WHERE c3 < 0 GROUP BY ALL")
    for node in inner:
        assert below[node] == size[node], (node, ended)
    assert (nodes.groupby("length").size() <= per_level + size.shape[0]).all() and size["all"] == run.documents


def test_a_page_has_the_documents_in_order_and_searches_without_case(run, table):
    part = table[table.c1 == 1].doc_id.tolist()
    assert documents.page(run, (1,), limit=5, offset=3).rows.doc_id.tolist() == part[3:8]
    found = documents.page(run, (1,), search="SAW", limit=1000)
    expected = table[(table.c1 == 1) & table.title.str.contains("saw")].doc_id.tolist()
    assert found.rows.doc_id.tolist() == expected and found.total == len(expected) and not found.capped
    in_text = documents.page(run, search="whiskers", in_text=True, limit=1000)
    assert (
        in_text.total
        == table.text.str.contains("whiskers").sum()
        + (table.title.str.contains("whiskers") & ~table.text.str.contains("whiskers")).sum()
    )
    assert documents.page(run, search="100%_'\"; DROP TABLE docs").total == 0 and run.count() == len(table)


def test_one_document_with_its_text_by_pieces(folder):
    hostile = RunBrowser.from_bundle(Bundle.open(folder / "hostile"))
    row = documents.row_of(hostile, "<i>4</i>")
    found = documents.document(hostile, row, start=999_990)
    assert found["characters"] == 1_000_000 and found["text"] == "x" * 10
    assert documents.full_text(hostile, row) == "x" * 1_000_000
    assert documents.row_of(hostile, "' OR 1=1 --") is None


def test_short_ids_and_missing_categories(run, table):
    row = 0  # every 23rd has no third code, every 17th no category
    found = documents.document(run, row)
    assert found["codes"][2] == -1 and found["id"].count("<") == 2
    assert found["categories"] == ["(no category)"] and table.label_1[0] == ""


def test_key_words_are_those_of_the_library_and_a_sample_finds_them_too(run, monkeypatch):
    ids, corpus = run.parts
    expected = prefix_keywords(ids, corpus, 2, top=4)
    found = words.keywords(run, (1,), top=4)
    assert found == {k[1]: [w for w, _ in v] for k, v in expected.items() if k[0] == 1}
    monkeypatch.setattr(words, "EXACT_UP_TO", 10)
    assert not words.prepared(run)
    words.prepare(run)
    assert words.prepared(run)
    sampled = words.keywords(run, ())
    assert set(sampled) == set(ids.codes[:, 0].tolist()) and all(sampled.values())
    assert words.name_of(run, ()) == ""


def test_nearest_documents_are_numpy_s(run):
    states = np.asarray(neighbours.states(run), dtype=np.float64)
    unit = states / np.linalg.norm(states, axis=1, keepdims=True)
    cosine = unit @ unit[5]
    cosine[5] = -1
    own = run.parts[0].codes[:, 0] == run.parts[0].codes[5, 0]
    found = neighbours.nearest(run, states[5], 6, (), 5)
    assert found.cosine.to_numpy() == pytest.approx(np.sort(cosine)[::-1][:6], abs=1e-4)
    elsewhere = neighbours.nearest(run, states[5], 6, (int(run.parts[0].codes[5, 0]),), 5)
    assert elsewhere.cosine.to_numpy() == pytest.approx(np.sort(cosine[~own])[::-1][:6], abs=1e-4)
    assert (neighbours.cosines(np.zeros((3, 4), dtype=np.float16), np.ones(4)) == 0).all()


def test_a_raster_counts_every_document_once_and_boxes_find_their_documents(run):
    assert mapping.has_map(run)
    raster = mapping.raster(run, ("position", 1), cells=9)
    assert raster.cells.documents.sum() == raster.documents == run.documents
    points = mapping.points(run, ("category", 1))
    inside = points[points.x.between(0, 0.5) & points.y.between(-1, 1)]
    assert mapping.in_box(run, (0.5, 0), (-1, 1)).tolist() == inside.row.tolist()
    rows, codes = mapping.of_rows(run, inside.row.to_numpy(), limit=3)
    assert len(rows) == min(3, len(inside)) and codes.documents.sum() == len(inside)


def test_usage_and_collisions_are_the_quality_s(run):
    quality = evaluate_ids(*run.parts)
    for position in (1, 2, 3):
        counts = usage.code_usage(run, position).documents
        assert (counts > 0).sum() == quality.used_codes[position - 1] and len(counts) == 4
    sizes = usage.collision_sizes(run)
    assert dict(zip(sizes["size"], sizes.ids, strict=True)) == quality.collisions.sizes
    assert usage.largest_collisions(run).documents.iloc[0] == quality.collisions.largest_group


def test_frames_in_memory_answer_as_bundles_do(run):
    other = RunBrowser.from_parts(*run.parts)
    pd.testing.assert_frame_equal(prefixes.children(run, (1,), 2), prefixes.children(other, (1,), 2))
    pd.testing.assert_frame_equal(documents.page(run, (2,)).rows, documents.page(other, (2,)).rows)


def test_prefixes_that_cannot_be_are_errors(run):
    for prefix in ((9,), (-2,), (0, 0, 0, 0)):
        with pytest.raises(LMIndexerError):
            run.checked(prefix)
    with pytest.raises(LMIndexerError, match="no category level 7"):
        prefixes.distribution(run, (), 7)


def test_the_shelf_finds_sound_runs_beside_broken_ones(folder):
    shelf = Shelf([folder])
    assert list(shelf.runs) == ["bare", "good", "hostile", "other"]
    assert [broken.path.name for broken in shelf.broken] == ["broken"] and "damaged" in shelf.broken[0].reason
    assert shelf.get("../good") is None and shelf.get(str(folder / "good")) is None


def test_the_same_folder_twice_and_equal_names(folder, tmp_path):
    corpus = run_bundles.corpus_of(20)
    run_bundles.write(tmp_path, "good", corpus, run_bundles.ids_of(corpus))
    shelf = Shelf([folder, folder, tmp_path, folder / "good"])
    assert [key for key in shelf.runs if key.startswith("good")] == ["good", "good~2"]


def test_links_that_lead_out_of_the_folder_are_refused(folder, tmp_path):
    (tmp_path / "sneaky").symlink_to(folder / "good")
    shelf = Shelf([tmp_path])
    assert not shelf.runs and "leads out" in shelf.broken[0].reason


def test_a_run_whose_files_do_not_fit_is_a_bundle_error(folder, tmp_path):
    import json
    import shutil

    shutil.copytree(folder / "good", tmp_path / "odd")
    shutil.copy(folder / "good" / "corpus.parquet", tmp_path / "odd" / "ids.parquet")
    manifest = json.loads((tmp_path / "odd" / "manifest.json").read_text())
    manifest["files"]["ids.parquet"] = manifest["files"]["corpus.parquet"]
    (tmp_path / "odd" / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(BundleError):
        RunBrowser.from_bundle(Bundle.open(tmp_path / "odd"))


def test_the_verdict_names_a_collapse_and_a_repeated_prefix():
    names = [f"d{n}" for n in range(400)]
    corpus = Corpus.from_records([{"doc_id": n, "text": n, "category_1": str(i % 4)} for i, n in enumerate(names)])
    first = np.arange(400) % 64
    collapsed = SemanticIDs.from_codes(names, np.column_stack([np.zeros(400, int), first]), (64, 64))
    remarks = verdict(evaluate_ids(collapsed, corpus))
    assert any(r.mood == "bad" and "Position 1 has collapsed" in r.text for r in remarks)
    repeated = SemanticIDs.from_codes(names, np.column_stack([first, first]), (64, 64))
    assert any("Position 2 mostly repeats its prefix" in r.text for r in verdict(evaluate_ids(repeated, corpus)))
    sound = SemanticIDs.from_codes(names, np.column_stack([np.arange(400) % 4, np.arange(400) // 4]), (4, 100))
    assert {r.mood for r in verdict(evaluate_ids(sound, corpus))} == {"good"}
