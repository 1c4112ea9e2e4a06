"""ESCI, MS MARCO, TREC DL, NQ320k and BEIR in their official formats: which rows count, splits, broken rows."""

import gzip
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_data import (
    beir_folder,
    esci_folder,
    example,
    msmarco_folder,
    nq_folder,
    write_lines,
    write_literals,
)

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.datasets import SOURCES, load_folder, prepare
from lmindexer.datasets.msmarco import choose_passages
from lmindexer.datasets.nq import page_words, title_key


def made(name: str, raw, out, **options) -> tuple:
    """(about, corpus) of a data set that is prepared and loaded."""
    about = prepare(name, raw, out, show=False, **options)
    return about, load_folder(out)


def rows(corpus) -> list[tuple]:
    frame = corpus.queries.frame
    return list(frame[["query_id", "doc_id", "split", "score"]].itertuples(index=False, name=None))


# -------------------------------------------------------------------------------------------------------- BEIR


def test_beir_counts_what_it_leaves_out(tmp_path):
    about, corpus = made("beir", beir_folder(tmp_path / "tools"), tmp_path / "out")
    assert corpus.name == "tools" and corpus.documents() == ["Saw. Cuts", "A mallet", "Rasp"]
    assert rows(corpus) == [("q1", "d1", "test", 2.0), ("q1", "d2", "test", 1.0)]
    assert about["counts"] == {"documents": 3, "labels, test": 2, "queries, test": 1}
    assert about["left_out"] == {
        "documents without any text": 1, "judgements of documents that are not there": 1, "judgements given twice": 1,
        "judgements as not relevant (score 0 or below)": 1, "judgements of queries that are not there": 1,
    }  # fmt: skip
    about, corpus = made("beir", tmp_path / "tools", tmp_path / "all", irrelevant=True)
    assert ("q1", "d3", "test", 0.0) in rows(corpus)


def test_a_beir_folder_is_loaded_as_it_is_and_split_where_it_has_no_split(tmp_path):
    folder = beir_folder(tmp_path / "tools")
    assert load_folder(folder).queries.frame["split"].tolist() == ["test", "test"]
    (folder / "qrels" / "test.tsv").rename(folder / "labels.tsv")
    splits = load_folder(folder).queries.frame.groupby("query_id")["split"].nunique()
    assert splits.tolist() == [1]


@pytest.mark.parametrize(
    ("line", "words"),
    [("q1\td1", "test.tsv, row 3: there are 2 fields where 3"), ("q1\td1\thigh", "row 3: the score 'high' is no")],
)
def test_a_broken_judgement_is_named(tmp_path, line, words):
    folder = beir_folder(tmp_path / "tools", ["q1\td1\t1", line])
    with pytest.raises(CorpusError, match=words):
        prepare("beir", folder, tmp_path / "out", show=False)
    about, _ = made("beir", folder, tmp_path / "out", on_error="skip")
    assert about["counts"]["labels, test"] == 1 and len(about["examples"]) == 1


@pytest.mark.parametrize(
    ("line", "words"),
    [('{"title": "x"}', "row 2: there is no '_id'"), ("{", "row 2: this line is not valid JSON"),
     ('{"_id": "d1", "text": "again"}', "row 2: the document 'd1' was given before"),
     ('{"_id": "d5", "text": "\\ud800"}', "row 2: a text holds half a character"),
     ('{"_id": "d5", "text": "\\u0000"}', "row 2: a text holds a NUL")],
)  # fmt: skip
def test_a_broken_document_is_named(tmp_path, line, words):
    folder = beir_folder(tmp_path / "tools", ["q1\td1\t1"])
    write_lines(folder / "corpus.jsonl", [json.dumps({"_id": "d1", "text": "Cuts"}), line])
    with pytest.raises(CorpusError, match=f"corpus.jsonl, {words}"):
        prepare("beir", folder, tmp_path / "out", show=False)
    assert made("beir", folder, tmp_path / "out", on_error="skip")[0]["counts"]["documents"] == 1


def test_bytes_that_are_no_text_are_named(tmp_path):
    folder = beir_folder(tmp_path / "tools", ["q1\td1\t1"])
    (folder / "corpus.jsonl").write_bytes(b'{"_id": "d1", "text": "Cuts"}\n{"_id": "d2", "text": "caf\xe9"}\n')
    with pytest.raises(CorpusError, match=r"corpus.jsonl, row 2: the byte 0xE9 is not valid UTF-8"):
        prepare("beir", folder, tmp_path / "out", show=False)


# ---------------------------------------------------------------------------------------------------- MS MARCO


def test_msmarco_keeps_what_is_answered_and_fills_up_at_random(tmp_path):
    raw = msmarco_folder(tmp_path / "raw")
    about, corpus = made("msmarco", raw, tmp_path / "out", sample=10)
    assert len(corpus) == 10 and {"30", "31", "5", "7"} <= set(corpus.doc_ids)
    assert corpus.doc_ids.tolist() == sorted(corpus.doc_ids, key=int), "in the collection's order"
    train = [("1", "30", "train", 1), ("2", "31", "train", 1), ("2", "5", "train", 1)]
    assert rows(corpus) == [*train, ("3", "7", "test", 1)]
    assert about["counts"]["queries, train"] == 2 and about["slides"]["queries, train"] == 502_939
    assert made("msmarco", raw, tmp_path / "same", sample=10)[1].doc_ids.tolist() == corpus.doc_ids.tolist()
    other = made("msmarco", raw, tmp_path / "other", sample=10, seed=1)[1]
    assert set(other.doc_ids) != set(corpus.doc_ids)
    assert len(made("msmarco", raw, tmp_path / "all", sample=0)[1]) == 40


def test_trec_keeps_grades_within_the_sample(tmp_path):
    about, corpus = made("trec-dl", msmarco_folder(tmp_path / "raw"), tmp_path / "out", sample=4)
    assert rows(corpus)[3:] == [("4", "7", "test", 2.0), ("4", "30", "test", 1.0), ("6", "5", "test", 3.0)]
    assert about["counts"]["queries, test"] == 2 and about["counts"]["labels, test, grade 2 and above"] == 2
    assert about["left_out"] == {
        "judgements as not relevant (grade 0)": 1, "judgements of documents that are not there": 1,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("file", "line", "words"),
    [("collection.tsv", "41", "collection.tsv, row 41: there is 1 field where 2 belong"),
     ("collection.tsv", "x\ty", "collection.tsv, row 41: the passage's number is 'x'"),
     ("qrels.train.tsv", "1\t0\t3", "qrels.train.tsv, row 4: there are 3 fields where 4 or 2 belong"),
     ("qrels.train.tsv", "1\t0\t3\tyes", "qrels.train.tsv, row 4: the grade 'yes' is no number")],
)  # fmt: skip
def test_broken_rows_of_msmarco_are_named(tmp_path, file, line, words):
    raw = msmarco_folder(tmp_path / "raw")
    write_lines(raw / file, [*(raw / file).read_text().splitlines(), line])
    with pytest.raises(CorpusError, match=words):
        prepare("msmarco", raw, tmp_path / "out", show=False, sample=10)
    about, corpus = made("msmarco", raw, tmp_path / "out", on_error="skip", sample=10)
    assert len(corpus) == 10 and len(about["examples"]) == 1


@given(passages=st.integers(1, 30), sample=st.integers(1, 40), answers=st.lists(st.integers(0, 40), max_size=20))
def test_the_sample_has_its_size_and_every_answer_that_fits(passages, sample, answers):
    judged = [("", "q", str(pid), 1.0) for pid in answers]
    chosen = choose_passages(np.arange(passages), judged[:10], judged[10:], sample, seed=3)
    assert len(chosen) == min(sample, passages) and chosen <= set(range(passages))
    first = list(dict.fromkeys(pid for pid in answers if pid < passages))
    assert set(first[:sample]) <= chosen


# ------------------------------------------------------------------------------------------------------- NQ320k

def test_nq_pages_with_one_title_are_one_document(tmp_path):
    about, corpus = made("nq320k", nq_folder(tmp_path / "raw"), tmp_path / "out")
    assert corpus.titles == ["Pokémon Gold", "Saw"]
    assert corpus.texts[0] == "First words . More Second words . last list"
    assert rows(corpus) == [("1", "0", "train", 1), ("2", "1", "train", 1), ("3", "0", "test", 1)]
    assert about["slides"]["documents"] == 109_739
    _, corpus = made("nq320k", tmp_path / "raw", tmp_path / "short", longest=11)
    assert corpus.texts == ["First words"] * 2


def test_nq_titles_are_compared_as_bert_lowers_them():
    assert title_key("  Café (band)") == title_key("cafe ( BAND )") != title_key("Café band")


@pytest.mark.parametrize(
    ("page", "words"),
    [("<P> A </P>", "A"), ("no tags", "no tags"), ("<P> A </P> B <Ul> x </Ul> C", "A B x"), ("", ""),
     ("<Ul> menu </Ul> <P> A </P> B", "A B"), ("<P> never closed", "never closed")],
)  # fmt: skip
def test_words_of_a_page(page, words):
    assert page_words(page) == words


@pytest.mark.parametrize(
    ("change", "words"),
    [({"document_text": None}, "row 3: there is neither a doc"), ({"question_text": ""}, "there is no 'question_text'"),
     ({"document_tokens": [1]}, "row 3: there is neither")],
)  # fmt: skip
def test_broken_rows_of_nq_are_named(tmp_path, change, words):
    raw = nq_folder(tmp_path / "raw", train=[example(9, "why", "Rasp") | change])
    with pytest.raises(CorpusError, match=f"nq-train.jsonl.gz, .*{words}"):
        prepare("nq320k", raw, tmp_path / "out", show=False)
    assert made("nq320k", raw, tmp_path / "out", on_error="skip")[0]["counts"]["documents"] == 2


# --------------------------------------------------------------------------------------------------------- ESCI


def test_esci_by_label_and_graded(tmp_path):
    raw = esci_folder(tmp_path / "raw")
    about, corpus = made("esci", raw, tmp_path / "out")
    assert corpus.documents() == ["Saw. Cuts. Bo", "Mallet. hits", "Rasp"]
    assert set(corpus.queries.frame["kind"]) == {"E"} and about["counts"]["queries, test"] == 1
    assert about["left_out"] == {f"judgements with the label {label}": n for label, n in (("S", 5), ("C", 4), ("I", 4))}
    graded = made("esci", raw, tmp_path / "graded", graded=True)[1].queries.frame
    assert graded.groupby("kind")["score"].unique().map(list).to_dict() == {"E": [1.0], "S": [0.1], "C": [0.01]}
    whole = made("esci", raw, tmp_path / "whole", graded=True, irrelevant=True)[1].queries.frame
    assert whole[whole["kind"] == "I"]["score"].tolist() == [0.0] * 4
    small = made("esci", raw, tmp_path / "small", graded=True, version="small")[1].queries.frame
    assert 0 < len(small) < len(graded)
    assert made("esci", raw, tmp_path / "es", locale="es")[1].documents() == ["Sierra"]
    with pytest.raises(SettingsError, match=r"locale is 'de'; .* has es, us"):
        prepare("esci", raw, tmp_path / "de", show=False, locale="de")


def test_esci_splits_by_query_and_leaks_nothing(tmp_path):
    more = [(f"query {q}", q, f"P{(q + 1) % 3}", "us", "E", "train") for q in range(16)]
    frame = made("esci", esci_folder(tmp_path / "raw", more), tmp_path / "out", graded=True)[1].queries.frame
    assert frame.groupby("query_id")["split"].nunique().max() == 1
    queries = frame.groupby("split")["query_id"].nunique().to_dict()
    assert queries == {"train": 14, "dev": 2, "test": 1}, "seven eighths and one of the training queries"


def test_esci_over_the_items_of_an_amazon_category(tmp_path):
    """The slides' rule: found by asin, of any locale; what is not among the items is counted."""
    items = (("P9", "Saw"), ("P1", "B"))
    meta = [{"asin": asin, "title": title, "categories": [["Tools", title]]} for asin, title in items]
    write_literals(tmp_path / "amazon" / "meta_Tools.json", meta)
    prepare("amazon", tmp_path / "amazon", tmp_path / "tools", show=False)
    raw = esci_folder(tmp_path / "raw")
    about, corpus = made("esci", raw, tmp_path / "out", items=str(tmp_path / "tools"))
    assert corpus.labels().tolist() == ["Tools > Saw", "Tools > B"] and corpus.name == "esci-tools"
    assert rows(corpus)[-1] == ("91", "P9", "test", 1.0)
    assert about["left_out"]["judgements of documents that are not there"] == 4
    with pytest.raises(CorpusError, match="it is no prepared folder"):
        prepare("esci", raw, tmp_path / "x", show=False, items=str(raw))


@pytest.mark.parametrize(
    ("row", "words"),
    [(("q", 99, "P0", "us", "X", "train"), "row 20: the label 'X' is none of E, S, C, I"),
     (("q", 99, "P0", "us", "E", "dev"), "row 20: the split 'dev' is neither"),
     ((None, 99, "P0", "us", "E", "train"), "row 20: 'query' is empty"),
     (("another", 90, "P2", "us", "E", "test"), "row 20: the query '90' has another text than before"),
     (("q", 99, "P0", "us", "X" * 9999, "train"), "row 20: the label 'XXX.*… is none of")],
)  # fmt: skip
def test_broken_rows_of_esci_are_named(tmp_path, row, words):
    raw = esci_folder(tmp_path / "raw", [row])
    with pytest.raises(CorpusError, match=f"examples.parquet, {words}"):
        prepare("esci", raw, tmp_path / "out", show=False)
    assert made("esci", raw, tmp_path / "out", on_error="skip")[0]["counts"]["documents"] == 3


def test_a_damaged_parquet_file_is_said(tmp_path):
    raw = esci_folder(tmp_path / "raw")
    path = raw / "shopping_queries_dataset_products.parquet"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(CorpusError, match=r"products.parquet: the Parquet file is damaged or cut short"):
        prepare("esci", raw, tmp_path / "out", show=False)
    pd.DataFrame({"product_id": ["A"]}).to_parquet(path)
    with pytest.raises(CorpusError, match=r"products.parquet: there is no column 'product_locale'"):
        prepare("esci", raw, tmp_path / "out", show=False)


# --------------------------------------------------------------------------------------------------------- all


@pytest.mark.parametrize("name", SOURCES)
def test_missing_files_are_said_with_their_place_and_licence(tmp_path, name):
    (tmp_path / "raw").mkdir()
    source = SOURCES[name]
    with pytest.raises(CorpusError) as caught:
        prepare(name, tmp_path / "raw", tmp_path / "out", show=False)
    assert source.where in str(caught.value) and source.licence in str(caught.value)


def test_the_page_of_data_sets_names_every_one_with_its_place():
    page = (Path(__file__).parents[2] / "docs" / "datasets.md").read_text(encoding="utf-8")
    for source in SOURCES.values():
        assert f"| `{source.name}` |" in page
        assert all(address in page for address in re.findall(r"https://[^ ,)]+", source.where))
        assert all(f"{number:,}" in page for number in source.slides.values())


def test_a_prepared_folder_is_never_replaced_and_a_damaged_one_is_said(tmp_path):
    raw = beir_folder(tmp_path / "tools")
    prepare("beir", raw, tmp_path / "out", show=False)
    with pytest.raises(CorpusError, match="is there already and not empty"):
        prepare("beir", raw, tmp_path / "out", show=False)
    (tmp_path / "out" / "dataset.json").write_text("{")
    with pytest.raises(CorpusError, match=r"dataset.json is missing or damaged"):
        load_folder(tmp_path / "out")
    with pytest.raises(CorpusError, match="it is no folder of a known form"):
        load_folder(tmp_path)
    with pytest.raises(SettingsError, match="did you mean 'beir'"):
        prepare("bier", raw, tmp_path / "x")


def test_a_large_collection_is_never_in_memory_as_a_whole(tmp_path):
    """Reading 40 MB of passages takes a few MB: what is kept grows with the sample, not with the file."""
    import tracemalloc

    raw = msmarco_folder(tmp_path / "raw")
    write_lines(raw / "collection.tsv", (f"{pid}\t{pid} {'words ' * 700}" for pid in range(10_000)))
    assert (raw / "collection.tsv").stat().st_size > 40e6
    prepare("msmarco", raw, tmp_path / "warm", show=False, sample=5)
    tracemalloc.start()
    prepare("msmarco", raw, tmp_path / "out", show=False, sample=50)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 6e6


# ------------------------------------------------------------------------------- values that no file should have


def test_values_of_another_type_and_queries_with_two_texts_are_named(tmp_path):
    folder = beir_folder(tmp_path / "tools")
    (folder / "queries.jsonl").write_bytes(gzip.decompress((folder / "queries.jsonl.gz").read_bytes()))
    (folder / "queries.jsonl.gz").unlink()
    for name, row, said in (
        ("corpus.jsonl", '{"_id": "z", "text": ["a", "b"]}', r"'text' is \['a', 'b'\], neither a text nor a whole"),
        ("corpus.jsonl", '{"_id": {"a": 1}, "text": "x"}', r"'_id' is \{'a': 1\}, neither"),
        ("queries.jsonl", '{"_id": "q1", "text": "something else"}', "the query 'q1' has another text than before"),
    ):
        kept = (folder / name).read_text(encoding="utf-8")
        (folder / name).write_text(kept + row + "\n", encoding="utf-8")
        with pytest.raises(CorpusError, match=rf"{name}, row \d+: {said}"):
            prepare("beir", folder, tmp_path / "out", show=False)
        prepare("beir", folder, tmp_path / name / said[:5], show=False, on_error="skip")
        (folder / name).write_text(kept, encoding="utf-8")


def test_numbers_that_do_not_fit_are_named(tmp_path):
    raw = msmarco_folder(tmp_path / "raw")
    path = tmp_path / "raw" / "collection.tsv"
    path.write_text(path.read_text(encoding="utf-8") + "9" * 30 + "\ta passage\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"collection.tsv, row \d+: the passage's number is '9999"):
        prepare("msmarco", raw, tmp_path / "out", show=False)
