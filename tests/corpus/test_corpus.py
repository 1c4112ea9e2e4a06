"""Corpus: what is read from good input, and what it gives."""

import gzip
import json
import time

import numpy as np
import pandas as pd
import pytest

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.corpus import Corpus, Interactions, Queries

ROWS = [
    {"sku": "a1", "title": "Jig saw", "body": "Cuts curves.", "path": "Tools > Saws > Jig"},
    {"sku": "a2", "title": "Mallet", "body": "", "path": "Tools"},
    {"sku": "a3", "title": "", "body": "Sawdust, a bag", "path": ""},
    {"sku": "a4", "title": "Saw", "body": "Sawdust, fine", "path": "Tools > Saws"},
]
COLUMNS = {"id": "sku", "text": ["title", "body"], "category": "path"}


@pytest.fixture
def corpus():
    return Corpus.from_records(ROWS, name="tools", **COLUMNS)


def test_frame_has_the_corpus_layout(corpus):
    assert list(corpus.frame.columns) == ["doc_id", "title", "text", "category_1", "category_2", "category_3"]
    assert corpus.frame.iloc[0].tolist() == ["a1", "Jig saw", "Jig saw. Cuts curves.", "Tools", "Saws", "Jig"]
    assert corpus.frame.iloc[1].tolist() == ["a2", "Mallet", "Mallet", "Tools", None, None]
    assert (len(corpus), corpus.levels, corpus.name) == (4, 3, "tools")
    assert corpus.doc_ids.dtype.kind == "U" and corpus.doc_ids.tolist() == ["a1", "a2", "a3", "a4"]
    assert corpus.titles == ["Jig saw", "Mallet", "", "Saw"]
    assert len(corpus.skipped) == 0 and list(corpus.skipped.columns) == ["row", "column", "problem"]
    assert repr(corpus) == "Corpus('tools', 4 documents, 3 category levels: 1 / 2 / 3 classes)"


def test_documents_join_title_and_text_once(corpus):
    assert corpus.documents() == ["Jig saw. Cuts curves.", "Mallet", "Sawdust, a bag", "Saw. Sawdust, fine"]
    separate = Corpus.from_records(ROWS, id="sku", title="title", text="body")
    assert separate.texts == ["Cuts curves.", "", "Sawdust, a bag", "Sawdust, fine"]
    # "Saw" is not what "Sawdust" starts with
    assert separate.documents() == corpus.documents()
    assert separate.levels == 0 and separate.labels().tolist() == [""] * 4


def test_category_text_is_added_only_where_there_is_a_category(corpus):
    assert corpus.documents(category_text=True) == [
        "Jig saw. Cuts curves. category: Tools, Saws, Jig",
        "Mallet category: Tools",
        "Sawdust, a bag",
        "Saw. Sawdust, fine category: Tools, Saws",
    ]


def test_labels_are_whole_paths_cut_at_a_level(corpus):
    assert corpus.labels().tolist() == ["Tools > Saws > Jig", "Tools", "", "Tools > Saws"]
    assert corpus.labels(1).tolist() == ["Tools", "Tools", "", "Tools"]
    assert corpus.labels(2).tolist() == ["Tools > Saws", "Tools", "", "Tools > Saws"]
    for level in (0, 4, -1):
        with pytest.raises(SettingsError, match=f"level is {level}; the corpus 'tools' has levels 1 to 3"):
            corpus.labels(level)


def test_equal_labels_under_different_parents_are_different_classes():
    rows = [{"t": "x", "a": "Pens", "b": "Other"}, {"t": "y", "a": "Paper", "b": "Other"}]
    corpus = Corpus.from_records(rows, id=None, text="t", category=["a", "b"])
    assert corpus.labels().tolist() == ["Pens > Other", "Paper > Other"]
    assert corpus.doc_ids.tolist() == ["0", "1"]


@pytest.mark.parametrize(
    "given", ["Tools > Saws", ["Tools", "Saws"], ("Tools", "Saws", None), "Tools > Saws > "]
)
def test_a_path_may_be_a_string_or_a_list(given):
    corpus = Corpus.from_records([{"t": "x", "c": given}], id=None, text="t", category="c")
    assert corpus.labels().tolist() == ["Tools > Saws"] and corpus.levels == 2


def test_other_separators():
    rows = [{"t": "x", "c": "Tools|Saws > Jig"}]
    assert Corpus.from_records(rows, id=None, text="t", category="c", separator="|").levels == 2
    assert Corpus.from_records(rows, id=None, text="t", category="c", separator=None).levels == 1


def test_every_format_gives_the_same_corpus(tmp_path, corpus):
    frame = pd.DataFrame(ROWS)
    frame.to_csv(tmp_path / "a.csv", index=False)
    frame.to_csv(tmp_path / "a.tsv", index=False, sep="\t")
    frame.to_csv(tmp_path / "a.csv.gz", index=False)
    frame.to_parquet(tmp_path / "a.parquet")
    lines = "\n".join(json.dumps(row) for row in ROWS)
    (tmp_path / "a.jsonl").write_text(lines)
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(lines.encode()))
    for extension in ("csv", "tsv", "csv.gz", "parquet", "jsonl", "jsonl.gz"):
        read = Corpus.from_file(tmp_path / f"a.{extension}", **COLUMNS)
        assert read.frame.equals(corpus.frame), extension
        assert (read.fingerprint, read.name) == (corpus.fingerprint, "a")
    assert Corpus.from_frame(frame, **COLUMNS).frame.equals(corpus.frame)
    assert Corpus.from_frame(frame.set_index("sku"), **COLUMNS).frame.equals(corpus.frame)
    assert Corpus.from_frame(frame.astype("category"), **COLUMNS).frame.equals(corpus.frame)


def test_text_that_files_make_hard(tmp_path):
    texts = [
        "line one\nline two",
        'a "quoted" word',
        "שלום עולם",
        "🧰 tools, 🪚",
        "NA",
        "null",
        "x" * 300_000,
    ]
    frame = pd.DataFrame({"doc_id": [f"é{n}" for n in range(len(texts))], "text": texts})
    for line_end, encoding in (("\n", "utf-8"), ("\r\n", "utf-8-sig"), ("\r\n", "utf-16")):
        frame.to_csv(tmp_path / "a.csv", index=False, lineterminator=line_end, encoding=encoding)
        options = {} if encoding.startswith("utf-8") else {"encoding": encoding}
        corpus = Corpus.from_csv(tmp_path / "a.csv", missing="keep", **options)
        assert corpus.texts == texts
        assert corpus.doc_ids.tolist() == frame["doc_id"].tolist()


def test_a_byte_order_mark_is_not_part_of_the_first_column(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xef\xbb\xbfdoc_id,text\r\n1,x\r\n\r\n,\r\n")
    for encoding in ("utf-8", "UTF8", "utf-8-sig"):
        assert Corpus.from_csv(tmp_path / "a.csv", encoding=encoding).doc_ids.tolist() == ["1"]
    (tmp_path / "a.jsonl").write_bytes(b'\xef\xbb\xbf{"doc_id": 7, "text": "x"}\r\n\r\n')
    assert Corpus.from_jsonl(tmp_path / "a.jsonl").doc_ids.tolist() == ["7"]


def test_other_delimiters_and_unquoted_files(tmp_path):
    (tmp_path / "a.csv").write_text('doc_id;text\n1;"x; y"\n')
    assert Corpus.from_csv(tmp_path / "a.csv", delimiter=";").texts == ["x; y"]
    (tmp_path / "a.tsv").write_text('doc_id\ttext\n1\t"x is never closed\n2\ty\n')
    assert Corpus.from_tsv(tmp_path / "a.tsv", quote=None).texts == ['"x is never closed', "y"]
    (tmp_path / "b.csv").write_bytes("doc_id,text\n1,café\n".encode("cp1252"))
    assert Corpus.from_csv(tmp_path / "b.csv", encoding="cp1252").texts == ["café"]


def test_whole_numbers_are_ids_and_categories_as_their_digits():
    frame = pd.DataFrame({"id": [3, 10**18, 7], "t": ["x", "y", "z"], "c": [1.0, np.nan, 2.0]})
    corpus = Corpus.from_frame(frame, id="id", text="t", category=["c"])
    assert corpus.doc_ids.tolist() == ["3", "1000000000000000000", "7"]
    assert corpus.labels().tolist() == ["1", "", "2"]


def test_missing_values_of_every_kind_are_empty():
    values = [None, np.nan, np.float32("nan"), pd.NA, pd.NaT, "", "  "]
    frame = pd.DataFrame({"title": ["t"] * len(values), "body": pd.Series(values, dtype=object)})
    assert Corpus.from_frame(frame, id=None, text=["title", "body"]).texts == ["t"] * len(values)


def test_the_fingerprint_sees_every_change_but_the_name(corpus):
    assert Corpus.from_records(ROWS, name="other", **COLUMNS).fingerprint == corpus.fingerprint
    assert len(corpus.fingerprint) == 64
    changed = [
        ROWS[::-1],
        ROWS[:-1],
        [{**ROWS[0], "sku": "b1"}, *ROWS[1:]],
        [{**ROWS[0], "body": "Cuts curves"}, *ROWS[1:]],
        [{**ROWS[0], "path": "Tools > Saws"}, *ROWS[1:]],
        [{**ROWS[0], "path": "Tools > SawsJig"}, *ROWS[1:]],
    ]
    prints = {Corpus.from_records(rows, **COLUMNS).fingerprint for rows in changed}
    assert len(prints | {corpus.fingerprint}) == len(changed) + 1
    # a character moved from one value to the next
    one = Corpus.from_records([{"doc_id": "a", "text": "bc"}])
    two = Corpus.from_records([{"doc_id": "ab", "text": "c"}])
    assert one.fingerprint != two.fingerprint


def test_take_keeps_order_levels_and_what_belongs_to_it(corpus):
    corpus.licence = "CC0"
    queries = [
        {"query_id": "q1", "text": "saw", "doc_id": "a4"},
        {"query_id": "q2", "text": "m", "doc_id": "a2"},
    ]
    corpus.queries = Queries.from_records(queries)
    used = [{"user_id": "u", "doc_id": doc_id} for doc_id in ("a3", "a4", "a1")]
    corpus.interactions = Interactions.from_records(used)
    part = corpus.take([3, 0])
    assert part.doc_ids.tolist() == ["a4", "a1"] and part.levels == 3 and part.licence == "CC0"
    assert part.queries.frame["query_id"].tolist() == ["q1"]
    assert part.interactions.sequences() == {"u": ["a4", "a1"]}
    assert part.interactions.frame["position"].tolist() == [0, 1]
    assert corpus.take([1]).levels == 3  # so that labels(3) means the same in a split
    mask = np.array([True, False, False, True])
    assert corpus.take(mask).doc_ids.tolist() == corpus.take([0, -1]).doc_ids.tolist() == ["a1", "a4"]
    assert len(corpus.take([])) == 0


@pytest.mark.parametrize(
    ("indices", "words"),
    [([0, 0], "taken twice"), ([0, -4], "taken twice"), ([4], "out of range"), ([-5], "out of range"),
     ([True], "the mask has 1 values"), ([0.5], "whole numbers"), ([[0]], "whole numbers")],
)  # fmt: skip
def test_take_refuses(corpus, indices, words):
    with pytest.raises(CorpusError, match=words):
        corpus.take(indices)


def test_parquet_round_trip_is_exact_even_without_categories_left(tmp_path, corpus):
    for part in (corpus, corpus.take([2])):
        part.to_parquet(tmp_path / "c.parquet")
        back = Corpus.from_parquet(tmp_path / "c.parquet")
        assert back.frame.equals(part.frame)
        assert back.fingerprint == part.fingerprint and back.levels == 3
    assert [path.name for path in tmp_path.iterdir()] == ["c.parquet"]


def test_unused_columns_are_not_looked_at(tmp_path):
    frame = pd.DataFrame({"doc_id": ["1"], "text": ["x"], "vector": [[0.1, 0.2]], "blob": [b"\xff"]})
    frame.to_parquet(tmp_path / "a.parquet")
    assert Corpus.from_parquet(tmp_path / "a.parquet").texts == ["x"]
    (tmp_path / "b.csv").write_bytes(b"doc_id,text,note,note\n1,x,caf\xe9,\0\n")
    assert Corpus.from_csv(tmp_path / "b.csv").texts == ["x"]


def test_to_frame_is_a_copy(corpus):
    copy = corpus.to_frame()
    copy.loc[0, "text"] = "changed"
    assert corpus.frame.loc[0, "text"] == "Jig saw. Cuts curves."


def test_a_hundred_thousand_rows_take_seconds(tmp_path):
    words = np.array(["saw", '"fine"', "café,", "blade", "steel"])
    picks = np.random.default_rng(0).integers(0, len(words), (100_000, 40))
    frame = pd.DataFrame({"doc_id": np.arange(len(picks)), "text": [" ".join(row) for row in words[picks]]})
    frame["category_1"] = words[picks[:, 0]]
    frame.to_csv(tmp_path / "a.csv", index=False)
    start = time.perf_counter()
    corpus = Corpus.from_csv(tmp_path / "a.csv")
    assert len(corpus.documents()) == 100_000 and corpus.levels == 1 and len(corpus.fingerprint) == 64
    assert time.perf_counter() - start < 15  # about one second on an idle core
