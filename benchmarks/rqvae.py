"""RQ-VAE beside residual k-means on the same embeddings: agreement with the categories, use of the codes, time.

    python benchmarks/rqvae.py --data ../shared/data

One line for each corpus and K, T = 3, means over seeds. Finished fits are kept in --runs (JSON lines), so an
interrupted benchmark goes on where it stopped; --set tries other settings of the RQ-VAE (give another --runs then).
"""

import argparse
import json
import os
import sys
from pathlib import Path

from id_quality import load

METHODS = {"rqvae": "RQ-VAE", "residual_kmeans": "residual k-means"}


def run_one(task: dict) -> dict:
    """One fit and what came of it."""
    import torch

    torch.set_num_threads(1)
    from lmindexer.indexers import INDEXERS
    from lmindexer.quality import evaluate_ids

    corpus = load(task["corpus"], Path(task["data"]))
    settings = task["settings"] if task["method"] == "rqvae" else {}
    given = {"codebook_size": task["size"], "category_text": task["category_text"], "seed": task["seed"]}
    indexer = INDEXERS[task["method"]](**{"positions": 3, **given, **settings}).fit(corpus, progress=False)
    quality = evaluate_ids(indexer.ids_, corpus).to_frame()
    unique = len(set(indexer.ids_.strings())) / len(corpus)
    return {name: task[name] for name in KEYS} | {
        "ami": quality["ami"].tolist(),
        "perplexity": quality["perplexity"].tolist(),
        "distinct": unique,
        "seconds": indexer.timings_["codes"],
        "used": [int((book_use > 0).sum()) for book_use in _use(indexer)],
    }


def _use(indexer):
    import numpy as np

    codes = indexer.ids_.codes
    return [np.bincount(codes[:, t], minlength=size) for t, size in enumerate(indexer.codebook_sizes)]


KEYS = ("corpus", "category_text", "size", "method", "seed")


def table(results: list[dict]) -> str:
    """The results as Markdown, means ± standard deviations over seeds."""
    import numpy as np

    lines = [
        "| corpus | category text | K | method | seeds | AMI c¹ | AMI c¹c² | perplexity c¹ / c² / c³ | codes in use "
        "| distinct IDs per document | seconds |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    groups: dict[tuple, list[dict]] = {}
    for result in results:
        groups.setdefault(tuple(result[name] for name in KEYS[:-1]), []).append(result)
    for (corpus, text, size, method), group in groups.items():

        def mean(name, group=group):
            return np.mean([np.array(result[name], dtype=float) for result in group], axis=0)

        ami, spread = mean("ami"), np.std([result["ami"] for result in group], axis=0, ddof=min(1, len(group) - 1))
        lines.append(
            f"| {corpus} | {'with' if text else 'without'} | {size} | {METHODS[method]} | {len(group)} "
            f"| {_with_spread(ami[0], spread[0], group)} | {_with_spread(ami[1], spread[1], group)} "
            f"| {' / '.join(f'{value:.0f}' for value in mean('perplexity'))} "
            f"| {' / '.join(f'{value:.0f}' for value in mean('used'))} "
            f"| {mean('distinct'):.3f} | {mean('seconds'):.0f} |"
        )
    return "\n".join(lines)


def _with_spread(mean: float, spread: float, group: list) -> str:
    return f"{mean:.3f} ± {spread:.3f}" if len(group) > 1 else f"{mean:.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--corpora", nargs="*", default=["amazon-beauty", "amazon-office2014"])
    parser.add_argument("--sizes", nargs="*", type=int, default=[64, 256])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--text", nargs="*", choices=["with", "without"], default=["without"])
    parser.add_argument("--methods", nargs="*", choices=METHODS, default=list(METHODS))
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of the RQ-VAE")
    parser.add_argument("--runs", type=Path, default=Path("runs/rqvae.jsonl"))
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    settings = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in args.set)}
    args.runs.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in args.runs.read_text().splitlines()] if args.runs.exists() else []
    have = {tuple(result[name] for name in KEYS) for result in done}
    tasks = [
        dict(zip(KEYS, (corpus, text == "with", size, method, seed), strict=True))
        for seed in args.seeds
        for corpus in args.corpora
        for text in args.text
        for size in args.sizes
        for method in args.methods
    ]
    for task in tasks:
        if tuple(task[name] for name in KEYS) in have:
            continue
        result = run_one(task | {"data": str(args.data), "settings": settings})
        with args.runs.open("a") as out:
            out.write(json.dumps(result) + "\n")
        done.append(result)
        print(json.dumps(result), file=sys.stderr, flush=True)
    order = {json.dumps([task[name] for name in KEYS]): place for place, task in enumerate(tasks)}
    done.sort(key=lambda result: order.get(json.dumps([result[name] for name in KEYS]), len(tasks)))
    print(table(done))


if __name__ == "__main__":
    main()
