"""AdamW without weight decay; the rate rises over a tenth of the steps, then falls to 0 (method.md §1.5)."""

import torch
from torch import Tensor, nn

from lmindexer.common.processes import processes

CLIP = 1.0  # largest norm of a step's gradient


class StageOptimizer:
    """The optimiser of one stage of `steps` steps.

    groups: parameter groups of torch, each with its own highest rate "lr".
    """

    def __init__(self, groups: list[dict], steps: int):
        self.adam = torch.optim.AdamW(groups, weight_decay=0.0)
        self.rates, self.steps, self.done = [group["lr"] for group in groups], max(1, steps), 0

    def advance(self) -> None:
        """Set the rates of the next step."""
        self.done += 1
        rising, falling = self.done / max(1.0, 0.1 * self.steps), (self.steps - self.done + 1) / (0.9 * self.steps)
        factor = min(rising, max(0.0, falling), 1.0)
        for group, rate in zip(self.adam.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor

    def step(self, loss: Tensor, documents: int = 0) -> None:
        """One step down the gradient of a batch of so many documents (which several processes share); none where the
        settings leave a position without any loss."""
        if not loss.requires_grad:
            return
        self.adam.zero_grad(set_to_none=True)
        loss.backward()
        parameters = [p for group in self.adam.param_groups for p in group["params"]]
        processes().add_gradients(parameters, documents)
        nn.utils.clip_grad_norm_(parameters, CLIP)
        self.adam.step()

    @property
    def state(self) -> dict:
        """parameter number → name → tensor, for a checkpoint."""
        return self.adam.state_dict()["state"]

    def resume(self, state: dict, done: int) -> None:
        """Go on with a checkpoint's state after `done` steps."""
        self.adam.load_state_dict(self.adam.state_dict() | {"state": state})
        self.done = done
