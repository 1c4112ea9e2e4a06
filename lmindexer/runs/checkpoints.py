"""Checkpoints of an unfinished fit: one safetensors file, written aside and renamed, so that it is whole or absent."""

import json
import os
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lmindexer.common.errors import TrainingError

STATE = "state.safetensors"


class Checkpoints:
    """Where a fit left off. With folder=None nothing is kept.

    identity: what must be the same for a run to be taken up again: its settings and its corpus's fingerprint.
    """

    def __init__(self, folder: Path | None, identity: dict):
        self.folder, self.identity = folder, identity

    def write(self, training, stage_index: int, epoch: int, optimizer) -> None:
        """Keep the model, the optimiser, the codes written down so far and the history."""
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        tensors = {f"model.{name}": value for name, value in unshared(training.model).items()}
        tensors["codes"] = torch.from_numpy(np.ascontiguousarray(training.codes))
        if training.votes is not None and optimizer is not None:  # inside a stage; the next one begins with its own
            tensors["votes"] = torch.from_numpy(training.votes.codes)
        if optimizer is not None:
            for parameter, values in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer.{parameter}.{name}": value for name, value in values.items()}
        where = {"stage_index": stage_index, "epoch": epoch, "has_optimizer": optimizer is not None}
        kept = {"identity": self.identity, "history": training.history, "messages": training.messages, **where}
        aside = self.folder / f"{STATE}.{os.getpid()}.part"
        save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, aside, {"run": json.dumps(kept)})
        aside.replace(self.folder / STATE)

    def restore(self, training) -> tuple[int, int, dict | None]:
        """Put the last checkpoint back: (stage to go on with, epoch in it, optimiser state); (0, 0, None) if none."""
        path = self.folder and self.folder / STATE
        if not path or not path.exists():
            return 0, 0, None
        tensors, kept = read_state(path)
        check_identity(self.identity, kept["identity"], self.folder)
        model = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
        training.model.load_state_dict(model, strict=False)
        training.codes = tensors["codes"].numpy()
        training.history, training.messages = kept["history"], kept["messages"]
        training.kept_votes = tensors["votes"].numpy() if "votes" in tensors else None
        optimizer = optimizer_state(tensors) if kept["has_optimizer"] else None
        return kept["stage_index"], kept["epoch"], optimizer


def read_state(path: Path) -> tuple[dict, dict]:
    try:
        with safe_open(path, "pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["run"])  # noqa: SIM118
    except Exception as error:
        raise TrainingError(
            f"{path} is not a checkpoint that can be read ({type(error).__name__}). Delete the folder "
            f"{path.parent} to train from the start."
        ) from error


def check_identity(now: dict, then: dict, folder: Path) -> None:
    now = json.loads(json.dumps(now))
    if now == then:
        return
    for part in ("settings", "corpus"):
        old, new = then.get(part), now.get(part)
        if old != new:
            changed = sorted(k for k in new if old.get(k) != new[k]) if isinstance(new, dict) else [part]
            raise TrainingError(
                f"{folder} holds an unfinished run with other {part} (differs: {', '.join(changed)}). Use the same "
                "ones to go on with it, choose another run folder, or pass resume=False to begin anew."
            )


def optimizer_state(tensors: dict) -> dict:
    state: dict = {}
    for name, value in tensors.items():
        if name.startswith("optimizer."):
            _, parameter, key = name.split(".", 2)
            state.setdefault(int(parameter), {})[key] = value
    return state


def unshared(model) -> dict:
    """state_dict with each tensor once: safetensors refuses tied weights, and loading ties them again."""
    seen, kept = set(), {}
    for name, value in model.state_dict().items():
        key = (value.data_ptr(), value.shape)
        if value.numel() and key in seen:
            continue
        seen.add(key)
        kept[name] = value
    return kept
