"""In which order documents are seen: by chance at position 1, in groups of one prefix from position 2 on."""

import numpy as np
import torch
from torch import Tensor

from lmindexer.ids.grouping import group_rows


def epoch_batches(
    earlier_codes: np.ndarray, batch_size: int, generator: np.random.Generator, group_size: int = 5
) -> list[Tensor]:
    """Every document once, in batches of document numbers.

    earlier_codes [N, t-1]. For t ≥ 2, documents of one prefix stand together in groups of `group_size` (a
    document and its H = 4 negatives), so that each finds distinct negatives of its own prefix in its batch,
    drawn without replacement, at no extra encoding. A prefix's last group may be smaller.
    """
    documents = len(earlier_codes)
    order = generator.permutation(documents)
    if earlier_codes.shape[1]:
        prefix = group_rows(earlier_codes)[1][order]
        by_prefix = np.argsort(prefix, kind="stable")
        order, prefix = order[by_prefix], prefix[by_prefix]
        starts = np.flatnonzero(np.diff(prefix, prepend=-1))
        place = np.arange(documents) - np.repeat(starts, np.diff(starts, append=documents))
        group = np.cumsum(place % group_size == 0) - 1
        shuffled = generator.permutation(group[-1] + 1)
        order = order[np.argsort(shuffled[group], kind="stable")]
    batches = [torch.from_numpy(order[i : i + batch_size]) for i in range(0, documents, batch_size)]
    if len(batches) > 1 and len(batches[-1]) < 2:  # a batch of one has no negatives and a noisy gradient
        last = batches.pop()
        batches[-1] = torch.cat([batches[-1], last])
    return batches


def negative_mask(earlier_codes: Tensor) -> Tensor:
    """[B, B] True where document j shares all earlier codes with document i and is not i; [B, t-1] given.

    At position 1 the prefix is empty: all other documents of the batch.
    """
    same = (earlier_codes[:, None] == earlier_codes[None]).all(-1)  # [B, B]
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
