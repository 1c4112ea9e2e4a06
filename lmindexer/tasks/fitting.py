"""The one training loop of all task models: epochs, learning rate, early stopping, checkpoints, history.

    for epoch in 0 … epochs - 1:
        seed everything with (seed, epoch)
        for batch in batches(epoch):   AdamW step on loss(*gather(batch)), gathered on the CPU
        value = validate()[watch]      keep the weights where it is highest; stop after `patience` epochs without better
    put the best weights back

Every epoch starts from a seed of its own and a checkpoint holds weights, optimiser and the best weights so far, so a
fit that is killed goes on to the same model.
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from tqdm.auto import tqdm

from lmindexer.common.errors import TrainingError
from lmindexer.common.files import written_aside
from lmindexer.common.processes import processes
from lmindexer.runs.checkpoints import FULL, STATE, check_identity, optimizer_state, read_state, unshared
from lmindexer.settings.rules import Range, Rules, check, make_plain

SCHEDULES = ("constant", "linear", "cosine")
RANGES = {
    "epochs": Range(1, 1_000_000, True),
    "learning_rate": Range(0, 10),
    "weight_decay": Range(0, 10),
    "betas": Range(0, 0.999999),
    "warmup_steps": Range(0, 10**9, True),
    "clip": Range(0, 1e9),
    "patience": Range(0, 1_000_000, True),
    "validate_every": Range(1, 1_000_000, True),
    "seed": Range(0, 2**32 - 1, True),
}
NO_QUERY = (
    "The task has no training query, so there is nothing to learn from. Give queries of the split train, or a model "
    "that learns from none, such as BM25() or DualEncoder('frozen')."
)
RULES = Rules(RANGES, {"schedule": SCHEDULES}, several=("betas",), optional=("clip",))


@dataclass(frozen=True)
class FitSettings:
    """How a module is trained.

    epochs            passes over the training batches, at most
    learning_rate     of AdamW, after the warm-up
    weight_decay, betas
    warmup_steps      steps over which the rate rises from 0
    schedule          the rate afterwards: "constant", or "linear" or "cosine" down to 0 at the last epoch's end
    clip              largest gradient norm, None for no limit
    patience          epochs without a better validation value before the fit stops; 0 runs all
    validate_every    epochs between validations
    seed              of the order of batches, dropout and everything else drawn
    """

    epochs: int = 10
    learning_rate: float = 1e-3
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.999)
    warmup_steps: int = 0
    schedule: str = "constant"
    clip: float | None = None
    patience: int = 0
    validate_every: int = 1
    seed: int = 0

    def __post_init__(self):
        make_plain(self, RULES)
        check(self, RULES)

    def factor(self, step: int, total: int) -> float:
        """What the learning rate is multiplied by at a step (from 0) of `total`.

        >>> [FitSettings(schedule="linear", warmup_steps=2).factor(step, 6) for step in range(6)]
        [0.5, 1.0, 1.0, 0.75, 0.5, 0.25]
        """
        if step < self.warmup_steps:
            return (step + 1) / self.warmup_steps
        left = max(0.0, 1 - (step - self.warmup_steps) / max(1, total - self.warmup_steps))
        if self.schedule == "linear":
            return left
        return 0.5 - 0.5 * float(torch.cos(torch.tensor(left * torch.pi))) if self.schedule == "cosine" else 1.0


@dataclass
class Fitting:
    """Where a fit keeps its checkpoints, and whether it shows a bar.

    folder      of checkpoints; None keeps none
    identity    what must be equal for a checkpoint to be taken up: {"settings": …, "task": fingerprint}
    progress    show a bar
    resume      take a checkpoint up; False begins anew
    """

    folder: Path | None = None
    identity: dict | None = None
    progress: bool = False
    resume: bool = True


def train(
    module: nn.Module,
    settings: FitSettings,
    *,
    batches: Callable[[int], Sequence],
    gather: Callable[[object], tuple],
    loss: Callable[..., Tensor],
    fitting: Fitting,
    validate: Callable[[], dict[str, float]] | None = None,
    watch: str = "",
    title: str = "fit",
    answers: Callable[..., int] | None = None,
) -> pd.DataFrame:
    """Train `module` in place, on the device where it is, and give the history, one row an epoch.

    Args:
        batches: epoch (from 0) → its batches, in order; torch and numpy generators made from (seed, epoch) keep it
            the same after a resume.
        gather: batch → what `loss` takes, a tuple of tensors or of what has a `to` as they do. It is made on the CPU;
            here it goes to the module's device.
        loss: what `gather` gave → the scalar to minimise; the module is in training mode.
        validate: → metrics; the module is in evaluation mode, and no gradients are kept. None: no early stopping.
        watch: the metric of `validate` that is to be high.
        answers: what `gather` gave → how many right answers it asks for, where `loss` is their mean and what is
            gathered has a row for each of a batch: then several processes share a batch's rows out, and find the
            losses of one. None: one process fits.

    Returns:
        epoch, step, seconds (processor), loss, and the metrics of `validate`; `attrs["best_epoch"]`.

    Raises TrainingError when there is no batch, and when the loss is no longer a finite number.
    """
    steps = len(batches(0))
    if not steps:
        raise TrainingError(NO_QUERY)
    state, device = _State(module, settings, fitting), next(module.parameters()).device
    began = state.restore()

    def part_of_loss(batch) -> Tensor:
        return _part_of_loss(gather(batch), loss, answers, device)

    bar = tqdm(total=settings.epochs * steps, initial=began * steps, desc=title, disable=not fitting.progress)
    try:
        for epoch in range(began, settings.epochs):
            if state.stopped:
                break
            start = time.process_time()
            torch.manual_seed((settings.seed * 1_000_003 + epoch) % 2**63)
            mean = _run_epoch(module, state.optimizer, settings, epoch, steps, batches(epoch), part_of_loss, bar)
            row = {"epoch": epoch + 1, "step": (epoch + 1) * steps, "loss": mean}
            if validate is not None and ((epoch + 1) % settings.validate_every == 0 or epoch + 1 == settings.epochs):
                module.eval()
                with torch.no_grad():
                    row |= validate()
            state.record(row | {"seconds": time.process_time() - start}, watch)
            shown = f", {watch} {row[watch]:.4f}" if watch in row else ""
            bar.set_postfix_str(f"loss {mean:.3f}{shown}")
    finally:
        bar.close()
    state.finish()
    history = pd.DataFrame(state.history)
    history.attrs["best_epoch"] = state.best_epoch
    return history


def _run_epoch(module, optimizer, settings, epoch, steps, batches, part_of_loss, bar) -> float:
    module.train()
    together, parameters = processes(), optimizer.param_groups[0]["params"]
    losses = parameters[0].new_zeros(len(batches))  # one block: a small one kept a step would part freed large ones
    for index, batch in enumerate(batches):
        for group in optimizer.param_groups:
            group["lr"] = settings.learning_rate * settings.factor(epoch * steps + index, settings.epochs * steps)
        value = part_of_loss(batch)
        optimizer.zero_grad(set_to_none=True)
        value.backward()
        together.add_gradients(parameters, together.number)  # parts of one loss, however large the batch
        if settings.clip:
            nn.utils.clip_grad_norm_(module.parameters(), settings.clip)
        optimizer.step()
        losses[index] = value.detach()  # read at the end: a GPU would be waited for at every step
        bar.update(1)
    total = 0.0
    for value in together.added(losses).tolist():
        total += value
    if not total - total == 0:
        raise TrainingError(f"The loss is no finite number after epoch {epoch + 1}; give a smaller learning_rate.")
    return total / max(1, len(losses))


def _part_of_loss(gathered: tuple, loss, answers, device) -> Tensor:
    """The loss of a batch, or what this process adds to it: the mean over its rows' answers, times their share of all.

    Where a batch has fewer rows than there are processes, each finds the whole loss and adds its n-th part.
    """
    together = processes()
    if together.number == 1:
        return loss(*(one.to(device) for one in gathered))
    size = len(gathered[-1])
    if not together.shared(size):
        return loss(*(one.to(device) for one in gathered)) / together.number
    rows = together.part(size)
    mine = [one[rows] for one in gathered]
    with together.one_dropout(size, device):
        return loss(*(one.to(device) for one in mine)) * (answers(*mine) / answers(*gathered))


class _State:
    """What a resume needs: weights, optimiser, the best weights and the history so far."""

    def __init__(self, module: nn.Module, settings: FitSettings, fitting: Fitting):
        self.module, self.settings, self.fitting = module, settings, fitting
        self.optimizer = torch.optim.AdamW(
            [p for p in module.parameters() if p.requires_grad],
            lr=settings.learning_rate,
            betas=settings.betas,
            weight_decay=settings.weight_decay,
        )
        self.history: list[dict] = []
        self.best: dict[str, Tensor] = {}
        self.best_value, self.best_epoch = float("-inf"), 0

    @property
    def stopped(self) -> bool:
        waited = len(self.history) - self.best_epoch
        return bool(self.settings.patience and self.best_epoch and waited >= self.settings.patience)

    def record(self, row: dict, watch: str) -> None:
        """An epoch is over: keep its row, its weights if they are the best, and a checkpoint."""
        self.history.append(row)
        if row.get(watch, float("-inf")) > self.best_value:
            self.best_value, self.best_epoch = row[watch], row["epoch"]
            self.best = {name: value.detach().cpu().clone() for name, value in unshared(self.module).items()}
        self.write()

    def finish(self) -> None:
        if self.best:
            self.module.load_state_dict(self.best, strict=False)
        self.module.eval()

    def write(self) -> None:
        folder = self.fitting.folder
        if folder is None or not processes().first:
            return
        tensors = {f"model.{name}": value for name, value in unshared(self.module).items()}
        tensors |= {f"best.{name}": value for name, value in self.best.items()}
        for parameter, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{parameter}.{name}": value for name, value in values.items()}
        kept = {"identity": self.fitting.identity, "history": self.history}
        kept |= {"best_epoch": self.best_epoch, "best_value": self.best_value if self.best else None}
        with written_aside(folder / STATE, TrainingError, FULL) as aside:
            folder.mkdir(parents=True, exist_ok=True)
            save_file({k: v.detach().cpu().clone() for k, v in tensors.items()}, aside, {"run": json.dumps(kept)})

    def restore(self) -> int:
        """Take up the last checkpoint; the number of epochs that are done."""
        path = self.fitting.folder and self.fitting.folder / STATE
        if not path or not self.fitting.resume or not path.exists():
            return 0
        tensors, kept = read_state(path)
        check_identity(self.fitting.identity, kept["identity"], self.fitting.folder)
        self.module.load_state_dict(_part(tensors, "model."), strict=False)
        self.best = _part(tensors, "best.")
        whole = self.optimizer.state_dict() | {"state": optimizer_state(tensors)}
        self.optimizer.load_state_dict(whole)
        self.history, self.best_epoch = kept["history"], kept["best_epoch"]
        self.best_value = float("-inf") if kept["best_value"] is None else kept["best_value"]
        return len(self.history)


def _part(tensors: dict[str, Tensor], start: str) -> dict[str, Tensor]:
    return {name.removeprefix(start): value for name, value in tensors.items() if name.startswith(start)}
