"""Arguments of the wrong type: one sentence from every public way in, whatever is below it."""

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


def test_prefixes_of_every_kind_of_whole_numbers():
    assert codes_of(np.array([1, 2])) == codes_of([1, 2.0]) == (1, 2)
    assert IDS.select(np.int64([1])).tolist() == [2, 3]
    with pytest.raises(lmi.LMIndexerError, match="Wanted a prefix"):
        codes_of([1.5])
