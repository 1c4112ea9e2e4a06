"""Several processes that fit one model: who takes which documents, and how their parts come together again.

`accelerate launch` or `torchrun` start them; where neither did, there is one process and everything here does nothing.
Each process takes its rows of a batch. What the rows give (states, probabilities, losses of documents) is gathered, so
that every process has the loss of the whole batch, with gradients to its own rows; gradients are then added up. Hints
and dropout are drawn for the whole batch in every process, each of which takes its rows of them: the numbers are those
of one process, but for the order in which they are added.
"""

import atexit
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode


class Processes:
    """`number` of processes, of which this one is `rank` (from 0).

    >>> Processes(number=3, rank=1).part(10)
    slice(3, 6, None)
    """

    def __init__(self, number: int = 1, rank: int = 0):
        self.number, self.rank = number, rank

    @property
    def first(self) -> bool:
        """Whether this process writes files and speaks."""
        return self.rank == 0

    def shared(self, size: int) -> bool:
        """Whether `size` rows are shared out: there is one for every process at least."""
        return 1 < self.number <= size

    def part(self, size: int, rank: int | None = None) -> slice:
        """The rows of `size` that a process takes; all of them where they are not shared out."""
        if not self.shared(size):
            return slice(0, size)
        rank = self.rank if rank is None else rank
        return slice(rank * size // self.number, (rank + 1) * size // self.number)

    def gather(self, rows: Tensor, size: int) -> Tensor:
        """The rows [size, …] of all processes, of which this one has [part, …]; gradients flow to its own."""
        if not self.shared(size):
            return rows
        parts = [self.part(size, rank) for rank in range(self.number)]
        return torch.cat(self._gathered(rows, [part.stop - part.start for part in parts]))

    def _gathered(self, rows: Tensor, lengths: Sequence[int]) -> list[Tensor]:
        padded = rows.new_zeros(max(lengths), *rows.shape[1:])
        padded[: len(rows)] = rows.detach()
        found = [torch.empty_like(padded) for _ in range(self.number)]
        torch.distributed.all_gather(found, padded)
        found = [one[:length] for one, length in zip(found, lengths, strict=True)]
        found[self.rank] = rows
        return found

    def add_gradients(self, parameters: Sequence[Tensor], size: int) -> None:
        """Add up what all processes found for a batch of `size`; the mean where each did the whole batch. A parameter
        that only some of them used has a gradient in all afterwards."""
        if self.number == 1:
            return
        self._fill_gradients(parameters)
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        flat = torch.cat([gradient.flatten() for gradient in gradients])
        torch.distributed.all_reduce(flat)
        if not self.shared(size):
            flat /= self.number
        for gradient, values in zip(gradients, flat.split([len(g.flatten()) for g in gradients]), strict=True):
            gradient.copy_(values.view_as(gradient))

    def _fill_gradients(self, parameters: Sequence[Tensor]) -> None:
        """Zeros where this process did not use what another did."""
        used = self.added(torch.tensor([p.grad is not None for p in parameters], device=device_of_exchange()).float())
        for parameter, by in zip(parameters, used.tolist(), strict=True):
            if by and parameter.grad is None:
                parameter.grad = torch.zeros_like(parameter)

    def added(self, values: Tensor) -> Tensor:
        """The sum over all processes, without gradients."""
        if self.number == 1:
            return values
        total = values.detach().clone()
        torch.distributed.all_reduce(total)
        return total

    def each_block(self, blocks: Sequence, work: Callable) -> tuple[np.ndarray, ...]:
        """work(block) → arrays of as many rows as the block has, done by turns and put together in order."""
        mine = blocks[self.part(len(blocks))]
        found = tuple(np.concatenate(column) for column in zip(*(work(block) for block in mine), strict=True))
        if not self.shared(len(blocks)):
            return found
        parts = [blocks[self.part(len(blocks), rank)] for rank in range(self.number)]
        lengths = [sum(len(block) for block in part) for part in parts]
        device = device_of_exchange()
        columns = [self._gathered(torch.from_numpy(np.ascontiguousarray(c)).to(device), lengths) for c in found]
        return tuple(torch.cat(column).cpu().numpy() for column in columns)

    def from_first(self, make: Callable[[], np.ndarray], shape: tuple[int, ...]) -> np.ndarray:
        """What the first process makes, float32 of a shape, in every process."""
        if self.number == 1:
            return make()
        made = make() if self.first else np.zeros(shape, np.float32)
        values = torch.from_numpy(np.ascontiguousarray(made, np.float32)).to(device_of_exchange())
        torch.distributed.broadcast(values, 0)
        return values.cpu().numpy()

    def wait(self) -> None:
        """Go on when all processes are here."""
        if self.number > 1:
            torch.distributed.barrier()

    def one_dropout(self, size: int, device: torch.device):
        """A context in which dropout is that of the whole batch. On a GPU each process draws its own: masks of all rows
        on every GPU would cost more than the same numbers are worth."""
        return WholeBatchDropout(self, size) if self.shared(size) and device.type == "cpu" else nullcontext()


class WholeBatchDropout(TorchFunctionMode):
    """Draws each dropout mask for all rows of a batch of `size`, as one process does, and takes this process's."""

    def __init__(self, processes: Processes, size: int):
        super().__init__()
        self.size, self.part = size, processes.part(size)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function is F.dropout:
            return self._dropout(*args, **kwargs)
        if function is F.scaled_dot_product_attention and kwargs.get("dropout_p"):
            return self._attention(*args, **kwargs)
        return function(*args, **kwargs)

    def _attention(self, query, key, value, attn_mask=None, dropout_p=0.0, is_causal=False, scale=None, **_) -> Tensor:
        """What torch does on a processor where attention has dropout, its mask drawn like the others."""
        scores = (query @ key.mT) * (query.shape[-1] ** -0.5 if scale is None else scale)
        if is_causal:
            attn_mask = torch.ones(scores.shape[-2:], dtype=torch.bool, device=scores.device).tril()
        if attn_mask is not None and attn_mask.dtype == torch.bool:
            scores = scores.masked_fill(~attn_mask, float("-inf"))
        elif attn_mask is not None:
            scores = scores + attn_mask
        return self._dropout(scores.softmax(-1), dropout_p) @ value

    def _dropout(self, rows: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or p == 0:
            return rows
        views, rest = divmod(len(rows), self.part.stop - self.part.start)  # of the batch, one after the other
        if rest:  # no rows of the batch, but as many of each as it has targets: every process draws its own
            return F.dropout(rows, p, training, inplace)
        order = sorted(range(rows.dim()), key=lambda axis: (-rows.stride(axis), axis))  # masks are filled as they lie
        shape = (views * self.size, *rows.shape[1:])
        mask = torch.empty([shape[axis] for axis in order], dtype=rows.dtype).bernoulli_(1 - p).div_(1 - p)
        mask = mask.permute([order.index(axis) for axis in range(rows.dim())])
        return rows * mask.unflatten(0, (views, self.size))[:, self.part].flatten(0, 1)


@cache
def processes() -> Processes:
    """The processes that this one was started with."""
    if int(os.environ.get("WORLD_SIZE", "1")) < 2:
        return Processes()
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available())
    atexit.register(leave)
    return Processes(state.num_processes, state.process_index)


def leave() -> None:
    """Leave the other processes while Python still runs: torch's threads that exchange tensors hold some, and end
    the whole process (SIGABRT) if they are to let go of them when Python is gone. Not after an error, where the others
    may be waiting for this one: the launcher stops them."""
    if torch.distributed.is_initialized() and not hasattr(sys, "last_value"):
        torch.distributed.destroy_process_group()


def device_of_exchange() -> torch.device:
    """Where tensors must be that processes exchange: on the GPU for NCCL."""
    gpu = torch.distributed.get_backend() == "nccl"
    return torch.device("cuda", torch.cuda.current_device()) if gpu else torch.device("cpu")
