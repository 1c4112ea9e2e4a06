"""Checkpoints of an unfinished fit: one safetensors file, written aside and renamed, so that it is whole or absent."""

import json
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file

from lmindexer.common.errors import TrainingError
from lmindexer.common.files import written_aside
from lmindexer.common.processes import processes
from lmindexer.settings.rules import with_effect

STATE = "state.safetensors"
FULL = "free space and start the same fit again, which goes on from its last checkpoint, or choose another folder"


@dataclass(frozen=True)
class FitState:
    """What a fit knows beside its model's weights; a checkpoint keeps all of it, and going on needs nothing else.

    codes      [N, t] of the documents, as far as they are written down
    history    one row an epoch
    messages   what went wrong, in words
    stage      the place in the plan of the stage to go on with
    epoch      how many of its epochs are done
    optimizer  inside a stage, the optimiser's state: parameter number → name → tensor
    votes      inside a stage with votes, the codes [N] by which neighbours vote
    """

    codes: np.ndarray
    history: tuple[dict, ...] = ()
    messages: tuple[str, ...] = ()
    stage: int = 0
    epoch: int = 0
    optimizer: dict | None = None
    votes: np.ndarray | None = None

    def next_stage(self) -> "FitState":
        """The beginning of the stage after this one."""
        return replace(self, stage=self.stage + 1, epoch=0, optimizer=None, votes=None)


class Checkpoints:
    """Where a fit left off. With folder=None nothing is kept.

    identity: what must be the same for a run to be taken up again: its settings and its corpus's fingerprint.
    """

    def __init__(self, folder: Path | None, identity: dict):
        self.folder, self.identity = folder, identity

    def write(self, model, state: FitState) -> None:
        """Keep the model's weights and the state."""
        if self.folder is None or not processes().first:
            return
        tensors = {f"model.{name}": value for name, value in unshared(model).items()}
        tensors["codes"] = torch.from_numpy(np.ascontiguousarray(state.codes))
        if state.votes is not None:
            tensors["votes"] = torch.from_numpy(state.votes)
        for parameter, values in (state.optimizer or {}).items():
            tensors |= {f"optimizer.{parameter}.{name}": value for name, value in values.items()}
        where = {"stage_index": state.stage, "epoch": state.epoch, "has_optimizer": state.optimizer is not None}
        kept = {"identity": self.identity, "history": state.history, "messages": state.messages, **where}
        with written_aside(self.folder / STATE, TrainingError, FULL) as aside:
            self.folder.mkdir(parents=True, exist_ok=True)
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, aside, {"run": json.dumps(kept)})

    def restore(self, model) -> FitState | None:
        """Put the last checkpoint's weights back into the model; its state, or None if there is no checkpoint."""
        path = self.folder and self.folder / STATE
        if not path or not path.exists():
            return None
        tensors, kept = read_state(path)
        check_identity(self.identity, kept["identity"], self.folder)
        weights = {name.removeprefix("model."): value for name, value in tensors.items() if name.startswith("model.")}
        model.load_state_dict(weights, strict=False)
        return FitState(
            codes=tensors["codes"].numpy(),
            history=tuple(kept["history"]),
            messages=tuple(kept["messages"]),
            stage=kept["stage_index"],
            epoch=kept["epoch"],
            optimizer=optimizer_state(tensors) if kept["has_optimizer"] else None,
            votes=tensors["votes"].numpy() if "votes" in tensors else None,
        )


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
    now, then = with_effect(json.loads(json.dumps(now))), with_effect(then)
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
