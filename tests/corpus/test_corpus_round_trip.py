"""Invariants of reading: whatever a text holds, every format gives the same corpus and fingerprint."""

import csv
import json

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lmindexer.common.errors import CorpusError
from lmindexer.corpus.corpus import Corpus

SETTINGS = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
# any character but NUL and lone surrogates, with those that files make hard drawn often
LETTERS = st.one_of(
    st.sampled_from(list(",;\"'\t\r\n >|[]{}\\é🧰\u200f\u2028\x85\ufeff0N")),
    st.characters(exclude_categories=["Cs"], exclude_characters="\0"),
)
TEXTS = st.text(LETTERS, max_size=20)
FILLED = TEXTS.filter(str.strip)
LABELS = FILLED.filter(lambda label: " > " not in f" {label} ")


@st.composite
def tables(draw):
    """Rows of doc_id, title, text and category_1 … category_3 (None where the path ends)."""
    ids = draw(st.lists(FILLED.map(str.strip), min_size=1, max_size=8, unique=True))
    rows = []
    for doc_id in ids:
        path = draw(st.lists(LABELS, max_size=3))
        row = {"doc_id": doc_id, "title": draw(TEXTS), "text": draw(FILLED)}
        rows.append(row | {f"category_{n + 1}": path[n] if n < len(path) else None for n in range(3)})
    return rows


def write_csv(path, rows, delimiter=","):
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]), delimiter=delimiter, quoting=csv.QUOTE_ALL)
        writer.writeheader()
        writer.writerows({name: value or "" for name, value in row.items()} for row in rows)


@SETTINGS
@given(rows=tables())
def test_every_format_gives_an_equal_corpus(tmp_path, rows):
    corpus = Corpus.from_records(rows, missing="keep")
    write_csv(tmp_path / "a.csv", rows)
    write_csv(tmp_path / "a.tsv", rows, "\t")
    lines = (json.dumps(row, ensure_ascii=bool(number % 2)) for number, row in enumerate(rows))
    (tmp_path / "a.jsonl").write_text("\n".join(lines), encoding="utf-8", newline="")
    pd.DataFrame(rows).to_parquet(tmp_path / "a.parquet")
    corpus.to_parquet(tmp_path / "own.parquet")
    copies = [
        Corpus.from_file(tmp_path / name, missing="keep")
        for name in ("a.csv", "a.tsv", "a.jsonl", "a.parquet", "own.parquet")
    ]
    copies.append(Corpus.from_frame(pd.DataFrame(rows), missing="keep"))
    for copy in copies:
        assert copy.frame.equals(corpus.frame)
        assert copy.fingerprint == corpus.fingerprint
    assert corpus.texts == [row["text"].strip() for row in rows]


@SETTINGS
@given(rows=tables())
def test_path_column_and_level_columns_agree(rows):
    paths = [[row[f"category_{n}"] for n in (1, 2, 3) if row[f"category_{n}"] is not None] for row in rows]
    as_lists = [{**row, "path": path} for row, path in zip(rows, paths, strict=True)]
    as_strings = [{**row, "path": " > ".join(path)} for row, path in zip(rows, paths, strict=True)]
    columns = Corpus.from_records(rows, missing="keep")
    for records in (as_lists, as_strings):
        corpus = Corpus.from_records(records, title="title", text="text", category="path", missing="keep")
        assert corpus.labels().tolist() == columns.labels().tolist()
        assert corpus.fingerprint == columns.fingerprint
        assert corpus.levels == max(map(len, paths))


@SETTINGS
@given(rows=tables(), data=st.data())
def test_taking_everything_in_another_order_and_back_is_the_same(rows, data):
    corpus = Corpus.from_records(rows, missing="keep")
    order = data.draw(st.permutations(range(len(rows))))
    part = corpus.take(order)
    assert part.documents(category_text=True) == [corpus.documents(category_text=True)[i] for i in order]
    assert part.take([order.index(i) for i in range(len(rows))]).fingerprint == corpus.fingerprint
    assert (part.fingerprint == corpus.fingerprint) == (list(order) == sorted(order))


@SETTINGS
@given(rows=tables())
def test_labels_are_strictly_nested(rows):
    corpus = Corpus.from_records(rows, missing="keep")
    coarse, fine = corpus.labels(1), corpus.labels(3)
    assert all(b == a or b.startswith(f"{a} > ") for a, b in zip(coarse, fine, strict=True))
    assert corpus.labels().tolist() == fine.tolist()


@SETTINGS
@given(
    content=st.one_of(st.binary(max_size=200), st.text(LETTERS, max_size=200).map(str.encode)), data=st.data()
)
def test_no_bytes_give_anything_but_a_corpus_or_one_sentence(tmp_path, content, data):
    kind = data.draw(st.sampled_from(["csv", "tsv", "jsonl", "parquet", "csv.gz"]))
    header = {"csv": b"doc_id,text\n", "tsv": b"doc_id\ttext\n", "jsonl": b'{"doc_id": 1, "text": "x"}\n'}
    path = tmp_path / f"a.{kind}"
    path.write_bytes(header.get(kind, b"") + content)
    try:
        corpus = Corpus.from_file(path)
    except CorpusError as error:
        assert str(error).startswith(str(path)) and str(error)[-1] in ".)"
    else:
        assert all(corpus.documents()) and len(set(corpus.doc_ids)) == len(corpus)


@pytest.mark.parametrize("empty", [0, 1])
def test_random_rows_of_a_csv_are_named_by_the_line_they_start_on(tmp_path, empty):
    """The row in the message is the line on which an editor shows the bad record."""
    fields = ["one line", "two\nlines", "three\r\nlines\nhere", "and\rmore"]
    rows = [{"doc_id": str(number), "text": text} for number, text in enumerate(fields * 3)]
    rows.append({"doc_id": "bad", "text": " " * (1 - empty)})
    write_csv(tmp_path / "a.csv", rows)
    line = (tmp_path / "a.csv").read_text().split("\n").index('"bad",""' if empty else '"bad"," "') + 1
    with pytest.raises(CorpusError, match=rf"row {line}: there is no text"):
        Corpus.from_csv(tmp_path / "a.csv")
