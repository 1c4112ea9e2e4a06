"""`Documents`: a batch as the model reads it."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass
class Documents:
    """A batch. `states` [B, L, d] are cached encoder states, or None where the encoder runs (and trains);
    `start` [B, d] is the precomputed lexical part of the start, or None."""

    tokens: Tensor  # [B, L] tokenizer ids
    words: Tensor  # [B, L] places in the vocabulary
    present: Tensor  # [B, L]
    states: Tensor | None = None
    start: Tensor | None = None

    def to(self, device) -> "Documents":
        """The batch on a device."""
        return self._each(lambda part: part.to(device, non_blocking=True))

    def __getitem__(self, rows: slice) -> "Documents":
        """Some documents of the batch, as wide as the whole."""
        return self._each(lambda part: part[rows])

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Documents":
        parts = (self.tokens, self.words, self.present, self.states, self.start)
        return Documents(*(None if part is None else change(part) for part in parts))

    def twice(self) -> "Documents":
        """The batch and itself again, [2B, …]; both share the cached states."""
        start = None if self.start is None else self.start.repeat(2, 1)
        again = (part.repeat(2, 1) for part in (self.tokens, self.words, self.present))
        return Documents(*again, self.states, start)
