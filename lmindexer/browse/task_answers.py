"""One user or one query, asked of a task model: history, answers, and the way down the tree."""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from lmindexer.browse import documents
from lmindexer.browse.run import RunBrowser
from lmindexer.browse.task_methods import goes_down_a_tree
from lmindexer.browse.words import keywords
from lmindexer.tasks.base import TaskModel, title_of
from lmindexer.tasks.decoding import Descent, Filter, descend
from lmindexer.tasks.recommendation import Recommendation
from lmindexer.tasks.search import BM25, DualEncoder, GenerativeRetriever, SearchModel
from lmindexer.tasks.search.dual_encoder import nearest

MATCHES = 200  # users that a search lists
COUNTED_UP_TO = 50_000  # documents that bm25 is set up over while a person waits


# ---- recommendation ------------------------------------------------------------------------------------------


def users_like(task: Recommendation, part: str) -> list[str]:
    """Users who are asked about and whose name holds `part`, whatever the case; the exact name first."""
    part = part.strip().lower()
    found = [user for user in task.query_ids("test") if part in user.lower()]
    return sorted(found, key=lambda user: user.lower() != part)[:MATCHES]


def row_of_query(task, name: str) -> int | None:
    """The place of a user or a query of the test split, or None."""
    place = pd.Index(task.query_ids("test")).get_indexer([name])[0]
    return None if place < 0 else int(place)


def history_of(task: Recommendation, row: int) -> pd.DataFrame:
    """What was known of a user before the answer, the newest first: place (from 1, the oldest), doc_id, title."""
    items = task.histories("test")[row][::-1]
    frame = listed(task, items)
    frame.insert(0, "place", np.arange(len(items), 0, -1))
    return frame


def listed(task, places) -> pd.DataFrame:
    """doc_id and title of documents by their places."""
    places = np.asarray(places, dtype=np.int64)
    return pd.DataFrame(
        {"doc_id": task.corpus.doc_ids[places], "title": [title_of(task.corpus, place) for place in places]}
    )


def recommended(model: TaskModel, row: int, view: str, top: int) -> pd.DataFrame:
    """`answers` of a model for a user of the test split, with `right`: the item that the user took next."""
    task = model.task_
    found = model.rank_histories(task.histories("test").take([row]), min(top, len(task.corpus)), (view,))[view]
    frame = model.answers(found.documents[0], found.scores[0])
    return frame.assign(right=frame["doc_id"] == task.corpus.doc_ids[task.targets("test")[row]])


def way_of_user(model: TaskModel, row: int, view: str, width: int, top: int) -> Descent | None:
    """A user's way down the tree of a model by IDs; None of any other model."""
    if not goes_down_a_tree(model):
        return None
    task = model.task_
    one = task.histories("test").take([row])
    keep = Filter(model.tree, [one[0]]) if view == "unseen" else None
    return descend(model.scorer(one), model.tree, width, [task.targets("test")[row]], keep=keep, top=top)


# ---- search --------------------------------------------------------------------------------------------------


def judged_of(task, row: int | None) -> dict[str, float]:
    """{doc_id: gain} of a query of the test split; {} of any other text."""
    if row is None:
        return {}
    judged = task.judgements("test").take([row])
    return dict(zip(task.corpus.doc_ids[judged.document].tolist(), judged.gain.tolist(), strict=True))


def query_of_text(task, text: str) -> int | None:
    """The place of the test query with these words, or None."""
    wanted = " ".join(text.split()).lower()
    texts = (" ".join(one.split()).lower() for one in task.texts("test"))
    return next((row for row, one in enumerate(texts) if one == wanted), None)


@dataclass(frozen=True, eq=False)
class Answer:
    """What one method says to a text: its name, `SearchModel.search`'s frame with `gain` (0: not judged), a note."""

    method: str
    found: pd.DataFrame
    note: str = ""


def answered(model: SearchModel, text: str, top: int, judged: dict[str, float], **options) -> Answer:
    """`model.search`, the call of `lmindexer search`, with judged documents marked.

    Raises LMIndexerError for an empty text.
    """
    found = model.search(text, top=top, **options)
    return Answer(model.name, _marked(found, judged), found.attrs.get("note", ""))


def dense_beside(model: SearchModel, text: str, top: int, judged: dict[str, float]) -> Answer | None:
    """The nearest documents by the vectors that a generative retriever holds, without its map and tree."""
    if not isinstance(model, GenerativeRetriever):
        return None
    found = nearest(model.vectors_.texts([text]), model.documents_, min(top, len(model.task_.corpus)))
    return Answer("dense, no training", _marked(model.answers(found.documents[0], found.scores[0]), judged))


def bm25_beside(model: SearchModel) -> BM25 | None:
    """bm25 with its usual settings over the model's task; None where setting it up takes too long to wait for."""
    if len(model.task_.corpus) > COUNTED_UP_TO:
        return None
    return BM25(k1=0.9, b=0.4).fit(model.task_, progress=False)


def is_beside(model: TaskModel, what: str) -> bool:
    """Whether a model is the "bm25" or the "dense" that others are looked at beside."""
    return isinstance(model, BM25 if what == "bm25" else DualEncoder)


def way_of_text(model: SearchModel, text: str, width: int, top: int, judged: dict[str, float]) -> Descent | None:
    """A text's way down the tree of a model by IDs; None of any other model."""
    if not goes_down_a_tree(model):
        return None
    right = pd.Index(model.task_.corpus.doc_ids).get_indexer(list(judged))
    return descend(model.scorer([text]), model.tree, width, right.tolist(), top=top)


def _marked(found: pd.DataFrame, judged: dict[str, float]) -> pd.DataFrame:
    return found.assign(gain=found["doc_id"].map(judged).fillna(0.0).astype(float))


# ---- names of what is on the way -----------------------------------------------------------------------------


def browser_of(model: TaskModel) -> RunBrowser | None:
    """The model's own IDs with its corpus, open for key words; None for a model without IDs or a large corpus."""
    ids = getattr(model, "ids_", None)
    if ids is None or len(ids) > COUNTED_UP_TO:
        return None
    return RunBrowser.from_parts(ids, model.task_.corpus)


def names_on_the_way(model: TaskModel, way: Descent, browser: RunBrowser | None) -> dict[tuple, list[str]]:
    """{prefix: key words of its last code, or the title of its only document} of what a descent kept."""
    names: dict[tuple, list[str]] = {}
    kept = way.steps[way.steps["kept"] | way.steps["right"]]
    learned = len(model.ids_.codebook_sizes)
    if browser is not None:
        for prefix in dict.fromkeys(prefix[:-1] for prefix in kept["prefix"] if len(prefix) <= learned):
            if all(code >= 0 for code in prefix):
                names |= {(*prefix, code): found for code, found in keywords(browser, prefix).items()}
    corpus = model.task_.corpus
    for document, prefix in _leaves(model, way):
        names[prefix] = [title_of(corpus, document)]
    return names


def _leaves(model: TaskModel, way: Descent):
    """(document, whole path) of every ranked document whose path ends at it alone."""
    import torch

    places = way.ranking["document"].tolist()
    paths = model.tree.paths(torch.tensor(places, dtype=torch.long))[:, -1]
    below = (model.tree.last_leaf[paths] - model.tree.first_leaf[paths]).tolist()
    codes = model.tree.codes_of(paths, model.tree.depth).tolist()
    return [(place, tuple(path)) for place, path, many in zip(places, codes, below, strict=True) if many == 1]


def id_columns(model: TaskModel, places) -> list[str]:
    """IDs of documents as a model writes them; "" where it has none."""
    return model.answers(np.asarray(places), np.zeros(len(places))).get("id", pd.Series([""] * len(places))).tolist()


def ids_in_run(run: RunBrowser, doc_ids) -> list[str]:
    """A run's IDs, with suffix, of documents by their doc_id; "" for one that it does not hold."""
    doc_ids = [str(doc_id) for doc_id in doc_ids]
    marks = ", ".join("?" * len(doc_ids)) or "NULL"
    held = run.frame(f"SELECT doc_id, row FROM texts WHERE doc_id IN ({marks})", doc_ids)
    found = documents.fetch(run, held["row"].tolist(), 0)
    named = {row.doc_id: f"{row.id}#{row.suffix}" for row in found.itertuples()}
    return [named.get(doc_id, "") for doc_id in doc_ids]


def same_ids(model: TaskModel, run: RunBrowser) -> bool:
    """Whether a run has exactly the IDs that the model answers by."""
    ids = getattr(model, "ids_", None)
    if ids is None or run.bundle is None or len(ids) != run.documents or run.documents > COUNTED_UP_TO:
        return False
    own = run.parts[0]
    return own.codes.shape == ids.codes.shape and bool((own.codes == ids.codes).all())
