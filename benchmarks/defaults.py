"""What each default is worth: one change at a time from the `minilm` preset, T = 3, on a corpus for choosing.

    python benchmarks/defaults.py --data ../shared/data --seeds 0 1

Office Products (Amazon 2014) and Beauty were looked at while defaults were chosen; Scientific and WordNet were
not, so docs/results/id_quality.md reports those two as held out. Finished runs are kept in --runs (JSON lines).
"""

import argparse
import json
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

VARIANTS: dict[str, dict] = {
    "default": {},
    "no lexical start": {"lexical_weight": 0.0},
    "start='none' (slides)": {"start": "none", "lexical_weight": 0.0, "temperature": 1.0, "codebook_rate": 1.0},
    "no agreement": {"agreement": 0.0},
    "contrastive off": {"contrastive": "off"},
    "contrastive dot, weight 1, from position 2": {
        "contrastive": "dot",
        "contrastive_weight": 1.0,
        "contrastive_temperature": 1.0,
    },
    "contrastive dot, weight 1, from position 1 (slides)": {
        "contrastive": "dot",
        "contrastive_weight": 1.0,
        "contrastive_temperature": 1.0,
        "contrastive_from": 1,
    },
    "commitment off": {"commitment": 0.0},
    "no reconstructor warm-up": {"reconstructor_warmup": False},
    "no continuous stage": {"continuous": False},
    "random codebooks": {"codebook_init": "random"},
    "reconstruction off": {"reconstruction": 0.0},
    "hint share 0.5": {"hint_share": 0.5},
    "hint form 'target'": {"hint_form": "target"},
    "anchor 1": {"anchor": 1.0},
    "two decoder layers": {"decoder_layers": 2},
    "lexical rank 96": {"lexical_rank": 96},
}


def run_one(task: dict) -> dict:
    import torch

    torch.set_num_threads(1)
    from id_quality import load

    from lmindexer.indexers import LMIndexer
    from lmindexer.quality import category_agreement, evaluate_ids

    corpus = load(task["corpus"], Path(task["data"]))
    began = time.perf_counter()
    indexer = LMIndexer(
        seed=task["seed"], category_text=task["category_text"], device="cpu", **VARIANTS[task["variant"]]
    ).fit(corpus, progress=False)
    seconds = time.perf_counter() - began
    quality = evaluate_ids(indexer.ids_, corpus)
    last = indexer.history_.iloc[-1]
    prefix = indexer.ids_.prefix_groups(2)[1]
    return {k: task[k] for k in ("variant", "corpus", "category_text", "seed")} | {
        "ami_c1": quality.ami(1),
        "ami_c1c2": category_agreement(corpus.labels(), prefix).ami,
        "prefixes_c1c2": int(prefix.max()) + 1,
        "perplexity": quality.perplexity,
        "within": quality.within_prefix_perplexity,
        "diff_ratio": quality.diff_ratio,
        "unique_share": quality.collisions.unique_share,
        "id_consistency": float(last["id_consistency"]),
        "macro_f1": float(last["macro_f1"]),
        "seconds": seconds,
    }


def table(results: list[dict]) -> str:
    import pandas as pd

    flat = [
        {
            **{k: r[k] for k in ("variant", "corpus", "category_text", "seed", "ami_c1", "ami_c1c2", "prefixes_c1c2")},
            **{f"p{t}": value for t, value in enumerate(r["perplexity"], 1)},
            "within2": r["within"][1],
            "diff2": r["diff_ratio"][1],
            **{k: r[k] for k in ("unique_share", "id_consistency", "macro_f1", "seconds")},
        }
        for r in results
    ]
    frame = pd.DataFrame(flat)
    names = {
        "ami_c1": "AMI c1",
        "ami_c1c2": "AMI c1c2",
        "prefixes_c1c2": "c1c2 prefixes",
        "p1": "perplexity c1",
        "p2": "c2",
        "p3": "c3",
        "within2": "within c1",
        "diff2": "diff ratio c2",
        "unique_share": "unique share",
        "id_consistency": "ID consistency",
        "macro_f1": "Macro-F1",
        "seconds": "seconds",
    }
    lines = []
    for (corpus, text), group in frame.groupby(["corpus", "category_text"], sort=False):
        lines += [f"\n### {corpus}, {'with' if text else 'without'} category text\n"]
        lines += ["| variant | " + " | ".join(names.values()) + " |", "|---|" + "---|" * len(names)]
        means = group.groupby("variant", sort=False)[list(names)].mean()
        for variant, row in means.iterrows():
            cells = [f"{row[c]:.0f}" if c in ("prefixes_c1c2", "seconds") else f"{row[c]:.3f}" for c in names]
            cells = [
                f"{row[c]:.1f}" if c in ("p1", "p2", "p3", "within2") else x for c, x in zip(names, cells, strict=True)
            ]
            lines.append(f"| {variant} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--corpora", nargs="*", default=["amazon-office2014"])
    parser.add_argument("--text", nargs="*", choices=["with", "without"], default=["without", "with"])
    parser.add_argument("--variants", nargs="*", default=list(VARIANTS))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--runs", type=Path, default=Path("runs/defaults.jsonl"))
    parser.add_argument("--processes", type=int, default=2)
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    keys = ("variant", "corpus", "category_text", "seed")
    args.runs.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in args.runs.read_text().splitlines()] if args.runs.exists() else []
    have = {tuple(r[k] for k in keys) for r in done}
    tasks = [
        {"variant": v, "corpus": c, "category_text": t == "with", "seed": s, "data": str(args.data)}
        for s in args.seeds  # outermost: a table cut short has whole seeds
        for c in args.corpora
        for t in args.text
        for v in args.variants
    ]
    tasks = [task for task in tasks if tuple(task[k] for k in keys) not in have]
    with ProcessPoolExecutor(args.processes) as pool, args.runs.open("a") as out:
        for future in as_completed([pool.submit(run_one, task) for task in tasks]):
            done.append(future.result())
            out.write(json.dumps(done[-1]) + "\n")
            out.flush()
            print(len(done), {k: done[-1][k] for k in (*keys, "ami_c1", "seconds")}, file=sys.stderr)
    done.sort(key=lambda r: (r["corpus"], r["category_text"], list(VARIANTS).index(r["variant"]), r["seed"]))
    print(table(done))


if __name__ == "__main__":
    main()
