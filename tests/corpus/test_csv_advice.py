"""Advice about files that are written in another way: it is typed as printed, and the file is read with it."""

import ast
import re
import shlex

import pytest
from typer.testing import CliRunner

from lmindexer.cli import app
from lmindexer.corpus.corpus import Corpus, Interactions

COLUMNS = {"id": "sku", "text": ["title", "body"]}
TYPED = re.compile(r"(?:[Pp]ass|with) ((?:--[\w-]+ (?:'[^']*'|\"[^\"]*\"|\S+?)(?: and )?)+)(?=[.,:;)]*(?:\s|$))")


def check(*arguments) -> tuple[int, str]:
    found = CliRunner().invoke(app, ["data", "check", *map(str, arguments)])
    return found.exit_code, found.output


def followed(path, *more) -> tuple[str, list[str]]:
    """What `data check` says after its advice was typed as it is printed, and the options that were typed."""
    base = [path, "--id", "sku", "--text", "title", "--text", "body", *more]
    typed: list[str] = []
    for _ in range(3):
        code, said = check(*base, *typed)
        advice = TYPED.findall(said)
        if code == 0 or not advice:
            assert code == 0, said
            return said, typed
        typed += [word for word in shlex.split(advice[-1]) if word != "and"]
    raise AssertionError(said)


def save(tmp_path, content, name="a.csv", encoding="utf-8"):
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return tmp_path / name


@pytest.mark.parametrize("sign", [";", "\t", "|", "^", "~", ":", " ", "\x01", "\x1f", "¦", "#"])
@pytest.mark.parametrize("quoted", [False, True])
def test_any_delimiter_is_named_and_can_be_typed(tmp_path, sign, quoted):
    rows = [["sku", "title", "body"], ["1", "Saw", "cuts"], ["2", "Mallet", "hits"]]
    mark = '"' if quoted else ""
    text = "\n".join(sign.join(f"{mark}{cell}{mark}" for cell in row) for row in rows)
    if quoted and sign in ":# ":  # such a sign counts where all columns show only, and a broken header shows none
        return
    said, typed = followed(save(tmp_path, text))
    assert "Saw. cuts" in said and typed[0] == "--delimiter" and len(typed) == 2


@pytest.mark.parametrize(
    ("row", "title", "options"),
    [
        ("1,'Saw, fine','cuts'", "Saw, fine", ["--quote", "'"]),
        ("1,`Saw, fine`,cuts", "Saw, fine", ["--quote", "`"]),
        (r'1,"TV 50\" flat, black",cuts', 'TV 50" flat, black', ["--escape", "\\"]),
        (r"1,Saw\, fine,cuts", "Saw, fine", ["--escape", "\\"]),
        ("1,Saw\\\nfine,cuts", "Saw\nfine", ["--escape", "\\"]),
        ('1,"Saw \\"x\\"\nsecond, line",cuts', 'Saw "x"\nsecond, line', ["--escape", "\\"]),
        ('1,"first line\nof a \\"saw\\", fine",cuts', 'first line\nof a "saw", fine', ["--escape", "\\"]),
        (r"1,'Saw\'s best, fine',cuts", "Saw's best, fine", ["--quote", "'", "--escape", "\\"]),
    ],
)
def test_other_marks_are_named_and_can_be_typed(tmp_path, row, title, options):
    path = save(tmp_path, f"sku,title,body\n{row}\n2,Mallet,hits\n")
    assert followed(path)[1] == options
    keywords = {flag.removeprefix("--"): value for flag, value in zip(options[::2], options[1::2], strict=True)}
    assert Corpus.from_file(path, **COLUMNS, **keywords).titles == [title, "Mallet"]


def test_marks_read_as_letters_are_remarked(tmp_path):
    corpus = Corpus.from_file(save(tmp_path, "sku,title,body\n1,'Saw','cuts'\n2,'Pot',x\n"), **COLUMNS)
    assert "2 cells stand between the marks ' in 'title' (row 2)" in corpus.remarks[0]
    corpus = Corpus.from_file(save(tmp_path, 'sku,title,body\n1,TV \\"big\\" one,cuts\n'), **COLUMNS)
    assert corpus.remarks[0].startswith("1 cell holds \\\" in 'title' (row 2)")
    assert Corpus.from_file(tmp_path / "a.csv", **COLUMNS, escape="\\").titles == ['TV "big" one']


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('"sku,title,body"\n"1,Saw,cuts"\n', "the whole row stands in quotation marks, as one field"),
        ('sku,title,body\n"1,""Saw, fine"",cuts"\n', "the whole row stands in quotation marks, as one field"),
        ("sku,title,body\n1,“Saw, fine”,cuts\n", 'Write the plain mark " in place of “ and ”'),
        ("Our shop\n\nsku,title,body\n1,Saw,cuts\n", "Row 3 holds the names of the columns"),
        ("# made by X,,\nsku,title,body\n1,Saw,cuts\n", "Row 2 holds the names of the columns"),
        ("1,Saw,cuts\n2,Pot,boils\n", "The first row must hold the names of the columns; its fields are '1', 'Saw'"),
    ],
)
def test_what_no_option_reads_is_said(tmp_path, content, said):
    code, found = check(save(tmp_path, content), "--id", "sku", "--text", "title", "--text", "body")
    assert code == 2 and said in found


@pytest.mark.parametrize(
    ("content", "name"),
    [
        ("sep=;\nsku;title;body\n1;Saw;cuts\n", "a.tsv"),
        ("sep = ;\nsku;title;body\n1;Saw;cuts\n", "a.csv"),
        ("\ufeff\ufeffsku,title,body\n1,Saw,cuts\n", "a.csv"),
        ('\ufeff\ufeff{"sku": 1, "title": "Saw", "body": "cuts"}\n', "a.jsonl"),
        ("sku,title,body\r1,Saw,cuts\r\n", "a.csv"),
        ('sku,title,body\n1,"Saw" ,"cuts"\t\n', "a.csv"),
    ],
)
def test_these_are_read_without_a_question(tmp_path, content, name):
    assert Corpus.from_file(save(tmp_path, content, name), **COLUMNS).texts == ["Saw. cuts"]


@pytest.mark.parametrize(
    ("encoding", "word"),
    [
        ("utf-16", "Säge"), ("utf-16-le", "Säge"), ("utf-16-be", "Säge"), ("utf-16-le", "लकड़ी की आरी"),
        ("utf-32", "Säge"),
        ("utf-16-be", "木工锯"), ("iso2022_jp", "木を切るのこぎり"), ("cp1252", "Säge – „gut“ für 5 €"),
        ("iso8859_15", "Säge 5 € œuvre"), ("iso8859_2", "Příliš žluťoučký kůň"), ("mac_roman", "Säge für Möbel grün"),
        ("cp850", "Säge für Möbel grün"), ("gb18030", "木工锯切割木材很快"), ("big5", "木工鋸切割木材很快"),
        ("euc_kr", "나무를 자르는 톱입니다"), ("shift_jis", "木を切るのこぎりです"), ("cp874", "เลื่อยตัดไม้อย่างรวดเร็ว"),
        ("cp1255", "מסור לעץ חזק מאוד ומהיר"), ("cp1253", "Πριόνι για ξύλο και μέταλλο"),
        ("koi8_r", "Пила режет дерево быстро"),
    ],
)  # fmt: skip
def test_any_encoding_is_named_and_can_be_typed(tmp_path, encoding, word):
    said, typed = followed(save(tmp_path, f"sku,title,body\n1,{word},{word}\n2,Saw,cuts\n", encoding=encoding))
    assert f"{word}. {word}" in said and typed[0] == "--encoding"


@pytest.mark.parametrize(
    "content",
    [
        '"query_id";"text";"doc_id"\n"q1";"saw; fine";"1"\n',
        "query_id\ttext\tdoc_id\nq1\tsaw\t1\n",
        "query_id,text,doc_id\nq1,Säge,1\n".encode("cp1252"),
        'query_id,text,doc_id\nq1,"a \\"b\\", c",1\n',
        "query_id,text,doc_id\nq1,saw,1\nq2,,1\nq3,NULL,1\n",
        "query_id,text,doc_id\nq1,saw,1\nq2,pot,9\n",
        "text,doc_id\nsaw,1\n",
    ],
)
def test_advice_about_queries_is_of_their_own_options(tmp_path, content):
    shop = save(tmp_path, "sku,title,body\n1,Saw,cuts\n", "shop.csv")
    said, typed = followed(shop, "--queries", save(tmp_path, content, "queries.csv"))
    assert "1 queries, each about a document" in said and typed[0].startswith("--queries-")


@pytest.mark.parametrize(
    "content",
    ["user_id;doc_id\nu;1\n", "user_id,doc_id\nu,1\nNULL,1\n", "user_id,doc_id,position\nu,1,1\nu,9,2\nu,1,x\n"],
)
def test_advice_about_interactions_is_of_their_own_options(tmp_path, content):
    shop = save(tmp_path, "sku,title,body\n1,Saw,cuts\n", "shop.csv")
    said, typed = followed(shop, "--interactions", save(tmp_path, content, "used.csv"))
    assert "1 interactions" in said and typed[0].startswith("--interactions-")


def test_interactions_without_a_position_say_so():
    rows = [{"user_id": "u", "doc_id": 1, "time": 2}, {"user_id": "u", "doc_id": 2, "time": 1}]
    assert "there is no column 'position'" in Interactions.from_records(rows).remarks[0]
    for given in ({"position": "time"}, {"position": None}):
        assert Interactions.from_records(rows, **given).remarks == ()


# ------------------------------------------------------------------------------------------------- categories


def labels(cells, **options):
    corpus = Corpus.from_records(
        [{"t": f"saw {n}", "c": cell} for n, cell in enumerate(cells)], id=None, text="t", category="c", **options
    )
    return corpus.labels().tolist(), corpus.remarks


@pytest.mark.parametrize(
    ("cell", "label"),
    [
        ("['A' 'B']", "A > B"), ("('A', 'B')", "A > B"), ("['A', nan]", "A"), ('["A", null]', "A"),
        ("[u'A', u'B']", "A > B"),
        ("A > B >", "A > B"), ("> A > B", "A > B"), ("(null)", ""), ("NaT", ""), ("<NA>", ""),
    ],
)  # fmt: skip
def test_a_category_in_another_spelling_is_the_same_one(cell, label):
    assert labels([cell, "C > D"])[0] == [label, "C > D"]


@pytest.mark.parametrize(
    "sign", ["->", "=>", ">>", ">", "＞", "::", "/", "|", "»", "→", "\\", " - ", ":", "、", ",", ".", "_"]
)
@pytest.mark.parametrize("spaced", [False, True])
def test_a_separator_is_noticed_and_its_advice_parts_the_levels(sign, spaced):
    cells = [f"Saws {sign} Jig" if spaced else f"Saws{sign}Jig", f"Saws {sign} Band" if spaced else f"Saws{sign}Band"]
    if spaced and sign in (".", ":", "_", ">"):
        return  # " > " parts levels as it is; "a . b" is no path
    _, remarks = labels(cells)
    found = re.search(r"Pass separator=('[^']*')", " ".join(remarks))
    assert labels(cells, separator=ast.literal_eval(found.group(1)))[0] == ["Saws > Jig", "Saws > Band"]


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["[A, B]", "[A, C]"], "2 cells of 'c' stand in brackets, as '[A, B]'"),
        (["{'A', 'B'}", "x"], "1 cell of 'c' stand in brackets"),
        ([["A > B"], ["A > C"]], "2 lists hold '>' within a label, as in 'A > B'"),
        (["Home &amp; Garden", "Tools"], "1 of 2 cells of 'c' hold HTML, such as '&amp;'"),
        (["Café", "Cafe\u0301"], r"as 'Caf\xe9' and 'Cafe\u0301'"),
        (["A", "Ａ"], "differ in capitals or spaces alone"),
        (["A", "."], "1 cell of 'c' is . (row 1"),
    ],
)
def test_what_may_be_meant_otherwise_is_noticed(cells, said):
    assert said in " ".join(labels(cells)[1])


def test_html_is_taken_out_of_categories_too():
    assert labels(["Home &amp; Garden &gt; Tools"], html="strip") == (["Home & Garden > Tools"], ())
