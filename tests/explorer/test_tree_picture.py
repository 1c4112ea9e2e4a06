"""The tree of the overview: what is sent to the browser for each part."""

from urllib.parse import parse_qs, urlsplit

import pytest

import lmindexer as lmi
from explorer_app import links, tree_picture
from lmindexer.browse import RunBrowser
from lmindexer.browse.prefixes import tree
from lmindexer.ids.semantic_ids import SemanticIDs


@pytest.fixture
def sent(monkeypatch):
    """sent(prefix, per_level) -> what the component gets, of 60 documents with IDs of three codes."""
    got = {}
    monkeypatch.setattr(tree_picture, "_component", lambda: lambda **given: got.update(given["data"]))
    monkeypatch.setattr(links, "query", lambda **changes: {"run": "r"} | {k: v for k, v in changes.items() if v})
    records = [{"doc_id": f"d{n}", "text": "saw", "category_1": f"c{n % 2}" + "x" * 300} for n in range(60)]
    corpus = lmi.Corpus.from_records(records)
    ids = SemanticIDs.from_codes(corpus.doc_ids, [[n % 3, n % 4, n % 5] for n in range(60)], (3, 4, 5))
    run = RunBrowser.from_parts(ids, corpus)

    def ask(prefix=(), per_level=99):
        tree_picture.show(tree(run, prefix, 2, 1, per_level), prefix, {"0": ["saw", "<b>"]}, "The tree")
        return got

    return ask


def test_parts_hold_all_documents_of_their_parent_and_lead_into_themselves(sent):
    parts = sent()["parts"]
    first = [part for part in parts if not part["inside"]]
    assert [part["documents"] for part in first] == [20, 20, 20] and len(parts) == 3 + 12
    for part in first:
        inside = [one for one in parts if one["inside"] == part["id"]]
        assert sum(one["documents"] for one in inside) == part["documents"]
        address = urlsplit(part["address"])
        assert address.path == "./" and parse_qs(address.query) == {"run": ["r"], "prefix": [part["id"]]}
    assert "<0> saw, <b>" in {part["label"] for part in first}, "set as text by the browser, so not escaped"
    assert any("20 documents, 33.3% of those shown" in line for line in first[0]["said"])


def test_what_has_no_room_leads_to_where_it_is_listed(sent):
    parts = {part["id"]: part for part in sent(per_level=2)["parts"]}
    assert parts["all.rest"]["documents"] == 20
    assert parts["all.rest"]["address"] == "prefixes?run=r"
    (rest,) = [part for key, part in parts.items() if key == "0.rest"]
    assert rest["inside"] == "0" and rest["address"] == "./?run=r&prefix=0"


def test_under_a_prefix_its_codes_come_first_and_long_categories_are_cut(sent):
    got = sent((1, 1))
    assert got["heads"] == ["code 3"] and not any(part["inside"] for part in got["parts"])
    assert all(part["id"].startswith("1.1.") for part in got["parts"])
    assert all(len(entry["name"]) <= 30 for entry in got["legend"])
