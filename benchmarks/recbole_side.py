"""RecBole's half of `recbole_agreement.py`; runs in an environment of its own and prints one JSON line a fit.

    python -m venv recbole
    recbole/bin/pip install torch numpy==1.26.4 "pandas<2.3" "scipy<1.14" "scikit-learn<1.6" pyyaml colorlog colorama \\
        tqdm tabulate texttable psutil thop plotly tensorboard
    recbole/bin/pip install --no-deps recbole==1.2.1      # ray and hyperopt are not needed
    recbole/bin/python benchmarks/recbole_side.py FOLDER --models SASRec HGN --seeds 0 1 2 --epochs 8

HGN stands here three times. "HGN-crossed" is what RecBole 1.2.1 has for BPR: the right item's vector is of the table
that predicts, the wrong one's of the table that reads histories, so that no step ever lowers an item in the table that
is ranked. "HGN" takes both from the table that predicts, as the paper does; "HGN-CE" is RecBole's default loss, which
has no wrong item of its own. --set tries one more setting, as in --set pooling_type='"max"'.

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
BPR = {"loss_type": "BPR", "train_neg_sample_args": {"distribution": "uniform", "sample_num": 1}}
OF_MODEL = {
    "HGN": BPR,
    "HGN-crossed": BPR,
    "HGN-CE": {"loss_type": "CE"},
    "GRU4Rec": {"loss_type": "CE", "hidden_size": 128},
    "BERT4Rec": {"loss_type": "CE", "mask_ratio": 0.3, "ft_ratio": 0.3, "transform": "mask_itemseq"},
    "SASRec": {"loss_type": "CE"},
    "FDSA": {"loss_type": "CE"},
}  # fmt: skip


def network_of(model: str) -> type:
    """RecBole's class; for "HGN" one whose BPR loss (L2 left out) takes right and wrong items from one table."""
    from recbole.utils import get_model

    if model != "HGN":
        return get_model(model.split("-")[0])

    class OneTable(get_model("HGN")):
        def calculate_loss(self, interaction):
            state = self.forward(interaction[self.ITEM_SEQ], interaction[self.USER_ID])
            rows = self.item_embedding_for_prediction
            scores = [(state * rows(interaction[name])).sum(-1) for name in (self.POS_ITEM_ID, self.NEG_ITEM_ID)]
            return self.loss_fct(*scores)

    return OneTable


def fit(folder: Path, model: str, seed: int, epochs: int, batch: int, more: dict) -> dict:
    from recbole.config import Config
    from recbole.data import create_dataset, data_preparation
    from recbole.utils import get_trainer, init_seed

    given = {"data_path": str(folder.resolve()), "seed": seed, "epochs": epochs, "train_batch_size": batch}
    settings = {**SHARED, **OF_MODEL[model], **given, **more}
    config = Config(model=model.split("-")[0], dataset="part", config_dict=settings)
    init_seed(seed, True)
    began = time.process_time()
    train, valid, test = data_preparation(config, create_dataset(config))
    network = network_of(model)(config, train.dataset).to(config["device"])
    trainer = get_trainer(config["MODEL_TYPE"], config["model"])(config, network)
    trainer.fit(train, valid, saved=False, show_progress=False)
    found = trainer.evaluate(test, load_best_model=False, show_progress=False)
    seconds = time.process_time() - began
    return {
        "side": "recbole",
        "model": model,
        "seed": seed,
        "seconds": seconds,
        **{k: float(v) for k, v in found.items()},
        **more,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--models", nargs="*", default=list(OF_MODEL))
    parser.add_argument("--seeds", nargs="*", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=8)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=JSON", help="further settings of RecBole's")
    args = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole reads the command line too
    more = {name: json.loads(value) for name, value in (pair.split("=", 1) for pair in args.set)}
    for seed in args.seeds:
        for model in args.models:
            found = fit(args.folder, model, seed, args.epochs, args.batch, more)
            with (args.folder / "results.jsonl").open("a", encoding="utf-8") as file:
                file.write(json.dumps(found | {"epochs": args.epochs}) + "\n")
            print(json.dumps(found), flush=True)


if __name__ == "__main__":
    main()
