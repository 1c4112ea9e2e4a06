"""Documents never seen in training: are they found once they are added? One line a form of the generative retriever.

    python benchmarks/unseen_documents.py attack --train 5000

A tenth of the documents is held out, with all their queries; IDs and retriever are fitted on the rest, the held-out
documents are added by `GenerativeRetriever.add` (IDs by `encode`, nothing is trained), and all test queries are asked.
"""

import argparse
import time

import numpy as np
import pandas as pd
import torch

import lmindexer as lmi
from lmindexer.corpus.relations import Queries
from lmindexer.tasks.metrics import Judgements, measure
from lmindexer.tasks.search import GenerativeRetriever, Retrieval

METRICS = ("Recall@1", "Recall@10", "NDCG@10")


def held_out(corpus: lmi.Corpus, share: float, seed: int) -> np.ndarray:
    """bool [N]: documents that come later."""
    random = np.random.default_rng(seed)
    found = np.zeros(len(corpus), bool)
    found[random.permutation(len(corpus))[: round(share * len(corpus))]] = True
    return found


def fewer(queries: Queries, most: int, seed: int) -> Queries:
    """At most `most` of the training queries."""
    frame = queries.frame
    train = frame[frame["split"] == "train"]
    dropped = train.index[np.random.default_rng(seed).permutation(len(train))[most:]]
    return Queries.from_frame(frame.drop(index=dropped))


def measured(model: GenerativeRetriever, frame: pd.DataFrame, view: str) -> str:
    """Metrics of the queries of `frame` (query_id, text, doc_id), with every judged document counted."""
    names = frame["query_id"].drop_duplicates()
    place = pd.Index(model.task_.corpus.doc_ids).get_indexer(frame["doc_id"])
    judged = Judgements(pd.Index(names).get_indexer(frame["query_id"]), place, np.ones(len(frame)), len(names))
    texts = frame.drop_duplicates("query_id")["text"].tolist()
    found = measure(model.rank_views(texts, 50)[view], judged, METRICS)
    return " | ".join(f"{found[name].mean():.4f}" for name in METRICS)


def main(given) -> None:
    """One line a form and view: queries of documents seen in training, and of those that were added."""
    corpus = lmi.load_sample(given.sample)
    later = held_out(corpus, given.share, given.seed)
    first, new = corpus.take(np.flatnonzero(~later)), corpus.take(np.flatnonzero(later))
    test = corpus.queries.frame[corpus.queries.frame["split"] == "test"]
    is_new = test["query_id"].isin(test.loc[test["doc_id"].isin(new.doc_ids), "query_id"])
    task = Retrieval(first, fewer(corpus.queries.within(first), given.train, given.seed))
    print(f"{task}; {len(new)} documents added; test queries {(~is_new).sum()} of seen, {is_new.sum()} of added ones")
    forms = [
        ("nodes", "texts alone", {"query_weight": 0}),
        ("nodes", "and training queries", {}),
        ("nodes", "rows learned", {"learn_rows": True, "query_weight": 0}),
        ("prefix", "", {}),
        ("codes", "", {}),
    ]
    for form, said, settings in forms:
        sizes = [32] if form == "nodes" else [16, 16, 16]
        indexer = lmi.ResidualKMeansIndexer(positions=len(sizes), codebook_size=sizes, seed=given.seed)
        model = GenerativeRetriever(indexer, form, rows=16, seed=given.seed, **settings).fit(task, progress=False)
        began = time.process_time()
        model.add(new)
        cost = 1000 * (time.process_time() - began) / len(new)
        for view in ("all", "hybrid") if form == "nodes" else ("all", "ties", "hybrid"):
            name = ", ".join(filter(None, (form, said, view)))
            print(
                f"| {name} | {measured(model, test[~is_new], view)} | {measured(model, test[is_new], view)} "
                f"| {cost:.1f} ms |",
                flush=True,
            )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sample", nargs="?", default="attack")
    parser.add_argument("--share", type=float, default=0.1)
    parser.add_argument("--train", type=int, default=5_000)
    parser.add_argument("--seed", type=int, default=0)
    torch.set_num_threads(1)
    main(parser.parse_args())
