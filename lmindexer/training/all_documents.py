"""Work on every document of a corpus, in batches of like length so that little padding is computed."""

from collections.abc import Callable

import numpy as np

from lmindexer.common.processes import Processes

ENCODE_BATCH = 256

Work = Callable[[np.ndarray], tuple[np.ndarray, ...]]


def for_all_documents(lengths: np.ndarray, work: Work, together: Processes) -> tuple[np.ndarray, ...]:
    """work(document numbers [B]) → arrays of B rows, for N documents of these lengths: arrays of N rows, in order.

    Several processes share the batches out; each has short documents and long ones.

    >>> found, = for_all_documents(np.array([9, 1, 5]), lambda rows: (10 * rows,), Processes())
    >>> found.tolist()
    [0, 10, 20]
    """
    order = np.argsort(lengths, kind="stable")
    blocks = np.split(order, range(ENCODE_BATCH, len(order), ENCODE_BATCH))
    blocks = [block for first in range(together.number) for block in blocks[first :: together.number]]
    found = together.each_block(blocks, work)
    back = np.argsort(np.concatenate(blocks))
    return tuple(column[back] for column in found)
