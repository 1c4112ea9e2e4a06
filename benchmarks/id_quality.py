"""AMI of c1 with the leaf category: LMIndexer against k-means on the same encoder's embeddings, at equal K.

    python benchmarks/id_quality.py --data ../shared/data --out docs/results/id_quality.md

One line for each corpus, with and without category text, and K; means over seeds. Every finished run is kept in
--runs (JSON lines), so an interrupted benchmark goes on where it stopped. The baselines are, on the same frozen
encoder: k-means on unit-length mean-pooled states, and the first level of residual k-means, which is k-means on
the mean-pooled states as they are. The better of the two at each line is the one to beat.
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

AMAZON = ("amazon-beauty", "amazon-scientific", "amazon-office2014")
CORPORA = (*AMAZON, "wordnet")


def load(name: str, data: Path):
    from lmindexer.datasets import load_amazon, load_sample

    return load_amazon(data / name, name=name) if name in AMAZON else load_sample(name)


def run_one(task: dict) -> dict:
    """One corpus, text, K and seed: baselines and LMIndexer (T = 1: the position that is judged)."""
    import numpy as np
    import torch
    from sklearn.cluster import KMeans

    torch.set_num_threads(1)
    from lmindexer.indexers import LMIndexer
    from lmindexer.quality import category_agreement
    from lmindexer.quality.diagnostics import perplexity

    corpus = load(task["corpus"], Path(task["data"]))
    labels, size, seed = corpus.labels(), task["size"], task["seed"]
    settings = {"positions": 1, **task["settings"]}
    indexer = LMIndexer(codebook_size=size, seed=seed, category_text=task["category_text"], device="cpu", **settings)
    began = time.perf_counter()
    indexer.fit(corpus, progress=False)
    seconds = time.perf_counter() - began
    codes = indexer.ids_.codes[:, 0]
    found = {"lmindexer": codes}
    from lmindexer.training.encoding import pool

    encoded = indexer.encoded_
    unit = pool(encoded)
    offsets = encoded.tokens.offsets
    raw = np.add.reduceat(encoded.states.astype(np.float32), offsets[:-1]) / encoded.tokens.lengths[:, None]
    for name, rows in (("kmeans", unit), ("residual_kmeans", raw)):
        found[name] = KMeans(size, n_init=3, random_state=seed).fit_predict(rows)
    result = {k: task[k] for k in ("corpus", "category_text", "size", "seed")} | {"seconds": seconds}
    for name, codes in found.items():
        result[name] = {"ami": category_agreement(labels, codes).ami, "perplexity": perplexity(codes)}
    result["stages"] = stage_ami(indexer)
    return result


def stage_ami(indexer) -> dict:
    keep = ["stage", "epoch", "perplexity", "macro_f1", "reconstruction", "agreement", "anchor"]
    history = indexer.history_
    return json.loads(history[[c for c in keep if c in history]].to_json(orient="records"))


def table(results: list[dict]) -> str:
    import pandas as pd

    rows = []
    for r in results:
        flat = {k: r[k] for k in ("corpus", "category_text", "size", "seed", "seconds")}
        for name in ("kmeans", "residual_kmeans", "lmindexer"):
            flat |= {f"{name}_ami": r[name]["ami"], f"{name}_perplexity": r[name]["perplexity"]}
        rows.append(flat)
    frame = pd.DataFrame(rows)
    lines = [
        "| corpus | category text | K | seeds | k-means AMI | residual k-means, level 1 | LMIndexer AMI | ratio "
        "| target | perplexity k-means | LMIndexer | met |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    for (corpus, text, size), group in frame.groupby(["corpus", "category_text", "size"], sort=False):
        mean, sd = group.mean(numeric_only=True), group.std(numeric_only=True)
        best = max(("kmeans", "residual_kmeans"), key=lambda name: mean[f"{name}_ami"])
        ratio = mean["lmindexer_ami"] / mean[f"{best}_ami"]
        target = 1.2 if corpus == "amazon-beauty" and text else 1.0
        share = mean["lmindexer_perplexity"] / mean[f"{best}_perplexity"]
        met = "yes" if ratio >= target and share >= 0.9 else "**no**"
        lines.append(
            f"| {corpus} | {'with' if text else 'without'} | {size} | {len(group)} "
            f"| {mean['kmeans_ami']:.3f} ± {sd['kmeans_ami']:.3f} "
            f"| {mean['residual_kmeans_ami']:.3f} ± {sd['residual_kmeans_ami']:.3f} "
            f"| {mean['lmindexer_ami']:.3f} ± {sd['lmindexer_ami']:.3f} | {ratio:.2f} | {target:.1f} "
            f"| {mean[f'{best}_perplexity']:.0f} | {mean['lmindexer_perplexity']:.0f} | {met} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--corpora", nargs="*", default=CORPORA)
    parser.add_argument("--sizes", nargs="*", type=int, default=[64, 256])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--text", nargs="*", choices=["with", "without"], default=["with", "without"])
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE", help="settings of LMIndexer")
    parser.add_argument("--runs", type=Path, default=Path("runs/id_quality.jsonl"))
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    settings = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in args.set)}
    keys = ("corpus", "category_text", "size", "seed")
    args.runs.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in args.runs.read_text().splitlines()] if args.runs.exists() else []
    have = {tuple(r[k] for k in keys) for r in done}
    tasks = [
        {"corpus": c, "category_text": t == "with", "size": k, "seed": s, "data": str(args.data), "settings": settings}
        for s in args.seeds
        for c in args.corpora
        for t in args.text
        for k in args.sizes
    ]
    tasks = [task for task in tasks if tuple(task[k] for k in keys) not in have]
    with ProcessPoolExecutor(args.processes) as pool, args.runs.open("a") as out:
        futures = [pool.submit(run_one, task) for task in tasks]
        for number, future in enumerate(as_completed(futures), 1):
            result = future.result()
            out.write(json.dumps(result) + "\n")
            out.flush()
            done.append(result)
            what = {k: result[k] for k in keys}
            print(f"{number}/{len(tasks)}", what, f"{result['lmindexer']['ami']:.3f}", file=sys.stderr)
    done.sort(key=lambda r: (list(args.corpora).index(r["corpus"]), not r["category_text"], r["size"], r["seed"]))
    print(table(done))


if __name__ == "__main__":
    main()
