"""Arguments of the wrong type, over the public names of every room: one sentence that ends in a remedy."""

import io

import numpy as np
import pytest

import lmindexer as lmi
from lmindexer.common.kinds import COUNT, RATINGS, TEXT_OR_NONE, WHOLE, having, several, takes
from lmindexer.studies import Method

CORPUS = lmi.Corpus.from_records([{"doc_id": n, "text": f"tool {n}", "category_1": "A"} for n in range(4)])
IDS = lmi.SemanticIDs.from_codes(CORPUS.doc_ids, [[0, 0], [0, 1], [1, 0], [1, 1]], (2, 2))
INDEXER = lmi.RandomIndexer(positions=2, codebook_size=2)
QUERIES = lmi.Queries.from_records([{"query_id": str(n), "text": f"tool {n}", "doc_id": str(n)} for n in range(4)])
TWO = {"a": [[0]], "b": [[0]]}
st, he, ta, wi, em = lmi.studies, lmi.human_eval, lmi.tasks, lmi.widgets, lmi.embeddings

WRONG = {"list": ["x"], "number": 5, "share": 0.5, "object": object(), "file": io.StringIO("a"), "none": None,
         "dict": {"a": 1}, "function": lambda: 0, "word": "nowhere", "corpus": CORPUS, "indexer": INDEXER}  # fmt: skip

# public name and argument → (call with that argument, the wrong values above that are right there)
PUBLIC = {
    "studies.table1: corpora": (lambda v: st.table1(v), ()),
    "studies.table1: one corpus": (lambda v: st.table1([v]), ("corpus",)),
    "studies.table1: codebook_size": (lambda v: st.table1([CORPUS], codebook_size=v), ("number",)),
    "studies.table1: seeds": (lambda v: st.table1([CORPUS], seeds=v), ()),
    "studies.table1: texts": (lambda v: st.table1([CORPUS], texts=v), ()),
    "studies.table1: folder": (lambda v: st.table1([CORPUS], folder=v), ("word", "none")),
    "studies.table1_slides": (lambda v: st.table1_slides(v), ()),
    "studies.training": (lambda v: st.training(v), ()),
    "studies.commitment": (lambda v: st.commitment(v), ()),
    "studies.layers: values": (lambda v: st.layers([CORPUS], values=v), ()),
    "studies.length: values": (lambda v: st.length([CORPUS], values=v), ()),
    "studies.codebook: values": (lambda v: st.codebook([CORPUS], values=v), ()),
    "studies.cross: methods": (lambda v: st.cross(["a"], [True], v, [0]), ()),
    "studies.Method: label": (lambda v: st.Method(v, "random"), ("word",)),
    "studies.Method: settings": (lambda v: st.Method("x", "random", v), ("dict",)),
    "studies.run_study": (lambda v: st.run_study(v), ()),
    "studies.state_of": (lambda v: st.state_of(v), ()),
    "studies.training_figure": (lambda v: st.training_figure(v, "x"), ()),
    "human_eval.study_results": (lambda v: he.study_results(v), ()),
    "human_eval.report_html": (lambda v: he.report_html(v), ()),
    "human_eval.write_report": (lambda v: he.write_report(v, "a.html"), ()),
    "human_eval.disagreements": (lambda v: he.disagreements(v), ()),
    "human_eval.embedding_judge": (lambda v: he.embedding_judge(v), ()),
    "human_eval.annotator_reliability": (lambda v: he.annotator_reliability(v), ()),
    "human_eval.agreement_table": (lambda v: he.agreement_table(v), ()),
    "human_eval.agreement_table: scale": (lambda v: he.agreement_table([["a", "b"], ["a", "a"]], scale=v), ()),
    "human_eval.percent_agreement": (lambda v: he.percent_agreement(v), ()),
    "human_eval.cohen_kappa": (lambda v: he.cohen_kappa(v, ["x"]), ("list",)),
    "human_eval.fleiss_kappa": (lambda v: he.fleiss_kappa(v), ()),
    "human_eval.krippendorff_alpha": (lambda v: he.krippendorff_alpha(v), ()),
    "human_eval.gwet_ac": (lambda v: he.gwet_ac(v), ()),
    "human_eval.judgments_needed": (lambda v: he.judgments_needed(v, 0.4), ("share",)),
    "human_eval.detectable_difference": (lambda v: he.detectable_difference(v), ("number",)),
    "human_eval.preferences_needed": (lambda v: he.preferences_needed(v), ()),
    "human_eval.wilson": (lambda v: he.wilson(v, 5), ("number", "share")),
    "human_eval.open_demonstration": (lambda v: he.open_demonstration(v), ("word", "none")),
    "human_eval.Study.open": (lambda v: he.Study.open(v), ()),
    "human_eval.Study.create": (lambda v: he.Study.create(v), ()),
    "tasks.Retrieval": (lambda v: ta.Retrieval(v), ()),
    "tasks.Retrieval: queries": (lambda v: ta.Retrieval(CORPUS, v), ()),
    "tasks.ProductSearch": (lambda v: ta.ProductSearch(v), ()),
    "tasks.Recommendation": (lambda v: ta.Recommendation(v), ()),
    "tasks.Recommendation: interactions": (lambda v: ta.Recommendation(CORPUS, v), ()),
    "tasks.GenerativeRecommender": (lambda v: ta.GenerativeRecommender(v), ("indexer",)),
    "tasks.TIGER": (lambda v: ta.TIGER(v), ("indexer",)),
    "tasks.SlidesRecommender": (lambda v: ta.SlidesRecommender(v), ()),
    "tasks.GenerativeRetriever": (lambda v: ta.GenerativeRetriever(v), ("none", "indexer")),
    "tasks.GenerativeRetriever: form": (lambda v: ta.GenerativeRetriever(INDEXER, v), ()),
    "tasks.GenerativeRetriever: embeddings": (lambda v: ta.GenerativeRetriever(INDEXER, embeddings=v), ("word",)),
    "tasks.IndexerRetriever": (lambda v: ta.IndexerRetriever(v), ("none",)),
    "tasks.DualEncoder": (lambda v: ta.DualEncoder(v), ()),
    "tasks.BM25": (lambda v: ta.BM25(v, 0.5), ("number", "share")),
    "tasks.BM25: stemmer": (lambda v: ta.BM25(stemmer=v), ("word", "none")),
    "tasks.SEAL": (lambda v: ta.SEAL(encoder=v), ("word",)),
    **{f"tasks.{name}": (lambda v, name=name: getattr(ta, name)(v), ())
       for name in ("SASRec", "GRU4Rec", "BERT4Rec", "FDSA", "HGN", "ItemKNN")},
    **{f"tasks.{name}.fit": (lambda v, name=name: getattr(ta, name)().fit(v), ())
       for name in ("BM25", "DualEncoder", "Popularity", "SASRec", "ItemKNN", "SEAL", "GenerativeRetriever")},
    "tasks.Retrieval.evaluate": (lambda v: ta.Retrieval(CORPUS, QUERIES, shares=(0.5, 0.25, 0.25)).evaluate(v), ()),
    "tasks.load_task": (lambda v: ta.load_task(v), ()),
    "tasks.load_task_model": (lambda v: ta.load_task_model(v), ()),
    "tasks.compare_scores": (lambda v: ta.compare_scores(v, "b"), ()),
    "widgets.BeamWalker": (lambda v: wi.BeamWalker(v), ()),
    "widgets.CollapseLab": (lambda v: wi.CollapseLab(v), ("corpus", "none")),
    "widgets.HintMaskViewer": (lambda v: wi.HintMaskViewer(v), ("word",)),
    "widgets.HintMaskViewer: indexer": (lambda v: wi.HintMaskViewer("a saw", v), ("none",)),
    "widgets.Labeller": (lambda v: wi.Labeller(v, "me"), ()),
    "widgets.PrefixBrowser": (lambda v: wi.PrefixBrowser(v), ()),
    "widgets.TreeWalker": (lambda v: wi.TreeWalker(v), ()),
    "browse.Shelf": (lambda v: lmi.browse.Shelf(v), ("list",)),
    "browse.RunBrowser.from_bundle": (lambda v: lmi.browse.RunBrowser.from_bundle(v), ()),
    "browse.RunBrowser.from_parts": (lambda v: lmi.browse.RunBrowser.from_parts(v, CORPUS), ()),
    "plots.agreement": (lambda v: lmi.plots.agreement(v), ()),
    "plots.perplexity": (lambda v: lmi.plots.perplexity(v), ()),
    "plots.hierarchy": (lambda v: lmi.plots.hierarchy(v, CORPUS), ()),
    "plots.code_usage": (lambda v: lmi.plots.code_usage(v, CORPUS), ()),
    "plots.collision_sizes": (lambda v: lmi.plots.collision_sizes(v, CORPUS), ()),
    "plots.training_curves": (lambda v: lmi.plots.training_curves(v, "loss"), ()),
    "plots.reconstruction": (lambda v: lmi.plots.reconstruction(v), ()),
    "embeddings.make_embeddings": (lambda v: em.make_embeddings(v), ("word",)),
    "embeddings.embed_corpus": (lambda v: em.embed_corpus(v, "tfidf"), ("corpus",)),
    "embeddings.ArrayEmbeddings": (lambda v: em.ArrayEmbeddings(v), ("word",)),
    "embeddings.EncoderEmbeddings": (lambda v: em.EncoderEmbeddings(v), ("word",)),
    "embeddings.JoinedEmbeddings": (lambda v: em.JoinedEmbeddings(v), ()),
    "embeddings.load_embeddings": (lambda v: em.load_embeddings(v), ()),
    "embeddings.TfidfEmbeddings.fit": (lambda v: em.TfidfEmbeddings(4).fit(v), ()),
    "datasets.load_folder": (lambda v: lmi.load_folder(v), ()),
    "datasets.load_amazon": (lambda v: lmi.load_amazon(v), ()),
    "datasets.load_sample": (lambda v: lmi.load_sample(v), ()),
    "datasets.prepare": (lambda v: lmi.datasets.prepare(v, "a", "b"), ()),
    "datasets.prepare: raw": (lambda v: lmi.datasets.prepare("amazon", v, "b"), ()),
    "datasets.source_of": (lambda v: lmi.datasets.source_of(v), ()),
    "evaluation.compare_methods": (lambda v: lmi.evaluation.compare_methods(v, TWO, "a"), ("list",)),
    "evaluation.compare_methods: codes": (lambda v: lmi.evaluation.compare_methods(["a"], v, "b"), ()),
    "diagnostics.perplexity": (lambda v: lmi.diagnostics.perplexity(v), ()),
    "diagnostics.diff_ratio": (lambda v: lmi.diagnostics.diff_ratio(v), ()),
    "diagnostics.collisions": (lambda v: lmi.diagnostics.collisions(v), ()),
    "Corpus.from_records": (lambda v: lmi.Corpus.from_records(v), ()),
    "SemanticIDs.from_codes": (lambda v: lmi.SemanticIDs.from_codes(v, [[0]], (1,)), ("list",)),
    "SemanticIDs.from_codes: sizes": (lambda v: lmi.SemanticIDs.from_codes(["a"], [[0]], v), ()),
    "make_settings": (lambda v: lmi.make_settings(v), ()),
    "find_bundles": (lambda v: lmi.find_bundles(v), ("word",)),
    "write_bundle": (lambda v: lmi.write_bundle("x", manifest=v, corpus=CORPUS, ids=IDS), ()),
}  # fmt: skip


@pytest.mark.parametrize("case", PUBLIC)
def test_one_sentence(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, right = PUBLIC[case]
    for name in WRONG.keys() - set(right):
        with pytest.raises(lmi.LMIndexerError) as caught:
            call(WRONG[name])
        assert "\n" not in str(caught.value), name


ROOMS = ("studies", "human_eval", "tasks", "widgets", "browse", "plots", "embeddings", "datasets")
OWN = {  # public names without an argument that a person could mistake, or whose arguments this library makes itself
    "studies": {"PLANS", "Run", "Study", "StudyResult"},
    "human_eval": {"GUIDES", "PROMPTS", "SCALES", "SKIP_REASONS", "TYPES", "Question", "Results", "Session", "View"},
    "tasks": {"Evaluation", "Judgements", "Rankings", "Task", "TaskModel", "decoding", "measure",
              "recommendation", "search"},
    "plots": {"annotator_shares", "answer_times", "beam_tree", "category_distribution", "code_plane",
              "code_probabilities", "contingency", "MOST_NUMBERS", "numbers", "unmarked", "lost_positions",
              "agreement_metric", "method_metric", "hint_masks", "id_map", "id_map_raster", "lines", "matrix",
              "method_scores", "metric_intervals", "preference_shares", "rater_agreement"},
    "embeddings": {"Embeddings", "SentenceTransformerEmbeddings", "SimCSEEmbeddings"},
    "datasets": {"SOURCES", "Source", "is_folder_of_data", "list_samples", "samples_folder"},
}  # fmt: skip


@pytest.mark.parametrize("room", ROOMS)
def test_every_public_name_is_tried(room):
    tried = {case.split(":")[0].split(".")[1] for case in PUBLIC if case.startswith(f"{room}.")}
    assert set(getattr(lmi, room).__all__) - OWN.get(room, set()) - tried == set()


def test_what_fits_is_passed_on_unchanged():
    @takes(seeds=several(WHOLE), word=TEXT_OR_NONE)
    def call(seeds, *rest, word="a", **more):
        return seeds, rest, word, more

    array = np.array([1, 2])
    assert call(array)[0] is array and call(iter([1]), 5, word=None, x=1) == ([1], (5,), None, {"x": 1})
    with pytest.raises(TypeError, match="missing"):  # Python's own words stay
        call()
    with pytest.raises(lmi.LMIndexerError, match=r"call: seeds must be a list of whole numbers, not list of str\."):
        call(["x"])


def test_kinds_by_hand():
    assert COUNT.take(True) is None and COUNT.take(np.int32(3)) == 3 and COUNT.take(3.0) is None
    assert RATINGS.take([["a"], ["b"]]) == [["a"], ["b"]] and RATINGS.take(["ab"]) is None
    assert having("x", "y", "read").take(io.StringIO) is None  # the class itself is not an instance
    assert Method("x", "random").label == "x"
