"""Queries and Interactions: what is read, what is refused, and how they go with a corpus."""

import numpy as np
import pandas as pd
import pytest

from lmindexer.common.errors import CorpusError, SettingsError
from lmindexer.corpus.corpus import Corpus, Interactions, Queries


@pytest.fixture
def corpus():
    return Corpus.from_records([{"doc_id": f"doc-{n}", "text": f"text {n}"} for n in range(5)], name="small")


def queries_frame(**columns):
    frame = {"query_id": ["q1", "q1", "q2"], "text": ["a", "a", "b"], "doc_id": ["doc-0", "doc-1", "doc-1"]}
    return pd.DataFrame(frame | columns)


def test_queries_keep_their_columns_and_extras():
    queries = Queries.from_frame(queries_frame(kind=["x", None, "y"], score=[3, 1, 2], other=[0, 0, 0]))
    assert list(queries.frame.columns) == ["query_id", "text", "doc_id", "kind", "score"]
    assert queries.frame["kind"].tolist() == ["x", None, "y"]
    assert queries.frame["score"].tolist() == [3.0, 1.0, 2.0]
    assert queries.texts == ["a", "a", "b"] and len(queries) == 3
    assert repr(queries) == "Queries(3 rows about 2 documents)"


def test_queries_from_a_file_with_other_names(tmp_path):
    (tmp_path / "q.tsv").write_text("question\tanswer\tscore\nwhat?\t17\t0.5\nwho?\t18\t\n")
    queries = Queries.from_file(tmp_path / "q.tsv", query_id=None, text="question", doc_id="answer")
    assert queries.frame.iloc[:, :3].values.tolist() == [["0", "what?", "17"], ["1", "who?", "18"]]
    assert queries.frame["score"].iloc[0] == 0.5 and np.isnan(queries.frame["score"].iloc[1])


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            {"doc_id": ["doc-0", "doc-0", "doc-1"]},
            "row 1 .*: the query 'q1' already has the document 'doc-0', in row 0",
        ),
        (
            {"text": ["a", "A", "b"]},
            "row 1 .*: the query 'q1' has another text than in row 0. Give each text its own",
        ),
        ({"text": ["a", "a", " "]}, "row 2 .*: there is no text in 'text'. Give every query some text."),
        (
            {"doc_id": ["doc-0", None, "doc-1"]},
            "row 1 .*: the document id in 'doc_id' is empty. Give every row its",
        ),
        ({"score": [1, "high", 2]}, "row 1 .*: 'score' is 'high' and not a finite number. Write a number."),
        ({"score": [1, np.inf, 2]}, "row 1 .*: 'score' is inf and not a finite number. Write a number."),
    ],
)
def test_queries_refuse(columns, words):
    with pytest.raises(CorpusError, match=f"^frame, {words}"):
        Queries.from_frame(queries_frame(**columns))
    with pytest.warns(UserWarning, match="left out 1 row and kept 2"):
        queries = Queries.from_frame(queries_frame(**columns), on_error="skip")
    assert len(queries) == 2 and len(queries.skipped) == 1


def test_queries_without_their_columns():
    with pytest.raises(
        CorpusError, match=r"no column 'query_id'\. Did you mean 'query'\? Name it with query_id=…"
    ):
        Queries.from_records([{"query": "x", "text": "y", "doc_id": 1}])
    with pytest.raises(CorpusError, match=r"no column 'user_id'\. The columns are: doc_id."):
        Interactions.from_records([{"doc_id": 1}])
    with pytest.raises(SettingsError, match="'queryid' is no setting here; did you mean 'query_id'\\?"):
        Queries.from_frame(queries_frame(), queryid="query_id")
    for kind in (Queries, Interactions):
        with pytest.raises(CorpusError, match="there are no rows"):
            kind.from_records([])


@pytest.mark.parametrize("kind", [Queries, Interactions])
def test_an_unknown_document_is_named_with_its_row_and_the_nearest_id(tmp_path, corpus, kind):
    (tmp_path / "a.csv").write_text(
        'query_id,user_id,text,doc_id\n1,b,"a\nb",doc-3\n2,a,b,doc_4x\n3,b,c,doc-2\n'
    )
    relation = kind.from_file(tmp_path / "a.csv")
    attribute = kind.__name__.lower()
    with pytest.raises(CorpusError) as caught:
        setattr(corpus, attribute, relation)
    assert str(caught.value) == (
        f"{tmp_path / 'a.csv'}, row 4: the document 'doc_4x' is not in the corpus 'small' (1 of 3 rows are "
        "about unknown ones). Did you mean 'doc-4'? Correct the id, or keep what is about known documents "
        "with .within(corpus)."
    )
    assert getattr(corpus, attribute) is None
    setattr(corpus, attribute, relation.within(corpus))
    assert getattr(corpus, attribute).frame["doc_id"].tolist() == ["doc-3", "doc-2"]


def test_only_queries_are_queries(corpus):
    with pytest.raises(
        CorpusError, match=r"small: Queries are expected, not DataFrame\. Make them with Queries\.from"
    ):
        corpus.queries = queries_frame()
    with pytest.raises(CorpusError, match=r"small: Interactions are expected, not Queries\."):
        corpus.interactions = Queries.from_frame(queries_frame())
    corpus.queries = Queries.from_frame(queries_frame())
    corpus.queries = None
    assert corpus.queries is None


def test_sequences_follow_positions_and_users_the_file():
    rows = [("v", "d", 5), ("u", "b", 2), ("v", "c", -1.5), ("u", "a", 1), ("u", "c", 2)]
    interactions = Interactions.from_frame(pd.DataFrame(rows, columns=["user_id", "doc_id", "position"]))
    assert interactions.sequences() == {"v": ["c", "d"], "u": ["a", "b", "c"]}
    assert list(interactions.sequences()) == ["v", "u"]
    assert interactions.frame.values.tolist() == [
        ["v", "c", 0], ["v", "d", 1], ["u", "a", 0], ["u", "b", 1], ["u", "c", 2],
    ]  # fmt: skip
    assert interactions.rows.tolist() == [2, 0, 3, 1, 4]


def test_without_positions_the_rows_order_counts():
    rows = [{"user_id": 1, "doc_id": "b", "when": 9}, {"user_id": 1, "doc_id": "a", "when": 8}]
    assert Interactions.from_records(rows).sequences() == {"1": ["b", "a"]}
    assert Interactions.from_records(rows, position="when").sequences() == {"1": ["a", "b"]}
    assert Interactions.from_records(rows, position=None).sequences() == {"1": ["b", "a"]}


def test_dates_are_positions(tmp_path):
    frame = pd.DataFrame(
        {"user_id": "u", "doc_id": ["b", "a"], "at": pd.to_datetime(["2020-01-02", "2020-01-01"])}
    )
    assert Interactions.from_frame(frame, position="at").sequences() == {"u": ["a", "b"]}
    frame.to_parquet(tmp_path / "a.parquet")
    assert Interactions.from_file(tmp_path / "a.parquet", position="at").sequences() == {"u": ["a", "b"]}


@pytest.mark.parametrize(
    ("position", "words"),
    [
        ("soon", "is 'soon' and not a finite number"),
        (None, "is empty"),
        (True, "is True and not a finite number"),
    ],
)
def test_positions_that_are_no_numbers(position, words):
    rows = [
        {"user_id": "u", "doc_id": "a", "position": 1},
        {"user_id": "u", "doc_id": "b", "position": position},
    ]
    with pytest.raises(CorpusError, match=rf"^records, row 1 \(counted from 0\): 'position' {words}\. "):
        Interactions.from_records(rows)


def test_repeated_use_of_a_document_is_kept():
    rows = [{"user_id": "u", "doc_id": doc_id} for doc_id in "aba"]
    assert Interactions.from_records(rows).sequences() == {"u": ["a", "b", "a"]}


def test_many_interactions_agree_with_a_plain_loop():
    random = np.random.default_rng(0)
    users, documents, times = random.integers(0, 30, (3, 2_000))
    expected = {}
    for user, document, _ in sorted(zip(users, documents, times, strict=True), key=lambda row: row[2]):
        expected.setdefault(str(user), []).append(str(document))
    frame = pd.DataFrame({"user_id": users, "doc_id": documents, "position": times})
    assert Interactions.from_frame(frame).sequences() == expected
