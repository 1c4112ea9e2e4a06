"""What stands in for queries of documents that have none: an ablation over the kinds of pseudo-queries.

    python benchmarks/pseudo_queries.py attack --sample 5000,500,800 --seeds 0,1,2

Each kind (nothing, the document itself, titles, spans of words, key phrases, and documents with spans) in the
generative retriever with rows of the node and with shared rows, on one split; everything else is the same.
"""

import argparse

import numpy as np

import lmindexer as lmi
from lmindexer.tasks.search import GenerativeRetriever, Retrieval

KINDS = ((), ("document",), ("title",), ("spans",), ("phrases",), ("document", "spans"))
FORMS = {"nodes": {"rows": 16}, "codes": {}}


def main(given) -> None:
    """A line for each form and kind: validation and test, the mean over seeds."""
    corpus = lmi.load_sample(given.name)
    task = Retrieval(corpus)
    task = task if given.sample is None else task.sample(*map(int, given.sample.split(",")))
    print(task)
    print("| form | pseudo-queries | validation NDCG@10 | test NDCG@10 | ± | test R@10 |\n|---|---|---|---|---|---|")
    for form in given.forms:
        for kinds in KINDS:
            models = [
                GenerativeRetriever(ids(form, len(corpus), seed), form, pseudo=kinds, seed=seed, **FORMS[form]).fit(
                    task, progress=False
                )
                for seed in map(int, given.seeds.split(","))
            ]
            found = {split: [values(task, model, split) for model in models] for split in ("validation", "test")}
            ndcg, recall = np.array(found["test"]).T
            spread = f"{ndcg.std(ddof=1):.4f}" if len(ndcg) > 1 else ""
            validation = np.mean(found["validation"], axis=0)[0]
            name = ", ".join(kinds) or "none"
            print(
                f"| {form} | {name} | {validation:.4f} | {ndcg.mean():.4f} | {spread} | {recall.mean():.4f} |",
                flush=True,
            )


def ids(form: str, documents: int, seed: int) -> lmi.ResidualKMeansIndexer:
    """Those of the study's best lines: `lmindexer.studies.search.lines`."""
    few = documents <= 4_000
    sizes = [32 if few else 256] if form == "nodes" else [16 if few else 256] * 3
    return lmi.ResidualKMeansIndexer(positions=len(sizes), codebook_size=sizes, seed=seed)


def values(task: Retrieval, model: GenerativeRetriever, split: str) -> tuple[float, float]:
    """NDCG@10 and Recall@10 of a model's own ranking; shared rows with ties in the order of the vectors."""
    view = "ties" if "ties" in (views := model.rank(split)) else "all"
    measured = lmi.tasks.measure(views[view], task.judgements(split), ("NDCG@10", "Recall@10"))
    return tuple(float(one.mean()) for one in measured.values())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", choices=lmi.list_samples(), help="a sample with queries")
    parser.add_argument("--sample", metavar="TRAIN,VALIDATION,TEST", help="so many queries of each split")
    parser.add_argument("--seeds", default="0", help="with commas")
    parser.add_argument("--forms", nargs="+", choices=list(FORMS), default=list(FORMS))
    main(parser.parse_args())
