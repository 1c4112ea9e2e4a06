"""Which words position 1 asks for: AMI by `salience_floor`, and what the words it asks for say in nats.

    python benchmarks/salience_floor.py --data ../shared/data --corpora amazon-office2014 amazon-beauty
    python benchmarks/salience_floor.py --corpora wordnet --floors 0.25      # held out: not for choosing
    python benchmarks/salience_floor.py --nats data_samples/runs/wordnet

A word is asked for at a position with P prefixes where it occurs in at least floor · N / P documents. The first form
fits T = 1, K = 64 without category text, one line a corpus, floor and seed; a finished line is kept in --runs (JSON
lines) and not made again. The second takes a finished run: mean log-probability of the hidden words of 500 documents,
by the reconstructor with the code, by the one that has the hints alone, and by the shares of documents that hold a
word, over all words and over those that training asked for.
"""

import argparse
import json
from pathlib import Path

import numpy as np

DOCUMENTS, HINT_SHARE = 500, 0.1


def fit(corpus_name: str, floor: float, seed: int, size: int, data: Path) -> dict:
    from id_quality import load

    from lmindexer.indexers import LMIndexer
    from lmindexer.quality import category_agreement, evaluate_ids

    corpus = load(corpus_name, data)
    indexer = LMIndexer(
        positions=1, codebook_size=size, seed=seed, category_text=False, salience_floor=floor, device="cpu"
    ).fit(corpus, progress=False)
    history = indexer.history_
    discrete = history[history["stage"] == "discrete"].iloc[-1]
    codes = indexer.ids_.codes[:, 0]
    return {
        "corpus": corpus_name, "floor": floor, "seed": seed, "size": size,
        "ami": category_agreement(corpus.labels(), codes).ami,
        "perplexity": evaluate_ids(indexer.ids_, corpus).perplexity[0],
        "asked_words": int(discrete["asked_words"]), "words": len(indexer.vocabulary_),
        "documents_unasked": float(discrete["documents_unasked"]), "macro_f1": float(discrete["macro_f1"]),
    }  # fmt: skip


def nats(run: Path) -> list[dict]:
    """Mean log-probability of hidden words, over all words of the vocabulary and over those that were asked for."""
    import torch

    from lmindexer.indexers import load_indexer
    from lmindexer.model.hints import draw_hints
    from lmindexer.training.training import salience_at

    indexer = load_indexer(run)
    model, settings, vocabulary = indexer.model_.eval(), indexer._settings, indexer.vocabulary_
    chosen = np.sort(np.random.default_rng(0).choice(len(indexer.corpus_), DOCUMENTS, replace=False))
    encoded = indexer.encoded(indexer.corpus_.take(chosen))
    held = torch.from_numpy(vocabulary.documents).float().clamp(min=1).log()
    found = {}
    for number in range(len(encoded)):
        documents = encoded.batch(torch.tensor([number]))
        everything = torch.ones(len(vocabulary))
        generator = torch.Generator().manual_seed(number)
        hints = draw_hints(documents.words, documents.present, everything, HINT_SHARE, "document", generator=generator)
        words = documents.words[0][~hints.visible[0, 0]]
        words = words[torch.from_numpy(~vocabulary.special)[words]]
        with torch.no_grad():
            codes, _, _ = model.assign(documents, settings.positions)
            guesses = {
                "with the code": model.reconstruct(model.rows(codes), documents, hints)[0, 0],
                "hints alone": model.reconstruct_from_hints(documents, hints)[0, 0],
                "document frequencies": held,
            }
        for scope, kept in (("all", torch.ones(len(vocabulary), dtype=torch.bool)),
                            ("asked", salience_at(vocabulary, settings, settings.positions) > 0)):  # fmt: skip
            of_scope = words[kept[words]]
            for name, logits in guesses.items():
                logs = torch.where(kept, logits.float(), -torch.inf).log_softmax(-1)[of_scope]
                found.setdefault((scope, name), []).extend(logs.tolist())
    return [{"words": scope, "said by": name, "nats": float(np.mean(v)), "hidden words": len(v)}
            for (scope, name), v in found.items()]  # fmt: skip


def table(found: list[dict]) -> str:
    import pandas as pd

    frame = pd.DataFrame(found)
    lines = ["| corpus | K | floor | seeds | words asked for | documents without one | AMI c1, leaf | perplexity |",
             "|---|---|---|---|---|---|---|---|"]  # fmt: skip
    for (corpus, size, floor), group in frame.groupby(["corpus", "size", "floor"], sort=False):
        spread = f" ± {group['ami'].std():.3f}" if len(group) > 1 else ""
        lines.append(
            f"| {corpus} | {size} | {floor:g} | {len(group)} | {group['asked_words'].iloc[0]:,} of "
            f"{group['words'].iloc[0]:,} | {group['documents_unasked'].iloc[0]:.1%} "
            f"| {group['ami'].mean():.3f}{spread} | {group['perplexity'].mean():.0f} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=Path("../shared/data"))
    parser.add_argument("--corpora", nargs="*", default=["amazon-office2014", "amazon-beauty"])
    parser.add_argument("--floors", nargs="*", type=float, default=[0.25, 0.1, 0.05])
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1])
    parser.add_argument("--size", type=int, default=64)
    parser.add_argument("--runs", type=Path, default=Path("runs/salience_floor.jsonl"))
    parser.add_argument("--nats", type=Path, metavar="RUN")
    args = parser.parse_args()
    if args.nats is not None:
        print(json.dumps(nats(args.nats), indent=1))
        return
    args.runs.parent.mkdir(parents=True, exist_ok=True)
    done = [json.loads(line) for line in args.runs.read_text().splitlines()] if args.runs.exists() else []
    have = {(r["corpus"], r["floor"], r["seed"], r["size"]) for r in done}
    for seed in args.seeds:
        for corpus in args.corpora:
            for floor in args.floors:
                if (corpus, floor, seed, args.size) not in have:
                    done.append(fit(corpus, floor, seed, args.size, args.data))
                    with args.runs.open("a") as out:
                        out.write(json.dumps(done[-1]) + "\n")
    print(table(sorted(done, key=lambda r: (r["corpus"], r["size"], -r["floor"], r["seed"]))))


if __name__ == "__main__":
    main()
