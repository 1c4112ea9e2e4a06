"""Arguments of the wrong type: one sentence from every public way in, whatever is below it."""

import inspect
import io

import numpy as np
import pytest

import lmindexer as lmi
from lmindexer.common.arguments import codes_of

CORPUS = lmi.Corpus.from_records([{"doc_id": n, "text": f"tool {n}", "category_1": "A"} for n in range(4)])
IDS = lmi.SemanticIDs.from_codes(CORPUS.doc_ids, [[0, 0], [0, 1], [1, 0], [1, 1]], (2, 2))
INDEXER = lmi.RandomIndexer(positions=2, codebook_size=2)

WRONG = {
    "a list for a corpus: fit": (lambda: INDEXER.fit(["saw"], progress=False), "Wanted a Corpus, not list"),
    "a list for a corpus: LMIndexer": (lambda: lmi.LMIndexer("tiny").fit(["saw"]), "Wanted a Corpus, not list"),
    "a list for a corpus: evaluate": (lambda: lmi.evaluate_ids(IDS, ["saw"]), "Wanted a Corpus, not list"),
    "a frame for a corpus": (lambda: lmi.evaluate_ids(IDS, CORPUS.frame), "not DataFrame. Make one with Corpus"),
    "a list for a corpus: key words": (lambda: lmi.prefix_keywords(IDS, ["x"], 1), "Wanted a Corpus, not list"),
    "a list for a corpus: plot": (lambda: lmi.plots.category_distribution(IDS, ["x"]), "Wanted a Corpus, not list"),
    "a list for a corpus: bundle": (
        lambda: lmi.write_bundle("x", manifest={"method": "m", "settings": {}}, corpus=[], ids=IDS),
        "Wanted a Corpus, not list",
    ),
    "an indexer for IDs": (lambda: lmi.evaluate_ids(INDEXER, CORPUS), "not RandomIndexer. Give its ids_"),
    "an indexer for IDs: plot": (lambda: lmi.plots.category_distribution(INDEXER, CORPUS), "Give its ids_"),
    "an indexer for IDs: trie": (lambda: lmi.IDTrie.from_ids(INDEXER), "Give its ids_"),
    "an indexer for IDs: key words": (lambda: lmi.prefix_keywords(INDEXER, CORPUS, 1), "Give its ids_"),
    "codes for IDs": (lambda: lmi.evaluate_ids(IDS.codes, CORPUS), "Wanted SemanticIDs, not ndarray. Make them"),
    "an int for a prefix": (lambda: IDS.select(3), r"Wanted a prefix, a tuple of codes such as \(3,\) .*, not 3"),
    "an int for a prefix: plot": (lambda: lmi.plots.category_distribution(IDS, CORPUS, prefix=1), "Wanted a prefix"),
    "a word for a prefix": (lambda: IDS.select("12"), "Wanted a prefix"),
    "a word for a length": (lambda: lmi.prefix_keywords(IDS, CORPUS, "1"), "Wanted a number of codes, not '1'"),
    "a StringIO for a file": (lambda: lmi.Corpus.from_csv(io.StringIO("a,b\n")), "A path is expected, not StringIO"),
    "a number for a run": (lambda: lmi.load_indexer(5), "Wanted a path, not int"),
    "None for a run": (lambda: lmi.Bundle.open(None), "Wanted a path, not NoneType"),
    "a frame for a preset": (lambda: lmi.RQVAEIndexer(CORPUS.frame), "preset must be a text or None, not DataFrame"),
    "a corpus for a preset": (lambda: lmi.LMIndexer(CORPUS), "preset must be a text, not Corpus"),
    "an unknown device": (lambda: lmi.LMIndexer("tiny", device="gpu7"), "device is 'gpu7', which is not here"),
    "a number for a device": (lambda: lmi.LMIndexer("tiny", device=[1]), "device is"),
}


@pytest.mark.parametrize("case", WRONG)
def test_one_sentence(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, words = WRONG[case]
    with pytest.raises(lmi.LMIndexerError, match=words) as caught:
        call()
    assert "\n" not in str(caught.value) and str(caught.value).endswith(".")


ODD = [5, 3.5, "nonsense", [1, 2], {"a": 1}, io.StringIO("x"), IDS, CORPUS.frame, np.zeros(3), object]
ONE_DOCUMENT = [{"doc_id": "1", "title": "a", "text": "b", "user_id": "u", "query_id": "q", "position": 1}]
TAKES = {  # a public function of one value
    **{
        f"from_records({name}=…)": lambda value, name=name: lmi.Corpus.from_records(ONE_DOCUMENT, **{name: value})
        for name in ("id", "title", "text", "category", "on_error", "missing", "html")
    },
    **{
        f"Queries({name}=…)": lambda value, name=name: lmi.Queries.from_records(ONE_DOCUMENT, **{name: value})
        for name in ("query_id", "text", "doc_id", "missing", "on_error")
    },
    **{
        f"Interactions({name}=…)": lambda value, name=name: lmi.Interactions.from_records(ONE_DOCUMENT, **{name: value})
        for name in ("user_id", "doc_id", "position", "missing", "on_error")
    },
    "labels": CORPUS.labels,
    "documents": CORPUS.documents,
    "within": lambda value: lmi.Queries.from_records(ONE_DOCUMENT).within(value),
    "check_against": lambda value: lmi.Queries.from_records(ONE_DOCUMENT).check_against(value),
    "load_sample": lmi.load_sample,
    "LMIndexer.load": lmi.LMIndexer.load,
    "ids.take": IDS.take,
    "ids.append": IDS.append,
    "ids.from_parquet": lmi.SemanticIDs.from_parquet,
    **{
        f"category_distribution({name}=…)": lambda value, name=name: lmi.plots.category_distribution(
            IDS, CORPUS, **{name: value}
        )
        for name in ("level", "prefix")
    },
}


@pytest.mark.parametrize("way", TAKES)
@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_no_value_at_all_leads_to_a_traceback_from_below(way, value, tmp_path, monkeypatch):
    """A value that fits is taken; any other one is an error of the package's own."""
    monkeypatch.chdir(tmp_path)
    try:
        TAKES[way](value)
    except lmi.LMIndexerError as error:
        assert "\n" not in str(error) and str(error).endswith(".")


@pytest.mark.parametrize("value", [5, 3.5, [1, 2], {"a": 1}, io.StringIO("x"), IDS, CORPUS.frame])
@pytest.mark.parametrize(
    "way", [CORPUS.to_parquet, IDS.to_parquet, lambda value: INDEXER.fit(CORPUS, run=value, progress=False)]
)
def test_what_is_no_path_is_refused_where_it_comes_in(way, value):
    with pytest.raises(lmi.LMIndexerError, match="a path"):
        way(value)


@pytest.mark.parametrize(
    "figure", ["agreement_metric", "annotator_shares", "answer_times", "beam_tree", "lost_positions", "method_metric"]
)
@pytest.mark.parametrize("value", [5, "nonsense", [1, 2], {"a": 1}, IDS])
def test_figures_of_tables_say_what_they_take(figure, value):
    function = getattr(lmi.plots, figure)
    needed = [one for one in inspect.signature(function).parameters.values() if one.default is one.empty]
    with pytest.raises(lmi.LMIndexerError, match="must be a data frame"):
        function(*[value] * len(needed))


def test_prefixes_of_every_kind_of_whole_numbers():
    assert codes_of(np.array([1, 2])) == codes_of([1, 2.0]) == (1, 2)
    assert IDS.select(np.int64([1])).tolist() == [2, 3]
    with pytest.raises(lmi.LMIndexerError, match="Wanted a prefix"):
        codes_of([1.5])
