"""Do the baselines reach what RecBole 1.2.1 reaches at the same settings, on the same users?

    python benchmarks/recbole_agreement.py prepare FOLDER --source ../shared/data/amazon-beauty --core 8
    python benchmarks/recbole_agreement.py ours FOLDER --seeds 0 1 2 --epochs 32
    recbole/bin/python benchmarks/recbole_side.py FOLDER --seeds 0 1 2 --epochs 8       # see there
    python benchmarks/recbole_agreement.py compare FOLDER

The part: users and items that have at least `--core` interactions within it, so that few epochs teach something.
Both sides: all of a user's items but the last two train, the second last validates, the last is tested among all
items of the part, those of the history included; histories of 20, Adam at 1e-3 without decay, the last epoch's model.
RecBole's batch has 256 histories, one target each, of as many users; ours 256 targets of some 14 users, read at once
(but HGN, which reads a window a target on both sides).
So an epoch has as many steps and costs a sixteenth of the time, but its gradients are noisier: hence more epochs.
"""

import argparse
import json
from pathlib import Path

SAME = {
    "max_history": 20,
    "learning_rate": 1e-3,
    "weight_decay": 0.0,
    "warmup_steps": 0,
    "schedule": "constant",
    "clip": None,
    "patience": 0,
}
OF_MODEL = {
    "HGN": {"loss": "bpr", "dropout": 0.0},
    "HGN-crossed": {"loss": "bpr", "dropout": 0.0},
    "HGN-CE": {"loss": "cross_entropy", "dropout": 0.0},
    "GRU4Rec": {"loss": "cross_entropy", "hidden": 128, "tied": True},
    "BERT4Rec": {"loss": "cross_entropy", "hidden_share": 0.3, "last_share": 0.3},
    "SASRec": {"loss": "cross_entropy"},
    "FDSA": {"loss": "cross_entropy", "text": None},
}


def prepare(folder: Path, source: Path, core: int) -> None:
    """Write the part as RecBole's atomic files, and where it comes from."""
    import numpy as np

    task = task_of_source(source, core)
    part = folder / "part"
    part.mkdir(parents=True, exist_ok=True)
    (folder / "source.json").write_text(json.dumps({"source": str(source), "core": core}), encoding="utf-8")
    rows = [
        f"{task.users[row]}\t{task.corpus.doc_ids[item]}\t{place}"
        for row in range(len(task.users))
        for place, item in enumerate(task.all[row])
    ]
    head = "user_id:token\titem_id:token\ttimestamp:float\n"
    (part / "part.inter").write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
    labels = np.unique(np.concatenate([task.corpus.labels(level) for level in range(1, task.corpus.levels + 1)]))
    number = {label: f"c{index}" for index, label in enumerate(labels)}
    items = []
    for row, doc_id in enumerate(task.corpus.doc_ids):
        paths = dict.fromkeys(task.corpus.labels(level)[row] for level in range(1, task.corpus.levels + 1))
        items.append(f"{doc_id}\t{' '.join(number[path] for path in paths)}")
    (part / "part.item").write_text("item_id:token\tcategories:token_seq\n" + "\n".join(items) + "\n", encoding="utf-8")
    print(task)


def task_of_source(source: Path, core: int):
    """The task of the part in which every user and every item has at least `core` interactions."""
    import numpy as np

    from lmindexer.datasets import load_folder
    from lmindexer.tasks.recommendation import Recommendation

    corpus = load_folder(source)
    kept, before = corpus.interactions.frame, 0
    while len(kept) != before:  # what leaves may take others below the bound
        before = len(kept)
        for column in ("doc_id", "user_id"):
            kept = kept[kept.groupby(column)[column].transform("size") >= core]
    part = corpus.take(np.flatnonzero(np.isin(corpus.doc_ids, kept["doc_id"].unique())))
    part.interactions = type(corpus.interactions).from_frame(kept)
    return Recommendation(part)


def model_of(name: str, settings: dict):
    """The model of a name; "HGN-crossed" has the loss that RecBole 1.2.1 has for HGN's BPR (see recbole_side.py)."""
    from torch.nn import functional as F

    from lmindexer.tasks import recommendation

    if name != "HGN-crossed":
        return getattr(recommendation, name.split("-")[0])(**settings)

    class Crossed(recommendation.HGN):
        def _loss(self, batch, targets):
            states, read = self.network(batch)[:, 0], self.network.items.weight
            wrong = (targets + targets.new_empty(len(targets)).random_(1, self._items)) % self._items
            right = (states * self.network.rows()[targets]).sum(-1)
            return F.softplus((states * read[wrong]).sum(-1) - right).mean()

    return Crossed(**settings)


def ours(folder: Path, models: list[str], seeds: list[int], epochs: int, batch: int) -> None:
    given = json.loads((folder / "source.json").read_text(encoding="utf-8"))
    task = task_of_source(Path(given["source"]), given["core"])
    names = ["Recall@5", "Recall@10", "NDCG@5", "NDCG@10"]
    for seed in seeds:
        for name in models:
            settings = (
                SAME | OF_MODEL[name] | {"epochs": epochs, "validate_every": epochs, "targets": batch, "seed": seed}
            )
            model = model_of(name, settings).fit(task, progress=False)
            found = task.evaluate([model], metrics=names)
            figures = {one.lower(): float(found.seeds_of(model.name, one)[0].mean()) for one in names}
            row = {
                "side": "ours",
                "model": name,
                "seed": seed,
                "seconds": model.timings_["fit"],
                **figures,
                "epochs": epochs,
            }
            with (folder / "results.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
            print(json.dumps(row), flush=True)


def compare(folder: Path) -> None:
    """A table: mean and standard deviation over seeds of both sides, and whether they lie within RecBole's spread."""
    import pandas as pd

    rows = [json.loads(line) for line in (folder / "results.jsonl").read_text(encoding="utf-8").splitlines()]
    frame = pd.DataFrame(rows)
    print("| model | R@10: RecBole · ours | N@10: RecBole · ours | difference | 2 sd of RecBole | epochs | seconds |")
    print("|---|---|---|---|---|---|---|")
    for model, both in frame.groupby("model"):
        if both["side"].nunique() < 2:
            continue
        sides = [both[both["side"] == side] for side in ("recbole", "ours")]
        cells = [_both(sides, name) for name in ("recall@10", "ndcg@10")]
        means = [side["recall@10"].mean() for side in sides]
        cells += [f"{means[1] - means[0]:+.4f}", f"{2 * sides[0]['recall@10'].std():.4f}"]
        cells += [" · ".join(f"{side[name].mean():.0f}" for side in sides) for name in ("epochs", "seconds")]
        print("| " + " | ".join([model, *cells]) + " |")


def _both(sides, name: str) -> str:
    return " · ".join(f"{side[name].mean():.4f} ± {side[name].std():.4f} ({len(side)})" for side in sides)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["prepare", "ours", "compare"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--source", type=Path, default=Path("../shared/data/amazon-beauty"))
    parser.add_argument("--core", type=int, default=8)
    parser.add_argument("--models", nargs="*", default=list(OF_MODEL))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=32)
    parser.add_argument("--batch", type=int, default=256, help="right items a step, about")
    args = parser.parse_args()
    if args.what == "prepare":
        prepare(args.folder, args.source, args.core)
    elif args.what == "ours":
        ours(args.folder, args.models, args.seeds, args.epochs, args.batch)
    else:
        compare(args.folder)


if __name__ == "__main__":
    main()
