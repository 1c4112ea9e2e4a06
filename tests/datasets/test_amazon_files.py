"""Amazon's official files of three editions: the 5-core, orders, numbers, texts of every form, broken rows."""

import json
import random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from raw_data import META_2014, REVIEWS, folder_2014, review, write_json_lines, write_lines, write_literals

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.markup import plain_words
from lmindexer.datasets import load_amazon, load_folder, prepare
from lmindexer.datasets.amazon_items import item_of
from lmindexer.datasets.amazon_reviews import Reviews, core, make_sequences, read_reviews
from lmindexer.datasets.raw_files import Reading


def test_2014_whole(tmp_path):
    """Two reviews for each user and item: bob and item D go; numbers follow the sequences; item E has no text."""
    about = prepare("amazon", folder_2014(tmp_path / "raw"), tmp_path / "out", show=False, least=2)
    corpus = load_folder(tmp_path / "out")
    assert corpus.name == "amazon-tools_and_home" and "research" in corpus.licence
    assert corpus.documents() == ["Saw. Cuts & trims wood. Bo", "A rasp", "It's a \"mallet\""]
    assert corpus.frame["doc_id"].tolist() == ["1", "2", "3"]  # zoe's, by time: A, C, B, E
    assert corpus.frame["category_3"].tolist() == [None, None, "X > Y"]
    assert corpus.interactions.sequences() == {"1": ["1", "2", "3"], "2": ["3", "2", "1"]}  # equal times: file order
    assert about["counts"] == {"documents": 3, "interactions": 6, "users": 2}
    assert about["left_out"] == {"documents without any text": 1, "interactions with items that are left out": 2}


def test_2018_and_2023_read_alike(tmp_path):
    meta = {"title": "Saw &amp; blade", "description": ["Cuts", "", "<b>wood</b>"], "brand": "by Bo", "price": "$9.50"}
    write_json_lines(tmp_path / "a" / "meta_Tools.json.gz", [meta | {"asin": "A", "category": ["Tools", "Saws"]}])
    write_json_lines(tmp_path / "a" / "Tools_5.json.gz", [review("u", "A", 1)])
    meta = {"title": "Saw & blade", "description": [], "features": ["Cuts wood"], "details": {"Brand": "Bo"},
            "store": "Shop", "price": None, "main_category": "Tools"}  # fmt: skip
    meta |= {"parent_asin": "A", "categories": ["Tools", "Saws"]}
    write_json_lines(tmp_path / "b" / "meta_Tools.jsonl.gz", [meta])
    reviews = {"user_id": "u", "asin": "child", "parent_asin": "A", "rating": 5.0, "timestamp": 1588687728923}
    write_json_lines(tmp_path / "b" / "Tools.jsonl.gz", [reviews])
    for name in "ab":
        corpus = load_amazon(tmp_path / name, least=1)
        assert corpus.documents() == ["Saw & blade. Cuts wood. Bo"], name
        assert corpus.labels().tolist() == ["Tools > Saws"]
        assert corpus.interactions.sequences() == {"1": ["1"]}


def test_2023_ratings_as_a_table(tmp_path):
    write_json_lines(tmp_path / "meta_All_Beauty.jsonl", [{"parent_asin": "A", "title": "Saw", "categories": []}])
    write_lines(tmp_path / "All_Beauty.csv.gz", ["user_id,parent_asin,rating,timestamp", "u,A,5.0,2", '"v, w",A,1.0,1'])
    corpus = load_amazon(tmp_path, least=1)
    assert corpus.levels == 0 and len(corpus.interactions.sequences()) == 2


@pytest.mark.parametrize(
    ("description", "text"),
    [("", ""), (None, ""), ([], ""), ([""], ""), ("a  b\n", "a b"), (["a", ["b"]], "a b"), (["a", None], "a"), (7, "7"),
     ({"x": "y"}, ""), (float("nan"), ""), (True, "")],
)  # fmt: skip
def test_descriptions_of_every_form(description, text):
    assert item_of("A", {"title": "t", "description": description}).description == text


@pytest.mark.parametrize(
    ("value", "path"),
    [([["A", "B"], ["C"]], ("A", "B")), (["A", "B"], ("A", "B")), ([], ()), (None, ()), ("A", ("A",)), ([[]], ()),
     (["A &amp; B", "", "C"], ("A & B",))],
)  # fmt: skip
def test_categories_of_every_form(value, path):
    assert item_of("A", {"categories": value}).categories == path


@pytest.mark.parametrize(
    ("text", "plain"),
    [("a < b > c", "a < b > c"), ("<style>x{}</style>a<!-- b -->c", "a c"), ("<script>never ends", "never ends"),
     ("&lt;b&gt; &eacute;", "é"), ("<B\nclass='x'>a</B>b", "ab"), ("İ<script>a</script>b", "İ b"), ("", "")],
)  # fmt: skip
def test_html_is_taken_out(text, plain):
    assert plain_words(text) == plain


def test_the_slides_text_has_their_fields_in_their_order():
    item = item_of("A", META_2014[0])
    assert item.text("slides") == "Saw, description: Cuts & trims wood, brand: Bo, price: 9.5"
    assert item.text("plain") == "Cuts & trims wood. Bo"


def test_metadata_alone_is_a_corpus(tmp_path):
    path = write_literals(tmp_path / "meta_Tools.json.gz", [*META_2014[:2], META_2014[0] | {"title": "Again"}])
    corpus = load_amazon(path)
    assert (corpus.name, corpus.doc_ids.tolist(), corpus.interactions) == ("amazon-tools", ["A", "B"], None)
    assert load_amazon(path, name="mine").name == "mine"


def test_a_literal_is_read_and_never_run(tmp_path):
    trap = tmp_path / "ran"
    code = f"{{'asin': 'A', 'title': __import__('pathlib').Path({str(trap)!r}).touch()}}"
    path = write_lines(tmp_path / "meta_Tools.json", [code])
    with pytest.raises(CorpusError, match=r"meta_Tools.json, row 1: this line is neither a JSON object nor"):
        load_amazon(path)
    assert not trap.exists()


BROKEN = {
    "meta": [
        ("{'asin': 'A', 'title': ", "row 6: this line is neither"),
        ("{'asin': 'F', 'title': ", "row 6: this line is cut short"),
        ("{'title': 'no asin'}", "row 6: there is neither an 'asin'"),
        ("['a']", "row 6: this line is .*no object|no dict"),
    ],
    "reviews": [
        ('{"reviewerID": "u", ', "row 11: this line is not valid JSON"),
        ('{"reviewerID": "u", "asin": "A"}', "row 11: a review has .* and this row has reviewerID, asin"),
        ('{"reviewerID": "u", "asin": "A", "unixReviewTime": "soon"}', "row 11: the time 'soon' is no number"),
        ("17", "row 11: this line is valid JSON but no object: 17"),
    ],
}


@pytest.mark.parametrize(("kind", "line", "words"), [(kind, *case) for kind, cases in BROKEN.items() for case in cases])
def test_a_broken_row_is_named_or_left_out(tmp_path, kind, line, words):
    raw = folder_2014(tmp_path / "raw")
    meta, reviews = list(map(repr, META_2014)), list(map(json.dumps, REVIEWS))
    (meta if kind == "meta" else reviews).append(line)
    write_lines(raw / "meta_Tools_and_Home.json.gz", meta)
    write_lines(raw / "reviews_Tools_and_Home_5.json.gz", reviews)
    with pytest.raises(CorpusError, match=words):
        prepare("amazon", raw, tmp_path / "out", show=False, least=2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["raw"], "a failure leaves nothing"
    about = prepare("amazon", raw, tmp_path / "out", show=False, least=2, on_error="skip")
    assert about["counts"]["documents"] == 3 and about["examples"][0].split(": ")[0].endswith(("row 6", "row 11"))


def test_cut_files_and_missing_ones_are_said(tmp_path):
    raw = folder_2014(tmp_path / "raw")
    path = raw / "reviews_Tools_and_Home_5.json.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorpusError, match=r"reviews_.*gz: the gzip data is damaged or cut short"):
        prepare("amazon", raw, tmp_path / "out", show=False)
    with pytest.raises(CorpusError, match=r"there is no meta_.*Get them at https.*Licence: for research"):
        prepare("amazon", write_lines(tmp_path / "empty" / "x.txt", []).parent, tmp_path / "out", show=False)
    with pytest.raises(CorpusError, match=r"there is no metadata of 'Toys'.*tools_and_home"):
        prepare("amazon", raw, tmp_path / "out", show=False, category="Toys")
    write_literals(raw / "meta_Toys.json.gz", META_2014)
    with pytest.raises(CorpusError, match=r"several categories.*tools_and_home, toys"):
        prepare("amazon", raw, tmp_path / "out", show=False)
    with pytest.raises(SettingsError, match=r"'fiels' is no setting of amazon; did you mean 'fields'"):
        prepare("amazon", raw, tmp_path / "out", show=False, fiels="slides")
    with pytest.raises(SettingsError, match=r"least is 'five'; it must be of type int"):
        prepare("amazon", raw, tmp_path / "out", show=False, least="five")


def test_the_category_is_found_however_it_is_written(tmp_path):
    raw = folder_2014(tmp_path / "raw")
    write_literals(raw / "meta_Toys.json.gz", META_2014)
    about = prepare("amazon", raw, tmp_path / "out", show=False, least=2, category="Tools & Home")
    assert about["name"] == "amazon-tools_and_home" and about["counts"]["users"] == 2


pairs = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 3)), max_size=60)


@given(pairs=pairs, least=st.integers(1, 4), seed=st.none() | st.integers(0, 3))
def test_the_core_and_the_sequences_equal_a_slow_loop(pairs, least, seed):
    left = list(pairs)
    while True:
        users = [user for user, _, _ in left]
        items = [item for _, item, _ in left]
        again = [row for row in left if users.count(row[0]) >= least and items.count(row[1]) >= least]
        if again == left:
            break
        left = again
    columns = np.array(pairs, dtype=np.int64).reshape(-1, 3).T
    reviews = Reviews(*columns, [f"u{user}" for user in range(7)], [f"i{item}" for item in range(7)])
    found = make_sequences(reviews, core(reviews, least), shuffle=seed)
    order = list(dict.fromkeys(user for user, _, _ in left))
    if seed is not None:
        random.Random(seed).shuffle(order)
    wanted = [[item for _, item, _ in sorted((r for r in left if r[0] == user), key=lambda r: r[2])] for user in order]
    named = list(dict.fromkeys(item for sequence in wanted for item in sequence))
    assert found.asins == [f"i{item}" for item in named]
    sequences = [found.items[a:b].tolist() for a, b in zip(found.starts[:-1], found.starts[1:], strict=True)]
    assert sequences == [[named.index(item) for item in sequence] for sequence in wanted]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"unixReviewTime": 1e300}, r"row 2: the time 1e\+300 is no number that can be kept"),
        ({"asin": ["A"]}, "row 2: a review has reviewerID"),
        ({"reviewerID": {"a": 1}}, "row 2: a review has reviewerID"),
    ],
    ids=str,
)
def test_a_review_with_an_impossible_value_is_named(tmp_path, change, said):
    write_json_lines(tmp_path / "reviews.json", [review("u", "A", 1), review("u", "B", 2) | change])
    with pytest.raises(CorpusError, match=said):
        read_reviews(tmp_path / "reviews.json", Reading())
    reading = Reading("skip")
    assert read_reviews(tmp_path / "reviews.json", reading).items == ["A"] and sum(reading.left_out.values()) == 1
