"""Make the bundled runs of task models again: recommendation and search on ATT&CK, with the bundled run's IDs.

    python data_samples/runs/build_tasks.py

About two minutes on one core. Small on purpose: they show what the explorer's task pages look like. What the methods
reach when each is given its due is in docs/results.
"""

import sys
from pathlib import Path

from lmindexer.datasets import load_sample
from lmindexer.indexers import load_indexer
from lmindexer.tasks.recommendation import GenerativeRecommender, ItemKNN, Recommendation, SASRec
from lmindexer.tasks.search import BM25, DualEncoder, GenerativeRetriever, Retrieval

HERE = Path(__file__).resolve().parent
SEEDS = (0, 1)


def main(folder: Path = HERE) -> None:
    """Fit every model and write its run into `folder`."""
    corpus, indexer = load_sample("attack"), load_indexer(HERE / "attack")
    recommendation, search = Recommendation(corpus), Retrieval(corpus)
    for seed in SEEDS:
        model = GenerativeRecommender(indexer, name="Generative, LMIndexer IDs", seed=seed, dim=48, text_dims=48)
        keep(model, recommendation, folder / f"attack-recommend-{seed}")
    keep(ItemKNN(), recommendation, folder / "attack-knn")
    keep(SASRec(name="SASRec", seed=SEEDS[0], dim=32), recommendation, folder / "attack-sasrec")
    generative = GenerativeRetriever(indexer, "nodes", rows=1, name="generative, LMIndexer IDs")
    keep(generative, search, folder / "attack-search")
    keep(BM25(), search, folder / "attack-bm25")
    keep(DualEncoder("frozen"), search, folder / "attack-dense")


def keep(model, task, folder: Path) -> None:
    """Fit and save; rankings stay short, for the files' sake."""
    model.fit(task, progress=False).save(folder, depth=20)
    print(folder.name, f"{sum(path.stat().st_size for path in folder.rglob('*') if path.is_file()) / 1e6:.2f} MB")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
