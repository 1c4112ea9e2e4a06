"""Files as people's programs write them: read right, or one sentence that says what is there."""

import gzip
import json

import pandas as pd
import pytest

from lmindexer.common.errors import CorpusError
from lmindexer.corpus.corpus import Corpus, Interactions, Queries

COLUMNS = {"id": "sku", "text": ["title", "body"]}


def write(tmp_path, content, name="a.csv"):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(tmp_path, content, name="a.csv", **options):
    return Corpus.from_file(write(tmp_path, content, name), **COLUMNS | options)


# ------------------------------------------------------------------------------------------------- row numbers


def test_numbered_rows_are_the_source_s_whatever_is_blank_or_left_out(tmp_path):
    text = 'title,body\nr0,x\nr1,x,oops\nr2,"two\nlines"\n,\nr4,x\n\nr6,x\n" ",\n"r8,x\nr9,x\n'
    with pytest.warns(UserWarning, match="left out"):
        corpus = read(tmp_path, text, id=None, on_error="skip")
    assert corpus.doc_ids.tolist() == ["0", "2", "4", "6", "9"]
    assert corpus.titles == ["r0", "r2", "r4", "r6", "r9"]
    assert corpus.rows.numbers.tolist() == [2, 4, 7, 9, 12]  # lines, as messages count


def test_numbered_rows_of_json_frames_and_queries(tmp_path):
    lines = '{"title": "r0"}\n{broken\n{"title": "r2"}\n\n{"title": ""}\n{"title": "r5"}\n'
    with pytest.warns(UserWarning):
        corpus = read(tmp_path, lines, "a.jsonl", id=None, text="title", on_error="skip")
    assert corpus.doc_ids.tolist() == ["0", "2", "5"]
    frame = pd.DataFrame({"title": ["r0", "", "r2"]}, index=[7, 8, 9])
    frame.to_parquet(tmp_path / "a.parquet")
    with pytest.warns(UserWarning):
        for corpus in (
            Corpus.from_frame(frame, id=None, text="title", on_error="skip"),
            Corpus.from_file(tmp_path / "a.parquet", id=None, text="title", on_error="skip"),
        ):
            assert corpus.doc_ids.tolist() == ["0", "2"]
        queries = Queries.from_csv(write(tmp_path, "text,doc_id\nq0,1\n,1\nq2,1\n"), query_id=None, on_error="skip")
    assert queries.frame["query_id"].tolist() == ["0", "2"]


# --------------------------------------------------------------------------------------------- delimited text


@pytest.mark.parametrize("first", ["sep=;", "\ufeffsep=;", '"sep=;"', "SEP=;"])
def test_excel_s_line_that_names_the_separator(tmp_path, first):
    corpus = read(
        tmp_path, f"{first}\r\nsku;title;body\r\n0012;Plane;smooths\r\n;Rasp;x\r\n".replace(";Rasp", "7;Rasp")
    )
    assert corpus.doc_ids.tolist() == ["0012", "7"] and corpus.rows.numbers.tolist() == [3, 4]


def test_a_delimiter_too_many_at_the_end_is_read_and_remarked(tmp_path):
    for header in ("sku,title,body", "sku,title,body,", "sku,title,body, ,"):
        corpus = read(tmp_path, f"{header}\n1,Saw,cuts,\n2,Mallet,hits,,\n3,Rasp,files\n")
        assert corpus.texts == ["Saw. cuts", "Mallet. hits", "Rasp. files"]
    assert read(tmp_path, "sku,title,body\n1,Saw,cuts,\n2,Mallet,hits,\n").remarks == (
        "2 rows end in a delimiter too many; the empty last field was left out.",
    )
    with pytest.raises(CorpusError, match="row 2: there are 4 fields where the header names 3"):
        read(tmp_path, "sku,title,body\n1,Saw,cuts,wood\n")


def test_a_space_before_a_quotation_mark(tmp_path):
    corpus = read(tmp_path, 'sku, title, body\n1, "Saw, fine", "cuts, slowly"\n2, Mallet, hits\n')
    assert corpus.texts == ["Saw, fine. cuts, slowly", "Mallet. hits"]


def test_a_space_after_a_quotation_mark_is_read(tmp_path):
    content = 'sku,title,body\n1,"Saw, ""fine""" ,"cuts" \n2, "two\nlines", x\n3,"a ""b"" , c"\t,"d"\n4,e,"f" \n'
    corpus = read(tmp_path, content)
    assert corpus.titles == ['Saw, "fine"', "two\nlines", 'a "b" , c', "e"]
    assert corpus.rows.numbers.tolist() == [2, 3, 5, 6]
    with pytest.raises(CorpusError, match="row 2: a quotation mark that opens here does not end where its field does"):
        read(tmp_path, 'sku,title,body\n1,"Saw" x,"cuts"\n')
    with pytest.raises(CorpusError, match="row 3: a quotation mark that opens here is never closed"):
        read(tmp_path, 'sku,title,body\n1,"Saw" ,"cuts"\n2,"Plane,"smooths\n'.replace(',"smooths', ",smooths"))


def test_words_that_may_stand_for_nothing_are_noticed_and_kept(tmp_path):
    """NA is Namibia to some: it stays as it stands, and `data check` says so."""
    corpus = read(tmp_path, "sku,title,body\n1,NA,cuts\n2,Saw,-\n", missing="empty")
    assert corpus.titles == ["NA", "Saw"]
    assert any("1 cell of 'title' is NA" in said and "kept as it stands" in said for said in corpus.remarks)
    corpus = read(tmp_path, "sku,title,body,kind\n1,Saw,cuts,Tools > NA\n", category="kind")
    assert any("1 cell of 'kind' is NA" in said for said in corpus.remarks)


def test_a_python_literal_points_to_the_loader_of_amazons_files(tmp_path):
    (tmp_path / "meta_Tools.json").write_text("{'asin': 'A', 'title': 'Saw'}\n", "utf-8")
    with pytest.raises(
        CorpusError, match=r"row 1: this line is a Python literal .*`lmindexer data prepare amazon --raw"
    ):
        Corpus.from_file(tmp_path / "meta_Tools.json")


BACKSLASHES = r"""sku,title,body
1,"TV 50\"","wide screen, black"
2,"Monitor 24\" flat","C:\\tools\\, thin"
3,Saw,"a \"b\""
"""


def test_escaped_quotation_marks_are_named_and_read(tmp_path):
    with pytest.raises(CorpusError, match=r"row 2: a quotation mark within the text is written .*escape='\\\\'"):
        read(tmp_path, BACKSLASHES)
    corpus = read(tmp_path, BACKSLASHES, escape="\\")
    assert corpus.titles == ['TV 50"', 'Monitor 24" flat', "Saw"]
    assert corpus.texts[1:] == ['Monitor 24" flat. C:\\tools\\, thin', 'Saw. a "b"']


@pytest.mark.parametrize(
    ("encoding", "word"),
    [("cp1252", "Säge für Möbel"), ("cp1251", "Пила режет дерево быстро и чисто"), ("cp1250", "Piła ręczna żółta")],
)
def test_another_encoding_is_found_out(tmp_path, encoding, word):
    content = f"sku,title,body\n1,{word},x\n".encode(encoding)
    with pytest.raises(CorpusError, match=f"The file looks like {encoding}: pass encoding='{encoding}'"):
        read(tmp_path, content)
    assert read(tmp_path, content, encoding=encoding).titles == [word]


def test_utf8_is_not_read_as_an_older_encoding(tmp_path):
    with pytest.raises(CorpusError, match=r"the text is UTF-8 and not cp1252\. Leave encoding='cp1252' out."):
        read(tmp_path, "sku,title,body\n1,Säge,x\n", encoding="cp1252")


def test_capitals_in_extensions_and_json_arrays(tmp_path):
    rows = [{"sku": 1, "title": "Saw", "body": "cuts"}, {"sku": 2, "title": "Mallet", "body": None}]
    for name in ("A.JSON", "a.jsonl"):
        corpus = read(tmp_path, json.dumps(rows, indent=1), name)
        assert corpus.titles == ["Saw", "Mallet"] and corpus.rows.numbers.tolist() == [1, 2]
    with pytest.raises(CorpusError, match="row 2: this element of the array is no object: 5"):
        read(tmp_path, "[{}, 5]".replace("{}", json.dumps(rows[0])), "a.json")
    with pytest.raises(CorpusError, match="it is not valid JSON"):
        read(tmp_path, '[{"sku": 1},', "a.json")
    assert len(read(tmp_path, gzip.compress(b"sku,title,body\n1,Saw,x\n"), "A.CSV.GZ")) == 1


# ------------------------------------------------------------------------------------- nothing, and categories


def test_words_for_nothing_are_empty_and_remarked(tmp_path):
    text = "sku,title,body,path\n1,Saw,NULL,Tools > nan\n2,Nan,nan,NULL\n3,Rasp,\\N,none\n4,NA,Namibia guide,A\n"
    with pytest.raises(CorpusError, match="row 3: there is no text in 'title' and 'body'"):
        read(tmp_path, text, category="path")
    corpus = read(tmp_path, text.replace("2,Nan", "2,Pot"), category="path")
    assert corpus.texts == ["Saw", "Pot", "Rasp", "NA. Namibia guide"]
    assert corpus.labels().tolist() == ["Tools", "", "", "A"]
    assert any(r"3 cells of 'body' are NULL and nan and \N (row 2)" in remark for remark in corpus.remarks)
    kept = read(tmp_path, text, category="path", missing="keep")
    assert kept.texts[0] == "Saw. NULL" and kept.labels()[2] == "none" and kept.remarks == ()


def test_what_a_corpus_has_written_is_read_as_it_stands(tmp_path):
    corpus = Corpus.from_records([{"text": "nan"}], id=None, text="text", missing="keep")
    corpus.to_parquet(tmp_path / "own.parquet")
    again = Corpus.from_file(tmp_path / "own.parquet")
    assert again.texts == ["nan"] and again.numbered_in == corpus.numbered_in == corpus.fingerprint


@pytest.mark.parametrize(
    ("path", "label"),
    [
        ("[['Tools', 'Saws']]", "Tools > Saws"),
        ('["Tools", "Saws"]', "Tools > Saws"),
        ("[['Tools', 'Saws'], ['Sale']]", "Tools > Saws"),
        ([["Tools", "Saws"], ["Sale"]], "Tools > Saws"),
        ("[Tools]", "[Tools]"),
        ("[]", ""),
    ],
)
def test_lists_of_labels_are_paths(path, label):
    corpus = Corpus.from_records([{"t": "x", "c": path}, {"t": "y", "c": "A > B"}], id=None, text="t", category="c")
    assert corpus.labels()[0] == label
    assert any("hold several paths" in remark or "hold" in remark for remark in corpus.remarks) == ("Sale" in str(path))


@pytest.mark.parametrize(
    ("paths", "remark"),
    [
        (["A>B", "C > D"], "1 category hold '>' without spaces around it, as in 'A>B' (row 0 (counted from 0))"),
        (["A/B", "C/D"], "2 categories hold '/', as in 'A/B'"),
        (["Tools", "tools"], "1 label of the categories differ in capitals or spaces alone, as 'Tools' and 'tools'"),
    ],
)
def test_categories_that_may_be_meant_otherwise_are_remarked(paths, remark):
    rows = [{"t": f"x{n}", "c": path} for n, path in enumerate(paths)]
    (found,) = Corpus.from_records(rows, id=None, text="t", category="c").remarks
    assert found.startswith(remark)


def test_a_bare_separator_parts_with_and_without_spaces():
    rows = [{"t": "x", "c": "A>B"}, {"t": "y", "c": "A > B"}]
    corpus = Corpus.from_records(rows, id=None, text="t", category="c", separator=">")
    assert corpus.labels().tolist() == ["A > B", "A > B"] and corpus.remarks == ()


def test_labels_that_hold_the_separator_are_classes_of_their_own():
    paths = [["A > B", "C"], ["A", "B > C"], ["A", "B", "C"], ['"A', "B"], ["A >", "B"], ["A", "> B"]]
    rows = [{"t": "x", "c": path} for path in paths]
    labels = Corpus.from_records(rows, id=None, text="t", category="c").labels()
    assert len(set(labels)) == len(paths) and labels[2] == "A > B > C"


def test_html_is_remarked_and_taken_out_when_asked(tmp_path):
    text = "sku,title,body\n1,Saw,<p>Cuts &amp; trims</p>\n2,Pot,boils\n"
    (remark,) = read(tmp_path, text).remarks
    assert remark.startswith("1 of 2 cells of 'body' hold HTML, such as '<p>' (row 2)")
    corpus = read(tmp_path, text, html="strip")
    assert corpus.texts[0] == "Saw. Cuts & trims" and corpus.remarks == ()


# ------------------------------------------------------------------------------------------------- wrong types


@pytest.mark.parametrize("given", [b"a.csv", 5, None, ["a.csv"], open])
@pytest.mark.parametrize("method", ["from_file", "from_csv", "from_jsonl", "from_parquet"])
def test_what_is_no_path_gets_one_sentence(given, method):
    for kind in (Corpus, Queries, Interactions):
        with pytest.raises(CorpusError, match="A path is expected, not"):
            getattr(kind, method)(given)


def test_what_is_no_frame_gets_one_sentence():
    for kind in (Corpus, Queries, Interactions):
        with pytest.raises(CorpusError, match="rame is expected, not list"):
            kind([])
