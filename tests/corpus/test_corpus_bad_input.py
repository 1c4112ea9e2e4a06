"""Every bad input gets one sentence that names the file, the row and a remedy."""

import gzip
import io
import json
import warnings
import zipfile

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.corpus import Corpus

GOOD_CSV = b"sku,title,body\n1,Saw,cuts\n2,Mallet,hits\n"
GOOD_JSONL = b'{"sku": 1, "title": "Saw", "body": "cuts"}\n{"sku": 2, "title": "Mallet", "body": "hits"}\n'
COLUMNS = {"id": "sku", "text": ["title", "body"]}


def parquet_bytes():
    buffer = io.BytesIO()
    pd.DataFrame({"sku": ["1"], "title": ["x"], "body": ["y"]}).to_parquet(buffer)
    return buffer.getvalue()


def zip_bytes(name):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(name, "x")
    return buffer.getvalue()


# mistake: file name, content, extra keywords, and what follows the file's name in the message
CASES = {
    "missing column": (
        "a.csv", GOOD_CSV.replace(b"sku", b"SKU "), {},
        ", row 1: there is no column 'sku'. Did you mean 'SKU'? The columns are: SKU, title, body.",
    ),
    "missing column in JSON lines": (
        "a.jsonl", GOOD_JSONL.replace(b"title", b"titel"), {},
        ": there is no column 'title'. Did you mean 'titel'? The columns are: sku, titel, body.",
    ),
    "no id column": (
        "a.csv", GOOD_CSV, {"id": "doc_id"},
        ", row 1: there is no column 'doc_id'. Name the id column with id=…, or pass id=None to number "
        "the rows. "
        "The columns are: sku, title, body.",
    ),
    "column given twice": (
        "a.csv", b"sku,title,title,body\n1,a,b,c\n", {},
        ", row 1: the column 'title' is there 2 times. Give each its own name.",
    ),
    "semicolons": (
        "a.csv", GOOD_CSV.replace(b",", b";"), {},
        ", row 1: there is no column 'sku'. The header is one field, 'sku;title;body', and looks "
        "separated by "
        "semicolons: pass delimiter=';'.",
    ),
    "tabs": (
        "a.csv", GOOD_CSV.replace(b",", b"\t"), {},
        r", row 1: there is no column 'sku'. The header is one field, 'sku\ttitle\tbody', and looks "
        r"separated by "
        r"tabs: pass delimiter='\t'.",
    ),
    "empty text": (
        "a.csv", GOOD_CSV + b"3, ,\n", {},
        ", row 4: there is no text in 'title' and 'body'. Give every document some text. "
        'Pass on_error="skip" to leave such rows out.',
    ),
    "empty text in JSON lines": (
        "a.jsonl", GOOD_JSONL + b'\n{"sku": 3, "title": null, "body": NaN}\n', {},
        ", row 4: there is no text in 'title' and 'body'. Give every document some text.",
    ),
    "missing id": (
        "a.csv", GOOD_CSV + b",Rasp,\n", {},
        ", row 4: the id in 'sku' is empty. Give every row its id.",
    ),
    "null id": (
        "a.jsonl", GOOD_JSONL + b'{"title": "x"}', {},
        ", row 3: the id in 'sku' is empty. Give every row its",
    ),
    "duplicate id": (
        "a.csv", GOOD_CSV + b" 1 ,Rasp,\n", {},
        ", row 4: the id '1' was already given in row 2. Give every document its own id, "
        'or pass on_error="skip" to keep the first.',
    ),
    "text taken for the id": (
        "a.csv", GOOD_CSV + b"x" * 600 + b",Rasp,\n", {},
        ", row 4: the id is 600 characters long. Name another column if 'sku' does not hold ids.",
    ),
    "too many fields": (
        "a.csv", GOOD_CSV + b"3,Rasp,coarse, long\n", {},
        ", row 4: there are 4 fields where the header names 3. Put quotation marks around a field that "
        "holds the "
        'separator. Pass on_error="skip" to leave such rows out.',
    ),
    "too few fields": (
        "a.csv", b'sku,title,body\n1,"Saw\nand\nmore",cuts\n2\n', {},
        ", row 5: there is 1 field where the header names 3. Add the rest.",
    ),
    "unclosed quotation mark": (
        "a.csv", GOOD_CSV + b'3,"Rasp,coarse\n4,File,fine\n', {},
        ", row 4: a quotation mark that opens here is never closed. Close or double it, or pass "
        "quote=None if "
        "quotation marks are ordinary characters here.",
    ),
    "unmatched quotation mark": (
        "a.csv", GOOD_CSV + b'3,"Rasp,coarse\n4,"File",fine\n', {},
        ", row 4: a quotation mark that opens here does not end where its field does. Close or double it,",
    ),
    "broken header": (
        "a.csv", b'sku,title,"body\n1,Saw,cuts\n', {},
        ", row 1: a quotation mark that opens here is never closed. This row must hold the column names.",
    ),
    "latin-1": (
        "a.csv", GOOD_CSV + "3,Räspel,grob\n".encode("latin-1"), {},
        ", row 4: 'title' holds the byte 0xE4, which is not valid in this encoding. The file looks like cp1252: "
        "pass encoding='cp1252', or save it as UTF-8.",
    ),
    "latin-1 in JSON lines": (
        "a.jsonl", GOOD_JSONL + '{"sku": 3, "title": "Räspel"}'.encode("latin-1"), {},
        ", row 3: 'title' holds the byte 0xE4, which is not valid in this encoding. The file looks like cp1252:",
    ),
    "latin-1 column name": (
        "a.csv", "sku,title,body,größe\n1,a,b,c\n".encode("latin-1"), {},
        ", row 1: a column name is not valid in this encoding. The file looks like cp1252:",
    ),
    "UTF-16": (
        "a.csv", GOOD_CSV.decode().encode("utf-16"), {},
        ": it is not CSV text but UTF-16 text. Pass encoding=",
    ),
    "UTF-16 without mark": (
        "a.csv", GOOD_CSV.decode().encode("utf-16-le"), {},
        ': it is not CSV text but UTF-16 text. Pass encoding="utf-16-le", or save it as '
        'UTF-8.',
    ),
    "UTF-8 read as UTF-16": (
        "a.csv", GOOD_CSV, {"encoding": "utf-16"},
        ": the text is not in the encoding that was named. The file looks like UTF-8: leave encoding out.",
    ),
    "NUL": (
        "a.csv", GOOD_CSV + b"3,Ra\0sp,\n", {},
        ", row 4: 'title' holds a NUL character: the data is damaged there, or is not text. Remove it.",
    ),
    "half a character": (
        "a.jsonl", GOOD_JSONL + b'{"sku": 3, "title": "\\ud83e"}', {},
        r", row 3: 'title' holds half a character (the lone surrogate \ud83e). Remove it.",
    ),
    "broken JSON": (
        "a.jsonl", GOOD_JSONL + b'{"sku": 3, "title": "Rasp"\n', {},
        ", row 3: this line is not valid JSON (expecting ',' delimiter, at character 28). Write one JSON "
        "object on "
        'each line. Pass on_error="skip" to leave such rows out.',
    ),
    "JSON cut short": (
        "a.jsonl", GOOD_JSONL + b'{"sku": 3, "tit', {},
        ", row 3: this line is not valid JSON (untermin",
    ),
    "JSON line that is no object": (
        "a.jsonl", GOOD_JSONL + b"[3]\n", {}, ", row 3: this line is valid JSON but no object: [3]. "
        "Write one JSON",
    ),
    "JSON nested too deeply": (
        "a.jsonl", GOOD_JSONL + b'{"sku":' + b"[" * 100_000, {}, ", row 3: this line cannot be read as "
        "JSON (",
    ),
    "JSON number too long": (
        "a.jsonl", GOOD_JSONL + b'{"sku":' + b"9" * 5_000 + b"}", {}, ", row 3: this line cannot be read "
        "as JSON (",
    ),
    "JSON array": (
        "a.jsonl", json.dumps([{"sku": 1}], indent=1).encode(), {},
        ": there is no column 'title'. The columns are: sku.",
    ),
    "CSV named jsonl": (
        "a.jsonl", GOOD_CSV, {}, ": it is not JSON lines but plain text. Read it with from_csv, from_tsv "
        "or from_jsonl.",
    ),
    "JSON lines named csv": (
        "a.csv", GOOD_JSONL, {},
        ": it is not CSV text but JSON text. Read it with from_jsonl.",
    ),
    "number as text": (
        "a.jsonl", GOOD_JSONL + b'{"sku": 3, "title": 1984}', {},
        ", row 3: 'title' is the number 1984 and not text. Turn the value into a string, or choose "
        "another column.",
    ),
    "fraction as id": (
        "a.jsonl", GOOD_JSONL + b'{"sku": 3.5, "title": "x"}', {}, ", row 3: 'sku' is the number 3.5 and "
        "not text. Turn",
    ),
    "truth as id": (
        "a.jsonl", GOOD_JSONL + b'{"sku": true}', {},
        ", row 3: 'sku' is of type bool, True and not text.",
    ),
    "list as text": (
        "a.jsonl", GOOD_JSONL + b'{"sku": 3, "title": ["x"]}', {},
        ", row 3: 'title' is of type list, ['x'] and not text. Turn the value into a string,",
    ),
    "gap in a path": (
        "a.csv", b"sku,title,body,path\n1,a,b,A > B\n2,a,b,A >  > C\n", {"category": "path"},
        ", row 3: the category path has a gap: level 2 is empty and level 3 is not. Fill that level in, "
        "or leave the "
        'deeper ones empty. Pass on_error="skip" to leave such rows out.',
    ),
    "gap in category columns": (
        "a.csv", b"sku,title,body,c,d\n1,a,b,,D\n", {"category": ["c", "d"]},
        ", row 2: the category path has a gap: level 1 is empty and level 2 is not.",
    ),
    "category within a category": (
        "a.jsonl", b'{"sku": 1, "title": "a", "body": "", "path": ["A", {"b": 1}]}', {"category": "path"},
        ", row 1: 'path' is of type dict, {'b': 1} and not text.",
    ),
    "wrong value in a category column": (
        "a.jsonl", b'{"sku": 1, "title": "a", "body": "", "c": "A", "d": 0.5}', {"category": ["c", "d"]},
        ", row 1: 'd' is the number 0.5 and not text.",
    ),
    "level left out": (
        "a.csv", b"doc_id,text,category_1,category_3\n1,a,b,c\n", {"id": "doc_id", "text": None},
        ", row 1: there is no column 'category_2'. Did you mean 'category_",
    ),
    "Parquet named csv": (
        "a.csv", parquet_bytes(), {},
        ": it is not CSV text but a Parquet file. Read it with from_parquet, or rename it to .parquet.",
    ),
    "CSV named parquet": (
        "a.parquet", GOOD_CSV, {},
        ": it is not a Parquet file but plain text. Read it with from_csv,",
    ),
    "Parquet cut short": (
        "a.parquet", parquet_bytes()[:-200], {},
        ": the Parquet file is damaged or cut short. Make it",
    ),
    "Parquet without the column": (
        "a.parquet", parquet_bytes(), {"text": "boddy"},
        ": there is no column 'boddy'. Did you mean 'body'? The columns are: sku, title, body.",
    ),
    "gzip named jsonl": (
        "a.jsonl", gzip.compress(GOOD_JSONL), {},
        ": it is not JSON lines but gzip-compressed. Rename it so that it ends in .gz, or unpack it.",
    ),
    "JSON lines named gz": (
        "a.jsonl.gz", GOOD_JSONL, {}, ": it ends in .gz but is not gzip-compressed. Take .gz off its name.",
    ),
    "gzip cut short": (
        "a.jsonl.gz", gzip.compress(GOOD_JSONL * 500)[:-20], {},
        ": the gzip data is damaged or cut short. Fetch or make it again.",
    ),
    "Parquet in gzip": (
        "a.csv.gz", gzip.compress(parquet_bytes()), {},
        ": it is not CSV text but a Parquet file.",
    ),
    "zip": (
        "a.csv", zip_bytes("a.csv"), {},
        ": it is not CSV text but a zip archive. Unpack it and give the file",
    ),
    "xlsx": (
        "a.csv", zip_bytes("xl/workbook.xml"), {},
        ": it is not CSV text but an Excel workbook. Save the sheet as CSV (UTF-8) from Excel.",
    ),
    "xlsx by name": (
        "a.xlsx", zip_bytes("xl/workbook.xml"), {},
        ": the extension .xlsx is not known. Save the sheet as",
    ),
    "unknown extension": (
        "a.doc", GOOD_CSV, {},
        ": the extension .doc is not known. Use .csv, .tsv, .jsonl (",
    ),
    "no extension": ("a", GOOD_CSV, {}, ": the extension (none) is not known. Use .csv, .tsv, .jsonl ("),
    "web page": (
        "a.csv", b"\n<!DOCTYPE html><html>", {},
        ": it is not CSV text but a web page. The download went wr",
    ),
    "image": (
        "a.csv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", {},
        ": it is not CSV text but a binary file. Give CSV, TSV, JSON lines or Parquet.",
    ),
    "Git LFS pointer": ("a.parquet", b"version https://git-lfs.github.com/spec/v1\n", {}, ": it is not a "
    "Parquet file but "
                        "a Git LFS pointer. Fetch the data itself with `git lfs pull`."),
    "empty file": ("a.csv", b"", {}, ": the file is empty. Give a file with at least one row."),
    "blank file": (
        "a.jsonl", b"\xef\xbb\xbf \r\n\n", {},
        ": the file is empty. Give a file with at least one row.",
    ),
    "long blank file": (
        "a.csv", b"\n" * 9_000, {},
        ": the file is empty. Give a file with at least one row.",
    ),
    "long blank JSON lines": ("a.jsonl", b"{}" + b"\n" * 9_000, {}, ": there is no column 'sku'."),
    "empty gzip": (
        "a.csv.gz", gzip.compress(b""), {},
        ": the file is empty. Give a file with at least one row.",
    ),
    "header alone": ("a.csv", b"sku,title,body\n", {}, ": there are no rows. Give at least one."),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_message_names_file_row_and_remedy(tmp_path, case):
    name, content, options, expected = CASES[case]
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(CorpusError) as caught:
        Corpus.from_file(path, **{**COLUMNS, **options})
    message = str(caught.value)
    assert message.startswith(f"{path}{expected}")
    assert message.endswith((".", ".)")) and "\n" not in message
    assert caught.value.__cause__ is None and caught.value.__suppress_context__ == bool(
        caught.value.__context__
    )


def test_a_missing_file_is_answered_with_the_nearest_name(tmp_path):
    (tmp_path / "products.csv").write_bytes(GOOD_CSV)
    with pytest.raises(
        CorpusError, match=r"product\.csv: there is no such file. Did you mean 'products.csv'\?"
    ):
        Corpus.from_csv(tmp_path / "product.csv", **COLUMNS)
    with pytest.raises(CorpusError, match=r"x\.csv: there is no such file. Check the path."):
        Corpus.from_csv(tmp_path / "nowhere" / "x.csv", **COLUMNS)


def test_a_folder_is_refused(tmp_path):
    for read in (Corpus.from_file, Corpus.from_csv, Corpus.from_parquet):
        with pytest.raises(CorpusError, match=r"this is a folder\. Give one file in it."):
            read(tmp_path, **COLUMNS)


def test_what_is_no_ordinary_file_is_refused():
    with pytest.raises(
        CorpusError, match=r"/dev/null: this is no ordinary file\. Save the data to one first."
    ):
        Corpus.from_csv("/dev/null", **COLUMNS)


def test_the_first_of_many_problems_is_told_with_the_count_of_the_others(tmp_path):
    (tmp_path / "a.csv").write_bytes(GOOD_CSV + b"1,x,\n3,,\nragged\n")
    with pytest.raises(CorpusError, match=r"row 4: the id '1' was already.*\(2 more rows have problems.\)$"):
        Corpus.from_csv(tmp_path / "a.csv", **COLUMNS)


def test_parquet_strings_that_are_not_utf_8(tmp_path):
    texts = pa.Array.from_buffers(pa.string(), 2, pa.array([b"x", b"caf\xe9"]).buffers())
    pq.write_table(pa.table({"doc_id": ["a", "b"], "text": texts}), tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"row 2: 'text' holds the byte 0xE9, which is not valid"):
        Corpus.from_parquet(tmp_path / "a.parquet")


def test_column_names_with_line_ends_do_not_break_the_message(tmp_path):
    (tmp_path / "a.csv").write_bytes(b'id,"te\nxt"\n1,2\n')
    with pytest.raises(CorpusError, match=r"The columns are: id, 'te\\nxt'\.$"):
        Corpus.from_csv(tmp_path / "a.csv", id="id")


@pytest.mark.parametrize("value", [5, 0.5, b"x", ["x"], np.float64(2.5), pd.Timestamp("2020-01-01"), True])
def test_frames_with_values_that_are_no_text(value):
    frame = pd.DataFrame({"doc_id": ["a", "b"], "text": ["x", value]})
    with pytest.raises(
        CorpusError, match=r"^frame, row 1 \(counted from 0\): 'text' is .* and not text\. Turn"
    ):
        Corpus.from_frame(frame)


def test_rows_of_frames_count_as_iloc_does_whatever_the_index():
    frame = pd.DataFrame({"doc_id": [1.0, np.nan, 3.0], "text": ["x", "y", "z"]}, index=[7, 8, 9])
    with pytest.raises(CorpusError, match=r"^frame, row 1 \(counted from 0\): the id in 'doc_id' is empty."):
        Corpus.from_frame(frame)


def test_parquet_rows_count_from_one(tmp_path):
    pd.DataFrame({"doc_id": ["a", "a"], "text": ["x", "y"]}).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(CorpusError, match=r"row 2: the id 'a' was already given in row 1\."):
        Corpus.from_parquet(tmp_path / "a.parquet")


@pytest.mark.parametrize(
    ("read", "given", "words"),
    [
        (
            Corpus.from_frame,
            [{"doc_id": 1}],
            "^frame: a pandas DataFrame is expected, not list. Use from_records",
        ),
        (
            Corpus.from_frame,
            pd.DataFrame({"doc_id": [], "text": []}),
            "^frame: there are no rows. Give at least",
        ),
        (Corpus.from_frame, pd.DataFrame([["x"]]), "^frame: there is no column 'doc_id'. Name the id column"),
        (
            Corpus.from_records,
            pd.DataFrame(),
            "^records: a list of dicts is expected, not DataFrame. Pass a list.",
        ),
        (
            Corpus.from_records,
            [{"doc_id": 1}, 2],
            r"^records, row 1 \(counted from 0\): a dict is expected, not int",
        ),
        (Corpus.from_records, [], "^records: there are no rows. Give at least one."),
        (
            Corpus,
            pd.DataFrame({"sku": [1]}),
            "^frame: the columns are sku and not doc_id, title, text. Use Corpus.",
        ),
    ],
)
def test_what_is_no_frame_and_no_list_of_dicts(read, given, words):
    with pytest.raises(CorpusError, match=words):
        read(given)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"on_error": "ignore"}, 'on_error is \'ignore\'; it can be "raise" or "skip".'),
        (
            {"categories": "path"},
            "'categories' is no setting here; did you mean 'category'\\? The settings are: id,",
        ),
        ({"encoding": "utf-88"}, "encoding 'utf-88' is not known"),
        ({"encoding": "base64"}, "encoding 'base64' is not known"),
        ({"encoding": None}, "encoding None is not known"),
        ({"delimiter": ", "}, "delimiter is ', '; it must be one character or None."),
        ({"delimiter": '"'}, "delimiter and quote are both '\"'; they must differ."),
        ({"text": []}, "text is an empty list; name at least one column."),
    ],
)
def test_settings_that_cannot_be(tmp_path, options, words):
    (tmp_path / "a.csv").write_bytes(GOOD_CSV)
    with pytest.raises(SettingsError, match=words):
        Corpus.from_csv(tmp_path / "a.csv", **{**COLUMNS, **options})


def test_a_frame_takes_no_encoding():
    with pytest.raises(SettingsError, match="'encoding' is no setting here"):
        Corpus.from_frame(pd.DataFrame({"doc_id": [1], "text": ["x"]}), encoding="utf-8")


def test_to_parquet_into_a_missing_folder(tmp_path):
    corpus = Corpus.from_records([{"doc_id": 1, "text": "x"}])
    with pytest.raises(CorpusError, match=r"c\.parquet cannot be written \(.*\); free space"):
        corpus.to_parquet(tmp_path / "none" / "c.parquet")


# ------------------------------------------------------------------------------------------ on_error="skip"


def test_skip_leaves_bad_rows_out_and_lists_them(tmp_path):
    rows = [
        b"sku,title,body",
        b"1,Saw,cuts",
        b"2,,",
        b"1,Saw,again",
        b"3,R\xe4spel,",
        b"4,too,many,fields",
        b',"no\nid",',
        b'5,"Rasp,',
        b'6,"File",fine',
        b"7,\0,",
        b"8,Plane,",
    ]
    (tmp_path / "a.csv").write_bytes(b"\n".join(rows))
    with pytest.warns(
        UserWarning, match=r"a\.csv: left out 7 rows and kept 3 \(1 × .*See `\.skipped`"
    ) as warned:
        corpus = Corpus.from_csv(tmp_path / "a.csv", on_error="skip", **COLUMNS)
    assert warned[0].filename == __file__
    assert corpus.doc_ids.tolist() == ["1", "6", "8"]
    assert corpus.skipped.values.tolist() == [
        [3, "title", "there is no text in 'title' and 'body'"],
        [4, "sku", "the id '1' was already given in row 2"],
        [5, "title", "'title' holds the byte 0xE4, which is not valid in this encoding"],
        [6, "", "there are 4 fields where the header names 3"],
        [7, "sku", "the id in 'sku' is empty"],
        [9, "", "a quotation mark that opens here does not end where its field does"],
        [11, "title", "'title' holds a NUL character: the data is damaged there, or is not text"],
    ]


def test_skip_with_a_quotation_mark_that_is_never_closed_costs_one_row(tmp_path):
    body = b"".join(b"%d,File,fine\n" % number for number in range(4, 2_000))
    (tmp_path / "a.csv").write_bytes(GOOD_CSV + b'3,"Rasp,coarse\n' + body)
    with pytest.warns(UserWarning, match="left out 1 row and kept 1,998"):
        corpus = Corpus.from_csv(tmp_path / "a.csv", on_error="skip", **COLUMNS)
    assert corpus.skipped["row"].tolist() == [4] and corpus.doc_ids[-1] == "1999"


def test_skip_keeps_a_later_row_whose_id_only_a_skipped_one_had():
    rows = [{"doc_id": 1, "text": ""}, {"doc_id": 1, "text": "x"}]
    with pytest.warns(UserWarning, match="1 × empty text"):
        assert Corpus.from_records(rows, on_error="skip").texts == ["x"]


def test_skip_broken_json_lines(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(GOOD_JSONL + b"{broken\n" + b'{"sku": 4, "title": "x"}')
    with pytest.warns(UserWarning, match="1 × broken JSON"):
        corpus = Corpus.from_jsonl(tmp_path / "a.jsonl", on_error="skip", **COLUMNS)
    assert corpus.doc_ids.tolist() == ["1", "2", "4"] and corpus.skipped["row"].tolist() == [3]


def test_skip_raises_when_nothing_is_left():
    with pytest.raises(
        CorpusError, match=r"no usable row is left of 2; the first, row 0 \(counted.*: there is no t"
    ):
        Corpus.from_records([{"doc_id": 1, "text": ""}, {"doc_id": 2, "text": None}], on_error="skip")


def test_skip_without_bad_rows_does_not_warn(tmp_path):
    (tmp_path / "a.csv").write_bytes(GOOD_CSV)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(Corpus.from_csv(tmp_path / "a.csv", on_error="skip", **COLUMNS).skipped) == 0


def test_many_problems_do_not_take_long(tmp_path):
    (tmp_path / "a.csv").write_bytes(GOOD_CSV + b'"x\n1,"y\n' * 20_000)
    with pytest.raises(CorpusError, match=r"row 4: a quotation mark .*\(39,999 more rows have problems.\)$"):
        Corpus.from_csv(tmp_path / "a.csv", **COLUMNS)


def test_a_path_of_thousands_of_levels_is_a_bad_row():
    """Found by fuzzing: every level of such a path became a key, so time and memory grew with its square."""
    rows = [{"doc_id": "a", "text": "x", "path": "A > B"}, {"doc_id": "b", "text": "y", "path": "A > " * 50_000 + "B"}]
    with pytest.raises(CorpusError, match=r"row 1 .*has more than 100 levels \(50,001\)\. Name another column"):
        Corpus.from_records(rows, text="text", category="path")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert len(Corpus.from_records(rows, text="text", category="path", on_error="skip")) == 1
