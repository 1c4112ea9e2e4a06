"""RecBole's half of `recbole_agreement.py`; runs in an environment of its own and prints one JSON line a fit.

    python -m venv recbole
    recbole/bin/pip install torch numpy==1.26.4 "pandas<2.3" "scipy<1.14" "scikit-learn<1.6" pyyaml colorlog colorama \\
        tqdm tabulate texttable psutil thop plotly tensorboard
    recbole/bin/pip install --no-deps recbole==1.2.1      # ray and hyperopt are not needed
    recbole/bin/python benchmarks/recbole_side.py FOLDER --models SASRec HGN --seeds 0 1 2 --epochs 8

FOLDER is what `recbole_agreement.py prepare` wrote. Saving is off, so that no checkpoint is loaded again (which
RecBole 1.2.1 cannot with torch ≥ 2.6); the last epoch's model is tested, as on the other side.
"""

import argparse
import json
import sys
import time
from pathlib import Path

SHARED = {
    "field_separator": "\t",
    "USER_ID_FIELD": "user_id",
    "ITEM_ID_FIELD": "item_id",
    "TIME_FIELD": "timestamp",
    "load_col": {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "categories"]},
    "selected_features": ["categories"],
    "pooling_mode": "sum",
    "eval_args": {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full", "group_by": "user"},
    "metrics": ["Recall", "NDCG"],
    "topk": [5, 10],
    "valid_metric": "NDCG@10",
    "MAX_ITEM_LIST_LENGTH": 20,
    "train_neg_sample_args": None,
    "eval_batch_size": 1024,
    "learning_rate": 1e-3,
    "hidden_size": 64,
    "embedding_size": 64,
    "inner_size": 256,
    "n_layers": 2,
    "n_heads": 2,
    "hidden_dropout_prob": 0.2,
    "attn_dropout_prob": 0.2,
    "dropout_prob": 0.2,
    "num_layers": 1,
    "use_gpu": False,
    "state": "ERROR",
    "show_progress": False,
    "stopping_step": 10_000,
    "reproducibility": True,
}
OF_MODEL = {
    "HGN": {
        "loss_type": "BPR",
        "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1},
        "reg_weight": [0, 0],
    },
    "GRU4Rec": {"loss_type": "CE", "hidden_size": 128},
    "BERT4Rec": {"loss_type": "CE", "mask_ratio": 0.3, "ft_ratio": 0.3, "transform": "mask_itemseq"},
    "SASRec": {"loss_type": "CE"},
    "FDSA": {"loss_type": "CE"},
}  # fmt: skip


def fit(folder: Path, model: str, seed: int, epochs: int, batch: int) -> dict:
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_model, get_trainer, init_seed

    given = {"data_path": str(folder.resolve()), "seed": seed, "epochs": epochs, "train_batch_size": batch}
    config = Config(model=model, dataset="part", config_dict={**SHARED, **OF_MODEL[model], **given})
    init_seed(seed, True)
    began = time.process_time()
    train, valid, test = data_preparation(config, create_dataset(config))
    network = get_model(model)(config, train.dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], model)(config, network)
    trainer.fit(train, valid, saved=False, show_progress=False)
    found = trainer.evaluate(test, load_best_model=False, show_progress=False)
    seconds = time.process_time() - began
    return {
        "side": "recbole",
        "model": model,
        "seed": seed,
        "seconds": seconds,
        **{k: float(v) for k, v in found.items()},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="*", default=list(OF_MODEL))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=256)
    args = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole reads the command line too
    for seed in args.seeds:
        for model in args.models:
            found = fit(args.folder, model, seed, args.epochs, args.batch)
            with (args.folder / "results.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(found | {"epochs": args.epochs}) + "\n")
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
