"""A toy shop of a hundred products whose queries name them, for tests of search models."""

import lmindexer as lmi

THINGS = ["saw", "ball", "rope", "lamp", "chair", "table", "hammer", "nail", "paint", "brush"]
KINDS = ["red", "blue", "green", "large", "small", "old", "new", "fast", "slow", "wooden"]


def shop(queries: bool = True) -> lmi.Corpus:
    """100 products, and (unless queries=False) a query for each."""
    rows = [
        {"doc_id": f"d{i}{j}", "title": f"{kind} {thing}", "text": f"a {kind} {thing} to work with, model {i}{j}"}
        for i, thing in enumerate(THINGS)
        for j, kind in enumerate(KINDS)
    ]
    corpus = lmi.Corpus.from_records(rows, name="shop")
    if queries:
        asked = [
            {
                "query_id": f"q{place}",
                "text": f"{' '.join(reversed(row['title'].split()))} wanted",
                "doc_id": row["doc_id"],
            }
            for place, row in enumerate(rows)
        ]
        corpus.queries = lmi.Queries.from_records(asked)
    return corpus
