"""Matrix products without gradients, by whichever of PyTorch's two libraries is quicker for them.

PyTorch multiplies 32-bit matrices with MKL. On processors that are not Intel's, MKL leaves the wide vector units alone:
on an AMD EPYC, oneDNN, which is built into PyTorch as well, multiplies the matrices of a T5 more than twice as fast.
oneDNN costs some microseconds more a call, so small products stay with MKL; so does everything that needs gradients,
for which the call has none. The two answers differ in their last bits.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

WORTH = 1 << 20  # multiplications from which oneDNN's cost of a call does not count

_ONEDNN = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")


def product(x: Tensor, weight: Tensor) -> Tensor:
    """x @ weight.T: x [..., d], weight [n, d] -> [..., n].

    >>> product(torch.ones(1, 2), torch.ones(3, 2)).tolist()
    [[2.0, 2.0, 2.0]]
    """
    if _ONEDNN and x.numel() * weight.shape[0] >= WORTH and _plain(x) and _plain(weight):
        return torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
    return F.linear(x, weight)


def _plain(tensor: Tensor) -> bool:
    learns = tensor.requires_grad and torch.is_grad_enabled()
    return tensor.device.type == "cpu" and tensor.dtype == torch.float32 and not learns


class Linear(nn.Linear):
    """An `nn.Linear` without a bias that multiplies by `product`."""

    def forward(self, x: Tensor) -> Tensor:
        return product(x, self.weight)


def quicken(module: nn.Module) -> nn.Module:
    """Let every linear map without a bias inside a module multiply by `product`; its parameters stay as they are."""
    for part in module.modules():
        if type(part) is nn.Linear and part.bias is None:
            part.__class__ = Linear
    return module
